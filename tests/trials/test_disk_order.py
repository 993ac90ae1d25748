"""Promise 2: a lake file and its folder are on the disk before the ledger says that the file counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from schemas.vocabulary import DEFAULT_TENANT
from tests.conftest import Trials
from tests.trials.conftest import NewSite
from tests.worlds.site import LogObject, Site

ROOT = Path(__file__).parents[2]
CALLS = "mkdir,mkdirat,fsync,fdatasync,rename,renameat,renameat2,pwrite64"
_STRACE = ("strace", "-f", "-y", "-s", "8192", "-e", f"trace={CALLS}", "-o")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (-?\d+).*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>.*\) += (-?\d+)")


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded: its arguments as strace writes them, and when it began and was over."""

    name: str
    arguments: str
    begin: int
    end: int


def traced(site: Site) -> list[Call]:
    """The system calls of `mediameter run`."""
    log, settings = site.folder / "strace.log", site.folder / "mediameter.toml"
    settings.write_text(
        '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\n[ingest]\nworkers = 1\nbatch_bytes = 300000\n'
    )
    command = [sys.executable, "-m", "mediameter", "run", "--quiet", "--settings", str(settings)]
    done = subprocess.run([*_STRACE, str(log), *command], cwd=ROOT, capture_output=True, text=True)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    return calls(log.read_text("utf-8", "replace").splitlines())


def calls(lines: list[str]) -> list[Call]:
    """The calls of all threads, those that strace had to write in two parts put together."""
    found, open_calls = [], {}
    for number, line in enumerate(lines):
        if begun := _BEGUN.match(line):
            thread, name, arguments, result = begun.groups()
            if result is None:
                open_calls[thread] = (name, arguments, number)
            elif not result.startswith("-"):
                found.append(Call(name, arguments, number, number))
        elif (resumed := _RESUMED.match(line)) and resumed[1] in open_calls and not resumed[2].startswith("-"):
            found.append(Call(*open_calls.pop(resumed[1]), number))
    return found


def ledger_files(site: Site) -> list[str]:
    engine = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.reading(engine) as connection:
        paths = list(connection.execute(sa.select(tables["lake_files"].c.path)).scalars())
    engine.dispose()
    return paths


def misplaced(seen: list[Call], lake: Path, path: str) -> str:
    """What is wrong with the order in which one lake file came to the disk; empty when nothing is."""
    final = lake / path
    [renamed] = [call for call in seen if call.name.startswith("rename") and f'"{final}"' in call.arguments]
    [draft] = re.findall(r'"([^"]*\.draft-[^"]*)"', renamed.arguments)
    told = next(
        call for call in seen if call.name == "pwrite64" and "-wal>" in call.arguments and final.stem in call.arguments
    )
    commit = next(
        (call for call in seen if "sync" in call.name and "-wal>" in call.arguments and call.begin > told.end), None
    )
    new_folders = {
        folder: call.end
        for folder in final.parents
        for call in seen
        if call.name.startswith("mkdir") and f'"{folder}"' in call.arguments
    }

    def synced(name: Path, after: int, before: int) -> bool:
        return any("sync" in c.name and f"<{name}>" in c.arguments and after < c.begin and c.end < before for c in seen)

    held = {
        "the file is not synced before it gets its name": synced(Path(draft), -1, renamed.begin),
        "its folder is not synced before the ledger's row is written": synced(final.parent, renamed.end, told.begin),
        "the ledger's row is not synced": commit is not None,
        "a new folder's name is not synced before": all(
            synced(folder.parent, made, told.begin) for folder, made in new_folders.items()
        ),
    }
    return ", ".join(wrong for wrong, holds in held.items() if not holds)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_ledger_speaks_last(new_site: NewSite, objects: list[LogObject], trials: Trials) -> None:
    asked, failed, files = trials(1, 20), [], 0
    for number in range(asked):
        site = new_site(f"traced-{number}")
        site.deliver(objects)
        seen, paths = traced(site), ledger_files(site)
        assert len(paths) > 5
        files += len(paths)
        failed += [f"{path}: {wrong}" for path in paths if (wrong := misplaced(seen, site.folder / "lake", path))]
    print(f"order on disk: {asked} asked, {asked} run, {files} lake files, {len(failed)} failed")
    assert not failed
