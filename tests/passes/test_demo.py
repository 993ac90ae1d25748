"""The showcase fits on a screen, says why a day is suspect and what fires in words, and does not repeat itself."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mediameter.commands.demo import demo

pytestmark = pytest.mark.usefixtures("plain_gate")


def _said(folder: Path, **how: bool) -> list[str]:
    out = io.StringIO()
    assert demo(folder, 7, 2, "small", False, Console(file=out, width=160), **how) == 0
    return out.getvalue().splitlines()


def test_one_screen_then_nothing_new_and_all_on_demand(tmp_path: Path) -> None:
    first = _said(tmp_path)
    assert len(first) <= 42
    suspect = [line for line in first if " is suspect: " in line]
    assert suspect and all("refused as a whole" in line or "rejected" in line for line in suspect)
    assert any(line.startswith(("  critical: ", "  warning: ")) and "limit" in line for line in first)
    assert "Checked against the known truth: every figure agrees." in first
    again = _said(tmp_path)
    assert len(again) < 15 and not any("Days, all applications" in line for line in again)
    assert len(_said(tmp_path, is_verbose=True)) > 60
