"""Frames of what the application recorded, and of the deliveries that are held against it."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.vocabulary import EDGES, EVENT_TYPES

EVENT = Contract(
    "event",
    "one event of the application",
    "What the lake keeps of `media_analytics`: a view's pair of rows (access, bandwidth) is one event, rows imported "
    "from logs are none. Addresses are keyed pseudonyms, emails and roles do not come in.",
    (
        Column("event_id", "text", "Id of the row; of a pair, of the access row."),
        Column("at", "instant", "When the application answered: the begin of the delivery."),
        Column("event_type", "text", "What the user did.", among=EVENT_TYPES),
        Column("media_file_id", "text", "In media_files."),
        Column("application_id", "text", "In applications.", null="none"),
        Column("user_id", "text", "Who.", null="anonymous", pii="pseudonym"),
        Column("address", "text", "HMAC of the client address.", null="none, or no address", pii="pseudonym"),
        Column("edge", "text", "Whether the address is a CDN's.", among=EDGES),
        Column("user_agent", "text", "User agent, mail addresses cut.", null="none"),
        Column("referer_host", "text", "Host of the referer, lower case.", null="none"),
        Column("variant_type", "text", "Which variant.", null="none"),
        Column("app_bytes", "int", "Bytes as the application guesses them.", null="not said", unit="bytes", least=0),
        Column("row_count", "int", "Rows that it was recorded in: 1 or 2.", least=1),
    ),
    kind="frame",
)
