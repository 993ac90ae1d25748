"""The examination as a command shows it: finding by finding, then how many of each verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mediameter.doctor import VERDICTS, Finding, Verdict, examine
from mediameter.doctor.case import Clock
from mediameter.printable import shown

_COLOURS: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "error": "bold red", "skipped": "dim"}
_WIDTH = max(map(len, VERDICTS))
_INDENT = " " * (_WIDTH + 2)


def doctor(path: Path | None, *, clock: Clock, send_test: bool = False) -> Iterator[Finding]:
    """Looks at everything, finding by finding as they come; never raises. See ``mediameter.doctor.examine``."""
    yield from examine(path, clock=clock, send_test=send_test)


def render(findings: Iterable[Finding], console: Console) -> list[Finding]:
    """Prints each finding as soon as it is there, a line each, its remedy below it; returns them all."""
    kept = []
    for finding in findings:
        kept.append(finding)
        for line in _lines(finding):
            console.print(_showable(line, console), soft_wrap=True)
    counts = Counter(finding.verdict for finding in kept)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    console.print(_showable(Text(f"\n{len(kept)} findings: {summary}."), console))
    return kept


def to_dict(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings for a program."""
    kept = list(findings)
    counts = Counter(finding.verdict for finding in kept)
    return {
        "is_sound": not has_error(kept),
        "verdicts": {verdict: counts[verdict] for verdict in VERDICTS},
        "findings": [asdict(finding) for finding in kept],
    }


def has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.verdict == "error" for finding in findings)


def _lines(finding: Finding) -> Iterator[Text]:
    head = Text(finding.verdict.ljust(_WIDTH) + "  ", style=_COLOURS[finding.verdict])
    what = "" if finding.check.endswith(finding.looked_at) else f"{finding.looked_at}: "
    yield head + Text(shown(f"{finding.check}: {what}{finding.found}"), style="default")
    if finding.remedy and finding.verdict != "ok":
        yield Text(shown(f"{_INDENT}-> {finding.remedy}"), style="default")


def _showable(text: Text, console: Console) -> Text:
    """A terminal that knows no UTF-8 is one of the things to be reported: it must not end the report."""
    encoding = console.encoding
    try:
        text.plain.encode(encoding)
    except UnicodeEncodeError:
        text = Text(text.plain.encode(encoding, "backslashreplace").decode(encoding))
    return text
