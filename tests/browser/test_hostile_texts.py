"""What clients and suites say stays text on every page that people open: in a real browser, with the pages' own policy,
and with one that would let scripts of theirs run, so that the escaping is tried by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mediameter import connect
from mediameter.quality.docs import POLICY as POLICY_OF_THE_GATE
from mediameter.quality.docs import publish
from mediameter.quality.evidence import Evidence
from mediameter.quality.judging import judged, new_context
from mediameter.quality.suites import Rule, Suite
from mediameter.report import html
from mediameter.store import warehouse
from schemas import TABLES
from schemas.contract import Contract
from tests.browser import chromium
from tests.warehouse.reported import MON, WED, Warehouse, fill

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
LENIENT = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data:"  # strangers alone are kept out
SHAPES = (
    "<script>fetch('{0}')</script>",
    "<img src={0} onerror=fetch('{0}')>",
    "<svg onload=fetch('{0}')>",
    "\"'><img src={0}>",
    '" onmouseover="fetch(\'{0}\')" autofocus onfocus="fetch(\'{0}\')" tabindex="1',
    "</title></style></textarea></script><script src={0}></script>",
    "<a href=\"javascript:fetch('{0}')\">x</a><iframe src={0}></iframe>",
    "[x](javascript:fetch('{0}')) ![x]({0}) {{{{ cycler.__init__ }}}} {{% raw %}} ${{7*7}} $html_success_icon",
    "<base href={0}><meta http-equiv=refresh content='0;url={0}'><link rel=stylesheet href={0}>",
    "&lt;img src={0}&gt;&#60;img src={0}&#62;<!--",
    "javascript:fetch('{0}')",
)
_numbers = count()


def hostile(shape: str = "") -> str:
    """One of the shapes, each with a canary of its own."""
    number = next(_numbers)
    return (shape or SHAPES[number % len(SHAPES)]).format(f"{chromium.CANARY}{number}")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every page by its name: ``strict`` as it is, ``lenient`` with another policy in it."""
    chromium.browser()
    found = {"report": report(tmp_path_factory.mktemp("report"))}
    folder = tmp_path_factory.mktemp("gate") / "quality"
    gate(folder)
    for number, page in enumerate(sorted(folder.rglob("*.html"))):
        found[f"gate-{number}"] = page.read_text(encoding="utf-8")
    strict = {f"strict-{name}": text for name, text in found.items()}
    return strict | {f"lenient-{name}": lenient(text) for name, text in found.items()}


def lenient(text: str) -> str:
    changed = text.replace(html.POLICY, LENIENT).replace(html.POLICY.replace("'", "&#x27;"), LENIENT)
    changed = changed.replace(POLICY_OF_THE_GATE, LENIENT)
    assert changed != text, "the page has no policy"
    return changed


# --- the pages -------------------------------------------------------------------------------------------


def report(folder: Path) -> str:
    """A report in which each text of each table is hostile, in every shape."""
    made = connect.engine(f"sqlite:///{folder / 'warehouse.sqlite'}")
    warehouse.ready(made)
    with connect.writing(made) as connection:
        house = Warehouse(connection)
        fill(house, application=hostile(), example=hostile())
        for contract in (each for each in TABLES if each.kind != "internal"):  # of those, `fill` has what is shown
            for number, shape in enumerate(SHAPES):
                put(house, contract, number, shape)
        figures = house.figures(countries=hostile(), edges=hostile())
    made.dispose()
    return html.render(figures, hostile(SHAPES[5]), NOW)


def put(house: Warehouse, contract: Contract, number: int, shape: str) -> None:
    texts: dict[str, Any] = {column.name: hostile(shape) for column in contract if column.type == "text"}
    texts |= {column.name: column.among[0] for column in contract if column.among}
    texts |= {column.name: number + 1000 for column in contract if column.type == "int"}
    texts |= {column.name: MON if number % 2 else WED for column in contract if column.type == "day"}
    kept = {"tenant": "default", "family": "traffic"}
    house.put(contract.name, **{**texts, **{name: value for name, value in kept.items() if name in texts}})


def gate(folder: Path) -> None:
    """The pages of suites whose every text is hostile: rows, names of columns, arguments, and what a suite is about."""
    context = new_context()
    column = hostile(SHAPES[1])
    rows = tuple((hostile(shape), hostile(shape), number) for number, shape in enumerate(SHAPES))
    for number in range(3):
        asked = tuple(rules(column, number))
        about = " ".join(map(hostile, SHAPES))
        suite = Suite(f"own{number}", about, "traffic", "SELECT", asked, "own.yaml")
        judged(context, suite, [Evidence(MON, ("user_agent", column, "requests"), rows)], now=NOW)
    publish(context, folder)


def rules(column: str, first: int) -> list[Rule]:
    """Rules that are all broken; in three suites their arguments take every shape."""
    shapes = cycle(SHAPES[first * 4 :] + SHAPES[: first * 4])
    regex = f"^{re.escape(hostile(next(shapes)))}$"
    asked: Mapping[str, Mapping[str, Any]] = {
        "expect_column_values_to_match_regex": {
            "column": "user_agent",
            "regex": regex,
        },
        "expect_column_values_to_not_match_regex": {"column": column, "regex": "canary|/c/"},
        "expect_column_values_to_be_in_set": {"column": "user_agent", "value_set": [hostile(next(shapes)), "x"]},
        "expect_column_distinct_values_to_be_in_set": {"column": column, "value_set": [hostile(next(shapes))]},
        "expect_column_values_to_be_between": {"column": "requests", "max_value": -1},
        "expect_column_pair_values_to_be_equal": {"column_A": "user_agent", "column_B": column},
        "expect_column_value_lengths_to_be_between": {"column": column, "max_value": 1},
        "expect_table_columns_to_match_set": {"column_set": ["requests"]},
        "expect_column_most_common_value_to_be_in_set": {"column": column, "value_set": [hostile(next(shapes))]},
        "expect_column_max_to_be_between": {"column": "requests", "max_value": -1},
    }
    places = enumerate(asked.items())
    return [Rule(f"r{number}", kind, given, "warning", f"own.yaml: r{number}") for number, (kind, given) in places]


# --- what the browser makes of them ----------------------------------------------------------------------


def test_no_script_runs_and_no_request_leaves(pages: dict[str, str], tmp_path: Path) -> None:
    """The last page is what the others must not be: else a browser that shows nothing would pass."""
    control = f"<script>fetch('{chromium.CANARY}script')</script><img src={chromium.CANARY}image>"
    assert sum(chromium.CANARY in text for text in pages.values()) > 20, "the texts do not reach the pages"
    seen = chromium.seen({**pages, "control": control}, tmp_path / "profile")

    assert set(seen.markup) == {*pages, "control"}
    assert {name: found for name, found in seen.markup.items() if found and name != "control"} == {}
    asked = {url for url in seen.requests if chromium.CANARY in url}
    assert asked == {f"http://{chromium.HOST}{chromium.CANARY}{each}" for each in ("script", "image")}
    outside = {urlsplit(url).hostname or "" for url in seen.requests} - {
        chromium.HOST
    }  # the browser has hosts of its own
    assert {host for host in outside if any(host in text for text in pages.values())} == set()
    assert len(seen.markup["control"]) == 2
