"""What is looked at before any settings: Python, the terminal, the packages beside ours, the settings themselves."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from mediameter import connect, premises
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.settings import Settings
from mediameter.settings.key import KEY_CHARACTERS, key_path
from mediameter.settings.reading import named_by
from mediameter.store import migration, objects, tenancy

OLDEST_PYTHON = (3, 11)


def python(_: Path | None) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield error("python", f"this is Python {version}", "use 3.11 or newer: make venv PYTHON=python3.12")
    else:
        yield ok("python", version)


def terminal(_: Path | None) -> Iterator[Finding]:
    for name, encoding in (("stdout", sys.stdout.encoding), ("file names", sys.getfilesystemencoding())):
        if _is_utf8(encoding):
            yield ok(f"encoding of {name}", "UTF-8")
        else:
            remedy = "export PYTHONUTF8=1, or a UTF-8 locale such as LANG=C.UTF-8"
            yield warning(f"encoding of {name}", f"{encoding}: names and signs outside it cannot be shown", remedy)


def _is_utf8(encoding: str | None) -> bool:
    return codecs.lookup(encoding or "ascii").name == "utf-8"


def packages(_: Path | None) -> Iterator[Finding]:
    premises.check()
    yield ok("packages", f"{', '.join(premises.OURS)} are those of {premises.HOUSE}")


def settings_file(settings: Settings, path: Path | None) -> Finding:
    """Where the settings came from; that they can be read is known by now."""
    sources = ", ".join(settings.sources) or "none"
    return ok("settings", f"{settings.file}, named by {named_by(path)}; sources: {sources}")


def address_key(settings: Settings) -> Iterator[Finding]:
    """The key of the pseudonyms: there where it must be, ours alone, and worth a copy."""
    path = key_path(settings)
    if settings.privacy.key:
        yield ok(
            "key of the pseudonyms", "given by [privacy] key; keep a copy of it, or each address becomes a new one"
        )
    elif not path.exists():
        yield _missing_key(settings, path)
    elif path.stat().st_mode & 0o077:
        yield error(str(path), "other users of this machine can read the key", f"chmod 600 {path}")
    elif len(path.read_text().strip()) != KEY_CHARACTERS:
        yield error(
            str(path),
            f"this is not a key of {KEY_CHARACTERS} characters",
            "restore it from its backup, or set privacy.key",
        )
    else:
        yield ok(str(path), "there, and yours alone; keep a copy elsewhere: without it each address becomes a new one")


def _missing_key(settings: Settings, path: Path) -> Finding:
    if _has_taken_in(settings):
        remedy = "restore it from its backup; a new one makes every address a new one and counts each line twice"
        return error(str(path), "the key is gone, but there is a warehouse that was made with it", remedy)
    return skipped(
        str(path), "not there yet: the first run makes it", "keep a copy of it then, apart from this machine"
    )


def _has_taken_in(settings: Settings) -> bool:
    """Whether the warehouse holds anything that was made under a key; what cannot be asked is told by its own check."""
    file = settings.warehouse.sqlite_path
    if file is not None and not file.exists():
        return False
    try:
        made = tenancy.engine(settings.warehouse.url, settings.tenant)
        try:
            with connect.reading(made) as connection:
                found = migration.revision(connection)
                if found != migration.HEAD:  # an older ledger says not whose it is
                    connection.execution_options(**tenancy.EVERYBODY)
                return found is not None and objects.has_taken_in(connection)
        finally:
            made.dispose()
    except (MediameterError, SQLAlchemyError):
        return False


HOUSE: tuple[Check[Path | None], ...] = (
    Check("python", python),
    Check("terminal", terminal),
    Check("packages", packages),
)
