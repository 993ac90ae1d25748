"""How a wrong setting is said."""

from __future__ import annotations

from mediameter.errors import UserError

Place = tuple[str | int, ...]
"""Where a setting stands: ``("prices", 1, "amount")``."""


class SettingsError(UserError):
    """One line: the file (and line), the setting's dotted path, what is wrong, the remedy."""


class Complaint(ValueError):
    """Raised by a check of a value; ``place`` is where, below the value that is checked."""

    def __init__(self, message: str, remedy: str = "", place: Place = ()) -> None:
        self.message = message
        self.remedy = remedy
        self.place = place
        super().__init__(message)


def dotted(place: Place) -> str:
    """``prices[2].amount``: list items are counted from 1, as a reader of the file counts them."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text
