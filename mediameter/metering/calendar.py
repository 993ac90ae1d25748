"""The calendar of the reports: which day an instant belongs to, and when a day begins and ends.

A reporting day is a day of the reporting time zone (`[reporting] time_zone`), so it has 23, 24 or 25 hours.
Make a `Day` once and hand it on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A reporting day: its date in its zone, its begin and its end (the begin of the next day), both in UTC."""

    day: date
    zone: tzinfo
    begin: datetime
    end: datetime

    @classmethod
    def of(cls, day: date, zone: tzinfo) -> Day:
        """The day of this date in this zone."""
        return cls(day, zone, _midnight(day, zone), _midnight(day + timedelta(days=1), zone))

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return self.begin, self.end

    @property
    def hours(self) -> list[datetime]:
        """The begin of each of its UTC hours: 23, 24 or 25."""
        return [self.begin + n * _HOUR for n in range((self.end - self.begin) // _HOUR)]


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def day_of(at: datetime, zone: tzinfo) -> date:
    """The reporting day of an instant."""
    return at.astimezone(zone).date()


def touched_days(hours: Iterable[datetime], zone: tzinfo) -> set[date]:
    return {day_of(hour, zone) for hour in set(hours)}


def days_around(hours: Iterable[datetime], zone: tzinfo, before: timedelta, after: timedelta) -> set[date]:
    """Days of the hours, and of what is so long before their begin or after their end: a day is longer than both."""
    last = timedelta(hours=1, microseconds=-1)
    edges = {at for hour in set(hours) for at in (hour - before, hour, hour + last + after)}
    return touched_days(edges, zone)
