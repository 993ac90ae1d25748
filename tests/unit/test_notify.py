"""Notifications: each channel by itself, nothing secret in them, nothing private behind them."""

from __future__ import annotations

import io
import logging
import socket
import time
from typing import Any

import pytest

from mediameter.alerts.channels import redacted
from mediameter.alerts.message import Message
from mediameter.alerts.notify import Delivery
from mediameter.alerts.notify import notify as notify_channels
from mediameter.alerts.wording import one_line
from mediameter.settings import Channel
from tests.listener import listening

NOTICE = Message(
    key="flow-run-1",
    severity="critical",
    title="[critical] mediameter hourly failed (up to 2026-01-31T05:10:00+00:00)",
    lines=(
        ("What", "flow hourly failed"),
        ("Window", "up to 2026-01-31T05:10:00+00:00"),
        ("Error", "WorldError: the disk is full"),
        ("Retry", "mediameter run --settings site.toml"),
        ("Run", "http://prefect.example/runs/flow-run/1"),
    ),
)


def notify(message: Message, urls: list[str], **how: Any) -> list[Delivery]:
    return notify_channels(message, [Channel(url=url) for url in urls], **how)


def test_says_what_failed_which_window_why_and_how_to_retry() -> None:
    assert NOTICE.head() == "[critical] mediameter hourly failed (up to 2026-01-31T05:10:00+00:00)"
    assert NOTICE.body().splitlines() == [
        "What: flow hourly failed",
        "Window: up to 2026-01-31T05:10:00+00:00",
        "Error: WorldError: the disk is full",
        "Retry: mediameter run --settings site.toml",
        "Run: http://prefect.example/runs/flow-run/1",
        "Key: flow-run-1",
    ]


def test_a_real_listener_gets_title_body_and_severity() -> None:
    with listening() as hook:
        (delivery,) = notify(NOTICE, [hook.url()], allow_private=True)
    assert delivery == Delivery("json://127.0.0.1", delivered=True)
    (message,) = hook.received
    assert (message["title"], message["message"], message["type"]) == (NOTICE.head(), NOTICE.body(), "failure")


def test_a_plain_http_url_is_a_webhook_that_takes_json() -> None:
    with listening() as hook:
        (delivery,) = notify(NOTICE, [hook.url("http")], allow_private=True)
    assert delivery.delivered and delivery.channel == "http://127.0.0.1"
    assert hook.received[0]["message"] == NOTICE.body()


def test_one_hangs_one_answers_500_one_is_unknown_and_the_last_still_gets_it_at_once() -> None:
    with listening(delay_s=30) as hanging, listening(status=500) as broken, listening() as good:
        started = time.monotonic()
        channels = [hanging.url(), broken.url(), "slak://TOKEN", good.url()]
        deliveries = notify(NOTICE, channels, timeout_s=1.5, allow_private=True)
        took_s = time.monotonic() - started
    assert [delivery.delivered for delivery in deliveries] == [False, False, False, True]
    assert took_s < 25  # the hanging one would take 30
    assert deliveries[0].reason and deliveries[1].reason
    assert (deliveries[2].channel, deliveries[2].reason) == ("slak://…", "Apprise knows no such channel")


def test_a_server_that_accepts_and_stays_silent_costs_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        started = time.monotonic()
        (delivery,) = notify(NOTICE, [f"json://127.0.0.1:{port}"], timeout_s=0.5, allow_private=True)
        took_s = time.monotonic() - started
    assert not delivery.delivered and delivery.reason
    assert took_s < 25  # it would be silent for ever


def test_a_redirect_is_not_followed() -> None:
    with listening() as inner, listening(status=307, location=inner.url("http")) as hook:
        (delivery,) = notify(NOTICE, [hook.url()], allow_private=True)
    assert not delivery.delivered
    assert not inner.received


@pytest.mark.parametrize(
    "channel",
    [
        "json://127.0.0.1/hook",
        "jsons://127.0.0.1/hook",
        "https://127.0.0.1/hook",
        "http://localhost/hook",
        "jsons://localhost/hook",
        "jsons://[::1]/hook",
        "jsons://[::ffff:7f00:1]/hook",
        "jsons://2130706433/hook",
        "jsons://0.0.0.0/hook",
        "xmls://10.1.2.3/hook",
        "forms://192.168.0.9/hook",
        "jsons://169.254.169.254/latest/meta-data",
        "gotifys://127.0.0.1/AAAAAAAAAAAAAAA",
        "json://example.com/hook",
    ],
)
def test_private_targets_and_webhooks_without_tls_are_refused_before_anything_is_sent(channel: str) -> None:
    (delivery,) = notify(NOTICE, [channel])
    assert not delivery.delivered
    assert "allow_private_channels" in delivery.reason


