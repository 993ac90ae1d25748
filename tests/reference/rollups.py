"""All rollups of a small world, computed record by record (docs/definitions.md from "Records" on).

Plain dicts and sorted lists: what this prints is meant to be checked by eye. Column names come from the contracts,
figures from the definitions; nothing comes from the code under test.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from schemas.contract import Contract
from schemas.rollups import (
    ADDRESSES_DAILY,
    ATTRIBUTION_DAILY,
    AUDIENCE_TRAILING,
    BANDWIDTH_COST_DAILY,
    COUNTRIES_DAILY,
    ENDPOINTS_DAILY,
    ERRORS_DAILY,
    MEDIA_FILE_DAILY,
    MEDIA_FILE_TRAILING,
    RECONCILIATION_DAILY,
    TRAFFIC_DAILY,
    TRAFFIC_HOURLY,
    USER_AGENTS_DAILY,
    USERS_DAILY,
)
from schemas.vocabulary import MATCH_BASES
from tests.reference.application import Database, Outcome, attribute, is_crawler, outcome_of
from tests.reference.lines import read_lines, unpacked
from tests.reference.rankings import top_addresses, top_agents, trailing_files
from tests.reference.records import (
    NOT_AVAILABLE,
    LogObject,
    PriceCard,
    Record,
    Row,
    Settings,
    cap_endpoints,
    is_error,
    mark_deliveries,
    read_objects,
)
from tests.reference.response_times import response_time_tables

__all__ = ["LogObject", "PriceCard", "Settings", "alert_values", "compute"]

WINDOWS = (1, 7, 30)


def without_halves(objects: list[LogObject]) -> list[LogObject]:
    """An object whose bytes are the beginning of another's of its source does not count beside it; one without a line
    is nobody's half."""
    return [
        half
        for half in objects
        if not read_lines(unpacked(half.data))
        or not any(
            whole.source == half.source and len(whole.data) > len(half.data) and whole.data.startswith(half.data)
            for whole in objects
        )
    ]


def compute(objects: Iterable[LogObject], world: Settings, database: Database | None = None) -> dict[str, list[Row]]:
    """Every rollup but the alerts' verdicts (``alert_values``), plus ``days`` (counts a source and day)."""
    records, days = read_objects(without_halves(list(objects)), world)
    outcomes = attribute(records, mark_deliveries(records), world, database or Database())
    requests = [record for record in records if record.is_request]
    cap_endpoints(requests, world.endpoint_cap)
    known, is_connected = sorted({r.day for r in records}), database is not None
    tables = {
        TRAFFIC_HOURLY.name: added(TRAFFIC_HOURLY, records, world, _traffic_of),
        TRAFFIC_DAILY.name: added(TRAFFIC_DAILY, records, world, _traffic_of),
        BANDWIDTH_COST_DAILY.name: costs(requests, world),
        ERRORS_DAILY.name: added(ERRORS_DAILY, [r for r in requests if is_error(r)], world, lambda _: (1,)),
        ENDPOINTS_DAILY.name: added(ENDPOINTS_DAILY, requests, world, _errors_of),
        MEDIA_FILE_DAILY.name: media_files(requests, world),
        COUNTRIES_DAILY.name: added(COUNTRIES_DAILY, requests, world, _delivered_of),
        ATTRIBUTION_DAILY.name: bases(requests, world),
        RECONCILIATION_DAILY.name: reconciliation(requests, outcomes, world) if is_connected else [],
        USERS_DAILY.name: users(requests, world),
        ADDRESSES_DAILY.name: top_addresses(requests, world),
        USER_AGENTS_DAILY.name: top_agents(requests, world),
        AUDIENCE_TRAILING.name: audiences(requests, known, world, is_connected=is_connected),
        MEDIA_FILE_TRAILING.name: trailing_files(requests, known, world, is_connected=is_connected),
        "days": days,
    }
    tables |= response_time_tables(requests, known, world)
    return tables


# --- tables whose measures are sums ------------------------------------------------------------------


