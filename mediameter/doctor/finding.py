"""What a check says: what was looked at, how it is, what was found, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "error", "skipped"]
VERDICTS: tuple[Verdict, ...] = ("ok", "warning", "error", "skipped")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``error``: a run fails or its figures are wrong; ``warning``: something is lost
    or soon will be; ``skipped``: it could not or need not be looked at. All but ``ok`` say why, and name a remedy
    where there is one."""

    check: str
    looked_at: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(looked_at: str, found: str) -> Finding:
    return Finding("", looked_at, "ok", found)


def warning(looked_at: str, found: str, remedy: str) -> Finding:
    return Finding("", looked_at, "warning", found, remedy)


def error(looked_at: str, found: str, remedy: str) -> Finding:
    return Finding("", looked_at, "error", found, remedy)


def skipped(looked_at: str, found: str, remedy: str = "") -> Finding:
    return Finding("", looked_at, "skipped", found, remedy)
