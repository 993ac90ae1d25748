"""Rows written back into the application: which, that they stay so however often, and that nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import faults
from mediameter.commands.run import RunSummary, run
from mediameter.connect import reading, writing
from mediameter.doctor import examine
from mediameter.settings import Settings
from mediameter.steps.write_back.write_back import WriteBackReport, due_days, write_back
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from mediameter.systems.dailey_media import AppSource
from tests.export.application import Application, made
from tests.export.delivered import DAY, NOW, REQUESTS, deliver, furnish, settings, table

THEIRS = {"row-own", "row-script"}


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bucket, lake and warehouse after a run beside such an application; nothing has been written back."""
    folder = tmp_path_factory.mktemp("computed")
    deliver(folder)
    for app in made("sqlite", folder):
        furnish(app)
        run(settings(folder, app.url, write_back=False), now=NOW)
        app.engine.dispose()
    return folder


@pytest.fixture
def place(app: Application, computed: Path, tmp_path: Path) -> Settings:
    """The same beside an application on a server of each kind."""
    furnish(app)
    shutil.copytree(computed, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("app.sqlite*"))
    return settings(tmp_path, app.url)


@pytest.fixture
def on_file(computed: Path, tmp_path: Path) -> Iterator[tuple[Application, Settings]]:
    """The same for what does not depend on the kind of server."""
    for app in made("sqlite", tmp_path):
        furnish(app)
        shutil.copytree(computed, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("app.sqlite*"))
        yield app, settings(tmp_path, app.url)


def ours(app: Application) -> list[tuple[Any, ...]]:
    """Our rows: time, file, type, user, application, metadata; by time."""
    query = f"SELECT id, {app.quoted('timestamp')}, media_file_id, event_type, user_id, application_id, metadata"
    with app.engine.connect() as connection:
        rows = connection.execute(sa.text(f"{query} FROM media_analytics")).all()
    found = [(_clock(at), *rest, _json(said)) for id, at, *rest, said in rows if id not in THEIRS]
    return sorted(found, key=lambda row: row[0])


def _clock(at: datetime | str) -> str:
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{at.astimezone(UTC) if at.tzinfo else at:%H:%M:%S}"


def _json(said: Any) -> Any:
    return json.loads(said) if isinstance(said, str) else said


def said(size: int, status: int, total: int | None, error: str | None = None) -> dict[str, Any]:
    measured = {"bytes": size, "response_time": total, "status": status, "error_code": error}
    return {"source": "ovh_logs"} | {name: value for name, value in measured.items() if value is not None}


def test_the_rows_are_the_days_requests(app: Application, place: Settings) -> None:
    report = write_back(place, now=NOW)
    assert ours(app) == [
        ("10:00:05", "file-1", "view", None, "app-1", said(1000, 200, 40)),
        ("10:01:00", "file-1", "view", None, "app-1", said(300, 403, 7, "AccessDenied")),
        ("10:02:00", "file-1", "view", None, "app-1", said(500, 206, None)),
        ("11:00:00", "file-2", "view", None, None, said(2000, 200, 9)),
        ("23:59:59", "file-1", "view", None, "app-1", said(1000, 200, 41)),
    ]
    skipped = {"no_event_type": 1, "no_media_file": 1, "recorded": 1}
    assert report == WriteBackReport(8, 5, without_application=1, skipped=skipped, days=["2025-10-30"])


def test_twice_leaves_the_same_rows(app: Application, place: Settings) -> None:
    write_back(place, now=NOW)
    before = table(app)
    assert write_back(place, now=NOW).days == [] and table(app) == before
    _forget(place)
    report = write_back(place, now=NOW)
    assert (report.inserted, report.updated, report.unchanged, report.removed) == (0, 0, 5, 0)
    assert table(app) == before


def test_matched_requests_only_where_it_is_asked_for(app: Application, place: Settings, tmp_path: Path) -> None:
    write_back(place, now=NOW)
    also = settings(tmp_path, app.url, write_back_matched=True)
    report = write_back(also, now=NOW)
    assert (report.inserted, report.unchanged, report.skipped) == (1, 5, {"no_event_type": 1, "no_media_file": 1})
    assert ours(app)[0] == ("10:00:00", "file-1", "view", "user-1", "app-1", said(1000, 200, 42))
    assert write_back(place, now=NOW).removed == 1
    assert len(ours(app)) == 5


