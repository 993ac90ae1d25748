"""Logs that come later than usual rules wait: whole runs on a folder whose every hour comes so many hours late."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.settings import Settings, from_mapping
from mediameter.store import tenancy, warehouse
from mediameter.store.warehouse import naive, tables
from schemas.vocabulary import DEFAULT_TENANT
from tests.alerts.incident_figures import FIGURES
from tests.worlds.log_lines import probe

pytestmark = pytest.mark.in_turn
HOUR = timedelta(hours=1)
DAY = datetime(2026, 3, 4, tzinfo=UTC)
AGENT = '"made for this test"'
OUTAGE = range(1, 6)
"""Hours of the day in which half of the requests fail."""
OWN = """
failures:
  title: Requests that failed
  needs: logs
  window: 1 h
  unit: requests
  above: 10
  value: {from: traffic_hourly, where: {status_class: 5xx}, sum: requests}
"""


class Place:
    """A folder of logs, and a warehouse; ``told``: at which time what was said."""

    def __init__(self, made: sa.Engine, folder: Path, **alerts: Any) -> None:
        self.made, self.folder = made, folder
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.alerts = {"notify": ["https://hooks.example.org/x"], **alerts}
        (folder / "logs").mkdir(parents=True)

    def settings(self, **source: Any) -> Settings:
        document = {
            "warehouse": {"url": self.made.url.render_as_string(hide_password=False)},
            "sources": {"ovh": {"kind": "s3_access_log", "path": "logs", **source}},
            "geo": {"countries": "none"},
            "quality": {"docs": "none"},
            "privacy": {"key": "the key of all tests"},
            "alerts": self.alerts,
        }
        return from_mapping(document, self.folder)

    def deliver(self, numbers: Iterable[int], late: float) -> None:
        """Hours, counted from the day's begin, each so many hours after its end."""
        for number in numbers:
            hour = DAY + number * HOUR
            path = self.folder / "logs" / f"{hour:%Y-%m-%d-%H}-00-00-{number + 1000:016X}"
            path.write_text("".join(line(hour, second, number in OUTAGE) for second in range(60)))
            at = (hour + (1 + late) * HOUR).timestamp()
            os.utime(path, (at, at))

    def run(self, at: datetime, **source: Any) -> None:
        run(self.settings(**source), now=at)
        self.told = [
            (f"{row['created_at']:%H:%M}", json.loads(row["payload"])["data"])
            for row in sorted(self.rows("outbox"), key=lambda row: row["sequence"])
        ]

    def rows(self, table: str, **equal: object) -> list[dict[str, Any]]:
        t = tables[table]
        query = sa.select(t).where(*(t.c[name] == value for name, value in equal.items()))
        with connect.reading(self.made) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def said_of(self, rule: str) -> list[tuple[str, str]]:
        return [(at, data["change"]) for at, data in self.told if data["rule"] == rule]

    def incidents(self, rule: str = "server_errors") -> list[tuple[Any, ...]]:
        found = [row for row in self.rows("incidents", rule=rule) if row["bad_windows"]]
        return sorted(tuple(row[name] for name in FIGURES) for row in found)


def line(hour: datetime, second: int, is_bad: bool) -> str:
    at, key = hour + timedelta(minutes=second), f"files/u-1/castingly-1/{second}.jpg"
    status = "503 SlowDown 0" if is_bad and second % 2 else "200 - 1000"
    name, block = f"{int(at.timestamp()):016X}", f"{status} 1000 42 40"
    return f"{probe(at, name, owner='79a5', key=key, block=block, agent=AGENT)}\n"


@pytest.mark.parametrize(
    ("late", "hold", "wanted"),
    [
        (1, "", [("04:10", "firing"), ("10:10", "resolved")]),
        (4, "", [("06:10", "firing"), ("12:10", "resolved")]),
        (4, "1 h", [("07:10", "firing"), ("12:10", "resolved")]),
    ],
)
def test_an_outage_is_one_incident_however_late_logs_come(
    made: sa.Engine, tmp_path: Path, late: int, hold: str, wanted: list[tuple[str, str]]
) -> None:
    """The day before has shown how late they come: an hour is judged when its logs are there, and not before."""
    place = Place(made, tmp_path, **({"rules": {"server_errors": {"hold": hold}}} if hold else {}))
    place.deliver(range(-24, -late), late)
    for number in range(14):
        place.deliver([number - 1 - late], late)
        place.run(DAY + number * HOUR + timedelta(minutes=10))
    assert place.said_of("server_errors") == wanted
    [incident] = place.rows("incidents", rule="server_errors")
    spans = [incident[name] for name in ("begin_at", "last_bad_at", "fired_at")]
    assert spans == [naive(DAY + number * HOUR) for number in (1, 6, 3 if hold else 2)]
    assert (incident["bad_windows"], incident["amended_at"], incident["is_late"]) == (5, None, False)
    [listing] = place.rows("listings")
    assert listing["delay_s"] == late * 3600


