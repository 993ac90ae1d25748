"""How checks are run: one after the other, each under its time limit, whatever became of those before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mediameter.doctor.finding import Finding, error, skipped
from mediameter.errors import MediameterError

Subject = TypeVar("Subject")
FAULT = "if that says nothing to you, it is a fault of mediameter's: please report it"


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """``look`` gives the findings. After an error of a check that it ``needs`` it is skipped. ``if_late`` is the remedy
    where it has not ended within ``limit_s`` seconds."""

    name: str
    look: Callable[[Subject], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    limit_s: float = 15.0
    if_late: str = "see whether the network, the disk or the server behind it hangs"


def run(checks: Sequence[Check[Subject]], subject: Subject, room: str = "") -> Iterator[Finding]:
    """Every finding of every check. ``room`` leads their names, as in ``sources.ovh.list``."""
    broken: dict[str, str] = {}  # what has failed, or was skipped for it, and the check at fault
    for check in checks:
        at_fault = next((broken[name] for name in check.needs if name in broken), "")
        if at_fault:
            findings = [skipped(check.name, f"not looked at, after the error of {at_fault}")]
        else:
            findings = _within_its_time(check, subject)
        if at_fault or any(finding.verdict == "error" for finding in findings):
            broken[check.name] = at_fault or check.name
        for finding in findings:
            yield replace(finding, check=f"{room}.{check.name}" if room else check.name)


def _within_its_time(check: Check[Subject], subject: Subject) -> list[Finding]:
    """A check that hangs is left behind in a daemon: a pool would wait for it at exit."""
    findings: list[Finding] = []

    def look() -> None:
        try:
            for finding in check.look(subject):
                findings.append(finding)
        except MediameterError as trouble:
            findings.append(error(check.name, trouble.message, trouble.remedy))
        except Exception as trouble:  # whatever it is, it must not keep the other checks from running
            words = str(trouble) or "no message"
            findings.append(error(check.name, f"{type(trouble).__name__}: {words}", FAULT))

    thread = threading.Thread(target=look, name=f"doctor {check.name}", daemon=True)
    thread.start()
    thread.join(check.limit_s)
    if thread.is_alive():
        return [*findings, error(check.name, f"no answer within {check.limit_s:g} s", check.if_late)]
    return findings
