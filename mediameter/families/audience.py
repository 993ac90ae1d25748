"""Trailing audiences: each day keeps who asked for what in small lake files; a window is what its days' files hold.
With them go the trailing response times, which the same days reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from mediameter.families.family import Computed, DirtyDay, Family
from mediameter.families.response_times import trailing_response_times
from mediameter.faults import point
from mediameter.metering import audience, rollups
from mediameter.settings import Settings
from mediameter.store import fences, lake, lake_files, reach, warehouse
from schemas.contract import Contract
from schemas.rollups import AUDIENCE_FAMILY, AUDIENCE_TRAILING, MEDIA_FILE_TRAILING, RESPONSE_TIME_TRAILING
from schemas.vocabulary import AUDIENCE_WINDOWS

NAME, LEADING = "audience", "traffic"
VERSION = 6
"""Also of the traffic itself: the two rest on the same."""
KINDS = ("audience", "file_audience")


def write_audiences(settings: Settings, day: date, parts: list[rollups.Parts]) -> dict[str, lake.LakeFile | None]:
    """The day's lake files by kind; None where it has no such rows."""
    if not parts:
        return dict.fromkeys(KINDS)
    frames = {
        "audience": audience.audience([part.audience for part in parts]),
        "file_audience": audience.file_audience(rollups.files(parts), [part.asked for part in parts]),
    }
    return {
        # An empty one still says that an application is connected.
        kind: lake.write(settings.lake.path, frame, kind=kind, source="all", file_day=day)
        if frame.height or "users" in frame.columns
        else None
        for kind, frame in frames.items()
    }


def settle_audiences(
    connection: sa.Connection,
    settings: Settings,
    day: date,
    files: dict[str, lake.LakeFile | None],
    *,
    other_response_times: bool,
) -> None:
    """Lets these files be the day's; where that, or its response times, changes anything, the days whose windows hold
    this one are dirty. Raises ``lake.Gone`` when a file has gone."""
    lake.require_there(settings.lake.path, [file for file in files.values() if file])
    changed = [lake_files.replace_audience(connection, kind, day, file) for kind, file in files.items()]
    if any(changed) or other_response_times:
        fences.mark_dirty(connection, NAME, _reached(connection, settings, day))


def _reached(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """Days whose longest window holds this one."""
    last = max([day, *reach.known_days(connection, settings.reporting.zone, settings.event_sources)[-1:]])
    return {day + timedelta(days=n) for n in range(max(AUDIENCE_WINDOWS)) if day + timedelta(days=n) <= last}


# --- one day -----------------------------------------------------------------------------------------


def _known(connection: sa.Connection, settings: Settings) -> set[date]:
    """Days with a trailing audience: each on which the longest window still reaches a day with records. A gap between
    days has one, too."""
    known = reach.known_days(connection, settings.reporting.zone, settings.event_sources)
    longest = max(AUDIENCE_WINDOWS)
    return {day + timedelta(days=n) for day in known for n in range(longest) if day + timedelta(days=n) <= known[-1]}


@dataclass(frozen=True, slots=True)
class _Footing:
    """What the windows that end with a day rest on: the trailing response times, which stand in the warehouse, and the
    days' lake files by kind."""

    response_times: pl.DataFrame
    files: dict[str, list[lake.LakeFile]]


def _look(connection: sa.Connection, settings: Settings, day: DirtyDay) -> _Footing:
    first = day.day - timedelta(days=max(AUDIENCE_WINDOWS) - 1)
    times = trailing_response_times(connection, settings, day.day)
    return _Footing(times, {kind: lake_files.files_of_days(connection, kind, first, day.day) for kind in KINDS})


def _compute(made: sa.Engine, settings: Settings, day: DirtyDay, seen: _Footing) -> Computed:
    """Of a frozen day only its response times: who asked is no longer known, the histograms are."""
    frames = {RESPONSE_TIME_TRAILING: seen.response_times}
    if not day.is_frozen:
        places = {
            kind: dict(zip(of, lake.verified(settings.lake.path, of), strict=True)) for kind, of in seen.files.items()
        }
        frames |= _windows(settings, day.day, places["audience"], places["file_audience"])
    point("audience.computed")
    return Computed(frames)


def _settle(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed, stood: None) -> bool:
    if day.is_frozen:
        return False
    fences.mark_dirty(connection, "checks", {day.day})
    return True


def _windows(
    settings: Settings, day: date, addresses: dict[lake.LakeFile, Path], files: dict[lake.LakeFile, Path]
) -> dict[Contract, pl.DataFrame]:
    found: dict[Contract, list[pl.DataFrame]] = {
        contract: [warehouse.empty(contract)] for contract in (AUDIENCE_TRAILING, MEDIA_FILE_TRAILING)
    }
    for window in AUDIENCE_WINDOWS:
        seen, asked = (_scan(of, day, window) for of in (addresses, files))
        asked = pl.LazyFrame(schema=audience.FILE_AUDIENCE) if asked is None else asked
        if seen is not None:
            found[AUDIENCE_TRAILING].append(
                _rows(settings, day, AUDIENCE_TRAILING, audience.audience_trailing(seen, asked, window))
            )
        found[MEDIA_FILE_TRAILING].append(
            _rows(settings, day, MEDIA_FILE_TRAILING, audience.media_file_trailing(asked, window))
        )
    return {contract: pl.concat(frames).sort(contract.key) for contract, frames in found.items()}


def _scan(files: dict[lake.LakeFile, Path], day: date, window: int) -> pl.LazyFrame | None:
    """The window's files; days without an application have fewer columns. None where there are none."""
    chosen = [path for file, path in files.items() if file.file_day > day - timedelta(days=window)]
    return pl.concat([pl.scan_parquet(path) for path in chosen], how="diagonal") if chosen else None


def _rows(settings: Settings, day: date, contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    return rollups.finished(frame, contract, settings.tenant, day)


FAMILY = Family(
    name=NAME,
    trails=LEADING,
    tables=AUDIENCE_FAMILY,
    version=VERSION,
    fingerprint=Settings.fingerprint,
    known=_known,
    look=_look,
    compute=_compute,
    settle=_settle,
    spares_frozen=False,
    reported_as="audience_days",
)
