"""An application's events streamed from its server: a day of a million rows, of three (ten) times that.

As a program of its own, `python -m benchmarks.export URL FOLDER`: the export, measured by the section `export`.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.answers import available
from benchmarks.measure import Case
from tests.export.application import Application, made

if TYPE_CHECKING:
    from benchmarks.sections import Bench
    from mediameter.settings import Settings

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
KINDS = {"postgres": "postgresql", "mariadb": "mariadb"}
# A view's pair of rows, its two told apart by n: who looked, and how large the file is.
_ROWS = """
INSERT INTO media_analytics (
    id, media_file_id, event_type, user_id, application_id, ip_address, user_agent, referer, {timestamp}, metadata)
SELECT
    CONCAT('7c9e6679-7425-40de-944b-', n), CONCAT('V1StGXR8_Z5jd', 10000000 + of % 40000), 'view',
    CONCAT('user-', of % 20000), 'app-core-01', CONCAT('198.51.', of % 200, '.', of % 250),
    CONCAT('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 build ', of % 300),
    CONCAT('https://castingly.dailey.dev/actors/', of % 1000), {at},
    CASE WHEN n % 2 = 0 THEN '{{"tenant_id": "dailey", "email": "somebody@example.org", "roles": ["casting"]}}'
        ELSE CONCAT('{{"bytes": ', 1000 + of % 5000000, ', "tenant_id": "dailey"}}') END{json}
FROM (SELECT {n} AS n, {n} DIV 2 AS of FROM {sequence}) AS numbers
"""
_WORDS = {
    "postgresql": {
        "n": "n", "sequence": "generate_series(0, {last}) AS numbers (n)", "json": "::JSONB", "timestamp": "timestamp",
        "at": "TIMESTAMPTZ '2026-03-03 00:00:00Z' + of * INTERVAL '86400 seconds' / {pairs}",
    },
    "mariadb": {
        "n": "seq", "sequence": "seq_0_to_{last}", "json": "", "timestamp": "`timestamp`",
        "at": "'2026-03-03 00:00:00' + INTERVAL FLOOR(of * 86400 / {pairs}) SECOND",
    },
}  # fmt: skip


def export(bench: Bench) -> None:
    """A thousand rows of one day for each megabyte asked for, on every server that is here; three times that on the
    first, ten times that with --full: memory must not grow with them."""
    engines = available(bench)
    for place, engine in enumerate(engines):
        times = (1, *((3,) if place == 0 else ()), *((10,) if place == 0 and bench.is_full else ()))
        peaks = {}
        for factor in times:
            rows = factor * 1000 * bench.mb
            bench.tell(f"export: {engine}: making {rows:,} rows")
            with application(KINDS[engine], bench.work, rows) as url:
                peaks[factor] = _measured(bench, engine, url, rows)
        for factor in times[1:]:
            growth = peaks[factor] / peaks[1]
            bench.report.find(f"export, {engine}: memory for {factor} times the rows", growth, most=1.1)


def _measured(bench: Bench, engine: str, url: str, rows: int) -> float:
    """Peak of a first export."""
    folder = bench.work / "export"
    name = f"{rows:,} rows from {engine}"
    command = [sys.executable, "-m", "benchmarks.export", url, str(folder)]
    case = Case(name, command, 0, before=partial(shutil.rmtree, folder, ignore_errors=True))
    usage = bench.measure("export of one day", [case])[name]
    if (usage.said["rows"], usage.said["events"], usage.said["failed"]) != (rows, rows // 2, []):
        bench.report.notes.append(f"WRONG: export: {name}: {usage.said}")
    bench.report.find(f"export, {engine}, {rows:,} rows: rows a second", rows / usage.wall_s, unit="/s")
    return usage.peak_mb


@contextmanager
def application(kind: str, folder: Path, rows: int) -> Iterator[str]:
    """URL of an application's database with so many rows, made inside the server."""
    for found in made(kind, folder):
        words = {name: text.format(last=rows - 1, pairs=rows // 2) for name, text in _WORDS[kind].items()}
        statement = _ROWS.format(**words)
        if kind == "postgresql":
            statement = statement.replace(" DIV ", " / ")
        _execute(found, statement)
        _execute(found, "ANALYZE media_analytics" if kind == "postgresql" else "ANALYZE TABLE media_analytics")
        yield found.url


def _execute(place: Application, statement: str) -> None:
    """As it stands: % and : in it are no parameters."""
    with place.engine.begin() as connection:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


# --- in a process of its own ---------------------------------------------------------------------------


def _settings(url: str, folder: Path) -> Settings:
    from mediameter.settings.reading import from_mapping

    document: dict[str, Any] = {
        "sources": {"app": {"kind": "dailey_media", "url": url}},
        "privacy": {"key": "the key of the benchmark"},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)


def main() -> None:
    from mediameter.steps.export.export import export

    folder = Path(sys.argv[2])
    folder.mkdir(parents=True)
    print(json.dumps(export(_settings(sys.argv[1], folder), now=NOW).to_dict()))


if __name__ == "__main__":
    main()
