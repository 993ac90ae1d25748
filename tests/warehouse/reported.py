"""What tests of the report share: a warehouse put together by hand, and a look at the page that comes out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter.report.facts import Figures
from mediameter.report.figures import read
from mediameter.store import tenancy
from mediameter.store.warehouse import metadata, ready
from schemas import TABLES
from schemas.contract import Contract
from schemas.vocabulary import DEFAULT_TENANT

MON, TUE, WED, THU = (date(2026, 11, day) for day in (2, 3, 4, 5))
CONTRACTS = {contract.name: contract for contract in TABLES}


class Warehouse:
    """``put`` rows by their telling columns; the others get a neutral value."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def put(self, table: str, **values: Any) -> None:
        row = {**_neutral(CONTRACTS[table]), **values}
        self.connection.execute(metadata.tables[table].insert(), row)

    def figures(self, **more: Any) -> Figures:
        return read(self.connection, **more)


def _neutral(contract: Contract) -> dict[str, Any]:
    values = {"text": "", "int": 0, "bool": False, "instant": datetime(2026, 11, 2), "day": MON}  # noqa: DTZ001
    neutral = {column.name: None if column.is_nullable else values.get(column.type) for column in contract}
    neutral |= {"family": "traffic"} if "family" in neutral else {}
    return neutral | ({"tenant": "default"} if "tenant" in neutral else {})


@pytest.fixture
def on_every_engine(rolled_back: sa.Connection) -> Warehouse:
    return Warehouse(rolled_back)


@pytest.fixture
def warehouse(sqlite: sa.Engine) -> Iterator[Warehouse]:
    """On SQLite, where the engine makes no difference."""
    with sqlite.connect().execution_options(is_writing=True) as connection:
        connection.begin()
        yield Warehouse(connection)
        connection.rollback()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = tenancy.engine(f"sqlite:///{tmp_path_factory.mktemp('report')}/warehouse.db", DEFAULT_TENANT)
    ready(engine)
    yield engine
    engine.dispose()


def fill(
    warehouse: Warehouse, application: str = "castingly", example: str = "half a line", tenant: str = "default"
) -> None:
    """Monday final and priced, Tuesday without anything, Wednesday open and unpriced; two applications."""
    put, of = warehouse.put, {"tenant": tenant}
    for day, scale in ((MON, 1), (WED, 2)):
        for name, share in ((application, 3), ("studio", 1)):
            times = scale * share
            row: dict[str, Any] = {**of, "day": day, "application": name}
            traffic = {**row, "bucket": "media", "operation_class": "get_object"}
            sent = {"requests": 900 * times, "deliveries": 500 * times, "bytes_sent": 2_000_000_000 * times}
            put("traffic_daily", **traffic, status_class="2xx", **sent)
            put("traffic_daily", **traffic, status_class="4xx", requests=100 * times)
            price = {"price_id": "card", "currency": "USD", "cost_micros": 22_000 * times} if day == MON else {}
            put("bandwidth_cost_daily", **row, bytes_sent=2_000_000_000 * times, **price)
            put("endpoints_daily", **row, endpoint="get_object *", requests=1000 * times, errors=100 * times)
            put(
                "errors_daily",
                **row,
                endpoint="get_object *",
                http_status=404,
                error_code=example,
                requests=100 * times,
            )
            key = {"object_key_sha256": name[:64], "object_key": f"media/{application}.mp4"}
            put(
                "media_file_daily", **row, bucket="media", **key, requests=times, deliveries=times, bytes_sent=5 * times
            )
            put("countries_daily", **row, country="FR", edge="direct", requests=1000 * times)
        for name in (application, "*"):
            row = {**of, "day": day, "application": name}
            times_of = {"p50_ms": 40 * scale, "p95_ms": 300 * scale, "p99_ms": 1500 * scale}
            put("response_time_daily", **row, operation_class="*", measure="total", **times_of)
            put("response_time_daily", **row, operation_class="*", measure="turn_around", p50_ms=7)
            for window in (1, 7):
                put("audience_trailing", **row, window_days=window, unique_addresses=70 * scale * window)
    for day, state, rejected in ((MON, "final", 3), (WED, "open", 0)):
        counts = {"lines": 5000, "parsed": 4997 - rejected, "ignored": 3, "rejected": rejected, "duplicates": 2}
        through = datetime(2026, 11, 4, 6)  # noqa: DTZ001
        put("days", **of, day=day, source="ovh", state=state, complete_through_at=through, objects=2, **counts)
        verdict = "critical" if state == "final" else "not_yet_knowable"
        check = {
            "rule": "error_rate",
            "check_group": "*",
            "value": 0.1,
            "threshold": 0.01,
            "unit": "ratio",
            "sample": 4000,
        }
        put("alert_checks_daily", **of, day=day, **check, verdict=verdict)
    if tenant == "default":
        _fill_ledger(warehouse, example)


def _fill_ledger(warehouse: Warehouse, example: str) -> None:
    put = warehouse.put
    at = {"first_at": datetime(2026, 11, 2, 23, 30), "last_modified_at": datetime(2026, 11, 3)}  # noqa: DTZ001
    put("objects", object_id=1, object_key="logs/monday", state="settled", ignored_log_bucket=3, **at)
    put("objects", object_id=2, object_key="logs/old", state="superseded", ignored_log_bucket=9, **at)
    put(
        "objects",
        object_id=3,
        object_key="logs/cat.jpg",
        state="refused",
        reason="NOT_AN_ACCESS_LOG",
        detail=example,
        **at,
    )
    put("rejects", object_id=1, line_number=8, reason="SHORT_LINE", line="a later one")
    put("rejects", object_id=1, line_number=7, reason="SHORT_LINE", line=f"{example} {'x' * 2000}")
    put("rejects", object_id=1, line_number=9, reason="BAD_TIME", line="when?")
    put("rejects", object_id=2, line_number=1, reason="AMBIGUOUS", line="of an object that was overwritten")
    put("rejects", object_id=3, line_number=0, reason="NOT_AN_ACCESS_LOG", line="the object itself")
    put(
        "prices",
        price_id="card",
        amount="0.011",
        currency="USD",
        per="GB",
        valid_from_day=MON,
        citation="the price page",
    )
    put("prices", price_id="unused", amount="9", currency="EUR", per="GB", valid_from_day=MON)


def fill_days(warehouse: Warehouse, number: int, applications: int = 1, last: date = WED) -> None:
    for n in range(number):
        day = last - timedelta(days=n)
        warehouse.put("days", day=day, source="ovh", state="final", lines=10, parsed=10)
        for name in range(applications):
            row = {"day": day, "application": f"app-{name:02}"}
            counts = {"requests": 10 * (n + 1), "bytes_sent": 1_000_000_000_000 + n}
            warehouse.put("traffic_daily", **row, bucket="m", operation_class="list", status_class="2xx", **counts)
            warehouse.put("bandwidth_cost_daily", **row, price_id="card", currency="USD", cost_micros=11_000_000)


class Page(HTMLParser):
    """Tags, attributes, tables (by caption) and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.tables: dict[str, list[list[str]]] = {}
        self._caption, self._text, self.text = "", "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("th", "td", "caption"):
            self._text = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self._caption = self._text
            self.tables[self._caption] = []
        if tag in ("th", "td"):
            self.tables[self._caption][-1].append(self._text)

    def handle_data(self, data: str) -> None:
        self._text += data
        self.text += data

    def table(self, caption: str) -> list[list[str]]:
        return next(rows for name, rows in self.tables.items() if name.startswith(caption))
