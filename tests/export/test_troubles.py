"""What keeps an application's database from being read, each told in one line that names the setting and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
import sqlalchemy as sa

from mediameter.connect import source_engine
from mediameter.doctor import examine
from mediameter.errors import WorldError
from mediameter.sources import table_errors
from mediameter.sources.tables import Database, Snapshot
from mediameter.steps.export.export import export
from schemas.application import MEDIA_ANALYTICS, MEDIA_FILES
from tests.export.application import NOW, Application, event, settings_for


def failure(url: str, folder: Path, **source: object) -> str:
    """The line that the export tells; it holds no secret."""
    [line] = export(settings_for(url, folder, **source), now=NOW).failed
    assert line.startswith("[sources.app]") and "\n" not in line and "canary" not in line
    return line


# --- url ---------------------------------------------------------------------------------------------
WRONG = {
    "host": ("{kind}://me:canary-1@127.0.0.1:1/app", "cannot be reached", "host and port in url"),
    "database": ("{place}/canary_base", "there is no such database", "the database's name in url"),
    "user": ("{kind}://mediameter_nobody:canary-1@{host}/app", "wrong user or password", "see user and password"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_url_names_what_is_wrong(what: str, app: Application, tmp_path: Path) -> None:
    if app.kind == "sqlite":
        assert "it cannot be opened" in failure(f"sqlite:///{tmp_path}/{what}.sqlite", tmp_path)
        return
    pattern, said, remedy = WRONG[what]
    place = app.url.rpartition("/")[0]
    url = pattern.format(kind=app.kind, place=place, host=place.rpartition("@")[2])
    line = failure(url, tmp_path) if what != "database" else failure(url.replace("canary_", "no_"), tmp_path)
    assert said in line and remedy in line


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "app.sqlite").write_text("this is no database, but a long enough text to be taken for one" * 20)
    assert "it cannot be opened (file is not a database)" in failure("sqlite:///app.sqlite", tmp_path)


# --- tables and columns ------------------------------------------------------------------------------
def test_a_missing_table_and_column_are_named(app: Application, tmp_path: Path) -> None:
    app.execute("ALTER TABLE media_files RENAME COLUMN storage_key TO object_name")
    assert "media_files has no column storage_key: name it: [sources.app.columns.media_files]" in failure(
        app.url, tmp_path
    )
    app.execute("ALTER TABLE media_files RENAME TO files")
    assert "there is no table media_files: see url, and name it: [sources.app.tables]" in failure(app.url, tmp_path)
    renamed = {"tables": {"media_files": "files"}, "columns": {"media_files": {"storage_key": "object_name"}}}
    assert export(settings_for(app.url, tmp_path, **renamed), now=NOW).files == 1
    wrong = {**renamed, "columns": {"media_files": {"key": "object_name"}}}
    assert "columns.media_files: no column is read as key" in failure(app.url, tmp_path, **wrong)


def test_a_retyped_column_fails_the_source(app: Application, tmp_path: Path) -> None:
    if app.kind == "sqlite":
        app.execute("ALTER TABLE media_files DROP COLUMN storage_key")
        app.execute("ALTER TABLE media_files ADD COLUMN storage_key BLOB")
    else:
        app.execute("DELETE FROM media_files")
        change = "ALTER storage_key TYPE INT USING 1" if app.kind == "postgresql" else "MODIFY storage_key INT"
        app.execute(f"ALTER TABLE media_files {change}")
    assert "media_files.storage_key is " in failure(app.url, tmp_path)
    assert "no longer text" in failure(app.url, tmp_path)


def test_a_new_column_is_noted_and_does_no_harm(app: Application, tmp_path: Path) -> None:
    app.execute("ALTER TABLE media_analytics ADD COLUMN session_id VARCHAR(36)")
    app.insert("media_analytics", event())
    report = export(settings_for(app.url, tmp_path), now=NOW)
    assert report.new_columns == ["media_analytics.session_id"] and report.events == 1


# --- rights and time ---------------------------------------------------------------------------------
def database(app: Application, timeout_s: int = 5) -> Database:
    return Database("[sources.app]", source_engine(app.url, timeout_s))


def test_nothing_can_be_written(app: Application) -> None:
    with database(app).snapshot() as seen, pytest.raises(sa.exc.DBAPIError) as refused:
        seen.connection.execute(sa.text("DELETE FROM media_files"))
    assert "read" in str(refused.value.orig).lower()


def test_sessions_are_utc_whatever_the_server_is(app: Application) -> None:
    asked = {"postgresql": "SHOW timezone", "mariadb": "SELECT @@session.time_zone"}
    if app.kind in asked:
        with database(app).snapshot() as seen:
            assert seen.connection.execute(sa.text(asked[app.kind])).scalar() in ("UTC", "+00:00")


def test_a_query_that_takes_too_long_is_given_up(app: Application) -> None:
    asked = {"postgresql": "SELECT pg_sleep(9)", "mariadb": "SELECT SLEEP(9) FROM media_files"}
    if app.kind in asked:
        with (
            pytest.raises(WorldError, match=r"a query took too long.*statement_timeout_s"),
            database(app, timeout_s=1).snapshot() as seen,
        ):
            seen.ask(sa.text(asked[app.kind]))


# Each ends its own session, or is what a server says of a conflict: by the server itself.
_ENDED = {
    "postgresql": ("SELECT pg_terminate_backend(pg_backend_pid())", "the connection was lost"),
    "mariadb": ("KILL CONNECTION_ID()", "the connection was lost"),
}
_CONFLICTS = {
    "postgresql": (
        "DO $$ BEGIN RAISE EXCEPTION 'conflict with recovery' USING ERRCODE = '40001'; END $$",
        "another transaction was in the way",
    ),
    "mariadb": (
        "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'",
        "another transaction was in the way",
    ),
}


@pytest.mark.parametrize("troubles", [_ENDED, _CONFLICTS], ids=["ended", "conflict"])
def test_what_passes_is_tried_again(
    troubles: dict[str, tuple[str, str]], app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, in another snapshot; and if it does not pass, it is told how often it was tried."""
    if app.kind not in troubles:
        return
    monkeypatch.setattr(table_errors, "BACK_OFF_S", 0.01)
    statement, words = troubles[app.kind]
    tried: list[int] = []

    def work(seen: Snapshot) -> int:
        tried.append(seen.count(MEDIA_FILES))
        if len(tried) < succeeds_at:
            seen.ask(sa.text(statement))
        return sum(tried)

    succeeds_at = 3
    assert database(app).read(work) == 3
    tried.clear()
    succeeds_at = 99
    with pytest.raises(WorldError, match=f"{words}.*, 4 times in a row"):
        database(app).read(work)
    assert len(tried) == 4


