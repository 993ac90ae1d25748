"""What people do with a generating system, as rows of its tables and as events of its document; and what is wrong
with some of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
_USERS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(9)]
_MODELS = ("nano-banana-pro", "flux-kontext", "veo-mini", "sketch beta", "Stable/XL:1.0", "unpriced")
_OF_BOTH = ("model_id", "model_name", "generation_type", "status")
_STATUSES = ("completed",) * 6 + ("failed", "failed", "pending", "Completed", "queued", "null", "done but for a bit")
_PROMPT = "a fox in the snow"
_APPS = ("elsewhere", "elsewhere", "storyboard-app", "Some App", None, "", f"{_PROMPT} at night")
_MESSAGES = (
    "Model timeout after 30s", f"refused: {_PROMPT}", "write to ann@example.org from 192.0.2.7", "first\nat stack.ts:7",
    "", None, "x" * 700,
)  # fmt: skip
_LASTED = (0.0, 0.001, 1.5, 4.5, 4.5, 4.5, 31.25, 3599.999, -2.0)
_CURRENCIES = ("usd", "EUR", None, " gbp ", "JPY", "kwd")
_MONEY = (999, "499", 4999.5, "0.5", 0, "1e3")
_BAD_MONEY = ("free", -5, True, 10**12, {"cents": 5})


@dataclass(slots=True)
class Writer:
    """Makes rows of a world's days. A class for the moments, charges and ids that come again and again."""

    rng: Random
    zone: ZoneInfo
    first: date
    days: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    moments: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        midnights = [self._midnight(number) for number in range(self.days + 1)]
        utc = [at.replace(hour=0, minute=0) + timedelta(days=1) for at in midnights[:-1]]
        self.moments = [*midnights, *midnights, *utc, *(self._any(midnights) for _ in range(5))]

    def _midnight(self, number: int) -> datetime:
        day = self.first + timedelta(days=number)
        return datetime.combine(day, datetime.min.time(), self.zone).astimezone(UTC)

    def _any(self, midnights: list[datetime]) -> datetime:
        return midnights[0] + (midnights[-1] - midnights[0]) * self.rng.random()

    def moment(self) -> datetime:
        """Often shortly before or after a midnight; in whole milliseconds."""
        offset = self.rng.choice((-3601, -3600, -1800, -1, -0.001, 0, 0, 0.5, 1, 59, 1799, 3599, 3600))
        at = self.rng.choice(self.moments) + timedelta(seconds=offset)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def identity(self) -> str:
        return f"10000000-0000-4000-8000-{next(self.numbers):012d}"

    def written(self, at: datetime) -> str:
        """In one of the spellings that SQLite's own functions read."""
        spelling = self.rng.random()
        if spelling < 0.5:
            return at.isoformat(" ", "milliseconds").removesuffix("+00:00")
        zone = self.rng.choice((UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")))
        return at.astimezone(zone).isoformat(self.rng.choice(" T"), "milliseconds")

    # --- rows ----------------------------------------------------------------------------------------

    def generations(self) -> list[Row]:
        """A charge: often one row, sometimes several, whose gaps are about an hour."""
        rng, at = self.rng, self.moment()
        user, model, charge = rng.choice(_USERS), rng.choice(_MODELS), f"r8-{rng.randrange(10**9)}"
        rows = []
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rows.append(self._row(at, user, model, rng.choice((charge, charge, charge, None))))
            at += timedelta(seconds=rng.choice((0, 1, 1800, 3599, 3600, 3600, 3601)))
        return rows

    def _row(self, at: datetime, user: str, model: str, charge: str | None) -> Row:
        rng, status = self.rng, self.rng.choice(_STATUSES)
        done = None if status == "pending" else self.written(at + timedelta(seconds=rng.choice(_LASTED)))
        return {
            "id": self.identity(), "user_id": user, "user_email": "ann@example.org", "prompt": _PROMPT,
            "gallery_id": rng.choice((None, self.identity(), f"file-{rng.randrange(9)}", f"{_PROMPT}!")),
            "prediction_id": charge,
            "generation_type": rng.choice(("image", "video", "Image", None)), "model_id": model,
            "model_name": rng.choice((None, f"{model} for all", "Fast & cheap", _PROMPT, " Nano ")), "status": status,
            "credits_cost": rng.choice((20, 5, "20", 0, None, "many")), "settings": "{}",
            "error_message": rng.choice(_MESSAGES), "created_at": self.written(at), "completed_at": done,
        }  # fmt: skip

    def transaction(self) -> Row:
        rng = self.rng
        kind = rng.choice(("purchase", "purchase", "usage", "generation", "refund", "bonus", "Adjustment", "gift card"))
        metadata: Any = {"model_id": rng.choice((*_MODELS, f"{_PROMPT} and more", 7)), "cost_cents": 4}
        if kind in ("purchase", "refund") and rng.random() < 0.8:
            metadata = {"amount_paid_cents": rng.choice(_MONEY), "currency": rng.choice(_CURRENCIES)}
        texts = (json.dumps(metadata), json.dumps(metadata), json.dumps(json.dumps(metadata)), None, "", "null")
        return {
            "id": self.identity(), "user_id": rng.choice(_USERS), "type": kind,
            "amount": rng.choice((100, -20, "-5", 0, 1200)), "description": _PROMPT, "metadata": rng.choice(texts),
            "created_at": self.written(self.moment()),
        }  # fmt: skip

    def prices(self) -> list[Row]:
        costs = (12, "4", 0, None, -3, "much", 7.25)
        return [
            {"model_id": model, "cost_cents": self.rng.choice(costs), "price_cents": 20}
            for model in self.rng.sample(_MODELS[:-1], 4)
        ]

    def bent(self, row: Row) -> Row:
        """The row, with one thing wrong in it, or the same id again."""
        at = self.written(self.moment())
        changes: list[Row] = [
            {"id": None}, {"id": "-"}, {"id": "i" * 129}, {"user_id": None}, {"user_id": " "}, {"user_id": "u" * 65},
            {"user_id": "ann@example.org"}, {"created_at": None}, {"created_at": "yesterday"},
            {"created_at": "0000-00-00"}, {"created_at": "1970-01-01 00:00:00"},
            {"created_at": at, "id": row["id"]}, {"created_at": at, "id": row["id"]},
        ]  # fmt: skip
        if "model_id" in row:
            changes += [
                {"model_id": None}, {"model_id": f"{_PROMPT} at night"}, {"model_id": "m" * 129}, {"status": "s" * 33},
                {"credits_cost": -1}, {"credits_cost": 7.5}, {"generation_type": "g" * 65},
                {"status": None, "id": row["id"]},
                {"prompt": "", "error_message": "none", "status": "failed"}, {"prediction_id": "p" * 129},
                {"created_at": "2999-01-01 00:00:00"},
            ]  # fmt: skip
        else:
            changes += [
                {"type": None}, {"amount": None}, {"amount": "lots"}, {"amount": 1.5}, {"metadata": "{broken"},
                {"metadata": "[1]"}, {"metadata": '{"amount_paid_cents": 5, "currency": "dollars"}'},
                *({"metadata": json.dumps({"amount_paid_cents": bad})} for bad in _BAD_MONEY),
            ]  # fmt: skip
        return {**row, "id": self.identity() if row["id"] else None, **self.rng.choice(changes)}

    # --- events --------------------------------------------------------------------------------------

    def events(self) -> Iterator[Row]:
        """One event of any shape, or the events of one charge."""
        what = self.rng.random()
        if what < 0.15:
            yield {**self._event("auth"), "action": self.rng.choice(("login", "signup", "SignUp", "logout"))}
        elif what < 0.3:
            yield {**self._event("error"), **self._error()}
        elif what < 0.45:
            yield {**self._event("credit_purchase"), **self._purchase()}
        elif what < 0.6:
            yield from self.generations()  # the table's rows, downloaded
        else:
            for row in self.generations():
                yield self._generation(row)

    def _event(self, event_type: str) -> Row:
        rng, at = self.rng, self.moment()
        texts = (at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), f"{at:%Y-%m-%d %H:%M}")
        spelled = (*texts, at.timestamp(), round(at.timestamp() * 1000))
        person: Row = rng.choice(({"user_id": rng.choice(_USERS)}, {"user_email": "Ann@example.org"}))
        event = {rng.choice(("timestamp", "time", "@timestamp", "ts", "datetime")): rng.choice(spelled), **person}
        event |= {"event_type": rng.choice((event_type, event_type.upper())), "app": rng.choice(_APPS)}
        if rng.random() < 0.6:
            event[rng.choice(("id", "event_id"))] = self.identity() if rng.random() < 0.8 else "an id with blanks"
        return event

    def _generation(self, row: Row) -> Row:
        rng = self.rng
        event = {**self._event("generation"), **{name: row[name] for name in _OF_BOTH}}
        event |= {"timestamp": row["created_at"], "user_id": row["user_id"]}
        event |= {
            "prediction_id": row["prediction_id"],
            "prompt": _PROMPT,
            "credits_used": rng.choice((2, "2", 0, None)),
        }
        event |= {"cost_cents": rng.choice((20, "19.5", None, 0)), "duration_ms": rng.choice((4500, "4500.5", 0, None))}
        event |= rng.choice(({}, {}, {"currency": "eur"}, {"currency": "JPY"}))
        return {**event, "error_message": row["error_message"], "completed_at": row["completed_at"]}

    def _purchase(self) -> Row:
        rng = self.rng
        more = {"transaction_id": f"ch_{rng.randrange(40)}"} if rng.random() < 0.5 else {}
        return {
            "amount_cents": rng.choice((*_MONEY, None)), "credits_purchased": rng.choice((100, "500", 0)),
            "currency": rng.choice(("eur", "USD", None, "jpy", "KWD")), "package_name": "100 Credits", **more,
        }  # fmt: skip

    def _error(self) -> Row:
        rng = self.rng
        return {
            "severity": rng.choice(("error", "FATAL", None)), "error_message": rng.choice(_MESSAGES),
            "error_type": rng.choice(("generation_failed", "TypeError", None, f"{_PROMPT} is no type")),
            "stack_trace": "at stack.ts:7",
        }  # fmt: skip

    def bent_event(self, event: Row) -> Any:
        """The event, with one thing wrong in it; or something else."""
        named = {"timestamp": None, "time": None, "@timestamp": None, "ts": None, "datetime": None, "created_at": None}
        changes: list[Any] = [
            {"event_type": "page_view"}, {"event_type": "e" * 33}, named, {**named, "ts": 0}, {**named, "time": "soon"},
            {**named, "timestamp": "2999-01-01T00:00:00Z"}, {"user_id": None, "user_email": "none"}, {"user_id": 7},
            {"user_id": "u" * 65}, {"model_id": None}, {"model_id": f"{_PROMPT} at night"}, {"model_id": "m" * 129},
            {"status": "s" * 33}, {"cost_cents": -1}, {"cost_cents": "free"}, {"credits_used": 1.5},
            {"duration_ms": -1}, {"duration_ms": "fast"}, {"credits_purchased": "many"}, {"amount_cents": "free"},
            {"currency": "dollars"}, {"currency": _PROMPT}, {"action": None}, {"action": "a" * 65},
            {"prediction_id": _PROMPT}, {"id": event.get("id")}, {"app": "a" * 129}, {"app": 7},
        ]  # fmt: skip
        if self.rng.random() < 0.1:
            return self.rng.choice((17, None, "text", [event]))
        return {**event, **self.rng.choice(changes)}
