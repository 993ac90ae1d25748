"""Incidents follow from the verdicts, not from the order of their coming: the same verdicts in one run, hour by hour,
backwards, at random and corrected on the way come to the same incidents; and each of whose begin people heard, they
hear the end of, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.alerts import book
from mediameter.alerts.evaluate import Judged
from mediameter.alerts.rule import THE_REST, Aggregate, Bands, Rule
from mediameter.alerts.telling import news
from mediameter.store import tenancy, warehouse
from mediameter.store.warehouse import tables
from schemas.vocabulary import DEFAULT_TENANT
from tests.alerts.incident_figures import FIGURES

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
RULE = Rule("tried", "Tried", "logs", 3600, 1, Aggregate("traffic_hourly", "sum", "requests"), Bands(True, 10, 5),
            "requests", resolve_after=2, reopen_s=6 * 3600)  # fmt: skip
RULES = {
    "hours": RULE,
    "must_last": replace(RULE, hold_s=3600),
    "at_once": replace(RULE, resolve_after=1, reopen_s=0),
    "growing": replace(RULE, is_growing=True, resolve_after=1),
    "days": replace(RULE, step_s=86_400, hold_s=86_400, resolve_after=1, reopen_s=0),
}
VERDICTS = {".": ("ok", 1.0), "w": ("warning", 7.0), "C": ("critical", 20.0), "?": ("not_yet_knowable", None),
            "-": ("not_available", None), "f": ("too_few", 20.0)}  # fmt: skip
COUNT = 30


def judged(rule: Rule, letters: Mapping[int, str], group: str = "*") -> list[Judged]:
    length = timedelta(seconds=rule.length_s)
    found = []
    for number, letter in sorted(letters.items()):
        verdict, value = VERDICTS[letter]
        end = NOON + (number + 1) * length
        found.append(Judged(rule.name, group, end - length, end, value, 10.0, verdict, number))
    return found


class Book:
    """A warehouse in memory; ``said``: what people were told of each incident."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.said: dict[str, list[str]] = defaultdict(list)
        self._keys: set[str] = set()
        self._made = tenancy.engine("sqlite://", DEFAULT_TENANT)
        warehouse.ready(self._made)

    def come(self, found: Sequence[Judged], days_later: int = 0, over: Collection[datetime] = ()) -> None:
        """Verdicts for the ends of ``found``, and of ``over``, in place of those before; then people are told."""
        now = NOON + timedelta(days=days_later) + timedelta(seconds=self.rule.length_s * COUNT)
        ends = {each.end for each in found} | {*over}
        with connect.writing(self._made) as connection:
            known = [each for each in book.windows(connection, "default", {"tried"}) if each.end in ends]
            changed = book.replace_windows(connection, "default", UTC_ZONE, known, found)
            book.fold(connection, [self.rule], "default", changed, now)
            told, passed = news({"tried": self.rule}, book.unfinished(connection, "default"), (), NOON)
            assert not {each.key for each in told} & self._keys, (
                "a key that was used before would be taken for a repeat"
            )
            self._keys |= {each.key for each in told}
            for each in told:
                self.said[each.incident.incident_id].append(each.change)
            book.write(connection, "default", [*(each.incident for each in told), *passed])

    def rows(self) -> list[Mapping[str, Any]]:
        incidents = tables["incidents"]
        query = sa.select(incidents).order_by(incidents.c.check_group, incidents.c.begin_at)
        with connect.reading(self._made) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def incidents(self) -> list[tuple[Any, ...]]:
        """What there is, whatever was told; those that were taken back are no incidents."""
        return [tuple(row[name] for name in FIGURES) for row in self.rows() if row["bad_windows"]]


