"""Rows of Director's Palette's tables → events, one at a time (docs/definitions.md, "Generations").

A row is a dict as a dump of the table has it; times may be text, numbers too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.vocabulary import LARGEST_COUNT

Row = dict[str, Any]
GENERATION, CREDIT, SIGN_IN, APP_ERROR = "generation", "credit", "sign_in", "app_error"
NOTHING = ("", "-", "null", "none", "undefined")
WORD = re.compile(r"[\w./:+-]+( [\w./:+-]+){0,2}")
ID = re.compile(r"[\w.:-]{1,128}")
CURRENCY = re.compile("[A-Za-z]{3}")
FIRST_TIME = datetime(1971, 1, 1, tzinfo=UTC)
_READ = {
    GENERATION: (
        "id", "user_id", "prediction_id", "gallery_id", "generation_type", "model_id", "model_name", "status",
        "credits_cost", "error_message", "prompt", "created_at", "completed_at",
    ),
    CREDIT: ("id", "user_id", "type", "amount", "metadata", "created_at"),
}  # fmt: skip
_NUMBERS = ("credits_cost", "amount")
_TIMES = ("created_at", "completed_at")


class Rejected(Exception):
    """The rule that a row or an event breaks first."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that counts: of which kind, whose, when, and what else is known of it. ``told_at``: when the file was
    written that says so."""

    kind: str
    source: str
    event_id: str
    at: datetime
    user_id: str | None
    said: Row = field(hash=False)
    told_at: datetime | None = None
    app: str | None = None


@dataclass(slots=True)
class Taken:
    """Events, and how many rows or events of which place were rejected (by reason) and left out.

    ``place``: a UTC day of a table, the name of a file.
    """

    events: list[Event] = field(default_factory=list)
    rejected: dict[Any, Counter[str]] = field(default_factory=dict)
    ignored: Counter[Any] = field(default_factory=Counter)

    def reject(self, place: Any, reason: str) -> None:
        self.rejected.setdefault(place, Counter())[reason] += 1


@dataclass(frozen=True, slots=True)
class Tables:
    """What was in a system's tables when they were read last, and when that was; and what a person is called who is
    told by a mail address."""

    source: str
    generations: list[Row]
    credits: list[Row]
    read_at: datetime
    stale_after: timedelta
    pseudonym: Callable[[str], str]


def read_tables(tables: Tables) -> dict[str, Taken]:
    """By kind; rows that are of no day, or of one to come, are in none."""
    stale_before = tables.read_at - tables.stale_after
    return {
        GENERATION: _read(tables, GENERATION, tables.generations, lambda row: _generation(row, stale_before)),
        CREDIT: _read(tables, CREDIT, tables.credits, _credit),
    }


def _read(tables: Tables, kind: str, rows: Iterable[Row], shape: Callable[[Row], Row]) -> Taken:
    taken = Taken()
    seen: set[tuple[date, str]] = set()
    whole: list[Row] = []
    today = tables.read_at.astimezone(UTC).date()
    for row in sorted((_values(kind, row) for row in rows), key=_order):
        at = row["created_at"]
        if row["id"] is None or at is None or at < FIRST_TIME or at.date() > today:
            continue
        day = at.date()
        is_equal, is_known = row in whole, (day, row["id"]) in seen
        whole.append(row)
        seen.add((day, row["id"]))
        try:
            event_id = said(row["id"])
            if event_id is None:
                raise Rejected("NO_ID")
            if is_equal:
                taken.ignored[day] += 1
                continue
            if is_known:
                raise Rejected("DUPLICATE_ID")
            found = shape(row)
        except Rejected as rejected:
            taken.reject(day, str(rejected))
        else:
            user = found.pop("user_id")
            user = tables.pseudonym(user) if "@" in user else user
            taken.events.append(Event(kind, tables.source, event_id, at, user, found))
    return taken


def _values(kind: str, row: Row) -> Row:
    return {name: _value(name, row.get(name)) for name in _READ[kind]}


def _value(name: str, value: Any) -> Any:
    if name in _TIMES:
        return _instant(value)
    if name in _NUMBERS:
        return _whole(value)
    return None if value is None else str(value)


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _whole(value: Any) -> int | None:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return int(number) if number.is_finite() and number == int(number) else None


def _order(row: Row) -> list[tuple[bool, Any]]:
    """By time, by id, and where both are equal by all that the row says; what is not said comes last."""
    names = ["created_at", "id", *(name for name in row if name not in ("created_at", "id"))]
    return [(row[name] is None, row[name] if row[name] is not None else 0) for name in names]


# --- what a row says ---------------------------------------------------------------------------------


def said(text: str | None) -> str | None:
    """Without NUL and blanks around it; None where nothing is said."""
    if text is None:
        return None
    text = text.replace("\0", "\ufffd").strip()
    return None if text.lower() in NOTHING else text


def word(text: str | None) -> str | None:
    """A name; `other` for what does not read like one."""
    found = said(text)
    return found if found is None or WORD.fullmatch(found) else "other"


def title(text: str | None) -> str | None:
    """A name for people; none for what is no name."""
    return text if text and len(text) <= 128 and WORD.fullmatch(text) else None


def identifier(text: str | None) -> str | None:
    """An id; None for what does not look like one."""
    found = said(text)
    return found if found and ID.fullmatch(found) else None


def without(prompt: str | None, text: str | None) -> str | None:
    """The text without the prompt, wherever it repeats it."""
    bare = (prompt or "").strip()
    return text.replace(bare, "[prompt]") if text and len(bare) >= 4 else text


def _refuse_long(row: Row, **most: int) -> None:
    if any(len(row[name] or "") > length for name, length in most.items()):
        raise Rejected("LONG_ID")


def _user(text: str | None) -> str:
    if text is None:
        raise Rejected("NO_USER")
    return text


def _generation(row: Row, stale_before: datetime) -> Row:
    user = _user(without(row["prompt"], said(row["user_id"])))
    model, status, kind = (word(row[name]) for name in ("model_id", "status", "generation_type"))
    if model is None:
        raise Rejected("NO_MODEL")
    named = {"id": said(row["id"]), "user_id": user, "model": model, "status": status, "type": kind}
    _refuse_long(named, id=128, user_id=64, model=128, status=32, type=64)
    if not 0 <= (row["credits_cost"] or 0) <= LARGEST_COUNT:
        raise Rejected("BAD_NUMBER")
    status = (status or "unknown").lower()
    if status == "pending" and row["created_at"] < stale_before:
        status = "stale"
    done, message = row["completed_at"], without(row["prompt"], said(row["error_message"]))
    lasted = done - row["created_at"] if done and status in ("completed", "failed") else timedelta(-1)
    return {
        "user_id": user,
        "generation_type": (kind or "unknown").lower(),
        "model": model,
        "status": status,
        "charge_id": identifier(row["prediction_id"]),
        "media_file_id": identifier(row["gallery_id"]),
        "duration_ms": lasted // timedelta(milliseconds=1) if lasted >= timedelta(0) else None,
        "credits": row["credits_cost"],
        "cost_micros": None,
        "currency": None,
        "error_type": None,
        "message": message[:500] if message and status == "failed" else None,
        "model_name": title(without(row["prompt"], said(row["model_name"]))),
    }


# --- credits -----------------------------------------------------------------------------------------


def _credit(row: Row) -> Row:
    user, kind = _user(said(row["user_id"])), word(row["type"])
    if kind is None:
        raise Rejected("NO_TYPE")
    _refuse_long({"id": said(row["id"]), "user_id": user, "type": kind}, id=128, user_id=64, type=32)
    if row["amount"] is None or abs(row["amount"]) > LARGEST_COUNT:
        raise Rejected("BAD_NUMBER")
    kind = "usage" if kind.lower() == "generation" else kind.lower()
    told = _metadata(row["metadata"])
    paid, currency = money(told.get("amount_paid_cents"), told.get("currency"))
    has_moved = paid is not None and kind in ("purchase", "refund")
    return {
        "user_id": user,
        "transaction_type": kind,
        "model": _model(told.get("model_id")) if kind == "usage" else None,
        "credits": row["amount"],
        "paid_micros": (-paid if kind == "refund" else paid) if has_moved and paid is not None else None,
        "currency": currency if has_moved else None,
    }


def _model(told: Any) -> str | None:
    found = word(told) if isinstance(told, str) else None
    return "other" if found and len(found) > 128 else found


def _metadata(text: str | None) -> Row:
    """An object, or one as text within the JSON; nothing where nothing is said."""
    if text is None or not text.strip():
        return {}
    try:
        found = json.loads(text)
        found = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        raise Rejected("BROKEN_METADATA") from None
    if not isinstance(found, dict | None):
        raise Rejected("BROKEN_METADATA")
    return found or {}


_NO_CENTS = (
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
_OTHER_DECIMALS = {
    **dict.fromkeys(_NO_CENTS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def money(value: Any, currency: Any = None) -> tuple[int | None, str | None]:
    """An amount in its currency's smallest unit, as a number or as text, in millionths of the currency, half-even; and
    the currency, US dollars where none is said."""
    if value is None or value == "":
        return None, None
    try:
        if isinstance(value, bool):
            raise Rejected("BAD_MONEY")
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise Rejected("BAD_MONEY") from None
    if not amount.is_finite() or not 0 <= amount < LARGEST_COUNT:
        raise Rejected("BAD_MONEY")
    currency = currency or "USD"
    if not (isinstance(currency, str) and CURRENCY.fullmatch(currency.strip())):
        raise Rejected("BAD_MONEY")
    name = currency.strip().upper()
    millionths = round(amount * 10**6 / 10 ** _OTHER_DECIMALS.get(name, 2))
    if millionths > 10**16:
        raise Rejected("BAD_MONEY")
    return millionths, name
