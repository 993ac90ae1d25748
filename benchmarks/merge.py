"""A day of three million requests and a million events of the application: whose each request is.

As a program of its own, `python -m benchmarks.merge WAY FOLDER`: one way, measured by the section `merge`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from benchmarks.measure import Case
from mediameter.store import fences, lake_files, tenancy

if TYPE_CHECKING:
    from benchmarks.sections import Bench
    from mediameter.settings import Settings
    from mediameter.store.lake import LakeFile

DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 24
FILES, ADDRESSES, AGENTS = 40_000, 60_000, 300
EVENTS_IN_A_FILE = 100_000
MOST_MB, MOST_MB_OF_A_DAY = 1000, 1500
_DOCUMENT: dict[str, Any] = {
    "sources": {
        "ovh": {"kind": "s3_access_log", "path": "bucket", "bucket": "the-log-bucket"},
        "app": {"kind": "dailey_media", "url": "sqlite:///app.sqlite"},
    },
    "privacy": {"key": "the key of the benchmark"},
    "geo": {"countries": "none"},
}


def merge(bench: Bench) -> None:
    """3,000 requests and 1,000 events for each megabyte asked for; what a process needs that does nothing is the
    baseline."""
    folder, requests, events = bench.work / "merge", 3000 * bench.mb, 1000 * bench.mb
    bench.tell(f"merge: making {requests:,} requests and {events:,} events")
    Day(folder, requests, events).lay_down()
    cases = [Case(name, [sys.executable, "-m", "benchmarks.merge", name, str(folder)], 0) for name in WAYS]
    usages = bench.measure(f"{requests:,} requests x {events:,} events of a day", cases)
    said = usages["attribute"].said
    bench.report.notes.append(f"merge: {said['matched']:,} of {said['events']:,} events have a delivery")
    if not said["matched"] or said["events"] != events:
        bench.report.notes.append(f"WRONG: merge: {said['events']:,} events, in truth {events:,}")
    over = usages["attribute"].peak_mb - usages["nothing"].peak_mb
    bench.report.find("merge, attribute: peak memory over the baseline", over, unit="MB", most=MOST_MB)
    bench.report.find("merge, rollup: peak memory", usages["rollup"].peak_mb, unit="MB", most=MOST_MB_OF_A_DAY)


class Day:
    """The day's lake and ledger. A class for its numbers: how many there are of everything."""

    def __init__(self, folder: Path, requests: int, events: int) -> None:
        self.folder, self.requests, self.events = folder, requests, events
        self.settings = settings_in(folder)

    def lay_down(self) -> None:
        """As ingest and export leave it behind, rollups still to be computed."""
        from mediameter import connect
        from mediameter.sources.objects import ObjectVersion
        from mediameter.store import exports, settling, warehouse
        from mediameter.store.settling import Settlement
        from schemas.rollups import MEDIA_FILES

        made = tenancy.engine(self.settings.warehouse.url, self.settings.tenant)
        warehouse.ready(made)
        records, events = list(self._record_files()), list(self._event_files())
        hours = {DAY + timedelta(hours=n): file.rows for n, file in enumerate(records)}
        version = ObjectVersion("ovh", "access-logs/made-up", "1", 1, DAY + timedelta(days=1))
        settled = Settlement(
            version, "settled", 1, lines=self.requests, hours=hours, first_at=DAY, last_at=DAY + timedelta(hours=23)
        )
        with connect.writing(made) as connection:
            warehouse.insert(connection, MEDIA_FILES, _media_files())
            settling.settle(connection, [settled], records, ZoneInfo("UTC"), "traffic")
            exports.replace_events(connection, "app", DAY.date(), events)
        made.dispose()

    def _record_files(self) -> Iterator[LakeFile]:
        from mediameter.store import lake
        from schemas.frames import polars_schema
        from schemas.records import RECORD

        schema = polars_schema(RECORD)
        for hour in range(HOURS):
            frame = self._requests(hour)
            missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
            whole = frame.with_columns(missing).select(schema.keys()).cast(schema)  # type: ignore[arg-type]
            yield lake.write(self.settings.lake.path, whole, kind="records", source="ovh", file_day=DAY.date())

    def _requests(self, hour: int) -> pl.DataFrame:
        first, last = (self.requests * n // HOURS for n in (hour, hour + 1))
        drawn = _drawn(pl.int_range(first, last, eager=True).alias("n"))
        spread = pl.col("n").hash(5) % 3_600_000_000
        return drawn.select(
            line_number=pl.col("n") + 1, line_hash=pl.col("n").cast(pl.UInt128), dialect=pl.lit("ovh"),
            object_id=pl.lit(1), bucket=pl.lit("dailey-media"), operation=pl.lit("REST.GET.OBJECT"),
            at=pl.lit(DAY + timedelta(hours=hour)) + pl.duration(microseconds=spread), key="key",
            http_status=pl.lit(200), bytes_sent=pl.lit(265_767), total_ms=pl.lit(171), turn_around_ms=pl.lit(79),
            user_agent=pl.lit("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 build ") + pl.col("agent"),
            address="address", country=pl.lit("not_available"), edge="edge", operation_class=pl.lit("get_object"),
            status_class=pl.lit("2xx"), is_request=pl.lit(True), is_delivery_candidate=pl.lit(True),
            is_lossy_text=pl.lit(False), is_ambiguous=pl.lit(False),
        ).sort("at", "line_hash")  # fmt: skip

    def _event_files(self) -> Iterator[LakeFile]:
        from mediameter.store import lake
        from schemas.events import EVENT
        from schemas.frames import polars_schema

        schema = polars_schema(EVENT)
        each = self.requests // self.events
        for first in range(0, self.events, EVENTS_IN_A_FILE):
            last = min(first + EVENTS_IN_A_FILE, self.events)
            hours = range(first * each * HOURS // self.requests, -(-last * each * HOURS // self.requests))
            seen = pl.concat(self._seen(hour) for hour in hours).filter(
                pl.col("n").is_between(first * each, last * each - 1)
            )
            frame = seen.filter(pl.col("n") % each == 0).select(
                event_id=pl.lit("event-") + pl.col("n").cast(pl.String), at="at", event_type=pl.lit("view"),
                media_file_id="file", application_id=pl.lit("app-core-01"),
                user_id=pl.lit("user-") + (pl.col("n").hash(6) % 20_000).cast(pl.String), address="address",
                edge=pl.lit("direct"), app_bytes=pl.lit(265_767), row_count=pl.lit(2),
            )  # fmt: skip
            missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
            whole = frame.with_columns(missing).select(schema.keys()).cast(schema).sort("at", "event_id")  # type: ignore[arg-type]
            yield lake.write(self.settings.lake.path, whole, kind="events", source="app", file_day=DAY.date())

    def _seen(self, hour: int) -> pl.DataFrame:
        """What the application sees of an hour's requests: whole seconds, a fifth of them by another address."""
        requests = self._requests(hour).select("at", n=pl.col("line_number") - 1)
        seen = requests.join(_drawn(requests["n"]), on="n")
        other = pl.when(pl.col("n").hash(7) % 5 == 0).then(pl.lit("0" * 32)).otherwise("address")
        return seen.with_columns(address=other, at=(pl.col("at") - pl.duration(milliseconds=171)).dt.truncate("1s"))


def _drawn(number: pl.Series) -> pl.DataFrame:
    """Who asks for what, by the request's number: few files and clients ask for most."""

    def draw(most: int, seed: int) -> pl.Expr:
        share = (pl.col("n").hash(seed) % 1_000_000) / 1_000_000
        return (share**2 * most).cast(pl.Int64)

    drawn = number.alias("n").to_frame().with_columns(of=draw(FILES, 1), by=draw(ADDRESSES, 2))
    return drawn.with_columns(
        key=_key(pl.col("of")),
        file=_file_id(pl.col("of")),
        address=pl.lit("5f2b8c1e90d34a7b86fe210c") + pl.col("by").cast(pl.String).str.zfill(8),
        edge=pl.when(pl.col("by") % 50 == 0).then(pl.lit("edge")).otherwise(pl.lit("direct")),
        agent=((pl.col("by") * 7) % AGENTS).cast(pl.String),
    )


def _key(number: pl.Expr) -> pl.Expr:
    return pl.lit("media/dailey-core/a6b8d3c1/originals/1730281868000-") + _file_id(number) + pl.lit("-still.jpg")


def _file_id(number: pl.Expr) -> pl.Expr:
    return pl.lit("V1StGXR8_Z5jd") + number.cast(pl.String).str.zfill(8)


def _media_files() -> pl.DataFrame:
    import polars_hash as plh

    from schemas.frames import polars_schema
    from schemas.rollups import MEDIA_FILES

    schema = polars_schema(MEDIA_FILES)
    frame = pl.DataFrame({"of": range(FILES)}).select(
        tenant=pl.lit("default"), media_file_id=_file_id(pl.col("of")), object_key=_key(pl.col("of")),
        is_deleted=pl.lit(False), application_id=pl.lit("app-core-01"),
    )  # fmt: skip
    frame = frame.with_columns(object_key_sha256=plh.col("object_key").chash.sha2_256())
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(schema.keys()).cast(schema)  # type: ignore[arg-type]


def settings_in(folder: Path) -> Settings:
    from mediameter.settings.reading import from_mapping

    return from_mapping(_DOCUMENT, folder)


# --- in a process of their own -------------------------------------------------------------------------


def _attribute(settings: Settings) -> dict[str, Any]:
    """As a rollup has its day attributed."""
    from mediameter import connect
    from mediameter.families.attribute import attribute
    from mediameter.families.slices import Source
    from mediameter.store import lake

    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        kinds = [lake_files.files_of_days(connection, kind, DAY.date(), DAY.date()) for kind in ("records", "events")]
    records, events = (dict(zip(of, lake.verified(settings.lake.path, of), strict=True)) for of in kinds)
    found = attribute(made, settings, {"ovh": Source(records, [])}, events, DAY, DAY + timedelta(days=1))
    made.dispose()
    is_matched = found.events["outcome"] == "matched"
    return {"events": found.events.height, "matched": int(is_matched.sum())}


def _rollup(settings: Settings) -> dict[str, Any]:
    """The whole day, as the hourly run computes it."""
    from mediameter import connect
    from mediameter.steps.rollup.rollup import rollup

    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.writing(made) as connection:  # so that each run finds it dirty
        fences.mark_dirty(connection, "traffic", {DAY.date()})
    made.dispose()
    return rollup(settings, now=DAY + timedelta(days=2)).to_dict()


def _nothing(settings: Settings) -> dict[str, Any]:
    """All that is imported, and nothing done."""
    from mediameter.families import traffic
    from mediameter.steps.rollup import rollup  # noqa: F401

    return {"rollup_version": traffic.FAMILY.version}


WAYS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "nothing": _nothing,
    "attribute": _attribute,
    "rollup": _rollup,
}


def main() -> None:
    print(json.dumps(WAYS[sys.argv[1]](settings_in(Path(sys.argv[2])))))


if __name__ == "__main__":
    main()
