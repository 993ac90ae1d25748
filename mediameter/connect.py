"""The one room that makes engines and S3 clients. Every connection is UTC, durable, and says clearly why it could not
be had."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from mediameter.engines import application, mysql, options, postgres, source, sqlite, trouble
from mediameter.engines.trouble import Lost, TryAgain
from mediameter.errors import Unavailable, UserError
from mediameter.loopback import is_this_machine

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
TRIES = 5
BUSY_TIMEOUT_S: float = 60  # how long a writer waits for another
CONNECT_TIMEOUT_S: float = 10
READ_TIMEOUT_S: float = 30  # of silence, not of the whole answer
S3_ATTEMPTS = 4  # of what boto3 asks


def engine(url: str) -> sa.Engine:
    """An engine for the warehouse; no connection is made yet. Instants are naive UTC at rest, on every engine.

    Raises ``UserError`` for a url that cannot be read or an engine that is not supported, ``WorldError`` when the
    folder of an SQLite file cannot be made. What a server says later is one of the two as well.
    """
    target = _read(url)
    backend = target.get_backend_name()
    if backend == "sqlite":
        return sqlite.new_engine(target, BUSY_TIMEOUT_S)
    if not target.database:
        raise UserError("[warehouse] url names no database", f'write it like "{backend}://user@host/database"')
    try:
        return _SERVERS[backend](target, BUSY_TIMEOUT_S, CONNECT_TIMEOUT_S)
    except ModuleNotFoundError as error:
        raise UserError(f"[warehouse] url: the driver {error.name} is not installed", "make venv") from None


def name(made: sa.Engine) -> str:
    """The warehouse as it is shown: a file, or host and database; neither user nor password."""
    return made.url.database or "" if made.dialect.name == "sqlite" else trouble.name(made.url)


_SERVERS = {"postgresql": postgres.new_engine, "mysql": mysql.new_engine, "mariadb": mysql.new_engine}
_OUR_DRIVERS = {"", "pysqlite", "psycopg", "pymysql"}


def _read(url: str) -> sa.URL:
    """The address in its parts; what is wrong with it is said without repeating it: it holds a password."""
    try:
        target = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
        backend, _, driver = target.drivername.partition("+")
        port_is_a_number = target.port is None or target.port > 0
    except (sa.exc.ArgumentError, ValueError):
        port_is_a_number, backend, driver = False, "", ""
    if not port_is_a_number:
        remedy = 'write it like "postgresql://user:password@host:5432/database", special characters as %XX'
        raise UserError("[warehouse] url cannot be read", remedy)
    if backend not in ("sqlite", *_SERVERS):
        raise UserError(
            f"the warehouse is {backend}, and only SQLite, PostgreSQL, MySQL and MariaDB are supported",
            'leave out [warehouse] url or write it like "postgresql://user@host/database"',
        )
    if driver not in _OUR_DRIVERS:
        raise UserError(f"[warehouse] url: the driver {driver} is not supported", f'write "{backend}://…"')
    return target


@contextmanager
def reading(made: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent snapshot."""
    with made.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(made: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that holds the writer's lock from its begin; all or nothing.

    Raises ``TryAgain`` when the server gave it up: ``transact`` begins it anew then. When the connection is lost while
    it commits, nobody knows whether it was written: ``Unavailable``; what it would have written is found or not by the
    next run, and no lake file may be deleted on it.
    """
    with made.connect().execution_options(is_writing=True) as connection:
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            transaction.rollback()
            raise
        try:
            transaction.commit()
        except Lost as lost:
            raise Unavailable(
                f"{lost.message}: it is not known whether the last transaction was written",
                "run again; the next run finds out",
            ) from None


@contextmanager
def altering(made: sa.Engine) -> Iterator[sa.Connection]:
    """``writing``, for DDL: nobody else migrates meanwhile. On MySQL and MariaDB each statement commits by itself."""
    with made.connect().execution_options(is_writing=True, is_altering=True) as connection:
        if connection.dialect.name == "mysql":
            connection.detach()  # its lock goes with it
        with connection.begin():
            yield connection


def transact(made: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """``work`` as one writing transaction, tried again as ``again`` says: outside the database it must do nothing."""

    def once() -> T:
        with writing(made) as connection:
            return work(connection)

    return again(once)


def again(work: Callable[[], T]) -> T:
    """``work``, which is one transaction. The whole of it runs again, up to five times in all, when the server gave it
    up: deadlock, lock time-out, serialization, a table altered since its snapshot, a connection lost before COMMIT."""
    for tries_left in reversed(range(TRIES)):
        try:
            return work()
        except TryAgain:
            if not tries_left:
                raise
            time.sleep(random.uniform(0, 0.1 * 2 ** (TRIES - tries_left)))
    raise AssertionError("unreachable")


# --- databases of applications -----------------------------------------------------------------------

_SOURCE_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}


def source_engine(url: str, statement_timeout_s: int, setting: str = "url") -> sa.Engine:
    """An engine that can only read: sessions are read-only and UTC, and each transaction is one snapshot.

    A query that takes longer than the time-out is ended by the server (SQLite only waits no longer for a lock). No
    connection is made yet. Raises ``UserError`` for an engine that is not known here, a URL that cannot be read, or an
    option of it that is none; ``setting`` is where the URL stands.
    """
    target = _application_url(url, setting)
    return source.new_engine(target, statement_timeout_s, CONNECT_TIMEOUT_S, READ_TIMEOUT_S)


def write_back_engine(url: str, statement_timeout_s: int, setting: str = "write_back_url") -> sa.Engine:
    """An engine that writes into an application's database: the one thing that does, and only for the step whose
    setting asks for it. Sessions are UTC and strict; of our writers one at a time is in a transaction there.

    No connection is made yet. Raises ``UserError`` as ``source_engine`` does.
    """
    target = _application_url(url, setting)
    return application.new_engine(target, statement_timeout_s, BUSY_TIMEOUT_S, CONNECT_TIMEOUT_S)


def _application_url(url: str, setting: str) -> sa.URL:
    try:
        target = make_url(url)
        target = target.set(drivername=_SOURCE_DRIVERS[target.get_backend_name()])
    except (sa.exc.ArgumentError, KeyError, ValueError):  # its words may hold the password
        remedy = "write mysql://, postgresql:// or sqlite:///, special characters as %XX"
        raise UserError(f"{setting}: this is not the URL of a database", remedy) from None
    options.check(target, setting)
    return target


def rest_client(url: str, key: str, timeout_s: float) -> httpx.Client:
    """A client of a REST API that asks for the key twice, as Supabase's does; nothing is asked yet. It follows no
    redirect: the key is for this address alone, and no proxy gets it on its way to this very machine. Raises
    ``UserError`` for a key or a URL that no request can carry."""
    import httpx

    if not (key.isascii() and key.isprintable()):
        raise UserError("the key holds characters that no key has", "copy it once more, without what stands around it")

    headers = {"apikey": key, "Authorization": f"Bearer {key}", "User-Agent": "mediameter"}
    timeouts = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
    is_here = is_this_machine(urlsplit(url).hostname or "")
    try:
        return httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers=headers,
            timeout=timeouts,
            follow_redirects=False,
            trust_env=not is_here,
        )
    except (httpx.InvalidURL, ValueError):
        raise UserError("this is not the URL of a REST API", "write https://PROJECT.supabase.co/rest/v1") from None


# --- S3 ----------------------------------------------------------------------------------------------


class S3Place(Protocol):
    """Where a bucket is, and who asks: what the settings say of a source. Empty is "not said"."""

    @property
    def bucket(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def addressing(self) -> str: ...
    @property
    def profile(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...


def s3_client(place: S3Place, connections: int = 10) -> Any:
    """A boto3 client; nothing is asked of the store yet.

    Raises ``UserError`` where there are no credentials or the profile is not there.
    """
    return s3_connection(place, connections).client


@dataclass(frozen=True, slots=True)
class S3Connection:
    """A client for all there is to ask, and a leaner GET for the many objects of a bucket."""

    client: Any
    base_url: str
    credentials: Any
    http: Any

    def get(self, key: str, headers: dict[str, str]) -> Any:
        """A signed GET, tried once: the answer as urllib3 has it, its body still to be read.

        Made by botocore's own signer and HTTP session; what it leaves out (endpoint rules, hooks, models, retries)
        is half the CPU of a boto3 call (`python -m benchmarks.fetch`). Raises botocore's ``BotoCoreError``.
        """
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest("GET", self.base_url + quote(key, safe="/~"), headers=headers, stream_output=True)
        S3SigV4Auth(self.credentials.get_frozen_credentials(), "s3", self.client.meta.region_name).add_auth(request)
        return self.http.send(request.prepare()).raw


def s3_connection(place: S3Place, connections: int = 10) -> S3Connection:
    """What ``s3_client`` says, for so many GETs at a time."""
    import boto3
    from botocore.exceptions import BotoCoreError
    from botocore.httpsession import URLLib3Session
    from botocore.session import get_session
    from botocore.utils import get_environ_proxies

    core = get_session()
    try:
        if place.profile:
            core.set_config_variable("profile", place.profile)
        core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))
        session = boto3.Session(
            place.access_key or None,
            place.secret_key or None,
            botocore_session=core,
            region_name=_region(place) or None,
        )
        client = session.client("s3", endpoint_url=place.endpoint or None, config=_config(place, session, connections))
        credentials = session.get_credentials()
        if credentials is None:
            raise UserError(
                "there are no S3 credentials", "set profile, or access_key and secret_key, or AWS_ACCESS_KEY_ID"
            )
    except (BotoCoreError, ValueError) as error:  # botocore says ValueError of an address it cannot read
        raise UserError(f"no S3 client can be created ({error})", "see endpoint, region, profile and keys") from None
    base_url = _base_url(place, client.meta.endpoint_url)
    http = URLLib3Session(
        verify=core.get_config_variable("ca_bundle") or True,
        proxies={} if is_this_machine(urlsplit(base_url).hostname or "") else get_environ_proxies(base_url),
        timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        max_pool_connections=connections,
    )
    return S3Connection(client, base_url, credentials, http)


@cache
def _descriptions(path: str | None) -> Any:
    """What botocore knows of services: a megabyte of JSON, two thirds of the CPU of a client, read once a process."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _config(place: S3Place, session: Any, connections: int) -> Any:
    from botocore.config import Config

    return Config(
        region_name=session.region_name or "us-east-1",
        signature_version="s3v4",
        s3={"addressing_style": place.addressing},
        # What stores other than Amazon's do not know; sizes and entity tags are checked by us.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": S3_ATTEMPTS},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=connections,
        ignore_configured_endpoint_urls=True,  # the settings alone say where logs come from
        user_agent_extra="mediameter",
        # None: those of the environment
        proxies={} if is_this_machine(urlsplit(place.endpoint).hostname or "") else None,
    )


def _base_url(place: S3Place, endpoint: str) -> str:
    """What stands before an object's key; where nothing is said, as boto3 has it for its own calls."""
    parts = urlsplit(endpoint)
    is_amazons = not place.endpoint and "." not in place.bucket
    if place.addressing == "virtual" or (place.addressing == "auto" and is_amazons):
        return f"{parts.scheme}://{place.bucket}.{parts.netloc}/"
    return f"{endpoint}/{place.bucket}/"


def _region(place: S3Place) -> str:
    """As set, or as the endpoint names it: s3.gra.io.cloud.ovh.net, s3.eu-west-3.amazonaws.com."""
    named = re.match(r"s3[.-]([a-z0-9-]+)\.[^.]+\.[^.]+", urlsplit(place.endpoint).hostname or "")
    return place.region or (named[1] if named else "")
