"""From generations, credits, sign-ins and errors to the rollups of a day. Nothing here depends on the order of rows.

Every frame of events has ``source``, ``application`` and ``told_at`` (when its file was written; null for tables)
beside the columns of its contract; an event that comes twice in one source counts once, in the version that
knows best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from mediameter.metering.durations import bucketed, percentiles
from mediameter.metering.rollups import LARGEST_SUM, finished
from schemas import generations as tables
from schemas.contract import Contract
from schemas.outcomes import is_slow
from schemas.vocabulary import ALL, CHARGE_GAP_S, TWINS_S

CHARGE_GAP, TWINS = timedelta(seconds=CHARGE_GAP_S), timedelta(seconds=TWINS_S)
_EVENT = ["source", "event_id"]
_PLACE = ["application", "source"]
_WHO = ["source", "user_id", "charge_id"]
_COSTED = ("completed",)
_PENDING = ("pending", "stale")
TOLD_AT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Events:
    """Of one day, in any order; ``generations`` from CHARGE_GAP before it, since a charge counts at the first of those
    that share it. ``prices``: schemas.generations.MODEL_PRICES. ``without_usage``: sources that tell of credits only
    what was bought."""

    generations: pl.DataFrame
    credits: pl.DataFrame
    sign_ins: pl.DataFrame
    app_errors: pl.DataFrame
    prices: pl.DataFrame
    without_usage: frozenset[str] = frozenset()


def rolled_up(
    events: Events, *, tenant: str, day: date, begin: datetime, end: datetime
) -> dict[Contract, pl.DataFrame]:
    """The family of one reporting day from ``begin`` to before ``end``, each frame sorted by its key.

    Raises ``OverflowError`` when a sum does not fit into 63 bits.
    """
    made = _within(_charged(_with_the_hour_before(events.generations, begin, end)), begin, end)
    made = _costed(made.with_columns(hour_at=pl.col("at").dt.truncate("1h")), events.prices)
    moved, signed, failed = (
        distinct(_within(each, begin, end)) for each in (events.credits, events.sign_ins, events.app_errors)
    )
    timed = made.filter((pl.col("status") == "completed") & pl.col("duration_ms").is_not_null())
    counts = timed.group_by("hour_at", *_PLACE, "model", "style", ms="duration_ms").agg(count=pl.len().cast(pl.Int64))
    hourly = _summed(made, tables.GENERATIONS_HOURLY.key[1:])
    frames = {
        tables.GENERATIONS_HOURLY: hourly,
        tables.GENERATIONS_DAILY: _daily(hourly, made),
        tables.GENERATION_TIME_DAILY: _times(counts),
        tables.GENERATION_TIME_BUCKETS_HOURLY: bucketed(counts, ["hour_at", *_PLACE, "model", "style"]),
        tables.GENERATION_FAILURES: _failures(made),
        tables.GENERATED_FILES_DAILY: _files(made),
        tables.CREDITS_DAILY: _credits(moved),
        tables.GENERATION_USERS_DAILY: _users(made, moved, signed, day, events.without_usage),
        tables.AUTH_DAILY: signed.group_by(*_PLACE, "action").agg(events=pl.len().cast(pl.Int64)),
        tables.APP_ERRORS_DAILY: failed.group_by(*_PLACE, "severity", "error_type").agg(errors=pl.len().cast(pl.Int64)),
    }
    for frame in frames.values():
        _refuse_overflow(frame)
    return {contract: finished(frame, contract, tenant, day) for contract, frame in frames.items()}


def distinct(events: pl.DataFrame) -> pl.DataFrame:
    """One row a source and event id: the version that knows best."""
    if not _are_repeated(events):
        return events
    return _best_first(events).unique(_EVENT, keep="first", maintain_order=True)


def without_twins(events: pl.DataFrame) -> pl.DataFrame:
    """The versions that none knows better than less than TWINS away: an id that is told on two days counts on one.
    Versions of a row of a table (``told_at`` is null) are its day's alone, which is read whole."""
    if not _are_repeated(events):
        return events
    ranked = _best_first(events).with_columns(rank=pl.int_range(pl.len()))
    windows = (
        ranked.filter(pl.col("told_at").is_not_null())
        .sort("at")
        .rolling(index_column="at", period=2 * TWINS, offset=-TWINS, closed="none", group_by=_EVENT)
    )
    best = windows.agg(best=pl.col("rank").min()).unique([*_EVENT, "at"])
    rows = ranked.join(best, on=[*_EVENT, "at"], how="left")
    return rows.filter(pl.col("best").is_null() | (pl.col("best") == pl.col("rank"))).drop("rank", "best")


