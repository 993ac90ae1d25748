"""A day of a system that generates pictures: sessions, failures that come together, purchases, credits, errors.

Rows as the lake keeps them (schemas/palette.py), and when each is first seen and done. Tables know no kind of error:
what failed is told by its message alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from schemas.frames import polars_schema
from schemas.palette import APP_ERROR, CREDIT, GENERATION

MODELS = {
    "nano-banana-pro": (0.55, "image", 9.0, 120_000, 20),
    "flux-kontext": (0.37, "image", 5.0, 40_000, 8),
    "veo-mini": (0.05, "video", 46.0, 1_500_000, 250),
    "sketch-beta": (0.03, "image", 7.0, None, 5),
}
"""Share, type, median seconds, micros that the provider takes (None: nobody knows), credits."""
_NAMES, _SHARES = tuple(MODELS), tuple(each[0] for each in MODELS.values())
_SESSIONS = 11.0  # in the busiest usual hour, of five generations and a half
_PURCHASES = 4.2  # on a usual day
_PACKAGES = {500: 499, 1200: 999, 7000: 4999}
_FAILURES = ("Model timeout after 30s", "Output flagged by the safety filter", "provider: internal error")
_TURNED_AWAY = "provider: rate limit reached (429)"
_ERRORS = ("TIMEOUT", "NETWORK", "VALIDATION", "STORAGE")


@dataclass(slots=True)
class PaletteDay:
    """Frames of the lake's columns; the first also has ``done_at`` (null: pending for ever). Sorted by ``at``."""

    generations: pl.DataFrame
    credits: pl.DataFrame
    app_errors: pl.DataFrame


@dataclass(slots=True)
class _Writing:
    """A class for its state: the rows, and how many there are."""

    rng: np.random.Generator
    day: datetime
    generations: list[dict[str, Any]] = field(default_factory=list)
    credits: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    lumps: list[tuple[datetime, datetime, str, float]] = field(default_factory=list)
    slow: list[tuple[datetime, datetime, str, float]] = field(default_factory=list)

    def id(self) -> str:
        number = self.rng.bytes(16).hex()
        return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-a{number[17:20]}-{number[20:]}"


def palette_day(rng: np.random.Generator, day: datetime, busy: np.ndarray, wrong: Any) -> PaletteDay:
    """``busy``: of the day's hours. ``wrong(at)``: kinds of what goes wrong at an instant."""
    made = _Writing(rng, day)
    made.lumps = _spells(rng, day, 0.9, (12, 30), (0.15, 0.35))
    made.slow = _spells(rng, day, 0.25, (20, 60), (2.0, 4.0))
    for hour, level in enumerate(busy):
        meant = level * _SESSIONS * rng.gamma(5, 1 / 5)
        for _ in range(rng.poisson(meant)):
            _session(made, day + timedelta(hours=hour, seconds=rng.uniform(0, 3600)), wrong)
    _purchases(made, float(busy.sum()) / 13, wrong)
    _errors(made, float(busy.sum()) / 13, wrong)
    return PaletteDay(
        _frame(made.generations, {**polars_schema(GENERATION), "done_at": pl.Datetime("us", "UTC")}),
        _frame(made.credits, polars_schema(CREDIT)),
        _frame(made.errors, polars_schema(APP_ERROR)),
    )


def _spells(
    rng: np.random.Generator, day: datetime, often: float, minutes: tuple[int, int], how: tuple[float, float]
) -> list[tuple[datetime, datetime, str, float]]:
    """Whiles in which one model does not do well: begin, end, model, how badly."""
    found = []
    for _ in range(rng.poisson(often)):
        begin = day + timedelta(hours=rng.uniform(0, 23))
        end = begin + timedelta(minutes=rng.uniform(*minutes))
        found.append((begin, end, _NAMES[rng.choice(len(_NAMES), p=_SHARES)], rng.uniform(*how)))
    return found


def _spell(spells: list[tuple[datetime, datetime, str, float]], model: str, at: datetime) -> float:
    """How badly the model does at that instant; 0 where it does well."""
    return max((how for begin, end, of, how in spells if begin <= at < end and of == model), default=0.0)


# --- generations -------------------------------------------------------------------------------------


def _session(made: _Writing, at: datetime, wrong: Any) -> None:
    """One user, who makes some pictures one after the other and stays with a model, mostly."""
    rng = made.rng
    user, model = f"user-{int(180 * rng.random() ** 2):03d}", _NAMES[rng.choice(len(_NAMES), p=_SHARES)]
    end = made.day + timedelta(days=1)
    left = 1 + rng.geometric(1 / 4.5)
    while left > 0 and at < end:
        is_failed = _generation(made, user, model, at, wrong(at))
        left -= 0 if is_failed and rng.random() < 0.5 else 1  # half of those who fail try once more
        at += timedelta(seconds=rng.lognormal(3.6, 0.7))
        if rng.random() < 0.1:
            model = _NAMES[rng.choice(len(_NAMES), p=_SHARES)]


