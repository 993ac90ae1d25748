"""How complete each day is, and what it rests on: the table `days`."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime

import sqlalchemy as sa

from mediameter import exports, ledger
from mediameter.settings import Settings
from mediameter.warehouse import naive, tables

_days = tables["days"]


def write(connection: sa.Connection, settings: Settings, day: date, distinct: dict[str, int]) -> None:
    """Replaces the day's rows, one a source with lines of it; checks become dirty to the end of its month.

    ``distinct``: distinct records by source. Raises ``AssertionError`` when there are more than were parsed.
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
        lines = counts["parsed"] + counts["ignored"] + counts["rejected"]
        too_many = counts["rejected"] > settings.rejects.budget * lines
        state, through = _state(connection, settings, source, bounds[1])
        connection.execute(
            _days.insert().values(
                tenant=settings.tenant, source=source, day=day, family="traffic", state=state,
                complete_through_at=through, is_suspect=bool(counts["refused"]) or too_many, revision=revision,
                objects=counts["objects"], lines=lines, parsed=counts["parsed"], ignored=counts["ignored"],
                rejected=counts["rejected"], duplicates=duplicates,
            )
        )  # fmt: skip
    ledger.mark_dirty(connection, "checks", _rest_of_month(connection, settings, day))


def write_generations(
    connection: sa.Connection, settings: Settings, day: date, parsed: dict[str, int], distinct: dict[str, int]
) -> None:
    """Replaces the day's rows of generating sources with events of it, or rows that were read and are none.

    ``parsed``: events by source, repetitions among them; ``distinct``: without. What was rejected or left out counts on
    the day that is called as the UTC day it was read with; of an event file, on the day of its first event.
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
        too_many = counts["rejected"] > settings.rejects.budget * lines
        state, through = _state(connection, settings, source, bounds[1])
        connection.execute(
            _days.insert().values(
                tenant=settings.tenant, source=source, day=day, family="generations", state=state,
                complete_through_at=through, is_suspect=bool(counts["refused"]) or too_many,
                revision=(before or 0) + 1, objects=counts["objects"], lines=lines, parsed=parsed.get(source, 0),
                ignored=counts["ignored"], rejected=counts["rejected"],
                duplicates=parsed.get(source, 0) - distinct.get(source, 0),
            )
        )  # fmt: skip


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
    query = sa.select(_days).where(_days.c.tenant == settings.tenant, _days.c.state != "frozen")
    changed: set[date] = set()
    for row in list(connection.execute(query).mappings()):
        end = ledger.day_bounds(row["day"], settings.reporting.zone)[1]
        state, through = _state(connection, settings, row["source"], end)
        if (state, through) == (row["state"], row["complete_through_at"]):
            continue
        which = sa.and_(_days.c.tenant == settings.tenant, _days.c.source == row["source"], _days.c.day == row["day"])
        connection.execute(_days.update().where(which).values(state=state, complete_through_at=through))
        changed.add(row["day"])
    ledger.mark_dirty(connection, "checks", changed)


def frozen(connection: sa.Connection, settings: Settings) -> set[date]:
    """Days whose raw data has gone: their figures are history, and computed again they would be zeros."""
    query = sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.state == "frozen")
    return set(connection.execute(query).scalars())


def complete_through(connection: sa.Connection, settings: Settings, day: date) -> tuple[datetime | None, bool]:
    """Until when all sources of traffic are complete (at most the day's end), and whether that is the day's end."""
    end = ledger.day_bounds(day, settings.reporting.zone)[1]
    sources = (*settings.log_sources, *settings.app_sources)
    known = [ledger.complete_through(connection, source) for source in sources]
    if not known or any(at is None for at in known):
        return None, False
    through = min(at for at in known if at)
    return min(through, end), through >= end


def _state(connection: sa.Connection, settings: Settings, source: str, end: datetime) -> tuple[str, datetime | None]:
    """A day of logs is complete when the events that it is held against are, too."""
    others = settings.app_sources if source in settings.log_sources else ()
    known = [ledger.complete_through(connection, each) for each in (source, *others)]
    if any(at is None for at in known):
        return "open", None
    through = min(at for at in known if at)
    return ("final" if through >= end else "open"), naive(min(through, end))


def _rest_of_month(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """This day and the known days after it in its month: their projections rest on it."""
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    known = connection.execute(
        sa.select(_days.c.day).where(_days.c.tenant == settings.tenant, _days.c.day > day, _days.c.day <= last)
    ).scalars()
    return {day, *known}
