"""Two tenants of one warehouse and one lake folder whose sources, objects and days are called alike: to each it is as
if it were alone, on every engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import answers
from mediameter.commands import alerts, rejects, status
from mediameter.commands.figures import read_figures
from mediameter.commands.run import run
from mediameter.opening.reader import reader
from mediameter.settings import Settings
from mediameter.steps.redo.adopt import adopt
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.redo.moving import move
from mediameter.steps.redo.replay import replay
from mediameter.store import identity, neighbours, sweeping, tenancy
from schemas import TABLES
from tests.passes.neighbours import ACME, BOLT, DAY, GIANT, RUNS, Place

pytestmark = pytest.mark.usefixtures("plain_gate")
TENANTS = (ACME, BOLT)
_NOW = RUNS[-1]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    """Each tenant in a warehouse and a lake of its own."""
    places = {}
    for tenant in TENANTS:
        folder = tmp_path_factory.mktemp(f"{tenant}-alone")
        places[tenant] = Place(folder, f"sqlite:///{folder / 'warehouse.sqlite'}")
        places[tenant].live(tenant)
    return places


@pytest.fixture(scope="module")
def together(warehouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Both in one, on every engine; they run in turn."""
    place = Place(tmp_path_factory.mktemp("together"), warehouse_url)
    place.live(*TENANTS)
    return place


def test_each_has_the_rows_that_it_has_alone(alone: dict[str, Place], together: Place) -> None:
    for tenant in TENANTS:
        mine, meant = together.rows(tenant), alone[tenant].rows(tenant)
        assert {name: mine[name] for name in meant if mine[name] != meant[name]} == {}
    empty = {name for name, rows in together.rows(ACME).items() if not rows}
    assert not empty & {"objects", "rejects", "exports", "fences", "outbox", "incidents", "prices", "lake_files"}


def test_the_figures_are_each_ones_own(together: Place) -> None:
    sent = {tenant: _sent(together.settings(tenant)) for tenant in TENANTS}
    assert sent == {ACME: 1000 + 2000 + GIANT + 700, BOLT: 30 + 40 + 50 + 60 + 700 + 80}


def _sent(settings: Settings) -> int:
    query = "SELECT SUM(bytes_sent) FROM traffic_daily WHERE tenant = :tenant"
    with reader(settings) as connection:
        return int(connection.execute(sa.text(query), {"tenant": settings.tenant}).scalar_one())


SAID: dict[str, Callable[[Settings], Any]] = {
    "report": lambda settings: _in(settings, lambda connection: read_figures(connection, settings)),
    "status": lambda settings: {
        name: told for name, told in status.status(settings, now=_NOW).to_dict().items() if name != "warehouse"
    },
    "alerts": lambda settings: alerts.list_alerts(settings, now=_NOW).to_dict(),
}


def _in(settings: Settings, ask: Callable[[sa.Connection], Any]) -> Any:
    with reader(settings) as connection:
        return ask(connection)


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("tenant", TENANTS)
def test_what_it_is_told_is_what_it_would_be_told_alone(
    alone: dict[str, Place], together: Place, name: str, tenant: str
) -> None:
    assert SAID[name](together.settings(tenant)) == SAID[name](alone[tenant].settings(tenant))


@pytest.mark.parametrize("tenant", TENANTS)
def test_every_answer_is_what_it_is_alone(alone: dict[str, Place], together: Place, tenant: str) -> None:
    def of(place: Place) -> dict[str, Any]:
        settings, days = place.settings(tenant), {"first_day": DAY.date(), "last_day": DAY.date()}
        with reader(settings) as connection:
            return {
                each.name: answers.ask(connection, each.name, tenant=tenant, zone=settings.reporting.zone, **days)
                for each in answers.catalogue()
            }

    mine, meant = of(together), of(alone[tenant])
    assert {name: mine[name] for name in meant if mine[name] != meant[name]} == {}


