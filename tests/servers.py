"""The database servers that tests may use: those an environment variable names, else those that answer here."""

from __future__ import annotations

import os

import sqlalchemy as sa

# variable → where Debian's own packages listen, as their first user
_USUAL = {
    "MEDIAMETER_TEST_POSTGRES_URL": "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    "MEDIAMETER_TEST_MARIADB_URL": "mysql+pymysql://root@127.0.0.1:3306/test",
}


def find() -> None:
    """Sets the variables that are not set, for servers that answer within a second."""
    for variable, url in _USUAL.items():
        if variable not in os.environ and _answers(url):
            os.environ[variable] = url


def _answers(url: str) -> bool:
    engine = sa.create_engine(url, connect_args={"connect_timeout": 1})
    try:
        with engine.connect():
            return True
    except sa.exc.SQLAlchemyError:
        return False
    finally:
        engine.dispose()
