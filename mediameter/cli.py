"""The command. It turns words into calls of the steps, results into text or JSON, and errors into one line.

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from mediameter import premises
from mediameter.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from mediameter.settings import Settings

FINE, THE_WORLD, THE_USER, INTERRUPTED = 0, 1, 2, 130
WIDE = 160  # columns of a pipe or a file: whoever reads them searches, and wrapped lines hide

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="What every byte of your media costs, how well it was served, and since when that is known.",
    epilog="First steps: `mediameter demo` shows a small one; `mediameter init`, then `mediameter run` takes yours in."
    " Exit codes: 0 fine, 1 the world is at fault, 2 you can mend it.",
)

SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings; default: $MEDIAMETER_TOML, else ./mediameter.toml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows at most.")]


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Another seed makes another world.")] = 7,
    days: Annotated[int, typer.Option(min=1, max=60, help="Days in it.")] = 7,
    size: Annotated[str, typer.Option(help="How much traffic: small, medium, large.")] = "small",
    folder: Annotated[Path, typer.Option(help="Where it is laid out.")] = Path(".demo"),
    flow: Annotated[bool, typer.Option("--flow/--plain", help="Through Prefect, or the plain steps.")] = True,
) -> None:
    """Lay out a small world that knows the truth, meter it, and check every figure against that truth.

    A second run finds nothing new and says so.

    \b
    Examples:
      mediameter demo
      mediameter demo --seed 8 --days 14 --plain
    """
    from mediameter.steps import demo as step

    raise typer.Exit(step.demo(folder, seed, days, size, flow, _console()))


@app.command()
def init(
    path: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = Path("mediameter.toml"),
) -> None:
    """Write a settings file with every setting, its meaning and its default. Never overwrites one.

    \b
    Examples:
      mediameter init
      mediameter init --path /srv/media/mediameter.toml
    """
    from mediameter.settings import write_commented_toml

    write_commented_toml(path)
    typer.echo(f"Wrote {path}. Say in [sources] where your logs are; then: mediameter run --settings {path}")


@app.command()
def doctor(
    settings: SettingsFile = None,
    as_json: AsJson = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test notice to each channel.")] = False,
) -> None:
    """Look at everything a run needs: buckets, rights, logs, disks, Prefect, channels. Each finding has its remedy.

    Exit code 1 when something is wrong; warnings are none.

    \b
    Examples:
      mediameter doctor
      mediameter doctor --send-test
      mediameter doctor --settings /srv/media/mediameter.toml --json
    """
    from mediameter.steps import doctor as step

    findings = step.doctor(settings, clock=_now, send_test=send_test)
    if as_json:
        told = step.to_dict(findings)
        _print_json(told)
        is_sound = told["is_sound"]
    else:
        is_sound = not step.has_error(step.render(findings, _console()))
    if not is_sound:
        raise typer.Exit(THE_WORLD)


@app.command()
def run(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing unless it fails: for cron.")] = False,
    sweep_all: Annotated[
        bool, typer.Option("--sweep-all", help="Lake files that no longer count go to its trash, however many.")
    ] = False,
) -> None:
    """Take in what is new, roll up the days that it touches, check them, and judge them by the rules of quality: a day
    that breaks one is told, suspect and not final (exit code 1). Safe to run at any time, any number of times.

    \b
    Examples:
      mediameter run
      mediameter run --dry-run
      17 * * * *  mediameter run --quiet --settings /srv/media/mediameter.toml
    """
    loaded = _load(settings)
    from mediameter.steps import run as step
    from mediameter.steps.notice import (
        require_all_exported,
        require_all_read,
        require_all_sound,
        require_all_written_back,
    )

    with _Bars(hidden=quiet or as_json) as progress:
        summary = step.run(loaded, now=_now(), progress=progress, dry_run=dry_run, sweep_all=sweep_all)
    if as_json:
        _print_json(summary.to_dict())
    elif not quiet:
        typer.echo("\n".join(summary.lines()))
    require_all_read(summary.ingest.to_dict())
    require_all_exported(summary.export.to_dict())
    require_all_sound(summary.quality.to_dict())
    require_all_written_back(summary.write_back.to_dict())


@app.command()
def migrate(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    grant: Annotated[
        str | None,
        typer.Option("--grant", metavar="ROLE", help="Let this role of a BI tool read what is meant for it."),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Carry this warehouse over into the settings' own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the warehouse's tables and views, or bring them to the newest revision. Every run does so by itself.

    Run it yourself if you want to know before, or if the user of your runs may not make tables. A role that is granted
    may read rollups, reference tables and views, and nothing else; grant again after an update, which makes the views
    anew. --from moves a warehouse to another database: put the new one into [warehouse] url, and name the old one.

    \b
    Examples:
      mediameter migrate --dry-run
      mediameter migrate --grant bi
      mediameter migrate --settings /srv/media/admin.toml
      mediameter migrate --from sqlite:///warehouse.sqlite
      mediameter migrate --from env:OLD_WAREHOUSE_URL --dry-run
    """
    loaded = _load(settings)
    if origin is not None:
        from mediameter.steps import moving

        with _Bars(hidden=as_json) as progress:
            found = moving.move(loaded, origin, progress=progress, dry_run=dry_run)
        _tell(found, as_json)
        return
    from mediameter.steps import migrate as step

    _tell(step.migrate(loaded, dry_run=dry_run, role=grant), as_json)


