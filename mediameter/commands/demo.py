"""The demo: a small world that knows its truth, metered by the hourly flow, shown, and checked against that truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

from rich.console import Console

from mediameter.commands.figures import read_figures
from mediameter.commands.report import write_report
from mediameter.commands.run import RunSummary, run
from mediameter.demo import event_file, palette
from mediameter.demo.library import REFERERS
from mediameter.demo.truth import compare, observe
from mediameter.demo.world import Size, World, build
from mediameter.errors import UserError, WorldError
from mediameter.opening.reader import reader
from mediameter.report import summary, words
from mediameter.report.facts import Figures
from mediameter.settings import Settings, load

LAST_DAY = date(2025, 11, 3)  # fixed, so that a seed means the same world always; the documents' own line falls into it
SIZES = ("small", "medium", "large")

_SETTINGS = """\
# The demo's settings: a folder laid out as the log bucket, an application's database, and the defaults for all else.
[sources.ovh]
kind = "s3_access_log"
path = "world/bucket"
bucket = "{log_bucket}"
prefix = "{prefix}"

[sources.app]
kind = "dailey_media"
url = "sqlite:///world/{application}"

[sources.palette]
kind = "directors_palette"
url = "sqlite:///world/{palette}"
application = "palette-studio"

[sources.{event_source}]
kind = "palette_events"
path = "world/{events}"

[attribution.referers]
{referers}

[[prices]]
source = "ovh"
measure = "bytes_sent"
amount = "0.011"
currency = "USD"
per = "GB"
valid_from = 2025-01-01
citation = "the demo's own example, after the OVH document's 0.011 USD a GB"

[alerts]
monthly_budget = "0.50 USD"

[geo]
countries = "world/{countries}"
"""


_Show = Callable[[Figures, Console], None]


def demo(
    folder: Path, seed: int, days: int, size: str, use_flow: bool, console: Console, *, is_verbose: bool = False
) -> int:
    """Lays out the world, meters it, and shows what came out on one screen (``is_verbose``: all of it; where
    nothing was new, that alone). Exit code 0 when every figure agrees with the truth, 1 when one does not.

    Raises ``UserError`` for a folder that holds another world, ``WorldError`` when the flow fails.
    """
    if size not in SIZES:
        raise UserError(f"--size {size}: there is no such size", f"choose one of {', '.join(SIZES)}")
    world = _world(folder, seed, days, cast(Size, size), console)
    settings = _settings(folder, world)
    now = _clock()
    by = "flow, on an embedded Prefect server" if use_flow else "steps, without Prefect"
    console.print(f"[bold]2. The hourly {by}[/bold]", highlight=False)
    begun = time.monotonic()
    passed = _flow(settings, now) if use_flow else run(settings, now=now)
    lines = passed.lines() if is_verbose else passed.lines()[:1]
    told = "\n".join(f"   {line}" for line in lines)
    console.print(f"{told} · {time.monotonic() - begun:.1f} s\n", markup=False, highlight=False)
    show = _everything if is_verbose else _nothing if passed.is_idle else _one_screen
    differences = _show(settings, world, console, show)
    path = write_report(settings, now=now)
    more = "" if is_verbose else " (or --verbose: all of it here)"
    console.print(f"[bold]Report[/bold]: {_shown(path)}{more}", highlight=False, soft_wrap=True)
    console.print(
        "Ask on: mediameter answer --settings " + _shown(settings_path(folder)) + " top_files_by_bandwidth",
        highlight=False,
        soft_wrap=True,
    )
    return 1 if differences else 0


def settings_path(folder: Path) -> Path:
    """Where the demo keeps its settings."""
    return folder.resolve() / "mediameter.toml"


def _clock() -> datetime:
    """The instant the world is looked at from: its last day is over, but by six hours not yet complete."""
    return datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, tzinfo=UTC) + timedelta(days=1, hours=4)


def _world(folder: Path, seed: int, days: int, size: Size, console: Console) -> World:
    try:
        world = build(folder / "world", seed=seed, days=days, size=size, last_day=LAST_DAY)
    except FileExistsError as error:
        raise UserError(
            f"{folder / 'world'} holds another world ({error})", "remove it, or choose another --folder"
        ) from None
    count = sum(1 for path in world.bucket.rglob("*") if path.is_file())
    console.print(
        f"[bold]1. A world[/bold] of {days} days up to {LAST_DAY}, seed {seed}, as OVH delivers its logs:"
        f" {count:,} objects in {_shown(world.bucket)}\n",
        highlight=False,
        soft_wrap=True,
    )
    return world


def _settings(folder: Path, world: World) -> Settings:
    text = _SETTINGS.format(
        log_bucket=world.log_bucket,
        prefix=world.prefix,
        countries=world.countries.name,
        application=world.application.name,
        palette=world.palette.name,
        event_source=event_file.SOURCE,
        events=world.events.name,
        referers="\n".join(f'"{host}" = "{application}"' for host, application in REFERERS.items()),
    )
    path = settings_path(folder)
    if not path.exists():  # an edited one stays: the demo is there to be played with
        path.write_text(text, encoding="utf-8")
    return load(path)


def _flow(settings: Settings, now: datetime) -> RunSummary:
    """The flow in a process of its own, as a worker would run it; what its steps report."""
    command = [sys.executable, "-m", "flows.hourly", "--settings", str(settings.file), "--now", now.isoformat()]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise WorldError(
            said[-1] if said else "the hourly flow failed", "run the demo with --plain to see it without Prefect"
        )
    return RunSummary.from_dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _show(settings: Settings, world: World, console: Console, show: _Show) -> list[str]:
    """The summary, and what in the warehouse differs from the world's truth."""
    with reader(settings) as connection:
        found = read_figures(connection, settings)
        differences = compare(world.truth, observe(connection))
        differences += palette.compare(world.truth.generations, palette.observe(connection))
        read = event_file.observe(connection)
        differences += palette.compare(world.truth.events, read, event_file.SOURCE)
    console.print("[bold]3. What came out[/bold]")
    show(found, console)
    console.print()
    if differences:
        console.print(f"[bold red]{len(differences)} figures differ from the known truth:[/bold red]")
        console.print("\n".join(f"   {line}" for line in differences[:20]), markup=False)
    else:
        console.print("[bold green]Checked against the known truth: every figure agrees.[/bold green]")
    return differences


def _everything(found: Figures, console: Console) -> None:
    summary.render(found, console)


def _one_screen(found: Figures, console: Console) -> None:
    summary.brief(found, console)
    _fires(found, console)


def _nothing(found: Figures, console: Console) -> None:
    console.print("   as before; --verbose shows it again", highlight=False)


def _fires(found: Figures, console: Console) -> None:
    """What fires now, in the words of its rule."""
    firing = [each for each in found.incidents if each.state == "firing"]
    for each in sorted(firing, key=lambda one: (one.severity, one.what)):
        line = f"  {each.severity}: {each.what}"
        console.print(words.visible(line), style=summary.STYLES.get(each.severity, ""), markup=False, highlight=False)


def _shown(path: Path) -> str:
    """Relative to where the user stands, if that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
