"""The address behind a pseudonym, on a real run: read from the window's objects again, and kept nowhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter.cli import main
from mediameter.commands.alerts import explain
from mediameter.commands.run import run
from mediameter.errors import UserError
from mediameter.settings import Settings, load
from mediameter.sources.folder import Folder
from mediameter.sources.objects import ObjectVersion, Reading
from mediameter.store import objects
from tests.pictures import Warehouse
from tests.worlds.log_lines import probe

pytestmark = pytest.mark.usefixtures("plain_gate")
DAY = datetime(2026, 11, 3, tzinfo=UTC)
NOW = DAY + timedelta(days=2, hours=12)
SCRAPER, SECOND = "203.0.113.9", "2001:db8::9"
SPELLED = {SCRAPER: "::ffff:203.0.113.9", SECOND: "2001:0DB8:0:0:0:0:0:9"}
TOML = """
[sources.ovh]
kind = "s3_access_log"
path = "bucket"
[privacy]
key = "a key that nobody guesses"
[geo]
countries = "none"
"""


def line(at: datetime, number: int, address: str) -> str:
    key = f"files/u-1/castingly-1/{number}.jpg"
    text = probe(
        at, f"{number:016X}", bucket="media", address=address, key=key, block="200 - 500 500 42 40",
        agent='"Mozilla/5.0"',
    )  # fmt: skip
    return f"{text}\n"


def deliver(day: datetime, hour: int, busy: dict[str, int]) -> str:
    """An object of an hour: so many requests of the busy ones, and of 400 others one each."""
    begin, lines = day + timedelta(hours=hour), []
    for place, (address, count) in enumerate([*busy.items(), ("", 400)]):
        for number in range(count):
            who = address or f"198.18.{number // 250}.{number % 250}"
            told = SPELLED.get(who, who) if number % 2 else who
            at = begin + timedelta(seconds=number % 3600)
            lines.append(line(at, hash_of(day, hour, place, number), told))
    name = f"bucket/{begin + timedelta(hours=1):%Y-%m-%d-%H-%M-%S}-ABC"
    Path(name).write_text("".join(lines), encoding="utf-8")
    moment = (begin + timedelta(hours=1)).timestamp()
    os.utime(name, (moment, moment))
    return Path(name).name


def hash_of(*what: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:8])


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of three objects each; on the first, two addresses make a fifth of all requests, each."""
    folder = tmp_path_factory.mktemp("metered")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        Path("bucket").mkdir()
        Path("mediameter.toml").write_text(TOML, encoding="utf-8")
        for hour in (8, 9, 10):
            deliver(DAY, hour, {SCRAPER: 120, SECOND: 110})
            deliver(DAY + timedelta(days=1), hour, {})
        run(load(None), now=NOW)
    return folder


