"""What the environment says beside the settings file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from mediameter.sections.secrets import secrets_of


def wants_traceback() -> bool:
    """Whether a failing command is to show where it failed (MEDIAMETER_TRACEBACK=1)."""
    return os.environ.get("MEDIAMETER_TRACEBACK", "") not in ("", "0")


def secrets_of_environment() -> Iterator[str]:
    """What libraries of ours read there by themselves, and no message may show."""
    names = ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    yield from (os.environ.get(name, "") for name in names)
    yield from secrets_of(os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL", ""))


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """Where Prefect's API is, and what it wants to be shown: a key (Cloud), or USER:PASSWORD (a server)."""

    url: str
    key: str = field(repr=False)
    auth_string: str = field(repr=False)


def prefect_api() -> PrefectApi | None:
    """The API that PREFECT_API_URL names; None without one. Prefect's profiles are not looked into."""
    url = os.environ.get("PREFECT_API_URL", "")
    if not url:
        return None
    key, auth_string = (os.environ.get(f"PREFECT_API_{name}", "") for name in ("KEY", "AUTH_STRING"))
    return PrefectApi(url, key, auth_string)
