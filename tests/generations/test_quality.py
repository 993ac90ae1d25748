"""The quality gate over generations: planted faults are caught on every engine, sound days pass, and a day's traffic
and its generations are final each for itself. By whom a fault is judged, says `tests/passes/test_quality.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from mediameter import connect, families
from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.demo.palette import Palette
from mediameter.errors import WorldError
from mediameter.quality.suites import Suite, parameters, suites
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.gate.gates import values
from mediameter.steps.gate.quality import QualityReport, quality
from mediameter.steps.pass_.complaints import require_all_sound
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import fences, tenancy
from mediameter.store.warehouse import tables
from schemas.generations import ACTIVE_FAMILY, GENERATION_FAMILY, GENERATIONS_DAILY
from schemas.rollups import DAYS
from schemas.vocabulary import DEFAULT_TENANT
from tests import gate, servers
from tests.generations.files import OF_STUDIO, Box, app_error, generation, lines, purchase, sign_in
from tests.generations.palette import NOON
from tests.worlds.month import month
from tests.worlds.site import PALETTE, Site

FIRST, SECOND, THIRD = (
    date(2025, 10, n) for n in (1, 2, 3)
)  # the second is spoilt; what began before midnight may go on in the third
NOW = datetime(2025, 10, 4, 12, tzinfo=UTC)
VERDICT_FENCES = families.verdict_fences()
SPOILT = {VERDICT_FENCES["generations"]: SECOND}
ALL_FINAL = {FIRST: {("final", False)}, SECOND: {("final", False)}}
_OF_A_DAY = "tenant = 'default' AND day = '2025-10-02'"
_OF_ITS_HOURS = "tenant = 'default' AND hour_at >= '2025-10-02 00:00:00' AND hour_at < '2025-10-03 00:00:00'"
_OF_DAYS = f"UPDATE days SET {{}} WHERE {_OF_A_DAY} AND source = 'files'"
_ONE_FILE = "(SELECT one FROM (SELECT MAX(path) AS one FROM lake_files WHERE kind = 'credits' AND source = 'palette'\
 AND file_day = '2025-10-02') AS files)"


class Fault(NamedTuple):
    """What somebody does to a table, and the rule and table that tell of it."""

    table: str
    sql: str
    rule: str
    told: str


def _of(table: str, change: str, rule: str, told: str = "", where: str = _OF_A_DAY) -> Fault:
    return Fault(table, f"UPDATE {table} SET {change} WHERE {where}", rule, told or table)


_ONCE, _LEDGER = "generation_lines.each_event_counts_once", "generation_calendar.days_have_what_the_ledger_knows"
_SUM, _GROUPS = "generation_hours.a_day_is_the_sum_of_its_hours", "generation_groups.groups_add_up"
_PART = "generation_parts.no_more_than_there_is"
FAULTS = {
    "an hour gone": Fault(
        "generations_hourly",
        f"DELETE FROM generations_hourly WHERE {_OF_ITS_HOURS} AND status = 'failed'",
        _SUM,
        "generations_daily",
    ),
    "a cost moved between models": _of(
        "generations_daily",
        "cost_micros = cost_micros + CASE model WHEN 'flux-kontext' THEN 7 ELSE -7 END",
        _SUM,
        where=f"{_OF_A_DAY} AND model IN ('flux-kontext', 'veo-mini') AND status = 'completed' AND source = 'palette'",
    ),
    "a histogram doubled": _of(
        "generation_time_buckets_hourly", "observations = observations * 2", _SUM, "generation_time_daily",
        where=_OF_ITS_HOURS,
    ),
    "a time of all models forgotten": _of(
        "generation_time_daily", "observations = observations - 1", _SUM, where=f"{_OF_A_DAY} AND model = '*'"
    ),
    "an event counted twice": _of("days", "duplicates = duplicates - 1", _ONCE, "days distinct events in the lake"),
    "an event that became nothing": Fault("days", _OF_DAYS.format("ignored = ignored + 1"), _ONCE, "days files parsed"),
    "a sign-in made up": _of("auth_daily", "events = events + 1", _ONCE, where=f"{_OF_A_DAY} AND action = 'login'"),
    "an error forgotten": Fault("app_errors_daily", f"DELETE FROM app_errors_daily WHERE {_OF_A_DAY}", _ONCE, "in the"),
    "a lake file that no longer counts": Fault(
        "lake_files", f"DELETE FROM lake_files WHERE path = {_ONE_FILE}", _ONCE, "credits_daily distinct movements"
    ),
    "rejects of a table hushed up": _of(
        "days", "rejected = rejected - 1", _LEDGER, "days palette day",
        where=f"{_OF_A_DAY} AND source = 'palette'",
    ),
    "rejects of a file hushed up": Fault(
        "days", _OF_DAYS.format("rejected = rejected - 1"), _LEDGER, "days files day"
    ),
    "a hole in the calendar": Fault(
        "days", "DELETE FROM days WHERE day = '2025-10-01' AND source = 'files'", _LEDGER, "days files day before"
    ),
    "a failure hushed up": Fault(
        "generation_failures", f"DELETE FROM generation_failures WHERE {_OF_A_DAY}", _GROUPS, "generation_failures"
    ),
    "a user gone": Fault(
        "generation_users_daily",
        f"DELETE FROM generation_users_daily WHERE {_OF_A_DAY} AND generations > 0 AND source = 'files'",
        _GROUPS,
        "generation_users_daily",
    ),
    "money that nobody paid": _of("credits_daily", "paid_micros = paid_micros + 1", _GROUPS, "generation_users_daily",
        where=f"{_OF_A_DAY} AND transaction_type = 'purchase'"),
    "credits that nobody spent": _of(
        "generation_users_daily", "credits_spent = credits_spent + 1", _GROUPS,
        where=f"{_OF_A_DAY} AND credits_spent > 0",
    ),
    "a cost that no user has": _of(
        "generations_daily", "cost_micros = cost_micros + 1", _GROUPS, "generation_users_daily",
        where=f"{_OF_A_DAY} AND currency <> ''",
    ),
    "an absurd number of credits": _of(
        "generations_daily", "credits_charged = 999999999999999", _GROUPS, "generation_users_daily"
    ),
    "an active user made up": _of("active_users_trailing", "active_users = active_users + 1", _GROUPS),
    "more files than pictures": _of("generated_files_daily", "generations = generations + 999", _PART),
    "a cost in no currency": _of(
        "generations_daily", "cost_micros = 5", _PART, "cost without a currency", where=f"{_OF_A_DAY} AND currency = ''"
    ),
    "newer users than users": _of("active_users_trailing", "new_users = active_users + 1", _PART),
    "a week with fewer users than its day": _of(
        "active_users_trailing", "active_users = 0, new_users = 0", _PART, where=f"{_OF_A_DAY} AND window_days = 7"
    ),
    "percentiles in disorder": _of(
        "generation_time_daily", "p95_ms = p99_ms + 1", "generation_percentiles.p95_is_at_most_p99"
    ),
    "less than nothing": _of("generations_daily", "tokens_in = -1", "generation_measures.no_measure_is_negative"),
}  # fmt: skip


def _event_files(folder: Path) -> None:
    """Two files with every kind of event of two days, one that is rejected and one that comes twice a day."""
    for number, day in enumerate((FIRST, SECOND)):
        after = (datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - NOON).total_seconds()
        events = [
            generation(after, id=f"g{number}"), generation(after, id=f"g{number}"), purchase(after + 1),
            generation(after + 5, id=f"f{number}", status="failed", error_message="timeout"), sign_in(after + 2),
            sign_in(after + 3, "signup"), app_error(after + 4), generation(after + 6, model_id=None),
        ]  # fmt: skip
        path = folder / "events" / f"{day}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lines(*events))
        come = (NOW - timedelta(hours=1)).timestamp()  # long enough ago to be whole
        os.utime(path, (come, come))


class Place(NamedTuple):
    """A site with logs, a generating system's tables and another one's event files."""

    site: Site

    def settings(self) -> Settings:
        """What is rejected makes no day suspect here."""
        document = self.site.document()
        files = OF_STUDIO
        mine = {"sources": {**document["sources"], "files": files}, "reporting": {"time_zone": "UTC"}}
        return from_mapping({**document, **mine, "rejects": {"budget": 0.9}}, self.site.folder)

    def write(self, *statements: sa.Executable | str, dirty: dict[str, date] | None = None) -> None:
        made = tenancy.engine(self.site.url, DEFAULT_TENANT)
        with connect.writing(made) as connection:
            for statement in statements:
                connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
            for family, day in (dirty or {}).items():
                fences.mark_dirty(connection, family, {day})
        made.dispose()

    def rows(self, table: str) -> list[dict[str, Any]]:
        made = tenancy.engine(self.site.url, DEFAULT_TENANT)
        with connect.reading(made) as connection:
            found = [dict(row) for row in connection.execute(sa.select(tables[table])).mappings()]
        made.dispose()
        return found

    def states(self, family: str) -> dict[date, set[tuple[str, bool]]]:
        """Of each day the state and whether it is suspect, of all sources of the family."""
        found: dict[date, set[tuple[str, bool]]] = {}
        for row in self.rows("days"):
            if row["family"] == family:
                found.setdefault(row["day"], set()).add((row["state"], bool(row["is_suspect"])))
        return found


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "site"
    folder.mkdir()
    _event_files(folder)
    begin = int(datetime(2025, 10, 1, tzinfo=UTC).timestamp())
    palette = Palette(Random(7), begin, 2)
    palette.write(folder / PALETTE, 150)
    connection = tenancy.engine(f"sqlite:///{folder / PALETTE}", DEFAULT_TENANT)
    with connect.writing(connection) as writing:  # a row of the second day that is rejected
        broken = (
            "INSERT INTO generation_events (id, user_id, status, created_at) VALUES ('00000000', 'u', 'failed', '{}')"
        )
        writing.exec_driver_sql(broken.format("2025-10-02 10:00:00.000"))
    connection.dispose()
    Site(folder).deliver(month(days=2))
    return folder


@pytest.fixture(scope="module", params=servers.ENGINES)
def place(request: pytest.FixtureRequest, laid_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The world, metered on each engine. A test leaves it as it was."""
    folder = tmp_path_factory.mktemp(request.param)
    with servers.new_database(request.param, folder) as url:
        made = Place(replace(Site(laid_out).copied(folder / "site"), server=url))
        with gate.plainly(request.param != "sqlite"):
            summary = run(made.settings(), now=NOW)
            judged = [str(day) for day in (FIRST, SECOND, THIRD)]
            assert summary.quality == QualityReport(judged, [], judged)
            assert made.states("generations") == ALL_FINAL
            yield made