@pytest.fixture
def site(metered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(metered, tmp_path, dirs_exist_ok=True)  # with the files' times
    monkeypatch.chdir(tmp_path)
    return load(None)


def everything() -> dict[str, str]:
    """All files of the installation, by the hash of what they hold."""
    files = (path for path in Path.cwd().rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_addresses_that_a_rule_named_are_read_from_its_windows_objects(
    site: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever way they are spelled; objects of other days are not touched, nothing is written, nothing kept."""
    before, seen, read = everything(), list[str](), Folder.read

    def watched(folder: Folder, version: ObjectVersion) -> Reading:
        seen.append(version.key)
        return read(folder, version)

    monkeypatch.setattr(Folder, "read", watched)
    found = explain(site, "busy_address", now=NOW, is_revealing=True)
    assert found.revealed and {each.address for each in found.revealed} == {SCRAPER, SECOND}
    named = {each.group for each in found.windows if each.verdict == "warning"}
    assert {each.pseudonym for each in found.revealed} == named and not found.is_hidden
    assert seen and all(key.startswith("2026-11-03") for key in seen)
    assert main(["alerts", "explain", "busy_address", "--reveal"]) == 0
    assert f" is {SCRAPER}" in capsys.readouterr().out
    assert everything() == before
    kept = (path for path in Path.cwd().rglob("*") if path.is_file() and path.parent.name != "bucket")
    assert not [path for path in kept if SCRAPER.encode() in path.read_bytes()]


def test_without_being_asked_no_object_is_read(
    site: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Folder, "read", None)
    assert main(["alerts", "explain", "busy_address"]) == 0
    assert SCRAPER not in capsys.readouterr().out


def test_where_the_objects_are_gone_it_says_so(site: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is left may hold all that is asked; with none, the pseudonym stays one. Exit code 1, also for JSON."""
    first, *others = sorted(Path("bucket").glob("2026-11-03*"))
    for path in others:
        path.unlink()
    assert main(["alerts", "explain", "busy_address", "--reveal"]) == 0
    first.write_text("overwritten\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["alerts", "explain", "busy_address", "--reveal", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["revealed"]
    assert [each["address"] for each in told] == [None, None]
    assert "3 of the 3 log objects of 2026-11-03 00:00Z to 2026-11-04 00:00Z cannot be read" in told[0]["why"]
    assert "has gone" in told[0]["why"] and "has changed since it was listed" in told[0]["why"]


def test_under_another_key_nothing_is_found(site: Settings) -> None:
    other = site.model_copy(update={"privacy": site.privacy.model_copy(update={"key": "quite another key"})})
    found = explain(other, "busy_address", now=NOW, is_revealing=True)
    assert found.is_hidden and found.revealed and "under another key" in found.revealed[0].why


def test_a_rule_without_addresses_has_none_to_reveal(site: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="busy_agent names no addresses"):
        explain(site, "busy_agent", now=NOW, is_revealing=True)
    assert main(["alerts", "explain", "error_rate", "--reveal"]) == 2
    assert "error_rate names no addresses" in capsys.readouterr().err


def test_where_nobody_was_named_there_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bucket").mkdir()
    Path("mediameter.toml").write_text(TOML, encoding="utf-8")
    deliver(DAY, 8, {})
    run(load(None), now=NOW)
    found = explain(load(None), "busy_address", now=NOW, is_revealing=True)
    assert found.revealed == () and not found.is_hidden


def test_the_objects_of_a_window_are_those_with_records_in_it_on_every_engine(warehouse: Warehouse) -> None:
    """The latest first; none that was overwritten, none of another source, none whose lines could not be read."""
    warehouse.fill(
        "objects",
        """
        object_id | source | object_key | etag | version_id | size_bytes | last_modified_at | state
        1 | ovh | a | e1 | v1 | 10 | 2026-11-03T09:00:00 | settled
        2 | ovh | b | e2 |    | 20 | 2026-11-03T10:00:00 | settled
        3 | ovh | c | e3 |    | 30 | 2026-11-03T11:00:00 | superseded
        4 | aws | d | e4 |    | 40 | 2026-11-03T12:00:00 | settled
        5 | ovh | e | e5 |    | 50 | 2026-11-04T13:00:00 | settled
        6 | ovh | f | e6 |    | 60 | 2026-11-03T14:00:00 | settled
        """,
    )
    hours = "\n".join(f"{number} | 2026-11-03T08:00:00 | 5" for number in (1, 2, 3, 4))
    more = "2 | 2026-11-03T09:00:00 | 5\n5 | 2026-11-04T00:00:00 | 5\n6 | 2026-11-03T08:00:00 | 0"
    warehouse.fill("object_hours", f"object_id | hour_at | parsed\n{hours}\n{more}")
    found = objects.versions_between(warehouse.connection, "ovh", DAY, DAY + timedelta(days=1))
    assert found == [
        ObjectVersion("ovh", "b", "e2", 20, datetime(2026, 11, 3, 10, tzinfo=UTC)),
        ObjectVersion("ovh", "a", "e1", 10, datetime(2026, 11, 3, 9, tzinfo=UTC), "v1"),
    ]
