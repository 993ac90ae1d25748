"""Suites of one's own, the pages, and what the gate keeps from doing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.errors import UserError
from mediameter.quality.suites import suites
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.gate.quality import QualityReport, quality
from mediameter.steps.pass_.complaints import require_all_sound
from mediameter.steps.pass_.words import of_quality
from mediameter.store import fences, tenancy
from schemas.vocabulary import DEFAULT_TENANT
from tests.worlds.month import FIRST, NOW, month
from tests.worlds.site import Site

HOUSE = Path(__file__).resolve().parents[2]
HEAD = "table: traffic_daily\nexpectations:\n"
SECOND = FIRST + timedelta(days=1)


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two days that are sound."""
    site = Site(tmp_path_factory.mktemp("metered") / "site")
    site.deliver(month(days=2))
    run(site.settings(), now=NOW)
    return site


@pytest.fixture
def site(metered: Site, tmp_path: Path) -> Iterator[Site]:
    """A copy, to be spoilt."""
    yield metered.copied(tmp_path / "site")


def own(site: Site, text: str, name: str = "own.yaml") -> Settings:
    """The settings of the site, with a suite of its own."""
    folder = site.folder / "expectations"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return site.settings()


def with_pages(site: Site, docs: str = "./quality") -> Settings:
    return from_mapping({**site.document(), "quality": {"docs": docs}}, site.folder)


def judge_again(site: Site) -> None:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        fences.mark_dirty(connection, "quality", fences.fenced_days(connection, "quality"))
    made.dispose()


def states(site: Site) -> dict[str, int]:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.reading(made) as connection:
        found = connection.execute(sa.text("SELECT state, COUNT(*) FROM days GROUP BY state")).all()
    made.dispose()
    return {str(state): int(count) for state, count in found}


# --- suites of one's own -----------------------------------------------------------------------------
def test_a_rule_of_ones_own_makes_days_suspect_and_mended_makes_them_final(site: Site) -> None:
    too_much = HEAD + "  - rule: no_more_than_a_thousand\n    type: expect_column_values_to_be_between\n"
    kwargs = "    kwargs: {column: bytes_sent, max_value: 1000}\n"
    before = states(site)
    found = quality(own(site, too_much + kwargs), now=NOW)
    assert str(FIRST) in found.suspect_days and states(site).get("final", 0) < before["final"]
    assert found.broken[0]["detail"].startswith("castingly media get_object 2xx: bytes_sent ")

    found = quality(own(site, too_much + "    severity: warning\n" + kwargs), now=NOW)  # told, and no more
    assert found.broken and not found.suspect_days and states(site) == before
    assert of_quality(found, "done")[0].startswith(f"warning: {FIRST} breaks own.no_more_than_a_thousand: ")

    (site.folder / "expectations" / "own.yaml").unlink()
    assert not quality(site.settings(), now=NOW).broken
    assert quality(site.settings(), now=NOW) == QualityReport()


