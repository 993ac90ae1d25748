"""What breaks one unit of work (an object, a day, a source, a rule, a suite) is told, and all others are done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.bulkheads import as_error, bulkhead
from mediameter.commands.run import RunSummary, attempt
from mediameter.errors import Fault, MediameterError, Unavailable, UserError, WorldError
from mediameter.settings import Settings, from_mapping
from mediameter.steps.ingest import log_objects
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from tests.worlds import log_lines
from tests.worlds.site import LogObject, Site

NOW = datetime(2026, 1, 6, 12, tzinfo=UTC)
FIRST, SECOND = date(2026, 1, 2), date(2026, 1, 3)
pytestmark = pytest.mark.usefixtures("plain_gate")


def lines_of(day: date, count: int = 20) -> bytes:
    rng, begin = Random(day.toordinal()), int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    keys = [f"files/u-1/castingly-1/{day}-{number}.jpg" for number in range(count)]
    return b"".join(log_lines.line(rng, "ovh", begin + at, key=key) + b"\n" for at, key in enumerate(keys))


def delivered(day: date, content: bytes | None = None) -> LogObject:
    at = datetime(day.year, day.month, day.day, 13, tzinfo=UTC)
    return LogObject(f"{day}-13-00-00-A", lines_of(day) if content is None else content, int(at.timestamp()) * 10**9)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.deliver([delivered(FIRST), delivered(SECOND)])
    yield made


def requests(settings: Settings) -> dict[date, int]:
    """By day, as the rollups have it."""
    table = tables["traffic_daily"]
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        rows = connection.execute(sa.select(table.c.day, sa.func.sum(table.c.requests)).group_by(table.c.day))
        found = {day: int(total) for day, total in rows}
    made.dispose()
    return found


def states(settings: Settings) -> dict[date, str]:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        found = {row.day: row.state for row in connection.execute(sa.select(tables["days"]))}
    made.dispose()
    return found


def is_judged(summary: RunSummary, rule: str) -> bool:
    return any(row["rule"] == rule for row in summary.check.rows)


def with_sources(site: Site, **more: dict[str, object]) -> Settings:
    document = site.document()
    return from_mapping(document | {"sources": document["sources"] | more}, site.folder)


# --- the tool itself -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (WorldError("it is down", "wait"), "day 1: it is down: wait"),
        (WorldError("day 1 is down", "wait"), "day 1 is down: wait"),
        (UserError("see this", "do that"), "see this: do that"),
        (PermissionError(13, "Permission denied", "a/b"), "day 1: a/b: Permission denied: fix that and run again"),
        (TypeError("no"), "day 1: TypeError: no: this is a bug in mediameter; MEDIAMETER_TRACEBACK=1 shows where"),
        (
            sa.exc.IntegrityError("INSERT 'secret'", {}, Exception("not unique")),
            "day 1: warehouse: not unique: see the",
        ),
    ],
)
def test_an_error_names_its_unit(raised: Exception, said: str) -> None:
    told: list[MediameterError] = []
    with bulkhead(told.append, "day 1"):
        raise raised
    assert [str(error)[: len(said)] for error in told] == [said]
    assert "secret" not in str(told[0])


@pytest.mark.parametrize(
    "raised",
    [
        Unavailable("the server is down"),
        OSError(28, "No space left on device"),
        sa.exc.OperationalError("", {}, Exception("database or disk is full")),
        KeyboardInterrupt(),
    ],
)
def test_what_breaks_everything_passes(raised: BaseException) -> None:
    told: list[MediameterError] = []
    with pytest.raises(type(raised)), bulkhead(told.append, "day 1"):
        raise raised
    assert not told


def test_a_fault_is_the_worlds_to_whoever_asks_for_the_exit_code() -> None:
    assert isinstance(as_error(ValueError("x")), Fault) and issubclass(Fault, WorldError)


# --- a day ---------------------------------------------------------------------------------------------
def test_a_flipped_bit_in_a_days_lake_file_leaves_that_day_open_and_no_other(site: Site) -> None:
    settings = site.settings()
    assert not attempt(settings, now=NOW).has_failed
    site.deliver([replace(delivered(FIRST), key="late-1"), replace(delivered(SECOND), key="late-2")])
    for file in (site.folder / "lake").glob(f"records/*/day={FIRST}/*.parquet"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    summary = attempt(settings, now=NOW)
    [why] = summary.rollup.failed
    assert str(FIRST) in why and "has changed" in why
    assert requests(settings) == {FIRST: 20, SECOND: 20}, "late copies of the same lines count once"
    assert states(settings) == {FIRST: "open", SECOND: "final"}
    assert is_judged(summary, "daily_bandwidth"), "the rules are judged all the same"
    assert summary.has_failed and any(
        line.startswith("could not be computed; it stays open: ") for line in summary.lines()
    )
    again = attempt(settings, now=NOW)
    assert again.rollup.failed == [why] and not again.rollup.days, "the second run is idle, but for what is broken"


# --- an object -----------------------------------------------------------------------------------------
def test_an_object_that_breaks_the_parser_stays_pending_by_its_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such object is known: a mistake of ours is planted, as the next unknown one will be."""
    parse = log_objects.take_in

    def breaks(pieces: list, *more: object) -> object:  # type: ignore[type-arg]
        if any(str(SECOND).encode() in bytes(piece.data) for piece in pieces):
            raise pl.exceptions.ComputeError("planted")
        return parse(pieces, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(log_objects, "take_in", breaks)
    summary = attempt(site.settings(), now=NOW)
    [why] = summary.ingest.failed
    assert f"{SECOND}-13-00-00-A: ComputeError: planted" in why and summary.ingest.pending == 1
    assert requests(site.settings()) == {FIRST: 20}
    assert states(site.settings()) == {FIRST: "final"}
    monkeypatch.undo()
    assert not attempt(site.settings(), now=NOW).has_failed
    assert requests(site.settings()) == {FIRST: 20, SECOND: 20}


# --- a source ------------------------------------------------------------------------------------------
def test_a_bucket_that_cannot_be_listed_keeps_no_other_from_being_read(site: Site) -> None:
    settings = with_sources(site, gone={"kind": "s3_access_log", "path": "nowhere", "bucket": "x"})
    summary = attempt(settings, now=NOW)
    [why] = summary.ingest.failed_sources
    assert "nowhere" in why
    assert requests(settings) == {FIRST: 20, SECOND: 20}
    with pytest.raises(MediameterError, match=r"a source could not be read; its days stay open: .*nowhere"):
        summary.require_success()


def test_a_database_that_is_no_database_keeps_no_other_source_from_being_read(site: Site) -> None:
    (site.folder / "odd.sqlite").write_bytes(b"this is no database at all, whatever its name says" * 100)
    settings = with_sources(site, app={"kind": "dailey_media", "url": "sqlite:///odd.sqlite"})
    summary = attempt(settings, now=NOW)
    assert len(summary.export.failed) == 1 and summary.export.failed[0].startswith("[sources.app]")
    assert requests(settings) == {FIRST: 20, SECOND: 20} and is_judged(summary, "daily_bandwidth")


# --- a rule, a suite -----------------------------------------------------------------------------------
def test_a_rule_that_cannot_be_judged_keeps_no_other_from_being_judged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mediameter.steps.alert import judge

    evaluate = judge.evaluate

    def breaks(rule: object, *more: object) -> object:
        if getattr(rule, "name", "") == "error_rate":
            raise ZeroDivisionError("planted")
        return evaluate(rule, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "evaluate", breaks)
    summary = attempt(site.settings(), now=NOW)
    [why] = summary.check.failed
    assert why.startswith("rule error_rate: ZeroDivisionError: planted")
    assert is_judged(summary, "daily_bandwidth") and not is_judged(summary, "error_rate")
    monkeypatch.undo()
    healed = attempt(site.settings(), now=NOW)
    assert not healed.has_failed and is_judged(healed, "error_rate"), "the day was to be judged again"


def test_a_suite_that_breaks_on_a_day_leaves_that_day_open(site: Site) -> None:
    """Its query reads a text as JSON that is none on one of two days."""
    folder = site.folder / "expectations"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "query: |\n"
        f"  SELECT day, json_extract(CASE WHEN day = '{FIRST}' THEN 'no json' ELSE '[1]' END, '$[0]') AS one\n"
        "  FROM traffic_daily WHERE tenant = :tenant AND day = :day\n"
        "expectations:\n"
        "  - {rule: one, type: expect_column_values_to_be_in_set, kwargs: {column: one, value_set: [1]}}\n"
    )
    summary = attempt(site.settings(), now=NOW)
    assert summary.quality.failed and "mine.yaml" in summary.quality.failed[0]
    assert states(site.settings()) == {FIRST: "open", SECOND: "final"}
    assert is_judged(summary, "daily_bandwidth")


# --- what a program reads ------------------------------------------------------------------------------
def test_the_summary_tells_it_as_json_too(site: Site) -> None:
    settings = with_sources(site, gone={"kind": "s3_access_log", "path": "nowhere", "bucket": "x"})
    told = json.loads(json.dumps(attempt(settings, now=NOW).to_dict(), default=str))
    assert len(told["ingest"]["failed_sources"]) == 1 and told["errors"] == []
