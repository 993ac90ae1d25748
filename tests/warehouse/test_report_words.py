"""What a report says beside figures: why a day is suspect, incidents in words, the gate's verdicts, on every engine."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from mediameter.report import html, summary
from mediameter.report.facts import Figures
from tests.warehouse.reported import MON, TUE, Page, Warehouse, fill
from tests.warehouse.reported import on_every_engine as on_every_engine
from tests.warehouse.reported import sqlite as sqlite
from tests.warehouse.reported import warehouse as warehouse

NOW = datetime(2026, 11, 4, tzinfo=UTC)


def page(found: Figures) -> Page:
    return Page(html.render(found, "Media", NOW))


def test_a_suspect_day_says_why_at_the_head_and_in_its_row(warehouse: Warehouse) -> None:
    fill(warehouse)
    warehouse.connection.exec_driver_sql("UPDATE days SET is_suspect = TRUE WHERE day = '2026-11-02'")
    found = replace(warehouse.figures(), why_suspect={MON: ["ovh: 1 object refused as a whole", "breaks sums.hours"]})
    told = "2026-11-02 is suspect: ovh: 1 object refused as a whole; breaks sums.hours."
    assert told in page(found).text
    rows = page(found).table("lines = ")
    assert [row[-1] for row in rows if row[0] == str(MON)] == ["ovh: 1 object refused as a whole; breaks sums.hours"]
    out = io.StringIO()
    summary.render(found, Console(file=out, width=160))
    assert told in out.getvalue()


def test_a_suspect_day_of_which_nobody_knows_why_is_still_named(warehouse: Warehouse) -> None:
    fill(warehouse)
    warehouse.connection.exec_driver_sql("UPDATE days SET is_suspect = TRUE WHERE day = '2026-11-02'")
    assert "Suspect: a check failed, or too much was rejected or refused: 2026-11-02." in page(warehouse.figures()).text


def test_incidents_are_told_in_the_words_of_their_rules(on_every_engine: Warehouse) -> None:
    put = on_every_engine.put
    put("traffic_daily", day=MON, application="*", requests=1)
    put("incidents", incident_id="a", rule="error_rate", check_group="castingly", state="firing", severity="critical",
        begin_at=datetime(2026, 11, 2), last_bad_at=datetime(2026, 11, 3), value=0.3, worst_value=0.4, threshold=0.01,  # noqa: DTZ001
        bad_windows=1, told="critical", note="")  # fmt: skip
    found = on_every_engine.figures(say=lambda rule, group, value, limit: f"{group}: {value} failed, not {limit}")
    heads, row = page(found).table("What fires first")
    assert (heads[0], row[0]) == ("what", "castingly: 0.3 failed, not 0.01") and row[-1] == "error_rate"


def test_the_gates_verdicts_are_a_section_of_the_report(on_every_engine: Warehouse) -> None:
    put = on_every_engine.put
    put("traffic_daily", day=MON, application="*", requests=1)
    assert "The quality gate has judged no day of this range." in page(on_every_engine.figures()).text
    for day, rule, is_met in ((MON, "hours_add_up", True), (MON, "no_gap", False), (TUE, "hours_add_up", True)):
        put("quality_checks_daily", day=day, suite="sums", rule=rule, severity="critical", is_met=is_met,
            detail=None if is_met else "<b>3 of 4</b>")  # fmt: skip
    found = on_every_engine.figures()
    assert "2 of 3 verdicts are good (66.67 %)." in page(found).text
    assert page(found).table("Broken rules")[1:] == [["2026-11-02", "critical", "sums.no_gap", "<b>3 of 4</b>"]]
    assert page(found).table("Verdicts by suite")[1:] == [["sums", "traffic", "2", "3", "1"]]
    assert not [value for name, value in page(found).attributes if name == "href" and not str(value).startswith("#")]
    linked = page(replace(found, gate=replace(found.gate, pages="quality/index.html")))
    assert ("href", "quality/index.html") in linked.attributes
