"""Rows of `media_files` and `applications` → the warehouse's reference tables, but for the tenant. Pure."""

from __future__ import annotations

import hashlib

import polars as pl

from schemas.frames import polars_schema
from schemas.rollups import APPLICATIONS, MEDIA_FILES
from schemas.source_table import ROW_REJECTED
from schemas.vocabulary import LARGEST_BYTES, LARGEST_COUNT, LONGEST_MS

_LONGEST_ID = 64


def files(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(MEDIA_FILES without tenant, ROW_REJECTED). A key stays as it is: two may differ in case or trailing blanks."""
    rows = rows.with_columns(_without_nul(name) for name, dtype in rows.schema.items() if dtype == pl.String)
    rows = rows.unique("id", keep="first", maintain_order=True)
    reason = (
        pl.when(pl.col("id").fill_null("") == "").then(pl.lit("NO_ID"))
        .when(pl.col("id").str.len_chars() > _LONGEST_ID).then(pl.lit("LONG_ID"))
        .when(pl.col("storage_key").fill_null("") == "").then(pl.lit("NO_KEY"))
    )  # fmt: skip
    rows = rows.with_columns(reason.alias("reason"))
    rejected = rows.filter(pl.col("reason").is_not_null()).select(
        pl.col("id").fill_null("").alias("row_id"), pl.col("uploaded_at").alias("at"), "reason", detail=pl.lit("")
    )
    good = rows.filter(pl.col("reason").is_null())
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in good["storage_key"]]
    made = good.select(
        pl.col("id").alias("media_file_id"),
        pl.Series("object_key_sha256", digests, dtype=pl.String),
        pl.col("storage_key").alias("object_key"),
        "original_filename",
        "mime_type",
        _not_negative("file_size", LARGEST_BYTES).alias("size_bytes"),
        *(_said(name) for name in ("application_id", "user_id")),
        *(_not_negative(name, LARGEST_COUNT) for name in ("width", "height")),
        _not_negative("duration_seconds", LONGEST_MS / 1000)
        .mul(1000)
        .round()
        .cast(pl.Int64, strict=False)
        .alias("duration_ms"),
        "uploaded_at",
        pl.col("is_deleted").fill_null(False) | pl.col("deleted_at").is_not_null(),
        "deleted_at",
    )
    return made.select(MEDIA_FILES.names[1:]), rejected.cast(polars_schema(ROW_REJECTED))  # type: ignore[arg-type]


def applications(rows: pl.DataFrame) -> pl.DataFrame:
    """APPLICATIONS without tenant: the name in the rollups is the slug, as keys have it, else the id."""
    rows = rows.with_columns(_without_nul(name) for name in rows.columns).with_columns(_said("slug"), _said("name"))
    rows = rows.filter(pl.col("id").str.len_chars().is_between(1, _LONGEST_ID)).unique("id", keep="first")
    slug = pl.coalesce("slug", "id").str.slice(0, 128)
    made = rows.select(pl.col("id").alias("application_id"), slug.alias("application"), "name")
    return made.select(APPLICATIONS.names[1:]).sort("application_id")


def _without_nul(name: str) -> pl.Expr:
    """PostgreSQL keeps no NUL."""
    return pl.col(name).str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True)


def _said(name: str) -> pl.Expr:
    return pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)


def _not_negative(name: str, most: float) -> pl.Expr:
    """Null for a number that cannot be."""
    return pl.when(pl.col(name).is_between(0, most)).then(pl.col(name)).alias(name)
