"""The bucket of a source, as the settings say: a folder, or S3."""

from __future__ import annotations

from datetime import date, datetime

from mediameter.connect import s3_connection
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.sources.folder import Folder, Patience
from mediameter.sources.s3 import S3


def bucket(settings: Settings, name: str, since: date | None = None, now: datetime | None = None) -> Folder | S3:
    """A folder shows all it holds. S3 need not list what its keys show to be older than ``since`` (UTC day).

    ``now``: as of when a file has to have been still.

    Raises ``UserError`` where there is nobody to ask as: no credentials, no such profile.
    """
    source = settings.bucket_sources[name]
    if source.path is not None:
        ingest = settings.ingest
        patience = Patience.of(now, ingest.quiet, ingest.unfinished) if now else None
        return Folder(name, source.path, source.prefix, patience)
    try:
        connection = s3_connection(source, settings.ingest.fetchers)
    except UserError as error:
        raise UserError(f"source '{name}': {error.message}", error.remedy) from None
    return S3(name, connection, source.bucket, source.prefix, since)
