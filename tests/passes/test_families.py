"""A third family is a row: registered here, it is rolled up, fenced, gated and settled by the house's own engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import connect, families
from mediameter.commands.run import run
from mediameter.families.family import Computed, DirtyDay, Family, Judged
from mediameter.settings import Settings
from mediameter.steps.gate.quality import quality
from mediameter.steps.progress import quiet
from mediameter.steps.rollup import replacing
from mediameter.steps.rollup.rollup import roll_up, rollup
from mediameter.store import days, fences, listings, objects, reach, tenancy, warehouse
from mediameter.store.days import DayRow
from schemas.contract import Contract, key, measure
from schemas.vocabulary import DAY_FAMILIES, DEFAULT_TENANT, FAMILY_OF_LAKE, LAKE_KINDS, REACH_BESIDE_EVENTS_S, REACH_S
from tests.worlds.month import FIRST, NOW, month
from tests.worlds.site import Site

NAME, VERDICTS, SOURCE = "objects", "objects_quality", "shelf"
SECOND = FIRST + timedelta(days=1)
OBJECTS_DAILY = Contract(
    "objects_daily",
    "tenant, day",
    "Objects with records of a day.",
    (key("tenant", "text", "Tenant."), key("day", "day", "Reporting day."), measure("objects", "Objects.")),
)
TABLE = sa.Table(
    OBJECTS_DAILY.name,
    sa.MetaData(),
    sa.Column("tenant", sa.String(255), primary_key=True),
    sa.Column("day", sa.Date(), primary_key=True),
    sa.Column("objects", sa.BigInteger(), nullable=False),
)
SUITE = f"""family: {NAME}
query: SELECT objects, :shelves AS shelves FROM objects_daily WHERE tenant = :tenant AND day = :day
expectations:
  - rule: some
    type: expect_column_values_to_be_between
    kwargs: {{column: objects, min_value: 0, max_value: MOST}}
"""


# --- the family --------------------------------------------------------------------------------------
def _known(connection: sa.Connection, settings: Settings) -> set[date]:
    return set(reach.known_days(connection, settings.reporting.zone))


def _look(connection: sa.Connection, settings: Settings, day: DirtyDay) -> int:
    [source] = settings.log_sources
    return objects.day_counts(connection, source, *day.bounds)["objects"]


def _compute(made: sa.Engine, settings: Settings, day: DirtyDay, seen: int) -> Computed:
    rows = [(settings.tenant, day.day, seen)]
    return Computed({OBJECTS_DAILY: warehouse.frame_of(rows, OBJECTS_DAILY)}, seen)


def _settle(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed, stood: Any) -> bool:
    return True


def _rows(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> dict[str, DayRow]:
    return {SOURCE: DayRow(computed.counts, 0, 0, 0, 0, 0)}


def _in_lake(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> dict[str, Any]:
    return {"lake_rows": 0, "lake_records": 0, "shelves": 1}


THIRD = Family(
    name=NAME,
    tables=(OBJECTS_DAILY,),
    version=1,
    fingerprint=lambda _: "as ever",
    known=_known,
    look=_look,
    compute=_compute,
    settle=_settle,
    judged=Judged(VERDICTS, lambda _: [SOURCE], _rows, ("shelves",), _in_lake, reported_as="object_days"),
    at_once=3,
    reported_as="object_days",
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Two days of logs, metered; from now on there is a third family, whose source is complete."""
    site = Site(tmp_path / "site")
    site.deliver(month(days=2))
    run(site.settings(), now=NOW)
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, THIRD))
    monkeypatch.setitem(warehouse.tables, OBJECTS_DAILY.name, TABLE)
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.altering(made) as connection:
        TABLE.create(connection)
    with connect.writing(made) as connection:
        listings.record_listing(connection, SOURCE, NOW, objects=0, pending=0, through=NOW)
    made.dispose()
    return site


@pytest.fixture
def made(site: Site) -> Iterator[sa.Engine]:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    yield made
    made.dispose()


def standing(made: sa.Engine) -> dict[date, tuple[str, bool, int]]:
    """State, suspicion and revision of the family's days."""
    found = warehouse.tables["days"]
    query = sa.select(found.c.day, found.c.state, found.c.is_suspect, found.c.revision).where(found.c.family == NAME)
    with connect.reading(made) as connection:
        return {row.day: (row.state, row.is_suspect, row.revision) for row in connection.execute(query)}