# --- no statement forgets it -------------------------------------------------------------------------
_NAMES = "|".join(sorted((contract.name for contract in TABLES), key=len, reverse=True))
_PLACE = re.compile(rf'\b(?:FROM|JOIN|INTO|UPDATE|COPY)\s+"?({_NAMES})\b', re.IGNORECASE)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[list[str]]:
    """Every statement that the warehouse in the test's folder is asked meanwhile."""
    statements: list[str] = []

    def hear(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        if connection.engine.url.database == str(tmp_path / "warehouse.sqlite"):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    yield statements
    sa.event.remove(sa.Engine, "before_cursor_execute", hear)


def test_every_statement_names_the_tenant_of_each_table(tmp_path: Path, heard: list[str]) -> None:
    place = Place(tmp_path, f"sqlite:///{tmp_path / 'warehouse.sqlite'}")
    place.live(*TENANTS)
    for tenant in TENANTS:
        settings = place.settings(tenant)
        for say in SAID.values():
            say(settings)
        replay(settings, every=True, now=_NOW)
        rejects.list_rejects(settings, now=_NOW)
    asked = [statement for statement in heard if _PLACE.search(statement)]
    assert len({_PLACE.findall(statement)[0] for statement in asked}) > 30, "the ear hears nothing"
    assert {each for each in asked if each.count("tenant") < len(_PLACE.findall(each))} == set()


# --- what is done again ------------------------------------------------------------------------------
@pytest.fixture
def both(tmp_path: Path) -> Place:
    place = Place(tmp_path, f"sqlite:///{tmp_path / 'warehouse.sqlite'}")
    place.live(*TENANTS)
    return place


def test_what_one_does_again_leaves_the_other_alone(both: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before, files = both.rows(ACME), _lake(both, ACME)
    settings = both.settings(BOLT)
    replay(settings, every=True, now=_NOW)
    backfill(settings, Task(DAY.date(), DAY.date(), reparse=True, every=True), now=_NOW)
    later = sweeping.at_rest.clock() + timedelta(days=2)
    monkeypatch.setattr(sweeping.at_rest, "clock", lambda: later)
    run(settings, now=_NOW, sweep_all=True)
    assert both.rows(ACME) == before and _lake(both, ACME) == files
    assert run(both.settings(ACME), now=_NOW).is_idle


def test_a_lost_warehouse_is_told_its_ledger_by_each_ones_own_lake(both: Place, tmp_path: Path) -> None:
    meant = {tenant: both.rows(tenant) for tenant in TENANTS}
    new = Place(both.folder, f"sqlite:///{tmp_path / 'new.sqlite'}")
    for tenant in TENANTS:
        adopt(new.settings(tenant))
    for tenant in TENANTS:
        run(new.settings(tenant), now=_NOW)
    for tenant in TENANTS:
        found = new.rows(tenant)
        for name in ("objects", "object_hours", "rejects", "exports", "traffic_daily", "users_daily"):
            assert found[name] == meant[tenant][name], name


def test_a_move_takes_all_tenants_along(both: Place, tmp_path: Path) -> None:
    meant = {tenant: both.rows(tenant) for tenant in TENANTS}
    new = Place(both.folder, f"sqlite:///{tmp_path / 'new.sqlite'}")
    move(new.settings(ACME), both.url)
    assert {tenant: new.rows(tenant) for tenant in TENANTS} == meant
    for tenant in TENANTS:
        assert run(new.settings(tenant), now=_NOW).is_idle
        made = tenancy.engine(both.url, tenant)
        with made.connect() as connection:
            assert "moved_to" in identity.recorded(connection)
            assert neighbours.tenants(connection) == list(TENANTS)
        made.dispose()


def _lake(place: Place, tenant: str) -> dict[str, int]:
    lake = place.settings(tenant).lake.path
    paths = (path for path in lake.rglob("*.parquet") if "tenants" not in path.relative_to(lake).parts)
    return {path.relative_to(lake).as_posix(): path.stat().st_size for path in paths}
