"""Every room that asks for a kind of source is walked over every kind: none may be forgotten in one of them."""

from __future__ import annotations

import ast
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mediameter.alerts.row_sources import FRESHNESS
from mediameter.alerts.rule_files import rules
from mediameter.doctor import examination
from mediameter.doctor.case import Case
from mediameter.doctor.discretion import discreet_finding
from mediameter.doctor.finding import error
from mediameter.opening.claim import claim_of
from mediameter.opening.opened import opened
from mediameter.report import generated_tables, merged_tables
from mediameter.sections.buckets import BucketSource
from mediameter.sections.source import Generating
from mediameter.settings import Settings, render_commented_toml
from mediameter.settings.reading import from_mapping
from mediameter.steps.completeness import NOTHING, of_bucket, of_tables
from mediameter.steps.export.export import REFERENCE, export
from mediameter.steps.ingest.ingest import read_by
from mediameter.systems import SYSTEMS
from mediameter.systems.system import FORMS, TABLES
from schemas.palette import OF_LAKE_KIND
from schemas.vocabulary import LAKE_KINDS

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
PLANNED = {"colouring_book", "pose_generator", "central_logger"}
"""Kinds of the user's documents: a rule may be about one before it is read."""
KINDS = pytest.mark.parametrize("kind", SYSTEMS)


def settings_of(kind: str, folder: Path, **source: Any) -> Settings:
    """Settings with one source of that kind, where nothing is; what is None is left out of them."""
    place = {"url": "sqlite:///nowhere.sqlite"} if SYSTEMS[kind].form is TABLES else {"path": "nowhere"}
    said = {name: value for name, value in {"kind": kind, **place, **source}.items() if value is not None}
    document = {
        "sources": {"it": said},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)


def test_a_module_with_a_row_is_a_system_and_no_other_list_names_it() -> None:
    folder = Path(examination.__file__).parents[1] / "systems"
    rows = {file.stem for file in folder.glob("*.py") if re.search("^SYSTEM = ", file.read_text(), re.MULTILINE)}
    assert set(SYSTEMS) == rows


@KINDS
def test_the_settings_read_what_init_writes_of_it(kind: str, tmp_path: Path) -> None:
    example = SYSTEMS[kind].example
    assert example in render_commented_toml()
    lines = (re.sub(r"^# (?=\[|[a-z_]+ = )", "", line) for line in example.splitlines())
    settings = from_mapping(tomllib.loads("\n".join(lines)), tmp_path)
    assert {source.kind for source in settings.sources.values()} == {kind}
    known = set(SYSTEMS[kind].section.model_fields)
    assert set(SYSTEMS[kind].fingerprint.values()) <= known
    assert settings.fingerprint() != settings.generating_fingerprint()


@KINDS
def test_it_is_of_one_form_and_supplies_something(kind: str, tmp_path: Path) -> None:
    settings, system = settings_of(kind, tmp_path), SYSTEMS[kind]
    assert [system.form in FORMS, settings.system("it") is system] == [True, True]
    supplied = (settings.log_sources, settings.app_sources, settings.generating_sources)
    assert sum("it" in each for each in supplied) == 1
    assert ("it" in settings.generating_sources) == issubclass(system.section, Generating)
    assert ("it" in settings.bucket_sources) == issubclass(system.section, BucketSource) == system.form.is_bucket


@KINDS
def test_the_doctor_looks_at_it(kind: str, tmp_path: Path) -> None:
    findings = list(examination._of_source(Case(settings_of(kind, tmp_path), lambda: NOW), "it"))
    assert {finding.check.rpartition(".")[0] for finding in findings} == {"sources.it"}
    assert any(finding.verdict in ("error", "warning") for finding in findings), "nothing is there"


