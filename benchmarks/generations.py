"""A generating system's table of five million rows: exported from PostgreSQL, validated, rolled up.

As a program of its own, `python -m benchmarks.generations URL FOLDER`: one pass, measured by the section `generations`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Case
from mediameter.store import tenancy
from tests.generations.palette import palette

if TYPE_CHECKING:
    from benchmarks.sections import Bench
    from mediameter.settings import Settings

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAYS = 30
ROWS_A_MB = 5_000
MOST_MB = 1500
PEER = Path(__file__).parent / "peers" / "pandas_generations.py"
# 30 days; a tenth of the predictions have two rows, which share a charge.
_ROWS = """
INSERT INTO generation_events (
    id, user_id, user_email, gallery_id, prediction_id, generation_type, model_id, model_name, status, credits_cost,
    is_admin_generation, prompt, settings, error_message, created_at, completed_at)
SELECT
    md5(n::text)::uuid, md5('user' || of % 50000)::uuid, 'user' || of % 50000 || '@example.org', md5('file' || n)::uuid,
    'r8-' || of, CASE WHEN n % 7 = 0 THEN 'video' ELSE 'image' END,
    'model-' || n % 12, 'Model ' || n % 12,
    CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 97 = 0 THEN 'pending' ELSE 'completed' END, 5 + n % 20, false,
    'a fox in the snow, number ' || n || ', wide angle, evening light', NULL,
    CASE WHEN n % 50 = 0 THEN 'Model timeout after 30s' END,
    TIMESTAMPTZ '2026-03-01 00:00:00Z' + n * INTERVAL '{days} days' / {rows},
    CASE WHEN n % 97 = 0 AND n % 50 <> 0 THEN NULL
        ELSE TIMESTAMPTZ '2026-03-01 00:00:00Z' + n * INTERVAL '{days} days' / {rows}
            + (500 + n % 20000) * INTERVAL '1 millisecond' END
FROM (
    SELECT n, CASE WHEN n % 10 = 9 THEN n - 1 ELSE n END AS of FROM generate_series(0, {rows} - 1) AS every_n (n)
) AS numbers
"""
_PRICES = """
INSERT INTO model_pricing (model_id, provider, generation_type, cost_cents, price_cents)
SELECT 'model-' || n, 'replicate', 'image', 3 + n, 5 + n FROM generate_series(0, 9) AS numbers (n)
"""


def generations(bench: Bench) -> None:
    """5,000 rows for each megabyte asked for, and a fifth of them; beside plain SELECT and pandas."""
    if not os.environ.get("MEDIAMETER_TEST_POSTGRES_URL"):
        bench.report.notes.append("skipped: generations: no PostgreSQL")
        return
    peaks = {}
    for rows in (ROWS_A_MB * bench.mb // 5, ROWS_A_MB * bench.mb):
        bench.tell(f"generations: making {rows:,} rows")
        with system(bench.work, rows) as url:
            peaks[rows] = _measured(bench, url, rows)
    fewer, more = peaks
    bench.report.find("generations: memory for 5 times the rows", peaks[more] / peaks[fewer])
    bench.report.find("generations: peak memory", peaks[more], unit="MB", most=MOST_MB)


def _measured(bench: Bench, url: str, rows: int) -> float:
    """Peak of a first pass over so many rows."""
    folder = bench.work / "generations"
    ours, peer = f"{rows:,} rows: mediameter run", f"{rows:,} rows: SELECT and pandas"
    command = [sys.executable, "-m", "benchmarks.generations", url, str(folder)]
    cases = [
        Case(ours, command, 0, before=partial(shutil.rmtree, folder, ignore_errors=True)),
        Case(peer, [sys.executable, str(PEER), url], 0),
    ]
    usages = bench.measure("generations", cases)
    for name, usage in usages.items():
        if usage.said["generations"] != rows or usage.said["credits"] != usages[peer].said["credits"]:
            bench.report.notes.append(f"WRONG: {name}: {usage.said}")
        bench.report.find(f"generations, {name}: rows a second", rows / usage.wall_s, unit="/s")
    said = usages[ours].said
    bench.report.notes.append(f"{ours}: export {said['export_s']:.0f} s, rollups {said['rollup_s']:.0f} s")
    bench.report.find(f"generations, {ours}: times as long as pandas", usages[ours].wall_s / usages[peer].wall_s)
    return usages[ours].peak_mb


@contextmanager
def system(folder: Path, rows: int) -> Iterator[str]:
    """URL of a system's database with so many rows, made inside the server."""
    for found in palette("postgresql", folder):
        with found.engine.begin() as connection:
            no_parameters = {"no_parameters": True}
            statement = _ROWS.format(days=DAYS, rows=rows)
            for each in (statement, _PRICES, "ANALYZE generation_events"):
                connection.exec_driver_sql(each, execution_options=no_parameters)
        yield found.url


# --- in a process of its own ---------------------------------------------------------------------------


def _settings(url: str, folder: Path) -> Settings:
    from mediameter.settings.reading import from_mapping

    document: dict[str, Any] = {
        "sources": {"palette": {"kind": "directors_palette", "url": url, "page_rows": 20_000}},
        "privacy": {"key": "the key of the benchmark"},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)


def main() -> None:
    from mediameter import connect
    from mediameter.steps.export.export import export
    from mediameter.steps.rollup.rollup import rollup

    folder = Path(sys.argv[2])
    folder.mkdir(parents=True)
    settings = _settings(sys.argv[1], folder)
    begun = time.perf_counter()
    report = export(settings, now=NOW)
    exported = time.perf_counter()
    rollup(settings, now=NOW)
    done = time.perf_counter()
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        query = "SELECT SUM(generations), SUM(credits_charged) FROM generations_daily"
        made_here, credits = connection.exec_driver_sql(query).one()
    said = {"generations": int(made_here), "credits": int(credits), "failed": report.failed}
    print(json.dumps({**said, "export_s": exported - begun, "rollup_s": done - exported}))


if __name__ == "__main__":
    main()
