"""The parts of a rule as they are written, each read with its checks. A mistake says what, and what instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from mediameter.alerts.headlines import unknown_fields
from mediameter.alerts.row_sources import KNOWN, RowSource, row_source
from mediameter.alerts.rule import DAY_S, HOUR_S, OFFSETS_S, Aggregate, Bands, Compare, Condition, How, Rule
from mediameter.errors import UserError
from mediameter.sections.complaint import Complaint
from mediameter.sections.quantities import bytes_of, milliseconds, money
from mediameter.yaml_lines import LINE, line_of
from schemas import TABLES, VIEWS
from schemas.contract import Contract
from schemas.currencies import CURRENCY

CONTRACTS = {contract.name: contract for contract in (*TABLES, *VIEWS)}
NAME = re.compile("[a-z0-9][a-z0-9_]{0,63}")
BUDGETS = ("monthly_budget", "budget")
"""As a threshold: that of the settings."""
_SPAN = re.compile(r"(\d+) ?(min|h|day|days|s)")
_SPAN_S = {"s": 1, "min": 60, "h": HOUR_S, "day": DAY_S, "days": DAY_S}
_HOW: tuple[How, ...] = ("count", "sum", "min", "max", "mean", "percentile")
_WHERE = ("not in", "above", "below", "contains")
NOT_COUNTED = ("bytes", "ms", "s", "micros", "credits")
"""Units that a share cannot be of: they come by the thousand, not one by one."""
_AGGREGATE_KEYS = {*_HOW, "from", "where", "of", "weight", "at", "divide", "all_groups", LINE}


class Mistake(Exception):
    """What is wrong with a part of a rule, and what mends it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


