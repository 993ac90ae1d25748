"""Texts of unknown origin, made fit to be told: one line each, no secrets, nothing that a chat would act upon."""

from __future__ import annotations

import re
from typing import Any

from mediameter.discretion import discreet

LONGEST_FIELD = 400  # characters; chat services cut long messages at places of their own choosing
_LONGEST_READ = 10 * LONGEST_FIELD  # bounds the search for secrets in an exception of megabytes

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # As far as the last @ of the word: a password may hold / and @ itself.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)\S*@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "***"),
    (re.compile(r"(?i)(https://hooks\.[\w.-]+)/\S+"), r"\1/***"),
    (re.compile(r"""(?i)(\b[\w-]*key["']?\s*=\s*)("[^"]*"|'[^']*'|[^\s&"']+)"""), r"\1***"),
    (
        re.compile(
            r"""(?i)([\w-]*(?:token|secret|passw(?:or)?d|passphrase|pwd|signature|credential|api[_-]?key)s?["']?\s*[=:]\s*)"""
            r"""("[^"]*"|'[^']*'|[^\s&"']+)"""
        ),
        r"\1***",
    ),
    # Whose mail address it is, is nobody's business. Bounded: what stands before an @ may be a megabyte.
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?=[\w-]+\.\w)"), "***@"),
)
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_LINK = re.compile(r"(?i)\bhttps?:(?=//)|\bwww\.(?=\w)")


def without_secrets(text: str) -> str:
    """The text without the secrets of the settings, and without what looks like a secret or a mail address."""
    text = discreet(text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """The text on one line, without secrets, without what chat services take for a mention of all or a tag."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = without_secrets(" ".join(text.split())[:_LONGEST_READ])
    text = text.replace("<", "‹").replace(">", "›")
    text = re.sub(r"@(?=(?:everyone|here|channel|all)\b)", "@ ", text)
    return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"


def harmless(text: str) -> str:
    """``one_line``, whose links cannot be followed and whose mentions call nobody: what comes out of logs and
    databases may have been written by anybody."""
    text = _LINK.sub(r"\g<0> ", _MENTION.sub("@ ", one_line(text)))
    return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"


def link(text: str) -> str:
    """An address of ours that is to be followed; anything else becomes ``harmless``."""
    is_link = re.fullmatch(r"https?://[^\s<>@]{1,300}", text) is not None
    return without_secrets(text) if is_link else harmless(text)


def plain(value: Any) -> Any:
    """What JSON can hold, its texts without secrets. Raises ``TypeError`` for what it cannot hold."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        return without_secrets(value[:_LONGEST_READ])
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no plain value")


_INLINE_MARKUP = re.compile(r"([\\`*_~|\[\]()])")


def escaped_markdown(text: str) -> str:
    """The text for a service that takes all it gets for Markdown. Lines begin with words of ours, so only what has a
    meaning within a line is escaped."""
    return _INLINE_MARKUP.sub(r"\\\1", text)
