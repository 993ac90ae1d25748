"""Suites as files: those of the house in `sql/suites`, and a user's own in `expectations` beside the settings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from mediameter import families
from mediameter.errors import UserError
from mediameter.yaml_lines import LINE, line_of, mapping, parsed, plain, texts
from schemas import TABLES
from schemas.contract import Contract
from schemas.vocabulary import SEVERITIES

_OF_EVERY_DAY = (
    "tenant", "day", "begin_at", "end_at", "day_before", "day_before_at", "sources", "lake_rows", "lake_records"
)  # fmt: skip
OWN = "expectations"
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # a dot would be a folder of the pages
_KEYS = {"about", "family", "query", "table", "expectations"}
_RULE_KEYS = {"rule", "type", "kwargs", "severity"}
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """An expectation of Great Expectations by its name (``type``) and arguments, and where it stands in its file."""

    name: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Literal["critical", "warning"]
    place: str


@dataclass(frozen=True, slots=True)
class Suite:
    """``query`` answers for one day, in a few rows; the rules are what is expected of these. ``family``: what of the
    day is final only when they are met."""

    name: str
    about: str
    family: str
    query: str
    rules: tuple[Rule, ...]
    place: str

    @property
    def parameters(self) -> set[str]:
        return set(_PARAMETER.findall(self.query))


def suites(folder: Path) -> list[Suite]:
    """All suites, the house's first. ``folder``: where the settings lie.

    Raises ``UserError`` that names file and line of what cannot be understood.
    """
    found = [_suite(name, name.rpartition("/")[2], text) for name, text in _texts(folder).items()]
    for number, suite in enumerate(found):
        if suite.name in {each.name for each in found[:number]}:
            raise UserError(f"{suite.place}: a suite {suite.name} exists already", "rename the file")
    return found


def fingerprint(folder: Path) -> str:
    """SHA-256 (hex) of all suites: when it differs, every day is judged anew."""
    digest = hashlib.sha256()
    for name, text in _texts(folder).items():
        digest.update(f"{name.rpartition('/')[2]}\0{text}\0".encode())
    return digest.hexdigest()


def _texts(folder: Path) -> dict[str, str]:
    return texts(files("sql").joinpath("suites"), "sql/suites", folder / OWN)


def parameters() -> dict[str, tuple[str, ...]]:
    """What a query may ask for, as ``:day``, by the family of its suite: instants are naive UTC; ``sources`` are those
    of the family; ``lake_*`` are counted in the lake itself, ``lake_rows`` with what comes twice, the others
    without."""
    return {family.name: (*_OF_EVERY_DAY, *of.parameters) for family, of in families.judged().items()}


# --- one file ----------------------------------------------------------------------------------------


def _suite(place: str, file_name: str, text: str) -> Suite:
    name = file_name.rpartition(".")[0]
    if not _NAME.fullmatch(name):
        raise UserError(f"{place}: {name!r} is not a valid suite name", "use letters, digits, _ and -, 64 at most")
    content = mapping(parsed(place, text), place, _KEYS, "sql/suites")
    about, rules = content.get("about", ""), content.get("expectations")
    if not isinstance(about, str) or not isinstance(rules, list) or not rules:
        raise UserError(f"{place}: about must be a text and expectations a list", "see sql/suites for examples")
    found = tuple(_rule(place, each) for each in rules)
    for number, rule in enumerate(found):
        if rule.name in {each.name for each in found[:number]}:
            raise UserError(f"{rule.place}: a rule {rule.name} exists already", "rename one of them")
    family = _family(place, text, content)
    return Suite(name, about, family, _query(place, content, family), found, place)


def _rule(place: str, value: Any) -> Rule:
    value = mapping(value, place, _RULE_KEYS, "sql/suites")
    at = line_of(place, value)
    name, kind, severity = value.get("rule"), value.get("type"), value.get("severity", "critical")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(f"{at}: a rule has no valid name", "use letters, digits, _ and -, 64 at most")
    if not isinstance(kind, str):
        raise UserError(f"{at}: {name} has no type", "name an expectation, like expect_column_values_to_be_between")
    if severity not in SEVERITIES:
        raise UserError(f"{at}: {name}: there is no severity {severity!r}", f"one of {', '.join(SEVERITIES)}")
    kwargs = value.get("kwargs", {LINE: 0})
    if not isinstance(kwargs, dict):
        raise UserError(f"{at}: {name}: kwargs is not a mapping", "write kwargs: {column: …}")
    return Rule(name, kind, plain(kwargs), severity, f"{at}: {name}")


def _family(place: str, text: str, content: dict[str, Any]) -> str:
    """What the suite says; else that of its table, else the first. A table of the first is open to suites of all."""
    first, *others = families.judged()
    of_table = next((each.name for each in others if content.get("table") in families.tables(each)), None)
    family, known = content.get("family", of_table or first.name), [first.name, *(each.name for each in others)]
    lines = (n for n, line in enumerate(text.splitlines(), 1) if line.startswith("family"))
    at = f"{place} line {next(lines, content[LINE])}"
    if family not in known:
        raise UserError(f"{at}: there is no family {family!r}", f"one of {', '.join(known)}")
    if of_table and family != of_table:
        raise UserError(
            f"{at}: {content['table']} is a table of {of_table}", f"write family: {of_table}, or leave it out"
        )
    return str(family)


def _query(place: str, content: dict[str, Any], family: str) -> str:
    """The suite's own SQL, or that which reads a table's rows of the day."""
    query, table = content.get("query"), content.get("table")
    if (query is None) == (table is None):
        raise UserError(f"{place}: a suite needs either query or table", "give one of them")
    if table is not None:
        return _of_table(place, table, family)
    if not isinstance(query, str) or not re.match(r"\s*(SELECT|WITH)\b", query, re.IGNORECASE):
        raise UserError(f"{place}: query is not a SELECT", "a suite only reads")
    query = query.rstrip("; \n")
    if ";" in query:  # several statements could end the transaction that only reads
        raise UserError(
            f"{place}: query holds a ;",
            "write one SELECT, without ; in comments and texts (CHR(59), or CHAR(59))",
        )
    known = parameters()[family]
    unknown = sorted(set(_PARAMETER.findall(query)) - set(known))
    if unknown:
        raise UserError(f"{place}: query: there is no parameter :{unknown[0]}", f"known: {', '.join(known)}")
    return query


def _of_table(place: str, table: object, family: str) -> str:
    contract = next((each for each in TABLES if each.name == table and _is_of_days(each)), None)
    if contract is None:
        known = ", ".join(each.name for each in TABLES if _is_of_days(each))
        raise UserError(f"{place}: table: there is no table of days {table!r}", f"known: {known}")
    # What is personal has no business in pages and details.
    shown = (column.name for column in contract if column.pii == "none" and column.name not in ("tenant", "day"))
    names = ", ".join(f"{table}.{name}" for name in shown)
    when = "hour_at >= :begin_at AND hour_at < :end_at" if "hour_at" in contract.names else "day = :day"
    of_family = f" AND family = '{family}'" if "family" in contract.names else ""
    return f"SELECT {names} FROM {table} WHERE tenant = :tenant AND {when}{of_family}"


def _is_of_days(contract: Contract) -> bool:
    return "tenant" in contract.key and bool({"day", "hour_at"} & set(contract.key))
