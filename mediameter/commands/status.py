"""How complete each source and day is, and whether anything is late or suspect."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, func, select

from mediameter.alerts.channels import channel_id
from mediameter.alerts.channels import shown as shown_channel
from mediameter.alerts.outbox import Unsent, unsent
from mediameter.commands import silence
from mediameter.metering.calendar import Day, day_of
from mediameter.numbers import told
from mediameter.opening.reader import plain, reader, rows
from mediameter.printable import shown
from mediameter.report import words
from mediameter.settings import Settings
from mediameter.steps.redo.repricing import Waiting, lines, waiting
from mediameter.store import rejects as kept
from mediameter.store.days import why_suspect
from mediameter.store.listings import complete_through
from mediameter.store.warehouse import tables

LATE_AFTER = timedelta(hours=3)  # an hourly run that missed two beats
SHOWN_DAYS = 14
NO_OBJECTS = "no_objects"
"""What stands for the state of a day that nothing is known of."""
UNSENT_AFTER = timedelta(hours=1)  # a message is tried six times within it
GIVEN_UP_TOLD_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The last complete listing of one source; None where there was none. ``doubts``: why it is not
    believed; ``silence``: that nothing has come for longer than is usual for it; empty where that is not so."""

    source: str
    listed_at: datetime | None
    objects: int
    pending: int
    complete_through_at: datetime | None
    is_late: bool
    delivered_at: datetime | None = None
    late_from_at: datetime | None = None
    silence: str = ""
    doubts: tuple[str, ...] = ()

    def complaints(self, now: datetime) -> list[str]:
        """Why it is late, a line each; none where it is not."""
        lines = [*self.doubts, self.silence, "" if self.doubts else self._not_listed(now)]
        return [line for line in lines if line]

    def _not_listed(self, now: datetime) -> str:
        if self.listed_at is None:
            return f"{self.source}: no run has listed it yet. {_NO_RUN}"
        if now - self.listed_at > LATE_AFTER:
            ago = told((now - self.listed_at).total_seconds(), "s")
            return f"{self.source}: no run has listed it for {ago}. {_NO_RUN}"
        if self.pending:
            return f"{self.source}: {self.pending:,} objects could not be read yet; the next run tries them again"
        return ""


_NO_RUN = "Check the schedule (cron, or Prefect's hourly and nightly): `mediameter doctor`, `mediameter run`"


