"""A message: a title, a few named lines, and the same as plain values for a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mediameter.alerts.wording import harmless, link, plain

Severity = Literal["critical", "warning", "info"]
LINKS = frozenset({"Run", "Runbook", "Report"})
"""Names of the lines whose text is an address of ours, to be followed; in all others no link can be followed."""

_TYPES = {"critical": "failure", "warning": "warning", "info": "info"}
_KEY = re.compile(r"[\x21-\x7e]{1,64}")  # it travels in a header
_LONGEST_FINGERPRINT = 128


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A receiver that has seen ``key`` already need not act again; ``fingerprint`` is the incident that it
    is about, if any: of one incident, no message overtakes an earlier one. ``is_resolved`` says that all is well again.
    ``heard``: severities as which it was told before: channels that want one of these get this message, too.

    Raises ``ValueError`` for a key that is not 1 to 64 printable ASCII characters without blanks, or a fingerprint of
    more than 128 characters.
    """

    key: str
    severity: Severity
    title: str
    lines: tuple[tuple[str, str], ...] = ()
    fingerprint: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    is_resolved: bool = False
    heard: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is no key of a message")
        if len(self.fingerprint) > _LONGEST_FINGERPRINT:
            raise ValueError(f"a fingerprint has at most {_LONGEST_FINGERPRINT} characters")

    @property
    def type(self) -> str:
        """As Apprise calls it: success, failure, warning or info."""
        return "success" if self.is_resolved else _TYPES[self.severity]

    def head(self) -> str:
        """The title, harmless."""
        return harmless(self.title)

    def body(self) -> str:
        """One escaped line for each entry with a text, and the key."""
        return "\n".join(f"{name}: {text}" for name, text in self.told())

    def told(self) -> list[tuple[str, str]]:
        """The escaped lines that have a text; the last one is the key."""
        named = [(harmless(name), link(text) if name in LINKS else harmless(text)) for name, text in self.lines if text]
        return [*named, ("Key", self.key)]

    def payload(self) -> str:
        """The message as JSON: what an outbox keeps and a webhook gets. The same message gives the same text."""
        content = {
            "version": 1,
            "key": self.key,
            "severity": self.severity,
            "type": self.type,
            "is_resolved": self.is_resolved,
            "title": self.head(),
            "message": self.body(),
            "lines": self.told()[:-1],
            "fingerprint": self.fingerprint,
            "data": plain(dict(self.data)),
        }
        return json.dumps(content, sort_keys=True, allow_nan=False)


def from_payload(payload: str) -> Message:
    """The message that ``Message.payload`` wrote."""
    content = json.loads(payload)
    return Message(
        key=content["key"],
        severity=content["severity"],
        title=content["title"],
        lines=tuple((name, text) for name, text in content["lines"]),
        fingerprint=content["fingerprint"],
        data=content["data"],
        is_resolved=content["is_resolved"],
    )