def test_an_option_that_is_none_is_named(app: Application, tmp_path: Path) -> None:
    report = export(settings_for(f"{app.url}?pgbouncer=true", tmp_path), now=NOW)
    engine = {"postgresql": "PostgreSQL", "mariadb": "MySQL and MariaDB", "sqlite": "SQLite"}[app.kind]
    assert report.failed == [f"[sources.app] url: pgbouncer is no option of {engine}: leave it out"]
    assert report.refused == 1


def test_what_answers_in_another_language_is_one_error(app: Application, tmp_path: Path) -> None:
    """A web server where the database should be, as behind a wrong port or a proxy."""
    if app.kind == "sqlite":
        return
    with create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" + b"x" * 9_999_999)

        Thread(target=answer, daemon=True).start()
        line = failure(f"{app.kind}://me:canary-1@127.0.0.1:{listener.getsockname()[1]}/app", tmp_path)
        assert "cannot be reached" not in line


@pytest.fixture
def guest(app: Application) -> Iterator[str]:
    """The url of a user who may do nothing yet; none on SQLite."""
    if app.kind == "sqlite":
        pytest.skip("SQLite has no users")
    name, place = f"guest_{app.engine.url.database[-12:]}", app.url.rpartition("@")[2]
    app.execute(
        f"CREATE USER {name} PASSWORD 'canary-7741'"
        if app.kind == "postgresql"
        else f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'canary-7741'"
    )
    if app.kind == "mariadb":  # a user without any right sees no database
        app.execute(f"GRANT SELECT ON {app.engine.url.database}.applications TO {name}@'127.0.0.1'")
    else:
        app.execute(f"GRANT SELECT ON applications TO {name}")
    yield f"{app.kind}://{name}:canary-7741@{place}"
    owned = f"DROP OWNED BY {name}; DROP USER {name}" if app.kind == "postgresql" else f"DROP USER {name}@'127.0.0.1'"
    for statement in owned.split("; "):
        app.execute(statement)


def test_a_missing_right_is_named(app: Application, guest: str, tmp_path: Path) -> None:
    line = failure(guest, tmp_path)
    # MariaDB shows nobody a table that he may not read.
    assert "the user may not read this" in line or "there is no table media_files" in line
    to = guest.partition("//")[2].partition(":")[0] + ("" if app.kind == "postgresql" else "@'127.0.0.1'")
    for table in ("media_files", "media_analytics"):
        app.execute(f"GRANT SELECT ON {table} TO {to}")
    assert export(settings_for(guest, tmp_path), now=NOW).failed == []


def test_the_doctor_tells_the_same(app: Application, tmp_path: Path) -> None:
    file = tmp_path / "mediameter.toml"
    file.write_text(f'[sources.app]\nkind = "dailey_media"\nurl = "{app.url}"\n[geo]\ncountries = "none"\n')
    found = {f.check: f for f in examine(file, clock=lambda: NOW) if f.check.startswith("sources.app")}
    assert {name: finding.verdict for name, finding in found.items()} == {
        "sources.app.reach": "ok",
        "sources.app.tables": "ok",
        "sources.app.rights": "skipped" if app.kind == "sqlite" else "warning",
    }
    app.execute("ALTER TABLE media_files RENAME TO files")
    tables = [f for f in examine(file, clock=lambda: NOW) if f.check == "sources.app.tables"]
    assert [f.verdict for f in tables] == ["ok", "error", "ok"] and "there is no table media_files" in tables[1].found


def test_pages_are_whole_however_small(app: Application) -> None:
    app.insert("media_analytics", *(event(n, after=n // 7) for n in range(1, 100)))
    wanted = [f"row-{n}" for n in range(1, 100)]
    for page_rows in (1, 2, 7, 99, 100):
        source = Database("[sources.app]", source_engine(app.url, 5), page_rows=page_rows)
        with source.snapshot() as seen:
            pages = list(seen.day(MEDIA_ANALYTICS, NOW.replace(hour=0), NOW.replace(hour=23)))
        assert sorted(id for page in pages for id in page["id"]) == sorted(wanted)
        assert max(page.height for page in pages) <= page_rows
