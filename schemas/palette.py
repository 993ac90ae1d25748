"""Director's Palette: its tables as they are there, and the frames that the lake keeps of them.

A generation, a movement of credits, a log-in or an error is the same frame whether it comes from a table or from an
event file, so that another system is a declaration and a parser, not another rollup.
"""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.source_table import SourceTable
from schemas.vocabulary import LAKE_OF_FEED

_NONE = "none"
_NOT_SAID = "not said"


def _text(name: str, doc: str, **more: object) -> Column:
    return Column(name, "text", doc, null=_NONE, **more)  # type: ignore[arg-type]


# --- tables, as they stand there -------------------------------------------------------------------------
GENERATION_ROW = Contract(
    "generation_events",
    "row of generation_events",
    "A generation, as it stands there. Never written anywhere.",
    (
        _text("id", "Id of the row."),
        _text("user_id", "Who."),
        _text("prediction_id", "Id at the provider. Not unique: several rows can share one charge."),
        _text("gallery_id", "The picture that was made."),
        _text("generation_type", "image, video, …"),
        _text("model_id", "Model."),
        _text("model_name", "Name of the model."),
        _text("status", "pending, completed, failed; unchecked there."),
        Column("credits_cost", "int", "Credits of the charge.", null=_NONE),
        _text("error_message", "Why it failed, verbatim.", pii="personal"),
        _text("prompt", "What was asked for: read to be cut out of all else, never kept.", pii="personal"),
        Column("created_at", "instant", "When it was asked for.", null=_NONE),
        Column("completed_at", "instant", "When it was done, or had failed.", null=_NONE),
    ),
    kind="frame",
)
TRANSACTION_ROW = Contract(
    "credit_transactions",
    "row of credit_transactions",
    "A movement of credits, as it stands there. Never written anywhere.",
    (
        _text("id", "Id of the row."),
        _text("user_id", "Whose credits."),
        _text("type", "purchase, usage, refund, bonus, adjustment; `generation` occurs."),
        Column("amount", "int", "Credits, signed.", null=_NONE),
        _text("metadata", "JSON: what it was for, what was paid.", pii="personal"),
        Column("created_at", "instant", "When.", null=_NONE),
    ),
    kind="frame",
)
PRICING_ROW = Contract(
    "model_pricing",
    "row of model_pricing",
    "What a model costs, as it stands there.",
    (
        _text("model_id", "Model."),
        _text("provider", "Who runs it."),
        _text("generation_type", "image, video, …"),
        Column("cost_cents", "float", "What the provider takes, in US cents.", null=_NONE),
        Column("price_cents", "float", "List price, in US cents.", null=_NONE),
    ),
    kind="frame",
)
BALANCE_ROW = Contract(
    "user_credits",
    "row of user_credits",
    "A user's credits, as they stand there.",
    (_text("user_id", "Whose."), Column("balance", "int", "Credits left.", null=_NONE)),
    kind="frame",
)

GENERATION_EVENTS = SourceTable(
    GENERATION_ROW,
    "id",
    cursor="created_at",
    unread=frozenset({"user_email", "is_admin_generation", "settings"}),
)
CREDIT_TRANSACTIONS = SourceTable(
    TRANSACTION_ROW,
    "id",
    cursor="created_at",
    json=frozenset({"metadata"}),
    unread=frozenset({"balance_after", "description"}),
)
MODEL_PRICING = SourceTable(PRICING_ROW, "model_id", unread=frozenset({"id", "model_name", "created_at", "updated_at"}))
USER_CREDITS = SourceTable(
    BALANCE_ROW,
    "user_id",
    unread=frozenset({"id", "lifetime_purchased", "lifetime_used", "created_at", "updated_at"}),
)
DIRECTORS_PALETTE = (GENERATION_EVENTS, CREDIT_TRANSACTIONS, MODEL_PRICING, USER_CREDITS)

# --- what the lake keeps ---------------------------------------------------------------------------------
_ID = Column("event_id", "text", "Id of the row; of an event without one, the hash of what it says.")
_AT = Column("at", "instant", "When it began.")
_USER = Column("user_id", "text", "Who.", null="nobody known", pii="pseudonym")
_APP = Column("app", "text", "Application that it says it is of.", null=_NOT_SAID, length=128)

GENERATION = Contract(
    "generation",
    "one generation",
    "A generation of whatever system. Prompts, addresses of mail and stack traces do not come in.",
    (
        _ID,
        _AT,
        _USER,
        Column("generation_type", "text", "image, video, …; as it stands there, in lower case."),
        Column("model", "text", "Model."),
        Column("style", "text", "Style.", null="the system knows none"),
        Column("difficulty", "text", "Difficulty.", null="the system knows none"),
        Column("status", "text", "completed, failed, pending; `stale` where it stayed pending; others as they stand."),
        Column("charge_id", "text", "What generations of one charge have in common.", null="a charge of its own"),
        Column("media_file_id", "text", "What was made.", null=_NOT_SAID),
        Column("outputs", "int", "Pictures or videos that were made.", least=0),
        Column("duration_ms", "int", "From asked for to done.", null="not done, or not said", unit="ms", least=0),
        Column("credits_charged", "int", "Credits of the charge.", null=_NOT_SAID, unit="credits", least=0),
        Column("tokens_in", "int", "Tokens read.", null=_NOT_SAID, least=0),
        Column("tokens_out", "int", "Tokens written.", null=_NOT_SAID, least=0),
        Column(
            "cost_micros", "int", "What the provider took, as the system says.", null=_NOT_SAID, least=0, unit="micros"
        ),
        Column("currency", "text", "Of cost_micros.", null=_NOT_SAID),
        Column("error_type", "text", "Kind of error.", null="no error"),
        Column("message", "text", "The error, redacted, at most 500 characters.", null="no error", pii="pseudonym"),
        Column("model_name", "text", "Name of the model, for people.", null=_NOT_SAID, length=128),
        _APP,
    ),
    kind="frame",
)
CREDIT = Contract(
    "credit",
    "one movement of credits",
    "Credits bought, given, used, given back; and money where money moved.",
    (
        _ID,
        _AT,
        _USER,
        Column("transaction_type", "text", "purchase, usage, refund, bonus, adjustment; others as they stand."),
        Column("model", "text", "Model that they were used for.", null="for none"),
        Column("credits", "int", "Signed: what was used is below 0.", unit="credits"),
        Column("paid_micros", "int", "Money really paid; paid back is below 0.", null="no money moved", unit="micros"),
        Column("currency", "text", "ISO currency of paid_micros.", null="no money moved"),
        _APP,
    ),
    kind="frame",
)
SIGN_IN = Contract(
    "sign_in",
    "one log-in, sign-up, log-out, …",
    "What people do at the door. Addresses do not come in.",
    (_ID, _AT, _USER, Column("action", "text", "login, signup, logout, password_reset; others as they stand."), _APP),
    kind="frame",
)
APP_ERROR = Contract(
    "app_error",
    "one error of an application",
    "Errors that the application reported. Stack traces do not come in.",
    (
        _ID,
        _AT,
        _USER,
        Column("severity", "text", "error, warning, fatal, …; as it stands there, in lower case."),
        Column("error_type", "text", "Kind of error; empty where it has none."),
        Column("message", "text", "Redacted, at most 500 characters.", null=_NONE, pii="pseudonym"),
        _APP,
    ),
    kind="frame",
)
OF_LAKE_KIND = dict(zip(LAKE_OF_FEED, (GENERATION, CREDIT, SIGN_IN, APP_ERROR), strict=True))
"""What the lake holds, by the kind of its files."""