@contextmanager
def told_at(at: str, file: str = "", content: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Mistakes become a ``UserError`` that names the place: the line of the key that the message begins with, where
    ``content`` of a ``file`` has it."""
    try:
        yield
    except Mistake as mistake:
        key = mistake.message.partition(":")[0].partition(" ")[0]
        if content is not None and key in content:
            at = f"{line_of(file, content, key)}: {at.rpartition(': ')[2]}"
        raise UserError(f"{at}: {mistake.message}", mistake.remedy) from None


def missing(name: str) -> NoReturn:
    raise Mistake(f"{name} is missing", "see mediameter/alerts/rules for examples")


def text(content: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = content.get(name, default)
    if value is None:
        missing(name)
    if not isinstance(value, str):
        raise Mistake(f"{name} is not a text", "write it in quotes")
    return value.strip()


def headline(content: Mapping[str, Any]) -> str:
    """The words of an incident, with ``{value}`` and ``{limit}``; empty where the rule has none of its own."""
    words = text(content, "headline", "")
    try:
        unknown = unknown_fields(words)
    except ValueError as error:
        raise Mistake(f"headline: {error}", "write {value} and {limit}, each in braces") from None
    if unknown:
        raise Mistake(f"headline: {{{min(unknown)}}} is not known", "it may hold {value} and {limit}")
    return words


def texts(content: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = content.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Mistake(f"{name} is not a list of names", f"write {name}: [one, another]")
    return tuple(value)


def choice(content: Mapping[str, Any], name: str, among: tuple[Any, ...], default: Any = None) -> Any:
    value = content.get(name, default)
    if value is None:
        missing(name)
    if value not in among:
        raise Mistake(f"{name}: {value!r} is not known", f"one of {', '.join(among)}")
    return value


def whole(content: Mapping[str, Any], name: str, default: int) -> int:
    value = content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Mistake(f"{name}: {value!r} is not a whole number", "write it like 100")
    return value


def truth(content: Mapping[str, Any], name: str) -> bool:
    value = content.get(name, False)
    if not isinstance(value, bool):
        raise Mistake(f"{name}: {value!r} is neither true nor false", f"write {name}: true, or leave it out")
    return value


def seconds(content: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A span of time, like ``15 min``."""
    value = content.get(name, default)
    if value is None:
        missing(name)
    if value == default or value == 0:
        return int(value)
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Mistake(f"{name}: {value!r} is not a span of time", 'write it like "15 min", "1 h" or "1 day"')
    return int(found[1]) * _SPAN_S[found[2]]


# --- what is measured ------------------------------------------------------------------------------------


def aggregate(value: Any, name: str, like: Any = None) -> Aggregate:
    """One number of the rows. What it does not say of ``from``, ``where`` and ``at``, ``like`` does."""
    if not isinstance(value, dict) or not set(value) <= _AGGREGATE_KEYS:
        known = ", ".join(sorted(_AGGREGATE_KEYS - {LINE}))
        raise Mistake(f"{name}: this is not a mapping of names to values that are known here", f"known: {known}")
    basis = like if isinstance(like, dict) else {}
    source = value.get("from", basis.get("from"))
    rows = row_source(source) if isinstance(source, str) else None
    if rows is None:
        known = ", ".join(sorted(KNOWN))
        raise Mistake(f"{name}: there is nothing to measure called {source!r}", f"known: {known}, answer:NAME")
    hows = [each for each in _HOW if each in value]
    if len(hows) != 1:
        raise Mistake(f"{name} says {len(hows)} ways to make a number of the rows", f"one of {', '.join(_HOW)}")
    found = _of_rows(value, hows[0], rows, name, str(value.get("at", basis.get("at", ""))))
    where = value.get("where", basis.get("where") if "from" not in value else None)
    return Aggregate(**found, where=_conditions(where, rows, name), is_of_all=truth(value, "all_groups"))


def lasting(value: Any) -> Aggregate:
    """What has to last through a window, else there is nothing to judge: ``until`` says when a row is over."""
    until = value.get("until") if isinstance(value, dict) else None
    if not isinstance(until, str):
        raise Mistake("while: it does not say until when a row lasts", "write until: COLUMN beside from and count")
    found = aggregate({name: of for name, of in value.items() if name != "until"}, "while")
    rows = row_source(found.source)
    assert rows
    _known(until, rows, "while")
    if found.how != "count" or rows.time != "instant" or not rows.columns or rows.columns[until].type != "instant":
        raise Mistake(f"while: {found.how} of {found.source} until {until}", "count rows from an instant to another")
    return replace(found, until=until)


def _of_rows(value: dict[str, Any], how: How, rows: RowSource, name: str, at: str) -> dict[str, Any]:
    of = value.get("of", "") if how in ("count", "percentile") else value[how]
    percentile = value["percentile"] if how == "percentile" else 0
    if how == "percentile" and (percentile not in range(1, 101) or not of):
        raise Mistake(f"{name}: percentile: {percentile!r} of {of!r}", "write percentile: 95 and of: COLUMN")
    found = {"column": of, "weight": value.get("weight", ""), "at": at or rows.at}
    for column in found.values():
        _known(column, rows, name)
    if how != "count" and rows.columns and rows.columns[of].type not in ("int", "float", "money", "bool"):
        raise Mistake(f"{name}: {of} of {rows.name} is no number", "count rows, or take another column")
    if at and rows.columns and rows.columns[at].type != "instant":
        raise Mistake(f"{name}: at: {at} is not a valid time", "leave it out")
    divide = value.get("divide", 1)
    if isinstance(divide, bool) or not isinstance(divide, int) or divide == 0:
        raise Mistake(f"{name}: divide: {divide!r} is no whole number to divide by", "write it like 1000000")
    return {"source": rows.name, "how": how, "percentile": percentile, **found, "divide": divide}


def _known(column: Any, rows: RowSource, name: str) -> None:
    if column and rows.columns is not None and column not in rows.columns:
        raise Mistake(f"{name}: {rows.name} has no column {column!r}", f"it has {', '.join(rows.columns)}")


def _conditions(where: Any, rows: RowSource, name: str) -> tuple[Condition, ...]:
    if where is None:
        return ()
    if not isinstance(where, dict):
        raise Mistake(f"{name}: where is not columns with values", "write where: {column: value}")
    found = []
    for column, wanted in where.items():
        if column == LINE:
            continue
        _known(column, rows, name)
        found += [Condition(column, *each) for each in _operators(wanted, f"{name}: where: {column}")]
    return tuple(found)


def _operators(wanted: Any, name: str) -> list[tuple[Any, tuple[Any, ...]]]:
    if not isinstance(wanted, dict):
        return [("in", tuple(wanted) if isinstance(wanted, list) else (wanted,))]
    unknown = set(wanted) - {*_WHERE, LINE}
    if unknown:
        raise Mistake(f"{name}: {unknown.pop()!r} is not known", f"a value, a list of values, or {', '.join(_WHERE)}")
    return [(each, tuple(of) if isinstance(of, list) else (of,)) for each, of in wanted.items() if each != LINE]


def by_currency(group_by: tuple[str, ...], aggregates: Iterable[Aggregate | None]) -> tuple[str, ...]:
    """The groups, and the currency where money of more than one could be added up: no rule can mix two, whatever its
    file says."""
    mixes = any(_is_of_any_currency(each) for each in aggregates if each)
    return (*group_by, CURRENCY) if mixes and CURRENCY not in group_by else group_by


def _is_of_any_currency(part: Aggregate) -> bool:
    rows = row_source(part.source)
    assert rows
    is_fixed = any(each.column == CURRENCY and each.operator == "in" and len(each.values) == 1 for each in part.where)
    return part.how != "count" and rows.is_money(part.column) and not is_fixed


def compare(value: Any) -> Compare | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("to") not in OFFSETS_S or set(value) - {"to", "minimum", LINE}:
        raise Mistake("compare says not what with", f"write compare: {{to: {' | '.join(OFFSETS_S)}, minimum: NUMBER}}")
    return Compare(value["to"], number(value.get("minimum", 0), "", "compare: minimum") or 0.0)


# --- thresholds --------------------------------------------------------------------------------------------


def bands(content: Mapping[str, Any], unit: str) -> Bands:
    """``above`` or ``below``: a number, which is critical, or one of each severity; a warning may be a share."""
    sides = [side for side in ("above", "below") if side in content]
    if len(sides) != 1:
        raise Mistake("a rule has either above or below", "give one of them")
    return bands_of(sides[0] == "above", content[sides[0]], unit)


def bands_of(is_above: bool, value: Any, unit: str) -> Bands:
    name = "above" if is_above else "below"
    if not isinstance(value, dict):
        return Bands(is_above, number(value, unit, name), None)
    if not set(value) <= {"warning", "critical", LINE} or not set(value) & {"warning", "critical"}:
        raise Mistake(f"{name} has other severities", "warning, critical, or both")
    critical = number(value["critical"], unit, name) if "critical" in value else None
    warning = value.get("warning")
    share = re.fullmatch(r"(\d+) ?%", warning) if isinstance(warning, str) and unit != "ratio" else None
    if share:
        return Bands(is_above, critical, None if critical is None else critical * int(share[1]) / 100)
    warning = None if warning is None else number(warning, unit, name)
    if warning is not None and critical is not None and (warning > critical) == is_above:
        raise Mistake(f"{name}: the warning comes after the critical threshold", "it is to come before")
    return Bands(is_above, critical, warning)


def number(value: Any, unit: str, name: str) -> float | None:
    """A threshold in the rule's unit. None: not known before the settings say it."""
    if value is None or value in BUDGETS:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if unit == "bytes":
            return float(bytes_of(value))
        if unit == "ms":
            return float(milliseconds(value))
        if unit == "s":
            return float(seconds({name: value}, name))
        if unit == "ratio" and isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)? ?%", value):
            return float(value.rstrip("% ")) / 100
        if len(unit) == 3 and unit.isupper():
            found = money(value)
            if found.currency == unit:
                return float(found.amount)
            raise Mistake(f"{name}: {value!r} is not in {unit}", f'write it like "50.00 {unit}"')
    except Complaint as complaint:
        raise Mistake(f"{name}: {complaint.message}", complaint.remedy) from None
    raise Mistake(f"{name}: {value!r} is no threshold in {unit or 'numbers'}", "write a number")