def added(
    contract: Contract,
    records: Iterable[Record],
    world: Settings,
    figures_of: Callable[[Record], tuple[int, ...]],
) -> list[Row]:
    """Sums over the contract's grain; ``figures_of`` gives what a record adds to each measure, in their order."""
    grain = attrgetter(*contract.key[1:])
    sums: dict[tuple[Any, ...], list[int]] = {}
    for record in records:
        group, figures = grain(record), figures_of(record)
        held = sums.get(group)
        sums[group] = list(figures) if held is None else [a + b for a, b in zip(held, figures, strict=True)]
    return [_row(contract, world, *group, *sums[group]) for group in sorted(sums)]


def _row(contract: Contract, world: Settings, *values: Any) -> Row:
    return dict(zip(contract.names, (world.tenant, *values), strict=True))


def _traffic_of(record: Record) -> tuple[int, ...]:
    if not record.is_request:
        return 1, 0, 0, 0, 0, 0
    timed = record.http_status is not None and record.total_ms is not None
    return 1, 1, int(record.is_delivery), record.bytes_sent, (record.total_ms or 0) if timed else 0, int(timed)


def _errors_of(record: Record) -> tuple[int, ...]:
    status = record.http_status or 0
    is_misled = 400 <= status < 499 and is_crawler(record.user_agent)
    errors = int(status >= 400)
    return 1, errors, int(errors and not is_misled), int(500 <= status <= 599), int(status == 499), record.bytes_sent


def _delivered_of(record: Record) -> tuple[int, ...]:
    return 1, int(record.is_delivery), record.bytes_sent


def costs(requests: list[Record], world: Settings) -> list[Row]:
    """Bytes by price card, and what they cost: exact, rounded once a row; None without a card."""
    cards: dict[tuple[str, date], PriceCard | None] = {}
    sums: dict[tuple[date, str, str, PriceCard | None], list[int]] = defaultdict(lambda: [0, 0])
    for record in requests:
        when = record.source, record.day
        if when not in cards:
            cards[when] = card_for(*when, world.prices)
        held = sums[record.day, record.application, record.bucket, cards[when]]
        held[0] += 1
        held[1] += record.bytes_sent
    rows = []
    for (day, application, bucket, card), (count, size) in sums.items():
        price = (card.price_id, card.currency) if card else ("", "")
        micros = card.micros(size) if card else None
        rows.append(_row(BANDWIDTH_COST_DAILY, world, day, application, bucket, *price, count, size, micros))
    return _sorted(BANDWIDTH_COST_DAILY, rows)


def card_for(source: str, day: date, cards: Iterable[PriceCard]) -> PriceCard | None:
    """The card of (source, bytes_sent) valid on the day; two are an error of the settings."""
    valid = [card for card in cards if card.is_valid(source, day)]
    if len(valid) > 1:
        raise ValueError(f"{len(valid)} price cards of {source} overlap on {day}")
    return valid[0] if valid else None


def media_files(requests: list[Record], world: Settings) -> list[Row]:
    """Requests that name an object, by object."""
    groups: dict[tuple[date, str, str, str], list[Record]] = defaultdict(list)
    for record in requests:
        if record.key is not None:
            groups[record.day, record.application, record.bucket, record.key].append(record)
    rows = []
    for (day, application, bucket, key), group in groups.items():
        digest = hashlib.sha256(key.encode()).hexdigest()
        sums = [sum(column) for column in zip(*map(_delivered_of, group), strict=True)]
        last_at = max(record.at for record in group)
        file = group[0].media_file_id or ""
        rows.append(_row(MEDIA_FILE_DAILY, world, day, application, bucket, file, digest, key, *sums, last_at))
    return _sorted(MEDIA_FILE_DAILY, rows)


def bases(requests: list[Record], world: Settings) -> list[Row]:
    """What the attribution rests on, and how sure that is."""
    grain: dict[tuple[date, str, str], list[Record]] = defaultdict(list)
    for record in requests:
        grain[record.day, record.application, record.match_basis].append(record)
    return [
        _row(
            ATTRIBUTION_DAILY,
            world,
            *group,
            MATCH_BASES[group[2]],
            *map(sum, zip(*map(_delivered_of, of), strict=True)),
        )
        for group, of in grain.items()
    ]


