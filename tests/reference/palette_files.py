"""Event files → events, one at a time (docs/definitions.md, "Event files")."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from re import compile as pattern
from typing import Any, NamedTuple

from tests.reference.palette_rows import (
    APP_ERROR,
    CREDIT,
    GENERATION,
    NOTHING,
    SIGN_IN,
    WORD,
    Event,
    Rejected,
    Row,
    Taken,
    identifier,
    money,
    title,
    without,
)

TIMES = ("timestamp", "time", "@timestamp", "ts", "datetime", "created_at")
EVENT_ID = pattern(r"[A-Za-z0-9._:/+=-]{1,128}")
STALE_AFTER = timedelta(hours=24)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 10**12


class File(NamedTuple):
    """A file as it lies in its folder."""

    source: str
    name: str
    data: bytes
    last_modified: datetime


class NotEvents(Exception):
    """The file is refused whole."""


@dataclass(frozen=True, slots=True)
class Door:
    """What turns texts into what may be kept: the seed under the key, and the pseudonym of a person. ``finished``: the
    sources whose generations are told when they are done."""

    seed: int
    pseudonym: Callable[[str], str]
    finished: frozenset[str] = frozenset()


def read_file(file: File, door: Door) -> Taken:
    """What became of the file's events, all in the place of its name. Raises ``NotEvents``."""
    taken = Taken()
    for item in items(file.data):
        if item is BLANK:
            taken.ignored[file.name] += 1
            continue
        try:
            taken.events.append(_event(item, file, door))
        except Rejected as rejected:
            taken.reject(file.name, str(rejected))
    return taken


# --- what stands in a file ---------------------------------------------------------------------------
BLANK, BROKEN = object(), object()


def items(data: bytes) -> list[Any]:
    """The events as JSON has them, BLANK for a blank line and BROKEN for what is no JSON."""
    plain = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    plain = plain.removeprefix(b"\xef\xbb\xbf")
    lines = plain.split(b"\n")
    if any(line.strip() for line in lines) and not any(line.lstrip().startswith((b"{", b"[")) for line in lines):
        raise NotEvents
    first, newline, _ = plain.lstrip().partition(b"\n")
    if not newline or _loaded(first) is BROKEN:
        whole = _loaded(plain)
        if whole is not BROKEN:
            return list(_elements(whole))
        if plain.lstrip().startswith(b"["):
            raise NotEvents
    if not lines[-1]:
        lines.pop()
    return [item for line in lines for item in (_elements(_loaded(line)) if line.strip() else [BLANK])]


def _loaded(text: bytes) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(text.decode(), parse_constant=refuse)
    except ValueError:
        return BROKEN


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict) and "event_type" not in value and isinstance(value.get("data"), list):
        return value["data"]  # type: ignore[no-any-return]
    return value if isinstance(value, list) else [value]


# --- what an event says ------------------------------------------------------------------------------


def _event(item: Any, file: File, door: Door) -> Event:
    if item is BROKEN:
        raise Rejected("BROKEN_JSON")
    if not isinstance(item, dict):
        raise Rejected("NO_OBJECT")
    kind = _kind(item)
    told = next((item[name] for name in TIMES if item.get(name) not in (None, "")), None)
    at = _instant(told)
    if at is None:
        raise Rejected("NO_TIME")
    if at > file.last_modified + timedelta(hours=1):
        raise Rejected("FUTURE_TIME")
    names = ("transaction_id", "id", "event_id") if kind == CREDIT else ("id", "event_id")
    user = _text(item, "user_id", "user_email")
    if user is None and kind in (GENERATION, CREDIT):
        raise Rejected("NO_USER")
    if user is not None and ("@" in user or len(user) > 64):
        user = door.pseudonym(user)
    said = _SHAPES[kind](item, at, file)
    is_row = all(item.get(name) in (None, "") for name in TIMES[:-1])
    if kind == GENERATION and file.source in door.finished and not is_row:
        at = _asked(item, at, said)
    return Event(
        kind, file.source, _event_id(item, names, door), at, user, said, file.last_modified,
        _word(item, "app", 128, is_lower=False),
    )  # fmt: skip


def _asked(item: Row, done: datetime, said: Row) -> datetime:
    """What was told when it was done was asked for as much earlier as it took; of a day and longer, nothing is said."""
    told = _number(item, "duration_ms")
    said["duration_ms"] = None if told is None else round(told)
    if said["status"] in ("pending", "stale") or (said["duration_ms"] or 0) > 24 * 3600 * 1000:
        return done
    return done - timedelta(milliseconds=said["duration_ms"] or 0)


