"""The key under which addresses become pseudonyms: given, or made once and kept."""

from __future__ import annotations

import secrets
from pathlib import Path

from mediameter import discretion
from mediameter.atomic import write_once
from mediameter.sections.complaint import SettingsError
from mediameter.settings.models import Settings

FILE_NAME = "address.key"
KEY_CHARACTERS = 64


def address_key(settings: Settings) -> bytes:
    """The secret of the pseudonyms. Without ``privacy.key``, 64 hex digits in ``address.key`` (mode 0600) beside the
    SQLite warehouse, else beside the settings file; made at first use. A lost key makes every address a new one."""
    if settings.privacy.key:
        return settings.privacy.key.encode()
    path = key_path(settings)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two first runs one wins, and both read its key: two keys would split the audience.
        write_once(path, secrets.token_hex(KEY_CHARACTERS // 2) + "\n", permissions=0o600)
    return _read(path)


def known_key(settings: Settings) -> bytes | None:
    """The same key; None where none was given and none was made yet. Makes nothing."""
    return address_key(settings) if settings.privacy.key or key_path(settings).exists() else None


def carry_key(old: Settings, new: Settings) -> str:
    """Copies a key that was made to where the new settings look for it; returns where, or "" when it lies there.

    Raises ``SettingsError`` when another key lies there.
    """
    if new.privacy.key or key_path(old) == key_path(new) or not key_path(old).exists():
        return ""
    path, text = key_path(new), key_path(old).read_text()
    path.parent.mkdir(parents=True, exist_ok=True)
    if write_once(path, text, permissions=0o600):
        return str(path)
    if path.read_text() != text:
        raise SettingsError(
            f"{path} is another key than {key_path(old)}", "move it away: the lake was made under the latter"
        )
    return ""


def key_path(settings: Settings) -> Path:
    """Where the made key lies."""
    warehouse = settings.warehouse.sqlite_path
    return (warehouse.parent if warehouse else settings.folder) / FILE_NAME


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path}: other users of this machine can read the key", f"chmod 600 {path}")
    key = path.read_text().strip()
    if len(key) != KEY_CHARACTERS:
        message = f"{path}: this is not a key of {KEY_CHARACTERS} characters"
        raise SettingsError(message, "restore it, or set privacy.key")
    discretion.keep([key])
    return key.encode()