@app.command()
def adopt(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    forget_missing: Annotated[
        bool,
        typer.Option("--forget-missing", help="Lake files that are lost no longer count: read their objects again."),
    ] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The key is lost for good: go on under the one that there is now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the ledger of a warehouse that was lost, or restored from an older backup, from what the lake tells.

    Every lake file is held against its hash. The next `mediameter run` computes all days anew: the figures become what
    they were, also of logs that the bucket no longer has. May be killed and run again.

    \b
    Examples:
      mediameter adopt --dry-run
      mediameter adopt
      mediameter adopt --forget-missing
      mediameter adopt --new-key
    """
    loaded = _load(settings)
    from mediameter.steps import adopt as step

    with _Bars(hidden=as_json) as progress:
        found = step.adopt(loaded, step.Wishes(forget_missing, new_key), progress=progress, dry_run=dry_run)
    _tell(found, as_json)


@app.command()
def status(
    day: Annotated[str | None, typer.Argument(metavar="[DAY]", help="One day, like 2026-11-01.")] = None,
    settings: SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when something is late or suspect.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how complete each source and day is, what was rejected, which rules days break, and whether anything is late
    or suspect.

    \b
    Examples:
      mediameter status
      mediameter status 2026-11-01 --json
      mediameter status --check || echo "look at the logs"
    """
    wanted = _day(day) if day else None
    loaded = _load(settings)
    from mediameter.steps import status as step

    found = step.status(loaded, wanted, now=_now())
    if as_json:
        _print_json(found.to_dict())
    else:
        found.render(_console())
    if check and found.is_late:
        raise typer.Exit(THE_WORLD)


@app.command()
def report(
    settings: SettingsFile = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: report.html beside the settings.")] = None,
) -> None:
    """Write the report: one HTML file with pictures, which needs nothing else. Prints its path.

    \b
    Examples:
      mediameter report
      mediameter report --out /var/www/media.html
    """
    loaded = _load(settings)
    from mediameter.steps import report as step

    typer.echo(step.write_report(loaded, out, now=_now()))


@app.command()
def answer(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The answer; without one, all are listed.")
    ] = None,
    settings: SettingsFile = None,
    last: Annotated[str, typer.Option(help="Window: 7d (to the newest day), a day, or DAY..DAY.")] = "7d",
    application: Annotated[str, typer.Option(help="One application; * is all.")] = "*",
    limit: Limit = 20,
    format: Annotated[str, typer.Option(help="table, csv, json or parquet.")] = "table",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of the terminal.")] = None,
) -> None:
    """Answer one of the questions that people ask of their media. Without a name, list the questions.

    \b
    Examples:
      mediameter answer
      mediameter answer cost_by_application --last 30d
      mediameter answer top_files_by_bandwidth --format csv --out files.csv
    """
    if name is None:
        from mediameter.steps.answer import questions

        typer.echo("\n".join(f"{each:<28} {question}" for each, question in questions()))
        return
    loaded = _load(settings)
    from mediameter.steps import answer as step

    step.write(step.answer(loaded, name, last, application, limit), format, out)


