"""Rows of Director's Palette → generations and movements of credits. Pure: rows in, events and what is wrong out.

What a row says of people is cut here already: the text of its prompt, wherever it stands, goes with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from schemas.contract import Contract
from schemas.currencies import MOST_MICROS, micros_of_smallest_unit
from schemas.frames import polars_schema
from schemas.palette import CREDIT, GENERATION
from schemas.source_table import ROW_IGNORED, ROW_REJECTED
from schemas.vocabulary import LARGEST_COUNT

LONGEST = {"id": 128, "user_id": 64, "model_id": 128, "generation_type": 64, "status": 32, "type": 32}
LONGEST_MESSAGE = 500
LEAST_PROMPT = 4  # a shorter one would be cut out of half the words
_DETAIL = 200
_NOTHING = "(?i)^(?:-|null|undefined|none)?$"
_NAME = r"^[\w./:+-]+(?: [\w./:+-]+){0,2}$"
"""At most three words."""
ID = r"[\w.:-]{1,128}"
_CURRENCY = re.compile("[A-Za-z]{3}")
_SHORT = r"[-+]?[0-9.,]{1,24}(?:[eE][-+]?[0-9]{1,4})?|[A-Za-z]{1,12}"
OTHER = "other"
_USAGE = {"generation": "usage"}  # an older name of it
Judge = Callable[[pl.DataFrame], pl.DataFrame]


class Taken(NamedTuple):
    """What became of rows: each is an event, rejected (ROW_REJECTED) or ignored (ROW_IGNORED)."""

    events: pl.DataFrame
    rejected: pl.DataFrame
    ignored: pl.DataFrame

    @property
    def rows(self) -> int:
        return self.events.height + self.rejected.height + self.ignored.height


@dataclass(slots=True)
class Stream:
    """Takes rows in parts, in the order of time, as if they came at once. A class for the ids that were there: of rows
    with one id the first counts, an equal one is a repetition, another is rejected."""

    contract: Contract
    judge: Judge
    _seen: list[pl.Series] = field(default_factory=list)

    def take(self, rows: pl.DataFrame, *, is_last: bool = False) -> Taken:
        """Rows that come after those of the part before; ``is_last`` makes no difference here."""
        rows = self._with_repeats(_in_order(rows))
        judged = self.judge(rows)
        reason = pl.coalesce("_repeat", "reason")
        judged = judged.with_columns(
            pl.when(pl.col("id").is_null()).then(pl.lit("NO_ID")).otherwise(reason).alias("reason")
        )
        is_ignored = pl.col("reason") == "REPEATED"
        good = judged.filter(pl.col("reason").is_null())
        bad = judged.filter(pl.col("reason").is_not_null() & ~is_ignored.fill_null(False))
        return Taken(
            _of(self.contract, good.rename({"id": "event_id", "created_at": "at"})),
            _of(ROW_REJECTED, bad.with_columns(_DETAILS, row_id=pl.col("id").fill_null(""), at=pl.col("created_at"))),
            _of(ROW_IGNORED, judged.filter(is_ignored).with_columns(at=pl.col("created_at"))),
        )

    def _with_repeats(self, rows: pl.DataFrame) -> pl.DataFrame:
        whole = pl.struct(rows.columns).hash()
        hashes = rows.select(pl.col("id").hash().alias("id"), whole.alias("whole"))
        before = pl.concat([pl.Series(dtype=pl.UInt64), *self._seen]) if self._seen else pl.Series(dtype=pl.UInt64)
        is_known = hashes["id"].is_in(before.implode()) | ~hashes["id"].is_first_distinct()
        is_equal = ~hashes["whole"].is_first_distinct()
        self._seen.append(hashes["id"])
        repeat = (
            pl.when(pl.col("id").is_null()).then(pl.lit(None, pl.String()))
            .when(is_equal).then(pl.lit("REPEATED")).when(is_known).then(pl.lit("DUPLICATE_ID"))
        )  # fmt: skip
        return rows.with_columns(repeat.alias("_repeat"))


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """By time, then by id; where both are equal (without a primary key) by all that the rows say."""
    order = ["created_at", "id"]
    found = rows.sort(order, nulls_last=True)
    if not found.select(pl.all_horizontal(pl.col(order) == pl.col(order).shift()).any()).item():
        return found
    return rows.sort([*order, *(name for name in rows.columns if name not in order)], nulls_last=True)


def generations(stale_before: datetime) -> Stream:
    """Rows (GENERATION_ROW) become GENERATION; what was pending before then is stale."""
    return Stream(GENERATION, partial(_generations, stale_before=stale_before))


def credits() -> Stream:
    """Rows (TRANSACTION_ROW) become CREDIT."""
    return Stream(CREDIT, _credits)


_COLUMN_OF = {
    "NO_ID": "created_at", "NO_TIME": "created_at", "DUPLICATE_ID": "created_at", "NO_USER": "user_id",
    "NO_MODEL": "model", "NO_TYPE": "transaction_type", "LONG_ID": "id", "BAD_NUMBER": "_number", "BAD_MONEY": "_money",
}  # fmt: skip
_NAME_OF = {"_number": "number", "_money": "money"}
_DETAILS = pl.concat_str(
    pl.col("reason").replace_strict(
        {reason: _NAME_OF.get(name, name) for reason, name in _COLUMN_OF.items()}, default="row"
    ),
    pl.lit(": "),
    pl.coalesce(
        *(
            pl.when(pl.col("reason") == reason).then(pl.col(name).cast(pl.String))
            for reason, name in _COLUMN_OF.items()
        ),
        pl.lit("none"),
    ).str.slice(0, _DETAIL),
).alias("detail")


# --- generations -------------------------------------------------------------------------------------


def _generations(rows: pl.DataFrame, stale_before: datetime) -> pl.DataFrame:
    rows = rows.with_columns(
        *(named(name) for name in ("model_id", "generation_type", "status")),
        *(identified(name) for name in ("prediction_id", "gallery_id")),
        *(_without_prompt(cleaned(name)) for name in ("user_id", "error_message")),
        cleaned("id"),
    )
    status = pl.col("status").str.to_lowercase().fill_null("unknown")
    is_stale = (status == "pending") & (pl.col("created_at") < stale_before)
    lasted = (pl.col("completed_at") - pl.col("created_at")).dt.total_milliseconds()
    is_done = status.is_in(("completed", "failed")) & (lasted >= 0)
    rows = rows.with_columns(model=pl.col("model_id"), _number=pl.col("credits_cost").cast(pl.String))
    reason = (
        pl.when(pl.col("created_at").is_null()).then(pl.lit("NO_TIME"))
        .when(pl.col("user_id").is_null()).then(pl.lit("NO_USER"))
        .when(pl.col("model_id").is_null()).then(pl.lit("NO_MODEL"))
        .when(_is_too_long(rows)).then(pl.lit("LONG_ID"))
        .when(~pl.col("credits_cost").is_between(0, LARGEST_COUNT)).then(pl.lit("BAD_NUMBER"))
    )  # fmt: skip
    return rows.with_columns(
        _NO_COLUMNS,
        reason=reason,
        generation_type=pl.col("generation_type").str.to_lowercase().fill_null("unknown"),
        status=pl.when(is_stale).then(pl.lit("stale")).otherwise(status),
        charge_id=pl.col("prediction_id"),
        media_file_id=pl.col("gallery_id"),
        outputs=(status == "completed").cast(pl.Int64),
        duration_ms=pl.when(is_done).then(lasted),
        credits_charged=pl.col("credits_cost"),
        message=pl.when(status == "failed").then(pl.col("error_message").str.slice(0, LONGEST_MESSAGE)),
        model_name=_title("model_name"),
    )  # fmt: skip


_NO_COLUMNS = pl.struct(
    app=pl.lit(None, pl.String()),
    style=pl.lit(None, pl.String()), difficulty=pl.lit(None, pl.String()), tokens_in=pl.lit(None, pl.Int64()),
    tokens_out=pl.lit(None, pl.Int64()), cost_micros=pl.lit(None, pl.Int64()), currency=pl.lit(None, pl.String()),
    error_type=pl.lit(None, pl.String()), transaction_type=pl.lit(None, pl.String()), _money=pl.lit(None, pl.String()),
).struct.unnest()  # fmt: skip


def _title(name: str) -> pl.Expr:
    """A name for people; none for what is longer than a name, or does not read like one: no key rests on it."""
    text = _without_prompt(cleaned(name))
    is_title = text.str.contains(_NAME) & (text.str.len_chars() <= LONGEST["model_id"])
    return pl.when(is_title).then(text).alias(name)


def _without_prompt(text: pl.Expr) -> pl.Expr:
    """Providers repeat the prompt in their messages."""
    prompt = pl.col("prompt").str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True).str.strip_chars()
    is_in_it = (prompt.str.len_chars() >= LEAST_PROMPT) & text.str.contains(prompt, literal=True)
    name = text.meta.output_name()
    cut = text.str.split(prompt).list.join("[prompt]")
    return pl.when(is_in_it.fill_null(False)).then(cut).otherwise(text).alias(name)


# --- credits -----------------------------------------------------------------------------------------


class _Said(NamedTuple):
    """What ``metadata`` says; ``wrong`` is the reason why it cannot be taken, ``told`` the value that is wrong."""

    model: str | None = None
    paid_micros: int | None = None
    currency: str | None = None
    wrong: str | None = None
    told: str | None = None


def _credits(rows: pl.DataFrame) -> pl.DataFrame:
    said = {text: _said(text) for text in rows["metadata"].unique().to_list()}
    found = [said[text] for text in rows["metadata"].to_list()]
    kind = named("type").str.to_lowercase().replace(_USAGE)
    rows = rows.with_columns(
        cleaned("id"),
        cleaned("user_id"),
        kind.alias("transaction_type"),
        pl.Series("_said", [each.model for each in found], dtype=pl.String),
        pl.Series("_paid", [each.paid_micros for each in found], dtype=pl.Int64),
        pl.Series("_currency", [each.currency for each in found], dtype=pl.String),
        pl.Series("_wrong", [each.wrong for each in found], dtype=pl.String),
        _number=pl.col("amount").cast(pl.String),
        _money=pl.Series([each.told for each in found], dtype=pl.String),
    )
    is_paid = pl.col("transaction_type").is_in(("purchase", "refund")) & pl.col("_paid").is_not_null()
    sign = pl.when(pl.col("transaction_type") == "refund").then(-1).otherwise(1)
    reason = (
        pl.when(pl.col("created_at").is_null()).then(pl.lit("NO_TIME"))
        .when(pl.col("user_id").is_null()).then(pl.lit("NO_USER"))
        .when(pl.col("transaction_type").is_null()).then(pl.lit("NO_TYPE"))
        .when(_is_too_long(rows)).then(pl.lit("LONG_ID"))
        .when(pl.col("amount").is_null() | (pl.col("amount").abs() > LARGEST_COUNT)).then(pl.lit("BAD_NUMBER"))
        .when(pl.col("_wrong").is_not_null()).then("_wrong")
    )  # fmt: skip
    return rows.with_columns(
        reason=reason,
        model=pl.when(pl.col("transaction_type") == "usage").then("_said"),
        credits=pl.col("amount"),
        paid_micros=pl.when(is_paid).then(sign * pl.col("_paid")),
        currency=pl.when(is_paid).then("_currency"),
        app=pl.lit(None, pl.String()),
    )


def _said(text: str | None) -> _Said:
    try:
        found = json.loads(text) if text and text.strip() else {}
        found = json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError):  # a text may be nested deeper than can be read
        return _Said(wrong="BROKEN_METADATA")
    if found is None:
        return _Said()
    if not isinstance(found, dict):
        return _Said(wrong="BROKEN_METADATA")
    try:
        paid, currency = money(found.get("amount_paid_cents"), found.get("currency"))
    except ValueError:
        told = ", ".join(f"{name} {in_short(found.get(name))}" for name in ("amount_paid_cents", "currency"))
        return _Said(wrong="BAD_MONEY", told=told)
    return _Said(_model(found.get("model_id")), paid, currency)


def in_short(value: Any) -> str:
    """A value as a reject may tell it: a number or a code as it stands; of any other text only how long it is, since
    anything may stand in it."""
    if value is None:
        return "none"
    if isinstance(value, bool | dict | list):
        return {bool: "a truth value", dict: "an object", list: "a list"}[type(value)]
    text = str(value)
    return text if re.fullmatch(_SHORT, text) else f"a text of {len(text):,} characters"


def _model(told: Any) -> str | None:
    text = told.replace("\0", "\N{REPLACEMENT CHARACTER}").strip() if isinstance(told, str) else ""
    if re.fullmatch(_NOTHING, text):
        return None
    return text if is_name(text) and len(text) <= LONGEST["model_id"] else OTHER


def money(value: Any, currency: Any = None) -> tuple[int | None, str | None]:
    """An amount in the smallest unit of its currency (US cents where none is said) → millionths, half-even, and the
    currency in capitals. Raises ``ValueError`` for what is no amount, or below zero, and for what is no currency."""
    amount = amount_of(value)
    if amount is None:
        return None, None
    currency = currency or "USD"
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency.strip()):
        raise ValueError("no currency")
    name = currency.strip().upper()
    micros = round(amount * micros_of_smallest_unit(name))
    if micros > MOST_MICROS:
        raise ValueError("no amount")
    return micros, name


def amount_of(value: Any) -> Decimal | None:
    """A number that is not below zero, or one as text. Raises ``ValueError`` for anything else that is said."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("no amount")
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("no amount") from None
    if not amount.is_finite() or not 0 <= amount < LARGEST_COUNT:
        raise ValueError("no amount")
    return amount


