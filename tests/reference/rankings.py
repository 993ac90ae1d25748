"""Who asked most, and for which files: the rankings, and the windows over files (docs/definitions.md, "Rankings",
"Audience")."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date, timedelta

from schemas.contract import Contract
from schemas.rollups import ADDRESSES_DAILY, MEDIA_FILE_TRAILING, USER_AGENTS_DAILY
from tests.reference.application import is_bot
from tests.reference.records import Record, Row, Settings

MOST = 100
MOST_FILES = 1000
WINDOWS = (1, 7, 30)
Group = tuple[date, str]


def row(contract: Contract, world: Settings, *values: object) -> Row:
    return dict(zip(contract.names, (world.tenant, *values), strict=True))


def figures(records: list[Record]) -> tuple[int, int, int]:
    return len(records), sum(r.is_delivery for r in records), sum(r.bytes_sent for r in records)


def top_addresses(requests: list[Record], world: Settings) -> list[Row]:
    rows = []
    for group, named in _named(requests, "address").items():
        kept, rest = _split(named)
        for address in kept:
            edge = min(record.edge for record in named[address])
            rows.append(row(ADDRESSES_DAILY, world, *group, address, edge, 1, *figures(named[address])))
        if rest:
            others = [record for address in rest for record in named[address]]
            rows.append(row(ADDRESSES_DAILY, world, *group, "other", None, len(rest), *figures(others)))
    return rows


def top_agents(requests: list[Record], world: Settings) -> list[Row]:
    rows = []
    for group, named in _named(requests, "agent").items():
        kept, rest = _split(named)
        for agent in [name for name in kept if name != "other"]:
            bot = any(is_bot(record.user_agent) for record in named[agent])
            rows.append(row(USER_AGENTS_DAILY, world, *group, agent, bot, *figures(named[agent])))
        others = [record for agent in {*rest, "other"} for record in named.get(agent, [])]
        if others:
            rows.append(row(USER_AGENTS_DAILY, world, *group, "other", False, *figures(others)))
    return rows


def _named(requests: list[Record], what: str) -> dict[Group, dict[str, list[Record]]]:
    groups: dict[Group, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in requests:
        name = record.address if what == "address" else (record.user_agent or "")[:200]
        if name is not None:
            groups[record.day, record.application][name].append(record)
    return groups


def _split(named: dict[str, list[Record]]) -> tuple[list[str], list[str]]:
    ranked = sorted(named, key=lambda name: (-len(named[name]), name))
    return ranked[:MOST], ranked[MOST:]


def trailing_files(requests: list[Record], days: list[date], world: Settings, *, is_connected: bool) -> list[Row]:
    """The files with the most bytes in windows that end on each day from the first to the last."""
    by_day: dict[date, dict[tuple[str, str], list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in requests:
        if record.key is not None:
            by_day[record.day][record.application, record.key].append(record)
    # Every day that a window from a day with records reaches, as audience_trailing has them.
    ends = sorted({record.day + timedelta(days=n) for record in requests for n in range(max(WINDOWS))})
    rows = []
    for end in (day for day in ends if day <= days[-1]):
        for window in WINDOWS:
            asked: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
            for n in range(window):
                for (application, key), records in by_day.get(end - timedelta(days=n), {}).items():
                    asked[application][key] += records
            for application, keys in asked.items():
                sent = {key: sum(record.bytes_sent for record in records) for key, records in keys.items()}
                for key in sorted(keys, key=lambda key: (-sent[key], key))[:MOST_FILES]:
                    rows.append(_file(end, window, application, key, keys[key], world, is_connected=is_connected))
    return rows


def _file(
    end: date, window: int, application: str, key: str, records: list[Record], world: Settings, *, is_connected: bool
) -> Row:
    _, deliveries, size = figures(records)
    users = len({record.user_id for record in records} - {None}) if is_connected else None
    addresses = len({record.address for record in records} - {None})
    digest = hashlib.sha256(key.encode()).hexdigest()
    named = records[0].media_file_id or ""
    return row(
        MEDIA_FILE_TRAILING, world, end, window, application, digest, named, key, deliveries, size, users, addresses,
        max(record.at for record in records),
    )  # fmt: skip