def gate_knows(site: Site, most: int) -> Settings:
    """A suite that allows at most so many objects a day."""
    (site.folder / "expectations").mkdir(exist_ok=True)
    (site.folder / "expectations" / "shelf.yaml").write_text(SUITE.replace("MOST", str(most)))
    return site.settings()


# --- the engine --------------------------------------------------------------------------------------
def test_a_third_family_is_rolled_up_and_settled(site: Site, made: sa.Engine) -> None:
    report = rollup(site.settings(), now=NOW)
    assert report.days == [], "the others have nothing to do"
    assert {str(FIRST), str(SECOND)} <= set(report.others["object_days"])
    assert report.to_dict()["others"] == report.others
    with connect.reading(made) as connection:
        written = {row.day: row.objects for row in connection.execute(sa.select(TABLE))}
        done = fences.done_days(connection, NAME)
    assert written.keys() == done == set(map(date.fromisoformat, report.others["object_days"]))
    assert written[FIRST] > 0 and standing(made)[FIRST] == ("open", False, 1)
    assert rollup(site.settings(), now=NOW).others == {}, "nothing has changed since"

    with connect.writing(made) as connection:
        fences.mark_dirty(connection, NAME, {SECOND})
    assert rollup(site.settings(), now=NOW).others == {"object_days": [str(SECOND)]}
    assert (standing(made)[FIRST][2], standing(made)[SECOND][2]) == (1, 2)


def test_a_third_family_is_judged_behind_a_fence_of_its_own(site: Site, made: sa.Engine) -> None:
    settings = gate_knows(site, most=10**6)
    rollup(settings, now=NOW)
    judged = quality(settings, now=NOW)
    assert str(FIRST) in judged.others["object_days"] and not judged.broken
    assert standing(made)[FIRST] == ("final", False, 1)

    with connect.writing(made) as connection:  # another figure: its verdict no longer holds, and nobody else's
        fences.mark_dirty(connection, NAME, {FIRST})
    assert quality(settings, now=NOW).others == {}, "it is still to be computed"
    rollup(settings, now=NOW)
    assert standing(made)[FIRST] == ("open", False, 2)
    again = quality(settings, now=NOW)
    assert (again.days, again.generation_days, again.others) == ([], [], {"object_days": [str(FIRST)]})

    spoilt = quality(gate_knows(site, most=0), now=NOW)
    assert {each["family"] for each in spoilt.broken} == {NAME} and standing(made)[FIRST] == ("open", True, 2)


def test_whoever_knows_less_writes_nothing(site: Site, made: sa.Engine) -> None:
    settings = site.settings()
    rollup(settings, now=NOW)
    with connect.writing(made) as connection:
        fences.mark_dirty(connection, NAME, {FIRST})
    late = replacing._compute(made, settings, THIRD, FIRST)
    with connect.writing(made) as connection:
        fences.mark_dirty(connection, NAME, {FIRST})
    assert not replacing._replace(made, settings, THIRD, *late)
    assert standing(made)[FIRST][2] == 1
    assert roll_up(made, settings, THIRD, quiet(), pytest.fail) == [FIRST]


def test_a_frozen_day_is_spared(site: Site, made: sa.Engine) -> None:
    settings = site.settings()
    rollup(settings, now=NOW)
    before = replacing._compute(made, settings, THIRD, FIRST)
    table = warehouse.tables["days"]
    with connect.writing(made) as connection:
        connection.execute(table.update().where(table.c.day == FIRST, table.c.family == NAME).values(state="frozen"))
        fences.mark_dirty(connection, NAME, {FIRST})
        assert days.frozen(connection, settings) == {FIRST}
    assert roll_up(made, settings, THIRD, quiet(), pytest.fail) == []
    assert not replacing._replace(made, settings, THIRD, *before)
    assert standing(made)[FIRST][0] == "frozen"


# --- the house's own ---------------------------------------------------------------------------------
def test_families_and_vocabulary_name_the_same() -> None:
    assert tuple(families.verdict_fences()) == DAY_FAMILIES
    assert {family.trails for family in families.FAMILIES if not family.judged} <= set(DAY_FAMILIES)
    assert set(FAMILY_OF_LAKE.values()) == set(REACH_S) == set(REACH_BESIDE_EVENTS_S) == set(DAY_FAMILIES)
    assert FAMILY_OF_LAKE.keys() <= set(LAKE_KINDS)
    fences = families.fences()
    assert len(fences) == len(set(fences))


def test_no_table_is_of_two_families() -> None:
    of = [contract for family in families.FAMILIES for contract in family.tables]
    assert len(of) == len(set(of))
