"""What the application's reference tables say: which media file an object key is, and what an application is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from schemas.vocabulary import ALL

SIDECAR = ".meta.json"
LONGEST_NAME = 128
# Ids of media files are UUIDs or 21-character nanoids; an object that is no media file itself may name one so.
_ID = r"([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[A-Za-z0-9_-]{21})"
_IN_VARIANT = rf"^media/[^/]+/[^/]+/variants/[^/]+/[0-9]+-{_ID}-[^/]+$"
_IN_FILE = rf"^files/(?:[^/]+/)+[0-9]+_{_ID}\.[^/.]+$"
# What is read of the table media_files.
FILES = {
    "media_file_id": pl.String(),
    "object_key": pl.String(),
    "application_id": pl.String(),
    "uploaded_at": pl.Datetime("us", "UTC"),
    "is_deleted": pl.Boolean(),
    "deleted_at": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """``files``: rows of FILES, all that the keys and events at hand name; ``names``: application by its id."""

    files: pl.DataFrame
    names: Mapping[str, str]


def id_in_key() -> pl.Expr:
    """The id of a media file in ``key``, where it reads like a variant or an upload of it; null in sidecars."""
    key = pl.col("key")
    named = pl.coalesce(key.str.extract(_IN_VARIANT), key.str.extract(_IN_FILE))
    return pl.when(~key.str.ends_with(SIDECAR)).then(named)


def files_by_key(keys: pl.Series, files: pl.DataFrame) -> pl.DataFrame:
    """The media file of each distinct key: key, media_file_id, application_id; keys that are none of them are left out.

    By the object's key; of several such files the one that is not deleted, then the last uploaded, then the least id.
    Else by the id in the key.
    """
    distinct = pl.DataFrame({"key": keys.drop_nulls().unique(maintain_order=True)})
    by_preference = files.sort(
        "is_deleted", "uploaded_at", "media_file_id", descending=[False, True, False], nulls_last=True
    )
    of_object = by_preference.unique("object_key", keep="first", maintain_order=True)
    found = distinct.join(of_object, left_on="key", right_on="object_key", how="left", maintain_order="left")
    found = found.with_columns(pl.coalesce("media_file_id", id_in_key()).alias("named"))
    by_id = files.select(named="media_file_id", application="application_id")
    return found.join(by_id, on="named", maintain_order="left").select(
        "key", media_file_id="named", application_id="application"
    )


def objects_of(files: pl.DataFrame) -> pl.DataFrame:
    """media_file_id, and as ``file`` the file that its object is (docs/definitions.md, "Media files")."""
    objects = files_by_key(files["object_key"], files).select(object_key="key", file="media_file_id")
    return files.join(objects, on="object_key", how="left").select("media_file_id", "file")


def application_name(application_id: pl.Expr, names: Mapping[str, str]) -> pl.Expr:
    """The name of an application in the rollups: as the table has it, else its id. Null where it cannot stand there."""
    named = (
        application_id.replace_strict(list(names), list(names.values()), default=application_id)
        if names
        else application_id
    )
    is_usable = named.str.len_chars().is_between(1, LONGEST_NAME) & (named != ALL)
    return pl.when(is_usable).then(named)
