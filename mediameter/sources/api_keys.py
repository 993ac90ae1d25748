"""Whose a key of a REST API is. A JSON web token says it in clear; nothing is verified here, the API itself does that.

Supabase's newer keys are no tokens, and say it by their beginning. Of any other key nobody can tell.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mediameter.errors import UserError

PUBLISHABLE, SECRET = "sb_publishable_", "sb_secret_"
WHOLE_ROLE = "service_role"
ANONYMOUS = "anon"  # PostgREST's own name for whoever shows a token without a role


class ApiKey(NamedTuple):
    """``role``: None where the key does not tell. ``expires_at``: None where it does not, or never."""

    role: str | None
    expires_at: datetime | None = None

    def expired(self, setting: str, now: datetime | None) -> UserError | None:
        """The error of a key that has run out by then; None where it has not, or where nobody tells."""
        if now is None or self.expires_at is None or now < self.expires_at:
            return None
        what = f"{setting}: the key expired on {self.expires_at:%Y-%m-%d}"
        return UserError(what, f"make a new one there, and set key in {setting}")


def read_key(key: str) -> ApiKey:
    """What a key tells of itself."""
    if key.startswith(PUBLISHABLE):
        return ApiKey(ANONYMOUS)
    if key.startswith(SECRET):
        return ApiKey(WHOLE_ROLE)
    claims = _claims(key)
    if claims is None:
        return ApiKey(None)
    role = claims.get("role")
    return ApiKey(role if isinstance(role, str) and role else ANONYMOUS, _instant(claims.get("exp")))


def _claims(key: str) -> dict[str, Any] | None:
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _instant(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None
