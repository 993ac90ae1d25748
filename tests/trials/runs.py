"""Runs in processes of their own, which may be killed and stopped.

They are forked from a process that has imported everything and computed nothing: a start from scratch costs a second
of CPU, and a fork of the tests' own process would hang in Polars, whose threads do not outlive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from mediameter import faults
from mediameter.commands.run import run
from mediameter.sources.folder import Folder
from mediameter.sources.objects import ObjectVersion
from mediameter.steps.redo.backfill import Task, backfill
from tests import gate
from tests.worlds.site import Site

_LONGEST_S = 120
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        "tests.trials.runs",
        "alembic.command",
        "pandera.polars",
        "pandera.backends.polars.container",  # from here on: what is imported by the first that needs it
        "pandera.strategies.base_strategies",
        "pandas.core.methods.to_dict",
        "polars._utils.parquet",
        "mediameter.quality.docs",
        "mediameter.quality.judging",
        "mediameter.settings.fingerprint",
        "hypothesis.strategies",  # Pandera imports it at the first check
        "pytest",  # each process looks into the main module again
        "alembic.config",
        "encodings.utf_8_sig",
        "pandera.backends.register_checks",
        "sql.migrations.columns",
        "sql.migrations.views",
        "tests.frozen",
    ]
)


@dataclass(frozen=True, slots=True)
class Fault:
    """At the ``occurrence``-th time (from 1) that ``point`` is passed, the process gets ``signal``."""

    point: str
    occurrence: int
    signal: int


def start(
    site: Site, now: datetime, *, fault: Fault | None = None, shuffled: int | None = None, is_plain: bool = True
) -> BaseProcess:
    """Begins a run as of ``now``; ``shuffled`` is the seed of the order in which the bucket lists its objects.

    Its gate is the plain one where that of this process is (`tests.gate`), but for a fault in the gate itself.
    """
    is_plain &= gate.is_on and not (fault and fault.point.startswith("quality."))
    return forked(_work, site, now, fault, shuffled, is_plain)


def start_backfill(site: Site, now: datetime, task: Task) -> BaseProcess:
    """Begins a backfill as of ``now``."""
    return forked(_work_backfill, site, now, task, gate.is_on)


def forked(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """Begins any function of a module in a process of its own."""
    process = _forks.Process(target=work, args=arguments)
    process.start()
    return process


def exit_code(process: BaseProcess) -> int:
    """How the process ended (negative: by that signal); ``TimeoutError`` when it does not."""
    process.join(_LONGEST_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"a run was not over after {_LONGEST_S} s")
    return process.exitcode


def complete(site: Site, now: datetime, *, shuffled: int | None = None) -> None:
    """A run that nobody disturbs, and that has to succeed."""
    code = exit_code(start(site, now, shuffled=shuffled))
    assert code == 0, f"the run ended with {code}"


def counted(site: Site, now: datetime) -> Counter[str]:
    """A run that nobody disturbs: how often it passes each named point. Great Expectations is its gate: what the plain
    one says in the others is held against this."""
    receiver, sender = _forks.Pipe(duplex=False)
    process = _forks.Process(target=_work_and_count, args=(site, now, sender))
    process.start()
    sender.close()
    passed: Counter[str] = receiver.recv()
    assert exit_code(process) == 0
    return passed


def wait_for_stop(process: BaseProcess) -> None:
    """Returns when the process has been stopped by a signal."""
    deadline = time.monotonic() + _LONGEST_S
    while time.monotonic() < deadline:
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "T":
            return
        time.sleep(0.01)
    raise TimeoutError("the process did not stop")


def _work(site: Site, now: datetime, fault: Fault | None, shuffled: int | None, is_plain: bool) -> None:
    if fault:
        faults.at[fault.point] = at_the(fault.occurrence, lambda: os.kill(os.getpid(), fault.signal))
    if shuffled is not None:
        _shuffle_listings(Random(shuffled))
    with gate.plainly(is_plain):
        run(site.settings(), now=now)


def start_faulty(work: Callable[..., None], *arguments: object, fault: Fault | None) -> BaseProcess:
    """Begins any function of a module in a process of its own, which may end at a named point."""
    return forked(_work_faulty, work, arguments, fault)


def killed_at(point: str, occurrence: int, work: Callable[..., None], *arguments: object) -> bool:
    """Whether a process that does this work was killed at the named point: it may be over before."""
    code = exit_code(start_faulty(work, *arguments, fault=Fault(point, occurrence, signal.SIGKILL)))
    assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
    return code == -signal.SIGKILL


def _work_faulty(work: Callable[..., None], arguments: tuple[object, ...], fault: Fault | None) -> None:
    if fault:
        faults.at[fault.point] = at_the(fault.occurrence, lambda: os.kill(os.getpid(), fault.signal))
    work(*arguments)


def _work_backfill(site: Site, now: datetime, task: Task, is_plain: bool) -> None:
    with gate.plainly(is_plain):
        backfill(site.settings(), task, now=now)


def _work_and_count(site: Site, now: datetime, sender: multiprocessing.connection.Connection) -> None:
    passed: list[str] = []  # appended to by several threads
    for name in (*faults.POINTS, *faults.FOUNDING_POINTS, *faults.EXPORT_POINTS):
        faults.at[name] = partial(passed.append, name)
    run(site.settings(), now=now)
    sender.send(Counter(passed))


def at_the(occurrence: int, action: Callable[[], None]) -> Callable[[], None]:
    """An action that does nothing but for the ``occurrence``-th time (from 1)."""
    numbers = count(1)
    return lambda: action() if next(numbers) == occurrence else None


def _shuffle_listings(rng: Random) -> None:
    """S3 lists by key; nothing may depend on that."""
    listing = Folder.listing

    def shuffled(folder: Folder) -> list[ObjectVersion]:
        versions = listing(folder)
        rng.shuffle(versions)
        return versions

    Folder.listing = shuffled  # type: ignore[method-assign,assignment]
