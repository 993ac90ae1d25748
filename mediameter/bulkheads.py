"""Bulkheads: what breaks one unit of work (an object, a day, a source, a rule) is told, and all other units go on.

What breaks everything (the warehouse cannot be reached, the disk is full) is no unit's failure: it ends the step, since
each further unit would only fail the same way.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from mediameter.errors import Fault, MediameterError, Unavailable, UserError, WorldError

_LOG = logging.getLogger(__name__)
_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))
_SQLITE = ("locked", "full", "disk I/O", "readonly", "unable to open", "image is malformed", "not a database")
"""What SQLite says when the file as a whole is the trouble; all else is about one statement."""
_REMEDIES = (
    (("not a database", "malformed"), "see [warehouse] url: the file is none of SQLite's, or damaged"),
    (("full", "disk I/O"), "free some space on its disk (full? quota?) and run again; nothing is half written"),
    (("locked",), "another process is using it; run again when that has ended"),
    (("readonly", "unable to open"), "check [warehouse] url, and the rights of the file and its folder"),
)


@contextmanager
def bulkhead(tell: Callable[[MediameterError], None], unit: str = "") -> Iterator[None]:
    """Hands what is raised within to ``tell``, as an error that names the ``unit``. What breaks everything is raised.

    Where it failed goes to the log at DEBUG, which MEDIAMETER_TRACEBACK=1 shows.
    """
    try:
        yield
    except Exception as error:
        if breaks_everything(error):
            raise
        _LOG.debug("%s failed", unit or "a unit", exc_info=True)
        tell(as_error(error, unit))


def breaks_everything(error: Exception) -> bool:
    """Whether every other unit would fail of the same."""
    if isinstance(error, OSError):
        return error.errno in _DISK
    if isinstance(error, sa.exc.OperationalError):
        return any(part in str(error.orig) for part in _SQLITE)
    return isinstance(error, Unavailable)


def as_error(error: Exception, unit: str = "") -> MediameterError:
    """The error as one line that names the unit; what is neither the user's nor the world's is a ``Fault`` of ours. A
    ``UserError`` names by itself what has to be mended."""
    if isinstance(error, MediameterError):
        is_named = isinstance(error, UserError) or not unit or unit in error.message
        return error if is_named else WorldError(f"{unit}: {error.message}", error.remedy)
    before = f"{unit}: " if unit else ""
    if isinstance(error, OSError):
        what = error.strerror or str(error) or type(error).__name__
        of = f"{error.filename}: " if error.filename else ""
        return WorldError(f"{before}{of}{what}", "fix that and run again")
    if isinstance(error, sa.exc.SQLAlchemyError):
        words = str(getattr(error, "orig", None) or type(error).__name__)  # SQLAlchemy's own hold statement and values
        otherwise = "see the database's own log; if README names its version as supported, please report this"
        return WorldError(f"{before}warehouse: {words}", remedy_of_a_file(words) or otherwise)
    return Fault(f"{before}{type(error).__name__}: {error}")


def remedy_of_a_file(words: str) -> str | None:
    """What to do about an error of an SQLite file, by SQLite's words; None for what is no trouble of files or disks."""
    return next((remedy for parts, remedy in _REMEDIES if any(part in words for part in parts)), None)


def raise_all(errors: Sequence[Exception]) -> None:
    """Raises a single error as it is. Several become one line, so that none stays unheard: a ``UserError`` only where
    the user can mend all of them."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        kind = UserError if all(isinstance(error, UserError) for error in errors) else WorldError
        raise kind(f"{len(errors)} errors: {'; '.join(str(as_error(error)) for error in errors)}") from errors[0]