# --- the whole ---------------------------------------------------------------------------------------------


def agree(rule: Rule) -> None:
    """Whether the parts fit together. Raises ``Mistake``."""
    for each in rule.aggregates:
        rows = row_source(each.source)
        assert rows
        if (rows.time == "now") != rule.is_now:
            raise Mistake(f"judged: {rows.name} does not go with it", "judged: now and freshness go together")
        if rows.time == "day" and not rule.is_daily:
            raise Mistake(f"window: {rows.name} has whole days only", 'window: "1 day", or count something finer')
        if rows.time == "instant" and each.at == "hour_at" and rule.step_s < HOUR_S:
            raise Mistake(f"window: {rows.name} has whole hours only", 'window: "1 h", or count something finer')
        if each.how in ("sum", "mean") and (contract := CONTRACTS.get(each.source)):
            _require_additive(rule, contract, each)
        for column in rule.group_by:
            _known(column, rows, "group_by")
            if rows.columns and rows.columns[column].pii not in _may_be_told(rule):
                raise Mistake(f"group_by: {column} is about persons", "messages go to many people: leave it out")
    if rule.is_growing:
        _only_grows(rule)
    if rule.already and (not _never_shrinks(rule.already) or not rule.bands.is_above or rule.compare or rule.is_now):
        raise Mistake("already: it may become less, or is not to stay below a number", "leave it out")
    if rule.value.is_of_all or (any(each.is_of_all for each in rule.aggregates) and not rule.group_by):
        raise Mistake("all_groups: there is nothing to tell apart", "over and sample of a rule with group_by have it")
    if rule.is_share:
        _is_share(rule)
    if rule.only_while and (rule.sample or rule.is_share or rule.is_daily or rule.only_grows):
        raise Mistake("while: what lasts is the sample of windows under a day", "leave out sample, share, only_grows")
    if rule.is_now and (rule.compare or rule.hold_s):
        raise Mistake("what is judged now has no windows", "leave out compare and for")
    if any(offset < rule.length for offset in rule.offsets):
        raise Mistake("compare: the windows overlap", "compare shorter windows")