def _are_repeated(events: pl.DataFrame) -> bool:
    return bool(events.select(pl.struct(_EVENT).is_duplicated().any()).item())


def _best_first(events: pl.DataFrame) -> pl.DataFrame:
    """Versions of one event, the one that knows best first (docs/definitions.md, Event files). What is over goes before
    what is pending; then what was written last; of one file the earliest, and what says most."""
    is_pending = [pl.col("status").is_in(_PENDING)] if "status" in events.columns else []
    rest = [name for name in events.columns if name not in ("source", "event_id", "told_at", "at")]
    order: list[pl.Expr] = [pl.col("source"), pl.col("event_id"), *is_pending, *map(pl.col, ("told_at", "at", *rest))]
    descending = [False, False, *(False for _ in is_pending), True, *(False for _ in ["at", *rest])]
    return events.sort(order, descending=descending, nulls_last=True)


def _with_the_hour_before(made: pl.DataFrame, begin: datetime, end: datetime) -> pl.DataFrame:
    """What counts of the day, and of the hour before it, which tells the charges that go on; each without what comes
    twice in it. Nothing earlier is looked at: a day would depend on more than makes it dirty."""
    return pl.concat(distinct(_within(made, *bounds)) for bounds in ((begin - CHARGE_GAP, begin), (begin, end)))


def _within(events: pl.DataFrame, begin: datetime, end: datetime) -> pl.DataFrame:
    return events.filter(pl.col("at") >= begin, pl.col("at") < end)


def _charged(made: pl.DataFrame) -> pl.DataFrame:
    """Adds ``is_charge``: the first of those that share a charge, and whatever shares none."""
    rows = made.sort(*_WHO, "at", "event_id")
    goes_on = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in _WHO)
    is_near = pl.col("at") - pl.col("at").shift() <= CHARGE_GAP
    return rows.with_columns(is_charge=~(goes_on & is_near).fill_null(False))


