"""Each table's key leads with the tenant, and no statement on any table forgets it."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import sqlalchemy as sa
import yaml

from mediameter.connect import engine, reading, transact, writing
from mediameter.store import fences, tenancy
from mediameter.store.warehouse import tables
from schemas import TABLES, VIEWS

NO_TENANT = {"alembic_version": "the revision of the tables, which all tenants share"}
_objects, _hours, _days = (tables[name] for name in ("objects", "object_hours", "days"))
_OTHER, _PAIR = _objects.alias("other"), _hours.join(_objects, _objects.c.object_id == _hours.c.object_id)
_SOURCES = sa.select(_objects.c.source).group_by(_objects.c.source)


def test_every_key_and_every_index_leads_with_the_tenant(migrated: sa.Engine) -> None:
    asked = sa.inspect(migrated)
    names = set(asked.get_table_names()) - set(NO_TENANT)
    assert names == set(tables)
    for name in names:
        assert asked.get_pk_constraint(name)["constrained_columns"][0] == "tenant", name
        assert {each["column_names"][0] for each in asked.get_indexes(name)} <= {"tenant"}, name
    assert all(view.names[0] == "tenant" for view in VIEWS)


@pytest.mark.parametrize(
    ("statement", "tenants"),
    [
        (sa.select(_objects.c.object_id).where(_objects.c.source == "x").limit(1), 1),
        (sa.select(sa.literal(1)).select_from(_days), 1),
        (sa.select(_hours.c.hour_at).where(_hours.c.object_id.in_(sa.select(_objects.c.object_id))), 2),
        (sa.select(_hours.c.hour_at, _objects.c.source).select_from(_PAIR), 2),
        (sa.select(sa.func.count()).select_from(sa.select(_hours.c.hour_at).select_from(_PAIR).subquery()), 2),
        (sa.select(_SOURCES.subquery().c.source), 1),
        (sa.select(_SOURCES.cte().c.source), 1),
        (sa.select(_OTHER.c.source), 1),
        (sa.union_all(sa.select(_objects.c.source), sa.select(_days.c.source)), 2),
        (_days.update().values(revision=1), 1),
        (_days.delete().where(_days.c.source.in_(sa.select(_objects.c.source))), 2),
    ],
)
def test_a_statement_is_confined(statement: sa.sql.ClauseElement, tenants: int) -> None:
    said = str(tenancy.confined(statement, "acme"))
    assert len(re.findall(r"\w+\.tenant = :tenant_\d", said)) == tenants


def test_an_outer_join_is_refused() -> None:
    join = _hours.outerjoin(_objects, _objects.c.object_id == _hours.c.object_id)
    with pytest.raises(TypeError, match="two statements"):
        tenancy.confined(sa.select(_hours.c.hour_at).select_from(join), "acme")


def test_days_of_one_are_none_of_the_others(made: sa.Engine) -> None:
    day = sa.func.current_date()
    one = made.execution_options(tenant="acme")
    other = made.execution_options(tenant="bolt")
    with writing(one) as connection:
        day = connection.execute(sa.select(day)).scalar_one()
        fences.mark_dirty(connection, "traffic", [day])
    transact(other, lambda connection: fences.mark_dirty(connection, "traffic", [day]))
    with writing(one) as connection:
        assert fences.pass_fence(connection, "traffic", day, 1, "basis")
    with reading(other) as connection:
        assert fences.dirty_days(connection, "traffic", "basis") == [day]
    with reading(one) as connection:
        assert fences.dirty_days(connection, "traffic", "basis") == []
    with reading(tenancy.everybody(made)) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables["fences"])).scalar_one() == 2


def test_nothing_is_written_on_a_connection_of_nobody() -> None:
    with engine("sqlite://").connect() as connection, pytest.raises(LookupError, match="belongs to no tenant"):
        tenancy.of(connection)


# --- SQL that is written as text -----------------------------------------------------------------------
_NAMES = "|".join(sorted((contract.name for contract in (*TABLES, *VIEWS)), key=len, reverse=True))
_PLACE = re.compile(rf"\b(?:FROM|JOIN)\s+({_NAMES})\b")


def _texts() -> dict[str, str]:
    of_sql = {
        f"{folder}/{file.name}": file.read_text(encoding="utf-8")
        for folder in ("answers", "views")
        for file in files("sql").joinpath(folder).iterdir()
        if file.name.endswith(".sql")
    }
    suites = (file for file in files("sql").joinpath("suites").iterdir() if file.name.endswith(".yaml"))
    return of_sql | {file.name: yaml.safe_load(file.read_text(encoding="utf-8"))["query"] for file in suites}


@pytest.mark.parametrize("name", sorted(_texts()))
def test_a_text_says_the_tenant_of_each_table(name: str) -> None:
    """In a view a table is asked for its tenants, or joined by it."""
    text = re.sub(r"--.*|/\*.*?\*/", "", _texts()[name])
    assert text.count("tenant") >= len(_PLACE.findall(text)) > 0 or not _PLACE.search(text)