def restored(place: Place, table: str, before: list[dict[str, Any]]) -> None:
    """The table has its rows again; the day waits to be judged."""
    place.write(tables[table].delete(), tables[table].insert().values(before), dirty=SPOILT)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(place: Place, name: str) -> None:
    fault, traffic, sound = FAULTS[name], place.states("traffic"), place.states("generations")
    before = place.rows(fault.table)
    place.write(fault.sql, dirty=SPOILT)
    assert place.rows(fault.table) != before, "nothing was planted"

    with gate.plainly():
        found = quality(place.settings(), now=NOW)
    if gate.has_turn(list(FAULTS).index(name), place.site.url):
        place.write(dirty=SPOILT)
        with gate.plainly(False):
            assert quality(place.settings(), now=NOW) == found
    assert (found.days, found.generation_days, found.suspect_days) == ([], [str(SECOND)], [str(SECOND)])
    details = {f"{each['suite']}.{each['rule']}": each["detail"] for each in found.broken}
    assert fault.told in details[fault.rule]
    if fault.table != "days":
        assert place.states("generations") == {**sound, SECOND: {("open", True)}}
        assert place.states("traffic") == traffic, "logs are held up"

    restored(place, fault.table, before)


def test_what_is_sound_again_passes(place: Place) -> None:
    """After all faults: the days are what they were."""
    assert quality(place.settings(), now=NOW) == QualityReport([], [], [str(SECOND)])
    assert place.states("generations") == ALL_FINAL


