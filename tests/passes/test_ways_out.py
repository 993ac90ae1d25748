"""What leaves by the terminal, as text, JSON or log: no secret of the settings, and nothing that steers a terminal."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.table import Table
from rich.text import Text

from mediameter import answers, terminal
from mediameter.answers import Result
from mediameter.cli import main
from mediameter.commands import run as run_command
from mediameter.errors import UserError, WorldError
from mediameter.scheduling import notice
from mediameter.sources import postgrest
from mediameter.steps.alert import watch

SECRETS = {
    "database": "d4tabase/pass@word",
    "mysql": "my5ql pass:word",
    "rest": "r3st-key-of-the-api",
    "signature": "51gning key of a hook",
    "hook": "h00ktoken1234",
    "privacy": "pr1vacy key of addresses",
    "warehouse": "w4rehouse#word",
    "s3": "s3cr3tS3cr3tS3cr3t",
}
STEERING = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe\u2066\r"
SETTINGS = """
[warehouse]
url = "{warehouse}"
[privacy]
key = "pr1vacy key of addresses"
[alerts]
notify = ["slack://T1JJ3T3L2/A1BRTD4JD/h00ktoken1234abcdef"]
[[alerts.channels]]
url = "https://127.0.0.1:1/h00ktoken1234"
signing_key = "51gning key of a hook"
[sources.app]
kind = "dailey_media"
url = "mysql://me:my5ql%20pass%3Aword@127.0.0.1:1/db"
[sources.palette]
kind = "directors_palette"
url = "postgresql://me:d4tabase%2Fpass%40word@127.0.0.1:1/db"
[sources.colours]
kind = "colouring_book"
url = "http://127.0.0.1:1/rest/v1"
key = "r3st-key-of-the-api"
[sources.bucket]
kind = "s3_access_log"
bucket = "acme-logs"
endpoint = "http://127.0.0.1:1"
access_key = "AKIAIOSFODNN7EXAMPLE"
secret_key = "s3cr3tS3cr3tS3cr3t"
[sources.files]
kind = "s3_access_log"
path = "bucket"
"""
SERVER = "postgresql://me:w4rehouse%23word@127.0.0.1:1/db"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIAMETER_TRACEBACK", "1")
    monkeypatch.setattr(postgrest, "BACK_OFF_S", 0)
    Path("bucket").mkdir()
    write()


def write(warehouse: str = "sqlite:///warehouse.sqlite", **changed: str) -> None:
    text = SETTINGS.format(warehouse=warehouse)
    for old, new in changed.values():
        text = text.replace(old, new)
    Path("mediameter.toml").write_text(text)


def spelled(secret: str) -> set[str]:
    return {secret, repr(secret)[1:-1], secret.replace("/", "%2F").replace("@", "%40").replace(" ", "%20")}


def assert_discreet(text: str) -> None:
    found = {name for name, secret in SECRETS.items() if any(each in text for each in spelled(secret))}
    assert found == set(), text


# --- every source is down --------------------------------------------------------------------------------


@pytest.mark.parametrize("warehouse", ["sqlite:///warehouse.sqlite", SERVER])
@pytest.mark.parametrize(
    "command", [["run"], ["run", "--json"], ["doctor"], ["doctor", "--json"], ["status", "--json"]]
)
def test_no_secret_leaves_where_nothing_can_be_reached(
    command: list[str], warehouse: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write(warehouse)
    assert main(command) != 0
    out, err = capfd.readouterr()
    assert out + err
    assert_discreet(out + err + caplog.text)


@pytest.mark.parametrize("kind", [RuntimeError, UserError, WorldError, OSError, "database", "cause"])
def test_whatever_is_raised_with_a_secret_in_it_is_told_without(
    kind: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(SERVER)
    monkeypatch.setattr(run_command, "attempt", raising(kind))
    assert main(["run"]) != 0
    out, err = capfd.readouterr()
    assert "***" in err and "Traceback" in err
    assert_discreet(out + err)


def raising(kind: Any) -> Callable[..., Any]:
    said = " and ".join(SECRETS.values())

    def broken(*_: Any, **__: Any) -> Any:
        if kind == "database":
            raise sa.exc.OperationalError("SELECT 1", {}, Exception(said), hide_parameters=True)
        try:
            raise OSError(5, said, said) if kind in (OSError, "cause") else kind(said)
        except OSError as error:
            if kind == "cause":
                raise WorldError("it failed") from error
            raise

    return broken


def test_a_scheduler_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect keeps the words of errors and the values that come back in a database of its own."""
    write(SERVER)
    for kind in (RuntimeError, UserError, OSError, "database", "cause"):
        monkeypatch.setattr(watch, "watch", raising(kind))
        with pytest.raises(Exception) as caught:
            notice.perform("watch", "mediameter.toml", "2026-01-01T00:00:00+00:00")
        assert_discreet(f"{caught.value} {caught.value!r} {caught.value.__cause__} {notice.in_one_line(caught.value)}")


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:x@S3cr3tPart@127.0.0.1:1/db", "postgresql://u:x/S3cr3tPart@127.0.0.1:1/db", "mysql://u:x@b:S3cr3tPart@h"],
)  # fmt: skip
@pytest.mark.parametrize("setting", ["warehouse", "source", "from"])
def test_a_password_that_is_not_encoded_is_refused(setting: str, url: str, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["run"]
    if setting == "warehouse":
        write(url)
    elif setting == "source":
        write(source=("postgresql://me:d4tabase%2Fpass%40word@127.0.0.1:1/db", url))
    else:
        command = ["migrate", "--from", url]
    assert main(command) == 2
    out, err = capfd.readouterr()
    assert "a password holds " in err and ": write it as %" in err
    assert "S3cr3t" not in out + err


# --- what steers a terminal ------------------------------------------------------------------------------


def is_harmless(text: str) -> bool:
    return not set(STEERING) & set(text) - set("redtitlgnp.xe0;[2J31m]") and "red" in text


def test_an_error_does_not_steer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run_command, "attempt", lambda *_, **__: (_ for _ in ()).throw(WorldError(STEERING)))
    assert main(["run"]) == 1
    assert is_harmless(capfd.readouterr().err)


def test_lines_json_and_tables_do_not_steer(capfd: pytest.CaptureFixture[str]) -> None:
    table = Table(STEERING)
    table.add_row(STEERING)
    table.add_row(Text(STEERING, style="bold"))
    for tell in (terminal.say, terminal.say_json, terminal.complain, terminal.console().print):
        tell(STEERING)  # type: ignore[operator]
        out, err = capfd.readouterr()
        assert is_harmless(out + err), tell
    terminal.console().print(table)
    assert is_harmless(capfd.readouterr().out)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("format", ["csv", "table", "json"])
def test_an_answer_does_not_steer_a_terminal_and_a_file_is_as_it_is(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = Result(("object_key", "requests"), ((STEERING, 7),))
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    answers.write(result, format, terminal.stream())
    assert is_harmless(screen.getvalue())
    monkeypatch.setattr(sys, "stdout", file := io.StringIO())
    answers.write(result, format, terminal.stream())
    if format == "json":
        assert json.loads(file.getvalue())[0]["object_key"] == STEERING
    else:
        assert (STEERING in file.getvalue()) is (format == "csv")
