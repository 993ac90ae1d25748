"""What the sections of other systems' databases share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from mediameter.sections.complaint import Complaint
from mediameter.sections.section import absolute

_SQLITE = "sqlite:///"


def beside_sqlite(url: str, info: ValidationInfo) -> str:
    """The URL; the file of SQLite's is meant from the folder of the settings."""
    path = url.removeprefix(_SQLITE)
    return url if path in (url, "") else f"{_SQLITE}{absolute(Path(path), info)}"


def refuse_odd_names(tables: Mapping[Any, str]) -> None:
    """Raises ``Complaint`` for what cannot be the name of a table, with or without its schema."""
    for table, name in tables.items():
        if not all(name.split(".")) or name.count(".") > 1:
            raise Complaint("this is not the name of a table", 'write it like "events", or "media.events"', (table,))
