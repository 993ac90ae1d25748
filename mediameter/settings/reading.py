"""From the file to the settings: find it, resolve ``env:`` and ``secret:``, check it, and say what is wrong where."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mediameter import discretion
from mediameter.sections.complaint import Complaint, Place, SettingsError
from mediameter.settings.environment import secrets_of_environment
from mediameter.settings.explaining import explain, section_of, settings_error
from mediameter.settings.lakes import own_lake
from mediameter.settings.models import Settings, Warehouse

FILE_NAME = "mediameter.toml"
FILE_VARIABLE = "MEDIAMETER_TOML"


def load(path: str | Path | None = None) -> Settings:
    """The settings of ``path``, else of $MEDIAMETER_TOML, else of ./mediameter.toml. Raises ``SettingsError``."""
    file = _find(Path(path) if path else None)
    try:
        text = file.read_bytes().decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: this is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{file}: this is not TOML: {error}", "texts stand in quotes, days and numbers do not"
        ) from None
    return from_mapping(document, file.absolute().parent, file=file.absolute(), text=text)


def settings_file(path: str | Path | None = None) -> Path:
    """The file, absolute, that ``load(path)`` reads, or would read if it were there."""
    return Path(path or os.environ.get(FILE_VARIABLE) or FILE_NAME).absolute()


def named_by(path: Path | None) -> str:
    """Who named the settings file that ``load(path)`` reads."""
    return "--settings" if path else f"${FILE_VARIABLE}" if os.environ.get(FILE_VARIABLE) else "the folder of the call"


def from_mapping(document: Mapping[str, Any], folder: Path, *, file: Path | None = None, text: str = "") -> Settings:
    """The settings of a document as TOML gives it; relative paths are meant from ``folder``.

    ``text`` is the file's, to name lines in errors. Raises ``SettingsError``.
    """
    where = str(file or "settings")
    try:
        content = _resolve(dict(document), ())
        for reserved in ("folder", "file"):
            if reserved in content:
                raise _Misplaced(Complaint("unknown setting", "remove it"), (reserved,))
        sections: dict[str, Any] = {
            name: {} for name, field in Settings.model_fields.items() if section_of(field.annotation)
        }
        settings = Settings.model_validate(
            {**sections, **content, "folder": folder.absolute(), "file": file}, context={"folder": folder}
        )
    except _Misplaced as error:
        raise settings_error(where, text, error.complaint, error.place) from None
    except ValidationError as error:
        raise settings_error(where, text, *explain(error)) from None
    discretion.keep((*settings.secrets, *secrets_of_environment()))
    lake = own_lake(settings.lake.path, settings.tenant)
    return settings.model_copy(update={"lake": settings.lake.model_copy(update={"path": lake})})


def of_warehouse(settings: Settings, url: str) -> Settings:
    """The same settings with another warehouse, whose URL may be given as ``env:NAME`` or ``secret:NAME``."""
    try:
        content = _resolve({"url": url}, ("warehouse",))
        made = Warehouse.model_validate(content, context={"folder": settings.folder})
    except _Misplaced as error:
        raise SettingsError(f"--from: {error.complaint.message}", error.complaint.remedy) from None
    except ValidationError as error:
        complaint, _ = explain(error)
        raise SettingsError(f"--from: {complaint.message}", complaint.remedy) from None
    discretion.keep(made.secrets)
    return settings.model_copy(update={"warehouse": made})


def _find(path: Path | None) -> Path:
    named = path or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    file = named or Path(FILE_NAME)
    if file.is_dir():
        file = file / FILE_NAME
    if not file.is_file():
        remedy = "`mediameter init` writes one" + ("" if named else f"; --settings or ${FILE_VARIABLE} names another")
        raise SettingsError(f"{file}: there is no such settings file", remedy)
    return file


class _Misplaced(Exception):
    def __init__(self, complaint: Complaint, place: Place) -> None:
        self.complaint = complaint
        self.place = place


def _resolve(value: Any, place: Place) -> Any:
    """The document with every ``env:NAME`` and ``secret:NAME`` replaced by what it stands for."""
    if isinstance(value, dict):
        return {name: _resolve(inner, (*place, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(inner, (*place, index)) for index, inner in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        return _environment(value.removeprefix("env:"), place)
    if isinstance(value, str) and value.startswith("secret:"):
        return _secret(value.removeprefix("secret:"), place)
    return value


def _environment(name: str, place: Place) -> str:
    value = os.environ.get(name)
    if not value:
        raise _Misplaced(Complaint(f"the environment variable {name} is not set", f"export {name}=…"), place)
    return value


def _secret(name: str, place: Place) -> str:
    """The value of a Prefect Secret block. Prefect takes a second to import: only who uses a block waits for it."""
    try:
        from prefect.blocks.system import Secret

        return str(Secret.load(name).get())  # type: ignore[union-attr]
    except Exception as error:  # no server, no block, no rights: Prefect raises a different class for each
        message = f"the Prefect Secret block {name!r} could not be loaded ({type(error).__name__})"
        raise _Misplaced(Complaint(message, f"create it in Prefect, or use env:{name.upper()}"), place) from None