@app.command()
def backfill(
    range_: Annotated[
        list[str], typer.Argument(metavar="RANGE", help="DAY..DAY, one day, or: last 30d (which ends today).")
    ],
    settings: SettingsFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, day by day, and do nothing.")
    ] = False,
    reparse: Annotated[bool, typer.Option("--reparse", help="Also read again what an older parser read.")] = False,
    every: Annotated[bool, typer.Option("--all", help="With --reparse: whatever parser read it.")] = False,
    accept_fewer: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Believe this source, which shows less than it did, or nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do days again: fetch what is missing of them, compute them anew. The figures become what `run` would have made.

    Frozen days are refused and left as they are (exit code 2, the others are done). May be interrupted and run again.

    \b
    Examples:
      mediameter backfill 2025-10-01..2025-10-30 --dry-run
      mediameter backfill 2025-10-26
      mediameter backfill last 30d --reparse
      mediameter backfill 2025-10-26 --accept-fewer palette
    """
    if every and not reparse:
        raise UserError("--all is a word for --reparse", "add --reparse")
    loaded = _load(settings)
    from mediameter.steps import backfill as step
    from mediameter.steps.notice import require_all_exported, require_all_read, require_all_sound

    now = _now()
    days = step.range_of(" ".join(range_), today=now.astimezone(loaded.reporting.zone).date())
    with _Bars(hidden=as_json) as progress:
        task = step.Task(*days, reparse, every, tuple(accept_fewer or ()))
        found = step.backfill(loaded, task, now=now, progress=progress, dry_run=dry_run)
    _tell(found, as_json)
    require_all_read(found.ingest.to_dict())
    require_all_exported(found.export.to_dict())
    require_all_sound(found.quality.to_dict())
    step.require_none_refused(found.refused)


alerts = typer.Typer(rich_markup_mode=None)
app.add_typer(alerts, name="alerts")

RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Name of the rule.")]
Group = Annotated[str, typer.Option(help="Only this group of it.")]


@alerts.callback(invoke_without_command=True)
def alerts_or_list(context: typer.Context, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Rules, what fires and since when; `test`, `explain` and `silence` them.

    \b
    Examples:
      mediameter alerts
      mediameter alerts list --json
      mediameter alerts test
      mediameter alerts explain error_rate
      mediameter alerts silence error_rate --for "4 h" --reason "known, is being mended"
    """
    if context.invoked_subcommand is None:
        alerts_list(settings, as_json)
    elif settings is not None or as_json:
        raise UserError("options stand behind the command", f"mediameter alerts {context.invoked_subcommand} --…")