def test_the_documents_own_queries_read_them(app: Application, place: Settings) -> None:
    """Bandwidth by application, and mean response time; as they stand there, but for the last 30 days."""
    if app.kind != "mariadb":
        pytest.skip("they are MySQL's")
    write_back(place, now=NOW)
    size = "SUM(CAST(JSON_EXTRACT(metadata, '$.bytes') AS UNSIGNED))"
    mean = "AVG(CAST(JSON_EXTRACT(metadata, '$.response_time') AS UNSIGNED))"
    with app.engine.connect() as connection:
        cost = connection.execute(
            sa.text(
                f"SELECT application_id, DATE(timestamp), COUNT(*), {size} FROM media_analytics"
                " WHERE JSON_EXTRACT(metadata, '$.source') = 'ovh_logs' AND id <> 'row-script'"
                " GROUP BY application_id, DATE(timestamp) ORDER BY 1"
            )
        ).all()
        [(times,)] = connection.execute(
            sa.text(f"SELECT {mean} FROM media_analytics WHERE JSON_EXTRACT(metadata, '$.response_time') IS NOT NULL")
        ).all()
    assert [tuple(row) for row in cost] == [(None, DAY.date(), 1, 2000), ("app-1", DAY.date(), 4, 2800)]
    assert times == (40 + 7 + 9 + 41) / 4


# --- what changes ------------------------------------------------------------------------------------
def test_rows_of_ours_that_somebody_changed_are_made_good_again(app: Application, place: Settings) -> None:
    write_back(place, now=NOW)
    before = table(app)
    app.execute(
        "UPDATE media_analytics SET application_id = NULL WHERE media_file_id = 'file-1' AND id NOT LIKE 'row-%'"
    )
    _forget(place)
    report = write_back(place, now=NOW)
    assert (report.updated, report.unchanged, report.inserted, report.removed) == (4, 1, 0, 0)
    assert table(app) == before


def test_rows_of_a_file_that_has_gone_go_with_it(app: Application, place: Settings) -> None:
    write_back(place, now=NOW)
    app.execute("DELETE FROM media_analytics WHERE media_file_id = 'file-2'")
    app.execute("DELETE FROM media_files WHERE id = 'file-2'")
    _forget(place)
    report = write_back(place, now=NOW)  # the warehouse still knows the file
    assert report.failed == [] and report.skipped["no_media_file"] == 2 and report.unchanged == 4


def test_a_row_that_somebody_else_made_of_ours_is_left_alone(app: Application, place: Settings) -> None:
    write_back(place, now=NOW)
    [(first,)] = [row[:1] for row in table(app) if row[0] not in THEIRS][:1]
    app.execute(f"UPDATE media_analytics SET metadata = '{{\"tenant_id\": \"t1\"}}' WHERE id = '{first}'")
    before = table(app)
    _forget(place)
    report = write_back(place, now=NOW)
    assert report.skipped["foreign_row"] == 1 and report.unchanged == 4 and table(app) == before


# --- within a run ------------------------------------------------------------------------------------
def test_a_run_tells_it_and_nothing_is_fed_back(on_file: tuple[Application, Settings]) -> None:
    app, place = on_file
    summary = run(place, now=NOW)
    assert (
        "written back to the application: 1 days, 8 requests = 5 new + 0 changed + 0 unchanged rows + 3 left out"
        " (no_event_type 1, no_media_file 1, recorded 1); 0 rows removed, 1 without an application"
    ) in summary.lines()
    assert not summary.has_failed and RunSummary.from_dict(summary.to_dict()).lines() == summary.lines()
    before = table(app)
    again = run(place, now=NOW)
    assert again.is_idle and again.export.ignored == 6 and again.export.days == [] and table(app) == before


