"""A program run as a process of its own: how long, how much work, how much memory, and what it said."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYCACHE = Path(tempfile.gettempdir()) / "mediameter-bench" / "pycache"
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Case:
    """A command whose last line on stdout is JSON. ``before`` makes ready what the command spoils, ``after`` adds to
    what it said; neither is measured. ``cores``: it sees no more than these."""

    name: str
    command: list[str]
    size: int
    cores: int = 2
    before: Callable[[], None] | None = None
    after: Callable[[], dict[str, Any]] | None = None


@dataclass(slots=True)
class Usage:
    """Wall clock, CPU (user and system) of the process and its children, peak memory of the largest of them."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    said: dict[str, Any]


def measured(case: Case) -> Usage:
    """One run. Raises ``RuntimeError`` with the program's last words when it fails."""
    if case.before:
        case.before()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        bound, environment = _bound(case.cores), _environment(case.cores)
        process = subprocess.Popen(case.command, cwd=ROOT, env=environment, stdout=out, stderr=errors, preexec_fn=bound)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_text(file) for file in (out, errors)]
    if process.returncode:
        raise RuntimeError(f"{case.name}: exit code {process.returncode}: {texts[1][-2000:] or texts[0][-2000:]}")
    said = _json(texts[0]) | (case.after() if case.after else {})
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT / 1e6, said)


def _environment(cores: int) -> dict[str, str]:
    """Modules are kept compiled, as they are wherever a program runs twice."""
    ours = {"POLARS_MAX_THREADS": str(cores), "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(PYCACHE)}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ours


def _bound(cores: int) -> Callable[[], None] | None:
    """Threads that a program starts on its own would make one core look like two."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    some = set(sorted(os.sched_getaffinity(0))[-cores:])
    return lambda: os.sched_setaffinity(0, some)


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _json(text: str) -> dict[str, Any]:
    begin = text.find("{")
    return dict(json.loads(text[begin:])) if begin >= 0 else {}


def interleaved(cases: list[Case], repeat: int, tell: Callable[[str], None]) -> dict[str, Usage]:
    """Every case once, then every case again: what else the machine does falls on all alike. Medians; by name."""
    runs: dict[str, list[Usage]] = {case.name: [] for case in cases}
    for number in range(repeat):
        for case in cases:
            tell(f"{case.name} ({number + 1} of {repeat})")
            runs[case.name].append(measured(case))
    return {name: _median(usages) for name, usages in runs.items()}


def _median(usages: list[Usage]) -> Usage:
    def middle(name: str) -> float:
        return float(statistics.median(getattr(usage, name) for usage in usages))

    return Usage(middle("wall_s"), middle("cpu_s"), max(usage.peak_mb for usage in usages), usages[0].said)
