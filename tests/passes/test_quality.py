"""The quality gate: planted faults are caught, on every engine, and what is sound passes; days heed the verdict.

Engines differ in what a suite's query answers, and Great Expectations sees nothing but that: each fault is judged by it
on one of them in turn, and on all by the plain gate, which has to find the very same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.demo.world import build
from mediameter.errors import WorldError
from mediameter.quality.suites import suites
from mediameter.steps.gate.quality import QualityReport, quality
from mediameter.steps.pass_.complaints import require_all_sound
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import fences, tenancy
from mediameter.store.warehouse import tables
from schemas.rollups import AUDIENCE_FAMILY, DAYS, TRAFFIC_FAMILY
from schemas.vocabulary import DEFAULT_TENANT
from tests import gate, servers
from tests.worlds.site import APP, NOW, Site

FIRST, SECOND = date(2025, 10, 31), date(2025, 11, 1)  # the world's days
_OF_A_DAY = "tenant = 'default' AND day = '2025-11-01'"
_OF_ITS_HOURS = "tenant = 'default' AND hour_at >= '2025-10-31 13:00:00' AND hour_at < '2025-11-01 13:00:00'"
_ONE_FILE = "(SELECT one FROM (SELECT MAX(path) AS one FROM lake_files WHERE kind = 'records') AS files)"


class Fault(NamedTuple):
    """What somebody does to a table, and the rule and table that tell of it."""

    table: str
    sql: str
    rule: str
    told: str


FAULTS = {
    "a row of hours gone": Fault(
        "traffic_hourly",
        f"DELETE FROM traffic_hourly WHERE {_OF_ITS_HOURS} AND operation_class = 'get_object' AND status_class = '2xx'",
        "hours.a_day_is_the_sum_of_its_hours",
        "traffic_daily",
    ),
    "a count moved between groups": Fault(
        "traffic_daily",
        f"UPDATE traffic_daily SET deliveries = deliveries + CASE status_class WHEN '2xx' THEN 7 ELSE -7 END"
        f" WHERE {_OF_A_DAY} AND status_class IN ('2xx', '4xx') AND operation_class = 'get_object'",
        "hours.a_day_is_the_sum_of_its_hours",
        "traffic_daily",
    ),
    "a histogram doubled": Fault(
        "response_time_buckets_hourly",
        f"UPDATE response_time_buckets_hourly SET observations = observations * 2 WHERE {_OF_ITS_HOURS}",
        "hours.a_day_is_the_sum_of_its_hours",
        "response_time_buckets_daily",
    ),
    "records counted twice": Fault(
        "days",
        f"UPDATE days SET duplicates = duplicates - 1 WHERE {_OF_A_DAY}",
        "lines.each_line_counts_once",
        "days distinct rows in the lake",
    ),
    "lines that became nothing": Fault(
        "days",
        f"UPDATE days SET ignored = ignored + 1 WHERE {_OF_A_DAY}",
        "lines.each_line_counts_once",
        "days ovh parsed + ignored + rejected",
    ),
    "a lake file that no longer counts": Fault(
        "lake_files",
        f"DELETE FROM lake_files WHERE path = {_ONE_FILE}",
        "lines.each_line_counts_once",
        "traffic_daily distinct rows in the lake",
    ),
    "a hole in the calendar": Fault(
        "days",
        "DELETE FROM days WHERE tenant = 'default' AND day = '2025-10-31'",
        "calendar.days_have_what_the_ledger_knows",
        "days ovh day before",
    ),
    "an endpoint gone": Fault(
        "endpoints_daily",
        f"DELETE FROM endpoints_daily WHERE {_OF_A_DAY} AND requests > 100",
        "groups.groups_add_up",
        "endpoints_daily",
    ),
    "an error made up": Fault(
        "errors_daily",
        "INSERT INTO errors_daily (tenant, day, application, endpoint, http_status, error_code, requests)"
        " VALUES ('default', '2025-11-01', 'castingly', 'get_object *', 503, 'SlowDown', 5)",
        "groups.groups_add_up",
        "errors_daily",
    ),
    "bytes that nobody pays": Fault(
        "bandwidth_cost_daily",
        f"UPDATE bandwidth_cost_daily SET bytes_sent = bytes_sent - 1 WHERE {_OF_A_DAY} AND application = 'castingly'",
        "groups.groups_add_up",
        "bandwidth_cost_daily",
    ),
    "a country for another application": Fault(
        "countries_daily",
        f"UPDATE countries_daily SET application = 'nobody' WHERE {_OF_A_DAY} AND application = 'castingly'",
        "groups.groups_add_up",
        "countries_daily",
    ),
    "nothing reconciled": Fault(
        "reconciliation_daily",
        f"DELETE FROM reconciliation_daily WHERE {_OF_A_DAY}",
        "groups.groups_add_up",
        "reconciliation_daily",
    ),
    "a slow request forgotten": Fault(
        "response_time_daily",
        f"UPDATE response_time_daily SET observations = observations - 1 WHERE {_OF_A_DAY} AND application = '*'"
        " AND operation_class = '*' AND measure = 'total'",
        "groups.groups_add_up",
        "response_time_daily",
    ),
    "a file that was never served": Fault(
        "media_file_daily",
        f"DELETE FROM media_file_daily WHERE {_OF_A_DAY} AND application = 'castingly'",
        "parts.no_less_than_there_is",
        "media_file_daily castingly",
    ),
    "an error that no crawler caused": Fault(
        "endpoints_daily",
        f"UPDATE endpoints_daily SET errors_without_crawlers = errors + 1 WHERE {_OF_A_DAY}",
        "parts.no_more_than_there_is",
        "endpoints_daily",
    ),
    "a failing storage laid on crawlers": Fault(
        "endpoints_daily",
        f"UPDATE endpoints_daily SET errors_without_crawlers = 0, server_errors = server_errors + 1 WHERE {_OF_A_DAY}",
        "parts.no_less_than_there_is",
        "endpoints_daily",
    ),
    "an address that asked more than all": Fault(
        "addresses_daily",
        f"UPDATE addresses_daily SET bytes_sent = bytes_sent + 9000000000000 WHERE {_OF_A_DAY} AND address = 'other'",
        "parts.no_more_than_there_is",
        "addresses_daily",
    ),
    "percentiles in disorder": Fault(
        "response_time_daily",
        f"UPDATE response_time_daily SET p95_ms = p99_ms + 1 WHERE {_OF_A_DAY} AND application = 'castingly'"
        " AND operation_class = '*' AND measure = 'total'",
        "percentiles.p95_is_at_most_p99",
        "response_time_daily castingly * total",
    ),
    "less than nobody": Fault(
        "audience_trailing",
        f"UPDATE audience_trailing SET unique_addresses = -1 WHERE {_OF_A_DAY} AND application = '*'",
        "measures.no_measure_is_negative",
        "audience_trailing",
    ),
}


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's world of two days, with its application; nothing taken in yet."""
    folder = tmp_path_factory.mktemp("world")
    world = build(folder / "world", days=1, last_day=FIRST)
    shutil.copytree(world.bucket, folder / "site" / "bucket")
    shutil.copy(world.application, folder / "site" / APP)
    shutil.copy(world.countries, folder / "site" / "countries.csv")
    return folder / "site"


