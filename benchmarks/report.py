"""What was measured, as a table and as JSON: usages, ratios beside their targets, differences between the peers."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, Usage


@dataclass(frozen=True, slots=True)
class Line:
    """One measured command. ``size``: bytes of log that it read."""

    section: str
    name: str
    size: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Finding:
    """A ratio or a figure beside its target. ``goal``: what is aimed at beyond it. No target: it is only told."""

    what: str
    value: float
    unit: str = "x"
    least: float | None = None
    most: float | None = None
    goal: float | None = None

    @property
    def verdict(self) -> str:
        if self.least is None and self.most is None:
            return ""
        is_met = self.value >= self.least if self.least is not None else self.value <= (self.most or 0)
        if is_met and self.goal is not None:
            return "goal met" if self.value >= self.goal else "met"
        return "met" if is_met else "MISSED"

    @property
    def target(self) -> str:
        bound = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}" if self.most is not None else ""
        return f"{bound} ({self.goal:g})" if self.goal is not None else bound


@dataclass(slots=True)
class Report:
    """All that a run of the benchmarks found."""

    mb: int
    repeat: int
    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, section: str, cases: list[Case], usages: dict[str, Usage]) -> None:
        self.lines += [Line(section, case.name, case.size, usages[case.name]) for case in cases]

    def find(self, what: str, value: float, **target: Any) -> None:
        self.findings.append(Finding(what, value, **target))

    @property
    def is_true(self) -> bool:
        """No figure of ours differs from the truth."""
        return not any(note.startswith("WRONG") for note in self.notes)

    def write(self, path: Path) -> None:
        findings = [asdict(finding) | {"verdict": finding.verdict} for finding in self.findings]
        about = {
            "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "machine": machine(),
            "mb": self.mb,
            "repeat": self.repeat,
        }
        told = {**about, "lines": [asdict(line) for line in self.lines], "findings": findings, "notes": self.notes}
        path.write_text(json.dumps(told, indent=1) + "\n")

    def table(self) -> str:
        texts = [f"{self.mb} MB of log, medians of {self.repeat}, {machine()}", *self._usages(), "", *self._targets()]
        return "\n".join([*texts, "", *self.notes])

    def _usages(self) -> list[str]:
        texts, section = [], ""
        for line in self.lines:
            if line.section != section:
                section = line.section
                texts += ["", f"{section:<44}{'wall s':>9}{'CPU s':>9}{'MB/s':>9}{'lines/s':>12}{'peak MB':>9}"]
            usage, count = line.usage, line.usage.said.get("lines")
            pace = f"{count / usage.wall_s:>12,.0f}" if count and line.size else " " * 12
            speed = f"{line.size / 1e6 / usage.wall_s:>9,.0f}" if line.size else " " * 9
            texts.append(f"  {line.name:<42}{usage.wall_s:>9.2f}{usage.cpu_s:>9.2f}{speed}{pace}{usage.peak_mb:>9,.0f}")
        return texts

    def _targets(self) -> list[str]:
        texts = [f"{'target (goal)':<58}{'measured':>12}{'target':>16}  verdict"]
        for finding in self.findings:
            value = f"{finding.value:,.2f} {finding.unit}"
            texts.append(f"  {finding.what:<56}{value:>12}{finding.target:>16}  {finding.verdict}")
        return texts


def machine() -> str:
    """The class of the machine, not its name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