def test_a_changed_attribution_changes_its_row_alone(on_file: tuple[Application, Settings]) -> None:
    app, place = on_file
    write_back(place, now=NOW)
    before = {row[0]: row for row in table(app)}
    app.insert("applications", {"id": "app-2", "name": "Palette", "slug": "palette"})
    app.execute(
        "UPDATE media_files SET application_id = 'app-2', updated_at = '2025-10-31 23:00:00' WHERE id = 'file-2'"
    )
    report = run(place, now=NOW).write_back
    assert (report.updated, report.unchanged, report.inserted, report.removed) == (1, 4, 0, 0)
    assert ours(app)[3][1:5] == ("file-2", "view", None, "app-2")
    assert sum(before[row[0]] != row for row in table(app)) == 1


def test_rows_of_records_that_no_longer_count_are_removed(on_file: tuple[Application, Settings]) -> None:
    app, place = on_file
    write_back(place, now=NOW)
    deliver(place.folder, REQUESTS[:2], later=timedelta(minutes=5))
    report = run(place, now=NOW + timedelta(hours=1)).write_back
    assert (report.removed, report.unchanged, report.inserted) == (4, 1, 0)
    assert [row[0] for row in ours(app)] == ["10:00:05"]
    deliver(place.folder, (), later=timedelta(minutes=10))  # now there is nothing of that day at all
    assert run(place, now=NOW + timedelta(hours=2)).write_back.removed == 1
    assert {row[0] for row in table(app)} == THEIRS and _due(place) == []


def test_a_suspect_day_is_left_as_it_is(on_file: tuple[Application, Settings]) -> None:
    app, place = on_file
    write_back(place, now=NOW)
    before = table(app)
    broken = place.folder / "bucket" / "2025-10-31-00-10-00-BROKEN"
    broken.write_text("this is no access log\n" * 30)
    os.utime(broken, (DAY.timestamp() + 80_000,) * 2)
    deliver(place.folder, REQUESTS[:2], later=timedelta(minutes=5))
    summary = run(place, now=NOW)
    assert "2025-10-30" in summary.rollup.days and summary.write_back.days == [] and table(app) == before


def test_an_open_day_waits(tmp_path: Path) -> None:
    deliver(tmp_path)
    for app in made("sqlite", tmp_path):
        furnish(app)
        place = settings(tmp_path, app.url)
        assert run(place, now=DAY + timedelta(hours=25)).write_back.days == [] and ours(app) == []
        assert run(place, now=NOW).write_back.days == ["2025-10-30"] and len(ours(app)) == 5


def test_generations_hold_up_no_logs(on_file: tuple[Application, Settings]) -> None:
    """An open or suspect day of a generating system is none of logs."""
    _, place = on_file
    opened = tenancy.engine(place.warehouse.url, place.tenant)
    with writing(opened) as connection:
        days = tables["days"]
        [row] = connection.execute(sa.select(days)).mappings()
        other = {"source": "palette", "family": "generations", "state": "open", "is_suspect": True}
        connection.execute(days.insert().values({**row, **other}))
    opened.dispose()
    assert _due(place) == [DAY.date()]


def test_off_by_default(app: Application, place: Settings) -> None:
    before = table(app)
    assert AppSource(kind="dailey_media", url="sqlite:///x").write_back is False
    assert write_back(settings(place.folder, app.url, write_back=False), now=NOW) == WriteBackReport()
    assert table(app) == before


def test_a_dry_run_says_what_would_be_written(app: Application, place: Settings) -> None:
    before = table(app)
    planned = write_back(place, now=NOW, dry_run=True)
    told = RunSummary({"write_back": planned}, is_dry_run=True).lines()
    assert "would be written back to the application: 1 days, 8 requests = 5 new" in "\n".join(told)
    assert table(app) == before and _fences(place) == []
    assert write_back(place, now=NOW) == planned


