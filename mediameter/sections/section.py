"""What all sections of the settings share: frozen, no unknown names, paths beside the file."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from mediameter.sections.complaint import Complaint


class Section(BaseModel):
    """One table of the file. Values never show in errors: a setting may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


def beside(value: object, info: ValidationInfo) -> Path:
    """An absolute path; a relative one is meant from the folder of the settings file."""
    if not isinstance(value, str | Path) or not str(value):
        raise Complaint("this is not a path", "write it in quotes")
    if "://" in str(value):
        raise Complaint("only folders and files of this machine are supported", "write a path")
    return absolute(Path(value), info)


def absolute(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder") or Path.cwd()
    return Path(folder).absolute() / path.expanduser()


def day(value: object) -> date:
    """A calendar day, bare or in quotes. A time of day or a number is no day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise Complaint("this is not a day", "write it like 2025-01-01") from None


Beside = Annotated[Path, BeforeValidator(beside)]
Day = Annotated[date, BeforeValidator(day)]
Share = Annotated[float, Field(ge=0, le=1)]


QUIET_HOURS = "Hours without a delivery that are ordinary; 0: learned from when it delivers"


def setting(default: Any, description: str, **more: Any) -> Any:
    """A setting with a default; the description is its comment in the file that ``init`` writes."""
    return Field(default=default, description=description, **more)
