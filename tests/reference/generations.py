"""The rollups of generating systems, computed event by event (docs/definitions.md, "Generations").

Plain dicts and sorted lists. Column names come from the contracts, figures from the definitions; nothing comes from
the code under test.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from schemas.contract import Contract
from schemas.generations import (
    ACTIVE_USERS_TRAILING,
    APP_ERRORS_DAILY,
    AUTH_DAILY,
    CREDITS_DAILY,
    GENERATED_FILES_DAILY,
    GENERATION_FAILURES,
    GENERATION_TIME_BUCKETS_HOURLY,
    GENERATION_TIME_DAILY,
    GENERATION_USERS_DAILY,
    GENERATIONS_DAILY,
    GENERATIONS_HOURLY,
)
from schemas.vocabulary import histogram_edges
from tests.reference.charges import Made, PriceReading, Settings, charged, costed, distinct, without_twins
from tests.reference.palette_rows import APP_ERROR, CREDIT, GENERATION, SIGN_IN, Event, Row

__all__ = ["PriceReading", "Settings", "compute", "money_daily"]

WINDOWS = (1, 7, 30)


def compute(events: Iterable[Event], world: Settings) -> dict[str, list[Row]]:
    """Every table of the family, and the trailing users."""
    by_day: dict[date, list[Event]] = defaultdict(list)
    every = without_twins(events)
    for event in every:
        by_day[world.day_of(event.at)].append(event)
    tables: dict[str, list[Row]] = defaultdict(list)
    for day, of_day in sorted(by_day.items()):
        made = costed(charged(every, of_day, world.begin_of(day)), world)
        kinds = {kind: [e for e in distinct(of_day) if e.kind == kind] for kind in (CREDIT, SIGN_IN, APP_ERROR)}
        for contract, rows in _rollups(day, made, kinds, world).items():
            tables[contract.name] += [{"tenant": world.tenant, **row} for row in rows]
    counting = [event for of_day in by_day.values() for event in distinct(of_day) if event.kind == GENERATION]
    tables[ACTIVE_USERS_TRAILING.name] = _active_users(counting, world)
    return {contract.name: _sorted(contract, tables[contract.name]) for contract in _CONTRACTS}


_CONTRACTS = (
    GENERATIONS_HOURLY, GENERATIONS_DAILY, GENERATION_TIME_DAILY, GENERATION_TIME_BUCKETS_HOURLY, GENERATION_FAILURES,
    GENERATED_FILES_DAILY, CREDITS_DAILY, GENERATION_USERS_DAILY, AUTH_DAILY, APP_ERRORS_DAILY, ACTIVE_USERS_TRAILING,
)  # fmt: skip


def _rollups(day: date, made: list[Made], kinds: dict[str, list[Event]], world: Settings) -> dict[Contract, list[Row]]:
    hourly = _sums([(_hour(each.event.at), each) for each in made], "hour_at", world)
    return {
        GENERATIONS_HOURLY: hourly,
        GENERATIONS_DAILY: _sums([(day, each) for each in made], "day", world),
        GENERATION_TIME_DAILY: [{"day": day, **row} for row in _times(made, world)],
        GENERATION_TIME_BUCKETS_HOURLY: _buckets(made, world),
        GENERATION_FAILURES: [{"day": day, **row} for row in _failures(made, world)],
        GENERATED_FILES_DAILY: [{"day": day, **row} for row in _files(made, world)],
        CREDITS_DAILY: [{"day": day, **row} for row in _credits(kinds[CREDIT], world)],
        GENERATION_USERS_DAILY: _users(day, made, kinds, world),
        AUTH_DAILY: _counted(day, kinds[SIGN_IN], ("action",), "events", world),
        APP_ERRORS_DAILY: _counted(day, kinds[APP_ERROR], ("severity", "error_type"), "errors", world),
    }


# --- tables ------------------------------------------------------------------------------------------


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _place(event: Event, world: Settings) -> Row:
    return {"application": world.application_of(event), "source": event.source}


def _sums(timed: list[tuple[Any, Made]], time: str, world: Settings) -> list[Row]:
    rows: dict[tuple[Any, ...], Row] = {}
    for when, each in timed:
        said = each.event.said
        place = {
            time: when, **_place(each.event, world), "model": said["model"],
            "generation_type": said["generation_type"], "style": "", "difficulty": "", "status": said["status"],
            "currency": each.currency,
        }  # fmt: skip
        row = rows.setdefault(tuple(place.values()), {**place, **dict.fromkeys(GENERATIONS_DAILY.measures, 0)})
        credits = (said["credits"] or 0) if each.is_charge else 0
        row["generations"] += 1
        row["outputs"] += said["status"] == "completed"
        row["duration_ms_sum"] += said["duration_ms"] or 0
        row["duration_count"] += said["duration_ms"] is not None
        row["slow_generations"] += (said["duration_ms"] or 0) > (
            180_000 if said["generation_type"] == "video" else 30_000
        )
        row["credits_charged"] += credits
        row["cost_micros"] += each.cost or 0
        row["uncosted"] += each.is_uncosted
    if time == "day":
        for row in rows.values():
            mine = {name: row[name] for name in ("application", "source", "model")}
            named = [each.event.said["model_name"] for _, each in timed if mine == _model_of(each.event, world)]
            row["model_name"] = max((name for name in named if name), default=None)
    return list(rows.values())


def _model_of(event: Event, world: Settings) -> Row:
    return {**_place(event, world), "model": event.said["model"]}


def _timed(made: list[Made]) -> list[Event]:
    return [
        each.event
        for each in made
        if each.event.said["status"] == "completed" and each.event.said["duration_ms"] is not None
    ]


def _times(made: list[Made], world: Settings) -> list[Row]:
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for event in _timed(made):
        for model in ("*", event.said["model"]):
            groups[world.application_of(event), event.source, model].append(event.said["duration_ms"])
    rows = []
    for (application, source, model), times in groups.items():
        times.sort()
        ranks = {f"p{p}_ms": times[(len(times) * p + 99) // 100 - 1] for p in (50, 90, 95, 99)}
        rows.append({
            "application": application, "source": source, "model": model, "style": "*", "observations": len(times),
            "mean_ms": _half_even(sum(times), len(times)), **ranks, "max_ms": times[-1],
        })  # fmt: skip
    return rows


def _half_even(total: int, count: int) -> int:
    whole, rest = divmod(total, count)
    return whole + (2 * rest > count or (2 * rest == count and whole % 2 == 1))


def _buckets(made: list[Made], world: Settings) -> list[Row]:
    edges = histogram_edges()
    counts: Counter[tuple[Any, ...]] = Counter()
    for event in _timed(made):
        upper = edges[bisect_left(edges, event.said["duration_ms"])]
        place = world.application_of(event), event.source
        counts[(_hour(event.at), *place, event.said["model"], "", upper)] += 1
    names = GENERATION_TIME_BUCKETS_HOURLY.names[1:]
    return [dict(zip(names, (*group, count), strict=True)) for group, count in counts.items()]


def _failures(made: list[Made], world: Settings) -> list[Row]:
    rows = []
    for event in (each.event for each in made if each.event.said["status"] == "failed"):
        said = event.said
        rows.append({
            **_place(event, world), "event_id": event.event_id,
            "failed_at": event.at + timedelta(milliseconds=said["duration_ms"] or 0), "user_id": event.user_id,
            "model": said["model"], "generation_type": said["generation_type"], "error_type": said["error_type"],
            "message": None if said["message"] is None else world.redact(said["message"]),
        })  # fmt: skip
    return rows


def _files(made: list[Made], world: Settings) -> list[Row]:
    rows: dict[tuple[str, str, str], Row] = {}
    for event in sorted((each.event for each in made), key=lambda each: (each.at, each.event_id)):
        said = event.said
        if said["status"] == "completed" and said["media_file_id"] is not None:
            named = {name: said[name] for name in ("media_file_id", "model", "generation_type")}
            fresh = {**_place(event, world), **named, "generations": 0}
            rows.setdefault((*_place(event, world).values(), said["media_file_id"]), fresh)["generations"] += 1
    return list(rows.values())


def _credits(moved: list[Event], world: Settings) -> list[Row]:
    rows: dict[tuple[Any, ...], Row] = {}
    for event in moved:
        said = event.said
        place = {
            **_place(event, world), "transaction_type": said["transaction_type"], "model": said["model"] or "",
            "currency": said["currency"] or "",
        }  # fmt: skip
        row = rows.setdefault(tuple(place.values()), {**place, "transactions": 0, "credits": 0, "paid_micros": 0})
        row["transactions"] += 1
        row["credits"] += said["credits"]
        row["paid_micros"] += said["paid_micros"] or 0
    return list(rows.values())


def _users(day: date, made: list[Made], kinds: dict[str, list[Event]], world: Settings) -> list[Row]:
    rows: dict[tuple[Any, ...], Row] = {}

    def row_of(event: Event, currency: str) -> Row:
        place = {"day": day, **_place(event, world), "user_id": event.user_id, "currency": currency}
        fresh = {**place, "week_first_day": day - timedelta(days=day.weekday())}
        fresh |= dict.fromkeys(GENERATION_USERS_DAILY.measures, 0)
        return rows.setdefault(tuple(place.values()), fresh)

    for each in made:
        event, row = each.event, row_of(each.event, "")
        row["generations"] += 1
        row["failed_generations"] += event.said["status"] == "failed"
        row["outputs"] += event.said["status"] == "completed"
        row["credits_charged"] += (event.said["credits"] or 0) if each.is_charge else 0
        row["uncosted"] += each.is_uncosted
        if each.cost is not None:
            row_of(event, each.currency)["cost_micros"] += each.cost
    for event in kinds[CREDIT]:
        row, said = row_of(event, event.said["currency"] or ""), event.said
        if said["transaction_type"] in ("usage", "refund") and said["paid_micros"] is None:
            row["credits_spent"] -= said["credits"]
        row["paid_micros"] += said["paid_micros"] or 0
        row["purchases"] += said["transaction_type"] == "purchase"
    for event in kinds[SIGN_IN]:
        if event.said["action"] == "signup" and event.user_id is not None:
            row_of(event, "")["sign_ups"] += 1
    for row in rows.values():
        if row["source"] in world.without_usage:
            row["credits_spent"] = None
    return list(rows.values())


def _counted(day: date, events: list[Event], names: tuple[str, ...], measure: str, world: Settings) -> list[Row]:
    counts = Counter((*_place(event, world).values(), *(event.said[name] for name in names)) for event in events)
    return [
        dict(zip(("day", "application", "source", *names, measure), (day, *group, count), strict=True))
        for group, count in counts.items()
    ]


def _active_users(made: list[Event], world: Settings) -> list[Row]:
    """On each day from the first to the last with a generation, of whatever source."""
    seen = {((world.application_of(e), e.source), e.user_id, world.day_of(e.at)) for e in made}
    if not seen:
        return []
    first: dict[tuple[tuple[str, str], str | None], date] = {}
    for place, user, day in sorted(seen, key=lambda each: each[2]):
        first.setdefault((place, user), day)
    begin, end = min(day for *_, day in seen), max(day for *_, day in seen)
    rows = []
    for day in (begin + timedelta(days=n) for n in range((end - begin).days + 1)):
        for window in WINDOWS:
            since = day - timedelta(days=window - 1)
            users = {(place, user) for place, user, on in seen if since <= on <= day}
            for place in sorted({place for place, _ in users}):
                mine = [who for who in users if who[0] == place]
                knows = any(of == place and on < since for of, _, on in seen)
                rows.append({
                    "tenant": world.tenant, "day": day, "application": place[0], "source": place[1],
                    "window_days": window, "active_users": len(mine),
                    "new_users": sum(first[who] >= since for who in mine) if knows else None,
                })  # fmt: skip
    return rows


def _sorted(contract: Contract, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [row[name] for name in contract.key])


# --- money -------------------------------------------------------------------------------------------


def money_daily(tables: Mapping[str, list[Row]], bandwidth: Iterable[Row] = ()) -> list[Row]:
    """tenant, day, application, kind, currency, amount_micros: signed, None where a side of it is not known; beside it
    how many charges (uncosted) and bytes (unpriced_bytes) nobody knows the cost of.

    ``bandwidth``: rows of bandwidth_cost_daily."""
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    unknown: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)

    def add(row: Row, kind: str, amount: int | None, **unpriced: int) -> None:
        place = row["tenant"], row["day"], row["application"], kind, row["currency"]
        sums[place] += amount or 0
        if amount is None:
            unknown[place].update(unpriced)

    for row in bandwidth:
        cost = row["cost_micros"]
        add(row, "bandwidth", None if cost is None else -cost, unpriced_bytes=row["bytes_sent"])
    for row in tables[CREDITS_DAILY.name]:
        if row["currency"] and row["transaction_type"] in ("purchase", "refund"):
            add(row, "revenue" if row["transaction_type"] == "purchase" else "refund", row["paid_micros"])
    for row in tables[GENERATIONS_DAILY.name]:
        if row["currency"]:
            add(row, "provider", -row["cost_micros"])
        elif row["uncosted"]:
            add(row, "provider", None, uncosted=row["uncosted"])
    names = ("tenant", "day", "application", "kind", "currency", "amount_micros", "uncosted", "unpriced_bytes")
    rows = [
        (
            *place,
            None if place in unknown else amount,
            *(unknown[place][name] if place in unknown else 0 for name in names[6:]),
        )
        for place, amount in sums.items()
    ]
    return [dict(zip(names, row, strict=True)) for row in sorted(rows, key=lambda row: row[:5])]
