"""Verdicts of windows: against a count in plain Python, and by hand where a rule compares, divides, groups or waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mediameter.alerts.evaluate import Judged, Window, bounds, evaluate, step_of
from mediameter.alerts.row_sources import frame_contract
from mediameter.alerts.rule import MOST_GROUPS, THE_REST, Rule
from mediameter.alerts.rule_files import read
from schemas.frames import polars_schema

UTC_ZONE, PARIS = ZoneInfo("UTC"), ZoneInfo("Europe/Paris")
MIDNIGHT = datetime(2026, 11, 3, tzinfo=UTC)


def rule(text: str) -> Rule:
    [found] = read("tried.yaml", "tried:\n  title: Tried\n  " + "\n  ".join(text.strip().split("\n")) + "\n")
    return found


def frame(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = polars_schema(frame_contract(name))
    return pl.DataFrame([[row.get(column) for column in schema] for row in rows], schema=schema, orient="row")


def windows(of: Rule, begin: datetime, count: int, zone: ZoneInfo = UTC_ZONE) -> list[Window]:
    first = step_of(of, begin, zone)
    return [Window(index, *bounds(of, index, zone), True) for index in range(first, first + count)]


QUARTER = rule("""
needs: logs
window: 15 min
value: {from: generation_events, at: finished_at, where: {status: failed}, count: true}
over: {where: {status: [completed, failed]}, count: true}
unit: ratio
above: 10 %
minimum_sample: 5
""")


@pytest.mark.parametrize("seed", range(5))
def test_sliding_windows_are_what_a_plain_count_says(seed: int) -> None:
    rng = Random(seed)
    rows = [
        {
            "finished_at": MIDNIGHT + timedelta(seconds=rng.randrange(-3600, 4 * 3600)),
            "status": rng.choice(["completed", "completed", "failed", "pending"]),
            "source": "palette",
        }
        for _ in range(300)
    ]
    frames = {"generation_events": frame("generation_events", [row | {"source": ""} for row in rows])}
    judged = evaluate(QUARTER, frames, windows(QUARTER, MIDNIGHT, 40), UTC_ZONE, {""}, "")
    assert len(judged) == 40
    for each in judged:
        assert each.end - each.begin == timedelta(minutes=15)
        inside = [row for row in rows if each.begin <= row["finished_at"] < each.end]  # type: ignore[operator]
        failed = sum(row["status"] == "failed" for row in inside)
        done = failed + sum(row["status"] == "completed" for row in inside)
        assert each.sample == done
        assert each.value == (failed / done if done else None)
        few, bad = ("too_few",) * 2 if done < 5 else ("ok", "critical")
        assert each.verdict == ("not_available" if not done else bad if failed * 10 > done else few)


def test_a_warning_is_shown_beside_the_limit_that_it_is_beyond() -> None:
    """3 failures are beyond a warning at 2, and no reason to read "3, not to be above 5"."""
    of = rule("""
needs: logs
window: 15 min
value: {from: generation_events, at: finished_at, where: {status: failed}, count: true}
unit: failures
above: {warning: 2, critical: 5}
""")
    rows = [{"finished_at": MIDNIGHT, "status": "failed", "source": ""}] * 3
    frames = {"generation_events": frame("generation_events", rows)}
    limits = {
        each.verdict: each.threshold for each in evaluate(of, frames, windows(of, MIDNIGHT, 40), UTC_ZONE, {""}, "")
    }
    assert limits == {"warning": 2.0, "ok": 5.0}


WAITS = rule("""
needs: logs
window: 10 min
value: {from: generation_events, at: finished_at, where: {status: completed}, count: true}
while: {from: generation_events, until: finished_at, count: true}
unit: jobs
below: 1
""")


@pytest.mark.parametrize("later", [0, 40, 36 * 60])
def test_what_lasts_counts_in_the_windows_that_it_lasts_through(later: int) -> None:
    """Asked for at 00:02, done never, at 00:40, or when nobody waits any more: what is said of 00:05 stays the same."""
    asked = MIDNIGHT + timedelta(minutes=2)
    rows = [{"at": asked, "finished_at": MIDNIGHT + timedelta(minutes=later) if later else None, "status": "completed"}]
    frames = {"generation_events": frame("generation_events", rows)}
    judged = evaluate(WAITS, frames, windows(WAITS, MIDNIGHT - timedelta(minutes=30), 400), UTC_ZONE)
    bad = [each for each in judged if each.verdict == "critical"]
    assert {(each.value, each.sample) for each in bad} == {(0.0, 1)}
    assert bad[0].begin == MIDNIGHT + timedelta(minutes=5)
    until = MIDNIGHT + (timedelta(minutes=40) if later == 40 else timedelta(days=1))
    assert until - timedelta(minutes=5) <= bad[-1].end <= until + timedelta(minutes=5)
    idle = [each for each in judged if each not in bad]
    assert {(each.verdict, each.value, each.sample) for each in idle} == {("ok", None, 0)}


def test_a_group_that_fires_has_a_verdict_in_each_window() -> None:
    """Whether it goes on has to be known, whoever asks when: not only in a run that found it bad before."""
    of = rule("""