def ways(rng: Random, letters: str) -> Iterator[list[dict[int, str]]]:
    """Batches that all come to the same verdicts."""
    each = list(enumerate(letters))
    yield [{number: letter} for number, letter in each]
    yield [{number: letter} for number, letter in reversed(each)]
    yield [{number: letter} for number, letter in rng.sample(each, len(each))]
    wrong = {number: rng.choice(".wC?-f") for number, _ in each}
    yield [wrong, *[{number: letter} for number, letter in rng.sample(each, len(each))]]
    # Four hours late: each window is known as empty first.
    late = []
    for number in range(len(each) + 4):
        batch = {number: "-"} if number < len(each) else {}
        late.append(batch | ({number - 4: letters[number - 4]} if number >= 4 else {}))
    yield late
    cuts = [0, *sorted(rng.sample(range(1, len(each)), 3)), len(each)]
    parts = [dict(each[a:b]) for a, b in pairwise(cuts)]
    yield rng.sample(parts, len(parts))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", RULES)
def test_the_same_verdicts_are_the_same_incidents(name: str, seed: int) -> None:
    rng, rule = Random(f"{name} {seed}"), RULES[name]
    letters = "".join(rng.choices(".wC?-f", [6, 2, 3, 1, 1, 1], k=COUNT))
    whole = Book(rule)
    whole.come(judged(rule, dict(enumerate(letters))))
    assert whole.incidents(), "else there is nothing to compare"
    for batches in ways(rng, letters):
        tried = Book(rule)
        for batch in batches:
            tried.come(judged(rule, batch))
        assert tried.incidents() == whole.incidents(), (letters, batches)
        heard_to_the_end(tried)


def heard_to_the_end(tried: Book) -> None:
    """Of each incident, begin and end take turns; what is told to go on is what goes on."""
    going = {row["incident_id"] for row in tried.rows() if row["state"] == "firing"}
    for name, said in tried.said.items():
        begins = [each in ("firing", "again", "flapping") for each in said if each not in ("worse", "still", "over")]
        assert all(one != other for one, other in pairwise(begins)), said
        assert not begins or begins[0], said
        assert (begins[-1] if begins else False) <= (name in going) or is_pending(tried, name), (name, said)
    assert going <= {name for name, said in tried.said.items() if said}


def is_pending(tried: Book, name: str) -> bool:
    """Late data says that it has not lasted long enough, and it may yet."""
    return any(row["incident_id"] == name and row["state"] == "pending" for row in tried.rows())


def test_a_group_without_a_row_did_not_fire_where_its_rule_was_judged() -> None:
    """Days between two bad ones were judged before anybody asked for the group: it is two incidents, not one."""
    rule = replace(RULE, group_by=("source",), reopen_s=0, resolve_after=1)
    tried = Book(rule)
    tried.come(judged(rule, dict.fromkeys(range(10), ".")))
    tried.come([*judged(rule, {9: "C"}, "one"), *judged(rule, {9: "."})])
    tried.come([*judged(rule, {2: "C"}, "one"), *judged(rule, {2: "."})])
    assert [(each[2], each[8]) for each in tried.incidents()] == [("resolved", 1), ("firing", 1)]


def test_the_rest_of_many_groups_ends_when_there_are_no_longer_so_many() -> None:
    rule = replace(RULE, group_by=("source",))
    tried = Book(rule)
    tried.come([*judged(rule, {1: "C"}, THE_REST), *judged(rule, {1: "."})])
    tried.come([*judged(rule, {2: "C"}, THE_REST), *judged(rule, {2: "."})])
    tried.come(judged(rule, {3: ".", 4: "."}))
    assert [(each[2], each[8]) for each in tried.incidents()] == [("resolved", 2)]
    tried.come(judged(rule, {2: "."}))  # late data: so many were only in the first hour
    assert [(each[2], each[8]) for each in tried.incidents()] == [("resolved", 1)]


def test_what_began_before_all_that_is_remembered_goes_on_and_ends() -> None:
    rule = RULE
    tried = Book(rule)
    tried.come(judged(rule, {0: "C", 1: "C"}))
    later = 60 * 24
    tried.come(judged(rule, {later: "C"}), days_later=60)
    tried.come(judged(rule, {later - 1: "C"}), days_later=60)  # late, and before what is known: it stays as it is
    tried.come(judged(rule, {later + 1: ".", later + 2: "."}), days_later=60)
    assert [(each[2], each[8]) for each in tried.incidents()] == [("resolved", 3)]