@dataclass(frozen=True, slots=True)
class DayStatus:
    """One day of one source, as ``days`` has it; late when it should have been final by now."""

    day: date
    source: str
    state: str
    is_suspect: bool
    is_late: bool
    complete_through_at: datetime | None
    objects: int
    lines: int
    parsed: int
    ignored: int
    rejected: int
    duplicates: int
    bytes_sent: int
    rejected_least_bytes: int
    rejected_most_bytes: int
    unsized_lines: int
    unsure_lines: int
    unsure_bytes: int


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule of quality that a day breaks, as the gate found it last."""

    day: date
    suite: str
    rule: str
    severity: str
    detail: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a suspect day is suspect for: what could not be read, and critical rules that it breaks."""

    day: date
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The sources, the last days and every older one that is late or suspect, what became of objects and lines,
    and the rules of quality that any day breaks."""

    sources: tuple[SourceStatus, ...]
    days: tuple[DayStatus, ...]
    missing_day: date | None
    objects: dict[str, int]
    rejects: dict[str, int]
    suspicions: tuple[Suspicion, ...] = ()
    broken_rules: tuple[BrokenRule, ...] = ()
    unsent: tuple[Unsent, ...] = ()
    complaints: tuple[str, ...] = ()
    repricing: tuple[Waiting, ...] = ()
    """Figures of final days that wait for `backfill --reprice`; nothing is late for that."""
    rows_not_kept: int = 0
    """Rejected rows of tables beyond those in ``rejects``: they are counted in their days, and no more."""

    @property
    def is_late(self) -> bool:
        """Whether anything is late, suspect, or asked for and unknown: the exit code of ``status --check``."""
        days = any(day.is_late or day.is_suspect for day in self.days)
        days |= any(each.severity == "critical" for each in self.broken_rules)  # of a day that has gone, even
        days |= bool(self.unsent)
        return days or any(source.is_late for source in self.sources) or self.missing_day is not None

    def to_dict(self) -> dict[str, Any]:
        return {"is_late": self.is_late, **plain(asdict(self))}

    def render(self, console: Console) -> None:
        console.print(_sources_table(self.sources))
        console.print()
        if self.days:
            console.print(_days_table(self.days))
            console.print()
        for day in self.days:
            if more := words.not_counted(day):
                line = f"{day.day} {day.source}: {words.gigabytes(day.bytes_sent)} GB counted, {more}"
                console.print(shown(line), highlight=False, markup=False, soft_wrap=True)
        for suspicion in self.suspicions:
            line = f"{suspicion.day} is suspect: {'; '.join(suspicion.why)}"
            console.print(shown(line), highlight=False, markup=False, soft_wrap=True)
        for each in self.broken_rules:
            line = f"{each.day} breaks {each.suite}.{each.rule} ({each.severity}): {each.detail}"
            console.print(shown(line), highlight=False, markup=False, soft_wrap=True)
        for complaint in self.complaints:
            console.print(shown(complaint), highlight=False, markup=False, soft_wrap=True)
        for line in lines(self.repricing):
            console.print(shown(line), highlight=False, markup=False, soft_wrap=True)
        if self.missing_day:
            console.print(f"There is no data for {self.missing_day}.", highlight=False)
        counts = ", ".join(f"{count:,} {state}" for state, count in self.objects.items())
        console.print(f"Objects: {counts or 'none'}.", highlight=False)
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.rejects.items())
        more = f", and {self.rows_not_kept:,} rows that are counted alone" if self.rows_not_kept else ""
        where = " `mediameter rejects` shows them." if self.rejects else ""
        console.print(f"Rejects: {reasons or 'none'}{more}.{where}", highlight=False)
        console.print("Something is late or suspect." if self.is_late else "Nothing is late or suspect.")


def status(settings: Settings, day: date | None = None, *, now: datetime) -> Status:
    """How things stand as of ``now``: of one day, or of the last days and every older one that needs a look."""
    with reader(settings) as connection:
        known = _days(connection, settings, now)
        wanted = [each for each in known if each.day == day] if day else _worth_showing(known)
        sources = _sources(connection, settings, now)
        held_up = unsent(connection, now, late_after=UNSENT_AFTER, told_for=GIVEN_UP_TOLD_FOR)
        complaints = [line for source in sources for line in source.complaints(now)]
        return Status(
            sources=tuple(sources),
            days=tuple(wanted),
            missing_day=day if day and not wanted else None,
            objects=_counts(connection, select(tables["objects"].c.state)),
            rejects=kept.by_reason(connection),
            rows_not_kept=kept.rows_not_kept(connection),
            suspicions=tuple(_suspicions(connection, settings, {each.day for each in wanted if each.is_suspect})),
            broken_rules=tuple(_broken_rules(connection, settings, day)),
            unsent=tuple(held_up),
            complaints=(*complaints, *(_untold(each, settings) for each in held_up)),
            repricing=tuple(waiting(connection, settings, {day} if day else None)),
        )


def _untold(found: Unsent, settings: Settings) -> str:
    """What a channel has not got, in one line."""
    names = {channel_id(channel): shown_channel(channel) for channel in settings.alerts.every_channel}
    counts = ((found.waiting, "wait"), (found.given_up, "were given up"))
    what = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    name = names.get(found.channel_id, found.channel_id)
    return f"messages to {name}: {what}, the oldest of {_instant(found.oldest_at)}: {found.last_error or 'not tried'}"


def _days(connection: Connection, settings: Settings, now: datetime) -> list[DayStatus]:
    days = tables["days"]
    query = select(days).where(days.c.tenant == settings.tenant).order_by(days.c.day, days.c.source)
    result = []
    for row in rows(connection, query):
        del row["tenant"], row["family"], row["revision"]
        row["is_suspect"] = bool(row["is_suspect"])
        is_late = row["state"] == "open" and now > _final_by(row["day"], settings)
        result.append(DayStatus(**row, is_late=is_late))
    holes = _holes(connection, settings, result, now)
    return sorted([*result, *holes], key=lambda each: (each.day, each.source))


def _holes(connection: Connection, settings: Settings, known: list[DayStatus], now: datetime) -> list[DayStatus]:
    """Days of a source of logs without a single object, between those that have one and yesterday: ordinary of some
    sources at weekends, and late where nothing says that all of the day has come."""
    found, yesterday = [], day_of(now, settings.reporting.zone) - timedelta(days=1)
    for source in settings.log_sources:
        there = {each.day for each in known if each.source == source}
        if not there:
            continue
        through = complete_through(connection, source)
        last = max(max(there), min(yesterday, max(there) + timedelta(days=SHOWN_DAYS)))  # of a long death the begin
        for day in (min(there) + timedelta(days=n) for n in range((last - min(there)).days + 1)):
            if day in there:
                continue
            end = Day.of(day, settings.reporting.zone).end
            at = min(through, end) if through else None
            is_late = at != end and now > _final_by(day, settings)
            found.append(DayStatus(day, source, NO_OBJECTS, False, is_late, at, *[0] * 12))
    return found


def _final_by(day: date, settings: Settings) -> datetime:
    """When a day should be final: its end, the hours to settle, and a little patience."""
    end = Day.of(day, settings.reporting.zone).end
    return end + timedelta(hours=settings.reporting.settle_hours) + LATE_AFTER


def _worth_showing(known: list[DayStatus]) -> list[DayStatus]:
    """The last days, days without an object among them, and every older one that needs a look."""
    recent = sorted({each.day for each in known if each.state != NO_OBJECTS})[-SHOWN_DAYS:]
    return [each for each in known if each.day >= min(recent) or each.is_suspect or each.is_late]


def _sources(connection: Connection, settings: Settings, now: datetime) -> list[SourceStatus]:
    """Every source of the settings, listed yet or not."""
    listed = {row.pop("source"): row for row in rows(connection, select(tables["listings"]))}
    never: dict[str, Any] = dict.fromkeys(("listed_at", "complete_through_at", "delivered_at", "late_from_at"))
    never |= {"objects": 0, "pending": 0}
    silent, doubted = silence.late_sources(connection, settings, now), silence.doubts(connection, settings)
    result = []
    for name in sorted(settings.sources):
        row = {column: listed.get(name, never)[column] for column in never}
        why = tuple(each.line for each in doubted if each.source == name)
        is_late = row["listed_at"] is None or now - row["listed_at"] > LATE_AFTER or row["pending"] > 0
        is_late |= bool(why) or name in silent
        result.append(SourceStatus(name, **row, is_late=is_late, silence=silent.get(name, ""), doubts=why))
    return result


def _suspicions(connection: Connection, settings: Settings, days: set[date]) -> list[Suspicion]:
    why = why_suspect(connection, settings) if days else {}
    return [Suspicion(day, tuple(why.get(day, ["not known any more"]))) for day in sorted(days)]


def _broken_rules(connection: Connection, settings: Settings, day: date | None) -> list[BrokenRule]:
    """Those of one day, or of all; by day, suite and rule."""
    checks = tables["quality_checks_daily"].c
    query = select(checks.day, checks.suite, checks.rule, checks.severity, checks.detail)
    query = query.where(checks.tenant == settings.tenant, checks.is_met.is_(False))
    query = query if day is None else query.where(checks.day == day)
    return [BrokenRule(**row) for row in rows(connection, query.order_by(checks.day, checks.suite, checks.rule))]


def _counts(connection: Connection, query: Any) -> dict[str, int]:
    """How often each word occurs, most frequent first."""
    [word] = query.selected_columns
    counted = connection.execute(query.add_columns(func.count()).group_by(word))
    return dict(sorted(((str(name), int(count)) for name, count in counted), key=lambda pair: (-pair[1], pair[0])))


def _sources_table(sources: tuple[SourceStatus, ...]) -> Table:
    table = _table("source", "listed at", "complete through", figures=("objects", "pending"))
    for row in sources:
        figures = (f"{row.objects:,}", f"{row.pending:,}")
        instants = (_instant(row.listed_at), _instant(row.complete_through_at))
        table.add_row(row.source, *instants, *figures, "late" if row.is_late else "")
    return table


def _days_table(days: tuple[DayStatus, ...]) -> Table:
    figures = ("objects", "lines", "parsed", "ignored", "rejected", "duplicates")
    table = _table("day", "source", "state", figures=figures)
    for row in days:
        mark = " ".join(word for word, holds in (("late", row.is_late), ("suspect", row.is_suspect)) if holds)
        numbers = (f"{getattr(row, name):,}" for name in figures)
        table.add_row(str(row.day), row.source, row.state, *numbers, mark)
    return table


def _table(*words: str, figures: tuple[str, ...]) -> Table:
    """Columns of words and of figures, and a last one for what is wrong."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="bold")
    return table


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%MZ}" if at else "not yet"
