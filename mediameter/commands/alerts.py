"""What an operator asks of alerts: which rules there are and what fires, whether a rule does what it says, why it says
what it says, and silence for a while."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mediameter.alerts import book
from mediameter.alerts.catalogue import catalogue, find, mistakes
from mediameter.alerts.evaluate import Judged
from mediameter.alerts.incidents import IS_FIRING, RESOLVED, Incident
from mediameter.alerts.rule import DAY_S, EVERYTHING, HOUR_S, Rule
from mediameter.alerts.rule_files import rules
from mediameter.alerts.rule_tests import Outcome, outcomes
from mediameter.alerts.telling import Silence
from mediameter.commands.reveal import Revealed, asked_of, reveal
from mediameter.connect import transact
from mediameter.errors import UserError
from mediameter.numbers import told
from mediameter.opening.opened import opened
from mediameter.opening.reader import plain, reader
from mediameter.printable import shown
from mediameter.settings import Settings
from mediameter.steps.alert.messages import line
from mediameter.steps.progress import Progress

PAST = timedelta(days=14)
SHOWN_WINDOWS = 24
LONGEST_SILENCE = timedelta(days=30)
_SPAN = re.compile(r"(\d+) ?(min|m|h|d|days?)")
_MINUTES = {"min": 1, "m": 1, "h": 60, "d": 1440, "day": 1440, "days": 1440}


# --- list --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alerts:
    """Every rule with what it is doing, incidents of the last two weeks, and silences."""

    rules: tuple[Rule, ...]
    incidents: tuple[Incident, ...]
    silences: tuple[tuple[Silence, str], ...]
    mistakes: tuple[str, ...] = ()

    @property
    def is_firing(self) -> bool:
        return any(each.state == IS_FIRING for each in self.incidents)

    def to_dict(self) -> dict[str, Any]:
        return {
            "is_firing": self.is_firing,
            "rules": [_of_rule(rule, self._state(rule)) for rule in self.rules],
            "incidents": [plain(asdict(each)) for each in self.incidents],
            "mistakes": list(self.mistakes),
            "silences": [plain({**each._asdict(), "reason": reason}) for each, reason in self.silences],
        }

    def render(self, console: Console) -> None:
        table = _table("rule", "state", "fires", "window", "what it is about")
        for rule in self.rules:
            about = escape(shown(rule.dormant or rule.title))
            table.add_row(rule.name, self._state(rule), threshold(rule), span(rule), about)
        console.print(table)
        by_name = {rule.name: rule for rule in self.rules}
        for each in sorted(self.incidents, key=lambda one: (one.state == RESOLVED, one.begin_at)):
            text = line(by_name.get(each.rule), each)
            ended = f"; ended {each.last_bad_at:%Y-%m-%d %H:%MZ}" if each.state == RESOLVED else ""
            _say(console, f"{each.state}: {text}{ended}{f'; {each.note}' if each.note else ''}")
        for silence, reason in self.silences:
            _say(console, f"silent until {silence.ends_at:%Y-%m-%d %H:%MZ}: {silence.rule} ({silence.group}): {reason}")
        for mistake in self.mistakes:
            _say(console, f"invalid rule, left out: {mistake}")
        if not self.incidents:
            _say(console, "No incident in the last 14 days.")

    def _state(self, rule: Rule) -> str:
        if rule.dormant:
            return "disabled"
        states = {each.state for each in self.incidents if each.rule == rule.name}
        return "FIRING" if IS_FIRING in states else "pending" if "pending" in states else "quiet"


def list_alerts(settings: Settings, *, now: datetime) -> Alerts:
    """Rules, incidents and silences as they stand. Raises ``UserError`` for a rule that cannot be understood."""
    known = tuple(catalogue(settings))
    with reader(settings) as connection:
        found = book.incidents(connection, settings.tenant, now - PAST)
        silences = book.silences(connection, settings.tenant, now)
    silent = tuple((each, reason) for _, each, reason in silences)
    return Alerts(known, tuple(found), silent, tuple(mistakes(settings)))


def threshold(rule: Rule) -> str:
    """When a rule fires, in words."""
    side = "above" if rule.bands.is_above else "below"
    named = [f"{told(rule.bands.critical, rule.unit)}"] if rule.bands.critical is not None else []
    if rule.bands.warning is not None:
        named.append(f"{told(rule.bands.warning, rule.unit)} (warning)")
    return f"{side} {', '.join(named)}" if named else "no threshold"


def span(rule: Rule) -> str:
    """The rule's window, in words."""
    if rule.is_now:
        return "now"
    seconds = rule.length_s
    if seconds % DAY_S == 0:
        return "1 day" if seconds == DAY_S else f"{seconds // DAY_S} days"
    return f"{seconds // HOUR_S} h" if seconds % HOUR_S == 0 else f"{seconds // 60} min"


