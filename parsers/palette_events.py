"""Event files of Director's Palette → generations, purchases, sign-ins and errors. Bytes in, ``Parsed`` out.

The shapes are those of its document (event_type generation, credit_purchase, auth, error), and the rows of its table
generation_events, downloaded as JSON. Each event has exactly one outcome; `PARSER_VERSION` changes when one does.
Mail addresses, prompts, stack traces, IP addresses and user agents are not read at all, but for one case: who is told
by a mail address alone becomes a pseudonym at the door.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import polars as pl

from parsers.access_log import SEED_BYTES, Context, Limits
from parsers.event_file import Item, items
from parsers.event_values import OF_EVENT, TIMES, Said, Wrong
from parsers.palette import LONGEST, OTHER, is_name
from schemas.frames import polars_schema
from schemas.palette import OF_LAKE_KIND
from schemas.vocabulary import FINISHED, LAKE_OF_FEED

PARSER_VERSION = 4
PART_EVENTS = 50_000
STALE_AFTER = timedelta(hours=24)
"""What was pending for so long when the file was written stays so."""
LONGEST_MS = 86_400_000
"""Nothing takes longer: such a duration does not say when it was asked for."""
_GENERATIONS, _CREDITS, _SIGN_INS, _APP_ERRORS = LAKE_OF_FEED
_LONGEST_WORD = {"app": 128, "action": 64, "severity": 32, "error_type": 128, **LONGEST}
_IS_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_SHOWN_CHARACTERS = 100
# What a reject shows of an event, where it reads like a name, so that neither a prompt nor a person is in it.
_SHOWN = (
    "id", "event_id", "event_type", *TIMES, "completed_at", "model_id", "generation_type", "status", "duration_ms",
    "cost_cents", "credits_used", "credits_cost", "prediction_id", "transaction_id", "amount_cents", "currency",
    "credits_purchased", "action", "severity", "error_type",
)  # fmt: skip
Row = dict[str, Any]


class Parsed(NamedTuple):
    """Part of a file. ``frames``: by kind of lake file, as its contract says. ``rejects``: (number of the line or
    element, byte offset, reason, what may be shown of it). events = rows of the frames + ignored + rejects."""

    frames: dict[str, pl.DataFrame]
    rejects: list[tuple[int, int, str, str]]
    events: int
    ignored: int


def read_events(chunks: Iterable[bytes], context: Context, limits: Limits | None = None) -> Iterator[Parsed]:
    """One file, in parts that fit into memory.

    Raises ``Refused`` where it holds no events, is cut short, or is too large; parts that were yielded before belong
    to a refused file: whoever takes them must not keep them.
    """
    part = _Part()
    for item in items(chunks, limits or Limits()):
        part.take(item, context)
        if part.events >= PART_EVENTS:
            yield part.parsed()
            part = _Part()
    if part.events:
        yield part.parsed()


@dataclass(slots=True)
class _Part:
    events: int = 0
    ignored: int = 0
    rows: dict[str, list[Row]] = field(default_factory=lambda: {kind: [] for kind in LAKE_OF_FEED})
    rejects: list[tuple[int, int, str, str]] = field(default_factory=list)

    def take(self, item: Item, context: Context) -> None:
        self.events += 1
        if item.is_blank:
            self.ignored += 1
        elif item.broken:
            self.rejects.append((item.number, item.offset, "BROKEN_JSON", item.broken))
        elif not isinstance(item.value, dict):
            kind = type(item.value).__name__
            self.rejects.append((item.number, item.offset, "NO_OBJECT", f"no JSON object, but {kind}"))
        else:
            try:
                kind, row = read_event(item.value, context)
                self.rows[kind].append(row)
            except Wrong as wrong:
                self.rejects.append((item.number, item.offset, str(wrong), _shown(item.value)))
            except RecursionError:  # read, but nested too deeply to be written for its hash
                self.rejects.append((item.number, item.offset, "BROKEN_JSON", "nested too deeply"))

    def parsed(self) -> Parsed:
        frames = {
            kind: pl.DataFrame(rows, schema=polars_schema(OF_LAKE_KIND[kind]), orient="row")
            for kind, rows in self.rows.items()
            if rows
        }
        return Parsed(frames, self.rejects, self.events, self.ignored)


def read_event(event: dict[str, Any], context: Context) -> tuple[str, Row]:
    """(kind of lake file, the row that the event becomes). Raises ``Wrong`` with the first rule that it breaks."""
    said = Said(event)
    event_type = said.word("event_type", _LONGEST_WORD["type"]) or ("generation" if _is_a_row(event) else None)
    if event_type is None:
        raise Wrong("NO_TYPE")
    if event_type not in _SHAPES:
        raise Wrong("UNKNOWN_EVENT_TYPE")
    at = said.instant(*TIMES)
    if at is None:
        raise Wrong("NO_TIME")
    if at > context.latest:
        raise Wrong("FUTURE_TIME")
    kind, shape = _SHAPES[event_type]
    names = ("transaction_id", "id", "event_id") if kind == _CREDITS else ("id", "event_id")
    user = said.text("user_id", "user_email")
    row = {"event_id": _event_id(said.text(*names), event, context), "at": at, "user_id": user}
    return kind, row | shape(said, at, context) | {"app": said.name("app", _LONGEST_WORD["app"])}


def _is_a_row(event: dict[str, Any]) -> bool:
    """Of the table generation_events, which knows no types of events."""
    return event.keys() >= {"model_id", "status", "created_at"}


def _event_id(told: str | None, event: dict[str, Any], context: Context) -> str:
    """What is told, where it looks like an id; else a hash, so that the same event counts once in however many files.

    Under the key of the line hashes: an event holds addresses, which could be found by hashing for trial.
    """
    if told and _IS_ID.fullmatch(told):
        return told
    canonical = told or json.dumps(event, sort_keys=True, separators=(",", ":"))
    key = context.seed.to_bytes(SEED_BYTES[context.line_hash])
    return blake2b(canonical.encode(), digest_size=16, key=key).hexdigest()


def _shown(event: dict[str, Any]) -> str:
    said = Said(event)
    texts = {name: text[:_SHOWN_CHARACTERS] for name in _SHOWN if (text := said.text(name))}
    return json.dumps({name: text if is_name(text) else OTHER for name, text in texts.items()}, ensure_ascii=False)


# --- the shapes --------------------------------------------------------------------------------------


def _word(said: Said, name: str) -> str | None:
    return said.word(name, _LONGEST_WORD[name])


def _needs_user(said: Said) -> None:
    if not said.text("user_id", "user_email"):
        raise Wrong("NO_USER")


def _generation(said: Said, at: datetime, context: Context) -> Row:
    _needs_user(said)
    model = said.name("model_id", _LONGEST_WORD["model_id"])
    if not model:
        raise Wrong("NO_MODEL")
    status = _word(said, "status") or "unknown"
    if status == "pending" and at < context.last_modified - STALE_AFTER:
        status = "stale"
    (cost, currency), is_failed = said.money("cost_cents"), status == "failed"
    is_end = context.timestamp == FINISHED and said.says(*OF_EVENT)
    duration = said.rounded("duration_ms") if is_end else _lasted(said, at, status)
    return {
        "at": _asked(at, duration) if is_end and status not in ("pending", "stale") else at,
        "generation_type": _word(said, "generation_type") or "unknown",
        "model": model,
        "style": None,
        "difficulty": None,
        "status": status,
        "charge_id": said.identifier("prediction_id"),
        "media_file_id": said.identifier("gallery_id"),
        "outputs": int(status == "completed"),
        "duration_ms": duration,
        "credits_charged": said.whole("credits_used", "credits_cost"),
        "tokens_in": None,
        "tokens_out": None,
        "cost_micros": cost,
        "currency": currency,
        "error_type": said.name("error_type", _LONGEST_WORD["error_type"]),
        "message": said.message("error_message") if is_failed else None,
        "model_name": said.title("model_name", _LONGEST_WORD["model_id"]),
    }


def _lasted(said: Said, at: datetime, status: str) -> int | None:
    told, done = said.rounded("duration_ms"), said.instant("completed_at")
    if told is not None or done is None or done < at or status not in ("completed", "failed"):
        return told
    return (done - at) // timedelta(milliseconds=1)


def _asked(done: datetime, duration_ms: int | None) -> datetime:
    """When it was asked for. The document writes the timestamp when a generation is done; a row of the table has its
    own instant for that."""
    return done - timedelta(milliseconds=duration_ms) if duration_ms and duration_ms <= LONGEST_MS else done


def _purchase(said: Said, at: datetime, context: Context) -> Row:
    _needs_user(said)
    credits = said.whole("credits_purchased")
    if credits is None:
        raise Wrong("BAD_NUMBER")
    paid, currency = said.money("amount_cents")
    return {
        "transaction_type": "purchase",
        "model": None,
        "credits": credits,
        "paid_micros": paid,
        "currency": currency,
    }


def _sign_in(said: Said, at: datetime, context: Context) -> Row:
    action = _word(said, "action")
    if not action:
        raise Wrong("NO_TYPE")
    return {"action": action}


def _app_error(said: Said, at: datetime, context: Context) -> Row:
    return {
        "severity": _word(said, "severity") or "error",
        "error_type": said.name("error_type", _LONGEST_WORD["error_type"]) or "",
        "message": said.message("error_message"),
    }


_SHAPES: dict[str, tuple[str, Callable[[Said, datetime, Context], Row]]] = {
    "generation": (_GENERATIONS, _generation),
    "credit_purchase": (_CREDITS, _purchase),
    "auth": (_SIGN_INS, _sign_in),
    "error": (_APP_ERRORS, _app_error),
}