def _costed(made: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Adds ``cost``, its ``currency`` ('' where none is known) and ``is_uncosted``: what the system says, else the
    price of the model that held on the UTC day; the first price that is known holds for all days before."""
    first = prices.sort("valid_from_day").unique(["source", "model"], keep="first", maintain_order=True)
    since = pl.concat([first.with_columns(valid_from_day=pl.lit(date.min)), prices]).select(
        "source", "model", "valid_from_day", model_cost="cost_micros", model_currency="currency"
    )
    rows = made.with_columns(utc_day=pl.col("at").dt.date()).sort("utc_day")
    rows = rows.join_asof(
        since.unique(["source", "model", "valid_from_day"], keep="last").sort("valid_from_day"),
        left_on="utc_day", right_on="valid_from_day", by=["source", "model"], check_sortedness=False,
    )  # fmt: skip
    is_billed = pl.col("is_charge") & pl.col("status").is_in(_COSTED)
    own = pl.col("cost_micros").is_not_null()
    cost = pl.when(pl.col("is_charge") & own).then("cost_micros").when(is_billed).then("model_cost")
    currency = pl.when(own).then("currency").when(is_billed & pl.col("model_cost").is_not_null()).then("model_currency")
    return rows.with_columns(
        cost=cost,
        currency=currency.fill_null(""),
        is_uncosted=is_billed & cost.is_null(),
        style=pl.col("style").fill_null(""),
        difficulty=pl.col("difficulty").fill_null(""),
    )


_CHARGED = pl.col("credits_charged").filter("is_charge").sum()
_UNCOSTED = pl.col("is_uncosted").sum().cast(pl.Int64)


def _summed(made: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    return made.group_by(group).agg(
        generations=pl.len().cast(pl.Int64),
        outputs=pl.col("outputs").sum(),
        duration_ms_sum=pl.col("duration_ms").sum(),
        duration_count=pl.col("duration_ms").count().cast(pl.Int64),
        slow_generations=is_slow().sum().cast(pl.Int64),
        credits_charged=_CHARGED,
        tokens_in=pl.col("tokens_in").sum(),
        tokens_out=pl.col("tokens_out").sum(),
        cost_micros=pl.col("cost").sum(),
        uncosted=_UNCOSTED,
    )


def _added(frame: pl.DataFrame, group: Sequence[str], measures: Sequence[str]) -> pl.DataFrame:
    return frame.group_by(group).agg(pl.col(name).sum() for name in measures)


def _daily(hourly: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    contract, model = tables.GENERATIONS_DAILY, [*_PLACE, "model"]
    names = made.group_by(model).agg(pl.col("model_name").max())
    return _added(hourly, contract.key[2:], contract.measures).join(names, on=model, how="left")


def _times(counts: pl.DataFrame) -> pl.DataFrame:
    """Percentiles of all, of each model, and, where styles are known, of each style and of both."""
    every = {name: pl.lit(ALL).alias(name) for name in ("model", "style")}
    styled = counts.filter(pl.col("style") != "")
    sets = (
        counts.with_columns(every.values()), counts.with_columns(every["style"]), styled.with_columns(every["model"]),
        styled,
    )  # fmt: skip
    return pl.concat(percentiles(each, [*_PLACE, "model", "style"]) for each in sets)


def _failures(made: pl.DataFrame) -> pl.DataFrame:
    lasted = pl.duration(milliseconds=pl.col("duration_ms").fill_null(0))
    return made.filter(pl.col("status") == "failed").with_columns(failed_at=pl.col("at") + lasted)


def _files(made: pl.DataFrame) -> pl.DataFrame:
    """Of a file that several say they made, the earliest (at one instant: the least id) has it."""
    named = made.filter((pl.col("status") == "completed") & pl.col("media_file_id").is_not_null())
    group = named.sort("at", "event_id").group_by(*_PLACE, "media_file_id", maintain_order=True)
    return group.agg(pl.col("model", "generation_type").first(), generations=pl.len().cast(pl.Int64))


def _credits(moved: pl.DataFrame) -> pl.DataFrame:
    rows = moved.with_columns(pl.col("model").fill_null(""), pl.col("currency").fill_null(""))
    return rows.group_by(*_PLACE, "transaction_type", "model", "currency").agg(
        transactions=pl.len().cast(pl.Int64), credits=pl.col("credits").sum(), paid_micros=pl.col("paid_micros").sum()
    )


def _users(
    made: pl.DataFrame, moved: pl.DataFrame, signed: pl.DataFrame, day: date, without_usage: frozenset[str]
) -> pl.DataFrame:
    group = [*_PLACE, "user_id", "currency"]
    none = pl.lit("").alias("currency")
    is_usage = pl.col("transaction_type").is_in(("usage", "refund")) & pl.col("paid_micros").is_null()
    sides = (
        made.with_columns(none).group_by(group).agg(
            generations=pl.len().cast(pl.Int64),
            failed_generations=(pl.col("status") == "failed").sum().cast(pl.Int64),
            outputs=pl.col("outputs").sum(),
            credits_charged=_CHARGED,
            uncosted=_UNCOSTED,
        ),
        made.filter(pl.col("cost").is_not_null()).group_by(group).agg(cost_micros=pl.col("cost").sum()),
        moved.with_columns(pl.col("currency").fill_null("")).group_by(group).agg(
            credits_spent=-pl.col("credits").filter(is_usage).sum(),
            paid_micros=pl.col("paid_micros").sum(),
            purchases=(pl.col("transaction_type") == "purchase").sum().cast(pl.Int64),
        ),
        signed.filter(pl.col("action") == "signup").with_columns(none).group_by(group).agg(
            sign_ups=pl.len().cast(pl.Int64)
        ),
    )  # fmt: skip
    measures = tables.GENERATION_USERS_DAILY.measures
    rows = pl.concat(sides, how="diagonal").filter(pl.col("user_id").is_not_null())
    spent = pl.when(~pl.col("source").is_in(without_usage)).then("credits_spent").alias("credits_spent")
    monday = day - timedelta(days=day.weekday())
    return _added(rows, group, measures).with_columns(spent, week_first_day=pl.lit(monday))


def _refuse_overflow(frame: pl.DataFrame) -> None:
    """A sum of integers wraps silently; a bill must not."""
    totals = frame.select(pl.col(pl.Int64).cast(pl.Int128).abs().sum()).to_dict(as_series=False)
    for name, [total] in totals.items():
        if total > LARGEST_SUM:
            raise OverflowError(f"{name} adds up to {total:,}, more than a database holds")
