"""What people see, held against rows put in by hand: the figures (on every engine), the page, the terminal."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from mediameter.report import html, pictures, summary, words
from mediameter.report.facts import Audience, Cost, MediaFile, Refusal, Reject, Response
from mediameter.report.svg import day_labels, log_ticks, ticks
from schemas.vocabulary import VERDICTS
from tests.warehouse.reported import MON, THU, TUE, WED, Page, Warehouse, fill, fill_days
from tests.warehouse.reported import on_every_engine as on_every_engine
from tests.warehouse.reported import sqlite as sqlite
from tests.warehouse.reported import warehouse as warehouse

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
HOSTILE = "<script>canary()</script>\"'><img src=x onerror=canary()>\x1b[31m\u202e&amp;[red]"


# --- looking at what comes out ---------------------------------------------------------------------


def page(warehouse: Warehouse, **more: Any) -> str:
    return html.render(warehouse.figures(**more), "Media <of> Acme", NOW)


def terminal(warehouse: Warehouse, *, in_colour: bool = False, **more: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=in_colour, color_system="truecolor" if in_colour else None)
    summary.render(warehouse.figures(**more), console)
    return out.getvalue()


def svgs(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg viewBox.*?</svg>", text, re.S)]


def picture(text: str, slug: str) -> ElementTree.Element:
    return next(
        found for found in svgs(text) if found.find("title") is not None and slug in found.attrib["aria-labelledby"]
    )


# --- the figures -----------------------------------------------------------------------------------
def test_figures_are_those_of_the_tables(on_every_engine: Warehouse) -> None:
    fill(on_every_engine)
    fill(on_every_engine, tenant="other")  # a figure that looks over the fence doubles
    found = on_every_engine.figures(countries="a database of 2026")

    monday, wednesday = found.totals
    assert (monday.day, monday.requests, monday.deliveries, monday.bytes_sent) == (MON, 4000, 2000, 8_000_000_000)
    assert (monday.errors, monday.cost) == (400, Cost({"USD": 88_000}))
    assert (monday.response, monday.audience) == (Response(40, 300, 1500), Audience(70, None))
    assert wednesday.cost == Cost({}, unpriced_bytes=16_000_000_000)
    assert [(row.day, row.application, row.requests) for row in found.traffic] == [
        (MON, "castingly", 3000), (MON, "studio", 1000), (WED, "castingly", 6000), (WED, "studio", 2000)
    ]  # fmt: skip
    assert found.traffic[1].response is None
    assert found.statuses[WED] == {"2xx": 7200, "3xx": 0, "4xx": 800, "5xx": 0, "aborted": 0, "none": 0}
    assert [(row.name, row.bytes_sent, row.highest_p95_ms) for row in found.applications] == [
        ("castingly", 18_000_000_000, 600), ("studio", 6_000_000_000, None)
    ]  # fmt: skip
    assert [(row.day, row.verdict, row.value) for row in found.checks] == [
        (MON, "critical", 0.1), (WED, "not_yet_knowable", 0.1)
    ]  # fmt: skip
    assert [row.price_id for row in found.prices] == ["card"]
    assert found.media_files[0] == MediaFile("castingly", "media", "media/castingly.mp4", 9, 9, 45)
    assert (found.media_file_count, found.endpoint_count, found.countries[0].requests) == (2, 2, 12_000)
    assert found.endpoints[0].causes == ((404, "half a line", 900),)
    assert (found.countries_label, found.edges_label) == ("a database of 2026", None)


def test_ledger_counts_once_and_no_superseded_object(on_every_engine: Warehouse) -> None:
    fill(on_every_engine)
    found = on_every_engine.figures()
    example = ("half a line " + "x" * 2000)[:100]
    assert found.rejects == (
        Reject("SHORT_LINE", 2, example, "logs/monday", 7),
        Reject("BAD_TIME", 1, "when?", "logs/monday", 9),
    )
    assert found.refusals == (Refusal("NOT_AN_ACCESS_LOG", 1, "logs/cat.jpg", "half a line"),)
    assert found.ignored_log_bucket == 3


def test_days_are_known_open_or_missing(warehouse: Warehouse) -> None:
    fill(warehouse)
    found = warehouse.figures()
    assert (found.spine, found.known_days) == ((MON, TUE, WED), (MON, WED))
    assert (set(found.open_days), found.state_of(MON)) == ({WED}, "final")
    assert found.complete_through_at == datetime(2026, 11, 4, 6, tzinfo=UTC)
    warehouse.put("days", day=MON, source="silent", state="open")
    both = warehouse.figures()
    assert (both.complete_through_at, both.state_of(MON)) == (None, "open")


def test_range_bounds_both_ends_in_the_reporting_zone(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert warehouse.figures(first=TUE).known_days == (WED,)
    assert warehouse.figures(last=TUE).known_days == (MON,)
    assert warehouse.figures(first=THU).known_days == ()
    # Monday 23:30 UTC is Tuesday in Paris.
    assert warehouse.figures(first=MON, last=MON).rejects
    assert not warehouse.figures(first=MON, last=MON, zone="Europe/Paris").rejects
    assert warehouse.figures(first=TUE, last=TUE, zone="Europe/Paris").rejects


# --- the page --------------------------------------------------------------------------------------
def test_page_shows_the_figures(warehouse: Warehouse) -> None:
    fill(warehouse)
    text = page(warehouse)
    found = Page(text)
    assert found.table("All applications")[1:] == [
        [
            "2026-11-04",
            "open",
            "8,000",
            "4,000",
            "16.000",
            "not available",
            "800 (10.00 %)",
            "80",
            "600",
            "3,000",
            "140",
        ],
        ["2026-11-02", "final", "4,000", "2,000", "8.000", "0.0880 USD", "400 (10.00 %)", "40", "300", "1,500", "70"],
    ]
    assert found.table("GB sent") == [
        ["day", "state", "castingly", "studio", "all"],
        ["2026-11-04", "open", "12.000", "4.000", "16.000"],
        ["2026-11-02", "final", "6.000", "2.000", "8.000"],
    ]
    assert found.table("Cost in USD")[1:] == [["2026-11-02", "final", "0.0660", "0.0220", "0.0880"]]
    assert [row[-1] for row in found.table("ms")] == ["p99", "3,000", "1,500"], "percentiles have no sum"
    assert found.table("lines = ")[1] == [
        "2026-11-04", "ovh", "open", "2026-11-04 06:00 UTC", "2", "5,000", "4,997", "3", "0", "2",
        "0.000", "-", "",
    ]  # fmt: skip
    assert found.table("Newest verdict")[1] == ["error_rate", "2026-11-02", "critical", "10 %", "1 %", "4,000"]
    assert "16.000 GB have no price" in found.text
    assert "The log bucket's own records are left out: 3 records." in found.text
    assert "Without any data: 2026-11-03." in found.text


def test_every_verdict_has_its_look() -> None:
    assert pictures.VERDICTS.keys() == set(VERDICTS) and set(VERDICTS) <= summary.STYLES.keys()


def test_pictures_are_drawn_to_scale(warehouse: Warehouse) -> None:
    fill(warehouse)
    monday, wednesday = picture(page(warehouse), "bytes-title").findall("g")  # Tuesday is a gap
    heights = [[float(bar.attrib["height"]) for bar in day.findall("rect")] for day in (monday, wednesday)]
    assert heights[0][0] == pytest.approx(3 * heights[0][1], rel=1e-3)
    assert heights[1][:2] == pytest.approx([2 * height for height in heights[0]], rel=1e-3)
    assert heights[1][2] == pytest.approx(sum(heights[1][:2]), rel=1e-3)
    assert [bar.attrib["class"] for bar in wednesday.findall("rect")][2] == "hatch"
    assert (wednesday.findtext("title") or "").split("\n") == [
        "2026-11-04 (open)", "studio: 4.000 GB", "castingly: 12.000 GB"
    ]  # fmt: skip


def test_lines_break_where_a_day_is_missing(warehouse: Warehouse) -> None:
    fill(warehouse)
    drawn = picture(page(warehouse), "response-title")
    assert not [line for line in drawn.findall("line") if line.attrib["class"].startswith("line ")]
    points = [point.attrib["class"] for point in drawn.findall("circle")]
    assert sorted(points) == sorted(
        f"point {colour}{hollow}" for colour in ("c1", "c3", "c6") for hollow in ("", " hollow")
    )


def test_pictures_are_told_to_those_who_do_not_see_them(warehouse: Warehouse) -> None:
    fill(warehouse)
    drawn = svgs(page(warehouse))
    assert len(drawn) == 8
    for found in drawn:
        ids = found.attrib["aria-labelledby"].split()
        assert [found[0].attrib["id"], found[1].attrib["id"]] == ids
        assert found[0].text
        assert found[1].text


def test_page_needs_nothing_else_and_is_always_the_same(warehouse: Warehouse) -> None:
    fill(warehouse)
    text = page(warehouse)
    found = Page(text)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    links = {value for name, value in found.attributes if name in ("href", "src", "xlink:href", "action")}
    assert all(value and value.startswith("#") for value in links)
    assert "://" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\((.*?)\)", text)) == {"#hatch", "#waiting"}
    assert "<title>Media &lt;of&gt; Acme, 2026-11-02 to 2026-11-04</title>" in text
    assert text == page(warehouse)


def test_hostile_text_stays_text_on_the_page(warehouse: Warehouse) -> None:
    fill(warehouse, application=HOSTILE, example=HOSTILE)
    text = page(warehouse, countries=HOSTILE, edges=HOSTILE)
    found = Page(text)
    assert not found.tags & {"script", "img"}
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not {"\x1b", "\u202e"} & set(text)
    shown = words.visible(HOSTILE)
    assert "<script>canary()</script>" in shown
    assert [row[0] for row in found.table("2 of 2 objects")[1:]] == [f"media/{shown}.mp4"] * 2
    assert found.table("* of the highest")[1][0] == words.visible(HOSTILE, 60)
    assert found.table("Whole objects")[1][3] == shown
    assert found.table("One line of each reason")[1][2].startswith(shown)
    assert len(svgs(text)) == 8  # each of them well-formed


def test_empty_warehouse_makes_a_page(warehouse: Warehouse) -> None:
    text = page(warehouse)
    assert "The warehouse holds no day of this range" in Page(text).text
    assert not svgs(text)


def test_days_without_any_traffic_make_a_page(warehouse: Warehouse) -> None:
    warehouse.put("days", day=MON, source="ovh", state="final")
    found = Page(page(warehouse))
    assert "No check has run" in found.text
    assert found.table("lines = ")[1][:3] == ["2026-11-02", "ovh", "final"]


def test_cost_without_a_price_is_not_available(warehouse: Warehouse) -> None:
    warehouse.put("traffic_daily", day=MON, application="a", status_class="2xx", requests=1, bytes_sent=10**9)
    warehouse.put("bandwidth_cost_daily", day=MON, application="a", bytes_sent=10**9, cost_micros=None)
    found = Page(page(warehouse))
    assert found.table("All applications")[1][5] == "not available"
    assert "Not available: no price card covers these days." in found.text
    assert "Cost: not available" in terminal(warehouse)


def test_budgets_stand_beside_the_cost(on_every_engine: Warehouse) -> None:
    """72 USD in a month's first 72 hours are 720; what is in EUR, and what has no price, is named and keeps the other
    budget from being told to hold. A hostile name is text."""
    put = on_every_engine.put
    for number, day in enumerate((date(2026, 11, 1), MON, TUE)):
        put("days", day=day, source="ovh", state="final", complete_through_at=datetime(2026, 11, 2 + number))  # noqa: DTZ001
    put("traffic_hourly", hour_at=datetime(2026, 11, 1), requests=1)  # noqa: DTZ001
    put("bandwidth_cost_daily", day=MON, application=HOSTILE, currency="USD", bytes_sent=9, cost_micros=72_000_000)
    put("bandwidth_cost_daily", day=TUE, application="b", currency="USD", bytes_sent=9, cost_micros=1_000_000)
    put("bandwidth_cost_daily", day=TUE, application="b", currency="EUR", bytes_sent=9, cost_micros=2_000_000)
    put("bandwidth_cost_daily", day=TUE, application="b", bytes_sent=3 * 10**9, cost_micros=None)
    same = {"model": "*", "currency": "USD", "period": "month", "costs": "bandwidth", "basis": "bandwidth"}
    same |= {"source": "*", "user_id": "*", "application": "*"}
    put("budgets", **same, budget_name="each", amount_micros=719_999_999, subject_of="application")
    [one, other] = on_every_engine.figures().budgets
    assert (one.subject, one.cost, one.projected, one.amount, one.is_over) == (
        HOSTILE, 72_000_000, 720_000_000, 719_999_999, True,
    )  # fmt: skip
    assert (other.is_over, other.not_counted) == (None, ("3.000 GB without a price", "2.0000 EUR"))
    shown = Page(page(on_every_engine))
    told = shown.table("Budgets through 2026-11-03, at the pace of the hours that are known")
    assert [row[-3] for row in told[1:]] == ["no", "not known"]
    assert told[2][1:5] == ["2026-11-01 (month)", "1.0000 USD", "10.0000", "720.0000"]
    assert "<script>" not in page(on_every_engine)


def test_data_sets_are_named_or_said_to_be_missing(warehouse: Warehouse) -> None:
    warehouse.put("days", day=MON, source="ovh", state="final")
    warehouse.put("countries_daily", day=MON, application="a", country="FR", edge="not_available", requests=1)
    assert "Country data: geo of May. CDN ranges: not available." in Page(page(warehouse, countries="geo of May")).text
    assert "Country data: from a data set that was not named." in Page(page(warehouse)).text


def test_each_currency_has_its_own_picture(warehouse: Warehouse) -> None:
    warehouse.put("traffic_daily", day=MON, application="a", status_class="2xx", requests=1, bytes_sent=10**9)
    for currency, micros in (("USD", 1_500_000), ("EUR", 2_000_000)):
        warehouse.put("bandwidth_cost_daily", day=MON, application="a", currency=currency, cost_micros=micros)
    text = page(warehouse)
    assert picture(text, "cost-EUR") is not picture(text, "cost-USD")
    assert Page(text).table("All applications")[1][5] == "2.0000 EUR + 1.5000 USD"
    assert "2.0000 EUR" in terminal(warehouse)


def test_a_year_of_many_applications_stays_readable(warehouse: Warehouse) -> None:
    fill_days(warehouse, 450, applications=9)
    text = page(warehouse)
    drawn = picture(text, "bytes-title")
    labels = [label for label in drawn.findall("text") if label.attrib["class"] == "tick middle"]
    assert 8 <= len(labels) <= 14
    assert len(drawn.findall("g")) == 400
    assert {bar.attrib["class"] for bar in drawn.iter("rect")} == {"c0", "c1", "c2", "c3", "c4", "c5", "c6"}
    found = Page(text)
    assert "newest 400 of 450 days" in found.text
    assert found.table("GB sent")[0] == [
        "day", "state", *(f"app-{n:02}" for n in range(6)), "3 other applications", "all"
    ]  # fmt: skip
    assert len(found.table("GB sent")) == 451


# --- the terminal ----------------------------------------------------------------------------------
def test_terminal_shows_the_figures(warehouse: Warehouse) -> None:
    fill(warehouse)
    lines = [" ".join(line.split()) for line in terminal(warehouse).splitlines()]
    assert lines[0] == "2 days, 2026-11-02 to 2026-11-04 (UTC)"
    assert "2026-11-02 final 4,000 2,000 8.000 0.0880 400 10.00 % 40 300 1,500 70" in lines
    assert "2026-11-04 open 8,000 4,000 16.000 n/a 800 10.00 % 80 600 3,000 140" in lines
    assert "castingly 9,000 4,500 18.000 0.0660+ 900 10.00 % 600 140" in lines
    assert "error_rate 1 % 0 0 1 1 0 0" in lines
    assert "2026-11-02 critical error_rate: 10 %, limit 1 %, 4,000 requests" in lines
    assert "2 SHORT_LINE monday, line 7" in lines
    assert "2026-11-02 final 2026-11-04 06:00 2 5,000 4,994 3 3 2" in lines
    assert "Cost: 0.0880 USD + 16.000 GB without a price" in lines
    assert "0.011 USD per GB, from 2026-11-02 until further notice: the price page" in lines


def test_terminal_shows_fourteen_days_and_says_so(warehouse: Warehouse) -> None:
    fill_days(warehouse, 20, applications=12)
    text = terminal(warehouse)
    days, _, rest = text.partition("Applications, whole range")
    assert len(re.findall(r"^2026-", days, re.M)) == 14
    assert "6 earlier days left out" in days
    assert "4 smaller" in rest
    assert "15 earlier days left out" in rest  # five days of eight applications make forty rows


def test_terminal_is_never_wider_than_a_hundred_columns(warehouse: Warehouse) -> None:
    fill(warehouse, application=HOSTILE, example=HOSTILE)
    fill_days(warehouse, 20, last=date(2026, 11, 1))
    assert max(len(line.rstrip()) for line in terminal(warehouse).splitlines()) <= 100


def test_hostile_text_does_not_steer_the_terminal(warehouse: Warehouse) -> None:
    fill(warehouse, application=HOSTILE, example=HOSTILE)
    assert not {"\x1b", "\u202e"} & set(terminal(warehouse))
    coloured = terminal(warehouse, in_colour=True)
    assert "\\x1b[31m\\u202e&amp;[red]" in coloured
    assert set(re.findall(r"\x1b\[([\d;]*)m", coloured)) <= {"0", "1", "2", "3", "32", "33", "36", "1;2", "1;31"}


def test_colours_change_no_word(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert re.sub(r"\x1b\[[\d;]*m", "", terminal(warehouse, in_colour=True)) == terminal(warehouse)


def test_empty_warehouse_is_said(warehouse: Warehouse) -> None:
    assert terminal(warehouse) == "Nothing to show: the warehouse holds no day in this range.\n"


# --- words and axes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (words.gigabytes(0), "0.000"),
        (words.gigabytes(1), "<0.001"),
        (words.gigabytes(1_234_567_890_123), "1,234.568"),
        (words.money(50), "<0.0001"),
        (words.money(1_250), "0.0012"),  # half to even
        (words.money(-1_250_000), "-1.2500"),
        (words.rate(0, 0), "-"),
        (words.rate(0, 7), "0.00 %"),
        (words.rate(1, 10**6), "<0.01 %"),
        (words.count(None), "-"),
        (words.measured(107374182400.0, "bytes"), "107.4 GB"),
        (words.measured(0.0123, "ratio"), "1.2 %"),
        (words.measured(1000.0, "ms"), "1 s"),
        (words.measured(12.5, "USD"), "12.50 USD"),
        (words.measured(None, "USD"), "not available"),
        (words.cost(Cost({})), "not available"),
        (words.visible("a\tb\r\n\x9b"), "a\\x09b\\x0d\\x0a\\x9b"),
        (words.visible("abcdef", 4), "abc…"),
    ],
)
def test_words(shown: str, wanted: str) -> None:
    assert shown == wanted


@pytest.mark.parametrize("highest", [0, 1e-6, 0.3, 1, 7, 10, 99.9, 1e3, 123_456, 8e15])
def test_an_axis_ends_at_or_above_its_highest_value(highest: float) -> None:
    scale = ticks(highest)
    assert scale[0] == 0
    assert scale[-1] >= highest * (1 - 1e-9)
    assert 2 <= len(scale) <= 7


@pytest.mark.parametrize(("lowest", "highest"), [(0, 0), (1, 1), (0, 9), (38, 1450), (5, 2**62), (700, 700)])
def test_a_logarithmic_axis_holds_its_values(lowest: int, highest: int) -> None:
    scale = log_ticks(lowest, highest)
    assert scale[0] <= max(lowest, 1) <= max(highest, 1) <= scale[-1]
    assert scale[0] < scale[-1]


@pytest.mark.parametrize("number", [1, 14, 15, 98, 99, 120, 400])
def test_days_are_labelled_sparsely(number: int) -> None:
    labels = day_labels([date(2025, 10, 3) + timedelta(days=n) for n in range(number)])
    assert 1 <= len(labels) <= 14