def _kind(item: Row) -> str:
    named = (_text(item, "event_type") or "").lower()
    if not named and item.keys() >= {"model_id", "status", "created_at"}:
        named = "generation"
    if not named:
        raise Rejected("NO_TYPE")
    if len(named) > 32:
        raise Rejected("LONG_ID")
    kinds = {"generation": GENERATION, "credit_purchase": CREDIT, "auth": SIGN_IN, "error": APP_ERROR}
    if named not in kinds:
        raise Rejected("UNKNOWN_EVENT_TYPE")
    return kinds[named]


def _event_id(item: Row, names: tuple[str, ...], door: Door) -> str:
    told = _text(item, *names)
    if told and EVENT_ID.fullmatch(told):
        return told
    said = told or json.dumps(item, sort_keys=True, separators=(",", ":"))
    return blake2b(said.encode(), digest_size=16, key=door.seed.to_bytes(8, "big")).hexdigest()


def _texts(item: Row, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = item.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            prompt = item.get("prompt")
            text = str(value).strip().replace("\0", "\ufffd").encode(errors="replace").decode()
            text = without(prompt if isinstance(prompt, str) else None, text) or ""
            if text.lower() not in NOTHING:
                yield text


def _text(item: Row, *names: str) -> str | None:
    return next(_texts(item, names), None)


def _word(item: Row, name: str, most: int, *, is_lower: bool = True) -> str | None:
    """A name of at most so many letters, in lower case; `other` for what does not read like one."""
    text = _text(item, name)
    if text is None:
        return None
    if len(text) > most:
        raise Rejected("LONG_ID")
    if not WORD.fullmatch(text):
        return "other"
    return text.lower() if is_lower else text


def _number(item: Row, *names: str) -> Decimal | None:
    value = next((item[name] for name in names if item.get(name) not in (None, "")), None)
    if value is None:
        return None
    number = _decimal(value)
    if number is None or not 0 <= number < _MOST:
        raise Rejected("BAD_NUMBER")
    return number


def _whole(item: Row, *names: str) -> int | None:
    number = _number(item, *names)
    if number is not None and number != int(number):
        raise Rejected("BAD_NUMBER")
    return None if number is None else int(number)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant(value: Any) -> datetime | None:
    """None where it is not told, cannot be read, or lies before 2000."""
    try:
        number = _decimal(value)
        if number is not None:
            seconds = number / 1000 if number > 10**12 else number
            at = _EPOCH + timedelta(microseconds=round(seconds * 10**6))
        else:
            at = datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at if at.year >= 2000 else None


def _message(item: Row) -> str | None:
    lines = (_text(item, "error_message") or "").splitlines()
    return lines[0][:500] if lines else None


# --- the shapes --------------------------------------------------------------------------------------


def _generation(item: Row, at: datetime, file: File) -> Row:
    model = _word(item, "model_id", 128, is_lower=False)
    if model is None:
        raise Rejected("NO_MODEL")
    status = _word(item, "status", 32) or "unknown"
    if status == "pending" and at < file.last_modified - STALE_AFTER:
        status = "stale"
    cost, currency = money(item.get("cost_cents"), _text(item, "currency"))
    kind = _word(item, "generation_type", 64) or "unknown"
    lasted = _number(item, "duration_ms")
    done = _instant(next((item[name] for name in ("completed_at",) if item.get(name) not in (None, "")), None))
    duration = None if lasted is None else round(lasted)
    if duration is None and done and done >= at and status in ("completed", "failed"):
        duration = (done - at) // timedelta(milliseconds=1)
    return {
        "generation_type": kind,
        "model": model,
        "status": status,
        "charge_id": identifier(_text(item, "prediction_id")),
        "media_file_id": identifier(_text(item, "gallery_id")),
        "duration_ms": duration,
        "credits": _whole(item, "credits_used", "credits_cost"),
        "cost_micros": cost,
        "currency": currency,
        "error_type": _word(item, "error_type", 128, is_lower=False),
        "message": _message(item) if status == "failed" else None,
        "model_name": title(_text(item, "model_name")),
    }


def _purchase(item: Row, at: datetime, file: File) -> Row:
    credits = _whole(item, "credits_purchased")
    if credits is None:
        raise Rejected("BAD_NUMBER")
    paid, currency = money(item.get("amount_cents"), _text(item, "currency"))
    return {
        "transaction_type": "purchase",
        "model": None,
        "credits": credits,
        "paid_micros": paid,
        "currency": currency,
    }


def _sign_in(item: Row, at: datetime, file: File) -> Row:
    action = _word(item, "action", 64)
    if action is None:
        raise Rejected("NO_TYPE")
    return {"action": action}


def _app_error(item: Row, at: datetime, file: File) -> Row:
    error_type = _word(item, "error_type", 128, is_lower=False) or ""
    return {"severity": _word(item, "severity", 32) or "error", "error_type": error_type, "message": _message(item)}


_SHAPES: dict[str, Callable[[Row, datetime, File], Row]] = {
    GENERATION: _generation,
    CREDIT: _purchase,
    SIGN_IN: _sign_in,
    APP_ERROR: _app_error,
}
