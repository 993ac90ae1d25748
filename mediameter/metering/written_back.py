"""Which rows of the application's `media_analytics` a day's requests are (docs/definitions.md, "Write-back"). Pure.

A row's id tells whether it is ours: half of a keyed hash of the record, and a check over it under the same secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl
import polars_hash as plh

from mediameter.metering.catalogue import application_name
from mediameter.metering.rollups import distinct
from mediameter.metering.viewers import Known, attributed

EVENT_TYPE = "view"
ROW = {
    "id": pl.String(),
    "media_file_id": pl.String(),
    "user_id": pl.String(),
    "application_id": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "metadata": pl.String(),
}
_BODY = 24  # hex digits of an id that are the record's; two of them say that it is a UUID of nobody's scheme


def rows(
    records: pl.DataFrame,
    *,
    source: str,
    referers: Mapping[str, str],
    known: Known,
    imported: str,
    secret: str,
    is_matched_too: bool,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Rows (ROW) of these records, and how many requests are none, by reason. Grain: a request a row.

    ``records``: columns rollups.READS, duplicates included, all records of the hours that they are of. ``imported``:
    what ``metadata.source`` says of such rows.
    """
    requests = attributed(distinct(records), referers, known).filter("is_request")
    reason = (
        pl.when(pl.col("operation_class") != "get_object").then(pl.lit("no_event_type"))
        .when(pl.col("media_file_id").is_null()).then(pl.lit("no_media_file"))
        .when(pl.col("match_basis").str.starts_with("event_") & (not is_matched_too)).then(pl.lit("recorded"))
    )  # fmt: skip
    requests = requests.with_columns(reason.alias("reason"))
    skipped = dict(requests["reason"].drop_nulls().value_counts().iter_rows())
    kept = _with_application_ids(requests.filter(pl.col("reason").is_null()), known)
    made = kept.with_columns(
        ids(source, kept["line_hash"], secret),
        pl.col("at").dt.truncate("1s"),  # a TIMESTAMP may hold no more
        pl.Series("metadata", _metadata(kept, imported), dtype=pl.String),
    )
    return made.select(ROW.keys()).sort("id"), skipped


def _with_application_ids(requests: pl.DataFrame, known: Known) -> pl.DataFrame:
    """The id of the application that a request is attributed to: its file's where that is called so, else the least."""
    of_name: dict[str, str] = {}
    for application_id in sorted(known.names, reverse=True):
        of_name[known.names[application_id]] = application_id
    by_name = pl.col("application").replace_strict(of_name, default=None, return_dtype=pl.String)
    of_file = known.files.select("key", in_file="application_id")
    rows = requests.join(of_file, on="key", how="left", maintain_order="left")
    is_files = application_name(pl.col("in_file"), known.names) == pl.col("application")
    return rows.with_columns(application_id=pl.when(is_files).then("in_file").otherwise(by_name))


def _metadata(requests: pl.DataFrame, imported: str) -> list[str]:
    """JSON as the document's queries read it. What is not known is left out: a JSON null `IS NOT NULL`."""
    measures = requests.select(
        bytes="bytes_sent", response_time="total_ms", status="http_status", error_code="error_code"
    )
    return [
        json.dumps({"source": imported} | {name: value for name, value in row.items() if value is not None})
        for row in measures.iter_rows(named=True)
    ]


# --- ids ---------------------------------------------------------------------------------------------


def ids(source: str, hashes: pl.Series, secret: str) -> pl.Series:
    """A UUID for each line hash of a source, the same at any time."""
    frame = pl.DataFrame({"text": hashes.cast(pl.String)})
    named = plh.concat_str(pl.lit(f"{secret}\x1f{source}"), pl.col("text"), separator="\x1f")
    body = frame.select(named.chash.sha2_256().str.slice(0, _BODY).alias("body"))["body"]
    marked = body.str.slice(0, 12) + "8" + body.str.slice(13, 3) + "8" + body.str.slice(17)
    digits = marked + _check(marked, secret)
    parts = [digits.str.slice(begin, length) for begin, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return (parts[0] + "-" + parts[1] + "-" + parts[2] + "-" + parts[3] + "-" + parts[4]).alias("id")


def are_ours(found: pl.Series, secret: str) -> pl.Series:
    """Whether each id was made by ``ids`` under this secret."""
    digits = found.str.to_lowercase().str.replace_all("-", "", literal=True)
    is_whole = (digits.str.len_chars() == 32) & (found.str.len_chars() == 36)
    return is_whole & (digits.str.slice(_BODY) == _check(digits.str.slice(0, _BODY), secret))


def _check(bodies: pl.Series, secret: str) -> pl.Series:
    frame = pl.DataFrame({"body": bodies})
    keyed = plh.concat_str(pl.lit(secret), pl.col("body"), separator="\x1f")
    return frame.select(keyed.chash.sha2_256().str.slice(0, 32 - _BODY).alias("check"))["check"]
