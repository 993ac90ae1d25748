"""The time window of an answer: an operator's words become a first and a last day, or whole hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from mediameter.answers.asking import AnswerError
from mediameter.metering.calendar import Day, day_of

HOW = "write today, 24h, 7d, all, 2026-11-01 or 2026-11-01..2026-11-07"
_LONGEST_H = 31 * 24


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the reporting zone, both included; ``hours``: where whole hours were asked for, from when to when (UTC).
    What is kept by the day alone is then of the days that they touch."""

    first_day: date
    last_day: date
    hours: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the warehouse knows: its first and newest day, and until when it is complete."""

    first_day: date
    newest_day: date
    complete_through_at: datetime | None


def asked(last: str, known: Known, now: datetime, zone: tzinfo) -> Window:
    """The window of "today" (the clock's), "all", "24h" (whole hours, the last that are complete), and of `window`."""
    if last == "today":
        today = day_of(now, zone)
        return Window(today, today)
    if last == "all":
        return Window(known.first_day, known.newest_day)
    hours = re.fullmatch(r"([0-9]{1,4})h", last)
    if hours:
        return _hours(int(hours[1]), known, zone)
    return Window(*window(last, newest=known.newest_day))


def _hours(number: int, known: Known, zone: tzinfo) -> Window:
    if not 0 < number <= _LONGEST_H:
        raise AnswerError(f"{number}h is no window of hours", f"write 1h to {_LONGEST_H}h, or days: 30d")
    day_end = Day.of(known.newest_day, zone).end
    end = min(known.complete_through_at or day_end, day_end).replace(minute=0, second=0, microsecond=0)
    begin = end - timedelta(hours=number)
    last_instant = end - timedelta(microseconds=1)
    return Window(day_of(begin, zone), day_of(last_instant, zone), (begin, end))


def window(last: str, *, newest: date) -> tuple[date, date]:
    """First and last day of "7d" (the 7 days that end with `newest`), "2026-11-01..2026-11-07" or "2026-11-01"."""
    days = re.fullmatch(r"([0-9]{1,5})d", last)
    if days and int(days[1]) > 0:
        try:
            return newest - timedelta(days=int(days[1]) - 1), newest
        except OverflowError:
            raise AnswerError(f"{last!r} reaches back before the calendar", "give fewer days") from None
    if not days and re.fullmatch(r"[0-9-]{10}(\.\.[0-9-]{10})?", last):
        return _range(last)
    raise AnswerError(f"{last!r} is no window", HOW)


def _range(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        raise AnswerError(f"{text!r} names a day that does not exist", str(error)) from None
    if begin > end:
        raise AnswerError(f"{text!r} ends before it begins", f"write {end}..{begin}")
    return begin, end
