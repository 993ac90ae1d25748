"""No secret of the settings leaves in what is told to people, programs, logs or a scheduler.

Whoever reads a secret says so here (``keep``): the settings do it for every field with ``repr=False``, so none is
forgotten. From then on this process knows it, and whatever leaves by a way out of the house goes through ``discreet``:
the terminal (``mediameter.terminal``), the logs of every library, what Prefect is given, messages, findings.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus

from mediameter.errors import MediameterError, WorldError

HIDDEN = "***"
_LEAST = 4  # characters: what is shorter occurs in every text
_SAFE_ANYWHERE = 8  # characters: what is shorter, or letters alone, may be part of a word, and is hidden as one
_kept: set[str] = set()


def keep(secrets: Iterable[str]) -> None:
    """Hide these texts, however they are spelled in a URL, in JSON or by Python, from now on; in logs, too."""
    new = {secret.strip() for secret in secrets} - _kept
    _kept.update(secret for secret in new if len(secret) >= _LEAST)
    _pattern.cache_clear()
    if _kept:
        _guard_logs()


def forget() -> None:
    """For a process that goes on with other settings."""
    _kept.clear()
    _pattern.cache_clear()


def discreet(text: str) -> str:
    """The text without any secret of this process's settings."""
    return _pattern().sub(HIDDEN, text) if _kept else text


def discreet_values(value: Any) -> Any:
    """The same of every text in dicts and lists; whatever else they hold stays as it is."""
    if isinstance(value, str):
        return discreet(value)
    if isinstance(value, dict):
        return {discreet_values(name): discreet_values(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(discreet_values, value))
    return value


@contextmanager
def discreet_errors() -> Iterator[None]:
    """Whatever is raised leaves without a secret, and so do the errors that led to it: its class stays, since callers
    look at that."""
    try:
        yield
    except Exception as error:
        for each in _chain(error):
            _clean(each)
        if _tells(error):  # a class that makes its words itself
            raise WorldError(discreet(f"{type(error).__name__}: {error}")) from None
        if any(map(_tells, _chain(error))):
            error.__cause__ = error.__context__ = None
        raise


# --- how a secret may be spelled -------------------------------------------------------------------------


@cache
def _pattern() -> re.Pattern[str]:
    """All spellings of all secrets, the longest first: one may be the begin of another."""
    spelled = {each: secret for secret in _kept for each in _spellings(secret)}
    by_length = sorted(spelled, key=lambda each: (-len(each), each))
    return re.compile("|".join(_bounded(each) for each in by_length) or "(?!)")


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote_plus(secret), quote(secret), repr(secret)[1:-1],
            json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}  # fmt: skip


def _bounded(spelled: str) -> str:
    pattern = re.escape(spelled)
    is_no_word = len(spelled) >= _SAFE_ANYWHERE and not spelled.isalpha()
    return pattern if is_no_word else rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"


# --- errors ----------------------------------------------------------------------------------------------


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it was raised from or while handling."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        each = todo.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            todo += [each.__cause__, each.__context__, getattr(each, "orig", None)]


def _tells(error: BaseException) -> bool:
    return discreet(str(error)) != str(error)


def _clean(error: BaseException) -> None:
    error.args = tuple(discreet_values(each) for each in error.args)
    if isinstance(error, OSError):
        error.strerror, error.filename = discreet_values(error.strerror), discreet_values(error.filename)
    if isinstance(error, MediameterError):
        error.message, error.remedy = discreet(error.message), discreet(error.remedy)


# --- logs ------------------------------------------------------------------------------------------------


@cache
def _guard_logs() -> None:
    """Every record of every logger of this process, ours or a library's, is made without secrets: message and
    traceback."""
    made = logging.getLogRecordFactory()

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        new = made(*args, **kwargs)
        said = new.getMessage()
        if (safe := discreet(said)) != said:
            new.msg, new.args = safe, ()
        if new.exc_info and new.exc_info[0]:
            new.exc_text = discreet("".join(traceback.format_exception(*new.exc_info)).rstrip("\n"))
        return new

    logging.setLogRecordFactory(record)
