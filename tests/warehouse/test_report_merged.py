"""The merged view in the report and the terminal, held against rows put in by hand, on every engine."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

from rich.console import Console

from mediameter.report import html, summary
from mediameter.report.figures import read
from mediameter.report.merged import Basis, Viewers
from tests.pictures import Warehouse
from tests.warehouse.reported import Page

MON, TUE = date(2026, 11, 2), date(2026, 11, 3)


def fill(warehouse: Warehouse) -> None:
    """Monday is final: 2 of 62 that can be compared are unexplained. Tuesday is open. Two applications."""
    warehouse.fill("days", """
        day        | source | state | complete_through_at
        2026-11-02 | ovh    | final | 2026-11-03T00:00:00
        2026-11-03 | ovh    | open  | 2026-11-03T06:00:00
    """)  # fmt: skip
    warehouse.fill("traffic_daily", """
        day        | application | bucket | operation_class | status_class | requests | bytes_sent
        2026-11-02 | castingly   | media  | get_object      | 2xx          | 100      | 3_000_000_000
    """)  # fmt: skip
    warehouse.fill("reconciliation_daily", """
        day        | application | outcome  | reason        | requests | deliveries | events | log_bytes | app_bytes
        2026-11-02 | castingly   | matched  | event_address | 60       | 50         | 50     | 2_000_000 | 4_000_000
        2026-11-02 | castingly   | log_only | other_client  | 2        | 2          | 0      | 1_000_000 | 0
        2026-11-02 | studio      | log_only | bot           | 38       | 38         | 0      | 0         | 0
        2026-11-02 | studio      | app_only | no_fetch      | 0        | 0          | 10     | 0         | 0
        2026-11-03 | castingly   | app_only | no_delivery   | 0        | 0          | 5      | 0         | 1_000_000
    """)  # fmt: skip
    warehouse.fill("attribution_daily", """
        day        | application | match_basis   | match_confidence | requests | deliveries | bytes_sent
        2026-11-02 | castingly   | event_address | high             | 60       | 50         | 2_000_000_000
        2026-11-02 | castingly   | media_file    | high             | 2        | 2          | 1_000_000_000
        2026-11-02 | studio      | none          | none             | 38       | 38         | 0
    """)  # fmt: skip
    warehouse.fill("audience_trailing", """
        day        | application | window_days | unique_users | authenticated_deliveries
        2026-11-02 | castingly   | 1           | 7            | 50
        2026-11-02 | castingly   | 30          | 70           | 500
        2026-11-03 | castingly   | 1           | 3            | 4
        2026-11-02 | *           | 1           | 7            | 50
    """)  # fmt: skip


def test_figures_are_those_of_the_tables(warehouse: Warehouse) -> None:
    fill(warehouse)
    merged = read(warehouse.connection).merged
    assert merged is not None
    assert [(row.day, row.is_reconciled, row.log_requests, row.matched_events) for row in merged.days] == [
        (MON, True, 100, 50), (TUE, None, 0, 0)
    ]  # fmt: skip
    assert merged.newest == merged.days[0]
    assert [(row.outcome, row.reason, row.requests, row.events) for row in merged.by_reason] == [
        ("matched", "event_address", 60, 50), ("log_only", "bot", 38, 0), ("log_only", "other_client", 2, 0),
        ("app_only", "no_fetch", 0, 10), ("app_only", "no_delivery", 0, 5),
    ]  # fmt: skip
    assert [row.match_basis for row in merged.bases] == ["event_address", "media_file", "none"]
    assert merged.bases[1] == Basis("media_file", "high", 2, 2, 1_000_000_000)
    assert merged.viewers_of("castingly") == Viewers("castingly", 54, 7)


def test_range_and_tenant_bound_it(warehouse: Warehouse) -> None:
    fill(warehouse)
    monday = read(warehouse.connection, last=MON).merged
    assert monday is not None
    assert monday.of_outcome("*").events == 60
    assert read(warehouse.connection, first=date(2026, 11, 4)).merged is None
    assert read(warehouse.connection, tenant="nobody").merged is None


def test_page_says_who_it_was_for_and_why_they_differ(warehouse: Warehouse) -> None:
    fill(warehouse)
    found = Page(html.render(read(warehouse.connection), "Media", datetime(2026, 11, 4, tzinfo=UTC)))
    assert found.table("Log and application")[1:] == [
        ["castingly", "62", "96.77 %", "2", "55", "90.91 %", "5", "0.003", "0.005", "54", "7"],
        ["studio", "38", "0.00 %", "38", "10", "0.00 %", "10", "0.000", "0.000", "-", "-"],
        ["all", "100", "60.00 %", "40", "65", "76.92 %", "15", "0.003", "0.005", "50", "7"],
    ]
    assert [row[6:8] for row in found.table("Do they agree?")[1:]] == [
        ["100.00 %", "not yet knowable"],
        ["3.23 %", "yes"],
    ]
    assert found.table("Why they agree")[2] == [
        "by an agent that calls itself a bot", "in the log alone", "38", "0", "0.000", "0.000"
    ]  # fmt: skip
    assert found.table("What the attribution")[1][:4] == ["event, by file and address", "high", "60", "60.00 %"]
    assert "2026-11-02: 60 of 100 requests belong to 50 of 60 events of the application." in found.text


def test_page_says_how_to_connect_an_application(warehouse: Warehouse) -> None:
    warehouse.fill("days", """
        day        | source | state
        2026-11-02 | ovh    | final
    """)  # fmt: skip
    found = Page(html.render(read(warehouse.connection), "Media", datetime(2026, 11, 4, tzinfo=UTC)))
    assert 'Add a source of kind = "dailey_media"' in found.text


def test_terminal_shows_each_day_and_the_reasons(warehouse: Warehouse) -> None:
    fill(warehouse)
    out = io.StringIO()
    summary.render(read(warehouse.connection), Console(file=out, width=100))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "2026-11-02 100 60.00 % 60 83.33 % 0.003 0.004 3.23 % yes" in lines
    assert "2026-11-03 0 - 5 0.00 % 0.000 0.001 100.00 % not yet knowable" in lines
    assert "38 requests 0 events in the log alone: by an agent that calls itself a bot" in lines
    assert all(len(line) <= 100 for line in out.getvalue().splitlines())
