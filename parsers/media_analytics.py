"""Rows of `media_analytics` → events. Pure: rows in, events out, and what became of each row.

One page view writes two rows: who looked (access: ``{tenant_id, email, roles}``), and how large the file is
(bandwidth: ``{bytes, tenant_id}``). They have no id in common. So among the rows of one user, file, address, agent and
event type, each access row and each bandwidth row has at most one partner of the other kind, at most ``PAIR_GAP`` away:
in the order of time, the one that waits longest. Two views a second apart stay two. A row without one is an event.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import polars as pl

from schemas.application import APP_EVENT
from schemas.contract import Contract
from schemas.frames import polars_schema
from schemas.source_table import ROW_IGNORED, ROW_REJECTED
from schemas.vocabulary import EVENT_TYPES, LARGEST_BYTES

PAIR_GAP = timedelta(seconds=2)
"""MySQL keeps whole seconds: rows written a tenth of one apart may stand a second apart; another for a slow insert."""
IMPORTED = "ovh_logs"
LONGEST = {"id": 128, "media_file_id": 64, "application_id": 64}
_DETAIL = 200
_PEOPLE = ("email", "roles")
_WHOLE_NUMBER = re.compile(r"\d{1,19}(?:\.0+)?")
_GROUP = ["user_id", "media_file_id", "ip_address", "user_agent", "event_type"]
_LOOSE = ("ip_address", "event_type", "referer", "variant_type")
_NOTHING = "(?i)^(?:-|null|undefined)?$"  # as JavaScript writes what is not there


class Taken(NamedTuple):
    """What became of rows (APP_EVENT, ROW_REJECTED, ROW_IGNORED): each is in one event, rejected, or ignored."""

    events: pl.DataFrame
    rejected: pl.DataFrame
    ignored: pl.DataFrame

    @property
    def rows(self) -> int:
        """How many rows that is."""
        return int(self.events["row_count"].sum()) + self.rejected.height + self.ignored.height


@dataclass(slots=True)
class Stream:
    """Takes rows in parts, in the order of time, as if they came at once. A class for what it keeps between the parts:
    the rows at the end of one that may find a partner in the next, and the ids that were there."""

    waiting: pl.DataFrame = field(default_factory=pl.DataFrame)
    _seen: list[pl.Series] = field(default_factory=list)

    def take(self, rows: pl.DataFrame, *, is_last: bool = False) -> Taken:
        """Rows (MEDIA_ANALYTICS_ROW) that come after those of the part before; ``is_last``: no other follows."""
        sorted_out = _judged(self._without_repeats(rows))
        good = sorted_out.filter(pl.col("reason").is_null())
        if self.waiting.height:
            good = pl.concat([self.waiting, good.select(self.waiting.columns)])
        latest = rows["timestamp"].max()
        paired = _paired(good)
        waits = pl.lit(False) if is_last else pl.col("is_alone") & (pl.col("timestamp") >= latest - PAIR_GAP)  # type: ignore[operator]
        self.waiting = paired.filter(waits).select(good.columns)
        return Taken(_events(paired.filter(~waits)), _rejected(sorted_out), _ignored(sorted_out))

    def _without_repeats(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with ``reason``, null where nothing is known against a row: of those with one id the first counts."""
        ids = rows["id"].hash()
        new = ids.implode()
        # Looked up from there to here: the few are what is kept in a table, not all that ever came.
        again = pl.concat([ids.clear(), *(before.filter(before.is_in(new)) for before in self._seen)])
        self._seen.append(ids)
        # By all columns, so that it does not depend on the order in which a database gives equals.
        ordered = rows.with_columns(ids.is_in(again.implode()).alias("_seen")).sort(
            "timestamp", *(name for name in rows.columns if name != "timestamp"), nulls_last=True
        )
        number, is_equal = pl.lit(0), pl.lit(False)
        if ids.n_unique() < ids.len():  # seldom, and comparing rows by id costs as much as all the rest
            number = pl.int_range(pl.len()).over("id")
            is_equal = pl.struct(rows.columns) == pl.struct(rows.columns).first().over("id")
        reason = (
            pl.when(pl.col("timestamp").is_null()).then(pl.lit("NO_TIME"))
            .when((number > 0) & is_equal).then(pl.lit("REPEATED"))
            .when((number > 0) | pl.col("_seen")).then(pl.lit("DUPLICATE_ID"))
        )  # fmt: skip
        return ordered.with_columns(reason.alias("reason")).drop("_seen")


