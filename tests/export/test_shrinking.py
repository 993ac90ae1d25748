"""Promise 23 for tables: what rights, views and wrong databases hide is named, and never taken out of what was counted.

Each way of showing less, for each kind of table, on each server where it can happen.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter.cli import main
from mediameter.commands.status import status
from mediameter.connect import reading
from mediameter.doctor import examine
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.steps.export.export import ALL_DAYS, ExportReport, export
from mediameter.steps.pass_.complaints import require_all_exported
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from schemas.internal import EXPORTS, LAKE_FILES, LISTINGS
from tests.export import application as media
from tests.export.application import Application
from tests.generations import palette

NOW = palette.NOW
SEEN = {"palette": palette.DAY, "app": (NOW - timedelta(days=2)).date()}
ROWS = 10
OF_MEDIA = ("media_analytics", "media_files", "applications")
OF_PALETTE = ("generation_events", "credit_transactions", "model_pricing", "user_credits")
ENGINES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="module", params=ENGINES)
def systems(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Application]]:
    """Both kinds of systems with rows of a day, on a server of each kind."""
    folders = [tmp_path_factory.mktemp(name) for name in ("app", "palette")]
    made = [media.made(request.param, folders[0]), palette.palette(request.param, folders[1])]
    app, system = (next(each) for each in made)
    begun = NOW - timedelta(days=2)
    app.insert("media_analytics", *(media.event(timestamp=begun + timedelta(minutes=n)) for n in range(ROWS)))
    app.insert("media_files", *(media.media_file(n) for n in range(2, ROWS + 1)))
    app.insert("applications", *({"id": f"a-{n}", "name": f"n{n}", "slug": f"s{n}"} for n in range(1, ROWS)))
    system.insert("generation_events", *(palette.generation(after=60 * n) for n in range(ROWS)))
    system.insert("credit_transactions", *(palette.transaction("usage", -1, after=60 * n) for n in range(ROWS)))
    price = {"provider": "r", "generation_type": "image", "cost_cents": 1, "price_cents": 2}
    system.insert("model_pricing", *({"model_id": f"m-{n}", **price} for n in range(ROWS)))
    system.insert("user_credits", *({"user_id": palette.uuid(n + 1), "balance": n} for n in range(ROWS)))
    yield {"app": app, "palette": system}
    for each in made:
        next(each, None)


def of(systems: dict[str, Application], table: str) -> tuple[Application, str]:
    name = "app" if table in OF_MEDIA else "palette"
    return systems[name], name


def settings(system: Application, name: str, folder: Path, url: str = "", **source: Any) -> Settings:
    make = media.settings_for if name == "app" else palette.settings_for
    return make(url or system.url, folder, lookback_days=5, **source)


def stood(place: Settings) -> list[Any]:
    """What was counted and until when it is complete."""
    made = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(made) as connection:
        found = [list(map(tuple, connection.execute(sa.select(tables[each.name])))) for each in (EXPORTS, LAKE_FILES)]
        through = connection.execute(sa.select(tables[LISTINGS.name].c.complete_through_at)).scalars().all()
        files = connection.execute(sa.select(tables["media_files"].c.is_deleted)).scalars().all()
    made.dispose()
    return [found, through, sorted(files)]


@contextmanager
def seen_through_a_view(system: Application, table: str) -> Iterator[Any]:
    """A view of the table that can be made to show less."""
    view = f"seen_{uuid.uuid4().hex[:8]}"

    def show(which: str) -> None:
        system.execute(f"DROP VIEW IF EXISTS {view}")
        system.execute(f"CREATE VIEW {view} AS SELECT * FROM {table} WHERE {which}")

    try:
        yield view, show
    finally:
        system.execute(f"DROP VIEW IF EXISTS {view}")


def failure(report: ExportReport) -> str:
    assert report.refused == 1 and report.days == []
    with pytest.raises(UserError):
        require_all_exported(report.to_dict())
    [line] = report.failed
    return line


# --- a view, another database: every engine ------------------------------------------------------------
@pytest.mark.in_turn
@pytest.mark.parametrize("table", [*OF_MEDIA, *OF_PALETTE])
def test_a_view_that_shows_less_stops_its_source(table: str, systems: dict[str, Application], tmp_path: Path) -> None:
    system, name = of(systems, table)
    key = "user_id" if table == "user_credits" else "model_id" if table == "model_pricing" else "id"
    with seen_through_a_view(system, table) as (view, show):
        show("1 = 1")
        place = settings(system, name, tmp_path, tables={table: view})
        assert export(place, now=NOW).failed == []
        before = stood(place)
        some = f"{key} IN (SELECT {key} FROM (SELECT {key} FROM {table} ORDER BY {key} LIMIT 4) AS few)"
        ways = (("1 = 0", "shows no row any more", ALL_DAYS), (some, f"shows 4 of {ROWS}", None))
        for which, said, window in ways:
            show(which)
            line = failure(export(place, now=NOW + timedelta(hours=1), window=window))
            assert f"[sources.{name}]: {view} {said}" in line and "--accept-fewer" in line
            assert stood(place) == before
        found = status(place, now=NOW + timedelta(hours=1))
        assert found.is_late and any(said in line for line in found.complaints)
        show("1 = 1")
        assert export(place, now=NOW + timedelta(hours=2)).failed == []
        assert not any(view in line for line in status(place, now=NOW + timedelta(hours=2)).complaints)


@pytest.mark.in_turn
def test_a_few_deleted_rows_go_on_as_before(systems: dict[str, Application], tmp_path: Path) -> None:
    system = systems["palette"]
    with seen_through_a_view(system, "generation_events") as (view, show):
        show("1 = 1")
        place = settings(system, "palette", tmp_path, tables={"generation_events": view})
        export(place, now=NOW)
        few = "SELECT id FROM (SELECT id FROM generation_events ORDER BY id LIMIT 5) AS few"
        show(f"id NOT IN ({few})")
        report = export(place, now=NOW + timedelta(hours=1))
        assert (report.failed, report.days) == ([], [str(palette.DAY)])


@pytest.mark.in_turn
def test_what_was_deleted_with_intent_is_accepted(systems: dict[str, Application], tmp_path: Path) -> None:
    system = systems["app"]
    with seen_through_a_view(system, "media_analytics") as (view, show):
        show("1 = 1")
        place = settings(system, "app", tmp_path, tables={"media_analytics": view})
        export(place, now=NOW)
        show("1 = 0")
        day = SEEN["app"]
        planned = backfill(place, Task(day, day, accept_fewer=("app",)), now=NOW, dry_run=True)
        assert planned.export.days == [str(day)] and failure(export(place, now=NOW))
        with pytest.raises(UserError, match="there is no source 'apps'"):
            backfill(place, Task(day, day, accept_fewer=("apps",)), now=NOW)
        done = backfill(place, Task(day, day, accept_fewer=("app",)), now=NOW)
        assert done.export.failed == [] and f"{view} shows no row any more" in done.export.accepted[0]
        again = export(place, now=NOW + timedelta(hours=1))
        assert (again.failed, again.doubts, again.days) == ([], [], [])
        show("1 = 1")
        assert export(place, now=NOW + timedelta(hours=2)).days == [str(day)]


@pytest.mark.in_turn
def test_what_is_cleared_away_for_its_age_stays_counted(systems: dict[str, Application], tmp_path: Path) -> None:
    """Behind the look-back; nightly runs read every day there is."""
    system = systems["palette"]
    with seen_through_a_view(system, "generation_events") as (view, show):
        show("1 = 1")
        place = settings(system, "palette", tmp_path, tables={"generation_events": view})
        export(place, now=NOW)
        before = stood(place)[0]
        system.insert("generation_events", palette.generation(999, after=30 * 86_400))
        later = NOW + timedelta(days=30)
        show(f"id = '{palette.uuid(999)}'")
        assert export(place, now=later).failed == []
        report = export(place, now=later, window=ALL_DAYS)
        assert report.failed == [] and set(map(tuple, before[1])) <= set(map(tuple, stood(place)[0][1]))
        system.execute(f"DELETE FROM generation_events WHERE id = '{palette.uuid(999)}'")


# --- a first look at nothing ---------------------------------------------------------------------------
@pytest.mark.in_turn
@pytest.mark.parametrize("table", ["media_analytics", "generation_events"])
def test_a_view_without_a_row_is_not_known_to_be_empty(
    table: str, systems: dict[str, Application], tmp_path: Path
) -> None:
    system, name = of(systems, table)
    with seen_through_a_view(system, table) as (view, show):
        show("1 = 0")
        place = settings(system, name, tmp_path, tables={table: view})
        report = export(place, now=NOW)
        assert report.failed == [] and f"[sources.{name}]: {view} shows no row to this user" in report.doubts[0]
        assert stood(place)[1] == [None]
        found = status(place, now=NOW)
        assert found.is_late and view in found.complaints[0]
        assert backfill(place, Task(NOW.date(), NOW.date(), accept_fewer=(name,)), now=NOW).export.accepted
        assert export(place, now=NOW + timedelta(hours=1)).doubts == [] and stood(place)[1] != [None]


def test_a_database_without_any_row_is_not_known_to_be_empty(tmp_path: Path) -> None:
    for system in palette.palette("sqlite", tmp_path):
        report = export(settings(system, "palette", tmp_path), now=NOW)
        assert len(report.doubts) == 4


# --- row-level security: PostgreSQL ------------------------------------------------------------------------
@contextmanager
def role_behind_policies(system: Application, table: str) -> Iterator[str]:
    """The URL of a role that a policy shows no row of the table; it sees all others."""
    role = f"mm_{uuid.uuid4().hex[:10]}"
    statements = [
        f"CREATE ROLE {role} LOGIN PASSWORD 'secret-{role}'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    ]
    for statement in statements:
        system.execute(statement)
    try:
        url = sa.make_url(system.url).set(username=role, password=f"secret-{role}")
        yield url.render_as_string(hide_password=False)
    finally:
        system.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        system.execute(f"DROP OWNED BY {role}")
        system.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("table", [*OF_MEDIA, *OF_PALETTE])
def test_row_level_security_is_an_error(table: str, systems: dict[str, Application], tmp_path: Path) -> None:
    system, name = of(systems, table)
    if system.kind != "postgresql":
        pytest.skip("only PostgreSQL has policies of rows")
    place = settings(system, name, tmp_path)
    assert export(place, now=NOW).failed == []
    before = stood(place)
    with role_behind_policies(system, table) as url:
        filtered = settings(system, name, tmp_path, url)
        line = failure(export(filtered, now=NOW + timedelta(hours=1)))
        assert f"may not see all rows of {table} (row-level security): ALTER ROLE" in line
        assert "the role mm_" in line and "secret" not in line
        assert stood(filtered) == before
        toml = tmp_path / "mediameter.toml"
        kind = "dailey_media" if name == "app" else "directors_palette"
        toml.write_text(f'[sources.{name}]\nkind = "{kind}"\nurl = "{url}"\n')
        said = [each for each in examine(toml, clock=lambda: NOW) if each.looked_at == table]
        assert [each.verdict for each in said] == ["error"] and "row-level security" in said[0].found
        if table == "generation_events":
            assert main(["run", "--quiet", "--settings", str(toml)]) == 2


def test_a_view_over_a_table_behind_policies_is_an_error(systems: dict[str, Application], tmp_path: Path) -> None:
    """Which no look at the view itself would tell: the query does."""
    system = systems["palette"]
    if system.kind != "postgresql":
        pytest.skip("only PostgreSQL has policies of rows")
    view = f"seen_{uuid.uuid4().hex[:8]}"
    with role_behind_policies(system, "generation_events") as url:
        system.execute(f"CREATE VIEW {view} WITH (security_invoker = true) AS SELECT * FROM generation_events")
        system.execute(f"GRANT SELECT ON {view} TO {sa.make_url(url).username}")
        try:
            place = settings(system, "palette", tmp_path, url, tables={"generation_events": view})
            assert "the user may not see all rows of a table (row-level security)" in failure(export(place, now=NOW))
        finally:
            system.execute(f"DROP VIEW {view}")


# --- silence -----------------------------------------------------------------------------------------------
def test_tables_that_fall_silent_are_late_and_no_longer_complete(tmp_path: Path) -> None:
    """Once their rhythm is known: here four generations a day."""
    for system in palette.palette("sqlite", tmp_path):
        day = 86_400
        system.insert(
            "generation_events", *(palette.generation(after=-day * n + 14_000 * k) for n in range(20) for k in range(3))
        )
        system.insert("credit_transactions", palette.transaction("usage", -1))
        place, last = settings(system, "palette", tmp_path), palette.NOON + timedelta(seconds=28_000)
        assert export(place, now=last + timedelta(hours=1)).failed == []
        assert not status(place, now=last + timedelta(hours=1)).is_late
        now = last + timedelta(hours=60)
        export(place, now=now)
        found = status(place, now=now)
        assert found.is_late and "no row is newer than 2026-11-03 19h UTC, for 2.5 days" in found.complaints[0]
        [[through]] = [stood(place)[1]]
        assert last < through.replace(tzinfo=last.tzinfo) < last + timedelta(hours=30)
        system.insert("generation_events", palette.generation(after=day * 2.6))
        export(place, now=now + timedelta(hours=4))
        assert not status(place, now=now + timedelta(hours=4)).complaints
