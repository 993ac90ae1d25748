"""Whether sources deliver: by the times of their objects, and by what runs have put down of each source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from mediameter import connect
from mediameter.doctor.case import Case, Visit
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.metering.rhythm import rhythm
from mediameter.store import migration, sightings, tenancy
from mediameter.store.warehouse import naive, tables
from mediameter.systems.system import LOG_OBJECTS

_SUBJECT = "what runs believe"


def silence(visit: Visit) -> Iterator[Finding]:
    """The newest object against the times of those before it."""
    hours = visit.source.quiet_hours
    now = visit.clock()
    deliveries = [version.last_modified for version in visit.objects]
    found = rhythm(deliveries, now=now, ordinary=timedelta(hours=hours) if hours else None)
    if found is None:
        yield skipped("deliveries", "no object to look at")
        return
    last = f"the last delivery was at {found.last_at:%Y-%m-%d %H}h UTC"
    if now > found.late_from:
        is_log = visit.system.form is LOG_OBJECTS
        on = "access logging still on, and into" if is_log else "the export still running, and into"
        how = "is the copy job alive" if visit.source.is_folder else f"is {on} this bucket and prefix"
        ordinary = f"the next was due by {found.expected_by:%Y-%m-%d %H}h"
        remedy = f"{how}? If such a silence is ordinary: {visit.setting} quiet_hours"
        yield warning("deliveries", f"{last}: nothing has come since, {ordinary}", remedy)
    else:
        yield ok("deliveries", f"{last}; a silence until {found.late_from:%Y-%m-%d %H}h is ordinary")


def believed(case: Case) -> Iterator[Finding]:
    """What the last runs did not believe, and which tables have been silent for too long."""
    file = case.settings.warehouse.sqlite_path
    if file is not None and not file.exists():
        yield skipped(_SUBJECT, "no run has looked at anything yet")
        return
    made = tenancy.engine(case.settings.warehouse.url, case.settings.tenant)
    try:
        with connect.reading(made) as connection:
            findings = [*_found(connection, case)]
    except (MediameterError, sa.exc.SQLAlchemyError):  # a check of its own tells why
        findings = [skipped(_SUBJECT, "the warehouse cannot be asked")]
    finally:
        made.dispose()
    yield from findings


def _found(connection: sa.Connection, case: Case) -> list[Finding]:
    if migration.revision(connection) != migration.HEAD:
        return [skipped(_SUBJECT, "no run of this mediameter has looked at anything yet")]
    findings = [*_doubts(connection, case), *_silent_tables(connection, case)]
    return [*(findings or [ok(_SUBJECT, "no source shows less than before")]), *_kept_prices(connection, case)]


def _kept_prices(connection: sa.Connection, case: Case) -> Iterator[Finding]:
    """Days whose money somebody is to decide about."""
    kept = tables["kept_prices"].c
    query = sa.select(kept.source, sa.func.min(kept.day), sa.func.max(kept.day), sa.func.count(kept.day.distinct()))
    query = query.where(kept.tenant == case.settings.tenant).group_by(kept.source).order_by(kept.source)
    for source, first, last, days in connection.execute(query):
        found = f"{days:,} days from {first} to {last} keep a price that was changed when they were final"
        remedy = f"`mediameter backfill {first}..{last} --reprice --dry-run` tells by how much they would change"
        yield warning(f"price of {source}", found, remedy)


def _doubts(connection: sa.Connection, case: Case) -> Iterator[Finding]:
    for each in sightings.doubts(connection, case.settings.sources):
        tell = error if each.kind == "fewer" else warning
        since = f", since {each.since:%Y-%m-%d %H:%M}Z" if each.since else ""
        yield tell(f"[sources.{each.source}]", f"{each.detail}{since}", each.remedy)


def _silent_tables(connection: sa.Connection, case: Case) -> Iterator[Finding]:
    listings = tables["listings"].c
    query = sa.select(listings.source, listings.delivered_at).where(listings.late_from_at < naive(case.clock()))
    for name, at in connection.execute(query.order_by(listings.source)):
        if name in case.settings.table_sources:
            found = f"no row is newer than {_hour(at)}, longer than is usual for it"
            remedy = f"is the application running, and is this its database? If so: [sources.{name}] quiet_hours"
            yield warning(f"[sources.{name}]", found, remedy)


def _hour(at: datetime) -> str:
    return f"{at.replace(tzinfo=UTC):%Y-%m-%d %H}h UTC"


DELIVERIES: tuple[Check[Case], ...] = (Check("believed", believed),)
