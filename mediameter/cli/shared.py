"""What the commands share: options, the console, progress, and how a report is printed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from mediameter import terminal
from mediameter.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from mediameter.settings import Settings

FINE, THE_WORLD, THE_USER, INTERRUPTED = 0, 1, 2, 130

SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings; default: $MEDIAMETER_TOML, else ./mediameter.toml."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows at most.")]


def load(path: Path | None) -> Settings:
    """The settings. With MEDIAMETER_TRACEBACK=1, where a unit of work fails is shown too, though it ends nothing."""
    from mediameter.settings import load
    from mediameter.settings.environment import wants_traceback

    if wants_traceback():
        logging.basicConfig(format="%(message)s")
        logging.getLogger("mediameter").setLevel(logging.DEBUG)
    return load(path)


def now() -> datetime:
    return datetime.now(UTC)


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is not a day", "write it like 2026-11-01") from None


class Bars:
    """Progress of long work (done, rate, time left) as bars on stderr while a person looks; nothing for programs."""

    def __init__(self, hidden: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = terminal.console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]}"),
            TimeElapsedColumn(),
        )
        self._bars = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden or not console.is_terminal
        )

    def __enter__(self) -> Bars:
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


class Report(Protocol):
    """What a step returns: plain values, and nothing of how they look."""

    def to_dict(self) -> dict[str, Any]: ...


class Told(Report, Protocol):
    """What a command returns: it draws itself."""

    def render(self, console: Console) -> None: ...


R = TypeVar("R", bound=Report)


def tell(told: Told, as_json: bool) -> None:
    """Print what a command returned, as JSON or for people."""
    tell_drawn(told, as_json, lambda told, console: told.render(console))


def tell_lines(report: R, as_json: bool, lines: Callable[[R], Iterable[str]]) -> None:
    """Print a step's report, as JSON or as ``lines`` words it."""

    def draw(report: R, console: Console) -> None:
        for line in lines(report):
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    tell_drawn(report, as_json, draw)


def tell_drawn(report: R, as_json: bool, draw: Callable[[R, Console], object]) -> None:
    """Print a step's report, as JSON or as ``draw`` shows it."""
    if as_json:
        terminal.say_json(report.to_dict())
    else:
        draw(report, terminal.console())
