"""Rules as files: the shipped ones do what their tests say, mistakes are told with file and line, settings override."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediameter.alerts.catalogue import catalogue, find
from mediameter.alerts.evaluate import FIRING
from mediameter.alerts.headlines import headline
from mediameter.alerts.rule import Rule
from mediameter.alerts.rule_files import read, rules, understood
from mediameter.alerts.rule_tests import Outcome, outcomes
from mediameter.errors import UserError
from mediameter.settings import Settings, from_mapping

NOWHERE = Path("/nonexistent")
SHIPPED = {rule.name: rule for rule in rules(NOWHERE)}
OF_SHIPPED = [(rule.name, number) for rule in SHIPPED.values() for number in range(len(rule.tests))]
OF_DOCUMENTS = {  # the last table of SOURCE_SYSTEMS.md, and the pose generator's bands
    "daily_bandwidth", "error_rate", "response_time_p95", "unique_addresses", "monthly_budget",
    "generation_failures", "revenue_below_expected", "slow_generations",
    "colouring_failure_rate", "colouring_slow", "cost_spike", "provider_rate_limited",
    "pose_failure_rate", "pose_queue", "pose_slow", "pose_refunds", "pose_no_jobs", "pose_refund_rate",
}  # fmt: skip
OF_THE_HOUSE = {
    "logs_missing", "delivery_late", "export_stopped", "not_run", "rejects_over_budget", "reconciliation_broken",
    "rejected_bytes_over_budget", "quality_gate", "revenue_drop", "server_errors", "slow_hours",
    "cost_per_generation", "slow_model", "busy_address", "busy_agent", "budget",
}  # fmt: skip
LOGS = {"kind": "s3_access_log", "path": "bucket"}


def settings(folder: Path, **sections: Any) -> Settings:
    return from_mapping({"sources": {"ovh": LOGS}, **sections}, folder)


def test_every_alert_of_the_documents_is_a_rule() -> None:
    assert set(SHIPPED) == OF_DOCUMENTS | OF_THE_HOUSE


@pytest.mark.parametrize(("name", "number"), OF_SHIPPED)
def test_a_shipped_rule_does_what_its_tests_say(name: str, number: int) -> None:
    outcome = outcomes(SHIPPED[name])[number]
    assert outcome.got == outcome.wanted, outcome.about


@pytest.mark.parametrize("rule", SHIPPED.values(), ids=SHIPPED)
def test_a_shipped_rule_is_tried_on_both_sides_and_on_an_incomplete_window(rule: Rule) -> None:
    verdicts = {outcome.wanted for outcome in outcomes(rule)}
    assert verdicts & {"warning", "critical"} and "ok" in verdicts
    assert "not_yet_knowable" in verdicts or rule.is_now or rule.needs == "nothing"
    assert rule.runbook and rule.asked_in


@pytest.mark.parametrize("rule", SHIPPED.values(), ids=SHIPPED)
def test_what_rests_on_too_few_is_never_fine(rule: Rule) -> None:
    """Shares are judged by significance, other ratios and percentiles need a sample, and each has a test of it."""
    is_tried = "too_few" in {outcome.wanted for outcome in outcomes(rule)}
    assert is_tried == (rule.is_share or rule.minimum_sample > 0)
    assert not (rule.is_share and rule.minimum_sample), "a floor makes every smaller site deaf"
    if rule.value.how in ("percentile", "mean") or "p95" in rule.value.column:
        assert rule.minimum_sample > 0


@pytest.mark.parametrize("rule", SHIPPED.values(), ids=SHIPPED)
def test_each_shipped_rule_says_whether_its_measure_only_grows(rule: Rule) -> None:
    """And one that does, or of which a part does, is tried: beyond its threshold before all has come."""
    shipped = [file.read_text() for file in (Path(__file__).parents[2] / "mediameter/alerts/rules").iterdir()]
    [text] = [text.split(f"\n{rule.name}:\n")[1] for text in shipped if f"\n{rule.name}:\n" in text]
    assert f"\n  only_grows: {str(rule.is_growing).lower()}\n" in text.split("\n  tests:")[0]
    fires_early = [test for test in rule.tests if not test.get("is_complete", True) and test["verdict"] in FIRING]
    assert bool(fires_early) == rule.only_grows


def test_a_threshold_that_is_off_by_one_is_found_by_the_tests() -> None:
    """The tests inside the files can fail: with every threshold a little further, those just beyond it do."""
    text = (Path(__file__).parents[2] / "mediameter/alerts/rules/storage.yaml").read_text()
    moved = text.replace("above: 1000", "above: 1001")
    failed = [outcome for rule in read("moved.yaml", moved) for outcome in outcomes(rule) if not outcome.is_passed]
    assert failed == [
        Outcome("response_time_p95", "one ms more than a second", "critical", "ok"),
    ]


# --- mistakes ------------------------------------------------------------------------------------------------

FINE = """
mine:
  title: Mine
  needs: logs
  window: 1 h
  value: {from: traffic_hourly, sum: requests}
  unit: requests
  above: 10
