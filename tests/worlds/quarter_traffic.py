"""The tables of traffic as they stand at an instant of a quarter: what has come of the logs, the ledger, the days.

What the steps do, without their lines and their lake: a lot that has arrived is settled, its hour and its day are
replaced, and a listing says how complete that is.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.store import exports, fences, lake, listings
from mediameter.store.warehouse import naive, tables
from schemas.events import EVENT
from schemas.frames import polars_schema
from tests.worlds.quarter import BEGIN, Quarter
from tests.worlds.quarter_logs import Lot
from tests.worlds.quarter_rows import Row, Sum, buckets, of_day, traffic

_LOGS, _APP = "ovh", "media"
_RULES = {
    "lines": "each_line_counts_once",
    "calendar": "days_have_what_the_ledger_knows",
    "hours": "a_day_is_the_sum_of_its_hours",
    "groups": "groups_add_up",
    "percentiles": "p50_is_at_most_p90",
    "measures": "no_measure_is_negative",
}
_OVERLAP = {1: 1.0, 7: 0.6, 30: 0.4}
"""Unique addresses of a window, of the sum of its days'."""


@dataclass(slots=True)
class Traffic:
    """A class for its state: what is on its way, and the sums of what has come. ``through``: until when the logs were
    complete when they were listed last."""

    quarter: Quarter
    settings: Settings
    on_the_way: list[tuple[datetime, int, int, Lot]] = field(default_factory=list)
    hours: defaultdict[int, Sum] = field(default_factory=lambda: defaultdict(Sum))
    days: defaultdict[int, Sum] = field(default_factory=lambda: defaultdict(Sum))
    views: dict[int, list[pl.DataFrame]] = field(default_factory=dict)
    revisions: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    states: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    through: datetime = BEGIN

    def end_hour(self, number: int) -> None:
        """An hour is over: its logs set out, and the app knows its views."""
        hour = self.quarter.hour(number)
        for lot in hour.lots:
            if lot.arrived_at:
                heapq.heappush(self.on_the_way, (lot.arrived_at, lot.hour, lot.front, lot))
        self.days[number // 24].recorded += hour.recorded
        self.views.setdefault(number // 24, []).append(_views(number, int(hour.recorded.sum())))

    def write(self, connection: sa.Connection, now: datetime) -> None:
        """What a run at that time leaves in the tables."""
        come = []
        while self.on_the_way and self.on_the_way[0][0] <= now:
            come.append(heapq.heappop(self.on_the_way)[3])
        for lot in come:
            self.hours[lot.hour].add(lot)
            self.days[lot.hour // 24].add(lot)
        _settle(connection, come)
        for hour in sorted({lot.hour for lot in come}):
            self._write_hour(connection, hour)
        today = int((now - BEGIN) / timedelta(days=1))
        changed = {lot.hour // 24 for lot in come} | {day for day in (today, today - 1) if day in self.days}
        for day in sorted(changed):
            self._write_day(connection, day)
        self._list(connection, now)
        self._refresh(connection, now, changed)
        for hour in [hour for hour in self.hours if hour < (today - 3) * 24]:
            del self.hours[hour]

    def _write_hour(self, connection: sa.Connection, hour: int) -> None:
        at = naive(BEGIN + timedelta(hours=hour))
        of = self.hours[hour]
        replace(connection, "traffic_hourly", {"hour_at": at}, traffic(of, {"hour_at": at}))
        replace(connection, "response_time_buckets_hourly", {"hour_at": at}, buckets(of, at))

    def _write_day(self, connection: sa.Connection, day: int) -> None:
        of, when = self.days[day], _day(day)
        if not of.requests and not of.recorded.any():
            return
        trailing = {window: self._trailing(day, window) for window in _OVERLAP}
        for table, rows in of_day(of, when, trailing).items():
            replace(connection, table, {"day": when}, rows)
        self._judge(connection, day)

    def _trailing(self, day: int, window: int) -> np.ndarray:
        days = [self.days[each].addresses for each in range(max(0, day - window + 1), day + 1) if each in self.days]
        return np.sum(days, axis=0) * (_OVERLAP[window] if len(days) > 1 else 1.0)

    def _judge(self, connection: sa.Connection, day: int) -> None:
        """The gate: after each day that was written, it says what it says."""
        rows: list[Row] = [
            {"day": _day(day), "suite": suite, "rule": rule, "family": "traffic", "severity": "critical",
             "is_met": not broken, "detail": "traffic_hourly: requests_off 312" if broken else None}
            for suite, rule in _RULES.items()
            for broken in [suite == "hours" and self._is_broken(day)]
        ]  # fmt: skip
        replace(connection, "quality_checks_daily", {"day": _day(day)}, rows)

    def _is_broken(self, day: int) -> bool:
        return "quality_failed" in self.quarter.wrong(BEGIN + timedelta(days=day))

    def _list(self, connection: sa.Connection, now: datetime) -> None:
        """Nobody sees what has not come: the listing says that all is there, six hours back."""
        settled, wrong = sum(of.objects for of in self.days.values()), self.quarter.wrong(now)
        if "stuck" not in wrong:
            self.through = now - timedelta(hours=self.settings.reporting.settle_hours)
        if "unlisted" not in wrong:
            listings.record_listing(connection, _LOGS, now, settled, int("stuck" in wrong), self.through)
        listings.record_listing(connection, _APP, now, 0, 0, now - timedelta(minutes=5))

    def _refresh(self, connection: sa.Connection, now: datetime, changed: set[int]) -> None:
        through = now - timedelta(hours=self.settings.reporting.settle_hours)
        today = int((now - BEGIN) / timedelta(days=1))
        dirty = set()
        for day in sorted({*changed, *range(max(0, today - 3), today + 1)}):
            of = self.days.get(day)
            if of is None:
                continue
            end = BEGIN + timedelta(days=day + 1)
            is_final = through >= end and not self._is_broken(day)
            lines = of.requests + of.rejected
            state = (is_final, min(through, end), lines, of.rejected, int(of.sent.sum()), of.rejected_bytes)
            if of.objects and state != self.states.get(day):
                self.states[day] = state
                self.revisions[day] += 1
                self._write_state(connection, day, state, is_suspect=self._is_suspect(day))
                dirty.add(_day(day))
        fences.mark_dirty(connection, "checks", dirty)
        self._export_app(connection, today)

    def _is_suspect(self, day: int) -> bool:
        of = self.days[day]
        is_over = of.rejected > 0.01 * (of.requests + of.rejected) or of.rejected_bytes > 0.01 * of.sent.sum()
        return is_over or self._is_broken(day)

    def _write_state(self, connection: sa.Connection, day: int, state: tuple[Any, ...], *, is_suspect: bool) -> None:
        is_final, through, lines, rejected, sent, rejected_bytes = state
        row = {
            "day": _day(day), "source": _LOGS, "family": "traffic", "state": "final" if is_final else "open",
            "is_suspect": is_suspect, "revision": self.revisions[day], "complete_through_at": naive(through),
            "objects": self.days[day].objects, "lines": lines, "parsed": lines - rejected, "ignored": 0,
            "rejected": rejected, "duplicates": 0, "bytes_sent": sent, "rejected_most_bytes": rejected_bytes,
        }  # fmt: skip
        replace(connection, "days", {"day": _day(day), "source": _LOGS}, [row])

    def _export_app(self, connection: sa.Connection, today: int) -> None:
        """Today's and yesterday's views; a file is written again where there are more."""
        for day in [day for day in self.views if day < today - 1]:
            del self.views[day]
        for day, hours in self.views.items():
            events = pl.concat(hours)
            file = lake.write(self.settings.lake.path, events, kind="events", source=_APP, file_day=_day(day))
            for old in exports.event_files(connection, _APP, _day(day)):
                if old != file:
                    (self.settings.lake.path / old.path).unlink()  # nobody else reads in a trial
            exports.replace_events(connection, _APP, _day(day), [file])
            export(connection, _APP, "media_analytics", _day(day), events.height, 0, file.sha256)


def _views(hour: int, count: int) -> pl.DataFrame:
    """What the app recorded of an hour: so many views, evenly."""
    begin = BEGIN + timedelta(hours=hour)
    rows = [
        {"event_id": f"{hour}-{number}", "at": begin + timedelta(seconds=3600 * number / count), "event_type": "view",
         "media_file_id": "file", "edge": "direct", "row_count": 2}
        for number in range(count)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(EVENT))


def export(
    connection: sa.Connection, source: str, table: str, day: date, events: int, unsettled: int, content: str
) -> None:
    """The ledger's row of one day of a table."""
    row = {
        "source": source, "table_name": table, "export_day": day, "rows_read": events, "events": events, "ignored": 0,
        "rejected": 0, "unsettled": unsettled, "content_sha256": content,
    }  # fmt: skip
    replace(connection, "exports", {name: row[name] for name in ("source", "table_name", "export_day")}, [row])


def _settle(connection: sa.Connection, lots: list[Lot]) -> None:
    """The ledger: an object of each lot."""
    objects, hours = [], []
    for lot in lots:
        at = BEGIN + timedelta(hours=lot.hour)
        number, lines = lot.hour * 8 + lot.front + 1, lot.requests + lot.rejected
        objects.append({
            "object_id": number, "source": _LOGS, "object_key": f"{at:%Y-%m-%d-%H}-00-00-{lot.front}",
            "tenant": "default", "etag": str(number), "version_id": "", "size_bytes": lines * 400,
            "last_modified_at": naive(lot.arrived_at or at), "sha256": "",
            "state": "settled", "parser_version": 2, "lines": lines, "parsed": lot.requests, "ignored": 0,
            "ignored_log_bucket": 0, "rejected": lot.rejected, "first_at": naive(at + timedelta(seconds=1)),
            "last_at": naive(at + timedelta(seconds=3599)),
        })  # fmt: skip
        hours.append(
            {
                "tenant": "default", "object_id": number, "hour_at": naive(at), "parsed": lot.requests, "ignored": 0,
                "rejected": lot.rejected,
            }
        )  # fmt: skip
    if lots:
        connection.execute(tables["objects"].insert(), objects)
        connection.execute(tables["object_hours"].insert(), hours)


def replace(connection: sa.Connection, table: str, which: Row, rows: list[Row]) -> None:
    """Lets these be the tenant's rows of a table with these keys."""
    of, mine = tables[table], {"tenant": "default"} if "tenant" in tables[table].c else {}
    connection.execute(of.delete().where(*(of.c[name] == value for name, value in {**mine, **which}.items())))
    if rows:
        connection.execute(of.insert(), [mine | row for row in rows])


def _day(number: int) -> date:
    return (BEGIN + timedelta(days=number)).date()
