"""A quarter of a small team's business, normal and noisy, hour by hour; with or without what goes wrong on purpose.

The same seed is the same quarter: each hour of logs and each day of the generating system has chance of its own, so
what is planted changes nothing but the hours, or days, that it is planted in. Written before any threshold of a rule
was set, and not to be tuned to the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np

from tests.worlds.quarter_logs import Hour, hour_of_logs
from tests.worlds.quarter_palette import PaletteDay, palette_day
from tests.worlds.quarter_plants import OFTEN, Plant, plants
from tests.worlds.quarter_rhythm import Rhythm, rhythm

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
_MISSED = 0.01  # of the exports every five minutes


@dataclass(frozen=True)
class Quarter:
    """``kinds``: what goes wrong (quarter_plants.KINDS); none for a quarter in which nothing does. ``settling_days``
    come before the first of it."""

    seed: int
    days: int = 90
    kinds: Sequence[str] = OFTEN
    settling_days: int = 14

    @property
    def end(self) -> datetime:
        return BEGIN + timedelta(days=self.days)

    @cached_property
    def rhythm(self) -> Rhythm:
        return rhythm(self.seed, BEGIN, self.days)

    @cached_property
    def plants(self) -> list[Plant]:
        return plants(self.seed, self.rhythm, self.days, self.kinds, self.settling_days) if self.kinds else []

    def wrong(self, at: datetime) -> tuple[str, ...]:
        """Kinds of what goes wrong at that instant."""
        return tuple(plant.kind for plant in self.plants if plant.holds(at))

    def hour(self, number: int) -> Hour:
        """The storage's log of an hour (from 0), and what the app recorded of it."""
        at = BEGIN + timedelta(hours=number)
        return hour_of_logs(self._chance(3, number), number, at, self.rhythm.at(number), self.wrong(at))

    def palette(self, day: int) -> PaletteDay:
        """What the generating system has of a day (from 0), all told."""
        return _palette(self, day)

    def is_exported(self, at: datetime) -> bool:
        """Whether the export of that time, every five minutes, gets through."""
        number = int((at - BEGIN) / timedelta(minutes=5))
        return "export_stopped" not in self.wrong(at) and float(self._chance(5, number).random()) >= _MISSED

    def _chance(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, stream, number))

    def __hash__(self) -> int:
        return hash((self.seed, self.days, tuple(self.kinds), self.settling_days))


@lru_cache(maxsize=8)
def _palette(quarter: Quarter, day: int) -> PaletteDay:
    busy = quarter.rhythm.hours[day * 24 : day * 24 + 24]
    return palette_day(quarter._chance(4, day), BEGIN + timedelta(days=day), busy, quarter.wrong)
