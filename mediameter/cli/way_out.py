"""The way out: run one command, and say in one line whatever goes wrong, with the exit code of whose fault it is."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import typer

from mediameter import premises, terminal
from mediameter.cli.app import app
from mediameter.cli.shared import FINE, INTERRUPTED, THE_USER, THE_WORLD
from mediameter.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr."""
    try:
        premises.check()
    except UserError as error:  # before anything of ours is imported that might be another's
        return _fail(str(error), THE_USER)
    try:
        return int(app(args=arguments, prog_name="mediameter", standalone_mode=False) or FINE)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing is half written", INTERRUPTED)
    except BrokenPipeError:  # `| head` has seen enough
        terminal.hang_up()
        return FINE
    except Exception as error:
        if _wants_traceback():
            terminal.complain(traceback.format_exc())
        return _fail(*_said(error))


def _said(error: Exception) -> tuple[str, int]:
    """What to say of an error, and whose fault it is."""
    from mediameter.errors import WorldError

    if isinstance(error, UserError):
        return str(error), THE_USER
    if isinstance(error, typer.TyperException):
        return f"{_usage(error)}: see `mediameter --help`", THE_USER
    if isinstance(error, WorldError):
        return str(error), THE_WORLD
    from mediameter.bulkheads import as_error

    return str(as_error(error)), THE_WORLD


def _usage(error: Exception) -> str:
    say = getattr(error, "format_message", None)
    return str(say() if say else error).rstrip(".")


def _fail(message: str, code: int) -> int:
    terminal.complain("mediameter: " + " ".join(message.split()))
    return code


def _wants_traceback() -> bool:
    from mediameter.settings.environment import wants_traceback

    return wants_traceback()
