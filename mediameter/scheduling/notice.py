"""What a scheduler needs of the steps: call one by its name, know whether trying again helps, and by which command.

A scheduler hands over texts alone (the settings' path, an instant), never frames or secrets, since it writes the
arguments of a task into its own database.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy.exc import OperationalError

from mediameter.alerts.wording import one_line
from mediameter.errors import UserError, WorldError
from mediameter.settings import load, settings_file

StepName = Literal[
    "ingest", "ingest_all", "export", "export_all", "rollup", "check", "quality", "deliver", "write_back", "watch"
]

_TABLE_DAYS = 8  # today and the week before it: what an hourly listing can still change

# Of the operating system's errors, these stay as they are however long one waits.
_LASTING = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


def perform(step: StepName, settings_path: str | None, now: str) -> dict[str, Any]:
    """Run one step as of ``now`` (ISO 8601 with its offset) and return its report as plain values.

    Raises what the step raises; ``UserError`` for settings or an instant that cannot be read.
    """
    from mediameter.steps.alert import check, deliver, watch
    from mediameter.steps.export import export
    from mediameter.steps.gate import quality
    from mediameter.steps.ingest import ingest
    from mediameter.steps.rollup import rollup
    from mediameter.steps.write_back import write_back

    steps: dict[StepName, Callable[..., Any]] = {
        "ingest": ingest.ingest,
        "ingest_all": partial(ingest.ingest, window=ingest.WHOLE_BUCKET),
        "export": export.export,
        "export_all": partial(export.export, window=export.ALL_DAYS),
        "rollup": rollup.rollup,
        "check": check.check,
        "quality": quality.quality,
        "deliver": deliver.deliver,
        "write_back": write_back.write_back,
        "watch": watch.watch,
    }
    report: dict[str, Any] = steps[step](load(settings_path), now=instant(now)).to_dict()
    return report


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


def require_done(report: dict[str, Any]) -> None:
    """Raise ``WorldError`` when objects of a backfill could not be read or days break a rule, ``UserError`` when days
    were refused."""
    from mediameter.steps.redo.backfill import require_none_refused

    require_all_read(report["ingest"])
    require_all_exported(report["export"])
    require_all_sound(report["quality"])
    require_none_refused(report["refused"])


def require_all_read(ingested: dict[str, Any]) -> None:
    """Raise ``WorldError`` when objects of an ingest report could not be read, or a listing is not believed: the rest
    is done, but not all."""
    doubted: list[str] = ingested["doubted"]
    if doubted:
        raise WorldError(doubted[0], "nothing of it was read; its days stay open")
    failed: list[str] = ingested["failed"]
    if failed:
        objects = "1 object" if len(failed) == 1 else f"{len(failed):,} objects"
        raise WorldError(
            f"{objects} could not be read, the first: {failed[0]}",
            "the next run tries them again",
        )


def require_all_exported(exported: dict[str, Any]) -> None:
    """Raise ``WorldError`` when an application could not be read, or is not believed: the logs are done, but their days
    stay open. ``UserError`` where settings or rights alone have to be mended."""
    failed: list[str] = exported["failed"]
    if failed:
        kind = UserError if exported["refused"] == len(failed) else WorldError
        raise kind(f"the application could not be read; its days stay open: {failed[0]}", "the next run tries it again")


def require_all_sound(judged: dict[str, Any]) -> None:
    """Raise ``WorldError`` when days of a quality report break a critical rule: they are suspect and not final."""
    broken = [each for each in judged["broken"] if each["severity"] == "critical"]
    if broken:
        days, first = sorted({each["day"] for each in broken}), broken[0]
        which = days[0] if len(days) == 1 else f"{len(days):,} days ({days[0]} to {days[-1]})"
        raise WorldError(
            f"{which}: a quality rule is broken: {first['suite']}.{first['rule']} on {first['day']}: {first['detail']}",
            f"`mediameter backfill {days[0]}..{days[-1]}` computes and judges the days again; until then they stay"
            " open and suspect",
        )


def require_rules_understood(checked: dict[str, Any]) -> None:
    """Raise ``UserError`` when rules of one's own cannot be understood: all is metered, and all other rules judged."""
    wrong: list[str] = checked.get("mistakes", [])
    if wrong:
        more = "" if len(wrong) == 1 else f" (and {len(wrong) - 1:,} more)"
        raise UserError(f"{wrong[0]}{more}", "everything else was done; `mediameter alerts test` shows the mistake")


def require_all_written_back(written: dict[str, Any]) -> None:
    """Raise ``WorldError`` when rows could not be written back to an application: all else is done."""
    failed: list[str] = written["failed"]
    if failed:
        raise WorldError(f"writing back to the application failed: {failed[0]}", "the next run tries it again")


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
    return isinstance(error, WorldError)


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
