"""What the settings call a secret is in no text that leaves: however it is spelled, in values, errors and logs."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import pytest

from mediameter.discretion import HIDDEN, discreet, discreet_errors, discreet_values, keep
from mediameter.errors import UserError
from mediameter.sections.complaint import Complaint
from mediameter.sections.secrets import refuse_unencoded, secrets_of_channel

SECRET = "p\"a'ss w/örd\\7@"


@pytest.mark.parametrize(
    "spelled",
    [SECRET, quote(SECRET, safe=""), quote(SECRET), repr(SECRET), json.dumps(SECRET), f"x{SECRET}y", SECRET.join("ab")],
)
def test_a_secret_is_hidden_however_it_is_spelled(spelled: str) -> None:
    keep([SECRET])
    told = discreet(f"cannot log in with {spelled} there")
    assert HIDDEN in told and "rd" not in told and "7" not in told


def test_a_short_or_plain_word_is_hidden_as_a_word_alone() -> None:
    keep(["cat", "root", "postgres"])
    assert discreet("cat: root of postgres, rooted in postgresql") == f"cat: {HIDDEN} of {HIDDEN}, rooted in postgresql"


def test_values_are_hidden_wherever_they_are() -> None:
    keep([SECRET])
    assert discreet_values({"a": [SECRET, 1, None], SECRET: (f"<{SECRET}>",)}) == {
        "a": [HIDDEN, 1, None], HIDDEN: (f"<{HIDDEN}>",)
    }  # fmt: skip


def test_an_error_keeps_its_class_and_loses_the_secret_in_all_that_led_to_it() -> None:
    keep([SECRET])
    with pytest.raises(UserError) as caught, discreet_errors():
        try:
            raise OSError(5, SECRET, f"/{SECRET}")
        except OSError as error:
            raise UserError(f"no {SECRET}", f"set {SECRET}") from error
    assert str(caught.value) == f"no {HIDDEN}: set {HIDDEN}" == f"{caught.value.message}: {caught.value.remedy}"
    assert SECRET not in f"{caught.value.__cause__!r}{caught.value.__cause__}"


def test_an_error_that_makes_its_own_words_becomes_one_of_ours() -> None:
    class Stubborn(Exception):
        def __str__(self) -> str:
            return f"told {SECRET}"

    keep([SECRET])
    with pytest.raises(Exception, match=r"^Stubborn: told \*\*\*$"), discreet_errors():
        raise Stubborn


def test_logs_of_any_library_are_discreet(caplog: pytest.LogCaptureFixture) -> None:
    keep([SECRET])
    log = logging.getLogger("somebody.elses")
    log.warning("logged in as %s with %s", "me", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("broken by %r", SECRET)
    assert HIDDEN in caplog.text and "Traceback" in caplog.text
    assert SECRET not in caplog.text and repr(SECRET)[1:-1] not in caplog.text


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", ["TIiajkdnlazkcOXrIdevi7FQ", "A1BRTD4JD"]),
        ("tgram://123456789:abcdefg7hijklmnop/12315544/", ["abcdefg7hijklmnop", "123456789"]),
        ("mailto://me:p%40ss-w0rd@mail.example.org", ["p@ss-w0rd", "p%40ss-w0rd"]),
        ("https://hooks.example.org/in/0a1b2c3d4e", ["0a1b2c3d4e"]),
    ],
)
def test_every_token_of_a_channel_is_a_secret_and_its_host_is_none(url: str, hidden: list[str]) -> None:
    found = set(secrets_of_channel(url))
    assert {url, *hidden} <= found
    assert not {"hooks.example.org", "mail.example.org"} & found


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("u:x@S3cr3t@127.0.0.1:1/db", "a password holds @: write it as %40"),
        ("u:x@b:S3cr3t@host", "a password holds @: write it as %40"),
        ("u:b:S3cr3t@host", "a password holds :: write it as %3A"),
        ("u:x/S3cr3t@host/db", "a password holds /: write it as %2F"),
        ("u:x?S3cr3t=1@host/db", "a password holds ?: write it as %3F"),
        ("u:x#S3cr3t@host/db", "a password holds #: write it as %23"),
        ("S3cr3t@me@host/db", "a user name holds @: write it as %40"),
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mysql+pymysql", "https"])
def test_a_separator_within_a_password_is_refused_without_the_password(scheme: str, rest: str, told: str) -> None:
    with pytest.raises(Complaint) as caught:
        refuse_unencoded(f"{scheme}://{rest}")
    assert f"{caught.value.message}: {caught.value.remedy}" == told


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p%40ss%3A@[::1]:5432/db?sslmode=require", "mysql://host/db", "postgresql://u@/db?host=/run/pg",
     "sqlite:////srv/a@b/w.sqlite", "postgresql://u.project:pa$$w0rd!@host:6543/db", "https://x.supabase.co/rest/v1"],
)  # fmt: skip
def test_a_url_that_is_encoded_is_taken(url: str) -> None:
    refuse_unencoded(url)
