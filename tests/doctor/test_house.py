"""What is looked at besides the sources; and how: everything, in time, without a secret."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from mediameter.commands.doctor import render, to_dict
from mediameter.doctor import Finding, at_rest, examine
from mediameter.doctor.checking import Check, run
from mediameter.doctor.finding import ok
from mediameter.errors import WorldError
from tests.doctor.site import NOTHING_ELSE, Folder, errors, said
from tests.listener import listening

ROOT = Path(__file__).resolve().parents[2]
MANY = 64


def _warehouse(folder: Folder, revision: str) -> None:
    connection = sqlite3.connect(folder.path / "warehouse.sqlite")
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    connection.commit()
    connection.close()
    _key(folder)


def _key(folder: Folder, text: str = "0" * MANY, permissions: int = 0o600) -> None:
    file = folder.path / "address.key"
    file.write_text(text)
    file.chmod(permissions)


def _lake_is_a_file(folder: Folder) -> None:
    (folder.path / "lake").write_text("")


def _lake_cannot_be_made(folder: Folder) -> None:
    folder.extra += '[lake]\npath = "/proc/mediameter"\n'


def _newer_warehouse(folder: Folder) -> None:
    _warehouse(folder, "0999")


def _broken_warehouse(folder: Folder) -> None:
    (folder.path / "warehouse.sqlite").write_text("this is no database, however long one looks at it")
    _key(folder)


def _warehouse_without_its_key(folder: Folder) -> None:
    _warehouse(folder, "0001")
    with sqlite3.connect(folder.path / "warehouse.sqlite") as connection:
        connection.execute("CREATE TABLE objects (object_id)")
        connection.execute("INSERT INTO objects VALUES (1)")
    (folder.path / "address.key").unlink()


def test_no_key_is_missing_where_none_was_made(folder: Folder) -> None:
    """A warehouse that nothing was taken into yet."""
    _warehouse(folder, "0001")
    (folder.path / "address.key").unlink()
    assert "the first run makes it" in said(folder.examined(), "key", "skipped").found


def _key_of_everybody(folder: Folder) -> None:
    _key(folder, permissions=0o644)


def _key_cut_off(folder: Folder) -> None:
    _key(folder, "0" * 9)


def _unknown_channel(folder: Folder) -> None:
    folder.extra += '[alerts]\nnotify = ["slak://TOKEN-A/TOKEN-B/TOKEN-C"]\n'


def _private_channel(folder: Folder) -> None:
    folder.extra += '[alerts]\nnotify = ["jsons://127.0.0.1/hook"]\n'


def _unreadable_rule(folder: Folder) -> None:
    (folder.path / "alerts").mkdir()
    (folder.path / "alerts" / "mine.yaml").write_text("mine:\n  title: Mine\n  window: 7 min\n")


def _rule_that_fails_its_test(folder: Folder) -> None:
    (folder.path / "alerts").mkdir()
    (folder.path / "alerts" / "mine.yaml").write_text(
        "mine:\n  title: Mine\n  needs: logs\n  window: 1 h\n  unit: requests\n  above: 10\n"
        "  value: {from: traffic_hourly, sum: requests}\n"
        "  tests: [{about: ten, rows: {traffic_hourly: [{requests: 10}]}, verdict: critical}]\n"
    )


def _no_such_countries(folder: Folder) -> None:
    folder.extra = '[geo]\ncountries = "absent.csv"\n'


@pytest.mark.parametrize(
    ("plant", "check", "found", "remedy"),
    [
        (_lake_is_a_file, "lake", "it is a file, not a folder", "set [lake] path"),
        (_lake_cannot_be_made, "lake", "the lake cannot be written", "correct the permissions of /proc"),
        (_newer_warehouse, "warehouse", "at revision 0999", "use the newer mediameter that made it"),
        (_broken_warehouse, "warehouse", "file is not a database", "see [warehouse] url"),
        (_warehouse_without_its_key, "key", "the key is gone", "restore it from its backup"),
        (_key_of_everybody, "key", "other users of this machine can read the key", "chmod 600"),
        (_key_cut_off, "key", "not a key of 64 characters", "restore it"),
        (_unknown_channel, "channels", "Apprise knows no such channel", "[alerts] notify"),
        (_private_channel, "channels", "private or local", "[alerts] notify"),
        (_unreadable_rule, "rules", "mine.yaml line 2: mine: unit is missing", "see mediameter/alerts/rules"),
        (_rule_that_fails_its_test, "rules", "ten: wanted critical, got ok", "mediameter alerts test"),
        (_no_such_countries, "countries", "absent.csv cannot be read", "check the path"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_error_is_named_with_its_remedy(
    plant: Callable[[Folder], None], check: str, found: str, remedy: str, folder: Folder
) -> None:
    plant(folder)
    findings = folder.examined()
    finding = said(findings, check, "error")
    assert found in finding.found and remedy in finding.remedy
    assert [each.check for each in errors(findings)] == [check]
    assert "TOKEN" not in str(findings)


def test_a_warehouse_of_ours_is_sound(folder: Folder) -> None:
    _warehouse(folder, "0001")
    findings = folder.examined()
    assert not errors(findings)
    assert "at revision 0001" in said(findings, "warehouse", "ok").found
    assert "keep a copy elsewhere" in said(findings, "key", "ok").found


# --- prices and data sets ----------------------------------------------------------------------------
def test_a_price_card_that_has_ended_is_named(folder: Folder) -> None:
    yesterday = (folder.now - timedelta(days=1)).date()
    folder.extra = folder.extra.replace("valid_from = 2020-01-01", f"valid_from = 2020-01-01\nvalid_to = {yesterday}")
    finding = said(folder.examined(), "prices", "warning")
    assert (
        f"the last card ended on {yesterday}" in finding.found
        and 'add [[prices]] with source = "logs"' in finding.remedy
    )


def test_without_a_card_cost_is_not_available(folder: Folder) -> None:
    folder.extra = NOTHING_ELSE
    assert said(folder.examined(), "prices", "warning").found == 'no card: today\'s cost is "not available"'


def test_an_old_table_of_countries_is_named(folder: Folder) -> None:
    folder.extra = '[geo]\ncountries = "c.csv"\ncdn_ranges = "none"\n'
    (folder.path / "c.csv").write_text("# dataset: a test, 2020-02-03\nnetwork,country\n192.0.2.0/24,FR\n")
    findings = folder.examined()
    assert said(findings, "countries", "warning").found.startswith("a test, 2020-02-03: ")
    assert said(findings, "cdn_ranges", "skipped")


# --- channels ----------------------------------------------------------------------------------------
def test_a_test_notice_is_sent_only_on_request(folder: Folder) -> None:
    with listening() as good, listening(status=500) as bad:
        folder.extra += f'[alerts]\nnotify = ["{good.url()}", "{bad.url()}"]\nallow_private_channels = true\n'
        assert not errors(folder.examined())
        assert not good.received
        findings = folder.examined(send_test=True)
    (message,) = good.received
    assert message["title"] == "[info] mediameter doctor: a test" and "Nothing has happened" in message["message"]
    assert said(findings, "channels", "ok").found == "a test message was delivered"
    assert "not delivered" in said(findings, "channels", "error").found


# --- Prefect (where there is one: tests/flows) -------------------------------------------------------
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "http://[", "nonsense"])
def test_an_api_that_cannot_be_reached_is_named(url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    finding = said(folder.examined(), "prefect", "error")
    assert "not reachable" in finding.found and "correct or unset PREFECT_API_URL" in finding.remedy


def test_something_else_that_answers_is_no_api(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as something:
        monkeypatch.setenv("PREFECT_API_URL", something.url("http"))
        finding = said(folder.examined(), "prefect", "error")
    assert "answers 501" in finding.found and "Prefect 3 server" in finding.remedy


# --- how it looks ------------------------------------------------------------------------------------
def test_without_settings_the_rest_is_still_looked_at(tmp_path: Path, folder: Folder) -> None:
    findings = list(examine(tmp_path / "absent.toml", clock=lambda: folder.now))
    assert [finding.check for finding in errors(findings)] == ["settings"]
    assert "`mediameter init` writes one" in errors(findings)[0].remedy
    assert said(findings, "python", "ok") and said(findings, "packages", "ok")


def test_no_source_is_an_error_of_its_own(tmp_path: Path, folder: Folder) -> None:
    (tmp_path / "bare.toml").write_text(NOTHING_ELSE)
    findings = list(examine(tmp_path / "bare.toml", clock=lambda: folder.now))
    assert [finding.check for finding in errors(findings)] == ["sources"]


def test_a_check_that_hangs_or_breaks_costs_no_other_anything() -> None:
    def hangs(_: None) -> Iterator[Finding]:
        yield ok("first", "seen")
        time.sleep(30)

    def breaks(_: None) -> Iterator[Finding]:
        raise ZeroDivisionError("a defect")

    def fails(_: None) -> Iterator[Finding]:
        raise WorldError("the disk is full", "free some space")

    def works(_: None) -> Iterator[Finding]:
        yield ok("it", "works")

    checks = (
        Check("hangs", hangs, limit_s=0.2, if_late="pull the plug"),
        Check("breaks", breaks),
        Check("fails", fails),
        Check("next", works, needs=("fails",)),
        Check("after", works, needs=("next",)),
        Check("works", works),
    )
    started = time.monotonic()
    told = [(finding.check, finding.verdict, finding.found, finding.remedy) for finding in run(checks, None, "room")]
    assert time.monotonic() - started < 5
    assert told[0] == ("room.hangs", "ok", "seen", "")
    assert told[1] == ("room.hangs", "error", "no answer within 0.2 s", "pull the plug")
    assert told[2][:3] == ("room.breaks", "error", "ZeroDivisionError: a defect")
    assert told[3] == ("room.fails", "error", "the disk is full", "free some space")
    assert told[4][:3] == ("room.next", "skipped", "not looked at, after the error of fails")
    assert told[5][:3] == ("room.after", "skipped", "not looked at, after the error of fails")
    assert told[6] == ("room.works", "ok", "works", "")


def test_no_secret_is_said(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [
        "S3CRET-of-the-key-of-pseudonyms",
        "S3CRETpassword",
        "S3CRETauth",
        "S3CRETaccess",
        "S3CRETsecret",
        "S3CRETtoken",
    ]
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api?S3CRETauth")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "S3CRETauth")
    folder.source = {
        "bucket": "b-b",
        "endpoint": "http://127.0.0.1:1",
        "access_key": secrets[3],
        "secret_key": secrets[4],
    }
    channels = f'["slack://{secrets[5]}", "https://127.0.0.1:1/{secrets[5]}"]'
    folder.extra = (
        f'[warehouse]\nurl = "postgresql://user:{secrets[1]}@127.0.0.1:1/x"\n[privacy]\nkey = "{secrets[0]}"\n'
        f"[alerts]\nnotify = {channels}\nallow_private_channels = true\n"
    )
    findings = folder.examined(send_test=True)
    assert len(errors(findings)) >= 4
    assert "S3CRET" not in str(findings) + str(to_dict(findings))


def test_a_disk_that_is_nearly_full_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_rest, "LITTLE_BYTES", 10**18)
    assert "GB free" in said(folder.examined(), "disk", "warning").found
    monkeypatch.setattr(at_rest, "NOTHING_BYTES", 10**18)
    assert "free some space" in said(folder.examined(), "disk", "error").remedy


def test_one_line_a_finding_and_its_remedy_below() -> None:
    findings = [
        Finding("lake", "/srv/lake", "ok", "can be written", "not shown"),
        Finding("warehouse", "/srv/w", "error", "a\nlong\x1b[31m story " + "x" * 300, "mend it"),
    ]
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    assert render(findings, console) == findings
    first, second, third, _, last = console.export_text().splitlines()
    assert first == "ok       lake: /srv/lake: can be written"
    assert second.startswith(r"error    warehouse: /srv/w: a\nlong\x1b[31m story xxx") and second.endswith("x")
    assert third == "         -> mend it"
    assert last == "2 findings: 1 ok, 1 error."


def test_a_terminal_without_utf8_is_a_warning_and_no_crash(folder: Folder) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    folder.source["prefix"] = "délivrés/"
    command = [sys.executable, "-m", "mediameter", "doctor", "--settings", str(folder.toml)]
    done = subprocess.run(command, cwd=folder.path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"warning  terminal: encoding of stdout: ascii" in done.stdout and rb"d\xe9livr\xe9s/" in done.stdout
