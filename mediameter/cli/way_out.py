"""The way out: run one command, and say in one line whatever goes wrong, with the exit code of whose fault it is."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import typer

from mediameter import premises
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
        return f"{_usage(error)}: see `mediameter --help`", THE_USER
    if isinstance(error, WorldError):
        return str(error), THE_WORLD
    if isinstance(error, OSError):
        return _of_the_system(error), THE_WORLD
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError):
            return _of_the_database(error), THE_WORLD
    remedy = "this is a bug in mediameter; MEDIAMETER_TRACEBACK=1 shows where"
    return f"{type(error).__name__}: {error}: {remedy}", THE_WORLD


def _usage(error: Exception) -> str:
    say = getattr(error, "format_message", None)
    return str(say() if say else error).rstrip(".")


def _of_the_system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {what}: fix that and run again" if error.filename else f"{what}: fix that and run again"


_DATABASE_REMEDIES = (
    ("full", "free some space on its disk and run again; nothing is half written"),
    ("disk I/O", "check its disk (full? quota?) and run again; nothing is half written"),
    ("locked", "another process is using it; run again when that has ended"),
    ("unable to open", "check [warehouse] url, and the rights of the file and its folder"),
    ("readonly", "check the rights of the file and its folder: they cannot be written"),
    ("", "see the database's own log; if README names its version as supported, please report this"),
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
