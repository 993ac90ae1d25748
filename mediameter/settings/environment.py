"""What the environment says beside the settings file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def wants_traceback() -> bool:
    """Whether a failing command is to show where it failed (MEDIAMETER_TRACEBACK=1)."""
    return os.environ.get("MEDIAMETER_TRACEBACK", "") not in ("", "0")


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
