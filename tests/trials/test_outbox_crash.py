"""No message is lost: killed anywhere between being written and being settled, each is delivered, and a repeat has the
same key and body. Runs at the same time repeat nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.alerts import outbox
from mediameter.alerts.message import Message
from mediameter.faults import DELIVER_POINTS
from mediameter.settings import Settings, from_mapping
from mediameter.steps.alert.deliver import LEASE, deliver
from tests import gate
from tests.conftest import Trials
from tests.listener import Listener, listening
from tests.trials.runs import exit_code, forked, killed_at

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INCIDENTS = {"a": ("firing", "again", "resolved"), "b": ("firing", "resolved"), "": ("x", "y")}
KEYS = [f"{fingerprint}-{what}" for fingerprint, said in INCIDENTS.items() for what in said]
_EACH_MESSAGE = DELIVER_POINTS[2:]


@pytest.fixture
def hooks() -> Iterator[tuple[Listener, Listener]]:
    """One takes everything, the other one answers 500 to every third request."""
    with listening() as good, listening() as moody:
        yield good, moody


def place(made: sa.Engine, folder: Path, hooks: tuple[Listener, Listener]) -> Settings:
    url = made.url.render_as_string(hide_password=False)
    channels = [
        {"url": hook.url("http"), "name": name, "signing_key": "0123456789abcdef"}
        for hook, name in zip(hooks, ("good", "moody"), strict=True)
    ]
    return from_mapping(
        {"warehouse": {"url": url}, "alerts": {"channels": channels, "allow_private_channels": True}}, folder
    )


def fill(made: sa.Engine, given: Settings) -> None:
    with connect.writing(made) as connection:
        for fingerprint, said in INCIDENTS.items():
            for what in said:
                message = Message(f"{fingerprint}-{what}", "critical", what, fingerprint=fingerprint)
                outbox.enqueue(connection, message, given.alerts, NOW)


def test_killed_anywhere(made: sa.Engine, tmp_path: Path, hooks: tuple[Listener, Listener], trials: Trials) -> None:
    given, rng = place(made, tmp_path, hooks), Random(6)
    places = [(name, 1 + n % 9 if name in _EACH_MESSAGE else 1) for n in range(9) for name in DELIVER_POINTS]
    asked, failed, repeats = trials(6, 120), [], 0
    for number in range(asked):
        point, occurrence = places[number % len(places)]
        _begin_anew(made, given, hooks)
        assert killed_at(point, occurrence, delivering, given)
        now = NOW
        for _ in range(5 if gate.is_on else 10):  # as later runs would: some within the lease, all behind it
            now += timedelta(seconds=rng.randint(1, round(LEASE.total_seconds())))
            hooks[1].status = 500 if rng.random() < 0.3 else 200
            deliver(given, now=now)
        hooks[1].status = 200
        deliver(given, now=now + timedelta(hours=2))
        sound, again = judged(made, hooks)
        repeats += again
        if not sound:
            failed.append((point, occurrence))
    print(f"killed while delivering on {made.dialect.name}: {asked} asked, {asked} run, {len(failed)} failed;")
    print(f"{repeats} messages came more than once")
    assert not failed
    assert repeats  # of those that were killed between the sending and the settling


def test_runs_at_the_same_time(
    made: sa.Engine, tmp_path: Path, hooks: tuple[Listener, Listener], trials: Trials
) -> None:
    """Four processes: each message goes out once, since leases hold."""
    given = place(made, tmp_path, hooks)
    asked, failed = trials(2, 50), []
    for number in range(asked):
        _begin_anew(made, given, hooks)
        processes = [forked(delivering, given) for _ in range(4)]
        codes = [exit_code(process) for process in processes]
        deliver(given, now=NOW)  # what an incident has to say last may be due only now
        sound, repeats = judged(made, hooks)
        if not sound or repeats or any(codes):
            failed.append((number, repeats, codes))
    print(f"four deliveries at once on {made.dialect.name}: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def delivering(given: Settings) -> None:
    deliver(given, now=NOW)


def _begin_anew(made: sa.Engine, given: Settings, hooks: tuple[Listener, Listener]) -> None:
    """All messages wait, and nobody has got any."""
    for hook in hooks:
        hook.status = 200
        for kept in (hook.received, hook.bodies, hook.headers):
            kept.clear()  # type: ignore[attr-defined]
    with connect.writing(made) as connection:
        connection.execute(outbox._outbox.delete())
    fill(made, given)


def judged(made: sa.Engine, hooks: tuple[Listener, Listener]) -> tuple[bool, int]:
    """Whether each channel got each message in its order, repeats like the first; and how many came again."""
    t = outbox._outbox
    with connect.reading(made) as connection:
        states = set(connection.execute(sa.select(t.c.state)).scalars())
    sound, repeats = states == {"delivered"}, 0
    for hook in hooks:
        came = [headers["idempotency-key"] for headers in hook.headers]
        sound &= set(came) == set(KEYS)
        bodies = {(key, body) for key, body in zip(came, hook.bodies, strict=True)}
        sound &= len(bodies) == len(KEYS)
        for fingerprint, said in INCIDENTS.items():
            firsts = [came.index(f"{fingerprint}-{what}") for what in said if f"{fingerprint}-{what}" in came]
            sound &= not fingerprint or firsts == sorted(firsts)
        repeats += len(came) - len(set(came))
    return sound, repeats
