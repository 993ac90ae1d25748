"""Views over the rollups, for tools that cannot write the SQL. In the order in which they are made: some read others.

What is yes or no is 1 or 0 here, on every engine; money is a decimal with six digits (SQLite has none: a float). The
schema for BI tools, which PostgreSQL has beside (`sql/migrations/bi`), shows booleans, and instants with their zone.
"""

from __future__ import annotations

from schemas.budgets import BUDGET_THROUGH, KNOWN_HOURS_DAILY
from schemas.contract import Column, Contract, key, measure


def bi_schema(own: str, tenant: str = "") -> str:
    """Name of the schema for BI tools, beside the tables' own one; or of that which shows a tenant's rows alone."""
    name = "mediameter_bi" if own == "public" else f"{own}_bi"
    return f"{name}_of_{tenant}" if tenant else name


def bi_column(column: Column, contract: Contract) -> str:
    """How PostgreSQL shows a column to BI tools: yes and no are booleans, and instants carry their zone."""
    if column.type == "instant":
        return f"{column.name} AT TIME ZONE 'UTC' AS {column.name}"
    if column.type == "bool" and contract.kind == "view":
        return f"{column.name} <> 0 AS {column.name}"
    return column.name


_TENANT = key("tenant", "text", "Boundary of isolation.", length=None)
_DAY = key("day", "day", "Day in the reporting time zone.")
_APPLICATION = key("application", "text", "Application, or `unattributed`.", length=None)
_ANY_APPLICATION = key("application", "text", "Application, `unattributed`, or `*` for all.", length=None)
_CURRENCY = key("currency", "text", "ISO currency; empty without a price.", length=None)
_FINALITY = (
    Column(
        "is_final", "bool", "The day's logs, and with an application its events, are complete, and no rule is broken."
    ),
    Column("is_suspect", "bool", "A rule of quality is broken, or too much was rejected or refused."),
    Column(
        "complete_through_at",
        "instant",
        "Until when they are complete; of several sources, the one that lags.",
        null="nothing listed yet",
    ),
)
_NOT_INVOICED = (
    "the row is of one application or of another currency than the invoices, or a source that it holds has none"
)
_UNPRICED = "not available: some bytes or charges have no price"
_NO_ONE_COST = "not available: some bytes have no price, or the prices are in two currencies"
_NOT_PROJECTED = "not available: less than 24 known hours, or some bytes have no price"