needs: logs
window: 1 h
group_by: [application]
value: {from: traffic_hourly, sum: requests}
unit: requests
above: 10
""")
    rows = [
        {"hour_at": MIDNIGHT + timedelta(hours=hour), "application": name, "requests": count}
        for hour, name, count in ((1, "a", 11), (2, "a", 3), (2, "b", 10))
    ]
    judged = evaluate(of, {"traffic_hourly": frame("traffic_hourly", rows)}, windows(of, MIDNIGHT, 4), UTC_ZONE)
    verdicts = {group: [each.verdict for each in judged if each.group == group] for group in ("a", "b", "*")}
    assert verdicts == {"a": ["ok", "critical", "ok", "ok"], "b": [], "*": ["ok"] * 4}


@pytest.mark.parametrize("seed", range(5))
def test_a_percentile_of_a_histogram_is_that_of_its_values(seed: int) -> None:
    rng = Random(seed)
    found = rule("""
needs: logs
window: 1 h
value: {from: response_time_buckets_hourly, percentile: 95, of: upper_ms, weight: observations}
unit: ms
above: 1
""")
    rows = [
        {"hour_at": MIDNIGHT, "upper_ms": rng.randrange(0, 50), "observations": rng.randrange(0, 9), "application": "a"}
        for _ in range(60)
    ]
    values = sorted(row["upper_ms"] for row in rows for _ in range(row["observations"]))  # type: ignore[call-overload]
    rank = ceil(95 * len(values) / 100)
    frames = {"response_time_buckets_hourly": frame("response_time_buckets_hourly", rows)}
    [judged] = evaluate(found, frames, windows(found, MIDNIGHT, 1), UTC_ZONE)
    assert judged.value == values[rank - 1]


def test_days_are_days_of_the_reporting_zone() -> None:
    found = rule("""
needs: logs
window: 1 day
value: {from: traffic_hourly, sum: requests}
unit: requests
above: 5
""")
    clocks_go_back = date(2026, 10, 25)
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)
    rows = [{"hour_at": begin + timedelta(hours=n), "requests": 1} for n in range(-1, 26)]
    frames = {"traffic_hourly": frame("traffic_hourly", rows)}
    [judged] = evaluate(found, frames, windows(found, begin, 1, PARIS), PARIS)
    assert (judged.begin, judged.end, judged.value) == (begin, begin + timedelta(hours=25), 25.0)
    assert judged.begin.astimezone(PARIS).date() == clocks_go_back


def test_a_window_that_is_not_complete_is_not_yet_knowable_though_nothing_has_come() -> None:
    found = rule("""
