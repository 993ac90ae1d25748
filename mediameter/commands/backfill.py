"""`mediameter backfill`: its range in words, and what its report says on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Table

from mediameter.answers import window
from mediameter.numbers import counted
from mediameter.report import words
from mediameter.report.facts import Cost
from mediameter.steps.pass_.words import of_quality
from mediameter.steps.redo.backfill import BackfillReport
from mediameter.steps.redo.difference import DayChange, DayFigures
from mediameter.steps.redo.repricing import WHAT, Waiting


def range_of(text: str, *, today: date) -> tuple[date, date]:
    """First and last day of ``2025-10-01..2025-10-30``, of one day, or of ``last 30d``, which ends today.

    Raises ``UserError`` for anything else.
    """
    return window(text.strip().removeprefix("last").strip(), newest=today)


def render(report: BackfillReport, console: Console) -> None:
    changed = [change for change in report.days if change.is_different]
    if changed:
        console.print(change_table(changed))
        console.print()
    if report.repriced:
        console.print(price_table(report.repriced))
        console.print()
    for line in lines(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def lines(report: BackfillReport) -> list[str]:
    return [_of_objects(report), *_of_what_stays(report), *_of_prices(report), _of_days(report)]


def _of_objects(report: BackfillReport) -> str:
    read, would = report.ingest, "would be " if report.is_dry_run else ""
    fresh, objects = read.objects - read.again, counted(read.listed, "object")
    again = f", {read.again:,} {would}read again" if report.task.reparse else ""
    return f"{report.task}: {objects} listed, {fresh:,} {would}fetched{again}."


def _of_what_stays(report: BackfillReport) -> list[str]:
    read, exported = report.ingest, report.export
    lines = [
        f"Could not be read; the next run tries again: {why}"
        for why in (*read.failed_sources, *read.failed, *exported.failed)
    ]
    lines += [f"Could not be computed: {why}" for why in (*report.failed, *report.afterwards["rollup"].failed)]
    lines += [f"Fewer objects or rows than before, so nothing was changed: {why}" for why in read.doubted]
    lines += [f"Accepted: {what}" for what in (*read.accepted, *exported.accepted)]
    if read.left:
        lines.append(f"{counted(read.left, 'new object')} of other days left to the next run.")
    if report.vanished:
        lines.append(f"{counted(report.vanished, 'object')} no longer in the bucket: their rows stay.")
    lines += of_quality(report.quality, "done")
    if report.refused:
        lines.append(f"Refused, since frozen: {', '.join(map(str, report.refused))}.")
    return lines


def _of_prices(report: BackfillReport) -> list[str]:
    if not report.task.reprice:
        return []
    if not report.repriced:
        return ["No final day of the range keeps an old price."]
    would = "would have" if report.is_dry_run else "have"
    kept = "" if report.is_dry_run else "; both are kept in the table repricings"
    return [f"{counted(len(report.repriced), 'figure')} of final days {would} other prices{kept}."]


def _of_days(report: BackfillReport) -> str:
    would = "would be computed" if report.is_dry_run else "computed"
    changed = sum(change.is_different for change in report.days)
    different = f"{changed:,} of them with other figures" if changed else "all figures as before"
    end = " Nothing was done." if report.is_dry_run else ""
    generated = counted(len(report.generation_days), "day of generations", "days of generations")
    also = f" {generated} {would}." if report.generation_days else ""
    return f"{counted(len(report.days), 'day')} {would}, {different}.{also}{end}"


def change_table(changes: Sequence[DayChange]) -> Table:
    """One row a day."""
    table = _table(("day",), ("requests", "bytes", "cost", "p95 ms"))
    for change in changes:
        pairs = zip(_cells(change.before), _cells(change.after), strict=True)
        table.add_row(str(change.day), *(old if old == new else f"{old} → {new}" for old, new in pairs))
    return table


def price_table(repriced: Sequence[Waiting]) -> Table:
    """One row a day, source and currency."""
    table = _table(("day", "source", "what", "currency"), ("with its price", "with today's"))
    for figure in sorted(repriced, key=lambda figure: (figure.day, figure)):
        table.add_row(str(figure.day), figure.source, WHAT[figure.kind], figure.currency, *figure.told)
    return table


def _table(names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(figures: DayFigures | None) -> tuple[str, str, str, str]:
    if figures is None:
        return (words.ABSENT,) * 4
    cost = words.cost(Cost(figures.cost_micros, figures.unpriced_bytes))
    return words.count(figures.requests), words.count(figures.bytes_sent), cost, words.count(figures.p95_ms)
