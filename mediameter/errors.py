"""The ways a command can end badly: settings or arguments are wrong, something outside is broken, or we are.

All carry what is wrong and what to do about it, in one line; the command prints it and chooses the exit code.
"""

from __future__ import annotations


class MediameterError(Exception):
    """One line: ``message`` names the thing that is wrong, ``remedy`` says what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}: {remedy}" if remedy else message)


class UserError(MediameterError):
    """Settings or arguments are wrong. Exit code 2."""


class WorldError(MediameterError):
    """Something outside is broken: a disk, a network, a database, a file. Exit code 1."""


class Unavailable(WorldError):
    """What everything rests on, such as the warehouse's server, cannot be used now: no other work could be done."""


class Fault(WorldError):
    """A mistake in mediameter. Exit code 1."""

    def __init__(self, message: str, remedy: str = "this is a bug in mediameter; MEDIAMETER_TRACEBACK=1 shows where"):
        super().__init__(message, remedy)