# --- what a row is ----------------------------------------------------------------------------------


class _Shape(NamedTuple):
    """What ``metadata`` says: kind of row, bytes; or the reason why it cannot be taken or is left out."""

    kind: str
    app_bytes: int | None = None
    reason: str | None = None


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``kind``, ``app_bytes``, cleaned texts, and the first ``reason`` that speaks against each."""
    shapes = {text: _shape(text) for text in rows["metadata"].unique().to_list()}
    found = [shapes[text] for text in rows["metadata"].to_list()]
    rows = rows.with_columns(
        *(_cleaned(name, pl.col(name)) for name in ("id", "media_file_id", "application_id", "user_id", "user_agent")),
        *(_cleaned(name, pl.col(name).str.strip_chars()) for name in _LOOSE),
        pl.Series("kind", [shape.kind for shape in found], dtype=pl.String),
        pl.Series("app_bytes", [shape.app_bytes for shape in found], dtype=pl.Int64),
        pl.Series("_shape", [shape.reason for shape in found], dtype=pl.String),
    )
    rows = rows.with_columns(pl.col("event_type").str.to_lowercase())
    too_long = pl.any_horizontal(pl.col(name).str.len_chars() > most for name, most in LONGEST.items())
    reason = (
        pl.when(pl.col("id").is_null()).then(pl.lit("NO_ID"))
        .when(pl.col("reason").is_not_null() & (pl.col("reason") != "REPEATED")).then("reason")
        .when(pl.col("_shape") == "IMPORTED").then(pl.lit("IMPORTED"))
        .when(pl.col("reason").is_not_null()).then("reason")
        .when(pl.col("_shape").is_not_null()).then("_shape")
        .when(~pl.col("event_type").is_in(EVENT_TYPES).fill_null(False)).then(pl.lit("UNKNOWN_EVENT_TYPE"))
        .when(pl.col("media_file_id").is_null()).then(pl.lit("NO_FILE"))
        .when(too_long.fill_null(False)).then(pl.lit("LONG_ID"))
    )  # fmt: skip
    return rows.with_columns(reason.alias("reason")).drop("_shape")


def _cleaned(name: str, text: pl.Expr) -> pl.Expr:
    """Without NUL, which PostgreSQL cannot keep; null where nothing is said. Ids keep their blanks: two may differ by
    them."""
    text = text.str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True)
    return pl.when(~text.str.strip_chars().str.contains(_NOTHING)).then(text).alias(name)


def _shape(text: str | None) -> _Shape:
    """Read here and not in SQL: with LIKE or GROUP BY, MariaDB keeps the quotes of a JSON text."""
    try:
        found = _decoded(text)
    except (ValueError, RecursionError):  # a text may be nested deeper than can be read
        return _Shape("", reason="BROKEN_METADATA")
    if found.get("source") == IMPORTED:
        return _Shape("", reason="IMPORTED")
    if "bytes" not in found:
        return _Shape("access")
    try:
        app_bytes = _bytes(found["bytes"])
    except ValueError:
        return _Shape("", reason="BAD_BYTES")
    return _Shape("whole" if any(name in found for name in _PEOPLE) else "bandwidth", app_bytes)


def _decoded(text: str | None) -> dict[str, Any]:
    """The object that the JSON holds, empty where there is none. Raises ``ValueError`` for anything else."""
    found = json.loads(text) if text and text.strip() else None
    if isinstance(found, str):  # an application that encoded it itself before its driver did so again
        found = json.loads(found) if found.strip() else None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _bytes(value: Any) -> int | None:
    """Numbers, or numbers as text. Raises ``ValueError`` for what is no count of bytes."""
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        value = int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_BYTES:
        raise ValueError("no count of bytes")
    return value


# --- pairs -------------------------------------------------------------------------------------------


def _paired(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that make events, each with what its partner adds; partners themselves are gone.

    ``row_count``: 1 or 2; ``is_alone``: a row that might still find a partner.
    """
    rows = rows.with_row_index("_row")
    partners = _partners(rows.filter(pl.col("kind") != "whole"))
    adds = ("application_id", "referer", "variant_type", "app_bytes")
    other = rows.select(pl.col("_row").alias("_other"), *(pl.col(name).alias(f"_{name}") for name in adds))
    rows = rows.join(partners, on="_row", how="left").join(other, on="_other", how="left")
    rows = rows.filter(~pl.col("_row").is_in(partners["_other"].implode()))
    return rows.with_columns(
        *(pl.coalesce(name, f"_{name}").alias(name) for name in adds),
        (1 + pl.col("_other").is_not_null().cast(pl.Int64)).alias("row_count"),
        (pl.col("_other").is_null() & (pl.col("kind") != "whole")).alias("is_alone"),
    ).drop("_row", "_other", *(f"_{name}" for name in adds))


