"""What an event in JSON says, each value as a column wants it: numbers may be text, times are of many spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from parsers.palette import ID, LEAST_PROMPT, LONGEST_MESSAGE, OTHER, is_name, money
from schemas.vocabulary import LARGEST_COUNT

OF_EVENT = ("timestamp", "time", "@timestamp", "ts", "datetime")
TIMES = (*OF_EVENT, "created_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it are zeros, and numbers that are no times
_MOST_SECONDS = 10**12  # a larger number is in milliseconds
_LARGEST = 10**15  # of what may be a time
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_NOTHING = ("", "-", "null", "none", "undefined")


class Wrong(Exception):
    """The event breaks a rule: one of schemas.vocabulary.FILE_REJECT_REASONS."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event's values. Its prompt is cut out of all of them, since providers repeat it."""

    values: dict[str, Any]

    def text(self, *names: str) -> str | None:
        """The first of these that says anything, without NUL, which PostgreSQL cannot keep, and half characters."""
        for name in names:
            if text := self._text(self.values.get(name)):
                return text
        return None

    def _text(self, value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = str(value).strip()
        if "\0" in text or not text.isascii():
            text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        prompt = self.values.get("prompt")
        if isinstance(prompt, str) and len(prompt.strip()) >= LEAST_PROMPT:
            text = text.replace(prompt.strip(), "[prompt]")
        return None if len(text) < 10 and text.lower() in _NOTHING else text

    def name(self, name: str, most: int) -> str | None:
        """A word of a vocabulary, as it is spelled there; `other` for what does not read like one: it may be a prompt.
        Raises ``Wrong`` for one that is longer than a key may be."""
        text = self.text(name)
        if text is None or len(text) <= most:
            return text if text is None or is_name(text) else OTHER
        raise Wrong("LONG_ID")

    def title(self, name: str, most: int) -> str | None:
        """A name for people; None for what is longer, or does not read like a name: no key rests on it."""
        text = self.text(name)
        return text if text and len(text) <= most and is_name(text) else None

    def word(self, name: str, most: int) -> str | None:
        """The same in lower case."""
        text = self.name(name, most)
        return text.lower() if text else None

    def identifier(self, name: str) -> str | None:
        """An id; None for what does not look like one."""
        text = self.text(name)
        return text if text and re.fullmatch(ID, text) else None

    def message(self, name: str) -> str | None:
        """The first line of a message: what follows it is a stack trace."""
        lines = (self.text(name) or "").splitlines()
        return lines[0][:LONGEST_MESSAGE] if lines else None

    def says(self, *names: str) -> bool:
        """Whether anything stands under one of these names."""
        return self._first(names) is not None

    def whole(self, *names: str) -> int | None:
        """A number that is not below 0 and has no fraction. Raises ``Wrong`` for anything else that is said."""
        number = self._number(*names)
        if number is not None and number != int(number):
            raise Wrong("BAD_NUMBER")
        return None if number is None else int(number)

    def rounded(self, *names: str) -> int | None:
        """A number that is not below 0, rounded half-even. Raises ``Wrong`` for anything else that is said."""
        number = self._number(*names)
        return None if number is None else round(number)

    def _number(self, *names: str) -> Decimal | None:
        value = self._first(names)
        if value is None:
            return None
        number = _decimal(value)
        if number is None or not 0 <= number < LARGEST_COUNT:
            raise Wrong("BAD_NUMBER")
        return number

    def _first(self, names: tuple[str, ...]) -> Any:
        return next((found for name in names if (found := self.values.get(name)) not in (None, "")), None)

    def money(self, name: str) -> tuple[int | None, str | None]:
        """An amount in the smallest unit of the currency that the event names, or of US dollars: in micros, and the
        currency. Raises ``Wrong`` for what is no amount, or no currency."""
        try:
            return money(self.values.get(name), self.text("currency"))
        except ValueError:
            raise Wrong("BAD_MONEY") from None

    def instant(self, *names: str) -> datetime | None:
        """The time under the first of these names that says anything. None where it cannot be read."""
        try:
            at = _instant(self._first(names))
        except (ValueError, OverflowError):
            return None
        return at if at is None or at >= _EARLIEST else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant(value: Any) -> datetime | None:
    """ISO 8601, without a zone in UTC; a number, or one as text, in seconds or milliseconds since 1970."""
    is_number = not isinstance(value, str) or _NUMBER.fullmatch(value.strip())
    if is_number:
        number = _decimal(value)
        if number is None or abs(number) >= _LARGEST:
            return None
        seconds = number / 1000 if number > _MOST_SECONDS else number
        return _EPOCH + timedelta(microseconds=round(seconds * 10**6))
    at = datetime.fromisoformat(value.strip())
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
