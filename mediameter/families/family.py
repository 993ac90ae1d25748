"""What one family of rollups says about itself. The engine (`steps.rollup`) and the gate read these fields; neither of
them knows any family by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.store import warehouse
from mediameter.store.acts import Repriced
from mediameter.store.days import DayRow
from schemas.contract import Contract


@dataclass(frozen=True, slots=True)
class DirtyDay:
    """A reporting day that is being computed, from ``begin`` to ``end``. ``epoch``: what the computation can claim to
    know; ``is_frozen``: the day's raw data has gone."""

    day: date
    begin: datetime
    end: datetime
    epoch: int
    is_frozen: bool

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return self.begin, self.end


@dataclass(frozen=True, slots=True)
class Computed:
    """The rows of a day by table; a table that is not here keeps the rows it has. ``counts``: what the family itself
    needs in order to write the day's row in `days`, and to tell what follows from it."""

    frames: Mapping[Contract, pl.DataFrame]
    counts: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How a family stands in the table `days`, and what the gate must know to judge it.

    ``verdicts``: the fence of its verdicts. ``sources``: whose rows it has in `days`; ``rows``: these rows, written in
    the transaction that replaces the day. ``forgets_sources``: a source that has gone from the settings loses its row.
    ``parameters``: what queries of suites may ask for beside what every family gives, and ``in_lake`` their values for
    an interval, counted in the lake by other ways than the rollup's. ``tables``: what belongs to the family and is
    written by another step. ``reported_as``: the list of the gate's report that names the days.
    """

    verdicts: str
    sources: Callable[[Settings], Collection[str]]
    rows: Callable[[sa.Connection, Settings, DirtyDay, Computed], Mapping[str, DayRow]]
    parameters: tuple[str, ...]
    in_lake: Callable[[sa.Connection, Settings, datetime, datetime], dict[str, Any]]
    forgets_sources: bool = False
    tables: tuple[Contract, ...] = ()
    reported_as: str = ""


def _nothing_to_prepare(connection: sa.Connection, settings: Settings) -> Repriced | None:
    return None


def _no_other_days(connection: sa.Connection, settings: Settings, dirty: set[date]) -> set[date]:
    return set()


def _nothing_stood(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> Any:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A row of FAMILIES: rollups that are computed together, day by day, behind one fence.

    ``name``: of the family and of its fence. ``tables``: what a day of it replaces. ``version`` and ``fingerprint``
    are what the figures rest on beside the lake; when one of them changes, every day is dirty.

    Before all else ``prepare`` writes what the settings say (prices), ``known`` names the days that must have a fence,
    and ``spread`` the days that become dirty because others are. Then, for each dirty day: ``look`` reads what the day
    rests on, in one snapshot; ``compute`` makes its rows of that, outside of any transaction. In the transaction that
    replaces the day, ``stood`` reads what is about to be replaced, and ``settle`` marks what follows from the change;
    it returns whether the verdict on the day no longer holds.

    ``judged``: None for a family that has no verdict of its own, since its days trail those of the family ``trails``.
    ``spares_frozen``: its frozen days are not computed at all. ``at_once``: how many days are computed side by side.
    ``reported_as``: the list of the report that names the days that were written; empty: they are not reported.
    """

    name: str
    tables: tuple[Contract, ...]
    version: int
    fingerprint: Callable[[Settings], str]
    known: Callable[[sa.Connection, Settings], set[date]]
    look: Callable[[sa.Connection, Settings, DirtyDay], Any]
    compute: Callable[[sa.Engine, Settings, DirtyDay, Any], Computed]
    settle: Callable[[sa.Connection, Settings, DirtyDay, Computed, Any], bool]
    stood: Callable[[sa.Connection, Settings, DirtyDay, Computed], Any] = _nothing_stood
    prepare: Callable[[sa.Connection, Settings], Repriced | None] = _nothing_to_prepare
    spread: Callable[[sa.Connection, Settings, set[date]], set[date]] = _no_other_days
    judged: Judged | None = None
    trails: str = ""
    spares_frozen: bool = True
    at_once: int = 1
    reported_as: str = ""

    def basis(self, settings: Settings) -> str:
        """Fingerprint of all that the rollups rest on beside the lake: settings and code."""
        return f"{self.version}:{self.fingerprint(settings)}"


def whole(tables: Collection[Contract], frames: Mapping[Contract, pl.DataFrame]) -> dict[Contract, pl.DataFrame]:
    """The frames of all these tables; without rows where there is no frame."""
    return {contract: frames.get(contract, warehouse.empty(contract)) for contract in tables}
