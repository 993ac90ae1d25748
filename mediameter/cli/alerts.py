"""`mediameter alerts`: rules, what fires and since when."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter.cli.shared import THE_WORLD, AsJson, Bars, SettingsFile, load, now, tell
from mediameter.errors import UserError

alerts = typer.Typer(rich_markup_mode=None)

RuleName = Annotated[str, typer.Argument(metavar="RULE", help="Name of the rule.")]
Group = Annotated[str, typer.Option(help="Only this group of the rule.")]


@alerts.callback(invoke_without_command=True)
def alerts_or_list(context: typer.Context, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """List rules, what fires and since when; `test`, `explain` and `silence` them.

    \b
    Examples:
      mediameter alerts
      mediameter alerts list --json
      mediameter alerts test
      mediameter alerts explain error_rate
      mediameter alerts silence error_rate --for "4 h" --reason "known, being fixed"
    """
    if context.invoked_subcommand is None:
        alerts_list(settings, as_json)
    elif settings is not None or as_json:
        example = f"mediameter alerts {context.invoked_subcommand} --settings FILE"
        raise UserError("put options after the subcommand", f"for example: {example}")


@alerts.command("list", short_help="Every rule with its state; incidents and silences.")
def alerts_list(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Every rule with its threshold and state, the incidents of the last 14 days, and silences.

    \b
    Examples:
      mediameter alerts list
      mediameter alerts list --json
    """
    loaded = load(settings)
    from mediameter.commands import alerts as step

    tell(step.list_alerts(loaded, now=now()), as_json)


@alerts.command("test", short_help="Run the tests inside the rules' files.")
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
    loaded = load(settings)
    from mediameter.commands import alerts as step

    found = step.test_rules(loaded, names or [])
    tell(found, as_json)
    if found.failed:
        raise typer.Exit(THE_WORLD)


@alerts.command("explain", short_help="What a rule measures, its last verdicts, and why.")
def alerts_explain(
    name: RuleName,
    settings: SettingsFile = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Read the logs again and print the addresses behind the pseudonyms.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a rule measures, its verdicts on the last windows with the reasons, and its incidents.

    Addresses are kept as pseudonyms. --reveal reads the logs of those windows again, if the bucket still has them, and
    prints the addresses. It writes nothing. Exit code 1 if an address can no longer be found.

    \b
    Examples:
      mediameter alerts explain error_rate
      mediameter alerts explain busy_address --reveal
    """
    loaded = load(settings)
    from mediameter.commands import alerts as step

    with Bars(hidden=as_json) as progress:
        found = step.explain(loaded, name, now=now(), is_revealing=reveal, progress=progress)
    tell(found, as_json)
    if found.is_hidden:
        raise typer.Exit(THE_WORLD)


@alerts.command("silence", short_help="Send no messages about a rule for a while.")
def alerts_silence(
    name: RuleName,
    lasting: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long, up to 30 days.")] = "4 h",
    group: Group = "*",
    reason: Annotated[str, typer.Option(help="Why; shown in the list.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the silence at once.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Send no messages about a rule for a while. The rule is still judged; what fires after the silence is sent.

    \b
    Examples:
      mediameter alerts silence error_rate --for "4 h" --reason "known, being fixed"
      mediameter alerts silence export_stopped --group palette --for "2 days"
      mediameter alerts silence error_rate --end
    """
    loaded = load(settings)
    from mediameter.commands import alerts as step

    if end:
        tell(step.end_silence(loaded, name, group, now=now()), as_json)
    else:
        tell(step.silence(loaded, name, group, lasting, reason, now=now()), as_json)
