"""Which address a pseudonym stands for, read from the logs again: nothing is kept of it, and nothing is written.

A pseudonym cannot be turned round; but an address of the window that it fired in, put under the key once more, gives it
again. So only the objects with records in that window are read, as long as somebody has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from mediameter.alerts.evaluate import FIRING, Judged
from mediameter.alerts.rule import THE_REST, Rule
from mediameter.errors import UserError, WorldError
from mediameter.opening.bucket import bucket
from mediameter.privacy.pseudonyms import Pseudonyms, normalise_address
from mediameter.settings import Settings, known_key
from mediameter.sources.objects import Bucket, Changed, ObjectVersion
from mediameter.steps.ingest.door import limits_of, line_hash_of
from mediameter.steps.progress import Advance, Progress, quiet
from mediameter.store import objects
from parsers.access_log import Context, Piece, Refused, parse_pieces, read_blocks

ADDRESS = "address"
"""The column whose values are pseudonyms of addresses."""
_SHOWN_REASONS = 3


class Asked(NamedTuple):
    """Pseudonyms that a rule named in a window."""

    begin: datetime
    end: datetime
    pseudonyms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A pseudonym and its address; None, and why, where that cannot be told any more."""

    pseudonym: str
    address: str | None
    why: str = ""

    @property
    def line(self) -> str:
        return f"{self.pseudonym} is {self.address}" if self.address else f"{self.pseudonym}: {self.why}"


@dataclass(slots=True)
class _Search:
    """What is still looked for in a window, and what was found; ``gone``: objects that could not be read, and why."""

    asked: Asked
    pseudonyms: Pseudonyms
    found: dict[str, str] = field(default_factory=dict)
    read: int = 0
    gone: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.found.keys() >= self.asked.pseudonyms

    def look(self, addresses: Sequence[str]) -> None:
        spelled = [normalise_address(each) for each in addresses]
        made = zip(self.pseudonyms.of_all(spelled), spelled, strict=True)
        self.found |= {pseudonym: address for pseudonym, address in made if pseudonym in self.asked.pseudonyms}

    def results(self) -> Iterator[Revealed]:
        for pseudonym in sorted(self.asked.pseudonyms):
            address = self.found.get(pseudonym)
            yield Revealed(pseudonym, address, "" if address else self._why())

    def _why(self) -> str:
        window = f"{self.asked.begin:%Y-%m-%d %H:%MZ} to {self.asked.end:%Y-%m-%d %H:%MZ}"
        total = self.read + len(self.gone)
        if not self.gone:
            return f"not in the {total:,} log objects of {window}: it was made under another key, or its logs replaced"
        some = "; ".join(self.gone[:_SHOWN_REASONS])
        return f"cannot be told: {len(self.gone):,} of the {total:,} log objects of {window} cannot be read ({some})"


def asked_of(rule: Rule, windows: Sequence[Judged]) -> list[Asked]:
    """The pseudonyms of addresses that the rule's windows named when they fired, each with the latest of them.

    Raises ``UserError`` for a rule that tells no addresses.
    """
    if ADDRESS not in rule.group_by:
        raise UserError(f"{rule.name} names no addresses", "--reveal is for rules with group_by: [address]")
    place, latest = rule.group_by.index(ADDRESS), dict[str, Judged]()
    for each in sorted(windows, key=lambda window: window.end):
        if each.verdict in FIRING and each.group != THE_REST:
            latest[each.group.split(" / ")[place]] = each
    by_window: dict[tuple[datetime, datetime], set[str]] = {}
    for pseudonym, window in latest.items():
        by_window.setdefault((window.begin, window.end), set()).add(pseudonym)
    return [Asked(*bounds, frozenset(of)) for bounds, of in sorted(by_window.items(), reverse=True)]


def reveal(
    connection: sa.Connection, settings: Settings, asked: Sequence[Asked], *, progress: Progress | None = None
) -> list[Revealed]:
    """The addresses, as far as the objects are still there.

    Raises ``UserError`` where there is no key, or nobody to read a bucket as.
    """
    key = known_key(settings)
    if key is None:
        raise UserError("the key of the pseudonyms is missing", "restore address.key, or set privacy.key")
    pseudonyms = Pseudonyms(key)
    found: list[Revealed] = []
    for each in asked:
        search = _Search(each, pseudonyms)
        objects = _objects(connection, settings, each)
        total = sum(version.size for _, version in objects)
        with (progress or quiet()).task("reading logs again", total, unit="bytes") as advance:
            _search(settings, objects, search, advance)
        found += search.results()
    return found


def _objects(connection: sa.Connection, settings: Settings, asked: Asked) -> list[tuple[Bucket, ObjectVersion]]:
    return [
        (bucket(settings, name), version)
        for name in settings.log_sources
        for version in objects.versions_between(connection, name, asked.begin, asked.end)
    ]


def _search(settings: Settings, objects: list[tuple[Bucket, ObjectVersion]], search: _Search, advance: Advance) -> None:
    for source, version in objects:
        if search.is_over:
            return
        try:
            for addresses in _addresses(settings, source, version, search.asked):
                search.look(addresses)
            search.read += 1
        except (Changed, WorldError, Refused) as trouble:
            search.gone.append(str(trouble))
        advance(version.size)


def _addresses(settings: Settings, source: Bucket, version: ObjectVersion, asked: Asked) -> Iterator[list[str]]:
    """The distinct addresses of an object's records in the window, block by block."""
    log_bucket = settings.log_sources[version.source].bucket
    context = Context(0, version.last_modified, log_bucket, line_hash_of(settings))
    with closing(source.read(version).chunks()) as chunks:
        for block in read_blocks(chunks, limits_of(settings)):
            records = parse_pieces([Piece.of(version.object_id, block, context)]).frame
            of_window = records.filter(records["at"].is_between(asked.begin, asked.end, closed="left"))
            yield of_window["remote_ip"].drop_nulls().unique().to_list()