@pytest.fixture(scope="module", params=servers.ENGINES)
def site(request: pytest.FixtureRequest, laid_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The world, metered on each engine. A test leaves it as it was."""
    folder = tmp_path_factory.mktemp(request.param)
    with servers.new_database(request.param, folder) as url:
        site = replace(Site(laid_out).copied(folder / "site"), server=url)
        with gate.plainly(request.param != "sqlite"):
            summary = run(site.settings(), now=NOW)
            assert summary.quality == QualityReport([FIRST.isoformat(), SECOND.isoformat()], [])
            yield site


def rows(site: Site, table: str) -> list[dict[str, object]]:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.reading(made) as connection:
        found = [dict(row) for row in connection.execute(sa.select(tables[table])).mappings()]
    made.dispose()
    return found


def planted(site: Site, *statements: sa.Executable, judge: date = SECOND) -> None:
    """Something is written into a day, past the rollup; as of now it is to be judged."""
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        for statement in statements:
            connection.execute(statement)
        fences.mark_dirty(connection, "quality", {judge})
    made.dispose()


def restored(site: Site, table: str, before: list[dict[str, object]]) -> None:
    """The table has its rows again; the day waits to be judged."""
    planted(site, tables[table].delete())
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        connection.execute(tables[table].insert(), before)
    made.dispose()


def finality(site: Site) -> dict[date, tuple[bool, bool]]:
    """Of each day, whether it is final and whether it is suspect, as the views say."""
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    query = (
        "SELECT days.day, is_final, day_finality.is_suspect FROM days JOIN day_finality ON day_finality.day = days.day"
    )
    with connect.reading(made) as connection:
        found = connection.execute(sa.text(query).columns(day=sa.Date())).all()
    made.dispose()
    return {day: (bool(is_final), bool(is_suspect)) for day, is_final, is_suspect in found}


def judged(site: Site) -> dict[date, tuple[bool, bool]]:
    """The same once what waits has been judged: all days are final, whichever test was the last here."""
    with gate.plainly():
        assert not quality(site.settings(), now=NOW).broken
    found = finality(site)
    assert all(is_final for is_final, _ in found.values())
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(site: Site, name: str) -> None:
    fault, settings = FAULTS[name], site.settings()
    before = rows(site, fault.table)
    planted(site, sa.text(fault.sql))
    assert rows(site, fault.table) != before, "nothing was planted"

    with gate.plainly():
        found = quality(settings, now=NOW)
    if gate.has_turn(list(FAULTS).index(name), site.url):  # what the plain one finds on each, the real one finds on one
        planted(site)
        with gate.plainly(False):
            assert quality(settings, now=NOW) == found
    assert found.suspect_days == [SECOND.isoformat()]
    details = {f"{each['suite']}.{each['rule']}": each["detail"] for each in found.broken}
    assert fault.told in details[fault.rule]
    assert not finality(site)[SECOND][0], "the day is final"

    restored(site, fault.table, before)


def test_what_is_sound_again_passes(site: Site) -> None:
    """After all faults: the days are what they were."""
    assert quality(site.settings(), now=NOW) == QualityReport([SECOND.isoformat()], [])
    assert all(is_final for is_final, _ in finality(site).values())


@pytest.mark.in_turn
def test_a_broken_day_is_told_and_a_repaired_one_is_final_again(site: Site) -> None:
    settings, fault = site.settings(), FAULTS["percentiles in disorder"]
    sound = judged(site)
    planted(site, sa.text(fault.sql))
    summary = run(settings, now=NOW)
    assert any(f"{SECOND} breaks {fault.rule}" in line for line in summary.lines()) and summary.has_failed
    with pytest.raises(WorldError, match=rf"{SECOND}: .*{fault.rule}.*mediameter backfill {SECOND}"):
        require_all_sound(summary.quality.to_dict())
    told = status(settings, now=NOW)
    assert told.is_late
    assert [(each.day, f"{each.suite}.{each.rule}") for each in told.broken_rules] == [(SECOND, fault.rule)]
    suspect = {each.day: each.why for each in told.suspicions}
    assert suspect.pop(SECOND) == (f"breaks the rule {fault.rule}",)
    assert all("refused" in " ".join(why) for why in suspect.values())
    assert finality(site) == {**sound, SECOND: (False, True)}

    rollup(settings, now=NOW)  # a later listing does not make it final
    assert finality(site) == {**sound, SECOND: (False, True)}

    mended = backfill(settings, Task(SECOND, SECOND), now=NOW)
    assert not mended.quality.broken and SECOND.isoformat() in mended.quality.days
    assert finality(site) == sound
    told = status(settings, now=NOW)
    assert not told.broken_rules and SECOND not in {each.day for each in told.suspicions}


@pytest.mark.in_turn
def test_a_day_that_nobody_has_judged_is_not_final(site: Site) -> None:
    """As after a run that was killed between rollup and gate: the next one judges what was not judged."""
    settings, sound = site.settings(), judged(site)
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        fences.mark_dirty(connection, "traffic", {FIRST})
    made.dispose()
    assert rollup(settings, now=NOW).days == [FIRST.isoformat()]
    assert not finality(site)[FIRST][0] and finality(site)[SECOND][0]
    assert run(settings, now=NOW).quality.days == [FIRST.isoformat()]
    assert finality(site) == sound


@pytest.mark.in_turn
def test_days_of_an_older_warehouse_are_all_judged(site: Site) -> None:
    """They were final before there was a gate."""
    settings, sound = site.settings(), judged(site)
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        connection.execute(tables["fences"].delete().where(tables["fences"].c.family == "quality"))
        connection.execute(tables["quality_checks_daily"].delete())
    made.dispose()
    rollup(settings, now=NOW)
    assert not any(is_final for is_final, _ in finality(site).values())
    assert quality(settings, now=NOW).days == [FIRST.isoformat(), SECOND.isoformat()]
    assert finality(site) == sound


@pytest.mark.in_turn
def test_a_day_that_waits_to_be_computed_is_not_judged(site: Site) -> None:
    settings = site.settings()
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        for family in ("traffic", "quality"):
            fences.mark_dirty(connection, family, {FIRST})
    made.dispose()
    assert quality(settings, now=NOW).days == []
    assert run(settings, now=NOW).quality.days == [FIRST.isoformat()]


def test_measures_are_all_asked_for() -> None:
    [suite] = [suite for suite in suites(Path("nowhere")) if suite.name == "measures"]
    for contract in (*TRAFFIC_FAMILY, *AUDIENCE_FAMILY, DAYS):
        part = suite.query.partition(f"'{contract.name}'")[2].partition("UNION ALL")[0]
        assert all(f"{measure} < 0" in part for measure in contract.measures), contract.name
