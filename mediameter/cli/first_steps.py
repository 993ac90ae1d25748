"""`mediameter demo`, `init` and `doctor`: before the first run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediameter import terminal
from mediameter.cli.shared import THE_WORLD, AsJson, SettingsFile, now


def demo(
    seed: Annotated[int, typer.Option(help="Seed of the made-up world.")] = 7,
    days: Annotated[int, typer.Option(min=1, max=60, help="How many days it has.")] = 7,
    size: Annotated[str, typer.Option(help="How much traffic: small, medium, large.")] = "small",
    folder: Annotated[Path, typer.Option(help="Folder to create it in.")] = Path(".demo"),
    flow: Annotated[bool, typer.Option("--flow/--plain", help="Run through Prefect, or as plain steps.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print all results, not only one screen.")] = False,
) -> None:
    """Create a small made-up world, meter it, and check every figure against the known truth.

    A second run finds nothing new and says so.

    \b
    Examples:
      mediameter demo
      mediameter demo --seed 8 --days 14 --plain
    """
    from mediameter.commands import demo as step

    raise typer.Exit(step.demo(folder, seed, days, size, flow, terminal.console(), is_verbose=verbose))


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
    terminal.say(f"Wrote {path}. Set in [sources] where your logs are; then: mediameter run --settings {path}")


def doctor(
    settings: SettingsFile = None,
    as_json: AsJson = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test message to each channel.")] = False,
) -> None:
    """Check everything a run needs: buckets, rights, logs, disks, Prefect, channels. Each finding has a remedy.

    Exit code 1 if there is an error; warnings alone are exit code 0.

    \b
    Examples:
      mediameter doctor
      mediameter doctor --send-test
      mediameter doctor --settings /srv/media/mediameter.toml --json
    """
    from mediameter.commands import doctor as step

    findings = step.doctor(settings, clock=now, send_test=send_test)
    if as_json:
        told = step.to_dict(findings)
        terminal.say_json(told)
        is_sound = told["is_sound"]
    else:
        is_sound = not step.has_error(step.render(findings, terminal.console()))
    if not is_sound:
        raise typer.Exit(THE_WORLD)
