"""A site of which it is known that log and application agree: every view is an event, and a line where no cache
answers it. What is taken away from either afterwards is a loss that has to be found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

import polars as pl

from mediameter.metering.catalogue import FILES, Catalogue, files_by_key
from mediameter.metering.deliveries import READS, folded, requests_of, with_deliveries
from mediameter.metering.reconciliation import agreement, reconciled, together
from mediameter.metering.rollups import READS as OF_PARTS
from mediameter.metering.rollups import clients, parts
from mediameter.metering.viewers import VIEWER, Known
from mediameter.settings.models import Attribution
from parsers.access_log.dialects import begins
from schemas.events import EVENT
from schemas.frames import polars_schema
from schemas.records import RECORD
from schemas.vocabulary import NOT_COMPARED, UNEXPLAINED

BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
REFERERS = {"shop.example": "shop"}
BROWSER, BOT = "Mozilla/5.0 (X11)", "ExampleBot/1.0"
PEOPLE, VIEWS, EDGES = 500, 5000, 8
CDN_KEEPS_S, BROWSER_KEEPS_S = 7000, 1200
By = Literal["viewer", "file"]
"""Who decides whether a view comes through the CDN: the address that a viewer uses, or the file's own."""


@dataclass(frozen=True, slots=True)
class Shop:
    records: pl.DataFrame
    events: pl.DataFrame
    files: int


def shop(seed: int, edges: float, by: By, files: int) -> Shop:
    """A day of views in order of time, ``edges`` of them through the CDN. Few files are cached most."""
    rng = Random(f"{seed} {edges} {by} {files}")
    through = {
        "viewer": [rng.random() < edges for _ in range(PEOPLE)],
        "file": [rng.random() < edges for _ in range(files)],
    }[by]
    log, events = _Log(rng), list[dict[str, Any]]()
    fetched: dict[tuple[str, int], float] = {}
    for second in sorted(rng.triangular(0, 86_000, 68_000) for _ in range(VIEWS)):
        person, file = rng.randrange(PEOPLE), int(files * rng.random() ** 3)
        events.append(_event(len(events), second + rng.uniform(-1, 1), file, person))
        if second - fetched.get((f"person-{person}", file), -1e9) < BROWSER_KEEPS_S:
            continue
        fetched[f"person-{person}", file] = second
        if not through[person if by == "viewer" else file]:
            log.get(second, file, f"person-{person}", "direct")
        elif second - fetched.get(("cdn", file), -1e9) >= CDN_KEEPS_S:
            fetched["cdn", file] = second
            log.get(second, file, f"edge-{rng.randrange(EDGES)}", "edge")
        if rng.random() < 0.1:
            log.aside(second, int(files * rng.random()))
    return Shop(pl.DataFrame(log.rows, schema=_RECORD), pl.DataFrame(events, schema=polars_schema(EVENT)), files)


_RECORD = {name: polars_schema(RECORD)[name] for name in dict.fromkeys((*OF_PARTS, *READS))}


class _Log:
    """Lines. A class for its generator and the lines themselves."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.rows = rng, list[dict[str, Any]]()

    def get(self, second: float, file: int, address: str, edge: str, **more: Any) -> None:
        at = BEGIN + timedelta(seconds=int(second) + self.rng.choice((0, 0, 0, 1, 4)))
        began = int(BEGIN.timestamp() + second)
        status = 200 if second % 5 > 1 else 206
        row = dict.fromkeys(_RECORD) | {
            "object_id": 1, "line_number": len(self.rows), "line_hash": len(self.rows), "at": at, "bucket": "media",
            "request_id": f"tx{len(self.rows):021x}-{began:010x}", "key": f"files/u/shop-public/{file}",
            "http_status": status, "bytes_sent": 1000, "total_ms": 40, "user_agent": BROWSER, "address": address,
            "country": "AA", "edge": edge, "operation_class": "get_object", "status_class": "2xx", "is_request": True,
            "is_delivery_candidate": True,
        }  # fmt: skip
        self.rows.append(row | more)

    def aside(self, second: float, file: int) -> None:
        """What no event is asked of: crawlers, links on other sites, what the client had already, errors."""
        told: tuple[dict[str, Any], ...] = (
            {"user_agent": BOT},
            {"referer_host": "forum.example"},
            {"http_status": 304, "status_class": "3xx", "is_delivery_candidate": False, "bytes_sent": 0},
            {"http_status": 404, "status_class": "4xx", "is_delivery_candidate": False},
        )
        self.get(second, file, f"stranger-{self.rng.randrange(90)}", "direct", **self.rng.choice(told))


def _event(number: int, second: float, file: int, person: int) -> dict[str, Any]:
    said = {
        "event_id": f"event-{number}", "at": BEGIN + timedelta(seconds=second), "event_type": "view",
        "media_file_id": f"file-{file}", "application_id": "shop", "user_id": f"user-{person}",
        "address": f"person-{person}", "edge": "direct", "app_bytes": 1000, "row_count": 1,
    }  # fmt: skip
    return dict.fromkeys(EVENT.names) | said


def unexplained(site: Shop) -> tuple[int, int, dict[tuple[str, str], int]]:
    """How many requests and events are unexplained, of how many that are compared (what is both counts once), and all
    of them by reason."""
    rows = [(f"file-{n}", f"files/u/shop-public/{n}", "shop", BEGIN, False, None) for n in range(site.files)]
    catalogue = Catalogue(pl.DataFrame(rows, schema=FILES, orient="row"), {})
    deliveries = folded([requests_of(site.records.select(READS), begins()).collect()]).with_columns(
        source=pl.lit("ovh")
    )
    rules = (timedelta(milliseconds=each) for each in (Attribution().tolerance, Attribution().edge_tolerance))
    found = together([agreement(deliveries, site.events, catalogue, REFERERS, *rules)])
    known = Known(files_by_key(site.records["key"], catalogue.files), found.viewers.select(VIEWER.keys()), {})
    records = with_deliveries(site.records.select(OF_PARTS)).drop("deliveries")
    made = parts(records, source="ovh", begin=BEGIN, referers=REFERERS, known=known)
    both = reconciled(clients([made]), found.events, BEGIN, END)
    counts = {
        (outcome, reason): requests + events
        for outcome, reason, requests, events in both.select("outcome", "reason", "requests", "events").iter_rows()
    }
    alone = sum(counts.get((outcome, reason), 0) for outcome, of in UNEXPLAINED.items() for reason in of)
    left_out = {(outcome, reason) for outcome, of in NOT_COMPARED.items() for reason in of}
    compared = sum(number for grain, number in counts.items() if grain not in left_out)
    matched_events = int(both.filter(outcome="matched")["events"].sum())
    return alone, compared - matched_events, counts
