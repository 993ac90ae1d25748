"""As much of PostgREST as is asked of it, on loopback, over a real PostgreSQL: filters, order, pages that end at 1,000
rows whatever was asked for, exact counts, the OpenAPI root, errors with the server's own codes.

A stand-in: PostgREST itself is a binary that no registry of ours holds. With MEDIAMETER_TEST_POSTGREST naming one, the
same tests run against it (see ``served``).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Identifier, Literal

CAP = 1_000
KEY = "the-service-key-of-all-tests"
_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TOKEN = re.compile(r'[^,()."]+|"(?:\\.|[^"\\])*"|[,().]')
Before = Callable[["Handler", str], tuple[int, dict[str, str], Any] | None]


class Server(ThreadingHTTPServer):
    """``before``: looks at each request first, and may answer it itself."""

    daemon_threads = True

    def __init__(self, database: str) -> None:
        self.database = database
        self.before: Before | None = None
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        table = urlsplit(self.path).path.strip("/")
        self.server.asked.append(self.path)
        instead = self.server.before(self, table) if self.server.before else None
        if instead:
            return self._answer(*instead)
        if KEY not in self.headers.get("Authorization", ""):
            return self._answer(401, {}, {"code": "PGRST301", "message": "No suitable key"})
        try:
            self._answer(*(self._rows(table) if table else self._definitions()))
        except psycopg.Error as error:
            status = {"42P01": 404, "42501": 403, "57014": 500}.get(error.sqlstate or "", 400)
            self._answer(status, {}, {"code": error.sqlstate, "message": str(error)})

    def _rows(self, table: str) -> tuple[int, dict[str, str], Any]:
        asked = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        what = {name: value for name, value in asked if name in ("select", "order", "limit")}
        which = [_condition(name, value) for name, value in asked if name not in what]
        where = SQL(" WHERE ") + SQL(" AND ").join(which) if which else SQL("")
        relation = Identifier(*table.split("."))
        columns = SQL(", ").join(_selected(each) for each in what.get("select", "*").split(","))
        order = SQL(", ").join(Identifier(each.partition(".")[0]) for each in what.get("order", "").split(",") if each)
        query = SQL("SELECT {} FROM {}{}").format(columns, relation, where)
        query += SQL(" ORDER BY ") + order if what.get("order") else SQL("")
        query += SQL(" LIMIT {}").format(Literal(min(int(what.get("limit", CAP)), CAP)))
        with psycopg.connect(self.server.database, row_factory=dict_row) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            # As PostgREST has it: PostgreSQL itself makes the JSON.
            found = connection.execute(SQL("SELECT row_to_json(q)::text AS j FROM ({}) AS q").format(query)).fetchall()
            total = "*"
            if "count=exact" in self.headers.get("Prefer", ""):
                counted = connection.execute(SQL("SELECT COUNT(*) AS n FROM {}{}").format(relation, where)).fetchone()
                total = str(counted["n"]) if counted else "*"
        rows = [json.loads(row["j"]) for row in found]
        place = f"0-{len(rows) - 1}" if rows else "*"
        return (206 if total not in ("*", str(len(rows))) else 200), {"Content-Range": f"{place}/{total}"}, rows

    def _definitions(self) -> tuple[int, dict[str, str], Any]:
        query = (
            "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class c JOIN pg_attribute a"
            " ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0"
            " AND c.relkind IN ('r', 'v') AND NOT a.attisdropped"
        )
        with psycopg.connect(self.server.database) as connection:
            rows = connection.execute(query).fetchall()
        known: dict[str, Any] = {}
        for table, column, kind in rows:
            known.setdefault(table, {"properties": {}})["properties"][column] = {"format": kind}
        return 200, {}, {"definitions": known}

    def _answer(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _selected(text: str) -> Composable:
    alias, colon, name = text.rpartition(":")
    return SQL("{} AS {}").format(Identifier(name), Identifier(alias)) if colon else Identifier(name)


def _condition(name: str, value: str) -> Composable:
    if name in ("or", "and"):
        return _group(name, _TOKEN.findall(value))
    return _compared(name, value.split(".", 1)[0], value.split(".", 1)[1])


def _group(word: str, tokens: list[str]) -> Composable:
    """``(a.gt.1,and(a.eq.1,b.gt.2))``; takes its tokens away."""
    assert tokens.pop(0) == "("
    parts: list[Composable] = []
    while True:
        name = tokens.pop(0)
        if name in ("or", "and") and tokens[0] == "(":
            parts.append(_group(name, tokens))
        else:
            assert tokens.pop(0) == "."
            operator, _ = tokens.pop(0), tokens.pop(0)
            text = ""
            while tokens[0] not in (",", ")"):
                text += tokens.pop(0)
            parts.append(_compared(name, operator, text))
        if tokens.pop(0) == ")":
            return SQL("({})").format(SQL(f" {word.upper()} ").join(parts))


def _compared(name: str, operator: str, text: str) -> Composable:
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    if (operator, text) in (("is", "null"), ("not", "is.null")):
        return SQL("{} IS " + ("NOT NULL" if operator == "not" else "NULL")).format(Identifier(name))
    return SQL("{} " + _OPERATORS[operator] + " {}").format(Identifier(name), Literal(text))


@contextmanager
def served(database: str) -> Iterator[Server]:
    """The stand-in over that database (a libpq URL)."""
    server = Server(database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def real(database: str, folder: Path) -> Iterator[str]:
    """The URL of a PostgREST over that database, from the binary that MEDIAMETER_TEST_POSTGREST names."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    role = psycopg.conninfo.conninfo_to_dict(database).get("user", "postgres")
    settings = {
        "db-uri": database,
        "db-schemas": "public",
        "db-anon-role": role,
        "db-max-rows": CAP,
        "server-port": port,
    }
    config = folder / "postgrest.conf"
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    process = subprocess.Popen([os.environ["MEDIAMETER_TEST_POSTGREST"], str(config)])
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
