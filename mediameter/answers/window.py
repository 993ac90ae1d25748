"""Which days an answer is of: words of an operator to a first and a last day."""

from __future__ import annotations

import re
from datetime import date, timedelta

from mediameter.answers.asking import AnswerError


def window(last: str, *, newest: date) -> tuple[date, date]:
    """First and last day of "7d" (the 7 days that end with `newest`), "2026-11-01..2026-11-07" or "2026-11-01"."""
    days = re.fullmatch(r"([0-9]{1,5})d", last)
    if days and int(days[1]) > 0:
        try:
            return newest - timedelta(days=int(days[1]) - 1), newest
        except OverflowError:
            raise AnswerError(f"{last!r} reaches back before the calendar", "give fewer days") from None
    if not days and re.fullmatch(r"[0-9-]{10}(\.\.[0-9-]{10})?", last):
        return _range(last)
    raise AnswerError(f"{last!r} is no window", "write 7d, 2026-11-01 or 2026-11-01..2026-11-07")


def _range(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        raise AnswerError(f"{text!r} names a day that does not exist", str(error)) from None
    if begin > end:
        raise AnswerError(f"{text!r} ends before it begins", f"write {end}..{begin}")
    return begin, end
