"""As much of PostgREST as is asked of it, on loopback, over a real PostgreSQL: its grammar of filters and order, pages
that end at 1,000 rows whatever was asked for, exact counts, the OpenAPI root, errors with the server's own codes.

A stand-in for what a real one does not do when it is asked to: rows that move between pages, time-outs, servers that
ask to wait. PostgREST itself is tried in ``tests/generations/test_real_rest.py``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal

from tests.generations.postgrest_grammar import Unreadable, condition, ordered, selected

CAP = 1_000
KEY = "the-service-key-of-all-tests"
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
        except Unreadable as error:
            self._answer(400, {}, {"code": "PGRST100", "message": str(error)})
        except psycopg.Error as error:
            status = {"42P01": 404, "42501": 403, "57014": 500}.get(error.sqlstate or "", 400)
            self._answer(status, {}, {"code": error.sqlstate, "message": str(error)})

    def _rows(self, table: str) -> tuple[int, dict[str, str], Any]:
        asked = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        what = {name: value for name, value in asked if name in ("select", "order", "limit")}
        which = [condition(name, value) for name, value in asked if name not in what]
        where = SQL(" WHERE ") + SQL(" AND ").join(which) if which else SQL("")
        relation = Identifier(*table.split("."))
        columns = SQL(", ").join(selected(each) for each in what["select"].split(","))
        query = SQL("SELECT {} FROM {}{}").format(columns, relation, where)
        query += SQL(" ORDER BY ") + ordered(what["order"]) if "order" in what else SQL("")
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
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


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
