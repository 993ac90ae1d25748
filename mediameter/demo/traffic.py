"""What happens: scenes (somebody looks at a picture, watches a reel, uploads …) and the hours they happen in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

from mediameter.demo.library import NOBODY, PASSED_ON, File, Library, Viewer
from mediameter.demo.lines import LOG_BUCKET, OVH_OWNER, PRESIGNED, STORAGE, Event, Weight

HOUR = 3600
_DAY_SHAPE = (18, 12, 8, 6, 5, 6, 10, 18, 30, 42, 50, 55, 58, 60, 62, 60, 62, 68, 76, 88, 92, 78, 52, 30)
_WEEKEND = 0.65
_EVENTS_A_SCENE = 1.5
_GAPS_S = (2, 5, 9, 14, 20, 28, 37, 45, 60, 61, 95, 240)  # 60 s still belongs to one delivery, 61 s does not
_MIB = 1 << 20


class Scenery:
    """Makes events. ``slowness`` and ``failing`` are the hour's weather: a factor on times, a share of failures."""

    def __init__(self, rng: Random, library: Library) -> None:
        self._rng, self._library = rng, library
        self.slowness, self.failing = 1.0, 0.0
        self._scenes = [scene for scene, _ in _SCENES]
        self._shares = list(accumulate(share for _, share in _SCENES))

    def scene(self, at: int) -> list[Event]:
        """One scene that begins at ``at``; its events are in the order of time."""
        scene = self._rng.choices(self._scenes, cum_weights=self._shares)[0]
        return scene(self, at)

    def _file(self) -> File:
        files = self._library.files
        return files[int(len(files) * self._rng.random() ** 4)]  # a hot few

    def _viewer(self) -> Viewer:
        return self._rng.choice(self._library.viewers)

    def _millis(self, median: float) -> int:
        return int(self.slowness * median * self._rng.lognormvariate(0, 0.75))

    def _id(self, at: int, total_ms: int) -> str:
        return f"tx{self._rng.getrandbits(84):021x}-{at - total_ms // 1000:010x}"

    def _referer(self, file: File) -> str:
        """The page that asks; a file whose page alone says whose it is has no other."""
        is_passed_on = len(file.referers) > 1 and self._rng.random() < 0.15
        return PASSED_ON if is_passed_on else self._rng.choice(file.referers)

    def _get(
        self, at: int, file: File, viewer: Viewer, status: int, sent: int, median: float = 90, error: str = "-",
        referer: str | None = None,
    ) -> Event:  # fmt: skip
        rng = self._rng
        if self.failing and rng.random() < self.failing:
            status, error, sent = (503, "SlowDown", 233) if rng.random() < 0.7 else (500, "InternalError", 251)
        weight: Weight = "delivery" if status in (200, 206) else "request"
        total = self._millis(median)
        signature = f"{PRESIGNED}{rng.getrandbits(128):032x}" if file.is_private else ""
        return Event(
            at, weight, file.application, "REST.GET.OBJECT", file.key, f'"GET {file.path}{signature} HTTP/1.1"',
            status, sent, total, int(total * rng.random()), viewer.address, referer or self._referer(file),
            viewer.agent, self._id(at, total), error, None, OVH_OWNER if file.is_private else "-", file.version,
        )  # fmt: skip

    def _ask(self, at: int, file: File, operation: str, method: str, status: int, **more: Any) -> Event:
        """A request that is no download: the storage writes 0 as its turn-around time."""
        total = self._millis(40)
        agent = '"aws-sdk-js/3.901.0 os/linux lang/js md/nodejs#22.9.0"'
        query = more.pop("query", "")
        return Event(
            at, "request", file.application, operation, file.key, f'"{method} {file.path}{query} HTTP/1.1"', status,
            None, total, 0, "198.18.200.7", file.referers[0], agent, self._id(at, total), requester=OVH_OWNER,
        )._replace(**more)  # fmt: skip

    def look(self, at: int) -> list[Event]:
        file, viewer = self._file(), self._viewer()
        if file.is_video:
            return self.watch(at)
        fate = self._rng.random()
        if fate < 0.975:
            return [self._get(at, file, viewer, 200, file.size)]
        if fate < 0.995:
            return [self._get(at, file, viewer, 304, 0, 25)]
        if fate < 0.998:
            return [self._get(at, file, viewer, 404, 306, 15, "NoSuchKey")]
        return [self._get(at, file, viewer, 403, 243, 12, "AccessDenied")]

    def watch(self, at: int) -> list[Event]:
        """A reel in pieces: ranges with pauses, within and beyond what still is one delivery."""
        file, viewer = self._file(), self._viewer()
        referer = self._referer(file)
        events = []
        for _ in range(self._rng.randrange(2, 7)):
            piece = min(file.size, self._rng.randrange(_MIB // 2, 4 * _MIB))
            events.append(self._get(at, file, viewer, 206, piece, 260, referer=referer))
            at += self._rng.choice(_GAPS_S)
        return events

    def give_up(self, at: int) -> list[Event]:
        file = self._file()
        return [self._get(at, file, self._viewer(), 499, self._rng.randrange(file.size), 900)]

    def crawl(self, at: int) -> list[Event]:
        bot = self._rng.choice(self._library.bots)
        events = []
        for _ in range(4):
            file = self._file()
            events.append(self._get(at, file, bot, 200, file.size))
            at += self._rng.randrange(1, 30)
        return events

    def peek(self, at: int) -> list[Event]:
        return [self._ask(at, self._file(), "REST.HEAD.OBJECT", "HEAD", 200)]

    def read_sidecar(self, at: int) -> list[Event]:
        return [self._get(at, _sidecar(self._file()), self._viewer(), 200, self._rng.randrange(300, 900), 20)]

    def upload(self, at: int) -> list[Event]:
        file = self._file()
        put = "REST.PUT.OBJECT", "PUT", 200
        note = self._ask(at + 1, _sidecar(file), *put, body_bytes=640)
        return [self._ask(at, file, *put, body_bytes=file.size), note]

    def upload_in_parts(self, at: int) -> list[Event]:
        file = self._file()
        begin = self._ask(at, file, "REST.POST.UPLOADS", "POST", 200, bytes_sent=312, query="?uploads")
        part = "REST.PUT.PART", "PUT", 200
        parts = [
            self._ask(at + n, file, *part, body_bytes=8 * _MIB, query=f"?partNumber={n}&uploadId=u1") for n in (1, 2, 3)
        ]
        end = self._ask(at + 5, file, "REST.POST.UPLOAD", "POST", 200, bytes_sent=404, query="?uploadId=u1")
        return [begin, *parts, end]

    def remove(self, at: int) -> list[Event]:
        return [self._ask(at, self._file(), "REST.DELETE.OBJECT", "DELETE", 204)]

    def list_bucket(self, at: int) -> list[Event]:
        sent = self._rng.randrange(400, 90_000)
        query = "?list-type=2&prefix=files/"
        return [self._ask(at, _ROOT, "REST.GET.BUCKET", "GET", 200, bytes_sent=sent, query=query)]

    def copy(self, at: int) -> list[Event]:
        """Two records of one action with one request id; the second is no request of its own."""
        first = self._ask(at, self._file(), "REST.COPY.OBJECT", "PUT", 200, bytes_sent=234)
        source = self._file()
        second = first._replace(
            weight="aside", application=source.application, operation="REST.COPY.OBJECT_GET", key=source.key, uri="-",
            bytes_sent=None, total_ms=None, turn_around_ms=None, referer="-", agent="-",
        )  # fmt: skip
        return [first, second]

    def expire(self, at: int) -> list[Event]:
        file = self._file()
        return [
            Event(
                at, "aside", file.application, "S3.EXPIRE.OBJECT", file.key, '"-"', None, None, None, None, "-",
                '"-"', '"-"', self._id(at, 0), body_bytes=file.size, version=file.version,
            )
        ]  # fmt: skip

    def novelty(self, at: int) -> list[Event]:
        """Operations that no table of ours names."""
        operation, method = self._rng.choice(_NOVELTIES)
        return [self._ask(at, self._file(), operation, method, 200)]

    def log_about_logs(self, at: int) -> list[Event]:
        """The log bucket's own records: ignored, or logs would breed logs."""
        return [self._ask(at, _LOG, "REST.PUT.OBJECT", "PUT", 200, body_bytes=91_000, bucket=LOG_BUCKET)]


_SCENES = (
    (Scenery.look, 78.0),
    (Scenery.crawl, 1.5),
    (Scenery.give_up, 0.2),
    (Scenery.peek, 5.0),
    (Scenery.read_sidecar, 4.0),
    (Scenery.upload, 2.0),
    (Scenery.upload_in_parts, 0.3),
    (Scenery.remove, 0.6),
    (Scenery.list_bucket, 1.6),
    (Scenery.copy, 0.4),
    (Scenery.expire, 0.8),
    (Scenery.novelty, 0.3),
    (Scenery.log_about_logs, 0.5),
)
_NOVELTIES = (("REST.OPTIONS.PREFLIGHT", "OPTIONS"), ("REST.GET.OBJECT_TAGGING", "GET"))
_ROOT = File(NOBODY, "-", f"/{STORAGE}", 0, False, False, "-", ('"-"',))
_LOG = _ROOT._replace(key="access-logs/some-older-object", path="/access-logs/some-older-object")


def _sidecar(file: File) -> File:
    return file._replace(key=f"{file.key}.meta.json", path=f"{file.path}.meta.json", size=640)


def hours(rng: Random, library: Library, begin: int, days: int, events: int) -> Iterator[tuple[int, list[Event]]]:
    """Hour by hour, in order: the hour's begin and its events in order of time; about ``events`` of them in all.

    What a scene would still do after the last hour does not happen.
    """
    scenery = Scenery(rng, library)
    plan = _plan(begin, days)
    whole = sum(share for _, share in plan)
    later: dict[int, list[Event]] = defaultdict(list)
    slow, failing = _bad_days(begin, days)
    for at, share in plan:
        scenery.slowness = 25.0 if at == slow else 1.0
        scenery.failing = 0.35 if failing <= at < failing + 2 * HOUR else 0.0
        for _ in range(round(events * share / whole / _EVENTS_A_SCENE)):
            for event in scenery.scene(at + rng.randrange(HOUR)):
                later[event.at // HOUR * HOUR].append(event)
        yield at, sorted(later.pop(at, []), key=lambda event: event.at)


def _plan(begin: int, days: int) -> list[tuple[int, float]]:
    plan = []
    for hour in range(24 * days):
        at = begin + hour * HOUR
        is_weekend = (at // 86400 + 3) % 7 >= 5  # 1 January 1970 was a Thursday
        plan.append((at, _DAY_SHAPE[hour % 24] * (_WEEKEND if is_weekend else 1.0)))
    return plan


def _bad_days(begin: int, days: int) -> tuple[int, int]:
    """One hour in which all is slow, and on another day (where there is one) two in which much fails."""
    middle = days // 2
    return begin + (middle * 24 + 20) * HOUR, begin + ((middle + 1) % days * 24 + 15) * HOUR
