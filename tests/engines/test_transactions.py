"""Writers one after the other, readers in one state, and a transaction that the server gives up: tried again as a
whole, or told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.connect import engine, reading, transact, writing
from mediameter.engines.trouble import TryAgain
from mediameter.errors import UserError, WorldError
from mediameter.store.warehouse import tables
from tests.engines.cut import cut_at_commit

_prices = tables["prices"]


def price(name: str, amount: str = "1") -> sa.Insert:
    words = {column.name: "" for column in _prices.columns if isinstance(column.type, sa.String | sa.Text)}
    return _prices.insert().values(
        words | {"tenant": "default", "price_id": name, "amount": amount, "valid_from_day": sa.func.current_date()}
    )


def amounts(made: sa.Engine) -> dict[str, str]:
    with reading(made) as connection:
        return {row.price_id: row.amount for row in connection.execute(sa.select(_prices))}


def give(connection: sa.Connection, name: str, amount: str) -> None:
    row = sa.and_(_prices.c.tenant == "default", _prices.c.price_id == name)  # its key: no other row is locked
    connection.execute(_prices.update().where(row).values(amount=amount))


@contextmanager
def outsider(made: sa.Engine) -> Iterator[sa.Connection]:
    """A session that knows nothing of our lock."""
    other = sa.create_engine(made.url)
    try:
        with other.connect() as connection:
            yield connection
    finally:
        other.dispose()


def backend(connection: sa.Connection) -> int:
    ask = "SELECT pg_backend_pid()" if connection.dialect.name == "postgresql" else "SELECT CONNECTION_ID()"
    return int(connection.exec_driver_sql(ask).scalar_one())


def kill(connection: sa.Connection, victim: int) -> None:
    how = "SELECT pg_terminate_backend({})" if connection.dialect.name == "postgresql" else "KILL {}"
    connection.exec_driver_sql(how.format(victim))


def test_a_writer_waits_for_the_other(made: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 1)
    impatient = engine(made.url.render_as_string(hide_password=False))
    with writing(made) as connection:
        connection.execute(price("first"))
        with pytest.raises((TryAgain, sa.exc.OperationalError), match=r"holds it|is locked"), writing(impatient):
            pass
    with writing(impatient) as connection:
        connection.execute(price("second"))
    impatient.dispose()
    assert amounts(made) == {"first": "1", "second": "1"}


def test_a_reader_sees_one_state(made: sa.Engine) -> None:
    count = sa.select(sa.func.count()).select_from(_prices)
    with reading(made) as early:
        assert early.execute(count).scalar() == 0
        with writing(made) as connection:
            connection.execute(price("new"))
        assert early.execute(count).scalar() == 0
    with reading(made) as late:
        assert late.execute(count).scalar() == 1


def test_a_reader_cannot_write(made_on_server: sa.Engine) -> None:
    with pytest.raises(UserError, match="only reads tried to write"), reading(made_on_server) as connection:
        connection.execute(price("new"))


def test_what_fails_leaves_nothing(made: sa.Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(made) as connection:
        connection.execute(price("new"))
        raise ZeroDivisionError
    assert amounts(made) == {}


def test_a_connection_killed_in_mid_transaction(made_on_server: sa.Engine) -> None:
    tries = []

    def work(connection: sa.Connection) -> str:
        tries.append(backend(connection))
        connection.execute(price("new"))
        if len(tries) == 1:
            with outsider(made_on_server) as other:
                kill(other, tries[0])
        connection.execute(price("newer"))
        return "done"

    assert transact(made_on_server, work) == "done"
    assert len(tries) == 2
    assert amounts(made_on_server) == {"new": "1", "newer": "1"}


def test_a_deadlock(made_on_server: sa.Engine) -> None:
    names = [f"price-{number:02}" for number in range(40)]
    transact(made_on_server, lambda connection: [connection.execute(price(name)) for name in names])
    tries: list[threading.Thread] = []
    with outsider(made_on_server) as other:
        if other.dialect.name == "postgresql":  # who looks for it first is the victim
            other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")
        for name in names[1:]:  # with MySQL, who has changed less
            give(other, name, "outsider's")

        def work(connection: sa.Connection) -> None:
            give(connection, names[0], "ours")
            tries.append(threading.Thread(target=lambda: (give(other, names[0], "outsider's"), other.commit())))
            if len(tries) == 1:
                tries[0].start()
            give(connection, names[1], "ours")

        transact(made_on_server, work)
        tries[0].join()
    said = amounts(made_on_server)
    assert len(tries) == 2
    assert (said[names[0]], said[names[1]], said[names[2]]) == ("ours", "ours", "outsider's")


def test_a_lock_time_out(made_on_server: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    transact(made_on_server, lambda connection: connection.execute(price("contested")))
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 1)
    impatient, tries = engine(made_on_server.url.render_as_string(hide_password=False)), []
    with outsider(made_on_server) as other:
        give(other, "contested", "outsider's")

        def work(connection: sa.Connection) -> None:
            tries.append(1)
            if len(tries) == 3:
                other.commit()
            connection.execute(price(f"try {len(tries)}"))
            give(connection, "contested", "ours")

        transact(impatient, work)
    impatient.dispose()
    assert amounts(made_on_server) == {"contested": "ours", "try 3": "1"}


def test_five_tries_are_enough(made_on_server: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediameter.connect.time.sleep", lambda _: None)
    tries = []

    def work(connection: sa.Connection) -> None:
        tries.append(1)
        with outsider(made_on_server) as other:
            kill(other, backend(connection))
        connection.execute(price("never"))

    with pytest.raises(WorldError, match="the connection was lost"):
        transact(made_on_server, work)
    assert len(tries) == 5 and amounts(made_on_server) == {}


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_reply_to_commit_is_told_and_not_tried_again(made_on_server: sa.Engine, arrives: bool) -> None:
    tries = []
    with cut_at_commit(made_on_server.url, arrives=arrives) as url:
        through = engine(url)

        def work(connection: sa.Connection) -> None:
            tries.append(1)
            connection.execute(price("new"))

        with pytest.raises(WorldError, match="it is not known whether the last transaction was written") as told:
            transact(through, work)
        through.dispose()
    assert not isinstance(told.value, TryAgain)
    assert amounts(made_on_server) == ({"new": "1"} if arrives else {}) and len(tries) == 1
