"""Shares are judged by what they show for certain: against the score test in whole numbers, and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mediameter.alerts.evaluate import Window, bounds, evaluate, step_of
from mediameter.alerts.row_sources import frame_contract
from mediameter.alerts.rule import Bands, Rule
from mediameter.alerts.rule_files import read
from mediameter.alerts.significance import FEWEST_HITS, is_too_few, lower_bound, severity
from schemas.frames import polars_schema
from schemas.vocabulary import VERDICTS, WORST_FIRST

Z2 = Fraction("1.959963984540054") ** 2
ONE_PERCENT = Bands(True, 0.01, None)


def is_certain(hits: int, of: int, limit: Fraction) -> bool:
    """Wilson's interval is the score test turned round: the limit lies below it when the share is further above the
    limit than chance goes there, in squares: (p - t)^2 > z^2 t (1 - t) / n."""
    share = Fraction(hits, of)
    return share > limit and (share - limit) ** 2 > Z2 * limit * (1 - limit) / of


@pytest.mark.parametrize("limit", [Fraction(1, 100), Fraction(1, 20), Fraction(1, 2)])
def test_a_share_fires_when_the_score_test_says_that_it_is_no_chance(limit: Fraction) -> None:
    bands = Bands(True, float(limit), None)
    for of in (*range(1, 60), 300, 3_000, 41_817):
        for hits in {*range(min(of, 40) + 1), of // 2, of, *range(of // 90, min(of // 70 + 1, of))}:
            wanted = "critical" if hits >= FEWEST_HITS and is_certain(hits, of, limit) else None
            assert severity(bands, hits / of, of) == wanted, (hits, of)
            if wanted is None and hits / of > float(limit):
                assert is_too_few(bands, hits / of, of), (hits, of)


@pytest.mark.parametrize(("hits", "of"), [(3, 20), (9, 300), (41, 3_000), (600, 2_000)])
def test_what_is_certainly_more_than_one_in_a_hundred(hits: int, of: int) -> None:
    assert severity(ONE_PERCENT, hits / of, of) == "critical"


@pytest.mark.parametrize(("hits", "of"), [(1, 1), (2, 20), (5, 300), (40, 3_000)])
def test_what_may_be_chance_is_neither_bad_nor_fine(hits: int, of: int) -> None:
    assert severity(ONE_PERCENT, hits / of, of) is None
    assert is_too_few(ONE_PERCENT, hits / of, of)


def test_what_lies_below_is_fine_unless_nothing_could_have_been_bad() -> None:
    assert not is_too_few(ONE_PERCENT, 0.0, 3)
    assert is_too_few(ONE_PERCENT, 0.0, 2)
    assert is_too_few(Bands(True, 0.5, None), 0.0, 3)  # three of three may still be chance beside one in two
    assert not is_too_few(Bands(True, 0.5, None), 0.0, 4)


def test_a_share_that_is_to_be_high_is_judged_by_what_is_missing() -> None:
    success = Bands(False, 0.9, 0.95)
    for hits in range(101):
        failed = severity(Bands(True, 1 - 0.9, 1 - 0.95), (100 - hits) / 100, 100)
        assert severity(success, hits / 100, 100) == failed
    assert (severity(success, 0.8, 100), severity(success, 0.88, 100)) == ("critical", "warning")
    assert severity(success, 0.93, 100) is None and is_too_few(success, 0.93, 100)


def test_the_bound_is_wilsons() -> None:
    """Of the worked example in Wilson's terms: 10 of 100 go with 5.5 % at the least."""
    assert lower_bound(10, 100) == pytest.approx(0.05522914, abs=1e-7)
    assert lower_bound(0, 10) == 0.0


# --- in a rule -----------------------------------------------------------------------------------------------

GROUPED: Rule = read("tried.yaml", """
tried:
  title: Tried
  needs: logs
  window: 1 day
  group_by: [application]
  value: {from: endpoints_daily, sum: errors}
  over: {sum: requests}
  unit: ratio
  above: {critical: 10 %, warning: 1 %}
  share: true
""")[0]  # fmt: skip


def verdicts(
    rows: list[tuple[str, int, int]], *, rule: Rule = GROUPED, is_complete: bool = True, asked: tuple[str, ...] = ()
) -> dict[str, str]:
    schema = polars_schema(frame_contract("endpoints_daily"))
    day = date(2026, 11, 3)
    named = [{"day": day, "application": name, "errors": errors, "requests": of} for name, errors, of in rows]
    frame = pl.DataFrame([[row.get(column) for column in schema] for row in named], schema=schema, orient="row")
    zone = ZoneInfo("UTC")
    index = step_of(rule, datetime(2026, 11, 3, tzinfo=UTC), zone)
    window = Window(index, *bounds(rule, index, zone), is_complete)
    judged = evaluate(rule, {"endpoints_daily": frame}, [window], zone, asked)
    return {each.group: each.verdict for each in judged}


def test_groups_are_judged_each_by_its_own_sample() -> None:
    """The gravest band that is certain: 12 of 100 are more than 1 %, but maybe not more than 10 %."""
    rows = [("large", 12, 100), ("down", 4, 4), ("tiny", 1, 2), ("fine", 0, 9)]
    assert verdicts(rows) == {"*": "ok", "down": "critical", "large": "warning"}
    assert verdicts(rows, asked=("tiny",))["tiny"] == "too_few"


def test_a_window_whose_groups_are_all_too_few_was_not_fine() -> None:
    assert verdicts([("tiny", 1, 2), ("small", 2, 20)]) == {"*": "too_few"}
    assert verdicts([("tiny", 1, 2), ("fine", 0, 9)]) == {"*": "ok"}
    assert verdicts([("tiny", 1, 2)], is_complete=False) == {"*": "not_yet_knowable"}
    assert verdicts([]) == {"*": "ok"}  # nothing is 0, of a rule with groups


def test_a_sample_that_is_set_in_the_settings_still_holds() -> None:
    assert verdicts([("down", 4, 4)]) == {"*": "ok", "down": "critical"}
    assert verdicts([("down", 4, 4)], rule=replace(GROUPED, minimum_sample=50)) == {"*": "too_few"}


def test_each_verdict_has_its_place_among_several() -> None:
    assert set(WORST_FIRST) == set(VERDICTS) and len(WORST_FIRST) == len(VERDICTS)


OF_ALL: Rule = read("tried.yaml", """
tried:
  title: Tried
  needs: logs
  window: 1 day
  group_by: [application]
  value: {from: endpoints_daily, sum: errors}
  over: {sum: requests, all_groups: true}
  unit: ratio
  above: 5 %
  share: true
  minimum_count: 30
""")[0]  # fmt: skip


def test_of_all_groups_each_is_a_share_of_the_whole() -> None:
    """``errors`` stand for what a group did, all of ``requests`` for what there was."""
    rows = [("many", 60, 400), ("more", 40, 100), ("few", 29, 0), ("none", 0, 0)]
    assert verdicts(rows, rule=OF_ALL) == {"*": "ok", "many": "critical", "more": "critical"}
    small = [("most", 29, 29), ("other", 0, 6)]
    assert verdicts(small, rule=OF_ALL) == {"*": "ok"}
    assert verdicts(small, rule=OF_ALL, asked=("most",))["most"] == "too_few"


def test_a_group_that_is_ignored_is_not_judged_though_its_incident_is_open() -> None:
    ignoring = replace(OF_ALL, ignored=("MAN",))
    assert verdicts([("many", 60, 400)], rule=ignoring) == {"*": "ok"}
    assert verdicts([("many", 60, 400)], rule=ignoring, asked=("many",))["many"] == "not_available"