"""
Change = Callable[[str], str]
MISTAKES: dict[str, tuple[Change, str]] = {
    "no YAML": (lambda text: text + "  - [", "line"),
    "a rule without a name": (lambda text: text.replace("mine:", "My rule:"), "My rule"),
    "a key that nobody knows": (lambda text: text + "  threshold: 1\n", "line 9: unknown key 'threshold'"),
    "no title": (lambda text: text.replace("  title: Mine\n", ""), "mine: title is missing"),
    "no need": (lambda text: text.replace("  needs: logs\n", ""), "mine: needs is missing"),
    "an unknown measure": (lambda text: text.replace("traffic_hourly", "traffic_weekly"), "called 'traffic_weekly'"),
    "an unknown column": (lambda text: text.replace("sum: requests", "sum: hits"), "has no column 'hits'"),
    "a sum of words": (lambda text: text.replace("sum: requests", "sum: bucket"), "traffic_hourly is no number"),
    "a sum of distinct counts": (
        lambda text: text.replace("traffic_hourly, sum: requests", "audience_trailing, sum: unique_addresses")
        .replace("1 h", "1 day"), "unique_addresses of audience_trailing may not be added up"
    ),
    "a mean of percentiles": (
        lambda text: text.replace("traffic_hourly, sum: requests", "response_time_daily, mean: p95_ms")
        .replace("1 h", "1 day"), "p95_ms of response_time_daily may not be added up"
    ),
    "two ways to count": (lambda text: text.replace("sum: requests", "sum: requests, count: true"), "says 2 ways"),
    "an impossible window": (lambda text: text.replace("1 h", "7 min"), "an impossible window"),
    "a window of nothing": (lambda text: text.replace("1 h", "0 h"), "an impossible window"),
    "minutes of hourly rows": (lambda text: text.replace("1 h", "15 min"), "traffic_hourly has whole hours only"),
    "hours of daily rows": (lambda text: text.replace("traffic_hourly", "traffic_daily"), "has whole days only"),
    "no threshold": (lambda text: text.replace("  above: 10\n", ""), "either above or below"),
    "two sides": (lambda text: text + "  below: 5\n", "either above or below"),
    "a threshold that is no number": (lambda text: text.replace("above: 10", "above: many"), "'many' is no threshold"),
    "a warning behind the alarm": (
        lambda text: text.replace("above: 10", "above: {critical: 10, warning: 11}"), "the warning comes after"
    ),
    "a need that nobody knows": (lambda text: text.replace("needs: logs", "needs: luck"), "needs: 'luck' is not known"),
    "a comparison with nothing": (lambda text: text + "  compare: {to: yesteryear}\n", "compare says not what with"),
    "a percentile of nothing": (
        lambda text: text.replace("sum: requests", "percentile: 95"), "percentile: 95 of ''"
    ),
    "groups of persons": (
        lambda text: text.replace("traffic_hourly, sum: requests", "generation_events, count: true")
        .replace("needs: logs", "needs: generations") + "  group_by: [user_id]\n", "user_id is about persons"
    ),
    "the present of the past": (lambda text: text + "  judged: now\n", "judged: traffic_hourly does not go with it"),
    "a growth of what may be negative": (
        lambda text: (
            text.replace("traffic_hourly, sum: requests", "credit_events, sum: credits") + "  only_grows: true\n"
        ),
        "only_grows: sum of credits may become less",
    ),
    "a growth of a mean": (
        lambda text: text.replace("sum: requests", "mean: requests") + "  only_grows: true\n",
        "only_grows: mean of requests may become less",
    ),
    "a growth that is to be large": (
        lambda text: text.replace("above: 10", "below: 10") + "  only_grows: true\n",
        "only_grows: only what is to stay below a number",
    ),
    "what lasts for ever": (
        lambda text: text + "  while: {from: generation_events, count: true}\n",
        "while: it does not say until when",
    ),
    "what lasts until a number": (
        lambda text: text + "  while: {from: generation_events, until: duration_ms, count: true}\n",
        "while: count of generation_events until duration_ms",
    ),
    "what lasts beside a sample": (
        lambda text: text + "  sample: {count: true}\n  while: {from: generation_events, until: at, count: true}\n",
        "while: what lasts is the sample",
    ),
    "what is already less": (
        lambda text: text + "  already: {mean: requests}\n", "already: it may become less",
    ),
    "a share of nothing": (lambda text: text + "  share: true\n", "share: it is so many of so many"),
    "a share that is asked": (lambda text: text + "  share: perhaps\n", "share: 'perhaps' is neither true nor false"),
    "a share of bytes": (
        lambda text: text.replace("sum: requests}", "sum: bytes_sent}\n  over: {sum: requests}") + "  share: true\n",
        "share: sum of bytes_sent is not counted one by one",
    ),
    "a share above the whole": (
        lambda text: text.replace("sum: requests}", "sum: requests}\n  over: {sum: requests}") + "  share: true\n",
        "share: a threshold is no share",
    ),
    "pseudonyms that nobody meant to tell": (
        lambda text: (
            text.replace("traffic_hourly", "addresses_daily").replace("1 h", "1 day") + "  group_by: [address]\n"
        ),
        "address is about persons",
    ),
    "a share of all groups where there are none": (
        lambda text: text.replace("sum: requests}", "sum: requests}\n  over: {sum: requests, all_groups: true}"),
        "all_groups: there is nothing to tell apart",
    ),
    "a value of all groups": (
        lambda text: text.replace("sum: requests}", "sum: requests, all_groups: true}\n  group_by: [application]"),
        "all_groups: there is nothing to tell apart",
    ),
    "divided by zero": (lambda text: text.replace("sum: requests", "sum: requests, divide: 0"), "divide: 0"),
}  # fmt: skip


def test_the_rule_that_the_mistakes_are_made_of_is_fine() -> None:
    [rule] = read("mine.yaml", FINE)
    assert (rule.name, rule.step_s, rule.length, rule.bands.critical) == ("mine", 3600, 1, 10.0)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_file_and_line(name: str) -> None:
    change, told = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        read("alerts/mine.yaml", change(FINE))
    assert "alerts/mine.yaml" in caught.value.message and told in caught.value.message
    assert caught.value.remedy and "\n" not in str(caught.value)


def test_a_test_that_cannot_be_understood_is_told() -> None:
    [rule] = read("mine.yaml", FINE + "  tests: [{rows: {traffic_daily: []}, verdict: ok}]\n")
    with pytest.raises(UserError, match="rows of traffic_daily, which the rule does not measure"):
        outcomes(rule)
    [rule] = read("mine.yaml", FINE + "  tests: [{rows: {traffic_hourly: [{hits: 1}]}, verdict: ok}]\n")
    with pytest.raises(UserError, match="row has hits"):
        outcomes(rule)


# --- a bulkhead ----------------------------------------------------------------------------------------------


def test_a_mistake_costs_its_rule_and_nothing_else(tmp_path: Path) -> None:
    """A typo in one rule, a file that is no YAML, one that is no text: all other rules are there, a shipped one too
    whose place a broken one was to take; and each mistake names the word and its line."""
    own = tmp_path / "alerts"
    own.mkdir()
    (own / "a.yaml").write_text(FINE + FINE.replace("mine:", "error_rate:").replace("above: 10", "abvoe: 10"))
    (own / "b.yaml").write_text("broken: [")
    (own / "c.yaml").write_bytes(b"\xff\xfe")
    found, mistakes = understood(tmp_path)
    assert {rule.name for rule in found} == {*SHIPPED, "mine"}
    assert next(rule for rule in found if rule.name == "error_rate") == SHIPPED["error_rate"]
    told = sorted(str(each) for each in mistakes)
    assert "a.yaml: error_rate line 16: unknown key 'abvoe': did you mean above?" in told[0]
    assert "b.yaml line 1: this is not YAML" in told[1] and "c.yaml cannot be read" in told[2]
    with pytest.raises(UserError):
        rules(tmp_path)


def test_a_wrong_value_is_named_with_its_own_line() -> None:
    with pytest.raises(UserError, match=r"mine\.yaml line 6: mine: value: traffic_hourly has no column 'hits'"):
        read("mine.yaml", FINE.replace("sum: requests", "sum: hits"))


# --- one's own, and the settings -----------------------------------------------------------------------------


def test_a_rule_of_ones_own_stands_beside_the_settings_and_may_take_a_shipped_ones_place(tmp_path: Path) -> None:
    own = tmp_path / "alerts"
    own.mkdir()
    (own / "mine.yaml").write_text(FINE + FINE.replace("mine:", "error_rate:"))
    found = {rule.name: rule for rule in rules(tmp_path)}
    assert set(found) == set(SHIPPED) | {"mine"}
    assert found["error_rate"].title == "Mine"
    (own / "more.yaml").write_text(FINE)
    with pytest.raises(UserError, match=r"more.yaml line 3: mine: a rule mine exists already"):
        rules(tmp_path)


def test_settings_override_thresholds_and_the_warning_moves_with_them(tmp_path: Path) -> None:
    own = {
        "daily_bandwidth": {"above": "250 GB"},
        "response_time_p95": {"above": "800 ms"},
        "rejects_over_budget": {"above": {"warning": 0.02, "critical": 0.1}},
        "delivery_late": {"enabled": False},
        "not_run": {"above": "8 h", "repeat": "4 h"},
    }
    found = {rule.name: rule for rule in catalogue(settings(tmp_path, alerts={"rules": own}))}
    assert (found["daily_bandwidth"].bands.critical, found["daily_bandwidth"].bands.warning) == (250e9, 200e9)
    assert (found["response_time_p95"].bands.critical, found["response_time_p95"].bands.warning) == (800.0, None)
    assert (found["rejects_over_budget"].bands.critical, found["rejects_over_budget"].bands.warning) == (0.1, 0.02)
    assert found["delivery_late"].dormant == "disabled in the settings"
    assert (found["not_run"].bands.warning, found["not_run"].repeat_s) == (28_800.0, 14_400)


def test_settings_say_who_may_be_busy(tmp_path: Path) -> None:
    own = {"busy_agent": {"ignore": ["Googlebot"], "minimum_count": 5_000}}
    rule = find(settings(tmp_path, alerts={"rules": own}), "busy_agent")
    assert rule.minimum_count == 5_000
    assert rule.ignores("Mozilla/5.0 (compatible; googlebot/2.1)") and not rule.ignores("curl/8.5")


def test_the_budget_of_the_settings_is_the_budgets_threshold(tmp_path: Path) -> None:
    rule = find(settings(tmp_path, alerts={"monthly_budget": "200.00 USD"}), "monthly_budget")
    assert (rule.bands.critical, rule.bands.warning, rule.unit, rule.dormant) == (200.0, 160.0, "USD", "")


def test_what_a_day_should_earn_has_no_warning_beyond_it(tmp_path: Path) -> None:
    own = {"palette": {"kind": "palette_events", "path": "events", "application": "studio"}}
    found = settings(tmp_path, sources=own, alerts={"rules": {"revenue_below_expected": {"below": "50.00 USD"}}})
    rule = find(found, "revenue_below_expected")
    assert (rule.bands.critical, rule.bands.warning, rule.dormant) == (50.0, None, "")


def test_the_threshold_says_which_currency_is_looked_at(tmp_path: Path) -> None:
    own = {"palette": {"kind": "palette_events", "path": "events", "application": "studio"}}
    found = settings(tmp_path, sources=own, alerts={"rules": {"revenue_below_expected": {"below": "40.00 EUR"}}})
    rule = find(found, "revenue_below_expected")
    assert (rule.unit, rule.bands.critical) == ("EUR", 40.0)
    conditions = [each.values for part in rule.aggregates for each in part.where if each.column == "currency"]
    assert conditions == [("EUR",)] * len(rule.aggregates)


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ("{from: money_daily, where: {kind: revenue}, sum: amount}", ("currency",)),
        ("{from: money_daily, max: amount_micros}", ("currency",)),
        ("{from: money_daily, where: {currency: [USD, EUR]}, sum: amount_micros}", ("currency",)),
        ("{from: money_daily, where: {currency: EUR}, sum: amount_micros}", ()),
        ("{from: money_daily, count: true}", ()),
        ("{from: 'answer:money_by_application', sum: paid}", ("currency",)),
        ("{from: traffic_daily, sum: bytes_sent}", ()),
    ],
)
def test_no_rule_adds_money_of_two_currencies(value: str, groups: tuple[str, ...]) -> None:
    [rule] = read("own.yaml", f"mine: {{title: Mine, needs: logs, window: 1 day, value: {value}, unit: EUR, above: 5}}")
    assert rule.group_by == groups


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"eror_rate": {"above": 1}}, "did you mean error_rate"),
        ({"error_rate": {"below": 0.5}}, "this rule fires above its threshold"),
        ({"not_run": {"above": "soon"}}, r"\[alerts.rules.not_run\]: above: 'soon' is not a span"),
        ({"not_run": {"repeat": "soon"}}, "repeat: 'soon' is not a span of time"),
        ({"error_rate": {"ignore": ["x"]}}, r"\[alerts.rules.error_rate\]: ignore: there is nothing to ignore"),
        ({"busy_agent": {"ignore": [" "]}}, "ignore: there is nothing to ignore"),
        ({"busy_agent": {"ignore": "googlebot"}}, "ignore is not a list of names"),
        ({"busy_agent": {"minimum_count": "many"}}, "minimum_count: 'many' is not a whole number"),
    ],
)
def test_an_override_that_cannot_be_is_told(own: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        catalogue(settings(tmp_path, alerts={"rules": own}))


def test_rules_of_sources_that_are_not_connected_sleep_and_say_why(tmp_path: Path) -> None:
    asleep = {rule.name: rule.dormant for rule in catalogue(settings(tmp_path)) if rule.dormant}
    assert asleep["pose_queue"] == "this version reads no source of kind pose_generator yet"
    assert asleep["generation_failures"] == "no source of kind directors_palette or palette_events is set"
    assert asleep["logs_missing"] == "no application is set beside the access logs"
    assert {"error_rate", "delivery_late", "quality_gate"} & set(asleep) == set()
    palette = {"kind": "directors_palette", "url": "sqlite:///p.sqlite"}
    given = from_mapping({"sources": {"palette": palette}}, tmp_path)
    asleep = {rule.name: rule.dormant for rule in catalogue(given) if rule.dormant}
    assert asleep["error_rate"] == "no source of access logs is set"
    assert asleep["revenue_below_expected"] == "no threshold is set: [alerts.rules.revenue_below_expected] below"
    assert "generation_failures" not in asleep


def test_the_manuals_example_is_a_rule_that_does_what_its_test_says() -> None:
    manual = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
    text = manual.split("```yaml\ncastingly_errors")[1].split("```")[0]
    [rule] = read("docs/operations.md", "castingly_errors" + text)
    assert [outcome.is_passed for outcome in outcomes(rule)] == [True]


def test_every_shipped_rule_has_a_headline_of_its_own(tmp_path: Path) -> None:
    without = [
        rule.name for rule in rules(tmp_path) if "{value}" not in rule.headline or "{limit}" not in rule.headline
    ]
    assert without == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("{amount} too much", "headline: {amount} is not known"),
        ("{value.real}", "headline: {value.real} is not known"),
        ("{value:9999}", "headline: {value:9999} is not known"),
        ("{value", "headline: expected '}'"),
    ],
)
def test_a_headline_holds_value_and_limit_and_nothing_else(words: str, what: str) -> None:
    with pytest.raises(UserError, match=re.escape(what)):
        read("own.yaml", FINE.replace("  title: Mine\n", f'  title: Mine\n  headline: "{words}"\n'))


def test_a_rule_without_a_headline_is_told_by_its_title() -> None:
    [rule] = read("own.yaml", FINE.replace("  title: Mine\n", '  title: "Mine {x}"\n'))
    assert headline(rule, "mine", "castingly", 1234, 5).startswith("castingly: Mine {x}: 1,234")
    assert headline(None, "gone", "*", 3, None) == "gone: 3 (limit not available)"
