"""What PostgREST understands of a query string, as SQL: its own grammar, and no kinder.

After src/PostgREST/ApiRequest/QueryParams.hs of PostgREST/postgrest (022edb0). A value beside an operator is all that
follows, quotes and all; only within ``or`` and ``and`` are there values in quotes, since commas and brackets end one
there.
"""

from __future__ import annotations

import re
from typing import NoReturn

from psycopg.sql import SQL, Composable, Identifier, Literal

_FIELD = re.compile(r'"((?:\\.|[^"\\])*)"|([\w $]+(?:-[\w $]+)*)')
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"(?=[,)]|$)')
_PLAIN = re.compile(r"[^,)]*")
_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "neq": "<>"}
_DIRECTIONS = ("asc", "desc")


class Unreadable(Exception):
    """What PostgREST answers with PGRST100."""


def selected(text: str) -> Composable:
    """``column``, ``alias:column``, either with a cast (``::text``)."""
    reader = _Reader(text)
    first = alias = reader.field()
    if reader.rest[:2] != "::" and reader.take(":"):
        first = reader.field()
    kind = SQL("::text") if reader.take("::text") else SQL("")
    reader.end()
    return SQL("{}{} AS {}").format(Identifier(first), kind, Identifier(alias))


def ordered(text: str) -> Composable:
    """``column.asc,other.desc``."""
    reader, terms = _Reader(text), list[Composable]()
    while True:
        name, direction = reader.field(), "asc"
        if reader.take("."):
            direction = reader.word(_DIRECTIONS)
        terms.append(SQL("{} " + direction).format(Identifier(name)))
        if not reader.take(","):
            reader.end()
            return SQL(", ").join(terms)


def condition(name: str, value: str) -> Composable:
    """One parameter: a column's, or a tree of conditions."""
    reader = _Reader(value)
    if name in ("or", "and"):
        found = _group(reader, name)
        reader.end()
        return found
    return _compared(reader, name, is_in_tree=False)


def _group(reader: _Reader, word: str) -> Composable:
    reader.expect("(")
    parts = list[Composable]()
    while True:
        part = reader.field()
        if part in ("or", "and") and reader.rest.startswith("("):
            parts.append(_group(reader, part))
        else:
            reader.expect(".")
            parts.append(_compared(reader, part, is_in_tree=True))
        if not reader.take(","):
            reader.expect(")")
            return SQL("({})").format(SQL(f" {word.upper()} ").join(parts))


def _compared(reader: _Reader, name: str, *, is_in_tree: bool) -> Composable:
    negated = SQL("NOT ") if reader.take("not.") else SQL("")
    if reader.take("is."):
        what = reader.word(("null", "true", "false", "unknown"))
        return SQL("({}{} IS " + what.upper() + ")").format(negated, Identifier(name))
    operator = reader.word(tuple(sorted(_OPERATORS, key=len, reverse=True)))
    reader.expect(".")
    value = reader.value() if is_in_tree else reader.all()
    return SQL("({}{} " + _OPERATORS[operator] + " {})").format(negated, Identifier(name), Literal(value))


class _Reader:
    """A class for its state: what is left to be read."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def take(self, text: str) -> bool:
        if not self.rest.startswith(text):
            return False
        self.rest = self.rest[len(text) :]
        return True

    def expect(self, text: str) -> None:
        if not self.take(text):
            self._refuse(text)

    def end(self) -> None:
        if self.rest:
            self._refuse("the end")

    def all(self) -> str:
        found, self.rest = self.rest, ""
        return found

    def word(self, known: tuple[str, ...]) -> str:
        for word in known:
            if self.take(word):
                return word
        self._refuse(f"one of {', '.join(known)}")

    def field(self) -> str:
        found = _FIELD.match(self.rest)
        if not found:
            self._refuse("a field name")
        self.rest = self.rest[found.end() :]
        return found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1])

    def value(self) -> str:
        if found := _QUOTED.match(self.rest):
            self.rest = self.rest[found.end() :]
            return re.sub(r"\\(.)", r"\1", found[1])
        found = _PLAIN.match(self.rest)
        assert found
        self.rest = self.rest[found.end() :]
        return found[0]

    def _refuse(self, expected: str) -> NoReturn:
        raise Unreadable(f"unexpected {self.rest[:20]!r}, expecting {expected}")
