"""Tables of other systems: whatever keeps a run from reading them, the doctor says it in the same words, with the same
remedy. Each trouble is planted into a real database (or into the API over one), then both are asked."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter.alerts.wording import one_line
from mediameter.doctor import examine
from mediameter.errors import UserError
from mediameter.settings import load
from mediameter.sources import postgrest as rest
from mediameter.steps.export.export import export
from tests.engines.user import SECRET, a_login, administered
from tests.export.application import NOW as NOON
from tests.export.application import Application
from tests.export.application import made as dailey_media
from tests.generations.colouring_book import colouring_book
from tests.generations.palette import palette
from tests.generations.postgrest import KEY, served

NOW = NOON
_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}


@dataclass(frozen=True, slots=True)
class System:
    """How its tables are made, and one of them, with one of its columns."""

    make: Callable[[str, Path], Iterator[Application]]
    table: str
    column: str


SYSTEMS = {
    "directors_palette": System(palette, "credit_transactions", "amount"),
    "dailey_media": System(dailey_media, "media_files", "storage_key"),
    "colouring_book": System(colouring_book, "generation_logs", "costs"),
}


@dataclass(slots=True)
class Place:
    """A source of a kind over a database, and the settings that point at it."""

    kind: str
    system: System
    application: Application
    folder: Path
    stack: ExitStack
    url: str = ""
    more: str = ""

    @property
    def address(self) -> sa.URL:
        return sa.make_url(self.application.url)

    def login(self) -> sa.URL:
        """A user who was granted nothing."""
        url = self.address.set(drivername=_DRIVERS[self.application.kind]).render_as_string(hide_password=False)
        found = self.stack.enter_context(a_login(self.stack.enter_context(administered(url))))
        return found.set(drivername=self.address.drivername)

    def asked(self) -> tuple[list[str], list[str]]:
        """What the doctor and an export say is wrong, a line each, as it leaves: without what looks like a secret."""
        toml = self.folder / "mediameter.toml"
        toml.write_text(
            f"[sources.shop]\nkind = '{self.kind}'\nurl = '{self.url}'\n{self.more}[geo]\ncountries = 'none'\n"
        )
        findings = [each for each in examine(toml, clock=lambda: NOW) if each.check.startswith("sources.")]
        said = [f"{each.found}: {each.remedy}" for each in findings if each.verdict == "error"]
        failed = export(load(toml), now=NOW).failed
        return [one_line(each) for each in said], [one_line(each) for each in failed]


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def _wrong_port(place: Place) -> str:
    return _text(place.address.set(port=1))


def _wrong_host(place: Place) -> str:
    return _text(place.address.set(host="nowhere.invalid"))


def _wrong_database(place: Place) -> str:
    if place.application.kind == "sqlite":
        return f"sqlite:///{place.folder}/nowhere.sqlite"
    return _text(place.address.set(database="nowhere"))


def _wrong_password(place: Place) -> str:
    return _text(place.login().set(password=f"{SECRET}-wrong"))


def _no_right(place: Place) -> str:
    return _text(place.login())


def _no_table(place: Place) -> str:
    place.application.execute(f"ALTER TABLE {place.system.table} RENAME TO elsewhere")
    return place.application.url


def _no_column(place: Place) -> str:
    place.application.execute(f"ALTER TABLE {place.system.table} RENAME COLUMN {place.system.column} TO elsewhere")
    return place.application.url


def _no_option(place: Place) -> str:
    return _text(place.address.update_query_dict({"colour": "red"}))


SERVERS = ("postgresql", "mariadb")
ALL = (*SERVERS, "sqlite")
TROUBLES: dict[str, tuple[Callable[[Place], str], tuple[str, ...], str, str]] = {
    "wrong port": (_wrong_port, SERVERS, "cannot be reached", "host and port in url"),
    "wrong host": (_wrong_host, SERVERS, "nowhere.invalid|resolve|Name or service", "host"),
    "wrong database": (_wrong_database, ALL, "no such database|cannot be opened", "in url"),
    # A PostgreSQL that trusts its own machine lets everybody in, and then a right is missing.
    "wrong password": (_wrong_password, SERVERS, "wrong user or password|may not read", "password in url|GRANT SELECT"),
    "missing right": (_no_right, SERVERS, "may not read this", "GRANT SELECT"),
    "missing table": (_no_table, ALL, "there is no table", r"name it: \[sources.shop.tables\]"),
    "missing column": (_no_column, ALL, "has no column", r"name it: \[sources.shop.columns"),
    "unknown option": (_no_option, ("postgresql", "mariadb"), "colour", "url"),
}
CASES = [(name, engine) for name, (_, engines, _, _) in TROUBLES.items() for engine in engines]


def the_same(said: list[str], failed: list[str], found: str, remedy: str) -> None:
    """The run ends at the first table that it cannot read; the doctor looks at the others, too."""
    [line] = failed
    assert line in said
    for each in said:
        assert re.search(found, each) and re.search(remedy, each) and SECRET not in each, each


@pytest.mark.parametrize("kind", SYSTEMS)
@pytest.mark.parametrize(("name", "engine"), CASES)
def test_the_doctor_and_a_run_say_the_same(name: str, engine: str, kind: str, tmp_path: Path) -> None:
    plant, _, found, remedy = TROUBLES[name]
    with ExitStack() as stack:
        for application in SYSTEMS[kind].make(engine, tmp_path):
            place = Place(kind, SYSTEMS[kind], application, tmp_path, stack, application.url)
            place.url = plant(place)
            said, failed = place.asked()
            stack.close()  # the user goes before the database
    the_same(said, failed, found, remedy)


@pytest.mark.parametrize("kind", SYSTEMS)
@pytest.mark.parametrize("engine", ALL)
def test_nothing_is_wrong_with_one_that_is_well(engine: str, kind: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for application in SYSTEMS[kind].make(engine, tmp_path):
            said, failed = Place(kind, SYSTEMS[kind], application, tmp_path, stack, application.url).asked()
    assert said == failed == []


# --- over REST -----------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BACK_OFF_S", 0.01)


def token(**claims: object) -> str:
    """A JSON web token whose signature is the key that the stand-in knows."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.{KEY}"


