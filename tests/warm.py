"""A warm parent for what tests start as ``python -m …``: it has imported all that is slow to import, and forks.

Prefect, Great Expectations and Pandera cost ten seconds of CPU each time a process imports them, and a run on a worker
is three processes. ``python(folder)`` is a file that can stand where a Python does: it hands its words, environment,
folder and terminals to the parent, and lives and dies with the fork that works in its place. To whoever starts it, and
to what runs, it is a Python like the real one: it gets signals, and ends with the same code or by the same signal.

The parent ends with the process that had it made.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PRELOADED = (
    "prefect.cli",
    "prefect.flow_engine",
    "prefect.runner._workspace_supervisor",
    "prefect.workers.process",
    "prefect.events.clients",
    "alembic.command",
    "pandera.polars",
    "hypothesis.strategies",  # Pandera imports it at the first check
    "mediameter.cli",
    "mediameter.quality.docs",
    "mediameter.quality.judging",
    "mediameter.commands.run",
    "mediameter.steps.redo.backfill",
    "mediameter.steps.alert.watch",
    "flows.backfill",
    "flows.hourly",
    "flows.nightly",
    "flows.overdue",
    "flows.watch",
)
_LONGEST_S = 240
_SIZE = 8
_CLIENT = """#!{python} -IS
import json, os, signal, socket, sys, time

deadline = time.monotonic() + {patience}
while not os.path.exists({address!r}):
    if time.monotonic() > deadline:
        sys.exit("the warm parent did not come up")
    time.sleep(0.05)
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
words = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(link, [len(words).to_bytes({size}, "big")], [0, 1, 2])
link.sendall(words)
pid = int.from_bytes(link.recv({size}), "big")
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(each, lambda number, _: os.kill(pid, number))
status = int.from_bytes(link.recv({size}), "big")
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""


def python(folder: Path) -> str:
    """The path of a Python that is a fork of a warm parent; ``folder`` is for its files. The parent is started here,
    and whoever uses it waits until it is warm."""
    address, client = folder / "warm.sock", folder / "python"
    client.write_text(_CLIENT.format(python=sys.executable, address=str(address), size=_SIZE, patience=_LONGEST_S))
    client.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    called = [sys.executable, "-m", "tests.warm", str(address), str(client), str(os.getpid())]
    subprocess.Popen(called, cwd=Path(__file__).parents[1], env=environment)
    return str(client)


# --- the parent --------------------------------------------------------------------------------------
class _Parent:
    def __init__(self, address: Path, client: str, owner: int) -> None:
        self._client = client
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        draft = address.with_suffix(".draft")
        self._listener.bind(str(draft))
        self._listener.listen(64)
        draft.rename(address)
        self._watch(self._listener, self._accept)
        self._watch(os.pidfd_open(owner), self._end)
        self._children: dict[int, int] = {}  # process by its pidfd

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _watch(self, file: int | socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, then)

    def _end(self) -> None:
        for pid in self._children.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        head, terminals, _, _ = socket.recv_fds(link, _SIZE, 3)
        with link.makefile("rb") as file:
            words, environment, folder = json.loads(file.read(int.from_bytes(head, "big")))
        pid = os.fork()
        if not pid:
            _become(words, environment, folder, terminals, self._client)
        for each in terminals:
            os.close(each)
        link.sendall(pid.to_bytes(_SIZE, "big"))
        self._follow(pid, link)

    def _follow(self, pid: int, link: socket.socket) -> None:
        """Tells how the fork ended, and ends it when nobody is left to be told."""
        ended = os.pidfd_open(pid)
        self._children[ended] = pid

        def tell() -> None:
            _, status = os.waitpid(pid, 0)
            self._selector.unregister(ended)
            with suppress(KeyError):
                self._selector.unregister(link)
            del self._children[ended]
            os.close(ended)
            with suppress(OSError):
                link.sendall(status.to_bytes(_SIZE, "big"))
            link.close()

        def end() -> None:
            self._selector.unregister(link)
            os.kill(pid, signal.SIGKILL)

        self._watch(ended, tell)
        self._watch(link, end)


def _become(words: list[str], environment: dict[str, str], folder: str, terminals: list[int], client: str) -> None:
    """The fork works as the Python that was called with these words, and never returns."""
    code = 1
    try:
        os.setsid()
        for number, each in enumerate(terminals):
            os.dup2(each, number)
        os.closerange(3, 1024)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.executable = client
        sys.path[0:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
        code = _worked(words)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _worked(words: list[str]) -> int:
    """Runs what the words name, and says how it ended."""
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    address, client, owner = sys.argv[1:]
    for each in _PRELOADED:
        importlib.import_module(each)
    importlib.import_module("tests.frozen")
    warnings.filterwarnings("ignore", ".*found in sys.modules.*", RuntimeWarning)
    _Parent(Path(address), client, int(owner)).serve()


if __name__ == "__main__":
    main()
