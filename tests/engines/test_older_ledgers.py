"""Ledgers from before they said whose their rows are: of one tenant, of several with sources of their own, and of
several that nobody can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mediameter import connect
from mediameter.errors import UserError
from mediameter.store import migration, tenancy, warehouse
from sql.migrations import owners
from tests import servers

pytestmark = pytest.mark.usefixtures("real_migrations")
_OBJECT = (
    "INSERT INTO objects (object_id, source, object_key, etag, version_id, size_bytes, last_modified_at, state,"
    " parser_version, {lines}, parsed, ignored, ignored_log_bucket, rejected)"
    " VALUES ({number}, '{source}', 'k', 'e', '', 1, '2026-01-01 10:00:00', 'settled', 1, 1, 0, 0, 0, 1)"
)
_DAY = (
    "INSERT INTO days (tenant, source, day, family, state, is_suspect, revision, objects, {lines}, parsed, ignored,"
    " rejected, duplicates, bytes_sent, rejected_least_bytes, rejected_most_bytes, unsized_lines, unsure_lines,"
    " unsure_bytes) VALUES ('{tenant}', '{source}', '{day}', 'traffic', 'final', '0', 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,"
    " 0, 0)"
)
_FENCE = "INSERT INTO fences (family, day, dirty_epoch, done_epoch, basis) VALUES ('traffic', '{day}', 3, 3, 'b')"
_REJECT = "INSERT INTO rejects (object_id, line_number, byte_offset, reason, line) VALUES ({number}, 1, 0, 'r', 'l')"
_NAMED = "INSERT INTO identity (name, value) VALUES ('{name}', '{value}')"


@pytest.fixture(params=servers.ENGINES)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A warehouse of the revision before."""
    with servers.new_database(request.param, tmp_path) as url:
        made = tenancy.engine(url, "of-the-settings")
        migration._upgrade(made, "0025")
        yield made
        made.dispose()


def write(made: sa.Engine, *statements: str) -> None:
    with connect.altering(made) as connection:
        lines = connection.dialect.identifier_preparer.quote_identifier("lines")
        for statement in statements:
            connection.exec_driver_sql(statement.replace("{lines}", lines))


def of(statement: str, **values: object) -> str:
    return statement.format(lines="{lines}", **values)


def read(made: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with connect.reading(made) as connection:
        return [tuple(str(value) for value in row) for row in connection.exec_driver_sql(query)]


def owners_of(made: sa.Engine, table: str, column: str) -> list[tuple[object, ...]]:
    return read(made, f"SELECT {column}, tenant FROM {table} ORDER BY 1, 2")


TWO = (
    *(of(_NAMED, name=f"key:{tenant}", value="k") for tenant in ("acme", "bolt")),
    of(_NAMED, name="source:acme/logs", value="a"), of(_NAMED, name="source:bolt/files", value="b"),
    of(_NAMED, name="lake_id", value="one"), of(_NAMED, name="manifest", value="000000007-x"),
    of(_OBJECT, number=1, source="logs"), of(_OBJECT, number=2, source="files"),
    of(_REJECT, number=1), of(_REJECT, number=2),
    of(_DAY, tenant="acme", source="logs", day="2026-01-01"),
    of(_DAY, tenant="bolt", source="files", day="2026-01-01"),
    of(_DAY, tenant="bolt", source="files", day="2026-01-02"),
    *(of(_FENCE, day=day) for day in ("2026-01-01", "2026-01-02", "2026-01-03")),
)  # fmt: skip


def test_the_one_tenant_gets_all(older: sa.Engine) -> None:
    write(
        older, of(_OBJECT, number=1, source="ovh"), of(_REJECT, number=1), of(_FENCE, day="2026-01-01"),
        of(_NAMED, name="key:acme", value="k"), of(_NAMED, name="source:acme/ovh", value="folder"),
        of(_NAMED, name="manifest", value="000000007-x"),
    )  # fmt: skip
    assert migration.migrate(older)
    for table, column in (("objects", "object_id"), ("rejects", "object_id"), ("fences", "done_epoch")):
        assert {tenant for _, tenant in owners_of(older, table, column)} == {"acme"}, table
    assert owners_of(older, "identity", "name") == [
        ("key", "acme"), ("manifest", "acme"), ("source:ovh", "acme"),
    ]  # fmt: skip
    with older.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), warehouse.metadata) == []


def test_where_nobody_is_named_the_rollups_say_it_else_the_settings(older: sa.Engine) -> None:
    write(older, of(_OBJECT, number=1, source="ovh"), of(_DAY, tenant="of-days", source="ovh", day="2026-01-01"))
    migration.migrate(older)
    assert owners_of(older, "objects", "object_id") == [("1", "of-days")]


def test_a_ledger_without_a_name_is_of_the_settings(older: sa.Engine) -> None:
    write(older, of(_FENCE, day="2026-01-01"))
    migration.migrate(older)
    assert owners_of(older, "fences", "day") == [("2026-01-01", "of-the-settings")]


def test_several_tenants_are_told_apart_by_their_sources(older: sa.Engine) -> None:
    write(older, *TWO)
    migration.migrate(older)
    _are_apart(older)


def _are_apart(older: sa.Engine) -> None:
    for table in ("objects", "rejects"):
        assert owners_of(older, table, "object_id") == [("1", "acme"), ("2", "bolt")]
    # A day is dirty for each that has it; one that nobody has yet is everybody's.
    assert read(older, "SELECT day, tenant, dirty_epoch, done_epoch FROM fences ORDER BY 1, 2") == [
        ("2026-01-01", "acme", "4", "3"), ("2026-01-01", "bolt", "4", "3"), ("2026-01-02", "bolt", "4", "3"),
        ("2026-01-03", "acme", "4", "3"), ("2026-01-03", "bolt", "4", "3"),
    ]  # fmt: skip
    assert owners_of(older, "identity", "name") == [
        ("key", "acme"), ("key", "bolt"), ("lake_id", "acme"), ("lake_id", "bolt"), ("source:files", "bolt"),
        ("source:logs", "acme"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["_name_identity", "_by_source", "_share_fences"])
def test_a_killed_one_goes_on(older: sa.Engine, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """MySQL and MariaDB have committed each statement until then."""
    write(older, *TWO)
    step = getattr(owners, name)

    def killed(whose: owners.Owners) -> None:
        step(whose)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owners, name, killed)
        migration.migrate(older)
    migration.migrate(older)
    _are_apart(older)


def test_a_source_of_two_tenants_is_nobodys(older: sa.Engine) -> None:
    write(older, *TWO, of(_NAMED, name="source:bolt/logs", value="a"))
    with pytest.raises(UserError, match=r"several tenants \(acme, bolt\), .* whose the source 'logs' is; nothing was"):
        migration.migrate(older)
    assert migration.revision_of(older) == "0025"
    assert read(older, "SELECT name FROM identity WHERE name = 'key:acme'") == [("key:acme",)]
