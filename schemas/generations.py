"""Rollups of generations, credits, log-ins and errors: the same tables for every generating system."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure

_TENANT = key("tenant", "text", "Boundary of isolation; `default` where there is one.", length=64)
_DAY = key("day", "day", "Day in the reporting time zone.")
_HOUR = key("hour_at", "instant", "Begin of the hour, UTC.")
_APPLICATION = key("application", "text", "Application that the source is of.", length=128)
_SOURCE = key("source", "text", "Source in the settings.", length=64)
_MODEL = key("model", "text", "Model.", length=128)
_ANY_MODEL = key("model", "text", "Model, or `*` for all.", length=128)
_STYLE = key("style", "text", "Style; empty where the system knows none.", length=64)
_ANY_STYLE = key("style", "text", "Style, empty where the system knows none, or `*` for all.", length=64)
_CURRENCY = key("currency", "text", "ISO currency; empty where no money is known.", length=8)
_USER = key("user_id", "text", "Id of the user in the application.", length=64, pii="pseudonym")
_UPPER = key("upper_ms", "int", "Upper edge of the bucket, inclusive; 1 % relative error, 0 ms its own.")

_GENERATIONS = measure("generations", "Generations that were asked for.", unit="generations")
_FAILED = measure("failed_generations", "Of these, those that failed.", unit="generations")
_OUTPUTS = measure("outputs", "Pictures and videos that were made.", unit="outputs")

_GENERATION_GRAIN = (
    _APPLICATION,
    _SOURCE,
    _MODEL,
    key("generation_type", "text", "image, video, …; as the system has it.", length=64),
    _STYLE,
    key("difficulty", "text", "Difficulty; empty where the system knows none.", length=32),
    key("status", "text", "completed, failed, pending, stale (pending for too long); others as they stand.", length=32),
    _CURRENCY,
)
_CHARGED = measure(
    "credits_charged", "Credits; a charge that several generations share counts at the first.", unit="credits"
)
_UNCOSTED = measure("uncosted", "Charges whose cost at the provider is not known.", unit="charges")
_COST = measure("cost_micros", "What the provider took for the charges whose cost is known.", unit="micros")
_GENERATION_MEASURES = (
    _GENERATIONS,
    _OUTPUTS,
    measure("duration_ms_sum", "Sum of the times from asked for to done.", unit="ms"),
    measure("duration_count", "Generations that duration_ms_sum rests on.", unit="generations"),
    measure("slow_generations", "Of these, those that took too long (is_slow).", unit="generations"),
    _CHARGED,
    measure("tokens_in", "Tokens read.", unit="tokens"),
    measure("tokens_out", "Tokens written.", unit="tokens"),
    _COST,
    _UNCOSTED,
)
GENERATIONS_HOURLY = Contract(
    "generations_hourly",
    "tenant, UTC hour, application, source, model, type, style, difficulty, status, currency",
    "Generations by hour of when they were asked for.",
    (_TENANT, _HOUR, *_GENERATION_GRAIN, *_GENERATION_MEASURES),
    additivity="A",
)
GENERATIONS_DAILY = Contract(
    "generations_daily",
    "tenant, day, application, source, model, type, style, difficulty, status, currency",
    "Generations by day of when they were asked for.",
    (
        _TENANT,
        _DAY,
        *_GENERATION_GRAIN,
        *_GENERATION_MEASURES,
        Column(
            "model_name",
            "text",
            "Name of the model, for people: of several that were said that day the last one by its letters.",
            null="none was said",
            length=128,
        ),
    ),
    additivity="A",
)
GENERATION_TIME_DAILY = Contract(
    "generation_time_daily",
    "tenant, day, application, source, model or *, style or *",
    "Exact nearest-rank percentiles of the time from asked for to done, of completed generations.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        _ANY_MODEL,
        _ANY_STYLE,
        measure("observations", "Completed generations with a time.", unit="generations"),
        *(measure(f"{name}_ms", doc, unit="ms") for name, doc in (
            ("mean", "Mean, half-even."), ("p50", "Half are at most this."), ("p90", "90 % are at most this."),
            ("p95", "95 % are at most this."), ("p99", "99 % are at most this."), ("max", "The slowest."),
        )),
    ),
    additivity="S",
)  # fmt: skip
GENERATION_TIME_BUCKETS_HOURLY = Contract(
    "generation_time_buckets_hourly",
    "tenant, UTC hour, application, source, model, style, bucket",
    "Histogram of the same times: sum over any window, then walk up to the rank.",
    (
        _TENANT,
        _HOUR,
        _APPLICATION,
        _SOURCE,
        _MODEL,
        _STYLE,
        _UPPER,
        measure("observations", "Completed generations.", unit="generations"),
    ),
    additivity="A",
)
GENERATION_FAILURES = Contract(
    "generation_failures",
    "failed generation",
    "Each failure. Personal: a row a failure; nothing deletes it by age yet.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("event_id", "text", "Id of the generation.", length=128),
        Column("failed_at", "instant", "When it was done; where nobody says, when it was asked for."),
        Column("user_id", "text", "Who.", null="nobody known", pii="pseudonym"),
        Column("model", "text", "Model."),
        Column("generation_type", "text", "image, video, …"),
        Column("error_type", "text", "Kind of error.", null="not said"),
        Column("message", "text", "Redacted, at most 500 characters.", null="none", pii="pseudonym"),
    ),
    additivity="S",
)
GENERATED_FILES_DAILY = Contract(
    "generated_files_daily",
    "tenant, day, application, source, media file",
    "Media files named by the day's completed generations. The traffic of these files is a model's bandwidth.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("media_file_id", "text", "Id in media_files, as the system has it.", length=128),
        Column("model", "text", "Model; of several generations, the earliest's."),
        Column("generation_type", "text", "image, video, …"),
        measure("generations", "Generations that say they made it.", unit="generations"),
    ),
    additivity="A",
)
CREDITS_DAILY = Contract(
    "credits_daily",
    "tenant, day, application, source, transaction type, model, currency",
    "Movements of credits, and the money that was paid with them.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("transaction_type", "text", "purchase, usage, refund, bonus, adjustment; others as they stand.", length=32),
        key("model", "text", "Model that they were used for; empty for none.", length=128),
        _CURRENCY,
        measure("transactions", "Movements.", unit="transactions"),
        Column("credits", "int", "Signed: what was used is below 0.", role="measure", unit="credits"),
        Column("paid_micros", "int", "Money really paid; paid back is below 0.", role="measure", unit="micros"),
    ),
    additivity="A",
)
GENERATION_USERS_DAILY = Contract(
    "generation_users_daily",
    "tenant, day, application, source, user, currency",
    "What each user generated, used, cost and paid. Counts and credits stand in the row without a currency. Personal: "
    "nothing deletes it by age yet.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        _USER,
        _CURRENCY,
        Column("week_first_day", "day", "Monday of the day's week: cohorts are counted by it."),
        _GENERATIONS,
        _FAILED,
        _OUTPUTS,
        _CHARGED,
        Column(
            "credits_spent",
            "int",
            "Credits used, less what was given back.",
            role="measure",
            unit="credits",
            null="not available: event files do not tell the movements of credits, see credits_charged",
        ),
        _COST,
        _UNCOSTED,
        Column("paid_micros", "int", "Money really paid; paid back is below 0.", role="measure", unit="micros"),
        measure("purchases", "Purchases.", unit="transactions"),
        measure("sign_ups", "Sign-ups.", unit="events"),
    ),
    additivity="A",
)
AUTH_DAILY = Contract(
    "auth_daily",
    "tenant, day, application, source, action",
    "Log-ins, sign-ups, log-outs.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("action", "text", "login, signup, logout, password_reset; others as they stand.", length=64),
        measure("events", "Events.", unit="events"),
    ),
    additivity="A",
)
APP_ERRORS_DAILY = Contract(
    "app_errors_daily",
    "tenant, day, application, source, severity, error type",
    "Errors that the application reported.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("severity", "text", "error, warning, fatal, …", length=32),
        key("error_type", "text", "Kind of error; empty where it has none.", length=128),
        measure("errors", "Errors.", unit="errors"),
    ),
    additivity="A",
)
ACTIVE_USERS_TRAILING = Contract(
    "active_users_trailing",
    "tenant, day, application, source, window",
    "Distinct users with a generation over the window that ends with the day.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _SOURCE,
        key("window_days", "int", "Days in the window (1, 7, 30), this day the last."),
        measure("active_users", "Distinct users with a generation.", unit="users"),
        measure(
            "new_users",
            "Of these, those who have none before the window, as far as days are kept.",
            unit="users",
            null="not knowable: the source has no generation before the window, so that all would be new",
        ),
    ),
    additivity="S",
)
GAUGES_HOURLY = Contract(
    "gauges_hourly",
    "tenant, UTC hour, source, gauge, label",
    "Gauges, such as balances, as the hour's last export read them. They cannot be recomputed later.",
    (
        _TENANT,
        _HOUR,
        _SOURCE,
        key("gauge", "text", "What was read: credit_balance.", length=64),
        key("label", "text", "Which part of it: a band of balances, like `11-100`.", length=64),
        Column("value", "int", "How many: users of the band.", role="measure"),
    ),
    additivity="S",
)
MODEL_PRICES = Contract(
    "model_prices",
    "source, model, first day",
    "A model's cost and list price, from the first day on which they were read.",
    (
        _TENANT,
        key("source", "text", "Source in the settings.", length=64),
        key("model", "text", "Model.", length=128),
        key("valid_from_day", "day", "UTC day; the first that was read holds for all days before, too."),
        Column(
            "cost_micros", "int", "What the provider takes for a generation.", null="not said", least=0, unit="micros"
        ),
        Column("price_micros", "int", "List price of a generation.", null="not said", least=0, unit="micros"),
        key("currency", "text", "USD: the table is in cents.", length=8),
    ),
    kind="reference",
)

CREDIT_PRICES = Contract(
    "credit_prices",
    "tenant, source, currency, first day",
    "The prices of credits in the settings. For a source without any, the price is measured: `list_price_daily`.",
    (
        _TENANT,
        key("source", "text", "Source in the settings.", length=64),
        key("currency", "text", "ISO currency.", length=8),
        key("valid_from_day", "day", "First day in the reporting time zone."),
        Column("valid_to_day", "day", "Last day.", null="until further notice"),
        Column("amount_micros", "int", "What so many credits are sold for.", least=0, unit="micros"),
        Column("credits", "int", "How many credits that is for.", least=1, unit="credits"),
    ),
    kind="reference",
)

GENERATION_FAMILY = (
    GENERATIONS_HOURLY,
    GENERATIONS_DAILY,
    GENERATION_TIME_DAILY,
    GENERATION_TIME_BUCKETS_HOURLY,
    GENERATION_FAILURES,
    GENERATED_FILES_DAILY,
    CREDITS_DAILY,
    GENERATION_USERS_DAILY,
    AUTH_DAILY,
    APP_ERRORS_DAILY,
)
ACTIVE_FAMILY = (ACTIVE_USERS_TRAILING,)
