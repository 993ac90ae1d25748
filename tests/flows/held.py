"""The hourly flow, in a process that waits at a named point until it is let go: what deployments of a test run.

Its signs are files in a folder: ``held`` (the process's id) when it has come there, ``let-go`` from the test.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from flows.hourly import hourly
from mediameter import faults

__all__ = ["hourly"]

_LONGEST_S = 120.0


def wait(signs: Path) -> None:
    draft = signs / f"draft-{threading.get_ident()}"  # two days may come here side by side
    draft.write_text(str(os.getpid()))
    draft.rename(signs / "held")
    deadline = time.monotonic() + _LONGEST_S
    while not (signs / "let-go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


if "HELD_AT" in os.environ:  # a variable of the deployment's jobs: not where a test deploys it
    faults.at[os.environ["HELD_AT"]] = lambda: wait(Path(os.environ["HELD_SIGNS"]))
