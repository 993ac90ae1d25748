"""What goes wrong around a run: one clear line on stderr, the right exit code, nothing half written, and the next run
makes it good."""

from __future__ import annotations

import ctypes
import gzip
import multiprocessing
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from mediameter import connect, faults
from mediameter.cli import main
from tests import gate
from tests.trials.runs import exit_code, forked
from tests.worlds.log_lines import probe

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MEDIAMETER_")}
ENVIRONMENT["PYTHONPATH"] = str(ROOT)
MODIFIED = datetime(2026, 1, 3, 4, tzinfo=UTC).timestamp()
SETTINGS = """
[sources.logs]
kind = "s3_access_log"
path = "bucket"

[privacy]
key = "sixteen characters"

[geo]
countries = "none"
"""
CARD = """
[[prices]]
source = "logs"
measure = "bytes_sent"
amount = "0.01"
currency = "USD"
per = "GB"
citation = "made up"
"""
_OVERRIDES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: without them root too obeys modes
pytestmark = pytest.mark.usefixtures("plain_gate", "real_migrations")


def line(number: int, key: str = "files/u-1/castingly-1/a.jpg") -> bytes:
    """A well-formed line of 2 January 2026, another for each number."""
    at = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=number % 86_400)
    return f"{probe(at, f'{number:016X}', key=key, block=f'200 - {5000 + number} 9000 42 40')}\n".encode()


def put(name: str, content: bytes) -> Path:
    """An object of the bucket in the working folder."""
    path = Path("bucket", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (MODIFIED, MODIFIED))
    return path


def settings(more: str = "") -> None:
    Path("mediameter.toml").write_text(SETTINGS + more)


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with settings and a bucket of two objects."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEDIAMETER_TOML", "MEDIAMETER_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    settings()
    for number in range(2):
        put(f"object-{number}", line(number) * 2 + line(number + 10))
    yield tmp_path
    faults.at.clear()


