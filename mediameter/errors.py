"""The two ways a command can end badly: the user can mend it, or the world has to change first.

Both carry what is wrong and what to do about it, in one line; the command prints it and chooses the exit code.
"""

from __future__ import annotations


class MediameterError(Exception):
    """One line: ``message`` names the thing that is wrong, ``remedy`` says what mends it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}: {remedy}" if remedy else message)


class UserError(MediameterError):
    """Settings or arguments: the user can mend it. Exit code 2."""


class WorldError(MediameterError):
    """A disk, a network, a database, a file: the world is at fault. Exit code 1."""
