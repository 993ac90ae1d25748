"""Rows of the colouring book's generation_logs → generations. Pure: rows in, events and what is wrong out.

A row is written when a generation is over, so ``created_at`` is its end. Costs are what the provider takes, in US
dollars. A failed row says 0 although the provider may have charged: that is not known, and never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from parsers.palette import LONGEST_MESSAGE, OTHER, Stream, amount_of, cleaned, named
from schemas.currencies import MOST_MICROS
from schemas.palette import GENERATION
from schemas.vocabulary import NOT_AVAILABLE

LONGEST = timedelta(hours=1)
"""No picture takes longer: what claims to is not believed, neither as a duration nor to tell when it began."""
_LONGEST_ID, _LONGEST_STYLE = 128, 64
_UUID = r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_IN, _OUT = ("vision_input", "image_input"), ("vision_output", "image_output")
_COSTS = ("vision", "image")


class _Said(NamedTuple):
    """What the two columns of JSON say; ``wrong`` is the reason why they cannot be taken."""

    cost_micros: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    wrong: str | None = None


def generations(styles: Mapping[str, str]) -> Stream:
    """Rows (GENERATION_LOG_ROW) become GENERATION. ``styles``: the style of a name for people, whatever its case."""
    return Stream(GENERATION, partial(_generations, styles={name.lower(): style for name, style in styles.items()}))


def _generations(rows: pl.DataFrame, styles: Mapping[str, str]) -> pl.DataFrame:
    rows = _with_what_json_says(rows).with_columns(cleaned("id"), cleaned("error_message"))
    ended, lasted = pl.col("created_at"), pl.duration(milliseconds="duration_ms")
    is_believed = pl.col("duration_ms").is_between(0, LONGEST // timedelta(milliseconds=1))
    status = pl.when("success").then(pl.lit("completed")).when(~pl.col("success")).then(pl.lit("failed"))
    reason = (
        pl.when(ended.is_null()).then(pl.lit("NO_TIME"))
        .when(pl.col("id").str.len_chars() > _LONGEST_ID).then(pl.lit("LONG_ID"))
        .when(pl.col("duration_ms") < 0).then(pl.lit("BAD_NUMBER"))
        .otherwise("_wrong")
    )  # fmt: skip
    return rows.with_columns(
        _OF_NO_COLUMN,
        reason=reason,
        _number=pl.when(pl.col("duration_ms") < 0).then(pl.col("duration_ms").cast(pl.String)).otherwise("tokens"),
        status=status.fill_null("unknown"),
        created_at=pl.when(is_believed).then(ended - lasted).otherwise(ended),
        duration_ms=pl.when(is_believed).then("duration_ms"),
        user_id=pl.when(cleaned("user_id").str.contains(_UUID)).then(cleaned("user_id")),
        style=_style(styles),
        difficulty=pl.col("difficulty").cast(pl.String),
        outputs=pl.col("success").fill_null(False).cast(pl.Int64),
        cost_micros=pl.when("success").then("_cost"),
        currency=pl.when(pl.col("success") & pl.col("_cost").is_not_null()).then(pl.lit("USD")),
        message=pl.when(~pl.col("success")).then(pl.col("error_message").str.slice(0, LONGEST_MESSAGE)),
    )


_OF_NO_COLUMN = pl.struct(
    generation_type=pl.lit("image"), model=pl.lit(NOT_AVAILABLE),  # there is no column of models
    charge_id=pl.lit(None, pl.String()), media_file_id=pl.lit(None, pl.String()), model_name=pl.lit(None, pl.String()),
    credits_charged=pl.lit(None, pl.Int64()), error_type=pl.lit(None, pl.String()), app=pl.lit(None, pl.String()),
    transaction_type=pl.lit(None, pl.String()),
).struct.unnest()  # fmt: skip


def _style(styles: Mapping[str, str]) -> pl.Expr:
    """As the settings call it, else as it stands there; a vocabulary that may grow, and no place for sentences."""
    spelled = named("style").str.to_lowercase()
    mapped = cleaned("style").str.to_lowercase().replace_strict(styles, default=None, return_dtype=pl.String)
    is_short = spelled.str.len_chars() <= _LONGEST_STYLE
    return pl.coalesce(mapped, pl.when(is_short).then(spelled).when(~is_short).then(pl.lit(OTHER)))


# --- JSON ----------------------------------------------------------------------------------------------


def _with_what_json_says(rows: pl.DataFrame) -> pl.DataFrame:
    pairs = rows.select("costs", "tokens").rows()
    said = {pair: _said(*pair) for pair in set(pairs)}
    found = [said[pair] for pair in pairs]
    return rows.with_columns(
        pl.Series("_cost", [each.cost_micros for each in found], dtype=pl.Int64),
        pl.Series("tokens_in", [each.tokens_in for each in found], dtype=pl.Int64),
        pl.Series("tokens_out", [each.tokens_out for each in found], dtype=pl.Int64),
        pl.Series("_wrong", [each.wrong for each in found], dtype=pl.String),
        _money=pl.col("costs"),
    )


def _said(costs: str | None, tokens: str | None) -> _Said:
    try:
        costs_said, tokens_said = _object(costs), _object(tokens)
    except (ValueError, RecursionError):  # a text may be nested deeper than can be read
        return _Said(wrong="BROKEN_METADATA")
    try:
        cost = _micros(costs_said)
    except ValueError:
        return _Said(wrong="BAD_MONEY")
    try:
        return _Said(cost, _count(tokens_said, _IN), _count(tokens_said, _OUT))
    except ValueError:
        return _Said(wrong="BAD_NUMBER")


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object, also one that was written as a text into JSON; none for NULL, JSON's and the database's."""
    found = json.loads(text) if text and text.strip() else None
    found = json.loads(found) if isinstance(found, str) and found.strip() else found
    if found in (None, ""):
        return {}
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _micros(costs: Mapping[str, Any]) -> int | None:
    """Millionths of a dollar, half-even: the total, or where none is said the sum of what is."""
    amounts = [amount_of(costs.get("total"))]
    if amounts == [None]:
        amounts = [amount_of(costs.get(name)) for name in _COSTS]
    known = [amount for amount in amounts if amount is not None]
    micros = round(sum(known, Decimal(0)) * 10**6)
    if micros > MOST_MICROS:
        raise ValueError("no amount")
    return micros if known else None


def _count(tokens: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The sum of those that are said."""
    known = [amount for name in names if (amount := amount_of(tokens.get(name))) is not None]
    if any(amount != int(amount) for amount in known):
        raise ValueError("no whole number")
    return int(sum(known, Decimal(0))) if known else None