@alerts.command("list")
def alerts_list(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Every rule with its threshold and state, the incidents of the last 14 days, and silences.

    \b
    Examples:
      mediameter alerts list
      mediameter alerts list --json
    """
    loaded = _load(settings)
    from mediameter.steps import alerts as step

    _tell(step.list_alerts(loaded, now=_now()), as_json)


@alerts.command("test")
def alerts_test(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="These rules; default: all.")] = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests inside the rules' files: rows in, verdict out. They need no data. Exit code 1 when one fails.

    \b
    Examples:
      mediameter alerts test
      mediameter alerts test error_rate
    """
    loaded = _load(settings)
    from mediameter.steps import alerts as step

    found = step.test_rules(loaded, names or [])
    _tell(found, as_json)
    if found.failed:
        raise typer.Exit(THE_WORLD)


@alerts.command("explain")
def alerts_explain(name: RuleName, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """What a rule measures, what it said of its last windows and why, and its incidents.

    \b
    Examples:
      mediameter alerts explain error_rate
    """
    loaded = _load(settings)
    from mediameter.steps import alerts as step

    _tell(step.explain(loaded, name, now=_now()), as_json)


@alerts.command("silence")
def alerts_silence(
    name: RuleName,
    lasting: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long; 30 days at most.")] = "4 h",
    group: Group = "*",
    reason: Annotated[str, typer.Option(help="Why, for whoever asks.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the silence at once.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell nobody of a rule for a while. It is judged all the same; what still fires afterwards is told then.

    \b
    Examples:
      mediameter alerts silence error_rate --for "4 h" --reason "known, is being mended"
      mediameter alerts silence export_stopped --group palette --for "2 days"
      mediameter alerts silence error_rate --end
    """
    loaded = _load(settings)
    from mediameter.steps import alerts as step

    if end:
        _tell(step.end_silence(loaded, name, group, now=_now()), as_json)
    else:
        _tell(step.silence(loaded, name, group, lasting, reason, now=_now()), as_json)


rejects = typer.Typer(rich_markup_mode=None)
app.add_typer(rejects, name="rejects")

Reason = Annotated[str | None, typer.Option(help="Only those of one reason, like SHORT_LINE.")]


@rejects.callback(invoke_without_command=True)
def rejects_or_list(
    context: typer.Context,
    settings: SettingsFile = None,
    reason: Reason = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show the lines that could not be read, and read them again once the parser has been mended.

    Without a command: list.

    \b
    Examples:
      mediameter rejects
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
      mediameter rejects show access-logs/2025-10-30-21-11-08-0A1B2C3D4E5F6071 17
      mediameter rejects replay
    """
    if context.invoked_subcommand is None:
        rejects_list(settings, reason, limit, as_json)
    elif settings or reason or as_json:  # they would be lost
        raise UserError("options stand behind the command", f"mediameter rejects {context.invoked_subcommand} --…")


@rejects.command("list")
def rejects_list(
    settings: SettingsFile = None, reason: Reason = None, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """The newest of them, with place and reason.

    \b
    Examples:
      mediameter rejects list
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
    """
    loaded = _load(settings)
    from mediameter.steps import rejects as step

    _tell(step.list_rejects(loaded, reason, limit, now=_now()), as_json)


@rejects.command("show")
def rejects_show(
    key: Annotated[str, typer.Argument(help="Key of the object.")],
    line: Annotated[int, typer.Argument(min=0, help="Number of the line; 0 is a refused object itself.")] = 0,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """One of them with all that is kept of it: redacted, up to 2,000 characters.

    \b
    Examples:
      mediameter rejects show access-logs/2025-10-30-21-11-08-0A1B2C3D4E5F6071 17
    """
    loaded = _load(settings)
    from mediameter.steps import rejects as step

    _tell(step.show_reject(loaded, key, line), as_json)


@rejects.command("replay")
def rejects_replay(
    settings: SettingsFile = None,
    every: Annotated[bool, typer.Option("--all", help="Whatever parser read them, not just an older one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read again the objects with rejects that an older parser read, and say how many lines came back.

    \b
    Examples:
      mediameter rejects replay
      mediameter rejects replay --all --json
    """
    loaded = _load(settings)
    from mediameter.steps import replay as step
    from mediameter.steps.notice import require_all_read, require_all_sound

    with _Bars(hidden=as_json) as progress:
        found = step.replay(loaded, every=every, now=_now(), progress=progress)
    _tell(found, as_json)
    require_all_read(found.to_dict())
    require_all_sound(found.quality.to_dict())


# --- what the commands share -----------------------------------------------------------------------
def _load(path: Path | None) -> Settings:
    from mediameter.settings import load

    return load(path)


def _now() -> datetime:
    return datetime.now(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is not a day", "write it like 2026-11-01") from None


def _console() -> Console:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=WIDE)


class _Bars:
    """Progress of long work (done, rate, time left) as bars on stderr while a person looks; nothing for programs."""

    def __init__(self, hidden: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]}"),
            TimeElapsedColumn(),
        )
        self._bars = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden or not console.is_terminal
        )

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def task(self, description: str, total: float, *, unit: str = "") -> Iterator[Callable[[float], None]]:
        """One bar; the function it gives adds to it."""
        scale, name = (1_000_000, "MB") if unit == "bytes" else (1, unit)
        bar = self._bars.add_task(description, total=total, done="")

        def advance(amount: float) -> None:
            self._bars.advance(bar, amount)
            task = self._bars.tasks[bar]
            rate = f", {task.speed / scale:,.1f} {name}/s" if task.speed else ""
            self._bars.update(bar, done=f"{task.completed / scale:,.0f} of {total / scale:,.0f} {name}{rate}")

        yield advance


class _Told(Protocol):
    """What a step found out, for programs and for people."""

    def to_dict(self) -> dict[str, Any]: ...
    def render(self, console: Console) -> None: ...


def _tell(found: _Told, as_json: bool) -> None:
    if as_json:
        _print_json(found.to_dict())
    else:
        found.render(_console())


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


# --- the way out -----------------------------------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr."""
    try:
        premises.check()
        return int(app(args=arguments, prog_name="mediameter", standalone_mode=False) or FINE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing is half written", INTERRUPTED)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return FINE
    except Exception as error:
        if _wants_traceback():
            traceback.print_exc()
        return _fail(*_said(error))


def _said(error: Exception) -> tuple[str, int]:
    """What to say of an error, and whose fault it is."""
    from mediameter.errors import WorldError

    if isinstance(error, UserError):
        return str(error), THE_USER
    if isinstance(error, typer.TyperException):
        return f"{_usage(error)}: `mediameter --help` lists what there is", THE_USER
    if isinstance(error, WorldError):
        return str(error), THE_WORLD
    if isinstance(error, OSError):
        return _of_the_system(error), THE_WORLD
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError):
            return _of_the_database(error), THE_WORLD
    remedy = "this is a fault of mediameter's; MEDIAMETER_TRACEBACK=1 shows where"
    return f"{type(error).__name__}: {error}: {remedy}", THE_WORLD


def _usage(error: Exception) -> str:
    say = getattr(error, "format_message", None)
    return str(say() if say else error).rstrip(".")


def _of_the_system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return (
        f"{error.filename}: {what}: mend that and run again" if error.filename else f"{what}: mend that and run again"
    )


_DATABASE_REMEDIES = (
    ("full", "free some space on its disk, then run again: nothing is half written"),
    ("disk I/O", "see its disk (is it full, is there a quota?), then run again: nothing is half written"),
    ("locked", "another process holds it: run again when that has ended"),
    ("", "see [warehouse] url, and whether it can be reached and written"),
)


def _of_the_database(error: Exception) -> str:
    """The driver's own words; SQLAlchemy's hold the statement and its values."""
    words = str(getattr(error, "orig", None) or type(error).__name__)
    remedy = next(remedy for part, remedy in _DATABASE_REMEDIES if part in words)
    return f"warehouse: {words}: {remedy}"


def _fail(message: str, code: int) -> int:
    print("mediameter: " + " ".join(message.split()), file=sys.stderr)
    return code


def _wants_traceback() -> bool:
    from mediameter.settings.environment import wants_traceback

    return wants_traceback()


if __name__ == "__main__":
    sys.exit(main())
