"""Export over a real PostgREST: more rows than it gives at once, and keys from which policies hide rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter.commands.run import run
from mediameter.doctor import Finding, examine
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.sources.api_keys import ApiKey, read_key
from mediameter.steps.export.export import export
from mediameter.steps.pass_.complaints import require_all_exported
from tests.export.application import Application
from tests.generations.palette import NOW, generation, palette, settings_for, transaction
from tests.generations.real_postgrest import CAP, Rest, serving
from tests.generations.rolled_up import many
from tests.trials.dump import dump

LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """With rows in every table that some have."""
    for made in palette("postgresql", tmp_path_factory.mktemp("palette")):
        many(made, 3 * CAP + 7)
        made.insert("generation_events", generation(1))
        made.insert("credit_transactions", transaction("usage", -1))
        yield made


@pytest.fixture(scope="module")
def rest(system: Application, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with serving(system, tmp_path_factory.mktemp("postgrest")) as rest:
        yield rest


def settings(rest: Rest, folder: Path, key: str) -> Settings:
    folder.mkdir(exist_ok=True)
    return settings_for(rest.url, folder, key=key, role=rest.service, page_rows=5_000)


def test_more_rows_than_it_gives_at_once_all_arrive(system: Application, rest: Rest, tmp_path: Path) -> None:
    over_rest = settings(rest, tmp_path / "rest", rest.key(rest.service))
    report = export(over_rest, now=NOW)
    assert (report.failed, report.rows, report.doubts) == ([], 3 * CAP + 9, [])
    (tmp_path / "sql").mkdir()
    over_sql = settings_for(system.url, tmp_path / "sql")
    assert run(over_sql, now=NOW).export.failed == run(over_rest, now=NOW).export.failed == []
    assert dump(over_rest.warehouse.url) == dump(over_sql.warehouse.url)


@pytest.fixture
def policies(system: Application) -> Iterator[None]:
    """Of which none lets anybody see a row."""
    for word in ("ENABLE", "DISABLE"):
        system.execute(f"ALTER TABLE generation_events {word} ROW LEVEL SECURITY")
        if word == "ENABLE":
            yield


@pytest.mark.usefixtures("policies")
def test_a_key_from_which_policies_hide_rows_is_refused(rest: Rest, tmp_path: Path) -> None:
    place = settings(rest, tmp_path, rest.key(rest.service))
    assert export(place, now=NOW).failed == []
    before = dump(place.warehouse.url)
    for key in (rest.key(rest.anon), rest.key(None), "sb_publishable_made-up"):
        report = export(settings(rest, tmp_path, key), now=LATER)
        [line] = report.failed
        assert "which need not see all rows (row-level security)" in line and "set key to the service key" in line
        with pytest.raises(UserError):
            require_all_exported(report.to_dict())
        assert dump(place.warehouse.url) == before
    assert export(place, now=LATER).days == []


@pytest.mark.usefixtures("policies")
def test_a_role_that_was_said_to_see_all_and_does_not_is_found_by_its_counts(rest: Rest, tmp_path: Path) -> None:
    place = settings(rest, tmp_path, rest.key(rest.service))
    export(place, now=NOW)
    before = dump(place.warehouse.url)
    hidden = settings_for(rest.url, tmp_path, key=rest.key(rest.anon), role=rest.anon)
    [line] = export(hidden, now=LATER).failed
    assert "generation_events shows no row any more" in line and dump(place.warehouse.url) == before


def test_the_doctor_tells_whose_a_key_is(rest: Rest, tmp_path: Path) -> None:
    assert verdicts(rest, tmp_path, rest.key(rest.service)) == {"ok"}
    assert "ok" not in verdicts(rest, tmp_path, rest.key(rest.anon))
    expired = rest.key(rest.service, exp=int(NOW.timestamp()) - 60)
    assert any("the key expired on 2026-11-05" in each.found for each in findings(rest, tmp_path, expired))
    assert "warning" in verdicts(rest, tmp_path, "a-key-that-tells-nothing")


def findings(rest: Rest, folder: Path, key: str) -> list[Finding]:
    toml = folder / "mediameter.toml"
    told = f'kind = "directors_palette"\nurl = "{rest.url}"\nkey = "{key}"\nrole = "{rest.service}"\n'
    toml.write_text(f"[sources.palette]\n{told}")
    return [each for each in examine(toml, clock=lambda: NOW) if each.check.startswith("sources.palette")]


def verdicts(rest: Rest, folder: Path, key: str) -> set[str]:
    return {each.verdict for each in findings(rest, folder, key)}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("sb_secret_abc", ApiKey("service_role")),
        ("sb_publishable_abc", ApiKey("anon")),
        ("opaque", ApiKey(None)),
        ("a.b.c", ApiKey(None)),
        ("e30.e30.x", ApiKey("anon")),
        ("e30.W10.x", ApiKey(None)),
        ("e30.eyJyb2xlIjogImFub24iLCAiZXhwIjogMH0.x", ApiKey("anon", datetime(1970, 1, 1, tzinfo=UTC))),
    ],
)
def test_what_a_key_tells(key: str, told: ApiKey) -> None:
    assert read_key(key) == told
