"""When a source shows so much less than it did that rights, a filter or a wrong place are likelier than deletions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

HANDFUL = 5
"""So many rows or objects may go at once, whatever share of all they are."""
RECENT = timedelta(days=7)
"""Objects that were delivered so shortly before the newest one have to be there still."""


def has_shrunk(before: int, there: int) -> bool:
    """A fall to nothing; or by more than a handful and more than a fifth."""
    gone = before - there
    return before > 0 and (there == 0 or (gone > HANDFUL and 5 * gone > before))


def gone_of_days(before: Mapping[date, int], there: Mapping[date, int]) -> tuple[int, int]:
    """How many rows of these days were counted, and how many of these are there no more. What came to one day makes up
    for nothing that went from another, except for a row's own change of day: so days are compared one by one."""
    return sum(before.values()), sum(max(0, rows - there.get(day, 0)) for day, rows in before.items())


def purged_days(
    before: Mapping[date, int], there: Mapping[date, int], oldest: date | None, recent: date, aged: date | None = None
) -> set[date]:
    """Days that an application has cleared away because they are old: older than ``recent``, and than all that is there
    (``oldest``), or that very day where it is cleared in part. Of a system that says for how long it keeps rows: also
    days up to ``aged`` that have lost some, whatever a forgotten older row would say."""
    if oldest is None:
        return set()
    fewer = {day for day, rows in before.items() if there.get(day, 0) < rows}
    of_age = {day for day in fewer if aged is not None and day <= aged}
    return of_age | {day for day in before if day < recent and (day < oldest or (day == oldest and day in fewer))}


def expected_objects(
    delivered: Mapping[str, datetime], *, now: datetime, kept: timedelta | None, since: datetime | None
) -> set[str]:
    """Keys that have to be in the next listing: delivered within ``RECENT`` before the newest one, younger than the age
    at which objects go there (``kept``; None: none was ever seen to go), and after ``since``."""
    if not delivered:
        return set()
    first = max(delivered.values()) - RECENT
    return {
        key
        for key, at in delivered.items()
        if at >= first and (kept is None or now - at < kept) and (since is None or at > since)
    }
