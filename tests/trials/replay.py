"""Moves a clock through a quarter on a real warehouse, lets somebody judge what stands there, and keeps the score.

python -m tests.trials.replay --seed 1 --days 90 [--url postgresql://…] [--without-judge]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mediameter import connect, warehouse
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from tests.trials.quarter import BEGIN, Quarter
from tests.trials.quarter_lake import Generating
from tests.trials.quarter_traffic import Traffic

Judge = Callable[[Settings, datetime], object]
STEP = timedelta(minutes=5)
_RUN_AT = 5  # the minute of each hour at which the hourly run has written
_QUIET = timedelta(hours=2)


def settings_of(url: str, folder: Path, **alerts: object) -> Settings:
    """Of the team whose quarter it is. None of its sources is ever asked: the driver writes what they would tell."""
    document = {
        "warehouse": {"url": url},
        "lake": {"path": str(folder / "lake")},
        "quality": {"docs": "none"},
        "geo": {"countries": "none"},
        "privacy": {"key": "the key of all tests"},
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": str(folder / "logs")},
            "media": {"kind": "dailey_media", "url": f"sqlite:///{folder / 'media.sqlite'}"},
            "palette": {
                "kind": "directors_palette", "url": f"sqlite:///{folder / 'palette.sqlite'}", "application": "studio",
            },
            "signals": {"kind": "palette_events", "path": str(folder / "events"), "application": "studio"},
        },
        "prices": [{
            "source": "ovh", "measure": "bytes_sent", "amount": "0.011", "currency": "USD", "per": "GB",
            "valid_from": "2026-01-01", "citation": "the trial's own",
        }],
        "alerts": {"monthly_budget": "11.00 USD", **alerts},
    }  # fmt: skip
    return from_mapping(document, folder)


@dataclass(slots=True)
class Replay:
    """``hourly`` is called after each hourly run, ``watch`` (if any) at all other ticks. ``ticks``, ``judged_s``,
    ``wrote_s``: how many there were, and where the time went."""

    quarter: Quarter
    settings: Settings
    hourly: Judge
    watch: Judge | None = None
    ticks: int = 0
    judged_s: float = 0.0
    wrote_s: float = 0.0
    on_tick: list[Callable[[datetime], None]] = field(default_factory=list)

    def run(self) -> None:
        """From the quarter's begin to a day after its end."""
        made = connect.engine(self.settings.warehouse.url)
        warehouse.ready(made)
        traffic, palette = Traffic(self.quarter, self.settings), Generating(self.quarter, self.settings)
        with connect.writing(made) as connection:
            palette.begin(connection)
        try:
            for now in self._clock():
                is_hourly = now.minute == _RUN_AT
                if not is_hourly and self._is_quiet(palette, now):
                    continue
                begun = time.perf_counter()
                self._write(made, traffic, palette, now, is_hourly=is_hourly)
                self.wrote_s += time.perf_counter() - begun
                if judge := self.hourly if is_hourly else self.watch:
                    self._judge(judge, now)
        finally:
            made.dispose()

    def _write(self, made: sa.Engine, traffic: Traffic, palette: Generating, now: datetime, *, is_hourly: bool) -> None:
        """What stands in the tables and in the lake at that time."""
        hour = int((now - BEGIN) / timedelta(hours=1)) - 1
        if is_hourly and 0 <= hour < self.quarter.days * 24:
            traffic.end_hour(hour)
        with connect.writing(made) as connection:
            palette.export(connection, now)
            if is_hourly:
                traffic.write(connection, now)
                palette.roll_up(connection, now)

    def _clock(self) -> Iterator[datetime]:
        now, step = BEGIN + timedelta(minutes=_RUN_AT), STEP if self.watch else timedelta(hours=1)
        while now < self.quarter.end + timedelta(days=1):
            yield now
            now += step

    def _is_quiet(self, palette: Generating, now: datetime) -> bool:
        """Whether every window under an hour is empty, and was when it was judged last: nothing can have changed.

        What has not been exported is no quiet: that nothing came is then the news.
        """
        if "export_stopped" in self.quarter.wrong(now) or palette.exported_at is None:
            return False
        return now - palette.changed_at > _QUIET and now - palette.exported_at <= _QUIET and not palette.has_news(now)

    def _judge(self, judge: Judge, now: datetime) -> None:
        begun = time.perf_counter()
        judge(self.settings, now)
        self.judged_s += time.perf_counter() - begun
        self.ticks += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--url", default="")
    parser.add_argument("--quiet", action="store_true", help="a quarter in which nothing goes wrong")
    arguments = parser.parse_args()
    quarter = Quarter(arguments.seed, arguments.days, **({"kinds": ()} if arguments.quiet else {}))
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        url = arguments.url or f"sqlite:///{folder}/warehouse.sqlite"
        replay = Replay(quarter, settings_of(url, Path(folder)), lambda s, n: None, lambda s, n: None)
        begun = time.perf_counter()
        replay.run()
        print(
            f"seed {arguments.seed}: {replay.ticks} ticks, {time.perf_counter() - begun:.1f} s, of them {replay.wrote_s:.1f} s writing"
        )


if __name__ == "__main__":
    main()
