"""What a scheduler needs of the steps: call one by its name, know whether trying again helps, and by which command.

A scheduler hands over texts alone (the settings' path, an instant), never frames or secrets, since it writes the
arguments of a task into its own database. It writes down what comes back, too: reports, tables, and the words of
errors. So all of that leaves through ``_told``, without a secret.
"""

from __future__ import annotations

import functools
import shlex
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError

from mediameter.alerts.wording import one_line
from mediameter.discretion import discreet_errors, discreet_values
from mediameter.errors import Fault, UserError, WorldError
from mediameter.settings import load, settings_file
from mediameter.steps.pass_ import stations

P = ParamSpec("P")
T = TypeVar("T")
_TABLE_DAYS = 8  # today and the week before it: what an hourly listing can still change

# Of the operating system's errors, these stay as they are however long one waits.
_LASTING = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


def _told(function: Callable[P, T]) -> Callable[P, T]:
    """The function, whose value and whose errors hold no secret of the settings."""

    @functools.wraps(function)
    def telling(*args: P.args, **kwargs: P.kwargs) -> T:
        with discreet_errors():
            told: T = discreet_values(function(*args, **kwargs))
            return told

    return telling


@_told
def perform(task: str, settings_path: str | None, now: str) -> dict[str, Any]:
    """Run the step that a task is named after, as of ``now`` (ISO 8601 with its offset), and return its report as plain
    values.

    Raises what the step raises; ``UserError`` for settings or an instant that cannot be read.
    """
    calls = {station.name: station.call for station in (*stations.PASS, stations.WATCH)}
    at_night = {each.at_night.task: each.call_at_night for each in stations.PASS if each.at_night}
    report: dict[str, Any] = (at_night | calls)[task](load(settings_path), now=instant(now)).to_dict()
    return report


@_told
def perform_backfill(
    settings_path: str | None,
    first: date,
    last: date,
    *,
    reparse: bool,
    every: bool,
    accept_fewer: Sequence[str],
    reprice: bool,
    dry_run: bool,
    now: str,
) -> dict[str, Any]:
    """Do these days again, as of ``now``, and return the report as plain values. Raises what ``backfill`` raises."""
    from mediameter.steps.redo import backfill as step

    task = step.Task(first, last, reparse, every, tuple(accept_fewer), reprice)
    report = step.backfill(load(settings_path), task, now=instant(now), dry_run=dry_run)
    return report.to_dict()


def partitions(first: date, last: date, days: int) -> list[tuple[date, date]]:
    """The range in parts of so many days, each given by its first and last one."""
    if first > last or days < 1:
        raise UserError(f"{first}..{last} in parts of {days} days is not a valid range", "give the first day first")
    begins = [first + timedelta(days=number) for number in range(0, (last - first).days + 1, days)]
    return [(begin, min(begin + timedelta(days=days - 1), last)) for begin in begins]


def change_table(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The days of a backfill's report as a scheduler shows them: what differs as "before → after"."""
    rows = []
    for change in report["days"]:
        before, after = change["before"] or {}, change["after"] or {}
        row = {"day": change["day"]}
        for name in ("requests", "bytes_sent", "cost_micros", "p95_ms"):
            old, new = before.get(name), after.get(name)
            row[name] = f"{old}" if old == new else f"{old} → {new}"
        rows.append(row)
    return rows


@_told
def require_done(report: dict[str, Any]) -> None:
    """Raise what a backfill's stations complain of, and ``UserError`` when days were refused."""
    from mediameter.steps.redo.backfill import require_none_refused

    stations.require_success(report)
    require_none_refused(report["refused"])


@_told
def day_table(settings_path: str | None, now: str) -> list[dict[str, Any]]:
    """The last eight days as a scheduler shows them, newest first: one row per day, all applications together.

    ``cost`` is in words, as the report has it; whatever is not known of a day is "not available".
    """
    from mediameter.commands.figures import read_figures
    from mediameter.opening.reader import reader
    from mediameter.report import words

    settings = load(settings_path)
    first = instant(now).astimezone(settings.reporting.zone).date() - timedelta(days=_TABLE_DAYS - 1)
    with reader(settings) as connection:
        found = read_figures(connection, settings, first)
    verdicts: dict[date, list[str]] = defaultdict(list)
    for check in found.checks:
        verdicts[check.day].append(f"{check.rule}: {check.verdict}")
    return [
        {
            "day": row.day.isoformat(),
            "state": found.state_of(row.day) + (", suspect" if row.day in found.suspect_days else ""),
            "requests": row.requests,
            "bytes": row.bytes_sent,
            "cost": words.cost(row.cost),
            "p95_ms": row.response.p95_ms if row.response else words.NOT_AVAILABLE,
            "verdicts": "; ".join(verdicts[row.day]) or words.NOT_AVAILABLE,
        }
        for row in sorted(found.totals, key=lambda row: row.day, reverse=True)
    ]


@_told
def alert_table(settings_path: str | None, now: str) -> list[dict[str, Any]]:
    """What fires now, and what ended in the last eight days, as a scheduler shows it: a row an incident."""
    from mediameter.commands.figures import in_words
    from mediameter.opening.reader import reader
    from mediameter.report import incidents
    from mediameter.store.warehouse import naive

    settings = load(settings_path)
    asked = {"tenant": settings.tenant, "begin": naive(instant(now) - timedelta(days=_TABLE_DAYS))}
    with reader(settings) as connection:
        found = incidents.read(lambda query: list(connection.execute(query, asked)), in_words(settings))
    heads = [head.removeprefix("#") for head in incidents.HEADS]
    return [dict(zip(heads, incidents.cells(each), strict=True)) for each in found]


def instant(text: str) -> datetime:
    """The instant that ISO 8601 text names; without an offset it names none."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is not a valid time", "write it as 2026-01-31T05:10:00+00:00") from None
    if parsed.tzinfo is None:
        raise UserError(f"{text!r} has no UTC offset", "append +00:00 for UTC")
    return parsed


def can_heal(error: BaseException) -> bool:
    """Whether the same step may succeed a little later with nothing mended: network, locks, a busy database."""
    if isinstance(error, OSError):  # among them TimeoutError and ConnectionError
        return not isinstance(error, _LASTING)
    if isinstance(error, OperationalError):  # SQLite counts a missing table or column among them
        return "no such" not in str(error.orig)
    return isinstance(error, WorldError) and not isinstance(error, Fault)  # a mistake of ours stays one


def in_one_line(error: BaseException) -> str:
    """Kind and message of an error, without secrets."""
    return one_line(f"{type(error).__name__}: {error}")


def retry_command(settings_path: str | None) -> str:
    """The command that runs all steps again; they are idempotent, so it is safe after any failure."""
    return _with_settings("mediameter run", settings_path)


def backfill_command(
    settings_path: str | None,
    first: object,
    last: object,
    *,
    reparse: bool,
    every: bool,
    dry_run: bool,
    reprice: bool = False,
) -> str:
    """The command that does these days again; safe after any failure, too."""
    words = ["mediameter backfill", shlex.quote(f"{first}..{last}")]
    words += ["--reparse"] * reparse + ["--all"] * (reparse and every)
    words += ["--reprice"] * reprice + ["--dry-run"] * dry_run
    return _with_settings(" ".join(words), settings_path)


def _with_settings(command: str, settings_path: str | None) -> str:
    """Whoever reads a notice stands in another folder, with another environment: the settings are always named."""
    return f"{command} --settings {shlex.quote(str(settings_file(settings_path)))}"
