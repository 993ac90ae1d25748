"""The step that sends: real receivers on the loopback, every engine, several runs at once."""

from __future__ import annotations

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.alerts import outbox
from mediameter.alerts.message import Message
from mediameter.errors import WorldError
from mediameter.settings import Settings, from_mapping
from mediameter.steps.alert import deliver as step
from mediameter.steps.alert.deliver import DeliverReport, deliver
from mediameter.steps.pass_.words import of_deliver
from tests.alerts.mailbox import mailbox
from tests.listener import listening

pytestmark = pytest.mark.in_turn
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def settings(made: sa.Engine, folder: Path, *channels: dict[str, Any]) -> Settings:
    url = made.url.render_as_string(hide_password=False)
    alerts = {"channels": list(channels), "allow_private_channels": True}
    return from_mapping({"warehouse": {"url": url}, "alerts": alerts}, folder)


def enqueue(made: sa.Engine, given: Settings, *keys: str, fingerprint: str = "") -> None:
    with connect.writing(made) as connection:
        for key in keys:
            outbox.enqueue(connection, Message(key, "critical", f"title of {key}", (), fingerprint), given.alerts, NOW)


def states(made: sa.Engine) -> Counter[tuple[str, str]]:
    t = outbox._outbox
    with connect.reading(made) as connection:
        return Counter(tuple(row) for row in connection.execute(sa.select(t.c.channel_id, t.c.state)))


def test_a_webhook_and_a_mail_server_get_the_messages(made: sa.Engine, tmp_path: Path) -> None:
    with listening() as hook, listening() as other, mailbox() as box:
        given = settings(
            made,
            tmp_path,
            {"url": hook.url("http"), "signing_key": "0123456789abcdef", "name": "hook"},
            {"url": other.url(), "name": "apprise"},
            {"url": box.url, "name": "mail"},
        )
        enqueue(made, given, "a")
        report = deliver(given, now=NOW)
        assert report == DeliverReport(delivered=3)
        assert of_deliver(report, "done") == ["3 messages sent"]
        assert hook.headers[0]["idempotency-key"] == "a" and hook.received[0]["title"] == "title of a"
        assert other.received[0]["message"] == "Key: a"
        assert box.wait()[0]["Subject"] == "title of a"
        assert deliver(given, now=NOW + timedelta(days=1)) == DeliverReport()
    assert set(states(made)) == {(name, "delivered") for name in ("hook", "apprise", "mail")}


def test_each_trouble_is_told_and_stops_no_other(
    made: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "CHANNEL_TIMEOUT_S", 12.0)
    monkeypatch.setattr(step, "SEND_TIMEOUT_S", 2.0)
    with listening(delay_s=60) as hanging, listening(status=500) as broken, listening() as good:
        given = settings(
            made,
            tmp_path,
            {"url": hanging.url("http"), "name": "hanging"},
            {"url": broken.url("http"), "name": "broken"},
            {"url": "slak://S3CR3T", "name": "unknown"},
            {"url": "http://no-such-host.invalid/S3CR3T", "name": "lost"},
            {"url": good.url("http"), "name": "good"},
        )
        enqueue(made, given, "a", "b")
        began = time.monotonic()
        report = deliver(given, now=NOW)
        assert time.monotonic() - began < 40  # the hanging one would take 60
        assert [message["key"] for message in good.received] == ["a", "b"]
    assert (report.delivered, report.waiting, report.given_up) == (2, 8, 0)
    assert sorted(report.failed) == [
        "broken: it answered 500",
        "hanging: no answer within 2 s",
        "lost: its host does not resolve",
        "unknown: Apprise knows no such channel",
    ]
    assert "S3CR3T" not in str(report)
    assert states(made)["good", "delivered"] == 2 and states(made)["hanging", "waiting"] == 2


def test_a_private_channel_is_not_called(made: sa.Engine, tmp_path: Path) -> None:
    with listening() as hook:
        given = settings(made, tmp_path, {"url": hook.url("https"), "name": "inner"})
        strict = given.model_copy(update={"alerts": given.alerts.model_copy(update={"allow_private_channels": False})})
        enqueue(made, strict, "a")
        report = deliver(strict, now=NOW)
    assert report.waiting == 1 and "private or local" in report.failed[0] and not hook.received