def reconciliation(requests: list[Record], outcomes: list[Outcome], world: Settings) -> list[Row]:
    """Both sides by outcome and reason: requests, deliveries, events, bytes of the log, bytes of the application."""
    sums: dict[tuple[date, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for record in requests:
        held = sums[record.day, record.application, *outcome_of(record)]
        for place, number in ((0, 1), (1, int(record.is_delivery)), (3, record.bytes_sent)):
            held[place] += number
    for told in outcomes:
        held = sums[told.day, told.application, told.outcome, told.reason]
        held[2] += 1
        held[4] += told.event.app_bytes or 0
    return [_row(RECONCILIATION_DAILY, world, *group, *held) for group, held in sums.items()]


def users(requests: list[Record], world: Settings) -> list[Row]:
    """What each known user was served."""
    grain: dict[tuple[date, str, str], list[Record]] = defaultdict(list)
    for record in requests:
        if record.user_id is not None:
            grain[record.day, record.application, record.user_id].append(record)
    return [
        _row(USERS_DAILY, world, *group, *map(sum, zip(*map(_delivered_of, of), strict=True)), max(r.at for r in of))
        for group, of in grain.items()
    ]


def _sorted(contract: Contract, rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row[name] for name in contract.key))


# --- audience and checks -----------------------------------------------------------------------------


@dataclass(slots=True)
class Audience:
    """Who asked, over some days: distinct addresses, requests with one, and how many of these came from an edge;
    distinct users, and deliveries to one."""

    addresses: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    user_deliveries: int = 0
    requests: int = 0
    from_edges: int = 0
    is_edge_known: bool = False

    def add(self, record: Record) -> None:
        if record.user_id is not None:
            self.users.add(record.user_id)
            self.user_deliveries += record.is_delivery
        if record.address is None:
            return
        self.addresses.add(record.address)
        self.requests += 1
        self.from_edges += record.edge == "edge"
        self.is_edge_known |= record.edge != NOT_AVAILABLE

    def merge(self, other: Audience) -> None:
        self.addresses |= other.addresses
        self.users |= other.users
        self.user_deliveries += other.user_deliveries
        self.requests += other.requests
        self.from_edges += other.from_edges
        self.is_edge_known |= other.is_edge_known

    @property
    def is_behind_cdn(self) -> bool | None:
        return self.from_edges * 2 >= self.requests if self.is_edge_known else None


def audiences(requests: list[Record], days: list[date], world: Settings, *, is_connected: bool) -> list[Row]:
    """Windows that end on each day from the first to the last, for every group with an address in them."""
    by_day: dict[date, dict[str, Audience]] = defaultdict(lambda: defaultdict(Audience))
    for record in requests:
        for application in (record.application, "*"):
            by_day[record.day][application].add(record)
    rows = []
    for last in sorted({day + timedelta(days=n) for day in by_day for n in range(max(WINDOWS))}):
        for window in WINDOWS if last <= days[-1] else ():
            for application, group in _merged(by_day, last, window).items():
                if not group.addresses:
                    continue
                known = (len(group.users), group.user_deliveries) if is_connected else (None, None)
                figures = len(group.addresses), *known, group.is_behind_cdn
                rows.append(_row(AUDIENCE_TRAILING, world, last, application, window, *figures))
    return _sorted(AUDIENCE_TRAILING, rows)


def _merged(by_day: dict[date, dict[str, Audience]], last: date, window: int) -> dict[str, Audience]:
    merged: dict[str, Audience] = defaultdict(Audience)
    for n in range(window):
        for application, group in by_day.get(last - timedelta(days=n), {}).items():
            merged[application].merge(group)
    return merged


def alert_values(tables: dict[str, list[Row]], world: Settings) -> list[Row]:
    """The five checks' values of each day with a record; None where the value is not available. ``days`` of the tables
    say which are final."""
    costs_daily = tables[BANDWIDTH_COST_DAILY.name]
    totals: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for row in tables[ENDPOINTS_DAILY.name]:
        summed = {name: row[name] for name in ("requests", "errors_without_crawlers", "bytes_sent")}
        totals[row["tenant"], row["day"]].update(summed)
    timed = {r["day"]: r for r in tables["response_time_daily"] if _is_overall(r) and r["measure"] == "total"}
    addresses = {
        r["day"]: r["unique_addresses"]
        for r in tables[AUDIENCE_TRAILING.name]
        if r["application"] == "*" and r["window_days"] == 1
    }
    rows = []
    for tenant, day in sorted({(row["tenant"], row["day"]) for row in tables[TRAFFIC_DAILY.name]}):
        total = totals[tenant, day]
        known = known_hours(tables, day, ZoneInfo(world.time_zone))
        values = {
            "daily_bandwidth": float(total["bytes_sent"]),
            "error_rate": total["errors_without_crawlers"] / total["requests"] if total["requests"] else None,
            "monthly_budget": _budgeted(costs_daily, day, world.budget, known),
            "response_time_p95": float(timed[day]["p95_ms"]) if day in timed else None,
            "unique_addresses": addresses.get(day, 0),
        }
        samples = {"response_time_p95": timed[day]["observations"] if day in timed else 0}
        is_any = world.budget and any(_is_of(row, day) and _tells(row, world.budget[1]) for row in costs_daily)
        samples["monthly_budget"] = sum(known.values()) if is_any else 0
        rows += [
            {
                "tenant": tenant,
                "day": day,
                "rule": rule,
                "check_group": "*",
                "value": value,
                "sample": samples.get(rule, total["requests"]),
            }
            for rule, value in values.items()
        ]
    return rows


def _is_overall(row: Row) -> bool:
    return bool(row["application"] == "*" and row["operation_class"] == "*")


def known_hours(tables: dict[str, list[Row]], day: date, zone: ZoneInfo) -> dict[date, int]:
    """Of each day of the month until a day that is known, how many hours: 24, of the first day those since its first
    log (of a day with 25, 24). Known are those from the first log to the last final day, final or without any log."""
    states: dict[date, set[str]] = defaultdict(set)
    for row in tables["days"]:
        states[row["day"]].add(row["state"])
    first_log = min(row["hour_at"] for row in tables[TRAFFIC_HOURLY.name])
    first, final = first_log.astimezone(zone).date(), {each for each, of in states.items() if of == {"final"}}
    midnight = datetime.combine(first + timedelta(days=1), time(), zone).astimezone(UTC)
    hours = {first: min((midnight - first_log) // timedelta(hours=1), 24)}
    return {
        each: hours.get(each, 24)
        for each in (day.replace(day=1) + timedelta(days=number) for number in range(day.day))
        if first <= each <= max(final, default=date.min) and (each in final or each not in states)
    }


def _is_of(cost: Row, day: date) -> bool:
    """Whether a cost is of the month so far."""
    return bool(cost["day"].replace(day=1) == day.replace(day=1) and cost["day"] <= day)


def _tells(cost: Row, currency: str) -> bool:
    """Whether a cost says anything of a budget: it is in its currency, or something that is not counted."""
    return bool(cost["currency"] == currency or cost["cost_micros"] or (not cost["currency"] and cost["bytes_sent"]))


def _budgeted(
    costs_daily: list[Row], day: date, budget: tuple[int, str] | None, known: dict[date, int]
) -> float | None:
    """The month's cost in the budget's currency at the pace of the known days, or what was spent where fewer than 24
    hours are known and 80 % of the budget are gone. None where that is fine and another part is not counted."""
    if budget is None:
        return None
    limit, currency = budget
    so_far = [row for row in costs_daily if _is_of(row, day) and _tells(row, currency)]
    own, hours = [row for row in so_far if row["currency"] == currency], sum(known.values())
    spent: int = sum(row["cost_micros"] for row in own)
    micros: int = sum(row["cost_micros"] for row in own if row["day"] in known)
    month = monthrange(day.year, day.month)[1] * 24
    projected = max(micros * month, spent * hours) / (hours * 10**6) if hours >= 24 and so_far else None
    beyond = [each for each in (projected, spent / 10**6) if each is not None and each > 0.8 * limit / 10**6]
    return (beyond or [projected if len(own) == len(so_far) else None])[0]