def _expired(place: Place) -> str:
    return token(role="service_role", exp=NOW.timestamp() - 86_400)


def _of_anybody(place: Place) -> str:
    return token(role="anon")


def _of_somebody_else(place: Place) -> str:
    return "sb_secret_of_another_project"


def _that_may_not(place: Place) -> str:
    place.application.execute(f"ALTER TABLE {place.system.table} RENAME TO elsewhere")
    return KEY


KEYS: dict[str, tuple[Callable[[Place], str], str, str]] = {
    "expired": (_expired, "the key expired on 2026-11-02", r"make a new one there, and set key in \[sources.shop\]"),
    "of another role": (_of_anybody, "the key is of the role anon", "service key"),
    "of another project": (_of_somebody_else, "the key may not read this", "see key, and its role"),
    "missing table": (_that_may_not, "there is no table", r"\[sources.shop.tables\]"),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["directors_palette", "colouring_book"])
@pytest.mark.parametrize("name", KEYS)
def test_the_doctor_and_a_run_say_the_same_of_an_api(name: str, kind: str, tmp_path: Path) -> None:
    plant, found, remedy = KEYS[name]
    with ExitStack() as stack:
        for application in SYSTEMS[kind].make("postgresql", tmp_path):
            place = Place(kind, SYSTEMS[kind], application, tmp_path, stack)
            with served(application.url) as server:
                place.url, place.more = server.url, f"key = '{plant(place)}'\n"
                server.before = lambda handler, _: _clocked(handler, is_expired=name == "expired")
                said, failed = place.asked()
    the_same(said, failed, found, remedy)


def _clocked(handler: object, *, is_expired: bool) -> tuple[int, dict[str, str], object] | None:
    """PostgREST's answer to a token that has run out, at the time of these tests."""
    date = {"Date": f"{NOW:%a, %d %b %Y %H:%M:%S} GMT"}
    return (401, date, {"code": "PGRST303", "message": "JWT expired"}) if is_expired else None


@pytest.mark.usefixtures("impatient")
def test_nobody_answers_at_the_api(tmp_path: Path) -> None:
    toml = tmp_path / "mediameter.toml"
    toml.write_text(
        "[sources.shop]\nkind = 'colouring_book'\nurl = 'http://127.0.0.1:1'\n"
        f"key = '{KEY}'\n[geo]\ncountries = 'none'\n"
    )
    said = [each for each in examine(toml, clock=lambda: NOW) if each.check == "sources.shop.tables"]
    [failed] = export(load(toml), now=NOW).failed
    assert [f"{each.found}: {each.remedy}" for each in said] == [failed] and "cannot be reached" in failed


def test_a_key_that_never_runs_out_has_not(tmp_path: Path) -> None:
    assert rest.ApiKey("service_role").expired("[sources.shop]", NOW) is None
    assert isinstance(rest.ApiKey("service_role", NOW).expired("[sources.shop]", NOW), UserError)
