"""Programs that tests run beside Python: those that are there, and of the missing ones what Debian's packages bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable


def installed(*names: str) -> set[str]:
    """Which of these programs are there. Missing ones are installed (each is the name of its package) where we may."""
    if (missing := _missing(names)) and os.getuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-qq", *words], capture_output=True, timeout=300)
    return set(names) - set(_missing(names))


def _missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if not shutil.which(name)]
