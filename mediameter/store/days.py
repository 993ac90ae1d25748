"""How complete each day is, and what it rests on: the table `days`."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from mediameter.metering.calendar import Day
from mediameter.numbers import told
from mediameter.settings import Settings
from mediameter.store import fences, listings, objects
from mediameter.store.warehouse import naive, tables

_days, _checks = tables["days"], tables["quality_checks_daily"]


class DayRow(NamedTuple):
    """What `days` says of a day and a source: lines = parsed + ignored + rejected. ``refused``: whole objects."""

    objects: int
    parsed: int
    ignored: int
    rejected: int
    refused: int
    duplicates: int
    bytes_sent: int = 0
    not_counted: objects.NotCounted = objects.NOTHING

    @property
    def counts(self) -> dict[str, int]:
        """All of it by name, with ``lines``."""
        more = {"lines": self.parsed + self.ignored + self.rejected, **self.not_counted._asdict()}
        return {**{name: value for name, value in self._asdict().items() if name != "not_counted"}, **more}


def write(
    connection: sa.Connection,
    settings: Settings,
    family: str,
    day: date,
    rows: Mapping[str, DayRow],
    *,
    of: Collection[str] | None,
) -> None:
    """Replaces the family's rows of the day by these, one a source: open, since what was written is not judged yet.

    ``of``: the sources whose rows are replaced; None: of all sources that the family has rows of.
    """
    whose = _days.c.family == family if of is None else _days.c.source.in_(list(of))
    which = sa.and_(_days.c.tenant == settings.tenant, _days.c.day == day, whose)
    before = {row.source: row.revision for row in connection.execute(sa.select(_days).where(which))}
    connection.execute(_days.delete().where(which))
    end = Day.of(day, settings.reporting.zone).end
    for source, row in rows.items():
        counts = row.counts
        values = {name: value for name, value in counts.items() if name != "refused"}
        connection.execute(
            _days.insert().values(
                tenant=settings.tenant, source=source, day=day, family=family, state="open",
                complete_through_at=_through(connection, settings, source, end)[0],
                is_suspect=_is_doubtful(settings, counts), revision=before.get(source, 0) + 1, **values,
            )
        )  # fmt: skip


def refresh(connection: sa.Connection, settings: Settings, verdicts: Mapping[str, str]) -> None:
    """After a listing: days that have become complete are final, days that late data reopened are open again.
    ``verdicts``: by family the fence of its verdicts."""
    sound = {family: _sound(connection, settings, family, fence) for family, fence in verdicts.items()}
    changed: set[date] = set()
    for row in _standing(connection, settings):
        end = Day.of(row["day"], settings.reporting.zone).end
        through, is_complete = _through(connection, settings, row["source"], end)
        state = "final" if is_complete and row["day"] in sound[row["family"]] else "open"
        if (state, through) == (row["state"], row["complete_through_at"]):
            continue
        _update(connection, row, state=state, complete_through_at=through)
        changed.add(row["day"])
    mark_months(connection, settings, changed)


def judge(connection: sa.Connection, settings: Settings, family: str, fence: str, judged: set[date]) -> None:
    """After the gate's verdict on a family of these days, behind its ``fence``: they are final, or suspect. What the
    ledger itself doubts stays so."""
    sound = _sound(connection, settings, family, fence)
    for row in _standing(connection, settings):
        if row["day"] not in judged or row["family"] != family:
            continue
        bounds = Day.of(row["day"], settings.reporting.zone).bounds
        refused = objects.day_counts(connection, row["source"], *bounds)["refused"]  # of tables there are no objects
        is_complete = _through(connection, settings, row["source"], bounds[1])[1]
        is_sound = row["day"] in sound
        _update(
            connection,
            row,
            state="final" if is_complete and is_sound else "open",
            is_suspect=_is_doubtful(settings, {**row, "refused": refused}) or not is_sound,
        )
    mark_months(connection, settings, judged)


def known(connection: sa.Connection, settings: Settings, family: str) -> set[date]:
    """Days that some source of the family has something of: of logs, lines."""
    query = sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.family == family)
    return set(connection.execute(query).scalars())


def known_of_any(connection: sa.Connection, settings: Settings) -> set[date]:
    """Days that any source has something of."""
    return set(connection.execute(sa.select(_days.c.day).where(_days.c.tenant == settings.tenant)).scalars())


def frozen(connection: sa.Connection, settings: Settings) -> set[date]:
    """Days whose raw data has gone: their figures are history, and computed again they would be zeros."""
    query = sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.state == "frozen")
    return set(connection.execute(query).scalars())


def places(connection: sa.Connection, settings: Settings, family: str) -> set[tuple[date, str]]:
    """Days of the family with each source that has something of them."""
    query = sa.select(_days.c.day, _days.c.source).where(_days.c.tenant == settings.tenant, _days.c.family == family)
    return {(day, source) for day, source in connection.execute(query)}


def closed(connection: sa.Connection, settings: Settings, family: str) -> set[tuple[date, str]]:
    """Of these, what is final or frozen: its money is made with other prices by an act alone."""
    query = sa.select(_days.c.day, _days.c.source).where(
        _days.c.tenant == settings.tenant, _days.c.family == family, _days.c.state != "open"
    )
    return {(day, source) for day, source in connection.execute(query)}


def complete_through(connection: sa.Connection, settings: Settings) -> datetime | None:
    """Until when all sources of traffic are complete, as rules of days wait for them; None where of one of them
    nothing is. A source that usually takes longer than days have to settle is waited for."""
    settling = timedelta(hours=settings.reporting.settle_hours)
    known = [listings.complete_through(connection, source) for source in settings.app_sources]
    for source in settings.log_sources:
        through, more = listings.complete_through(connection, source), listings.delay(connection, source) - settling
        known.append(through and through - max(more, timedelta(0)))
    return None if None in known else min((at for at in known if at), default=None)


def of_day(through: datetime | None, settings: Settings, day: date) -> datetime | None:
    """What is complete ``through`` an instant, of a day: at most its end."""
    return through and min(through, Day.of(day, settings.reporting.zone).end)


def _through(connection: sa.Connection, settings: Settings, source: str, end: datetime) -> tuple[datetime | None, bool]:
    """Until when a source is complete (at most the day's end), and whether that is the day's end. A day of logs is
    complete when the events that it is held against are, too."""
    others = settings.app_sources if source in settings.log_sources else ()
    known = [listings.complete_through(connection, each) for each in (source, *others)]
    if any(at is None for at in known):
        return None, False
    through = min(at for at in known if at)
    return naive(min(through, end)), through >= end


def _sound(connection: sa.Connection, settings: Settings, family: str, fence: str) -> set[date]:
    """Days whose figures are of what is known of them, that the gate has judged as they stand, and that break no
    critical rule of the family. What could not be computed again is not sound, however good it once was."""
    is_broken = sa.and_(_checks.c.family == family, _checks.c.is_met.is_(False), _checks.c.severity == "critical")
    query = sa.select(_checks.c.day).where(_checks.c.tenant == settings.tenant, is_broken)
    return fences.done_days(connection, family) & fences.done_days(connection, fence) - set(
        connection.execute(query).scalars()
    )


def _is_doubtful(settings: Settings, counts: Mapping[str, int]) -> bool:
    return bool(_doubts(settings, counts))


def _doubts(settings: Settings, counts: Mapping[str, int]) -> list[str]:
    """Why too much of what the day rests on could not be read: of its lines, or of its bytes at their most."""
    budget = settings.rejects.budget
    allowed = f"more than {told(budget, 'ratio')}"
    why = []
    if counts["refused"]:
        why.append(f"{told(counts['refused'], 'objects')} refused as a whole")
    if counts["rejected"] > budget * counts["lines"]:
        why.append(f"{counts['rejected']:,} of {told(counts['lines'], 'lines')} rejected, {allowed}")
    if counts["rejected_most_bytes"] > budget * counts["bytes_sent"]:
        most = told(counts["rejected_most_bytes"], "bytes")
        why.append(f"rejected lines may stand for {most} beside {told(counts['bytes_sent'], 'bytes')}, {allowed}")
    return why


def why_suspect(connection: sa.Connection, settings: Settings) -> dict[date, list[str]]:
    """Of each suspect day, frozen ones apart, what it is suspect for: what could not be read, and rules of quality that
    it breaks."""
    found: dict[date, list[str]] = {}
    for row in _standing(connection, settings):
        if row["is_suspect"]:
            bounds = Day.of(row["day"], settings.reporting.zone).bounds
            refused = objects.day_counts(connection, row["source"], *bounds)["refused"]
            doubts = _doubts(settings, {**row, "refused": refused})
            found.setdefault(row["day"], []).extend(f"{row['source']}: {why}" for why in doubts)
    query = sa.select(_checks.c.day, _checks.c.suite, _checks.c.rule).where(
        _checks.c.tenant == settings.tenant, _checks.c.is_met.is_(False), _checks.c.severity == "critical"
    )
    for day, suite, rule in connection.execute(query.order_by(_checks.c.suite, _checks.c.rule)):
        if day in found:
            found[day].append(f"breaks the rule {suite}.{rule}")
    return found


def _standing(connection: sa.Connection, settings: Settings) -> list[sa.RowMapping]:
    """All rows but the frozen ones."""
    query = sa.select(_days).where(_days.c.tenant == settings.tenant, _days.c.state != "frozen")
    return list(connection.execute(query).mappings())


def _update(connection: sa.Connection, row: sa.RowMapping, **values: object) -> None:
    which = (_days.c.tenant == row["tenant"], _days.c.source == row["source"], _days.c.day == row["day"])
    connection.execute(_days.update().where(*which).values(**values))


def mark_months(connection: sa.Connection, settings: Settings, changed: Collection[date]) -> None:
    """Checks of these days and the rest of their months become dirty, since a projection rests on which are final."""
    firsts = {day.replace(day=1): day for day in sorted(changed, reverse=True)}.values()
    dirty = {day for first in firsts for day in _rest_of_month(connection, settings, first)}
    fences.mark_dirty(connection, "checks", dirty)


def _rest_of_month(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """This day and the known days after it in its month: their projections rest on it."""
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    known = connection.execute(
        sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.day > day, _days.c.day <= last)
    ).scalars()
    return {day, *known}
