"""The colouring book (the progressive logger's document): its table as it is there. What the lake keeps of it is
``schemas.palette.GENERATION``, as of every system that generates."""

from __future__ import annotations

from schemas.contract import Column, Contract
from schemas.source_table import SourceTable

_NONE = "none"

GENERATION_LOG_ROW = Contract(
    "generation_logs",
    "row of generation_logs",
    "A generation, as it stands there. Never written anywhere.",
    (
        Column("id", "text", "Id of the row.", null=_NONE),
        Column("user_id", "text", "Who; a UUID.", null="nobody known"),
        Column("style", "text", "classic, ghibli, mandala; names for people occur.", null=_NONE),
        Column("difficulty", "int", "How hard the picture is to colour.", null=_NONE),
        Column("duration_ms", "int", "How long it took.", null=_NONE, unit="ms"),
        Column("costs", "text", "JSON: vision, image, total, in US dollars; numbers, or numbers as text.", null=_NONE),
        Column("tokens", "text", "JSON: vision_input, vision_output, image_input, image_output.", null=_NONE),
        Column("success", "bool", "Whether there is a picture.", null="not known"),
        Column("error_message", "text", "Why it failed, verbatim.", null=_NONE, pii="personal"),
        Column("created_at", "instant", "When it was done, or had failed: UTC, without a zone.", null=_NONE),
    ),
    kind="frame",
)
GENERATION_LOGS = SourceTable(
    GENERATION_LOG_ROW,
    "id",
    cursor="created_at",
    json=frozenset({"costs", "tokens"}),
    unread=frozenset({"job_id"}),  # not unique there, and no charge: each row is one of its own
)