@pytest.mark.in_turn
def test_a_broken_day_is_told_and_computed_anew_it_is_final(place: Place) -> None:
    settings, fault = place.settings(), FAULTS["percentiles in disorder"]
    traffic, sound = place.states("traffic"), ALL_FINAL
    place.write(fault.sql, dirty=SPOILT)
    summary = run(settings, now=NOW)
    assert any(f"{SECOND} breaks {fault.rule}" in line for line in summary.lines()) and summary.has_failed
    with pytest.raises(WorldError, match=rf"{SECOND}: .*{fault.rule}.*mediameter backfill {SECOND}"):
        require_all_sound(summary.quality.to_dict())
    assert {(each.day, f"{each.suite}.{each.rule}") for each in status(settings, now=NOW).broken_rules} >= {
        (SECOND, fault.rule)
    }
    fired = [row for row in place.rows("alert_checks_daily") if row["rule"] == "quality_gate" and row["value"]]
    assert {(row["day"], row["check_group"]) for row in fired} == {(SECOND, "generation_percentiles")}

    rollup(settings, now=NOW)  # a later look at the sources does not make it final
    assert place.states("generations") == {**sound, SECOND: {("open", True)}}
    assert place.states("traffic") == traffic

    mended = backfill(settings, Task(SECOND, SECOND), now=NOW)
    assert not mended.quality.broken and mended.quality.generation_days == [str(SECOND)]
    assert (place.states("generations"), place.states("traffic")) == (sound, traffic)


