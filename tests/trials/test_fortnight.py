"""Every rule that is awake fires on what is just beyond its threshold, is silent just below it, says "not yet
knowable" before all has come, and ends once: a fortnight replayed hour by hour, on every engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.warehouse import tables
from tests.conftest import Trials
from tests.trials.fortnight import Day, Fortnight
from tests.trials.quarter import BEGIN
from tests.trials.replay import Replay, settings_of

GIB = 2**30
BEYOND = {
    0: Day(is_sound=False, cost=1.6),
    1: Day(limited=3),
    2: Day(failures=11, slow=6),
    3: Day(unread=2.5),
    4: Day(errors=0.011),
    5: Day(slow_ms=1020),
    6: Day(addresses=50_500),
    7: Day(rejected=0.011),
    8: Day(purchases=0),
    9: Day(sent=101 * GIB),
    10: Day(matched=0.92),
    11: Day(is_logged=False),
    12: Day(unlisted=4.5),
}
JUST_BELOW = {
    0: Day(cost=1.4),
    1: Day(limited=2),
    2: Day(failures=10, slow=5),
    3: Day(unread=1.5),
    4: Day(errors=0.010),
    5: Day(slow_ms=980),
    6: Day(addresses=39_900),
    7: Day(rejected=0.0099),
    8: Day(purchases=1),
    9: Day(sent=79 * GIB),
    10: Day(matched=0.96),
    11: Day(late=2.0),
    12: Day(unlisted=1.0),
}
EXPECTED = {
    "provider_rate_limited": {"palette"},
    "generation_failures": {"palette"},
    "slow_generations": {"palette"},
    "export_stopped": {"palette", "media"},
    "error_rate": {"*"},
    "response_time_p95": {"*"},
    "unique_addresses": {"*"},
    "rejects_over_budget": {"ovh"},
    "revenue_drop": {"palette"},
    "daily_bandwidth": {"*"},
    "monthly_budget": {"*"},
    "reconciliation_broken": {"studio"},
    "logs_missing": {"*"},
    "delivery_late": {"ovh"},
    "not_run": {"ovh"},
    "quality_gate": {"hours"},
    "cost_spike": {"palette"},
}
"""The groups that each rule fires for."""
pytestmark = [pytest.mark.trial, pytest.mark.timeout(4 * 3600)]  # minutes, and the rules still move
LASTING = {"monthly_budget"}  # a month's projection comes down in the next one
OF_THE_PRESENT = {"export_stopped", "delivery_late", "not_run", "rejects_over_budget", "quality_gate"}
"""What these look at is there at once: nothing has to come first."""


class Fortnightly:
    """A replay of a fortnight, with the verdicts that each rule gave while it lasted."""

    def __init__(self, url: str, folder: Path, cases: Mapping[int, Day], budget: str) -> None:
        self.made = connect.engine(url)
        self.verdicts: dict[str, set[str]] = defaultdict(set)
        settings = settings_of(url, folder, monthly_budget=budget)
        self.replay = Replay(Fortnight(cases, days=max(cases) + 2), settings, on_tick=self._look)
        self.replay.run()

    def _look(self, now: datetime) -> None:
        checks = tables["alert_checks_daily"].c
        with connect.reading(self.made) as connection:
            query = sa.select(checks.rule, checks.verdict).where(checks.day >= date.fromordinal(now.toordinal() - 1))
            for rule, verdict in connection.execute(query):
                self.verdicts[rule].add(verdict)

    def incidents(self) -> list[sa.RowMapping]:
        with connect.reading(self.made) as connection:
            return list(connection.execute(sa.select(tables["incidents"])).mappings())


def test_each_rule_fires_beyond_its_threshold(trials: Trials, made: sa.Engine, tmp_path: Path) -> None:
    cases = BEYOND if trials(0, 1) else {1: Day(failures=11, slow=6, errors=0.011, rejected=0.011)}
    if not trials(0, 1) and made.dialect.name != "sqlite":
        pytest.skip("the reduced fortnight is replayed on SQLite alone")
    replayed = Fortnightly(url_of(made), tmp_path, cases, "9.00 USD")
    incidents = replayed.incidents()
    found = Counter((each["rule"], each["check_group"]) for each in incidents)
    expected = {(rule, group) for rule, groups in EXPECTED.items() for group in groups}
    if not trials(0, 1):
        wanted = ("generation_failures", "slow_generations", "error_rate", "rejects_over_budget")
        expected = {(rule, group) for rule, group in expected if rule in wanted}
    assert found == Counter(expected)
    for each in incidents:
        ended = [told for told in replayed.replay.told if told.incident_id == each["incident_id"]]
        changes = Counter(told.change for told in ended)
        assert changes["firing"] + changes["over"] == 1, each
        if each["rule"] not in LASTING:
            assert each["state"] == "resolved" and changes["resolved"] + changes["over"] == 1, each
            assert each["begin_at"].replace(tzinfo=BEGIN.tzinfo) < each["resolved_at"].replace(tzinfo=BEGIN.tzinfo)
    for rule in {rule for rule, _ in expected} - OF_THE_PRESENT:
        assert "not_yet_knowable" in replayed.verdicts[rule], rule


def test_no_rule_fires_just_below(trials: Trials, made: sa.Engine, tmp_path: Path) -> None:
    cases = JUST_BELOW if trials(0, 1) else {1: Day(failures=10, slow=5, errors=0.010, rejected=0.0099)}
    if not trials(0, 1) and made.dialect.name != "sqlite":
        pytest.skip("the reduced fortnight is replayed on SQLite alone")
    replayed = Fortnightly(url_of(made), tmp_path, cases, "12.00 USD")
    assert [(each["rule"], each["check_group"], each["value"]) for each in replayed.incidents()] == []
    assert replayed.replay.told == []
    assert {"ok", "not_yet_knowable"} <= replayed.verdicts["error_rate"]


def url_of(made: sa.Engine) -> str:
    return made.url.render_as_string(hide_password=False)