# --- what goes wrong ---------------------------------------------------------------------------------
@pytest.fixture
def reader(app: Application, place: Settings) -> Iterator[str]:
    """The url of a user who may only read."""
    if app.kind == "sqlite":
        pytest.skip("SQLite has no users")
    name, rest = f"reader_{app.engine.url.database[-12:]}", app.url.rpartition("@")[2]
    is_postgres = app.kind == "postgresql"
    who = name if is_postgres else f"{name}@'127.0.0.1'"
    app.execute(f"CREATE USER {who} " + ("PASSWORD" if is_postgres else "IDENTIFIED BY") + " 'canary-7741'")
    for each in ("applications", "media_files", "media_analytics"):
        app.execute(f"GRANT SELECT ON {each} TO {who}")
    yield f"{app.kind}://{name}:canary-7741@{rest}"
    for statement in ([f"DROP OWNED BY {name}"] if is_postgres else []) + [f"DROP USER {who}"]:
        app.execute(statement)


def test_with_a_user_that_only_reads(app: Application, reader: str, tmp_path: Path) -> None:
    """Off, not one write is tried; on, one clear line, and the rest of the run is as ever; then another user writes."""
    before = table(app)
    assert not run(settings(tmp_path, reader, write_back=False), now=NOW).has_failed
    summary = run(settings(tmp_path, reader), now=NOW)
    [line] = summary.write_back.failed
    assert line.startswith("[sources.app]: the user may not write this") and "GRANT SELECT" in line
    assert "canary" not in line and "\n" not in line and table(app) == before
    assert summary.has_failed and summary.export.failed == [] and summary.ingest.failed == []
    assert write_back(settings(tmp_path, reader, write_back_url=app.url), now=NOW).failed == []
    assert len(ours(app)) == 5


def test_the_doctor_says_whether_it_can_be_written(app: Application, reader: str, tmp_path: Path) -> None:
    def said(*more: str) -> list[tuple[str, str]]:
        file = tmp_path / "mediameter.toml"
        lines = ["[sources.app]", 'kind = "dailey_media"', f'url = "{reader}"', "write_back = true", *more]
        file.write_text("\n".join([*lines, "[geo]", 'countries = "none"']))
        found = [each for each in examine(file, clock=lambda: NOW) if each.check == "sources.app.rights"]
        return [(each.looked_at, each.verdict) for each in found]

    assert said() == [("write-back", "error")]
    assert said(f'write_back_url = "{app.url}"') == [("write-back", "ok"), ("rights", "ok")]


def test_a_rule_of_the_table_that_we_do_not_know(
    app: Application, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in a line without values; no row of the batch is written, and the day is tried again by the next run."""
    monkeypatch.setattr("mediameter.connect.TRIES", 2)
    app.execute("DELETE FROM media_analytics WHERE id = 'row-script'")
    app.execute("CREATE UNIQUE INDEX one_a_file ON media_analytics (event_type, media_file_id)")
    [line] = write_back(place, now=NOW).failed
    assert "a row breaks a rule of a table" in line and "file-1" not in line and ours(app) == []
    app.execute("DROP INDEX one_a_file" + (" ON media_analytics" if app.kind == "mariadb" else ""))
    assert write_back(place, now=NOW).inserted == 5


def test_a_run_that_was_overtaken_writes_nothing_more(
    app: Application, place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediameter.steps.write_back.write_back.BATCH_ROWS", 1)
    found = []

    def another() -> None:
        faults.at.clear()
        found.append(write_back(place, now=NOW))
        app.execute("DELETE FROM media_analytics WHERE id NOT LIKE 'row-%'")  # what the first would now write again

    faults.at["write_back.batch_written"] = another
    try:
        first = write_back(place, now=NOW)
    finally:
        faults.at.clear()
    assert first.days == [] and found[0].days == ["2025-10-30"] and ours(app) == []
    assert _due(place) == []


def _forget(place: Settings) -> None:
    """As if no day had been written back yet."""
    opened = tenancy.engine(place.warehouse.url, place.tenant)
    with writing(opened) as connection:
        connection.execute(tables["fences"].delete().where(tables["fences"].c.family == "write_back"))
    opened.dispose()


def _fences(place: Settings) -> list[Any]:
    opened = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(opened) as connection:
        fences = tables["fences"]
        found = connection.execute(sa.select(fences.c.day).where(fences.c.family == "write_back")).scalars().all()
    opened.dispose()
    return list(found)


def _due(place: Settings) -> list[Any]:
    opened = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(opened) as connection:
        found = list(due_days(connection, place, place.app_sources["app"]))
    opened.dispose()
    return found