@pytest.mark.in_turn
def test_broken_traffic_does_not_hold_up_generations(place: Place) -> None:
    traffic, sound = place.states("traffic"), ALL_FINAL
    before = place.rows("traffic_hourly")
    spoilt = {VERDICT_FENCES["traffic"]: SECOND}
    place.write(f"DELETE FROM traffic_hourly WHERE {_OF_ITS_HOURS}", dirty={**spoilt, **SPOILT})
    found = quality(place.settings(), now=NOW)
    assert {(each["day"], each["suite"], each["family"]) for each in found.broken} == {
        (str(SECOND), "hours", "traffic")
    }
    assert place.states("traffic") == {**traffic, SECOND: {("open", True)}}
    assert place.states("generations") == sound

    place.write(tables["traffic_hourly"].delete(), tables["traffic_hourly"].insert().values(before), dirty=spoilt)
    assert not quality(place.settings(), now=NOW).broken
    assert place.states("traffic") == traffic


@pytest.mark.in_turn
def test_a_day_that_nobody_has_judged_is_not_final(place: Place) -> None:
    """As after a run that was killed between rollup and gate: the next one judges what was not judged, and no logs."""
    settings, sound, traffic = place.settings(), ALL_FINAL, place.states("traffic")
    place.write(dirty={"generations": FIRST})
    assert rollup(settings, now=NOW).generation_days == [str(FIRST)]
    assert place.states("generations") == {**sound, FIRST: {("open", False)}} and place.states("traffic") == traffic
    judged = run(settings, now=NOW).quality
    assert (judged.days, judged.generation_days) == ([], [str(FIRST)])
    assert place.states("generations") == sound


@pytest.mark.in_turn
def test_days_of_an_older_warehouse_are_all_judged(place: Place) -> None:
    """Their generations were final before there was a gate for them."""
    settings, sound, traffic = place.settings(), ALL_FINAL, place.states("traffic")
    fences, checks = tables["fences"], tables["quality_checks_daily"]
    of_generations = fences.c.family == VERDICT_FENCES["generations"]
    place.write(fences.delete().where(of_generations), checks.delete().where(checks.c.family == "generations"))
    rollup(settings, now=NOW)
    assert {state for of_day in place.states("generations").values() for state, _ in of_day} == {"open"}
    assert place.states("traffic") == traffic
    assert quality(settings, now=NOW).generation_days == [str(FIRST), str(SECOND), str(THIRD)]
    assert place.states("generations") == sound