def test_what_is_expected_of_all_rows_is_asked_day_by_day(site: Site) -> None:
    text = (
        "query: SELECT COUNT(*) AS rows_found FROM traffic_daily WHERE tenant = :tenant AND day = :day AND"
        f" :day = '{SECOND}'\nexpectations:\n"
        "  - rule: one_row\n    type: expect_table_row_count_to_equal\n    kwargs: {value: 1}\n"
        "  - rule: mostly_none\n    type: expect_column_values_to_be_in_set\n"
        "    kwargs: {column: rows_found, value_set: [0], mostly: 0.9}\n"
    )
    found = quality(own(site, text), now=NOW)
    assert [(each["day"], each["rule"]) for each in found.broken] == [(str(SECOND), "mostly_none")]
    assert "1 of 1 rows" in found.broken[0]["detail"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "  - rule: r\n    type: expect_nothing\n", "own.yaml line 3: r: there is no expectation 'expect_noth"),
        (
            HEAD + "  - rule: r\n    type: expect_column_values_to_be_in_set\n"
            "    kwargs: {column: byte, value_set: []}",
            "own.yaml line 3: r: there is no column 'byte': the query's are day, application",
        ),
        (
            HEAD + "  - rule: r\n    type: expect_column_values_to_be_in_set\n    kwargs: {colum: requests}",
            "own.yaml line 3: r: expect_column_values_to_be_in_set cannot be created: .*colum",
        ),
        (
            HEAD + "  - rule: r\n    type: expect_column_values_to_be_between\n"
            "    kwargs: {column: application, max_value: 3}",
            "own.yaml line 3: r: .* cannot judge these rows",
        ),
        (HEAD + "  - rule: r\n    typo: x\n", "own.yaml line 4: unknown key 'typo'"),
        (HEAD + "  - type: x\n", "own.yaml line 3: a rule has no valid name"),
        (HEAD + "  - {rule: r, type: t, severity: bad}", "own.yaml line 3: r: there is no severity 'bad'"),
        (HEAD + "  - {rule: r, type: t}\n  - {rule: r, type: t}", "line 4: r: a rule r exists already"),
        ("table: users_hourly\nexpectations: [{rule: r, type: t}]", "there is no table of days 'users_hourly'"),
        ("query: DELETE FROM days\nexpectations: [{rule: r, type: t}]", "query is not a SELECT"),
        ("query: SELECT 1; COMMIT; DELETE FROM days\nexpectations: [{rule: r, type: t}]", "query holds a ;"),
        (
            "query: WITH a AS (SELECT 1) DELETE FROM days WHERE state <> '' RETURNING source\n"
            "expectations: [{rule: r, type: t}]",
            "own.yaml: the query: .*only reads tried to write; nothing was written",
        ),
        ("query: SELECT :dya\nexpectations: [{rule: r, type: t}]", "there is no parameter :dya: known: tenant, day"),
        ("query: SELECT x FROM days\nexpectations: [{rule: r, type: t}]", "own.yaml: the warehouse refuses the query:"),
        ("query: SELECT :lake_credits\nexpectations: [{rule: r, type: t}]", "no parameter :lake_credits: known"),
        (
            "family: generations\nquery: SELECT :is_connected\nexpectations: [{rule: r, type: t}]",
            "there is no parameter :is_connected: known: .*table_sources, event_sources, lake_generations",
        ),
        (
            "about: of whom?\nfamily: money\n" + HEAD + "  - {rule: r, type: t}\n",
            "own.yaml line 2: there is no family 'money': one of traffic, generations",
        ),
        ("family: [traffic]\n" + HEAD + "  - {rule: r, type: t}\n", "own.yaml line 1: there is no family"),
        (
            "family: traffic\ntable: credits_daily\nexpectations: [{rule: r, type: t}]",
            "own.yaml line 1: credits_daily is a table of generations: write family: generations, or leave it out",
        ),
        ("expectations: [{rule: r, type: t}]", "either query or table"),
        (HEAD, "expectations a list"),
        ("a: [", "own.yaml line 1: this is not YAML"),
        ("[]", "this is not a mapping of names to values"),
    ],
)  # fmt: skip
def test_a_suite_that_cannot_be_understood_is_named(site: Site, text: str, told: str) -> None:
    settings = own(site, text)
    with pytest.raises(UserError, match=told):
        require_all_sound(quality(settings, now=NOW).to_dict())


def test_two_suites_of_one_name_are_refused(site: Site) -> None:
    with pytest.raises(UserError, match="a suite groups exists already"):
        quality(own(site, HEAD + "  - {rule: r, type: t}", "groups.yaml"), now=NOW)


def test_a_table_is_shown_without_what_is_personal(site: Site) -> None:
    own(site, "table: addresses_daily\nexpectations: [{rule: r, type: t}]")
    [suite] = [suite for suite in suites(site.folder) if suite.name == "own"]
    assert "requests" in suite.query and "addresses_daily.address," not in suite.query


