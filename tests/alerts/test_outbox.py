"""The outbox on every engine: one row a message and channel, in order, leased to one run, given up in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mediameter.alerts import outbox
from mediameter.alerts.outbox import GIVEN_UP_AFTER, LEAST_ATTEMPTS, Message, Row, enqueue, wait_after
from mediameter.settings import Alerts, Channel

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LASTING = 5 * MINUTE
ALERTS = Alerts(
    channels=(
        Channel(url="slack://a", name="all"),
        Channel(url="slack://b", name="pager", severities=("critical",)),
    )
)


def message(key: str, severity: str = "critical", fingerprint: str = "") -> Message:
    return Message(key, severity, f"title of {key}", fingerprint=fingerprint)  # type: ignore[arg-type]


@pytest.fixture
def connection(rolled_back: sa.Connection) -> Iterator[sa.Connection]:
    """One transaction on each engine; nothing of it stays."""
    yield rolled_back


def rows(connection: sa.Connection) -> list[tuple[object, ...]]:
    t = outbox._outbox
    query = sa.select(t.c.message_key, t.c.channel_id, t.c.state, t.c.attempts)
    return [tuple(row) for row in connection.execute(query.order_by(t.c.sequence, t.c.channel_id))]


def leased(connection: sa.Connection, now: datetime = NOW) -> list[Row]:
    return outbox.lease(connection, ["all", "pager"], now, LASTING)


def keys(found: list[Row]) -> list[tuple[str, str]]:
    return [(row.message.key, row.channel_id) for row in found]


def test_each_channel_gets_what_it_wants(connection: sa.Connection) -> None:
    assert enqueue(connection, message("c"), ALERTS, NOW) == 2
    assert enqueue(connection, message("w", "warning"), ALERTS, NOW) == 1
    assert enqueue(connection, message("i", "info"), Alerts(), NOW) == 0
    assert rows(connection) == [
        ("c", "all", "waiting", 0),
        ("c", "pager", "waiting", 0),
        ("w", "all", "waiting", 0),
    ]


def test_a_channel_that_heard_of_the_begin_gets_the_end(connection: sa.Connection) -> None:
    """Though its severity is another one by now."""
    end = replace(message("e"), is_resolved=True, heard=frozenset({"warning", "critical"}))
    alerts = Alerts(channels=(Channel(url="slack://c", name="chat", severities=("warning",)),))
    assert enqueue(connection, message("c"), alerts, NOW) == 0
    assert enqueue(connection, end, alerts, NOW) == 1


def test_the_same_key_twice_is_one_message(connection: sa.Connection) -> None:
    enqueue(connection, message("c"), ALERTS, NOW)
    before = rows(connection)
    (first, *_) = leased(connection)
    outbox.settle(connection, first, "", NOW)
    assert enqueue(connection, message("c"), ALERTS, NOW + DAY) == 0
    assert [row[:2] for row in rows(connection)] == [row[:2] for row in before]
    assert ("c", "all", "delivered", 1) in rows(connection)
    more = Alerts(channels=(*ALERTS.channels, Channel(url="slack://c", name="late")))
    assert enqueue(connection, message("c"), more, NOW) == 1  # a channel that came later


def test_a_message_comes_back_whole(connection: sa.Connection) -> None:
    given = Message("k", "info", "Ünï › \0", (("Rule", "a\nb"), ("Run", "https://h/x")), "f", {"v": [1, None]}, True)
    enqueue(connection, given, ALERTS, NOW)
    (row,) = leased(connection)
    assert row.message.payload() == given.payload() and row.message.is_resolved
    assert row.message.body() == "Rule: a b\nRun: https://h/x\nKey: k"


def test_a_lease_keeps_others_away_until_it_has_run_out(connection: sa.Connection) -> None:
    enqueue(connection, message("c"), ALERTS, NOW)
    assert len(leased(connection)) == 2
    assert leased(connection, NOW + LASTING - MINUTE) == []
    assert leased(connection, NOW - HOUR) == []  # of a machine whose clock is slow
    assert len(leased(connection, NOW + LASTING)) == 2


def test_of_an_incident_nothing_overtakes(connection: sa.Connection) -> None:
    for key, fingerprint in (("firing", "a"), ("resolved", "a"), ("other", "b"), ("1", ""), ("2", "")):
        enqueue(connection, message(key, "warning", fingerprint), ALERTS, NOW)
    first = leased(connection)
    assert [row.message.key for row in first] == ["firing", "other", "1", "2"]
    assert leased(connection) == []
    outbox.settle(connection, first[0], "it answered 500", NOW)
    assert leased(connection) == []  # resolved waits with it
    (again,) = [row for row in leased(connection, NOW + MINUTE) if row.message.key == "firing"]
    assert again.attempts == 1
    outbox.settle(connection, again, "", NOW + MINUTE)
    assert [row.message.key for row in leased(connection, NOW + MINUTE)] == ["resolved"]


def test_channels_do_not_wait_for_each_other(connection: sa.Connection) -> None:
    for key in ("firing", "resolved"):
        enqueue(connection, message(key, fingerprint="a"), ALERTS, NOW)
    by_channel = {row.channel_id: row for row in leased(connection)}
    outbox.settle(connection, by_channel["all"], "", NOW)
    outbox.settle(connection, by_channel["pager"], "no answer", NOW)
    assert keys(leased(connection)) == [("resolved", "all")]


def test_it_waits_longer_each_time_and_never_more_than_an_hour() -> None:
    assert [wait_after(n) // MINUTE for n in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert wait_after(10**6) == HOUR


def test_it_is_given_up_after_days_and_many_attempts(connection: sa.Connection) -> None:
    enqueue(connection, message("w", "warning"), ALERTS, NOW)
    now, state = NOW, "waiting"
    while state == "waiting":
        now += HOUR
        (row,) = leased(connection, now)
        state = outbox.settle(connection, row, "it answered 500", now)
    assert state == "given_up" and now == NOW + GIVEN_UP_AFTER + HOUR
    assert leased(connection, now + DAY) == []
    (unsent,) = outbox.unsent(connection, now, late_after=HOUR, told_for=7 * DAY)
    assert (unsent.channel_id, unsent.waiting, unsent.given_up) == ("all", 0, 1)
    assert unsent.last_error == "it answered 500" and unsent.oldest_at == NOW


def test_a_clock_that_leaps_ahead_gives_nothing_up_at_once(connection: sa.Connection) -> None:
    enqueue(connection, message("w", "warning"), ALERTS, NOW)
    for attempt in range(1, LEAST_ATTEMPTS + 1):
        now = NOW + 400 * DAY + attempt * HOUR
        (row,) = leased(connection, now)
        state = outbox.settle(connection, row, "it answered 500", now)
        assert state == ("given_up" if attempt == LEAST_ATTEMPTS else "waiting")


def test_a_clock_that_was_set_back_blocks_nothing(connection: sa.Connection) -> None:
    future = NOW + 900 * DAY
    for key in ("tried", "leased"):
        enqueue(connection, message(key, "warning"), ALERTS, future)
    tried, _ = leased(connection, future)
    outbox.settle(connection, tried, "it answered 500", future)
    assert [row.message.key for row in leased(connection, NOW)] == ["tried", "leased"]


def test_only_a_delivery_is_believed_of_a_run_that_was_overtaken(connection: sa.Connection) -> None:
    enqueue(connection, message("w", "warning"), ALERTS, NOW)
    (slow,) = leased(connection)
    (other,) = leased(connection, NOW + LASTING)
    assert outbox.settle(connection, slow, "no answer", NOW + LASTING) == "superseded"
    outbox.release(connection, [slow])
    assert leased(connection, NOW + LASTING) == []  # it is still the other's
    assert outbox.settle(connection, slow, "", NOW + LASTING) == "delivered"
    assert outbox.settle(connection, other, "no answer", NOW + LASTING) == "superseded"
    assert rows(connection) == [("w", "all", "delivered", 1)]


def test_what_was_not_tried_is_due_again_at_once(connection: sa.Connection) -> None:
    enqueue(connection, message("w", "warning"), ALERTS, NOW)
    outbox.release(connection, leased(connection))
    (row,) = leased(connection)
    assert row.attempts == 0


def test_a_channel_that_has_gone_from_the_settings_gives_up(connection: sa.Connection) -> None:
    enqueue(connection, message("c"), ALERTS, NOW)
    assert keys(outbox.lease(connection, ["all"], NOW, LASTING)) == [("c", "all")]
    assert outbox.give_up_unknown(connection, ["all"], NOW + DAY) == 0  # not for one run with other settings
    later = NOW + DAY + MINUTE
    assert outbox.give_up_unknown(connection, ["all"], later) == 1
    assert rows(connection) == [("c", "all", "waiting", 0), ("c", "pager", "given_up", 0)]
    assert outbox.give_up_unknown(connection, [], later) == 1
    (_, pager) = outbox.unsent(connection, later, late_after=HOUR, told_for=7 * DAY)
    assert pager.last_error == "the channel is not in the settings any more"


def test_a_channel_with_a_long_queue_takes_no_others_place(connection: sa.Connection) -> None:
    for number in range(60):
        enqueue(connection, message(f"c{number}", "warning"), ALERTS, NOW)
    enqueue(connection, message("last"), ALERTS, NOW)
    found = leased(connection)
    assert sum(row.channel_id == "all" for row in found) == 50
    assert keys(found)[-1] == ("last", "pager")


def test_what_was_done_with_long_ago_is_swept(connection: sa.Connection) -> None:
    for key in ("done", "waiting"):
        enqueue(connection, message(key, "warning"), ALERTS, NOW)
    outbox.settle(connection, leased(connection)[0], "", NOW)
    assert outbox.sweep(connection, NOW + 89 * DAY) == 0
    assert outbox.sweep(connection, NOW + 91 * DAY) == 1
    assert rows(connection) == [("waiting", "all", "waiting", 0)]
    enqueue(connection, message("next", "warning"), ALERTS, NOW)
    assert [row[0] for row in rows(connection)] == ["waiting", "next"]  # in order, though the first has gone


def test_what_is_late_is_told_and_what_is_under_way_is_not(connection: sa.Connection) -> None:
    enqueue(connection, message("c"), ALERTS, NOW)
    assert outbox.unsent(connection, NOW + HOUR, late_after=HOUR, told_for=DAY) == []
    told = outbox.unsent(connection, NOW + 2 * HOUR, late_after=HOUR, told_for=DAY)
    assert [(each.channel_id, each.waiting, each.given_up) for each in told] == [("all", 1, 0), ("pager", 1, 0)]