@pytest.mark.in_turn
@pytest.mark.parametrize("family", ["generations", "active_users"])
def test_a_day_that_waits_to_be_computed_is_not_judged(place: Place, family: str) -> None:
    place.write(dirty={family: FIRST, VERDICT_FENCES["generations"]: FIRST})
    assert quality(place.settings(), now=NOW) == QualityReport()
    assert run(place.settings(), now=NOW).quality.generation_days == [str(FIRST)]


# --- without a warehouse of its own for each engine --------------------------------------------------------
def test_a_suite_that_changes_its_family_leaves_nothing_behind(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("one", lines(generation(id="g"), sign_in()))
    (tmp_path / "expectations").mkdir()
    own, text = tmp_path / "expectations" / "own.yaml", "query: SELECT 1 AS one\nexpectations:\n  - rule: two\n"
    text += "    type: expect_column_values_to_be_in_set\n    kwargs: {column: one, value_set: [2]}\n"
    states = []
    for family in ("generations", "traffic", "generations"):
        own.write_text(f"family: {family}\n{text}")
        box.run()
        checks = box.rows("SELECT family, suite, rule FROM quality_checks_daily WHERE is_met = 0")
        states.append((checks, box.rows("SELECT state FROM days")))
    broken = ([("generations", "own", "two")], [("open",)])
    assert states == [broken, ([], [("final",)]), broken]


def test_the_alert_comes_where_there_are_no_logs(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("one", lines(generation(id="g")))
    box.run()
    made = tenancy.engine(box.settings().warehouse.url, box.settings().tenant)
    with connect.writing(made) as connection:
        connection.exec_driver_sql("UPDATE generations_hourly SET generations = 5")
        fences.mark_dirty(connection, VERDICT_FENCES["generations"], {NOON.date()})
    made.dispose()
    assert box.run().quality.suspect_days == [str(NOON.date())]
    fired = box.rows("SELECT check_group, verdict FROM alert_checks_daily WHERE rule = 'quality_gate' AND value > 0")
    assert ("generation_hours", "critical") in fired


def test_a_refused_file_stays_told_after_the_verdict(tmp_path: Path) -> None:
    """It makes the day suspect, and does not hold it up."""
    box = Box(tmp_path)
    box.put("one", lines(generation(id="g")), at=NOON + timedelta(hours=1))
    box.put("two", b"<html>503</html>\n", at=NOON)
    assert not box.run().quality.broken
    assert [(row[1], row[2]) for row in box.days()] == [("final", 1)]


def test_a_late_user_has_only_those_days_judged_again_that_it_changes(tmp_path: Path) -> None:
    box, day = Box(tmp_path), 86_400
    for number in (-31, -30, 0):
        box.put(f"{number}", lines(generation(number * day, id=f"g{number}")))
    box.run()
    box.put("late", lines(generation(-32 * day, id="late", user_id="u-2")))
    judged = box.run().quality.generation_days
    reached = [str(NOON.date() + timedelta(days=n)) for n in range(-32, -32 + 31)]
    assert judged == reached, "30 days hold it, and of the one after them it is now known who is new"
    assert box.run().quality == QualityReport()


def _suite(name: str) -> Suite:
    return next(suite for suite in suites(Path("nowhere")) if suite.name == name)


def test_measures_are_all_asked_for() -> None:
    for contract in (*GENERATION_FAMILY, *ACTIVE_FAMILY, DAYS):
        part = _suite("generation_measures").query.partition(f"'{contract.name}'")[2].partition("UNION ALL")[0]
        measures = [column.name for column in contract if column.role == "measure" and column.least == 0]
        assert all(f"{measure} < 0" in part for measure in measures), contract.name
    of_hours = _suite("generation_hours").query
    assert all(f"SUM({measure}) AS {measure}" in of_hours for measure in GENERATIONS_DAILY.measures)
    assert all(f"ABS({measure})" in of_hours for measure in GENERATIONS_DAILY.measures)


def test_queries_get_what_they_may_ask_for(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("one", lines(sign_in()))
    box.run()
    settings = box.settings()
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        for family in families.judged():
            assert set(values(connection, settings, family, NOON.date())) == set(parameters()[family.name])
    made.dispose()
