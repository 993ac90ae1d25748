"""A crowd that knows its truth: 10 applications, 50,000 users behind shared addresses, a CDN, bots, lost events.

Every request knows the view that it was made for, every event what became of its view. The clocks are what they are in
life: the log names whole seconds and the end of a request, the application's is up to a second ahead or behind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import polars as pl

from mediameter.metering.catalogue import FILES, Catalogue
from schemas.events import EVENT
from schemas.frames import polars_schema

BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
APPLICATIONS, USERS, FILES_KNOWN, FILES_UNKNOWN = 10, 50_000, 6000, 1500
BROWSERS = tuple(f"Mozilla/5.0 (device {number}) Browser/{number % 7}" for number in range(40))
BOTS = ("Mozilla/5.0 (compatible; Googlebot/2.1)", "curl/8.5.0", "AhrefsBot/7.0")
_DAY_S, _KEPT = 86_400, timedelta(minutes=110)

RECORD = {
    "line_hash": pl.UInt128(), "at": pl.Datetime("us", "UTC"), "request_id": pl.String(), "bucket": pl.String(),
    "key": pl.String(), "referer_host": pl.String(), "total_ms": pl.Int64(), "user_agent": pl.String(),
    "address": pl.String(), "edge": pl.String(), "is_delivery_candidate": pl.Boolean(), "is_get": pl.Boolean(),
    "http_status": pl.Int64(), "bytes_sent": pl.Int64(), "view": pl.String(), "truth": pl.String(),
}  # fmt: skip
"""What is read of a record; ``view``: the event that it was made for; ``truth``: outcome and reason, with a slash."""


class File(NamedTuple):
    key: str
    id: str
    application: int
    size: int
    is_video: bool
    is_behind_cdn: bool
    deleted_at: datetime | None


class User(NamedTuple):
    address: str
    agent: str


@dataclass(slots=True)
class Crowd:
    """``records``: RECORD. ``events``: EVENT, whose ``user_id`` is the event's own id and whose ``at`` is unique, so
    that each can be told from all others; ``fates``: event_id, truth."""

    records: pl.DataFrame
    events: pl.DataFrame
    fates: pl.DataFrame
    catalogue: Catalogue


def crowd(seed: int, sessions: int = 16_000) -> Crowd:
    """The day of so many sessions, each of 1 to 8 views."""
    return _Day(Random(seed)).of(sessions)


@dataclass(slots=True)
class _Day:
    rng: Random
    files: list[File] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    seen: dict[tuple[int, str], datetime] = field(default_factory=dict)
    at_edge: dict[tuple[str, str], float] = field(default_factory=dict)

    def of(self, sessions: int) -> Crowd:
        self.files = [self._file(number) for number in range(FILES_KNOWN)]
        self.users = self._people()
        for _ in range(sessions):
            self._session()
        for _ in range(len(self.records) * 9 // 20):
            self._past_the_application()
        order = self.rng.sample(range(len(self.events)), len(self.events))
        for number, event in zip(order, self.events, strict=True):
            # A second's begin and a microsecond of its own, of which there are more than events.
            event["at"] = event["at"].replace(microsecond=number)
        frame = pl.DataFrame(self.events, schema=polars_schema(EVENT))
        fates = pl.DataFrame(self.fates, schema={"event_id": pl.String(), "truth": pl.String()}, orient="row")
        records = pl.DataFrame(self.records, schema=RECORD, orient="row")
        return Crowd(records, frame, fates, self._catalogue())

    def _file(self, number: int) -> File:
        rng, is_video = self.rng, self.rng.random() < 0.15
        size = int(rng.lognormvariate(17 if is_video else 13, 1)) + 1000
        deleted_at = BEGIN + timedelta(seconds=rng.randrange(_DAY_S)) if rng.random() < 0.02 else None
        application = min(int(rng.expovariate(0.4)), APPLICATIONS - 1)
        return File(f"m/{number}", f"file-{number}", application, size, is_video, rng.random() < 0.4, deleted_at)

    def _people(self) -> list[User]:
        """Homes of up to five, offices of hundreds, and what telephones share."""
        rng, offices, mobiles = self.rng, 200, 60
        homes = USERS // 5
        found = []
        for _ in range(USERS):
            place = rng.random()
            if place < 0.5:
                address = f"home-{rng.randrange(homes)}"
            else:
                address = f"office-{rng.randrange(offices)}" if place < 0.7 else f"mobile-{rng.randrange(mobiles)}"
            # Whoever buys an office's machines buys them alike.
            agent = BROWSERS[int(address[7:]) % 3] if address.startswith("office") else rng.choice(BROWSERS)
            found.append(User(address, agent))
        return found

    def _popular(self) -> File:
        return self.files[int(FILES_KNOWN * self.rng.random() ** 5)]

    # --- what people do ------------------------------------------------------------------------------

    def _session(self) -> None:
        number = self.rng.randrange(USERS)
        second = self.rng.randrange(_DAY_S)
        for _ in range(self.rng.randrange(1, 9)):
            self._view(number, BEGIN + timedelta(seconds=second + self.rng.random()))
            second += self.rng.randrange(2, 90)
            if second >= _DAY_S - 7200:
                return

    def _view(self, number: int, at: datetime) -> None:
        """The application answers, records it (mostly), and the viewer fetches what the browser does not have."""
        user, file, rng = self.users[number], self._popular(), self.rng
        if file.deleted_at and at >= file.deleted_at:
            self._event(at, file, user, "app_only/deleted_file")
            return
        if rng.random() < 0.03:
            self._event(at, file, user, "app_only/no_fetch", kind=rng.choice(("share", "transform")))
            return
        if rng.random() < 0.005:
            self._event(at, file, user, "app_only/unknown_file", file_id=f"gone-{rng.randrange(10**9)}")
            return
        begin = at + timedelta(seconds=min(rng.lognormvariate(-1.5, 1), 20))
        is_cached = begin - self.seen.get((number, file.key), BEGIN - _KEPT) < _KEPT and rng.random() < 0.7
        if not is_cached:
            self.seen[number, file.key] = begin
        sender, edge = (self._edge(file, begin), "edge") if file.is_behind_cdn else (user.address, "direct")
        if is_cached or sender is None:
            self._event(at, file, user, "app_only/cache")
        elif rng.random() < 0.02:
            self._event(at, file, user, "app_only/no_delivery")
            self._request(begin, file.key, user.agent, sender, edge, rng.choice((403, 404, 503)), 300, None, "failed")
        elif rng.random() < 0.02:  # the event is lost: nobody can know why it was fetched
            self._fetch(begin, file, user.agent, sender, edge, None)
        else:
            view = self._event(at, file, user, "matched/event_edge" if edge == "edge" else "matched/event_address")
            self._fetch(begin, file, user.agent, sender, edge, view)

    def _edge(self, file: File, begin: datetime) -> str | None:
        """The edge that has to ask the storage; None where it has the file."""
        edge, now = f"edge-{self.rng.randrange(40)}", begin.timestamp()
        fetched_at = self.at_edge.get((edge, file.key))
        if fetched_at is not None and now - fetched_at < _KEPT.total_seconds():
            return None
        self.at_edge[edge, file.key] = now
        return edge

    def _fetch(self, begin: datetime, file: File, agent: str, address: str, edge: str, view: str | None) -> None:
        truth = ("matched/event_edge" if edge == "edge" else "matched/event_address") if view else "log_only/"
        if not file.is_video or edge == "edge":
            self._request(
                begin, file.key, agent, address, edge, 200, file.size, view, truth if view else "other_client"
            )
            return
        sent, watched = 0, int(file.size * self.rng.random())
        while sent <= watched:
            size = min(self.rng.randrange(500_000, 8_000_000), file.size - sent)
            if size <= 0:
                return
            self._request(begin, file.key, agent, address, edge, 206, size, view, truth if view else "other_client")
            sent += size
            begin += timedelta(seconds=self.rng.uniform(1, 40))

    def _past_the_application(self) -> None:
        """What no event tells of: bots, keys that nobody has uploaded, links passed on, players that resume."""
        rng = self.rng
        at = BEGIN + timedelta(seconds=rng.randrange(_DAY_S - 7200) + rng.random())
        file, address, what = self._popular(), f"other-{rng.randrange(3000)}", rng.random()
        agent = rng.choice(BROWSERS)
        if what < 0.65:
            key = f"unknown/{rng.randrange(FILES_UNKNOWN)}"
            self._request(at, key, agent, address, "direct", 200, int(rng.lognormvariate(13, 1)), None, "unknown_key")
        elif what < 0.80:
            agent = rng.choice(BOTS)
            self._request(at, file.key, agent, address, "direct", 200, file.size, None, "bot")
        elif what < 0.90:
            self._request(at, file.key, agent, address, "direct", 200, file.size, None, "other_client")
        elif what < 0.95:
            size = rng.randrange(1, file.size)
            self._request(at, file.key, agent, address, "direct", 206, size, None, "other_client")
        else:
            self._request(at, file.key, agent, address, "direct", 200, 0, None, "no_delivery", is_get=False)

    # --- what is written down of it --------------------------------------------------------------------

    def _request(
        self, begin: datetime, key: str, agent: str, address: str, edge: str, status: int, size: int, view: str | None,
        truth: str, *, is_get: bool = True,
    ) -> None:  # fmt: skip
        """A line: the log writes when it ended, in whole seconds; its id says when it began."""
        total_ms = int(self.rng.lognormvariate(4, 1) + size / 20_000)
        ended = (begin + timedelta(milliseconds=total_ms)).replace(microsecond=0)
        is_candidate = is_get and status in (200, 206)
        request_id = f"tx{len(self.records):021x}-{int(begin.timestamp()):010x}"
        self.records.append((
            len(self.records), ended, request_id, "media", key, None, total_ms, agent, address, edge, is_candidate,
            is_get, status, size, view, truth if "/" in truth else f"log_only/{truth}",
        ))  # fmt: skip

    def _event(
        self, at: datetime, file: File, user: User, truth: str, kind: str = "view", file_id: str | None = None
    ) -> str:
        event_id = f"event-{len(self.events)}"
        self.fates.append((event_id, truth))
        self.events.append({
            "event_id": event_id, "at": at + timedelta(seconds=self.rng.uniform(-1, 1)), "event_type": kind,
            "media_file_id": file_id or file.id, "application_id": f"app-{file.application}", "user_id": event_id,
            "address": user.address, "edge": "direct", "user_agent": user.agent, "app_bytes": file.size, "row_count": 2,
        })  # fmt: skip
        return event_id

    def _catalogue(self) -> Catalogue:
        rows = [
            (file.id, file.key, f"app-{file.application}", BEGIN, file.deleted_at is not None, file.deleted_at)
            for file in self.files
        ]
        names = {f"app-{number}": f"Application {number}" for number in range(APPLICATIONS)}
        return Catalogue(pl.DataFrame(rows, schema=FILES, orient="row"), names)


def shares(crowd: Crowd) -> dict[str, float]:
    """What the crowd is made of, to be printed: a world that has lost its edges or bots would prove nothing."""
    counts: dict[str, int] = defaultdict(int)
    for truth, number in crowd.records["truth"].value_counts().iter_rows():
        counts[truth] += number
    return {truth: number / crowd.records.height for truth, number in sorted(counts.items())}