def _may_be_told(rule: Rule) -> tuple[str, ...]:
    """Pseudonyms only where a rule says that it tells them: it has to be meant."""
    return ("none", "pseudonym") if rule.tells_pseudonyms else ("none",)


def _only_grows(rule: Rule) -> None:
    """Of columns that may be negative more is not always more; a share of more may be less."""
    part = rule.value
    if not _never_shrinks(part):
        rows = row_source(part.source)
        assert rows
        raise Mistake(f"only_grows: {part.how} of {part.column or rows.name} may become less", "leave it out")
    if rule.over or rule.compare or rule.is_now or not rule.bands.is_above:
        raise Mistake("only_grows: only what is to stay below a number grows beyond it", "leave it out")


def _never_shrinks(part: Aggregate) -> bool:
    rows = row_source(part.source)
    assert rows
    is_signed = part.how == "sum" and rows.columns is not None and rows.columns[part.column].least is None
    return part.how in ("count", "sum", "max") and part.divide >= 0 and not is_signed


def _is_share(rule: Rule) -> None:
    """So many of so many, each counted once: bytes or credits are no sample of anything."""
    if rule.over is None or rule.sample or rule.compare or rule.seen_s:
        raise Mistake("share: it is so many of so many", "give value and over, no sample, compare or seen_within")
    for part in (rule.value, rule.over):
        rows = row_source(part.source)
        assert rows
        kind = rows.columns[part.column].unit if rows.columns and part.column else ""
        if part.how not in ("count", "sum") or part.divide != 1 or kind in NOT_COUNTED:
            raise Mistake(f"share: {part.how} of {part.column} is not counted one by one", "leave out share")
    limits = [each for each in (rule.bands.critical, rule.bands.warning) if each is not None]
    if not all(0 < each < 1 for each in limits):
        raise Mistake("share: a threshold is no share", "write it like 1 %")


def _require_additive(rule: Rule, contract: Contract, each: Aggregate) -> None:
    """A sum of percentiles or of distinct counts is no figure; of one row it is that row's."""
    column = contract.column(each.column)
    if column.role != "measure" or contract.may_be_summed(each.column) or _is_of_one_row(rule, contract, each):
        return
    raise Mistake(
        f"{each.how}: {each.column} of {each.source} may not be added up",
        f"write max, or where with one value of each of {', '.join(contract.key)}, in a window of one day",
    )


def _is_of_one_row(rule: Rule, contract: Contract, each: Aggregate) -> bool:
    """Whether a window holds one row at most: a day's, each other column of the grain with one value."""
    one = {of.column for of in each.where if of.operator == "in" and len(of.values) == 1}
    return rule.is_daily and rule.length == 1 and {*contract.key} <= {"tenant", "day", *one, *rule.group_by}
