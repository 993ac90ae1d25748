"""What the application knows of its files and of itself, kept in the warehouse's reference tables.

What is read there is compared with what is here: only what differs is written, and makes the days dirty that it can
change. What is deleted there stays here, as deleted: the log goes on to tell of it.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.families import traffic
from mediameter.faults import point
from mediameter.metering.catalogue import id_in_key
from mediameter.settings import Settings
from mediameter.sources.postgrest import Rest, RestTables
from mediameter.sources.tables import Database, Snapshot
from mediameter.steps.export.places import Place
from mediameter.steps.export.reference_tables import Read
from mediameter.store import fences, lake_files, reach, reference, warehouse
from mediameter.store.acts import Remembered, remembered, settled
from parsers.media_files import applications as applications_of
from parsers.media_files import files as files_of
from schemas import application
from schemas.contract import Contract
from schemas.frames import validate
from schemas.rollups import APPLICATIONS, MEDIA_FILE_DAILY, MEDIA_FILES

# What decides whose a request is; a new name or size of a file changes no figure.
_MATTERS = ["media_file_id", "object_key", "application_id", "user_id", "uploaded_at", "is_deleted", "deleted_at"]


def read_media_catalogue(place: Place, since: datetime | None) -> Read:
    """All applications, and the files that were changed since, or all."""
    applications = read_applications(place.made, place.settings, place.database)
    files, rejects = read_files(place.made, place.settings, place.database, place.name, since)
    return Read(applications, files, {application.MEDIA_FILES.name: rejects})


def read_applications(made: sa.Engine, settings: Settings, database: Database | Rest) -> int:
    """All applications; returns how many. One that is new or called otherwise makes every day dirty."""
    pages = database.read(lambda seen: [applications_of(page) for page in seen.whole(application.APPLICATIONS)])
    found = _of_tenant(pl.concat(pages), settings, APPLICATIONS) if pages else warehouse.empty(APPLICATIONS)

    def settle(connection: sa.Connection) -> Remembered | None:
        known = reference.known(connection, settings.tenant, APPLICATIONS, found["application_id"].to_list())
        changed = _differing(found, known, APPLICATIONS.names)
        if not changed.height:
            return None
        reference.replace(connection, settings.tenant, APPLICATIONS, changed)
        if _differing(changed, known, ["application_id", "application"]).height:
            fences.mark_dirty(connection, traffic.NAME, fences.fenced_days(connection, traffic.NAME))
        return remembered({APPLICATIONS: changed})

    settled(made, settings.lake.path, settle)
    return found.height


def read_files(
    made: sa.Engine, settings: Settings, database: Database | Rest, source: str, since: datetime | None
) -> tuple[int, list[tuple[str, str, str]]]:
    """Files changed since, or all (and then those that are gone, too); returns how many, and the rejected rows."""

    def read(seen: Snapshot | RestTables) -> tuple[list[tuple[str, str, str]], list[pl.Series]]:
        """Page by page, each settled at once: what was settled before it is read again stays as it is."""
        rejects, ids = [], []
        for page in seen.whole(application.MEDIA_FILES, since):
            found, rejected = files_of(page)
            found = _of_tenant(found, settings, MEDIA_FILES)
            rejects += rejected.select("row_id", "reason", "detail").rows()
            ids.append(found["media_file_id"])
            _settle_files(made, settings, source, found)
        return rejects, ids

    rejects, ids = database.read(read)
    if since is None:
        _settle_files(made, settings, source, _vanished(made, settings, ids))
    return sum(map(len, ids)), rejects


def _vanished(made: sa.Engine, settings: Settings, ids: list[pl.Series]) -> pl.DataFrame:
    """Files that are no longer there, as deleted; since when is not known."""
    here = pl.concat(ids) if ids else pl.Series(dtype=pl.String)
    table = warehouse.tables[MEDIA_FILES.name]
    stands = sa.and_(table.c.tenant == settings.tenant, table.c.is_deleted.is_(False))
    with reading(made) as connection:
        known = warehouse.read(connection, MEDIA_FILES, stands)
    return known.filter(~pl.col("media_file_id").is_in(here.implode())).with_columns(is_deleted=pl.lit(True))


def _settle_files(made: sa.Engine, settings: Settings, source: str, found: pl.DataFrame) -> None:
    """One transaction: what differs is replaced, and the days that it can change are dirty."""
    with reading(made) as connection:
        known = reference.known(connection, settings.tenant, MEDIA_FILES, found["media_file_id"].to_list())
        changed = _differing(found, known, MEDIA_FILES.names)
        if not changed.height:
            return
        matters = _differing(changed, known, _MATTERS)
        ids = matters["media_file_id"].to_list()
        days = _days_of_events(connection, settings, source, ids)

    def settle(connection: sa.Connection) -> Remembered:
        before = known.join(matters, on="media_file_id", how="semi")
        keys = {*matters["object_key_sha256"], *before["object_key_sha256"]}
        asked = _days_of_requests(connection, settings, sorted(keys), ids)
        asked |= _days_of_variants(connection, settings, matters.join(known, on="media_file_id", how="anti"))
        reach.mark_unconnected(connection)
        reference.replace(connection, settings.tenant, MEDIA_FILES, changed)
        fences.mark_dirty(connection, traffic.NAME, days | asked)
        return remembered({MEDIA_FILES: changed})

    settled(made, settings.lake.path, settle)
    point("export.files_settled")


def _days_of_requests(connection: sa.Connection, settings: Settings, keys: list[str], ids: list[str]) -> set[date]:
    """Days on which these keys were asked for, or other keys that were found to be of these files (variants)."""
    daily, days = warehouse.tables[MEDIA_FILE_DAILY.name], set()
    for column, values in ((daily.c.object_key_sha256, keys), (daily.c.media_file_id, ids)):
        for some in warehouse.chunks(values):
            which = (daily.c.tenant == settings.tenant, column.in_(some))
            days |= set(connection.execute(sa.select(daily.c.day).where(*which).distinct()).scalars())
    return days


def _days_of_variants(connection: sa.Connection, settings: Settings, fresh: pl.DataFrame) -> set[date]:
    """Days since their upload on which keys were asked for that name one of these files, which nobody knew then."""
    if not fresh.height:
        return set()
    daily, uploads = warehouse.tables[MEDIA_FILE_DAILY.name], fresh["uploaded_at"]
    first = date.min if uploads.null_count() else uploads.dt.date().min()
    which = (daily.c.tenant == settings.tenant, daily.c.media_file_id == "", daily.c.day >= first)
    query = sa.select(daily.c.day, daily.c.object_key).where(*which).distinct()
    rows = [tuple(row) for row in connection.execute(query)]
    asked = pl.DataFrame(rows, schema={"day": pl.Date, "key": pl.String}, orient="row")
    named = asked.filter(asked.select(id_in_key())["key"].is_in(fresh["media_file_id"].implode()))
    return set(named["day"])


def _days_of_events(connection: sa.Connection, settings: Settings, source: str, ids: list[str]) -> set[date]:
    """Days whose attribution looks at events of these files."""
    files = [
        each for each in lake_files.files_of_days(connection, "events", date.min, date.max) if each.source == source
    ]
    if not files or not ids:
        return set()
    events = pl.scan_parquet([settings.lake.path / file.path for file in files])
    hours = events.filter(pl.col("media_file_id").is_in(ids)).select(pl.col("at").unique()).collect()
    return reach.days_of_events(hours["at"].to_list(), settings.reporting.zone)


# --- rows here and rows there --------------------------------------------------------------------------


def _of_tenant(frame: pl.DataFrame, settings: Settings, contract: Contract) -> pl.DataFrame:
    return validate(frame.select(pl.lit(settings.tenant).alias("tenant"), *contract.names[1:]), contract)


def _differing(found: pl.DataFrame, known: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return found.join(known, on=names, how="anti", nulls_equal=True, maintain_order="left")