@KINDS
def test_the_doctor_hides_its_secrets(kind: str, tmp_path: Path) -> None:
    fields = SYSTEMS[kind].section.model_fields
    names = [name for name, field in fields.items() if not field.repr]
    canaries = {name: f"canary-of-{name}" for name in names}
    given: dict[str, str | None] = {
        name: f"postgresql://me:{secret}@db.example.org/app" if "url" in name else secret
        for name, secret in canaries.items()
    }
    if "access_key" in given:
        given |= {"path": None, "bucket": "acme-logs"}
    if "key" in given:
        given["url"] = f"https://me:{canaries['url']}@project.supabase.co/rest/v1"
    settings_of(kind, tmp_path, **given)
    for texts in (canaries.values(), given.values()):
        said = " ".join(str(each) for each in texts)
        told = discreet_finding(error("it", f"broken: {said}", said))
        assert "canary" not in told.found + told.remedy
    assert names, "every kind has a secret; without one this test says nothing"


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://me:p%40ss-canary@db/app", ["p%40ss-canary", "p@ss-canary"]),
        ("postgresql://db/app?user=me&password=canary-2", ["canary-2"]),
        ("https://x.supabase.co/rest/v1?apikey=canary-3", ["canary-3"]),
    ],
)
def test_a_password_is_hidden_however_the_url_says_it(url: str, secrets: list[str], tmp_path: Path) -> None:
    more = {"key": "the-key"} if url.startswith("https") else {}
    settings_of("directors_palette", tmp_path, url=url, **more)
    told = discreet_finding(error("it", f"{url} and {' '.join(secrets)}", "none"))
    assert "canary" not in told.found


@KINDS
def test_a_run_takes_it_in(kind: str, tmp_path: Path) -> None:
    settings, system = settings_of(kind, tmp_path), SYSTEMS[kind]
    if system.form.is_bucket:
        assert system.parser_version > 0
        assert callable(read_by(settings, "it"))
        return
    report = export(settings, now=NOW)
    assert [line.startswith("[sources.it]") for line in report.failed] == [True]
    assert system.feeds, "tables without a feed bring nothing"
    assert {feed.kind for feed in system.feeds} <= set(LAKE_KINDS)
    assert all(feed.contract is OF_LAKE_KIND.get(feed.kind, feed.contract) for feed in system.feeds)
    assert system.reference is None or system.reference.name in REFERENCE


@KINDS
def test_completeness_tells_it(kind: str, tmp_path: Path) -> None:
    settings = settings_of(kind, tmp_path, quiet_hours=30)
    assert settings.sources["it"].ordinary_silence is not None
    with opened(settings) as made, made.connect() as connection:
        if SYSTEMS[kind].form.is_bucket:
            assert of_bucket(connection, settings, "it", [], NOW, NOW) == NOTHING
        else:
            assert of_tables(connection, settings, "it", NOW, NOW).complete_through == NOW
    assert SYSTEMS[kind].form.freshness in re.split(r"\W+", FRESHNESS.column("kind").doc)
    assert SYSTEMS[kind].form.silence


@KINDS
def test_the_lake_and_its_warehouse_know_whose_it_is(kind: str, tmp_path: Path) -> None:
    place = claim_of(settings_of(kind, tmp_path)).sources["it"]
    assert place.startswith(f"{kind} ")
    assert "nowhere" in place


@KINDS
def test_the_report_names_it_where_it_is_missing(kind: str) -> None:
    says = {"viewers": merged_tables.NOT_CONNECTED, "generations": generated_tables.NOT_CONNECTED}
    if SYSTEMS[kind].supplies in says:  # without access logs there is no report at all
        assert f'"{kind}"' in says[SYSTEMS[kind].supplies]


@KINDS
def test_rules_or_answers_come_with_it(kind: str) -> None:
    root = Path(examination.__file__).parents[2]
    texts = [*(root / "sql" / "answers").glob("*.sql"), *(root / "mediameter" / "alerts" / "rules").glob("*.yaml")]
    asked = "\n".join(file.read_text() for file in texts)
    assert re.search(rf'asked.in: "?{re.escape(SYSTEMS[kind].document)}\b', asked)


def test_a_rule_names_kinds_that_are_read_or_planned(tmp_path: Path) -> None:
    for rule in rules(tmp_path):
        assert set(rule.systems) <= SYSTEMS.keys() | PLANNED, rule.name


def test_no_other_room_asks_for_a_kind() -> None:
    """Whoever compares with the name of a kind has to be found again for the next one. The demo writes its own
    settings, as texts."""
    root = Path(examination.__file__).parents[2]
    files = [file for top in ("flows", "parsers", "schemas", "mediameter") for file in (root / top).rglob("*.py")]
    asking = {
        f"{file.relative_to(root)}:{node.lineno}"
        for file in files
        if file.parent.name != "systems"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value in SYSTEMS
    }
    assert asking == set()