# --- both --------------------------------------------------------------------------------------------


def cleaned(name: str) -> pl.Expr:
    """Without NUL, which PostgreSQL cannot keep, and blanks around it; null where nothing is said."""
    text = pl.col(name).str.replace_all("\0", "\N{REPLACEMENT CHARACTER}", literal=True).str.strip_chars()
    return pl.when(~text.str.contains(_NOTHING)).then(text).alias(name)


def named(name: str) -> pl.Expr:
    """A word of a vocabulary that may grow; what does not read like one (a sentence, an address) is `other`."""
    text = cleaned(name)
    return pl.when(text.str.contains(_NAME)).then(text).when(text.is_not_null()).then(pl.lit(OTHER)).alias(name)


def is_name(text: str) -> bool:
    """Whether it reads like a word of a vocabulary."""
    return re.fullmatch(_NAME, text) is not None


def identified(name: str) -> pl.Expr:
    """An id; null for what does not look like one."""
    text = cleaned(name)
    return pl.when(text.str.contains(f"^{ID}$")).then(text).alias(name)


def _is_too_long(rows: pl.DataFrame) -> pl.Expr:
    known = {name: most for name, most in LONGEST.items() if name in rows.columns}
    return pl.any_horizontal((pl.col(name).str.len_chars() > most).fill_null(False) for name, most in known.items())


def _of(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(polars_schema(contract).keys()).cast(polars_schema(contract))  # type: ignore[arg-type]
