"""Revenue, usage and users in the report, against rows worked by hand, on every engine."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

from rich.console import Console

from mediameter.report import html, summary
from mediameter.report.figures import read
from mediameter.systems import kinds_that_supply
from tests.generations.answered import filled as filled
from tests.pictures import Warehouse
from tests.warehouse.reported import Page

NOW = datetime(2026, 11, 4, tzinfo=UTC)


def test_page_shows_money_models_and_days(warehouse: Warehouse) -> None:
    warehouse.fill("active_users_trailing", """
        day        | application | source  | window_days | active_users
        2026-11-02 | studio      | palette | 1           | 2
        2026-11-02 | studio      | palette | 7           | 9
    """)  # fmt: skip
    found = Page(html.render(read(warehouse.connection), "Media", NOW))
    assert found.table("Money")[1:] == [
        ["taken by providers of models", "-", "not available (1 charge without a known cost)"],
        ["paid by users", "EUR", "5.0000"],
        ["bandwidth", "USD", "-0.0110"],
        ["taken by providers of models", "USD", "-0.9600"],
        ["paid back", "USD", "-9.9900"],
        ["paid by users", "USD", "29.9700"],
        ["margin", "EUR", "not available"],
        ["margin", "USD", "not available"],
    ]
    assert found.table("Models")[1:] == [
        ["fox", "14", "8", "2", "20.00 %", "5,000", "280", "0.9600 USD"],
        ["owl", "1", "1", "0", "0.00 %", "60,000", "100", "not available (1 charge without a known cost)"],
    ]
    assert found.table("Generations by day")[1:] == [
        ["2026-11-03", "open", "4", "0", "0", "80", "0"],
        ["2026-11-02", "final", "11", "9", "2", "300", "2"],
    ]


def test_users_of_several_systems_have_no_sum(warehouse: Warehouse) -> None:
    """43 of one and 57 of another: who uses both may be one person or two, so that 100 is no figure."""
    warehouse.fill("generations_daily", """
        day        | application | source | model | generation_type | status    | generations
        2026-11-02 | poses       | poses  | elk   | image           | completed | 1
    """)  # fmt: skip
    warehouse.fill("active_users_trailing", """
        day        | application | source  | window_days | active_users
        2026-11-02 | studio      | palette | 1           | 43
        2026-11-02 | poses       | poses   | 1           | 57
    """)  # fmt: skip
    found = Page(html.render(read(warehouse.connection), "Media", NOW))
    heads, _, row = found.table("Generations by day")
    assert (heads[-2:], row[-2:]) == (["users of palette", "users of poses"], ["43", "57"])
    assert "100" not in row
    out = io.StringIO()
    summary.render(read(warehouse.connection), Console(file=out, width=160))
    assert "43 users of palette, 57 users of poses" in out.getvalue()


def test_a_suspect_day_is_called_so(warehouse: Warehouse) -> None:
    warehouse.connection.exec_driver_sql("UPDATE days SET is_suspect = '1' WHERE day = '2026-11-02'")
    found = Page(html.render(read(warehouse.connection), "Media", NOW))
    assert [row[:2] for row in found.table("Generations by day")[1:]] == [
        ["2026-11-03", "open"],
        ["2026-11-02", "finalsuspect"],
    ]


def test_terminal_shows_them_too(warehouse: Warehouse) -> None:
    out = io.StringIO()
    summary.render(read(warehouse.connection), Console(file=out, width=100))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "2026-11-02 11 generations 9 completed 2 failed (18.18 %) 0 users" in lines
    assert "fox 14 generations 5,000 ms in the mean cost 0.9600 USD" in lines
    assert "paid by users: 29.9700 USD" in lines


def test_a_model_that_costs_two_currencies_shows_both(warehouse: Warehouse) -> None:
    warehouse.fill("generations_daily", """
        day        | application | source  | model | status    | currency | generations | credits_charged | cost_micros
        2026-11-02 | studio      | palette | fox   | completed | EUR      | 1           | 10              | 50_000
    """)  # fmt: skip
    found = Page(html.render(read(warehouse.connection), "Media", NOW))
    assert found.table("Models")[1][-1] == "0.0500 EUR + 0.9600 USD"


def test_page_says_how_to_connect_a_system(warehouse: Warehouse) -> None:
    assert read(warehouse.connection, tenant="nobody").generated is None
    warehouse.connection.exec_driver_sql("DELETE FROM generations_daily")
    found = Page(html.render(read(warehouse.connection), "Media", NOW))
    [said] = re.findall("Add a source of kind = .* under", found.text)
    assert all(f'"{kind}"' in said for kind in kinds_that_supply("generations"))


def test_rejects_of_event_files_are_told_apart(warehouse: Warehouse) -> None:
    """The same reason in a log and in an event file is two, and the share of lines is of the logs alone."""
    warehouse.fill("days", """
        source | family      | day        | state | lines
        files  | generations | 2026-11-03 | open  | 10
        logs   | traffic     | 2026-11-03 | open  | 100
    """)  # fmt: skip
    warehouse.fill("objects", """
        object_id | source | object_key | state   | lines | rejected | last_modified_at
        1         | logs   | log        | settled | 100   | 1        | 2026-11-03T12:00:00
        2         | files  | events     | settled | 10    | 2        | 2026-11-03T12:00:00
    """)  # fmt: skip
    warehouse.fill("rejects", """
        object_id | line_number | reason     | line
        1         | 4           | BAD_NUMBER | a line
        2         | 5           | BAD_NUMBER | an event
        2         | 6           | BAD_NUMBER | another
    """)  # fmt: skip
    page = Page(html.render(read(warehouse.connection), "Media", NOW))
    assert "1 line of 100 could not be read (1.00 %). Of event files 2 events could not be read." in page.text
    assert [row[:3] for row in page.table("One line of each reason, redacted and cut")[1:]] == [
        ["BAD_NUMBER", "1", "a line"], ["BAD_NUMBER (event file)", "2", "an event"]
    ]  # fmt: skip
    out = io.StringIO()
    summary.render(read(warehouse.connection), Console(file=out, width=100))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "Rejects: 1 line of 100 (1.00 %), one of each reason" in lines
    assert lines[lines.index("Of event files: 2 events, one of each reason") + 1] == "2 BAD_NUMBER events, line 5"