def test_after_a_500_it_comes_again_with_the_same_key_and_body(made: sa.Engine, tmp_path: Path) -> None:
    with listening(status=500) as hook:
        given = settings(made, tmp_path, {"url": hook.url("http"), "signing_key": "0123456789abcdef"})
        enqueue(made, given, "a")
        assert deliver(given, now=NOW).waiting == 1
        assert deliver(given, now=NOW + MINUTE / 2) == DeliverReport()  # not yet
        hook.status = 200
        assert deliver(given, now=NOW + 2 * MINUTE).delivered == 1
    assert [each["idempotency-key"] for each in hook.headers] == ["a", "a"] and len(set(hook.bodies)) == 1


def test_one_run_tells_a_whole_incident_in_order(made: sa.Engine, tmp_path: Path) -> None:
    with listening() as hook:
        given = settings(made, tmp_path, {"url": hook.url("http")})
        enqueue(made, given, "3-firing", "1-again", "2-resolved", fingerprint="f")
        assert deliver(given, now=NOW).delivered == 3
    assert [message["key"] for message in hook.received] == ["3-firing", "1-again", "2-resolved"]


def test_a_hanging_channel_is_tried_once_a_run_and_its_rest_is_not_counted(
    made: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "CHANNEL_TIMEOUT_S", 2.0)
    monkeypatch.setattr(step, "SEND_TIMEOUT_S", 2.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = settings(made, tmp_path, {"url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "name": "silent"})
        enqueue(made, given, "a", "b", "c")
        report = deliver(given, now=NOW)
    assert report.waiting == 3 and len(report.failed) == 1
    t = outbox._outbox
    with connect.reading(made) as connection:
        found = connection.execute(sa.select(t.c.attempts, t.c.lease).order_by(t.c.message_key)).all()
    assert [tuple(row) for row in found] == [(1, None), (0, None), (0, None)]


def test_a_channel_that_has_gone_is_given_up_with_the_reason(made: sa.Engine, tmp_path: Path) -> None:
    with listening() as hook:
        given = settings(made, tmp_path, {"url": hook.url("http"), "name": "a"}, {"url": "slack://b", "name": "b"})
        enqueue(made, given, "k")
        fewer = settings(made, tmp_path, {"url": hook.url("http"), "name": "a"})
        assert deliver(fewer, now=NOW) == DeliverReport(delivered=1)
        report = deliver(fewer, now=NOW + timedelta(days=1, minutes=1))
    assert report == DeliverReport(given_up=1)
    assert of_deliver(report, "done")[-1] == "1 messages given up: nobody received them"
    assert states(made) == {("a", "delivered"): 1, ("b", "given_up"): 1}


def test_runs_at_the_same_time_share_the_work(made: sa.Engine, tmp_path: Path) -> None:
    with listening() as hook, listening() as other:
        given = settings(made, tmp_path, {"url": hook.url("http")}, {"url": other.url("http")})
        keys = [f"m{number}" for number in range(12)]
        enqueue(made, given, *keys, fingerprint="")
        with ThreadPoolExecutor(4) as pool:
            reports = list(pool.map(lambda _: deliver(given, now=NOW), range(4)))
    assert sum(report.delivered for report in reports) == 24
    for received in (hook.received, other.received):
        assert sorted(message["key"] for message in received) == sorted(keys)


def test_writers_of_one_key_write_one_message(made: sa.Engine, tmp_path: Path) -> None:
    """As when two runs judge the same hour."""
    given = settings(made, tmp_path, {"url": "slack://a", "name": "a"}, {"url": "slack://b", "name": "b"})

    def write(number: int) -> int:
        message = Message("k", "critical", f"by writer {number}")
        return connect.transact(made, lambda connection: outbox.enqueue(connection, message, given.alerts, NOW))

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == [0, 0, 0, 0, 0, 2]
    assert states(made) == {("a", "waiting"): 1, ("b", "waiting"): 1}


def test_a_warehouse_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "warehouse.sqlite").mkdir()
    with pytest.raises(WorldError, match="cannot be opened"):
        deliver(from_mapping({"alerts": {"notify": ["slack://a"]}}, tmp_path), now=NOW)
