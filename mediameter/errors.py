"""The two ways a command can end badly: settings or arguments are wrong, or something outside is broken.

Both carry what is wrong and what to do about it, in one line; the command prints it and chooses the exit code.
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