@pytest.fixture
def fails(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `mediameter run` in this process; it has to end with this code and one line, which is returned."""

    def failed(code: int) -> str:
        assert main(["run", "--quiet"]) == code
        return one_line(capfd.readouterr().err)

    return failed


def one_line(stderr: str) -> str:
    assert stderr.startswith("mediameter: ") and stderr.count("\n") == 1, stderr
    return stderr


class Done(NamedTuple):
    """How `mediameter run` ended in a process of its own, what it said, and its peak memory."""

    code: int
    stderr: str
    peak_mib: int


def run_aside(*, obeys_modes: bool = False) -> Done:
    """`mediameter run` in a process that is forked from one with all imports done: they cost seconds."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = forked(_run_aside, Path.cwd(), obeys_modes, sender)
    sender.close()
    code, peak_mib = receiver.recv()
    assert exit_code(process) == 0
    return Done(code, Path("stderr").read_text(), peak_mib)


def _run_aside(folder: Path, obeys_modes: bool, sender: Connection) -> None:
    os.chdir(folder)
    os.dup2(os.open("stderr", os.O_CREAT | os.O_WRONLY), 2)
    if obeys_modes and os.getuid() == 0:
        _obey_modes()
    with gate.plainly():
        code = main(["run", "--quiet"])
    # Not getrusage: its figure begins with that of the process which started this one.
    status = Path("/proc/self/status").read_text() if Path("/proc/self/status").exists() else "VmHWM: 0 kB"
    peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    sender.send((code, peak_kib >> 10))


def _obey_modes() -> None:
    """Gives up what lets root read everything; threads that begin later have not got it either."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for effective_or_permitted in (0, 1):
        sets[effective_or_permitted] &= ~_OVERRIDES & 0xFFFFFFFF
    assert libc.capset(header, sets) == 0


def command(path: str) -> subprocess.CompletedProcess[str]:
    """`mediameter run` as it is started from a shell."""
    words = [sys.executable, "-m", "mediameter", "run", "--quiet"]
    return subprocess.run(words, env={**ENVIRONMENT, "PYTHONPATH": path}, capture_output=True, text=True)


def told(file: Path = Path("warehouse.sqlite")) -> dict[str, int]:
    """What the warehouse has to say: objects by state, distinct records, bytes; and what lies about in the lake."""
    with closing(sqlite3.connect(file)) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM objects GROUP BY state"))
        records, size = connection.execute(
            "SELECT coalesce(sum(records), 0), coalesce(sum(bytes_sent), 0) FROM traffic_daily"
        ).fetchone()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    drafts = len(list(Path("lake").rglob(".draft-*"))) if Path("lake").exists() else 0
    return {**states, "records": records, "bytes": size, "drafts": drafts}


TWO_OBJECTS = {"settled": 2, "records": 4, "bytes": 20022, "drafts": 0}


def test_all_is_well_without_trouble() -> None:
    assert main(["run", "--quiet"]) == 0
    assert told() == TWO_OBJECTS


# --- settings: the user can mend it ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[ingest]\nworker = 3\n", "ingest.worker: unknown setting: did you mean ingest.workers?"),
        ('[reporting]\ntime_zone = "Asia/Kolkata"\n', "not a whole number of hours: days are built of whole UTC hours"),
        ('[reporting]\ntime_zone = "Mars/Base"\n', "there is no time zone 'Mars/Base'"),
    ],
)
def test_a_wrong_setting(more: str, said: str, fails: Callable[[int], str]) -> None:
    settings(more)
    complaint = fails(2)
    assert "mediameter.toml line" in complaint and said in complaint
    assert not Path("warehouse.sqlite").exists() and not Path("lake").exists()


def test_a_gap_between_price_cards(fails: Callable[[int], str]) -> None:
    settings(f"{CARD}valid_from = 2025-01-01\nvalid_to = 2025-06-30\n{CARD}valid_from = 2025-07-02\n")
    assert "2025-07-01" in fails(2)
    assert not Path("warehouse.sqlite").exists()


def test_a_folder_that_is_not_there(fails: Callable[[int], str]) -> None:
    shutil.rmtree("bucket")
    assert "source 'logs': the folder" in (said := fails(2)) and "does not exist: create it or correct" in said


def test_another_package_of_our_name(tmp_path: Path) -> None:
    intruder = tmp_path / "elsewhere" / "parsers"
    intruder.mkdir(parents=True)
    (intruder / "__init__.py").write_text("raise SystemExit('the intruder was imported')")
    done = command(path=os.pathsep.join([str(intruder.parent), str(ROOT)]))
    assert done.returncode == 2
    assert f"another package named parsers stands in the way: {intruder}: remove it" in one_line(done.stderr)
    assert not Path("warehouse.sqlite").exists()


# --- files that cannot be read -----------------------------------------------------------------------
@contextmanager
def forbidden(path: Path) -> Iterator[None]:
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(0o755)


def test_an_object_that_cannot_be_read_holds_up_nothing_else() -> None:
    with forbidden(Path("bucket/object-1")):
        done = run_aside(obeys_modes=True)
    said = one_line(done.stderr)
    assert done.code == 1
    assert "object-1 cannot be read (Permission denied): correct its permissions" in said
    assert told() == {"settled": 1, "records": 2, "bytes": 10010, "drafts": 0}
    assert main(["run", "--quiet"]) == 0
    assert told() == TWO_OBJECTS


def test_a_folder_that_cannot_be_read_is_no_quiet_day() -> None:
    put("deeper/object-2", line(2))
    with forbidden(Path("bucket/deeper")):
        done = run_aside(obeys_modes=True)
    assert done.code == 1
    assert "deeper cannot be listed (Permission denied): correct its permissions" in one_line(done.stderr)
    assert told() == {"records": 0, "bytes": 0, "drafts": 0}


# --- no space ----------------------------------------------------------------------------------------
@contextmanager
def small_files(size: int) -> Iterator[None]:
    """No file may grow beyond this: what a full disk or a quota is to a writer, without a disk to fill."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def much(lines: int) -> bytes:
    """Lines that do not pack well."""
    rng = Random(1)
    return b"".join(line(number, f"files/u-1/castingly-1/{rng.getrandbits(400):x}.jpg") for number in range(lines))


def test_no_space_for_the_lake(fails: Callable[[int], str]) -> None:
    put("much", much(20_000))
    with small_files(900_000):  # the empty warehouse has half of that
        said = fails(1)
    assert "the lake file" in said and "cannot be written (File too large): free some space" in said
    assert told() == {"records": 0, "bytes": 0, "drafts": 0}
    assert not list(Path("lake").rglob("*.parquet"))
    assert main(["run", "--quiet"]) == 0
    assert told()["records"] == 20_004


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_no_space_for_the_warehouse_at_all(size: int, fails: Callable[[int], str]) -> None:
    with small_files(size):
        said = fails(1)
    assert "warehouse.sqlite cannot be opened (disk I/O error): free some space on its disk" in said
    assert main(["run", "--quiet"]) == 0
    assert told() == TWO_OBJECTS


def test_no_space_for_the_warehouse_any_more(fails: Callable[[int], str]) -> None:
    assert main(["run", "--quiet"]) == 0
    put(
        "unreadable",
        line(31) + b"".join(b"%d this is no log line%s\n" % (number, b" and more" * 300) for number in range(999)),
    )
    put("one-more", line(30))
    with small_files(900_000):
        said = fails(1)
    assert "warehouse: disk I/O error: free some space on its disk (full?" in said
    assert told() == TWO_OBJECTS
    assert main(["run", "--quiet"]) == 0
    assert told() == {"settled": 4, "records": 6, "bytes": 30083, "drafts": 0}


@pytest.mark.parametrize(
    ("full", "said"), [("lake", "No space left on device"), ("warehouse", "disk is full: free some space")]
)
def test_a_disk_that_is_full(full: str, said: str) -> None:
    """A real one: a file system of 800 kB in a mount name space of its own."""
    if subprocess.run(["unshare", "--version"], capture_output=True).returncode:
        pytest.skip("unshare is not installed")
    settings(
        '[warehouse]\nurl = "sqlite:///disk/warehouse.sqlite"\n' if full == "warehouse" else '[lake]\npath = "disk"\n'
    )
    put("much", much(9000))
    Path("disk").mkdir()
    run = f"{sys.executable} -m mediameter run --quiet"
    script = (
        f"mount -t tmpfs -o size=800k tmpfs disk || exit 77; {run}; echo $?; find disk -name '.draft-*';"
        "cp -a disk larger"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("mounting is not allowed")
    assert done.stdout.split() == ["1"], done.stderr  # nothing half written
    assert said in one_line(done.stderr)
    Path("disk").rmdir()
    Path("larger").rename("disk")
    assert main(["run", "--quiet"]) == 0
    assert told(Path("disk" if full == "warehouse" else ".", "warehouse.sqlite"))["records"] == 9004


# --- the warehouse and the lake are not as they should be ---------------------------------------------
def test_a_warehouse_of_a_newer_mediameter(fails: Callable[[int], str]) -> None:
    assert main(["run", "--quiet"]) == 0
    with closing(sqlite3.connect("warehouse.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    said = fails(1)
    assert "the warehouse is at revision 9999" in said and "use the newer mediameter that made it" in said
    assert told() == TWO_OBJECTS


def test_a_flipped_bit_in_the_lake(fails: Callable[[int], str]) -> None:
    assert main(["run", "--quiet"]) == 0
    [file] = Path("lake/records").rglob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    put("object-2", line(20))
    said = fails(1)
    assert f"the lake file {file.absolute()} has changed since it was written: restore the lake" in said
    assert told() == {**TWO_OBJECTS, "settled": 3}
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert main(["run", "--quiet"]) == 0
    assert told()["records"] == 5


def test_a_lake_file_that_is_gone(fails: Callable[[int], str]) -> None:
    assert main(["run", "--quiet"]) == 0
    shutil.rmtree("lake/records")
    put("object-2", line(20))
    assert "cannot be read (No such file or directory): restore the lake" in fails(1)
    assert told() == {**TWO_OBJECTS, "settled": 3}


def test_names_longer_than_any_are_cut_in_the_figures() -> None:
    odd = line(20).replace(b"acme-media", b"b" * 300).replace(b" 200 - ", b" 500 " + b"E" * 200 + b" ")
    put("object-2", odd)
    assert main(["run", "--quiet"]) == 0
    with closing(sqlite3.connect("warehouse.sqlite")) as connection:
        assert connection.execute("SELECT max(length(bucket)) FROM traffic_daily").fetchone() == (255,)
        assert connection.execute("SELECT length(error_code), requests FROM errors_daily").fetchall() == [(128, 1)]


def test_a_key_that_is_lost_is_not_made_anew(site: Path, fails: Callable[[int], str]) -> None:
    Path("mediameter.toml").write_text(SETTINGS.replace('key = "sixteen characters"', ""))
    assert main(["run", "--quiet"]) == 0
    put("object-2", line(20))
    (site / "address.key").rename(site / "kept")
    assert "restore it from its backup" in fails(2)
    assert not (site / "address.key").exists() and told() == TWO_OBJECTS
    (site / "kept").rename(site / "address.key")
    assert main(["run", "--quiet"]) == 0
    assert told()["settled"] == 3


@pytest.mark.parametrize("is_new", [True, False])
def test_a_warehouse_that_another_holds(
    is_new: bool, fails: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_new:
        assert main(["run", "--quiet"]) == 0
        put("object-2", line(20))
    with closing(sqlite3.connect("warehouse.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE" if is_new else "BEGIN IMMEDIATE")
        monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0.2)
        assert "database is locked" in (said := fails(1)) and "another process is using it" in said
        monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 60)
        released = threading.Timer(0.5, lambda: other.execute("COMMIT"))
        released.start()
        assert main(["run", "--quiet"]) == 0
        released.join()
    assert told()["records"] == (4 if is_new else 5)


# --- objects that are too much, or change ------------------------------------------------------------
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak memory")
def test_a_bomb_and_an_endless_line_are_read_in_bounded_memory(site: Path) -> None:
    settings('[ingest]\nmax_gzip_ratio = 50\nbatch_bytes = "4 MiB"\n')
    member = gzip.compress(line(3) * 400_000, 1)  # 64 MB
    with put("bomb", b"").open("wb") as bomb:
        for _ in range(50):  # refused after more than a gigabyte of them
            bomb.write(member)
    with put("endless", b"").open("wb") as endless:
        endless.write(line(40))
        for _ in range(200):
            endless.write(b"a" * 10**6)
        endless.write(b"\n" + line(41))
    for name in ("bomb", "endless"):
        os.utime(Path("bucket", name), (MODIFIED, MODIFIED))
    done = run_aside()
    assert (done.code, done.stderr) == (0, "")
    print(f"peak memory: {done.peak_mib} MiB")
    assert done.peak_mib < 700  # of which 200 are imports
    assert told() == {"settled": 3, "refused": 1, "records": 6, "bytes": 30103, "drafts": 0}
    with closing(sqlite3.connect("warehouse.sqlite")) as connection:
        assert set(connection.execute("SELECT reason FROM rejects")) == {("TOO_LARGE",), ("LONG_LINE",)}


@pytest.mark.parametrize("moment", ["ingest.listed", "ingest.parsed"])
def test_an_object_that_grows_is_read_when_it_is_whole(moment: str, fails: Callable[[int], str]) -> None:
    settings('[ingest]\nbatch_bytes = "1 MiB"\n')
    for number in range(2):
        Path(f"bucket/object-{number}").unlink()
    whole = b"".join(line(number) for number in range(40_000))
    path = put("growing", whole[: len(whole) * 3 // 4])

    def grow() -> None:
        faults.at.clear()
        path.write_bytes(whole)

    faults.at[moment] = grow
    assert "growing has changed since it was listed" in fails(1)
    assert told() == {"records": 0, "bytes": 0, "drafts": 0}
    os.utime(path, (MODIFIED, MODIFIED))
    assert main(["run", "--quiet"]) == 0
    assert told()["records"] == 40_000


def test_an_object_that_goes_while_it_is_read(fails: Callable[[int], str]) -> None:
    faults.at["ingest.listed"] = Path("bucket/object-1").unlink
    assert "object-1 has gone" in fails(1)
    faults.at.clear()
    assert main(["run", "--quiet"]) == 0
    assert told() == {"settled": 1, "records": 2, "bytes": 10010, "drafts": 0}
