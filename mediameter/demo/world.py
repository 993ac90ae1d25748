"""Lays out a folder as a bucket of access logs, and knows what is true of it.

The same arguments give the same bytes: names, contents and times of change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Literal

from mediameter.demo import event_file, palette
from mediameter.demo.application import FILE_NAME, Application
from mediameter.demo.delivery import Bucket, Logging, strays
from mediameter.demo.library import furnish, write_countries
from mediameter.demo.lines import LOG_BUCKET
from mediameter.demo.oddities import Maker
from mediameter.demo.traffic import hours
from mediameter.demo.truth import Tally, Truth, read_truth

Size = Literal["small", "medium", "large"]
PREFIX = "access-logs/"


@dataclass(frozen=True, slots=True)
class _Extent:
    """How much there is; ``events`` is of a week."""

    events: int
    files: int
    viewers: int


_EXTENTS: dict[Size, _Extent] = {
    "small": _Extent(40_000, 500, 1_500),
    "medium": _Extent(400_000, 2_500, 9_000),
    "large": _Extent(4_000_000, 12_000, 60_000),
}


@dataclass(frozen=True, slots=True)
class World:
    """Where the bucket lies, how its logs are to be read, and the truth about them."""

    bucket: Path
    log_bucket: str
    prefix: str
    countries: Path
    countries_date: date
    application: Path
    palette: Path
    events: Path
    truth: Truth = field(default_factory=Truth)


def build(folder: Path, *, seed: int = 7, days: int = 7, size: Size = "small", last_day: date) -> World:
    """Write ``folder/bucket``, ``countries.csv``, two databases, event files, ``truth.json``; ``days`` UTC days to
    ``last_day``.

    Besides these days there is 30 October 2025, the day of the guide's example line. The last objects are of the hours
    after ``last_day`` (take one that is over), and the late one is of two days after the first day.
    A world that was built there before with the same arguments is left as it is.
    Raises ValueError for less than one day, FileExistsError where the folder's bucket holds something else.
    """
    if days < 1:
        raise ValueError(f"a world has at least one day, not {days}")
    world = World(
        folder / "bucket", LOG_BUCKET, PREFIX, folder / "countries.csv", last_day, folder / FILE_NAME,
        folder / palette.FILE_NAME, folder / event_file.FOLDER,
    )  # fmt: skip
    done = folder / "world.json"  # written last: without it the folder is no whole world
    what = {
        "seed": seed,
        "days": days,
        "size": size,
        "last_day": last_day.isoformat(),
        "has_application": True,
        "has_palette": True,
        "has_event_file": True,
        "has_links": True,
    }
    wanted = json.dumps(what) + "\n"
    if done.exists() and done.read_text("utf-8") == wanted:
        return replace(world, truth=read_truth(folder / "truth.json"))
    if world.bucket.exists() and any(world.bucket.iterdir()):
        raise FileExistsError(f"{world.bucket} holds something else; remove it, or choose another folder")
    first_day = last_day - timedelta(days=days - 1)
    begin = int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp())
    truth = _lay_out(world, seed, _EXTENTS[size], begin, days)
    write_countries(world.countries, as_of=last_day)
    (folder / "truth.json").write_text(truth.to_json(), "utf-8")
    done.write_text(wanted, "utf-8")
    return replace(world, truth=truth)


def _lay_out(world: World, seed: int, extent: _Extent, begin: int, days: int) -> Truth:
    rng = Random(seed)
    tally, maker = Tally(), Maker(rng)
    bucket = Bucket(world.bucket, PREFIX, rng, tally)
    logging = Logging(bucket, rng, tally, maker, begin, days)
    library = furnish(rng, extent.files, extent.viewers)
    application = Application(Random(f"{seed} of the application"), library, begin, days)
    for hour, events in hours(rng, library, begin, days, extent.events * days // 7):
        logging.deliver(until=hour)
        tally.forget_before(hour)
        for event in events:
            logging.write(event)
            application.see(event)
    logging.deliver()
    strays(bucket, tally, maker, begin)
    system = palette.Palette(Random(f"{seed} of the palette"), begin, days, application.made_files)
    files = event_file.EventFile(Random(f"{seed} of the event files"), begin, days)
    return replace(
        tally.truth(),
        exports=application.write(world.application),
        events_by_application=application.fates,
        generations=system.write(world.palette, extent.events * days // 200),
        events=files.write(world.events, extent.events * days // 400),
    )
