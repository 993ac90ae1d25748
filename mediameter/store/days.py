"""How complete each day is, and what it rests on: the table `days`."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from mediameter.numbers import told
from mediameter.settings import Settings
from mediameter.store import exports, ledger
from mediameter.store.warehouse import naive, tables
from schemas.vocabulary import VERDICT_FENCES

_days, _checks = tables["days"], tables["quality_checks_daily"]
_NOTHING_SENT = {"bytes_sent": 0, **ledger.NOTHING._asdict()}  # of generations


def write(
    connection: sa.Connection, settings: Settings, day: date, distinct: dict[str, int], sent: dict[str, int]
) -> None:
    """Replaces the day's rows, one a source with lines of it: open, since what was written is not judged yet. Checks
    become dirty to the end of its month.

    ``distinct``: distinct records by source; ``sent``: their bytes. Raises ``AssertionError`` when there are more than
    were parsed.
    """
    bounds = ledger.day_bounds(day, settings.reporting.zone)
    of_logs = _days.c.family == "traffic"
    which = sa.and_(_days.c.tenant == settings.tenant, _days.c.day == day, of_logs)
    before = {row["source"]: row for row in connection.execute(sa.select(_days).where(which)).mappings()}
    connection.execute(_days.delete().where(which))
    for source in settings.log_sources:
        revision = before[source]["revision"] + 1 if source in before else 1
        counts = ledger.day_counts(connection, source, *bounds)
        if not counts["objects"]:
            continue
        duplicates = counts["parsed"] - distinct.get(source, 0)
        if duplicates < 0:
            raise AssertionError(f"{day}: more distinct records than parsed lines; nothing was written")
        not_counted = ledger.day_not_counted(connection, source, *bounds)._asdict()
        counted = {"lines": _lines(counts), "bytes_sent": sent.get(source, 0), **not_counted}
        connection.execute(
            _days.insert().values(
                tenant=settings.tenant, source=source, day=day, family="traffic", state="open",
                complete_through_at=_through(connection, settings, source, bounds[1])[0],
                is_suspect=_is_doubtful(settings, {**counts, **counted}), revision=revision,
                objects=counts["objects"], parsed=counts["parsed"], ignored=counts["ignored"],
                rejected=counts["rejected"], duplicates=duplicates, **counted,
            )
        )  # fmt: skip
    ledger.mark_dirty(connection, VERDICT_FENCES["traffic"], {day})
    _mark_months(connection, settings, {day})


def write_generations(
    connection: sa.Connection, settings: Settings, day: date, parsed: dict[str, int], distinct: dict[str, int]
) -> None:
    """Replaces the day's rows of generating sources with events of it, or rows that were read and are none: open, since
    what was written is not judged yet.

    ``parsed``: events by source, repetitions among them; ``distinct``: without. Rejects of a table
    count on the reporting day with the same calendar date as the UTC day they were read in; rejects of an event file
    count on the day of its first event.
    """
    bounds = ledger.day_bounds(day, settings.reporting.zone)
    for source in settings.generating_sources:
        which = sa.and_(_days.c.tenant == settings.tenant, _days.c.day == day, _days.c.source == source)
        before = connection.execute(sa.select(_days.c.revision).where(which)).scalar()
        connection.execute(_days.delete().where(which))
        counts = _generating_counts(connection, settings, source, day, bounds)
        lines = parsed.get(source, 0) + counts["ignored"] + counts["rejected"]
        if not lines and not counts["refused"]:
            continue
        connection.execute(
            _days.insert().values(
                tenant=settings.tenant, source=source, day=day, family="generations", state="open",
                complete_through_at=_through(connection, settings, source, bounds[1])[0],
                is_suspect=_is_doubtful(settings, {**counts, **_NOTHING_SENT, "lines": lines}),
                revision=(before or 0) + 1, objects=counts["objects"], lines=lines, parsed=parsed.get(source, 0),
                ignored=counts["ignored"], rejected=counts["rejected"],
                duplicates=parsed.get(source, 0) - distinct.get(source, 0), **_NOTHING_SENT,
            )
        )  # fmt: skip
    ledger.mark_dirty(connection, VERDICT_FENCES["generations"], {day})
    ledger.mark_dirty(connection, "checks", {day})


def _generating_counts(
    connection: sa.Connection, settings: Settings, source: str, day: date, bounds: tuple[datetime, datetime]
) -> dict[str, int]:
    """objects (or tables), ignored, rejected, and refused objects."""
    if source in settings.event_sources:
        return ledger.day_counts(connection, source, *bounds)
    counts = exports.day_counts(connection, source, day)
    return {**counts, "objects": counts["tables"], "refused": 0}


def refresh(connection: sa.Connection, settings: Settings) -> None:
    """After a listing: days that have become complete are final, days that late data reopened are open again."""
    sound = {family: _sound(connection, settings, family) for family in VERDICT_FENCES}
    changed: set[date] = set()
    for row in _standing(connection, settings):
        end = ledger.day_bounds(row["day"], settings.reporting.zone)[1]
        through, is_complete = _through(connection, settings, row["source"], end)
        state = "final" if is_complete and row["day"] in sound[row["family"]] else "open"
        if (state, through) == (row["state"], row["complete_through_at"]):
            continue
        _update(connection, row, state=state, complete_through_at=through)
        changed.add(row["day"])
    _mark_months(connection, settings, changed)


def judge(connection: sa.Connection, settings: Settings, family: str, judged: set[date]) -> None:
    """After the gate's verdict on a family of these days: they are final, or suspect. What the ledger itself doubts
    stays so."""
    sound = _sound(connection, settings, family)
    for row in _standing(connection, settings):
        if row["day"] not in judged or row["family"] != family:
            continue
        bounds = ledger.day_bounds(row["day"], settings.reporting.zone)
        refused = ledger.day_counts(connection, row["source"], *bounds)["refused"]  # of tables there are no objects
        is_complete = _through(connection, settings, row["source"], bounds[1])[1]
        is_sound = row["day"] in sound
        _update(
            connection,
            row,
            state="final" if is_complete and is_sound else "open",
            is_suspect=_is_doubtful(settings, {**row, "refused": refused}) or not is_sound,
        )
    _mark_months(connection, settings, judged)


def known(connection: sa.Connection, settings: Settings, family: str = "traffic") -> set[date]:
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
    known = [ledger.complete_through(connection, source) for source in settings.app_sources]
    for source in settings.log_sources:
        through, more = ledger.complete_through(connection, source), ledger.delay(connection, source) - settling
        known.append(through and through - max(more, timedelta(0)))
    return None if None in known else min((at for at in known if at), default=None)


def of_day(through: datetime | None, settings: Settings, day: date) -> datetime | None:
    """What is complete ``through`` an instant, of a day: at most its end."""
    return through and min(through, ledger.day_bounds(day, settings.reporting.zone)[1])


def _through(connection: sa.Connection, settings: Settings, source: str, end: datetime) -> tuple[datetime | None, bool]:
    """Until when a source is complete (at most the day's end), and whether that is the day's end. A day of logs is
    complete when the events that it is held against are, too."""
    others = settings.app_sources if source in settings.log_sources else ()
    known = [ledger.complete_through(connection, each) for each in (source, *others)]
    if any(at is None for at in known):
        return None, False
    through = min(at for at in known if at)
    return naive(min(through, end)), through >= end


def _sound(connection: sa.Connection, settings: Settings, family: str) -> set[date]:
    """Days whose traffic, or generations, the gate has judged as they stand, and that break no critical rule there."""
    is_broken = sa.and_(_checks.c.family == family, _checks.c.is_met.is_(False), _checks.c.severity == "critical")
    query = sa.select(_checks.c.day).where(_checks.c.tenant == settings.tenant, is_broken)
    return ledger.done_days(connection, VERDICT_FENCES[family]) - set(connection.execute(query).scalars())


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
            bounds = ledger.day_bounds(row["day"], settings.reporting.zone)
            refused = ledger.day_counts(connection, row["source"], *bounds)["refused"]
            doubts = _doubts(settings, {**row, "refused": refused})
            found.setdefault(row["day"], []).extend(f"{row['source']}: {why}" for why in doubts)
    query = sa.select(_checks.c.day, _checks.c.suite, _checks.c.rule).where(
        _checks.c.tenant == settings.tenant, _checks.c.is_met.is_(False), _checks.c.severity == "critical"
    )
    for day, suite, rule in connection.execute(query.order_by(_checks.c.suite, _checks.c.rule)):
        if day in found:
            found[day].append(f"breaks the rule {suite}.{rule}")
    return found


def _lines(counts: dict[str, int]) -> int:
    return counts["parsed"] + counts["ignored"] + counts["rejected"]


def _standing(connection: sa.Connection, settings: Settings) -> list[sa.RowMapping]:
    """All rows but the frozen ones."""
    query = sa.select(_days).where(_days.c.tenant == settings.tenant, _days.c.state != "frozen")
    return list(connection.execute(query).mappings())


def _update(connection: sa.Connection, row: sa.RowMapping, **values: object) -> None:
    which = (_days.c.tenant == row["tenant"], _days.c.source == row["source"], _days.c.day == row["day"])
    connection.execute(_days.update().where(*which).values(**values))


def _mark_months(connection: sa.Connection, settings: Settings, changed: Collection[date]) -> None:
    """Checks of these days and the rest of their months become dirty, since a projection rests on which are final."""
    firsts = {day.replace(day=1): day for day in sorted(changed, reverse=True)}.values()
    dirty = {day for first in firsts for day in _rest_of_month(connection, settings, first)}
    ledger.mark_dirty(connection, "checks", dirty)


def _rest_of_month(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """This day and the known days after it in its month: their projections rest on it."""
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    known = connection.execute(
        sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.day > day, _days.c.day <= last)
    ).scalars()
    return {day, *known}