DAY_FINALITY = Contract(
    "day_finality",
    "tenant, day",
    "Whether a day's figures of traffic are final: `days`, over all sources of logs.",
    (_TENANT, _DAY, *_FINALITY),
    kind="view",
)
GENERATION_FINALITY = Contract(
    "generation_finality",
    "tenant, day, source",
    "Whether a day's generations are final: `days`, of each generating source.",
    (_TENANT, _DAY, key("source", "text", "Source in the settings.", length=None), *_FINALITY),
    kind="view",
)
CALENDAR = Contract(
    "calendar",
    "tenant, day",
    "Every day from the first to the last known one: a spine without gaps, for 10,000 days.",
    (
        _TENANT,
        _DAY,
        Column("month_first_day", "day", "First day of its month."),
        Column("week_first_day", "day", "Monday of its week."),
        Column("day_of_month", "int", "1 to 31."),
        Column("days_in_month", "int", "28 to 31."),
        Column("is_known", "bool", "There are log objects of the day."),
        *_FINALITY,
    ),
    kind="view",
)
MONEY_DAILY = Contract(
    "money_daily",
    "tenant, day, application, kind, currency",
    "Revenue (above 0) and costs (below 0): a margin is the sum of the rows of one currency.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("kind", "text", "revenue, refund, provider (of generations), bandwidth.", length=None),
        _CURRENCY,
        Column("amount_micros", "int", "In millionths of the currency, exact.", null=_UNPRICED, unit="micros"),
        Column("amount", "money", "The same in the currency.", null=_UNPRICED),
        measure("uncosted", "Charges without a known cost, in any currency.", unit="charges"),
        measure("unpriced_bytes", "Bytes without a valid price card, in any currency.", unit="bytes"),
        Column(
            "is_whole",
            "bool",
            "All that is of this kind, day and application has an amount. Where it is not so, a SUM of amount leaves "
            "something out without a word: look at uncosted and unpriced_bytes, of all currencies.",
        ),
        *_FINALITY,
    ),
    kind="view",
    additivity="A",
)
APPLICATION_DAILY = Contract(
    "application_daily",
    "tenant, day, application, currency",
    "One row for each day and application: requests, cost, errors and response times. "
    "Percentiles are the exact ones of `response_time_daily`, over all operations: of two rows there is neither a sum "
    "nor a mean.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("currency", "text", "ISO currency of the cost; empty where there is none, or none alone.", length=None),
        measure("requests", "Requests.", unit="requests"),
        measure("deliveries", "Deliveries: files given out, range requests folded.", unit="deliveries"),
        measure("bytes_sent", "Bytes sent.", unit="bytes"),
        Column("cost_micros", "int", "Cost of the bytes, in millionths.", null=_NO_ONE_COST, unit="micros"),
        Column("cost", "money", "The same in the currency.", null=_NO_ONE_COST),
        measure("unpriced_bytes", "Bytes without a valid price card.", unit="bytes"),
        measure("errors", "Requests with a status of 400 or more.", unit="requests"),
        measure("server_errors", "Of these 500 or more.", unit="requests"),
        Column("error_rate", "float", "errors / requests.", null="no request", unit="ratio"),
        *(
            Column(f"p{rank}_ms", "int", f"{rank} % of the response times are at most this.", null="none", unit="ms")
            for rank in (50, 95, 99)
        ),
        *_FINALITY,
    ),
    kind="view",
    additivity="S",
    summable=("requests", "deliveries", "bytes_sent", "unpriced_bytes", "errors", "server_errors"),
)
COST_THROUGH = Contract(
    "cost_through",
    "tenant, day, application or *, currency",
    "The month's cost through a day, and its projection from the known hours.",
    (
        _TENANT,
        _DAY,
        Column("month_first_day", "day", "First day of its month."),
        _ANY_APPLICATION,
        _CURRENCY,
        measure(
            "known_hours",
            "Hours of the month's final days until then, from the first log on; a quiet day between them has 24.",
        ),
        Column("hours_in_month", "int", "24 for each of its days."),
        measure("bytes_sent", "Bytes of the month until then.", unit="bytes"),
        measure("cost_micros", "Their cost, in millionths.", unit="micros", null=_UNPRICED),
        measure("known_cost_micros", "Of it, that of the days with known hours.", unit="micros", null=_UNPRICED),
        Column(
            "projected_cost",
            "money",
            "known cost / known hours * hours of it; at least its cost.",
            null=_NOT_PROJECTED,
        ),
    ),
    kind="view",
    additivity="S",
)
CREDIT_PRICE_DAILY = Contract(
    "credit_price_daily",
    "tenant, day, source, currency, price_basis, is_in_force",
    "What a credit cost on each day with generations. What the day's list price is made with is in force.",
    (
        _TENANT,
        _DAY,
        key("source", "text", "Source in the settings.", length=None),
        _CURRENCY,
        Column("price_basis", "text", "As in list_price_daily.", role="key", among=("set", "measured")),
        Column(
            "is_in_force",
            "bool",
            "Not so of a price that is measured where another is set, and of what the settings say of a day that keeps "
            "the price it had (`kept_prices`).",
            role="key",
        ),
        Column("amount_micros", "int", "Price of so many credits, in millionths.", least=0, unit="micros"),
        Column("credits", "int", "How many credits that is for.", least=1, unit="credits"),
    ),
    kind="view",
)
LIST_PRICE_DAILY = Contract(
    "list_price_daily",
    "tenant, day, application, source, model, currency",
    "The value of the credits of completed charges, at the price of a credit. Each currency in which credits have a "
    "price is another valuation of the same credits: add rows of one currency. Without a price there is no row.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("source", "text", "Source in the settings.", length=None),
        key("model", "text", "Model.", length=None),
        _CURRENCY,
        measure("completed_credits", "Credits of completed charges.", unit="credits"),
        measure("list_price_micros", "Their price in millionths of the currency, rounded.", unit="micros"),
        Column(
            "price_basis",
            "text",
            "set: the settings say the price. measured: paid / credits sold, of all purchases up to the day; before "
            "the first one, of that day's.",
            among=("set", "measured"),
        ),
    ),
    kind="view",
    additivity="S",
    summable=("completed_credits", "list_price_micros"),  # of one currency
)
MONTH_TO_DATE = Contract(
    "month_to_date",
    "tenant, month, application or *, currency",
    "Each month's cost so far, and its projection.",
    (
        _TENANT,
        key("month_first_day", "day", "First day of the month."),
        _ANY_APPLICATION,
        _CURRENCY,
        Column("last_day", "day", "Last known day of the month."),
        Column("days_so_far", "int", "Days of the month until then."),
        Column("days_in_month", "int", "28 to 31."),
        Column("final_days", "int", "How many of them are final."),
        measure("known_hours", "Hours that the projection rests on (cost_through)."),
        measure("bytes_sent", "Bytes of the responses' bodies.", unit="bytes"),
        measure("cost_micros", "Cost so far, in millionths.", unit="micros", null=_UNPRICED),
        Column("cost", "money", "Cost so far.", null=_UNPRICED),
        Column("projected_cost", "money", "Cost of the known hours / known_hours * hours in it.", null=_NOT_PROJECTED),
        Column("budget", "money", "The month's budget, in rows of all applications.", null="no budget in this row"),
        Column("is_over_budget", "bool", "The projection exceeds it.", null="no budget, or no projection"),
        Column("invoice", "money", "What was billed for the month, all sources together.", null=_NOT_INVOICED),
        Column(
            "invoice_difference",
            "money",
            "invoice - cost: billed and not explained by the traffic measured so far.",
            null=_NOT_INVOICED,
        ),
        Column(
            "invoice_difference_share",
            "float",
            "invoice_difference / invoice.",
            null=f"{_NOT_INVOICED}; or it is of nothing",
        ),
    ),
    kind="view",
    additivity="S",
)
RESPONSE_TIME_WINDOW = Contract(
    "response_time_window",
    "tenant, day, application or *, window",
    "Percentiles of total_ms over the 7 and 30 days that end with the day, at most 1 % too high; max_ms is exact.",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        key("window_days", "int", "Days in the window: 7 or 30."),
        measure("observations", "Requests the figures rest on.", unit="requests"),
        measure("p50_ms", "Median.", unit="ms"),
        measure("p95_ms", "95th percentile.", unit="ms"),
        measure("p99_ms", "99th percentile.", unit="ms"),
        measure("max_ms", "Slowest.", unit="ms"),
        *_FINALITY,
    ),
    kind="view",
    additivity="S",
)
RECONCILIATION_SUMMARY = Contract(
    "reconciliation_summary",
    "tenant, day, application or *",
    "How far log and application agree. No rows while no application is connected.",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        measure("log_requests", "Requests in the log.", unit="requests"),
        measure("matched_requests", "Of these, with an event.", unit="requests"),
        measure("log_only_requests", "Of these, without one.", unit="requests"),
        measure("app_events", "Events of the application.", unit="events"),
        measure("matched_events", "Of these, with a delivery in the log.", unit="events"),
        measure("app_only_events", "Of these, without one.", unit="events"),
        measure("undelivered_events", "Of these, that should have one.", unit="events"),
        measure("cached_events", "Of these, that a cache answered which had fetched the file.", unit="events"),
        measure("compared", "Requests that may be an event and events that may be a delivery.", unit="requests"),
        measure("unexplained", "Of these, for which nobody can say why they are in one alone.", unit="requests"),
        measure("log_bytes", "Bytes that the storage sent.", unit="bytes"),
        measure("app_bytes", "Bytes that the application guessed.", unit="bytes"),
        Column("matched_share", "float", "matched_requests / log_requests.", null="no requests"),
        Column("log_only_share", "float", "log_only_requests / log_requests.", null="no requests"),
        Column("app_only_share", "float", "app_only_events / app_events.", null="no events"),
        Column(
            "unexplained_share",
            "float",
            "unexplained / compared.",
            null="nothing to compare",
        ),
        Column(
            "is_reconciled",
            "bool",
            "unexplained_share is 5 % or less, or so little above it that it may be chance.",
            null="not yet knowable: the day is open",
        ),
        Column("sentence", "text", "The same in words."),
        *_FINALITY,
    ),
    kind="view",
    additivity="S",
)
UNIQUE_VISITORS = Contract(
    "unique_visitors",
    "tenant, day, application or *, window",
    "Distinct visitors over 1, 7 and 30 days. is_final speaks of the last day alone.",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        key("window_days", "int", "Days in the window (1, 7, 30), this day the last."),
        measure("unique_addresses", "Distinct client addresses of requests.", unit="addresses"),
        measure("unique_users", "Distinct users.", unit="users", null="not available: no application is connected"),
        measure(
            "visitors",
            "unique_addresses, where they are visitors'.",
            unit="addresses",
            null="not available: behind a CDN addresses are edges",
        ),
        Column("basis", "text", "What visitors rests on, in words."),
        Column("is_behind_cdn", "bool", "At least half of the requests came from edges.", null="no table of ranges"),
        *_FINALITY,
    ),
    kind="view",
    additivity="S",
)
VIEWS = (
    DAY_FINALITY,
    GENERATION_FINALITY,
    CALENDAR,
    MONEY_DAILY,
    APPLICATION_DAILY,
    KNOWN_HOURS_DAILY,
    COST_THROUGH,
    BUDGET_THROUGH,
    CREDIT_PRICE_DAILY,
    LIST_PRICE_DAILY,
    MONTH_TO_DATE,
    RESPONSE_TIME_WINDOW,
    RECONCILIATION_SUMMARY,
    UNIQUE_VISITORS,
)
