"""What an export read and made of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mediameter.errors import MediameterError, UserError


@dataclass(slots=True)
class ExportReport:
    """What a pass read and made of it. rows = rows of the events + ignored + rejected, over the days that were read.

    ``days``: UTC days whose events are others than before (in a dry run: would be). ``rows_without_day``: rows that
    no day can be told of, or that have no id; they are counted nowhere else. ``rows_to_come``: rows of later days,
    where all of a table was read. ``new_columns``: TABLE.COLUMN that nobody knew of. ``failed``: sources that could not
    be read, or are not believed, each in one line; their days stay open;
    ``refused``: how many of these a setting or a right mends. ``doubts``: tables that show nothing and are not known to
    be empty; ``accepted``: what is believed since somebody said so.
    """

    rows: int = 0
    events: int = 0
    ignored: int = 0
    rejected: int = 0
    rows_without_day: int = 0
    rows_to_come: int = 0
    files: int = 0
    applications: int = 0
    days_read: int = 0
    days: list[str] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: int = 0
    doubts: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def fail(self, error: MediameterError) -> None:
        """Puts down a source, or a part of it, that could not be read; what is said of each day alike is said once."""
        if str(error) not in self.failed:
            self.failed.append(str(error))
            self.refused += isinstance(error, UserError)
