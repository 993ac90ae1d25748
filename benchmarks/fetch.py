"""Thousands of small objects over HTTP: fetched alone, parsed alone (from a folder), and both at once.

As a program of its own, `python -m benchmarks.fetch WAY SETTINGS`: one way, measured by the section `fetch`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, Case

if TYPE_CHECKING:
    from benchmarks.sections import Bench
    from mediameter.settings import Settings

OBJECTS = 3000
LATENCIES_MS = (0, 30)
PREFIX = "access-logs/"
_SETTINGS = """\
[sources.ovh]
kind = "s3_access_log"
bucket = "the-log-bucket"
prefix = "access-logs/"
{place}

[geo]
countries = "none"
"""
_OVER_HTTP = 'endpoint = "http://127.0.0.1:{port}"\naccess_key = "made-up"\nsecret_key = "made-up"'


def fetch(bench: Bench) -> None:
    """3,000 objects, whatever the size of the log; the store's own CPU is taken from the same cores."""
    bucket, truth = bench.work / "small-objects", bench.log().truth
    cut(bench, bucket)
    for latency in LATENCIES_MS:
        with serving(bucket, latency) as port:
            cases = {name: _case(bench, name, bucket, port, truth.size) for name in WAYS}
            usages = bench.measure(f"{OBJECTS:,} objects over HTTP, {latency} ms away", list(cases.values()))
        for name in ("parse", "both"):
            if usages[name].said["lines"] != truth.lines:
                bench.report.notes.append(
                    f"WRONG: {name}: {usages[name].said['lines']:,} lines, in truth {truth.lines:,}"
                )
        slower = max(usages["fetch"].wall_s, usages["parse"].wall_s)
        at = f"{latency} ms away"
        bench.report.find(f"fetch + parse / the slower alone, {at}", usages["both"].wall_s / slower, most=1.2)
        for thread_count in (16, 32):
            ratio = usages[f"boto3, {thread_count} threads"].wall_s / usages["fetch"].wall_s
            bench.report.find(f"fetch, times as fast as boto3 with {thread_count} threads, {at}", ratio)


def cut(bench: Bench, bucket: Path) -> None:
    """The log's lines as 3,000 objects of about the same size."""
    files = list(bench.log().objects.items())
    (bucket / PREFIX).mkdir(parents=True)
    for number, (name, path) in enumerate(files):
        lines = path.read_bytes().splitlines(keepends=True)
        parts = OBJECTS * (number + 1) // len(files) - OBJECTS * number // len(files)
        for part in range(parts):
            content = b"".join(lines[len(lines) * part // parts : len(lines) * (part + 1) // parts])
            (bucket / PREFIX / f"{name[:20]}{part:012X}{name[32:]}").write_bytes(content)


@contextmanager
def serving(bucket: Path, latency_ms: int) -> Iterator[int]:
    """The store in a process of its own; its port."""
    command = [sys.executable, "-m", "benchmarks.store", str(bucket), "--latency-ms", str(latency_ms)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def _case(bench: Bench, name: str, bucket: Path, port: int, size: int) -> Case:
    folder = bench.work / "fetch"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        place = f'path = "{bucket}"' if name == "parse" else _OVER_HTTP.format(port=port)
        (folder / "mediameter.toml").write_text(_SETTINGS.format(place=place))

    command = [sys.executable, "-m", "benchmarks.fetch", name, str(folder / "mediameter.toml")]
    return Case(name, command, size, before=prepare)


# --- in a process of their own -------------------------------------------------------------------------


def _fetch(settings: Settings) -> dict[str, Any]:
    """As ingest has the objects fetched, nothing done with them."""
    from mediameter.opening.bucket import bucket
    from mediameter.sources.ahead import Ahead, Limits
    from mediameter.sources.s3 import S3
    from mediameter.steps.ingest.batches import AHEAD_BATCHES

    place = bucket(settings, "ovh")
    assert isinstance(place, S3)
    versions = place.listing()
    limits = Limits(settings.ingest.fetchers, AHEAD_BATCHES * settings.ingest.batch_bytes)
    with Ahead(place, versions, limits) as near:
        return {"bytes": sum(len(chunk) for version in versions for chunk in near.read(version).chunks())}


def _ingest(settings: Settings) -> dict[str, Any]:
    from mediameter.steps.ingest.ingest import ingest

    return ingest(settings, now=datetime.now(UTC)).to_dict()


def _boto3(threads: int) -> Callable[[Settings], dict[str, Any]]:
    """As boto3's own documentation does it."""

    def run(settings: Settings) -> dict[str, Any]:
        from mediameter.connect import s3_client

        source = settings.sources["ovh"]
        client = s3_client(source, threads)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.prefix)
        keys = [each["Key"] for page in pages for each in page["Contents"]]

        def get(key: str) -> int:
            return len(client.get_object(Bucket=source.bucket, Key=key)["Body"].read())

        with ThreadPoolExecutor(threads) as pool:
            return {"bytes": sum(pool.map(get, keys))}

    return run


WAYS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "fetch": _fetch,
    "parse": _ingest,
    "both": _ingest,
    "boto3, 16 threads": _boto3(16),
    "boto3, 32 threads": _boto3(32),
}


def main() -> None:
    from mediameter.settings import load

    print(json.dumps(WAYS[sys.argv[1]](load(sys.argv[2]))))


if __name__ == "__main__":
    main()