def _partners(rows: pl.DataFrame) -> pl.DataFrame:
    """(``_row`` of an access row, ``_other`` of its bandwidth row).

    Between bursts of a group lies more than the gap. Where the n-th access row and the n-th bandwidth row of a burst
    are all within it, these are the partners; the few other bursts are gone through row by row.
    """
    group = [*_GROUP, "_burst"]
    burst = (pl.col("timestamp").diff() > PAIR_GAP).fill_null(True).cum_sum().over(_GROUP)
    rows = rows.sort("timestamp", "variant_type", "id").with_columns(burst.alias("_burst"))
    rows = rows.filter(pl.col("kind").n_unique().over(group) > 1)
    rows = rows.with_columns(pl.int_range(pl.len()).over(*group, "kind").alias("_number"))
    access, bandwidth = (
        rows.filter(pl.col("kind") == kind).select(*group, "_number", "_row", "timestamp")
        for kind in ("access", "bandwidth")
    )
    pairs = access.join(bandwidth, on=[*group, "_number"], suffix="_other", nulls_equal=True)
    odd = pairs.filter((pl.col("timestamp") - pl.col("timestamp_other")).abs() > PAIR_GAP).select(group).unique()
    plain = pairs.join(odd, on=group, how="anti", nulls_equal=True).select("_row", pl.col("_row_other").alias("_other"))
    burst_by_burst = rows.join(odd, on=group, how="semi", maintain_order="left", nulls_equal=True).partition_by(
        group, maintain_order=True
    )
    return pl.concat([plain, _one_by_one(burst_by_burst)])


def _one_by_one(bursts: list[pl.DataFrame]) -> pl.DataFrame:
    """The same for bursts in which ranks do not tell: those who wait, first in, first out."""
    pairs: list[tuple[int, int]] = []
    for burst in bursts:
        waiting: deque[tuple[Any, str, int]] = deque()
        for at, kind, row in burst.select("timestamp", "kind", "_row").iter_rows():
            while waiting and at - waiting[0][0] > PAIR_GAP:
                waiting.popleft()
            if waiting and waiting[0][1] != kind:
                other = waiting.popleft()[2]
                pairs.append((row, other) if kind == "access" else (other, row))
            else:
                waiting.append((at, kind, row))
    return pl.DataFrame(pairs, schema={"_row": pl.UInt32, "_other": pl.UInt32}, orient="row")


# --- what comes out ----------------------------------------------------------------------------------


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    events = rows.rename({"id": "event_id", "timestamp": "at"}).select(polars_schema(APP_EVENT).keys())
    return events.cast(polars_schema(APP_EVENT)).sort("at", "event_id")  # type: ignore[arg-type]


_VALUE_OF = {
    "NO_ID": "timestamp",
    "NO_TIME": "timestamp",
    "DUPLICATE_ID": "timestamp",
    "BROKEN_METADATA": "metadata",
    "BAD_BYTES": "metadata",
    "UNKNOWN_EVENT_TYPE": "event_type",
    "NO_FILE": "media_file_id",
    "LONG_ID": "id",
}


def _rejected(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a reason to reject them. Of several with one id the later ones are told apart by a number."""
    rows = rows.filter(pl.col("reason").is_in(list(_VALUE_OF)))
    column = pl.col("reason").replace_strict(_VALUE_OF, return_dtype=pl.String)
    value = pl.coalesce(pl.when(column == name).then(pl.col(name).cast(pl.String)) for name in set(_VALUE_OF.values()))
    return _of(
        ROW_REJECTED,
        rows.with_columns(
            pl.col("id").fill_null("").alias("row_id"),
            pl.col("timestamp").alias("at"),
            pl.concat_str(column, pl.lit(": "), value.fill_null("none").str.slice(0, _DETAIL)).alias("detail"),
        ).sort("at", "row_id"),
    )


def _ignored(rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.filter(pl.col("reason").is_in(["IMPORTED", "REPEATED"]))
    return _of(ROW_IGNORED, rows.with_columns(pl.col("timestamp").alias("at")))


def _of(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(polars_schema(contract).keys()).cast(polars_schema(contract))  # type: ignore[arg-type]