needs: logs
window: 1 h
value: {from: traffic_hourly, where: {status_class: 5xx}, sum: requests}
over: {from: traffic_hourly, sum: requests}
unit: ratio
above: 5 %
""")
    frames = {"traffic_hourly": frame("traffic_hourly", [])}
    done, open_ = windows(found, MIDNIGHT, 2)
    judged = evaluate(found, frames, [done, replace(open_, is_complete=False)], UTC_ZONE)
    assert [each.verdict for each in judged] == ["not_available", "not_yet_knowable"]


COMPARED = rule("""
needs: logs
window: 1 h
value: {from: traffic_hourly, sum: requests}
compare: {to: same_hour_last_week, minimum: 10}
unit: times
above: 1.5
""")


@pytest.mark.parametrize(
    ("now", "before", "value", "verdict"),
    [(16, 10, 1.6, "critical"), (15, 10, 1.5, "ok"), (99, 9, None, "not_available"), (99, 0, None, "not_available")],
)
def test_a_comparison_needs_something_to_compare_with(now: int, before: int, value: float | None, verdict: str) -> None:
    rows = [
        {"hour_at": MIDNIGHT, "requests": now},
        {"hour_at": MIDNIGHT - timedelta(days=7), "requests": before},
        {"hour_at": MIDNIGHT - timedelta(hours=1), "requests": 5000},
    ]
    frames = {"traffic_hourly": frame("traffic_hourly", rows)}
    [judged] = evaluate(COMPARED, frames, windows(COMPARED, MIDNIGHT, 1), UTC_ZONE)
    assert (judged.value, judged.verdict) == (value, verdict)


GROUPED = rule("""
needs: logs
window: 1 day
group_by: [application]
value: {from: endpoints_daily, sum: errors}
over: {sum: requests}
unit: ratio
above: {critical: 50 %, warning: 10 %}
""")
DAY = {"day": date(2026, 11, 3)}


def grouped(rows: list[dict[str, object]], groups: tuple[str, ...] = (), everything: str = "*") -> list[Judged]:
    frames = {"endpoints_daily": frame("endpoints_daily", [row | DAY for row in rows])}
    return evaluate(GROUPED, frames, windows(GROUPED, MIDNIGHT, 1), UTC_ZONE, groups, everything)


def test_a_thousand_groups_that_are_fine_are_one_line() -> None:
    rows: list[dict[str, object]] = [{"application": f"a{n}", "errors": 0, "requests": 9} for n in range(1000)]
    assert [(each.group, each.verdict, each.sample) for each in grouped(rows)] == [("*", "ok", 1000)]
    assert [(each.group, each.verdict, each.sample) for each in grouped([])] == [("*", "ok", 0)]


def test_groups_that_fire_are_told_and_those_that_are_asked_for() -> None:
    rows: list[dict[str, object]] = [
        {"application": "bad", "errors": 6, "requests": 10},
        {"application": "poor", "errors": 2, "requests": 10},
        {"application": "good", "errors": 0, "requests": 10},
        {"application": "empty", "errors": 0, "requests": 0},
    ]
    found = {each.group: each.verdict for each in grouped(rows, ("good", "gone"))}
    assert found == {"bad": "critical", "poor": "warning", "good": "ok", "gone": "not_available", "*": "ok"}


def test_ten_thousand_groups_that_fire_are_fifty_and_one() -> None:
    rows: list[dict[str, object]] = [
        {"application": f"a{n:05}", "errors": 10 + n, "requests": 20_000} for n in range(8000, 18_000)
    ]
    found = grouped(rows)
    assert len(found) == MOST_GROUPS + 2
    [rest] = [each for each in found if each.group == THE_REST]
    assert (rest.verdict, rest.sample) == ("critical", 10_000 - MOST_GROUPS)
    assert "a17999" in {each.group for each in found}  # the worst are told by name
    of_a_source = {each.group for each in grouped(rows, everything="palette")}
    assert {"palette", "palette / (others)"} <= of_a_source and THE_REST not in of_a_source


def test_what_is_not_complete_is_neither_good_nor_bad() -> None:
    frames = {"endpoints_daily": frame("endpoints_daily", [DAY | {"application": "a", "errors": 9, "requests": 10}])}
    [window] = windows(GROUPED, MIDNIGHT, 1)
    open_window = Window(window.index, window.begin, window.end, False)
    [judged] = evaluate(GROUPED, frames, [open_window], UTC_ZONE)
    assert (judged.group, judged.verdict) == ("*", "not_yet_knowable")
    judged, _ = evaluate(GROUPED, frames, [open_window], UTC_ZONE, {"a"})
    assert (judged.group, judged.verdict) == ("a", "not_yet_knowable")
