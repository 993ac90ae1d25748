"""What all sections of the settings share: frozen, no unknown names, paths beside the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from mediameter.sections.complaint import Complaint
from mediameter.sections.secrets import secrets_of


class Section(BaseModel):
    """One table of the file. Values never show in errors: a setting may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    @property
    def secrets(self) -> Iterator[str]:
        """Every text of this section, and of those within it, that no message may show: fields with ``repr=False``."""
        for name, field in type(self).model_fields.items():
            yield from _secrets_in(getattr(self, name), is_secret=not field.repr)


def _secrets_in(value: object, *, is_secret: bool) -> Iterator[str]:
    if isinstance(value, Section):
        yield from value.secrets
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _secrets_in(each, is_secret=is_secret)
    elif is_secret and isinstance(value, str):
        yield from secrets_of(value)


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
