"""Rows of tables that could not be taken, as they are kept: each by a name of its own, with what may be kept of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count

from mediameter.privacy.lines import redact_line
from mediameter.privacy.pseudonyms import Pseudonyms

MOST_REJECTS = 1_000  # kept of a day; all are counted
_LONGEST_ROW_ID, _LONGEST_DETAIL = 120, 300
_MOST_REDACTED = 5_000  # cut only afterwards: half an address would not be found
Reject = tuple[str, str, str]
"""Id of the row, reason, detail."""


def told_apart(rejects: Sequence[Reject], pseudonyms: Pseudonyms) -> list[Reject]:
    """Rejects with ids of their own, whatever the rows have, and with details that may be kept."""
    names = [_without_nul(row_id)[:_LONGEST_ROW_ID] for row_id, _, _ in rejects[:MOST_REJECTS]]
    own, taken, kept = frozenset(names), set[str](), list[Reject]()
    for name, (_, reason, detail) in zip(names, rejects, strict=False):
        free = _free(name, taken, own)
        taken.add(free)
        told = redact_line(_without_nul(detail)[:_MOST_REDACTED], pseudonyms)
        kept.append((free, reason, told[:_LONGEST_DETAIL]))
    return kept


def _free(name: str, taken: Collection[str], own: Collection[str]) -> str:
    """The name, or the first of ``name#2``, ``name#3``, … that no other row has: a row may be called ``a#2`` itself."""
    if name and name not in taken:
        return name
    numbered = (f"{name}#{number}" for number in count(2))
    return next(each for each in numbered if each not in taken and each not in own)


def _without_nul(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