# --- test --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tested:
    """The tests inside the rules' files, and rules that have none."""

    outcomes: tuple[Outcome, ...]
    untested: tuple[str, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(each for each in self.outcomes if not each.is_passed)

    def to_dict(self) -> dict[str, Any]:
        run = [asdict(each) | {"is_passed": each.is_passed} for each in self.outcomes]
        return {"run": len(run), "failed": len(self.failed), "untested": list(self.untested), "tests": run}

    def render(self, console: Console) -> None:
        for each in self.failed:
            _say(console, f"FAILED {each.rule}: {each.about}: wanted {each.wanted}, got {each.got}")
        for name in self.untested:
            _say(console, f"{name} has no tests")
        _say(console, f"{len(self.outcomes):,} tests of rules run, {len(self.failed):,} failed.")


def test_rules(settings: Settings, names: Sequence[str]) -> Tested:
    """The tests of these rules, or of all, as the files have them: what the settings override is not tried. They need
    no data. Raises ``UserError`` for an unknown rule."""
    wanted = {find(settings, name).name for name in names}
    tried = [rule for rule in rules(settings.folder) if not wanted or rule.name in wanted]
    found = [outcome for rule in tried for outcome in outcomes(rule)]
    return Tested(tuple(found), tuple(rule.name for rule in tried if not rule.tests))


# --- explain -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule: what it measures, and what it said of its last windows; its incidents. ``revealed``: the addresses that
    it named, where somebody asked for them."""

    rule: Rule
    windows: tuple[Judged, ...]
    incidents: tuple[Incident, ...]
    revealed: tuple[Revealed, ...] | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether an address that was asked for cannot be told."""
        return any(each.address is None for each in self.revealed or ())

    def to_dict(self) -> dict[str, Any]:
        revealed = {} if self.revealed is None else {"revealed": [asdict(each) for each in self.revealed]}
        return {
            **_of_rule(self.rule, ""),
            "windows": [plain(each._asdict()) for each in self.windows],
            "incidents": [plain(asdict(each)) for each in self.incidents],
            **revealed,
        }

    def render(self, console: Console) -> None:
        rule = self.rule
        _say(console, f"{rule.name}: {rule.title}")
        _say(console, f"  {_measure(rule)}; fires {threshold(rule)}; window {span(rule)}; needs {rule.needs}")
        _say(console, f"  asked in: {rule.asked_in}; written in {rule.place}")
        if rule.dormant:
            _say(console, f"  disabled: {rule.dormant}")
        _say(console, f"  do: {' '.join(rule.runbook.split())}")
        table = _table("window ends", "group", "verdict", "value", "sample")
        for each in self.windows:
            value = told(each.value, rule.unit)
            end, group = f"{each.end:%Y-%m-%d %H:%MZ}", escape(shown(each.group))
            table.add_row(end, group, each.verdict, value, f"{each.sample:,}")
        console.print(table)
        for incident in self.incidents:
            _say(console, f"{incident.state}: {line(rule, incident)}")
        for address in self.revealed or ():
            _say(console, address.line)
        if self.revealed == ():
            _say(console, "No window that is kept has named an address.")


def explain(
    settings: Settings, name: str, *, now: datetime, is_revealing: bool = False, progress: Progress | None = None
) -> Explained:
    """Why a rule says what it says. ``is_revealing``: and which addresses it named, by the logs that are still there.

    Raises ``UserError`` for an unknown rule, or one without addresses that are to be revealed.
    """
    rule = find(settings, name)
    revealed = None
    with reader(settings) as connection:
        windows = book.windows(connection, settings.tenant, {rule.name})
        if is_revealing:
            revealed = tuple(reveal(connection, settings, asked_of(rule, windows), progress=progress))
        found = [each for each in book.incidents(connection, settings.tenant, now - PAST) if each.rule == rule.name]
    windows.sort(key=lambda each: (each.end, each.group), reverse=True)
    return Explained(rule, tuple(windows[:SHOWN_WINDOWS]), tuple(found), revealed)


def _measure(rule: Rule) -> str:
    parts = [f"{rule.value.how} {rule.value.column}".strip() + f" of {rule.value.source}"]
    parts += [f"{each.column} {each.operator} {', '.join(map(str, each.values))}" for each in rule.value.where]
    over = f" over {rule.over.how} {rule.over.column} of {rule.over.source}" if rule.over else ""
    compared = f", as a multiple of {rule.compare.to.replace('_', ' ')}" if rule.compare else ""
    lasting = rule.only_while
    compared += f", while {lasting.source} last from {lasting.at} to {lasting.until}" if lasting else ""
    return " where ".join([parts[0], " and ".join(parts[1:])] if parts[1:] else parts) + over + compared


# --- silence -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silenced:
    """What was silenced until when; or how many silences were ended."""

    rule: str
    group: str
    ends_at: datetime | None
    ended: int = 0

    def to_dict(self) -> dict[str, Any]:
        return dict(plain(asdict(self)))

    def render(self, console: Console) -> None:
        of = "" if self.group == EVERYTHING else f" ({self.group})"
        if self.ends_at is None:
            _say(console, f"{self.rule}{of}: {self.ended:,} silences ended.")
        else:
            until = f"{self.ends_at:%Y-%m-%d %H:%MZ}"
            _say(console, f"{self.rule}{of} sends no messages until {until}; it is still judged and recorded.")


def silence(settings: Settings, name: str, group: str, lasting: str, reason: str, *, now: datetime) -> Silenced:
    """Tell nobody of a rule (``*``: of any) for a while. Raises ``UserError`` for an unknown rule or span."""
    if name != EVERYTHING:
        find(settings, name)
    ends_at = now + _lasting(lasting)
    asked = Silence(name, group, now, ends_at)
    _write(settings, lambda connection: book.silence(connection, settings.tenant, asked, reason))
    return Silenced(name, group, ends_at)


def end_silence(settings: Settings, name: str, group: str, *, now: datetime) -> Silenced:
    """End the silences of a rule and group at once."""
    ended = _write(settings, lambda connection: book.end_silences(connection, settings.tenant, name, group, now))
    return Silenced(name, group, None, ended)


def _write(settings: Settings, work: Any) -> Any:
    with opened(settings) as made:
        return transact(made, work)


def _lasting(text: str) -> timedelta:
    found = _SPAN.fullmatch(text.strip())
    span = timedelta(minutes=int(found[1]) * _MINUTES[found[2]]) if found else timedelta(0)
    if not timedelta(0) < span <= LONGEST_SILENCE:
        raise UserError(f"{text!r} is not a time span of up to 30 days", 'write it like "4 h" or "2 days"')
    return span


# --- words -------------------------------------------------------------------------------------------------------


def _of_rule(rule: Rule, state: str) -> dict[str, Any]:
    return {
        "rule": rule.name, "state": state, "title": rule.title, "fires": threshold(rule), "window": span(rule),
        "needs": rule.needs, "unit": rule.unit, "dormant": rule.dormant, "runbook": rule.runbook,
        "asked_in": rule.asked_in, "place": rule.place,
    }  # fmt: skip


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=head != heads[-1])
    return table


def _say(console: Console, text: str) -> None:
    console.print(shown(text), highlight=False, markup=False, soft_wrap=True)