@pytest.mark.parametrize(
    ("said", "family", "asked"),
    [
        ("query: SELECT 1 AS one", "traffic", "SELECT 1"),
        ("family: generations\nquery: SELECT :lake_rows AS n", "generations", ":lake_rows"),
        ("table: traffic_hourly", "traffic", "traffic_hourly"),
        ("table: credits_daily", "generations", "credits_daily"),
        ("table: days", "traffic", "AND family = 'traffic'"),
        ("family: generations\ntable: days", "generations", "AND family = 'generations'"),
    ],
)
def test_a_suite_is_of_one_family(site: Site, said: str, family: str, asked: str) -> None:
    own(site, f"{said}\nexpectations: [{{rule: r, type: t}}]")
    [suite] = [suite for suite in suites(site.folder) if suite.name == "own"]
    assert suite.family == family and asked in suite.query


# --- the pages ---------------------------------------------------------------------------------------
def test_the_pages_show_the_last_judgement_and_ask_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediameter.steps.gate.quality.DAYS_AT_ONCE", 2)
    settings = with_pages(site)
    for _ in range(2):  # the second time in place of the first
        judge_again(site)
        days = quality(settings, now=NOW).days
    pages = list((site.folder / "quality").rglob("*.html"))
    assert len([page for page in pages if "validations" in page.parts]) == 7 * 2 and len(days) == 3
    index = (site.folder / "quality" / "index.html").read_text()
    assert index.count("all rules are met") == 7 * 2
    assert all((site.folder / "quality" / unquote(link)).exists() for link in re.findall('href="([^"]+)"', index))
    for page in pages:
        text = page.read_text()
        assert "Content-Security-Policy\" content=\"default-src 'none'; script-src 'none'" in text
        assert "warehouse.sqlite" not in text
    known = {"bucket", "lake", "quality", "warehouse.sqlite", "warehouse.sqlite-shm", "warehouse.sqlite-wal"}
    assert {path.name for path in site.folder.iterdir()} <= known


def test_a_folder_of_somebody_else_is_left_alone(site: Site) -> None:
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "thesis.txt").touch()
    judge_again(site)
    [why] = quality(with_pages(site, "./mine"), now=NOW).failed
    assert "holds other files than the gate's pages" in why
    assert [path.name for path in (site.folder / "mine").iterdir()] == ["thesis.txt"]
    assert quality(site.settings(), now=NOW) == QualityReport(), "the verdicts are written all the same"


# --- what it keeps from doing ------------------------------------------------------------------------
_WATCHED = """
import json, sys
asked = []
sys.addaudithook(lambda event, args: asked.append(str(args[1])) if event == "socket.connect" else None)
from mediameter.settings import load
from mediameter.commands.run import run
from datetime import datetime
summary = run(load(sys.argv[1]), now=datetime.fromisoformat(sys.argv[2]))
loaded = sorted({"great_expectations", "pandas"} & set(sys.modules))
print(json.dumps([summary.quality.days, loaded, asked]))
"""


def test_it_asks_nobody_and_an_idle_run_does_not_import_it(site: Site) -> None:
    settings = site.folder / "mediameter.toml"
    settings.write_text(
        '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\nbucket = "dailey-media-logs"\n'
        '[privacy]\nkey = "the key of all trials"\n[geo]\ncountries = "none"\n'
    )

    def watched() -> list[list[str]]:
        command = [sys.executable, "-c", _WATCHED, str(settings), NOW.isoformat()]
        environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
        done = subprocess.run(command, cwd=site.folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        found: list[list[str]] = json.loads(done.stdout)
        return found

    days, loaded, asked = watched()  # with other settings: all is computed and judged
    assert len(days) >= 2 and loaded == ["great_expectations", "pandas"] and asked == []
    assert watched() == [[], [], []]