def test_an_unresolvable_host_and_a_text_that_is_no_url_are_said() -> None:
    deliveries = notify(NOTICE, ["jsons://no-such-host.invalid/x", "no url", "://", "json://[::1"], timeout_s=8)
    assert not any(delivery.delivered for delivery in deliveries)
    assert all(delivery.reason for delivery in deliveries)


def test_no_channel_no_delivery() -> None:
    assert notify(NOTICE, []) == []


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        ("slack://TOKENA/TOKENB/TOKENC/#ops", "slack://…"),
        ("https://hooks.slack.com/services/T0/B0/SECRET", "https://hooks.slack.com"),
        ("mailto://user:SECRET@mail.example.org?to=me@example.org", "mailto://mail.example.org"),
        ("jsons://user:SECRET@hooks.example.org:8443/x?token=SECRET", "jsons://hooks.example.org"),
        ("json://user:SEC/RET@hooks.example.org/x", "json://…"),
        ("discord://123456/SECRET", "discord://…"),
        ("SECRET", "…"),
        ("json://[SECRET", "json://…"),
    ],
)
def test_a_channel_is_shown_without_its_secrets(channel: str, shown: str) -> None:
    assert redacted(channel) == shown


SECRET_TEXTS = [
    "cannot connect to postgresql://meter:S3CR3T@db.example/warehouse",
    "cannot connect to postgresql://meter:S3CR3T/x@y@db.example/warehouse",
    "GET https://api.example/x?limit=1&key=S3CR3T&since=2 answered 403",
    "GET https://api.example/x?token=S3CR3T",
    '{"access_token": "S3CR3T x", "password": "S3CR3T"}',
    "aws_secret_access_key = S3CR3T",
    "X-Amz-Signature=S3CR3T&X-Amz-Credential=S3CR3T",
    "Authorization: Bearer S3CR3T-S3CR3T",
    "password: 'S3CR3T S3CR3T'",
    "jwt eyJhbGciS3CR3T.eyJzdWIiS3CR3T.S3CR3T",
    "post to https://hooks.slack.com/services/S3CR3T/S3CR3T failed",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_secrets_are_scrubbed(text: str) -> None:
    assert "S3CR3T" not in one_line(text)
    assert "***" in one_line(text)


def test_what_a_reader_needs_is_not_scrubbed() -> None:
    text = "mediameter.toml line 7: sources.logs.path: unknown key: pth, at 2026-01-31T05:10:00+00:00 (status 503)"
    assert one_line(text) == text


def test_an_error_of_many_lines_becomes_one_and_pings_nobody() -> None:
    text = one_line("first\nsecond\r\n\x1b[31mthird\x00 <!channel> <https://evil.example|click> @everyone" + "x" * 999)
    assert text.isprintable() and len(text) <= 400
    assert text.startswith("first second [31mthird ‹!channel›")
    assert "@everyone" not in one_line("@everyone look")


@pytest.mark.timeout(60)  # a pattern that backtracks would take hours
def test_a_megabyte_of_error_is_read() -> None:
    assert one_line("token" * 200_000)
    assert one_line("a://" + "key-" * 250_000)


def test_neither_reasons_nor_logs_hold_a_channel() -> None:
    """Not with caplog: it listens to loggers that do not propagate, too."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    channels = [
        "jsons://u:S3CR3T@127.0.0.1/S3CR3T",
        "slack://S3CR3T",
        "S3CR3T",
        "https://u:S3CR3T@no-such-host.invalid/S3CR3T",
    ]
    try:
        with listening(status=500) as hook:
            channels.append(hook.url(credentials="u:S3CR3T@"))
            refused = notify(NOTICE, channels, timeout_s=8)
            failed = notify(NOTICE, channels, timeout_s=8, allow_private=True)
    finally:
        logging.getLogger().removeHandler(handler)
    assert not any(delivery.delivered for delivery in refused + failed)
    assert "S3CR3T" not in repr(refused + failed)
    assert "S3CR3T" not in heard.getvalue()
