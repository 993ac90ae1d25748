"""When a pass has not done all of its work: what a station's report says, raised as the error that ends the command.

Each takes a report as plain values, since a flow hands those on. All else is done by then: a complaint changes the exit
code or the state of the flow's run, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mediameter.errors import UserError, WorldError


def require_all_read(ingested: Mapping[str, Any]) -> None:
    """Raise ``WorldError`` when sources or objects of an ingest report could not be read, or a listing is not believed:
    the rest is done, but not all. ``UserError`` where settings or rights alone have to be mended."""
    sources: list[str] = ingested["failed_sources"]
    if sources:
        kind = UserError if ingested["refused_sources"] == len(sources) else WorldError
        raise kind(
            f"a source could not be read; its days stay open: {_first_of(sources)}", "the next run tries it again"
        )
    doubted: list[str] = ingested["doubted"]
    if doubted:
        raise WorldError(doubted[0], "nothing of it was read; its days stay open")
    failed: list[str] = ingested["failed"]
    if failed:
        objects = "1 object" if len(failed) == 1 else f"{len(failed):,} objects"
        raise WorldError(
            f"{objects} could not be read, the first: {failed[0]}",
            "the next run tries them again",
        )


def require_all_exported(exported: Mapping[str, Any]) -> None:
    """Raise ``WorldError`` when an application could not be read, or is not believed: the logs are done, but their days
    stay open. ``UserError`` where settings or rights alone have to be mended."""
    failed: list[str] = exported["failed"]
    if failed:
        kind = UserError if exported["refused"] == len(failed) else WorldError
        raise kind(
            f"the application could not be read; its days stay open: {_first_of(failed)}", "the next run tries it again"
        )


def require_all_computed(rolled_up: Mapping[str, Any]) -> None:
    """Raise ``WorldError`` when days of a rollup report could not be computed: all others are done."""
    require_computed(rolled_up["failed"])


def require_computed(failed: Sequence[str]) -> None:
    """Raise ``WorldError`` when there are days that could not be computed, a line each."""
    if failed:
        raise WorldError(
            f"not every day could be computed: {_first_of(failed)}",
            "what could not be computed stays open; the next run tries again",
        )


def require_all_sound(judged: Mapping[str, Any]) -> None:
    """Raise ``WorldError`` when days of a quality report break a critical rule: they are suspect and not final. Also
    when days could not be judged: ``UserError`` where suites alone have to be mended."""
    _require_all_judged(judged["failed"], judged["mistakes"])
    broken = [each for each in judged["broken"] if each["severity"] == "critical"]
    if broken:
        days, first = sorted({each["day"] for each in broken}), broken[0]
        which = days[0] if len(days) == 1 else f"{len(days):,} days ({days[0]} to {days[-1]})"
        raise WorldError(
            f"{which}: a quality rule is broken: {first['suite']}.{first['rule']} on {first['day']}: {first['detail']}",
            f"`mediameter backfill {days[0]}..{days[-1]}` computes and judges the days again; until then they stay"
            " open and suspect",
        )


def _require_all_judged(failed: Sequence[str], mistakes: int) -> None:
    if failed:
        kind = UserError if mistakes == len(failed) else WorldError
        raise kind(
            f"the gate could not judge everything: {_first_of(failed)}",
            "these days stay open; the next run tries again",
        )


def require_rules_understood(checked: Mapping[str, Any]) -> None:
    """Raise ``UserError`` when rules of one's own cannot be understood, ``WorldError`` when a rule could not be judged:
    all is metered, and all other rules judged."""
    failed: list[str] = checked["failed"]
    if failed:
        raise WorldError(_first_of(failed), "all other rules were judged; the next run tries again")
    wrong: list[str] = checked["mistakes"]
    if wrong:
        raise UserError(_first_of(wrong), "everything else was done; `mediameter alerts test` shows the mistake")


def require_all_written_back(written: Mapping[str, Any]) -> None:
    """Raise ``WorldError`` when rows could not be written back to an application: all else is done."""
    failed: list[str] = written["failed"]
    if failed:
        raise WorldError(f"writing back to the application failed: {_first_of(failed)}", "the next run tries it again")


def _first_of(lines: Sequence[str]) -> str:
    return lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1:,} more)"