def test_before_the_delay_is_known_late_hours_are_one_incident_all_the_same(made: sa.Engine, tmp_path: Path) -> None:
    """Each hour is known as empty first: without failures, which is fine for one rule and nothing to another."""
    place = Place(made, tmp_path)
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "own.yaml").write_text(OWN)
    for number in range(5, 14):
        place.deliver([number - 5], 4)
        place.run(DAY + number * HOUR + timedelta(minutes=10))
    assert [row["delay_s"] for row in place.rows("listings")] == [None]
    assert place.said_of("server_errors") == [("06:10", "firing"), ("12:10", "resolved")]
    assert place.said_of("failures") == [("06:10", "over")]
    for rule in ("server_errors", "failures"):
        [incident] = place.rows("incidents", rule=rule)
        assert (incident["begin_at"], incident["last_bad_at"]) == (naive(DAY + HOUR), naive(DAY + 6 * HOUR))
        assert (incident["state"], incident["bad_windows"], incident["told"]) == ("resolved", 5, "resolved")


def test_a_setting_says_how_late_logs_come(made: sa.Engine, tmp_path: Path) -> None:
    place = Place(made, tmp_path)
    for number in range(5, 8):
        place.deliver([number - 5], 4)
        place.run(DAY + number * HOUR + timedelta(minutes=10), delay_hours=4)
        verdicts = {row["end_at"]: row["verdict"] for row in place.rows("alert_windows", rule="server_errors")}
        known = {end for end, verdict in verdicts.items() if verdict != "not_yet_knowable"}
        assert max(known) == naive(DAY + (number - 4) * HOUR) and len(verdicts) > len(known)
        assert "not_available" not in {verdicts[end] for end in known if end > naive(DAY)}


def test_a_day_is_judged_when_its_last_hour_has_come(made: sa.Engine, tmp_path: Path) -> None:
    """Logs eight hours late: the day is not judged with two thirds of it, and is when all is there."""
    place, midnight, said = Place(made, tmp_path), DAY + timedelta(days=1), {}
    place.deliver(range(-24, 15), 8)
    for number in range(6, 10):
        place.deliver(range(15, 15 + number + 1), 8)
        place.run(midnight + number * HOUR + timedelta(minutes=10))
        [row] = place.rows("alert_checks_daily", rule="error_rate", day=DAY.date())
        said[number] = (row["verdict"], row["sample"])
    assert said[6][0] == said[7][0] == "not_yet_knowable"
    assert said[8] == said[9] == ("critical", 24 * 60)


def test_the_same_objects_in_one_run_and_in_many_are_the_same_incidents(
    made: sa.Engine, tmp_path: Path, second: sa.Engine
) -> None:
    """All at once; first every other hour; backwards, an hour a run. None of them is later than ordinary."""
    places = [Place(engine, tmp_path / f"{number}") for number, engine in enumerate((made, second))]
    now = DAY + timedelta(days=1, hours=12)
    places[0].deliver(range(24), 1)
    places[0].run(now)
    wanted = {rule: places[0].incidents(rule) for rule in ("server_errors", "error_rate")}
    assert [len(each) for each in wanted.values()] == [1, 1]
    for numbers in (range(0, 24, 2), range(23, 12, -2), range(1, 12, 2)):
        places[1].deliver(numbers, 1)
        places[1].run(now)
    assert {rule: places[1].incidents(rule) for rule in wanted} == wanted


@pytest.fixture
def second(tmp_path: Path) -> Any:
    """A second warehouse."""
    made = tenancy.engine(f"sqlite:///{tmp_path / 'second.sqlite'}", DEFAULT_TENANT)
    warehouse.ready(made)
    yield made
    made.dispose()