def _generation(made: _Writing, user: str, model: str, at: datetime, wrong: Collection[str]) -> bool:
    """Whether it failed."""
    rng, charge = made.rng, f"r8-{made.rng.bytes(8).hex()}"
    _, kind, seconds, cost, credits = MODELS[model]
    message = _failure(made, model, at, wrong)
    seconds *= rng.lognormal(0, 0.45) * max(1.0, _spell(made.slow, model, at)) * (6 if "slow_models" in wrong else 1)
    seconds = rng.uniform(1, 30) if message else seconds
    is_stuck = not message and rng.random() < 0.002
    # The table tells no cost; a row that does is our way to let the provider's price rise within a day.
    paid = cost * 9 // 5 if cost and "cost_up" in wrong else None
    made.generations.append({
        "event_id": made.id(), "at": at, "user_id": user, "generation_type": kind, "model": model,
        "status": "pending" if is_stuck else "failed" if message else "completed", "charge_id": charge,
        "outputs": int(not message and not is_stuck), "duration_ms": None if is_stuck else int(seconds * 1000),
        "credits_charged": credits, "cost_micros": paid, "currency": "USD" if paid else None, "message": message,
        "done_at": None if is_stuck else at + timedelta(seconds=seconds),
    })  # fmt: skip
    _move(made, at, user, "usage", -credits, model)
    if message:
        _move(made, at + timedelta(seconds=seconds), user, "refund", credits, model)
    return message is not None


def _failure(made: _Writing, model: str, at: datetime, wrong: Collection[str]) -> str | None:
    chance = made.rng.random()
    if "provider_down" in wrong and chance < 0.85:
        return _FAILURES[2]
    if "rate_limits" in wrong and chance < 0.25:
        return _TURNED_AWAY
    worse = _spell(made.lumps, model, at)
    if chance < 0.0005:
        return _TURNED_AWAY
    return _FAILURES[int(made.rng.integers(3))] if chance < 0.014 + worse else None


# --- credits, money, errors --------------------------------------------------------------------------


def _move(
    made: _Writing, at: datetime, user: str, kind: str, credits: int, model: str | None, paid: Any = None
) -> None:
    made.credits.append({
        "event_id": made.id(), "at": at, "user_id": user, "transaction_type": kind, "model": model, "credits": credits,
        "paid_micros": paid, "currency": "USD" if paid else None,
    })  # fmt: skip


def _purchases(made: _Writing, level: float, wrong: Any) -> None:
    """A few a day, some days none; one in sixty is paid back. ``level``: how busy the day is meant to be."""
    rng = made.rng
    for _ in range(rng.poisson(_PURCHASES * level * rng.gamma(4, 1 / 4))):
        at = made.day + timedelta(hours=rng.triangular(6, 18, 24))
        granted = tuple(_PACKAGES)[rng.choice(3, p=(0.45, 0.42, 0.13))]
        user, paid = f"user-{int(rng.integers(180)):03d}", _PACKAGES[granted] * 10_000
        if "revenue_collapse" not in wrong(at):
            _move(made, at, user, "purchase", granted, None, paid)
            if rng.random() < 1 / 60:
                _move(made, at + timedelta(minutes=rng.uniform(5, 60)), user, "refund", -granted, None, -paid)
    for _ in range(rng.poisson(0.8)):
        at = made.day + timedelta(hours=rng.uniform(8, 17))
        _move(made, at, f"user-{int(rng.integers(180)):03d}", "refund", int(rng.choice((8, 20, 20, 40, 250))), None)
    for minute in range(1440):
        at = made.day + timedelta(minutes=minute)
        if "refund_wave" in wrong(at):
            _move(made, at, f"user-{int(rng.integers(180)):03d}", "refund", int(rng.choice((20, 40, 250))), None)


def _errors(made: _Writing, level: float, wrong: Any) -> None:
    rng = made.rng
    for _ in range(rng.poisson(2.5 * level)):
        first, kind = made.day + timedelta(hours=rng.uniform(0, 23.5)), _ERRORS[int(rng.integers(4))]
        for number in range(rng.geometric(0.4)):
            _error(made, first + timedelta(seconds=40 * number), kind)
    for _ in range(rng.poisson(0.5 * level)):
        _error(made, made.day + timedelta(hours=rng.uniform(7, 24)), "RATE_LIMIT")
    for number in range(0, 1440, 3):
        if "rate_limits" in wrong(made.day + timedelta(minutes=number)):
            _error(made, made.day + timedelta(minutes=number + rng.uniform(0, 3)), "RATE_LIMIT")


def _error(made: _Writing, at: datetime, kind: str) -> None:
    made.errors.append({
        "event_id": made.id(), "at": at, "user_id": None, "severity": "error" if made.rng.random() < 0.7 else "warning",
        "error_type": kind, "message": None,
    })  # fmt: skip


def _frame(rows: list[dict[str, Any]], schema: Any) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row").sort("at", "event_id")
