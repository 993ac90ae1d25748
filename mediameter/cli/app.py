"""All commands and groups of commands, in the order of `mediameter --help`. Each group has a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter import premises, terminal
from mediameter.cli.alerts import alerts
from mediameter.cli.answer import answer
from mediameter.cli.first_steps import demo, doctor, init
from mediameter.cli.looking import report, status
from mediameter.cli.passes import backfill, run
from mediameter.cli.rejects import rejects
from mediameter.cli.warehouses import adopt, migrate

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="What your media costs, how well it is served, and for whom: metered from access logs.",
    epilog="First steps: `mediameter demo` shows a made-up example; `mediameter init`, then `mediameter run`, meters"
    " your logs."
    " Exit codes: 0 fine; 1 something outside is broken (disk, network, database); 2 settings or arguments are"
    " wrong.",
)


@app.callback(invoke_without_command=True)
def help_or_version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        terminal.say(f"mediameter {premises.version()}")
    elif context.invoked_subcommand is None:
        terminal.say(context.get_help())


COMMANDS = (
    (demo, "Meter a small made-up world and check every figure."),
    (init, "Write a settings file with every setting explained."),
    (doctor, "Check everything that a run needs; each finding has a remedy."),
    (run, "Read what is new, compute its days, check them, send alerts."),
    (migrate, "Create or upgrade the tables; grant a role; move elsewhere."),
    (adopt, "Rebuild the ledger of a lost warehouse from the lake."),
    (status, "How complete each source and day is, and what is late."),
    (report, "Write the report, one HTML file."),
    (answer, "Answer a question about your media; without a name, list all."),
    (backfill, "Compute days again, and read what is missing of them."),
)
GROUPS = (
    (alerts, "alerts", "Rules and incidents: list, test, explain, silence."),
    (rejects, "rejects", "Lines, events and rows that could not be read; read them again."),
)
for command, short_help in COMMANDS:
    app.command(short_help=short_help)(command)
for group, name, short_help in GROUPS:
    app.add_typer(group, name=name, short_help=short_help)
