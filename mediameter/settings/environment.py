"""What the environment says beside the settings file."""

from __future__ import annotations

import os


def wants_traceback() -> bool:
    """Whether a failing command is to show where it failed (MEDIAMETER_TRACEBACK=1)."""
    return os.environ.get("MEDIAMETER_TRACEBACK", "") not in ("", "0")
