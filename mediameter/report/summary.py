"""The figures in the terminal: what a run ends with. Reads at 100 columns, and as well without colours.

Nothing from the logs is taken for markup: every cell is a plain ``Text``, in which whatever could steer the
terminal is made visible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import accumulate

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mediameter.report import summary_generated, words
from mediameter.report.facts import Check, Cost, Figures, Reject, Traffic
from mediameter.report.sentences import (
    check_name,
    limit,
    outcome,
    phrase,
    price,
    reason,
    reconciled,
    validity,
    warnings,
)
from schemas.vocabulary import ALL, VERDICTS

SHOWN_DAYS = 14
MOST_ROWS = 40
MOST_APPLICATIONS = 8
STYLES = {
    "ok": "green",
    "warning": "yellow",
    "critical": "bold red",
    "not_yet_knowable": "cyan",
    "too_few": "dim",
    "not_available": "dim",
    "open": "cyan",
    "final": "green",
    "frozen": "green",
    "suspect": "yellow",
    "rejected": "yellow",
}


def render(figures: Figures, console: Console) -> None:
    """Prints the summary: at most the last 14 days a table, and what is left out."""
    if not figures.known_days:
        console.print(Text("Nothing to show: the warehouse holds no day in this range."))
        return
    _header(figures, console)
    _days(figures, console)
    _applications(figures, console)
    _days_and_applications(figures, console)
    _merged(figures, console)
    _generated(figures, console)
    _checks(figures, console)
    _rejects(figures, console)
    _completeness(figures, console)
    _cost(figures, console)


def brief(figures: Figures, console: Console) -> None:
    """Days, applications, cost, and why a day is suspect: what fits on one screen. ``render`` has all."""
    if not figures.known_days:
        console.print(Text("Nothing to show: the warehouse holds no day in this range."))
        return
    _header(figures, console)
    _days(figures, console)
    _applications(figures, console)
    made = figures.generated
    also = f" · {made.generations:,} generations by {words.counted(len(made.systems), 'system')}" if made else ""
    console.print(Text.assemble("\n", ("Cost: ", "bold"), words.cost(figures.whole.cost), also))


# --- the parts -------------------------------------------------------------------------------------
def _header(figures: Figures, console: Console) -> None:
    first, last = figures.known_days[0], figures.known_days[-1]
    lines = words.counted(sum(row.lines for row in figures.days), "line")
    days = words.counted(len(figures.known_days), "day")
    complete = len(figures.known_days) - len(figures.open_days)
    console.print(Text(f"{days}, {first} to {last} ({figures.zone})", style="bold"))
    console.print(
        Text(
            f"{lines} of access log · {complete:,} of {days} complete, "
            f"all logs in through {words.instant(figures.complete_through_at)}"
        )
    )
    for warning in warnings(figures):
        console.print(Text(warning, style="yellow"))


def _days(figures: Figures, console: Console) -> None:
    rows = figures.totals[-SHOWN_DAYS:]
    table = _table("Days, all applications", ("day", "state"), _measure_heads(figures))
    for row in rows:
        _add(table, str(row.day), _word(figures.state_of(row.day)), *_cells(row, figures))
    console.print(table)
    _left_out(len(figures.totals) - len(rows), "earlier day", console)
    if figures.whole.cost.unpriced_bytes:
        _aside("cost n/a or +: bytes that no price card covers; their cost is not available, not 0", console)
    if any(row.audience and row.audience.is_behind_cdn for row in figures.traffic):
        _aside("* behind a CDN: the addresses are its edges, not the viewers'", console)


def _applications(figures: Figures, console: Console) -> None:
    heads = ("requests", "deliveries", "GB", _cost_head(figures), "errors", "rate", "p95 ms*", "addr.*")
    table = _table("Applications, whole range", ("application",), heads)
    shown = figures.applications[:MOST_ROWS]
    for row in (*shown, figures.whole):
        _add(
            table,
            "all" if row.name == ALL else words.visible(row.name, 24),
            words.count(row.requests),
            words.count(row.deliveries),
            words.gigabytes(row.bytes_sent),
            _cost_cell(row.cost, figures),
            words.count(row.errors),
            words.rate(row.errors, row.requests),
            words.count(row.highest_p95_ms),
            words.count(row.most_addresses),
        )
    console.print(table)
    _left_out(len(figures.applications) - len(shown), "smaller application", console)
    _aside("* of the highest day: percentiles and distinct addresses cannot be summed", console)


def _days_and_applications(figures: Figures, console: Console) -> None:
    """As many of the newest days as make a table that is still read; at least one."""
    rank = {row.name: place for place, row in enumerate(figures.applications)}
    by_day: dict[date, list[Traffic]] = {}
    for row in sorted(figures.traffic, key=lambda row: rank[row.application]):
        by_day.setdefault(row.day, []).append(row)
    newest = sorted(by_day, reverse=True)[:SHOWN_DAYS]
    heights = accumulate(min(len(by_day[day]), MOST_APPLICATIONS) for day in newest)
    shown = [day for day, height in zip(newest, heights, strict=True) if day == newest[0] or height <= MOST_ROWS]
    table = _table("Days and applications", ("day", "application"), _measure_heads(figures))
    for day in reversed(shown):
        rows = by_day[day]
        for place, row in enumerate(rows[:MOST_APPLICATIONS]):
            _add(table, str(day) if place == 0 else "", words.visible(row.application, 14), *_cells(row, figures))
        if len(rows) > MOST_APPLICATIONS:
            _add(table, "", f"+ {len(rows) - MOST_APPLICATIONS:,} smaller")
    console.print(table)
    _left_out(len(by_day) - len(shown), "earlier day", console)


def _merged(figures: Figures, console: Console) -> None:
    """Each day's agreement, the newest one's sentence, and why the rest does not agree."""
    if figures.merged is None:
        return
    heads = ("requests", "with event", "events", "delivered", "GB", "GB by app", "unexplained", "agree")
    table = _table("Log and application", ("day",), heads)
    days = figures.merged.days[-SHOWN_DAYS:]
    for row in days:
        matched = (words.rate(row.matched_requests, row.log_requests), words.rate(row.matched_events, row.app_events))
        sizes = (words.gigabytes(row.log_bytes), words.gigabytes(row.app_bytes))
        counts = (words.count(row.log_requests), matched[0], words.count(row.app_events), matched[1])
        _add(table, str(row.day), *counts, *sizes, words.share(row.unexplained_share), reconciled(row))
    console.print(table)
    _left_out(len(figures.merged.days) - len(days), "earlier day", console)
    if newest := figures.merged.newest:
        _aside(f"{newest.day}: {newest.sentence}", console)
    for found in figures.merged.by_reason:
        counted = f"{found.requests:>9,} requests  {found.events:>7,} events"
        _aside(f"{counted}  {outcome(found)}: {reason(found)}", console)


def _generated(figures: Figures, console: Console) -> None:
    if figures.generated is not None:
        console.print(Text("\nGenerations", style="bold"))
        for line in summary_generated.lines(figures.generated, SHOWN_DAYS, MOST_APPLICATIONS):
            console.print(Text(f"  {line}"))


def _checks(figures: Figures, console: Console) -> None:
    """How often each verdict was given, and what fired."""
    given: dict[str, list[Check]] = {}
    for check in figures.checks:
        given.setdefault(check_name(check), []).append(check)
    table = _table("Checks, days per verdict", ("check",), ("limit", *(phrase(verdict) for verdict in VERDICTS)))
    for name, checks in given.items():
        days = Counter(check.verdict for check in checks)
        counts = [Text(words.count(days[verdict]), STYLES[verdict] if days[verdict] else "dim") for verdict in VERDICTS]
        _add(table, words.visible(name, 24), limit(checks[-1]), *counts)
    console.print(table if given else Text("\nNo check has run."))
    fired = [check for check in figures.checks if check.verdict in ("critical", "warning")]
    for check in fired[-SHOWN_DAYS:]:
        console.print(_fired(check))
    _left_out(len(fired) - SHOWN_DAYS, "earlier one that fired", console, "earlier ones that fired")


def _fired(check: Check) -> Text:
    value, limit = words.beside(check.value, check.threshold, check.unit)
    told = f"{value}, limit {limit}, {words.counted(check.sample, 'request')}"
    verdict = (f"{check.verdict:<8}", STYLES[check.verdict])
    return Text.assemble(f"  {check.day}  ", verdict, f"  {words.visible(check_name(check), 30)}: {told}")


def _rejects(figures: Figures, console: Console) -> None:
    lines, rejected = (
        sum(row.lines for row in figures.days), sum(row.lines for row in figures.rejects if not row.is_event)
    )  # fmt: skip
    told = f"{words.counted(rejected, 'line')} of {lines:,} ({words.rate(rejected, lines)}), one of each reason"
    console.print(Text(f"\nRejects: {told if rejected else 'none'}", style="bold"))
    _rejected([row for row in figures.rejects if not row.is_event], console)
    if events := [row for row in figures.rejects if row.is_event]:
        told = words.counted(sum(row.lines for row in events), "event")
        console.print(Text(f"Of event files: {told}, one of each reason", style="bold"))
        _rejected(events, console)
    for refusal in figures.refusals:
        objects = words.counted(refusal.objects, "object")
        _example(
            f"  refused  {refusal.reason}, {objects}", _file_name(refusal.object_key), refusal.detail or "", console
        )
    if figures.ignored_log_bucket:
        _aside(f"the log bucket's own records are left out: {figures.ignored_log_bucket:,}", console)


def _rejected(rejects: list[Reject], console: Console) -> None:
    for row in rejects:
        place = f"{_file_name(row.object_key)}, line {row.line_number:,}"
        _example(f"{row.lines:>9,}  {row.reason}", place, row.example, console)


def _example(what: str, place: str, shown: str, console: Console) -> None:
    console.print(Text.assemble((what, STYLES["rejected"]), f"  {place}"))
    console.print(Text(f"           {words.visible(shown, 88)}", style="dim"))


def _file_name(object_key: str) -> str:
    return words.visible(object_key.rpartition("/")[2], 48)


def _completeness(figures: Figures, console: Console) -> None:
    newest = sorted({row.day for row in figures.completeness})[-SHOWN_DAYS:]
    has_sources = len({row.source for row in figures.days}) > 1  # one source's name would only take room
    names = ("day", "source", "state", "complete through") if has_sources else ("day", "state", "complete through")
    heads = ("objects", "lines", "parsed", "ignored", "rejected", "duplicates")
    table = _table("How complete each day is", names, heads)
    table.columns[len(names) - 1].min_width = len("2026-01-01 00:00")
    for row in figures.completeness:
        if row.day in newest:
            source = (words.visible(row.source, 12),) if has_sources else ()
            state = _word("suspect", f"{row.state}, suspect") if row.is_suspect else _word(row.state)
            through = words.instant(row.complete_through_at).removesuffix(" UTC")
            numbers = (row.objects, row.lines, row.parsed, row.ignored, row.rejected, row.duplicates)
            _add(table, str(row.day), *source, state, through, *(words.count(number) for number in numbers))
    console.print(table)
    _left_out(len({row.day for row in figures.completeness}) - len(newest), "earlier day", console)
    _aside("instants are UTC; lines = parsed + ignored + rejected; duplicates are parsed, but count once", console)
    for row in figures.days:
        if row.day in newest and (more := words.not_counted(row)):
            _aside(f"{row.day} {words.visible(row.source, 12)}: {words.gigabytes(row.bytes_sent)} GB, {more}", console)


def _cost(figures: Figures, console: Console) -> None:
    console.print(Text.assemble("\n", ("Cost: ", "bold"), words.cost(figures.whole.cost)))
    if not figures.prices:
        _aside("no price card covers these days; add one under [[prices]] in mediameter.toml", console)
    for card in figures.prices:
        _aside(f"{price(card)}, {validity(card)}: {words.visible(card.citation)}", console)
    if kept := words.kept_prices(figures.days_with_kept_prices):
        _aside(kept, console)


# --- tables and cells ------------------------------------------------------------------------------
def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """Names to the left, numbers to the right. What does not fit is folded, never cut: half a number is a lie."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=0)
    table.show_edge = False
    for name in names:
        table.add_column(name, overflow="fold", header_style="dim")
    for name in numbers:
        table.add_column(name, justify="right", overflow="fold", header_style="dim")
    return table


def _measure_heads(figures: Figures) -> tuple[str, ...]:
    return ("requests", "deliver.", "GB", _cost_head(figures), "errors", "rate", "p50 ms", "p95", "p99", "addr.")


def _cells(row: Traffic, figures: Figures) -> list[str]:
    percentiles = [getattr(row.response, name) if row.response else None for name in ("p50_ms", "p95_ms", "p99_ms")]
    audience = row.audience
    return [
        words.count(row.requests),
        words.count(row.deliveries),
        words.gigabytes(row.bytes_sent),
        _cost_cell(row.cost, figures),
        words.count(row.errors),
        words.rate(row.errors, row.requests),
        *(words.count(value) for value in percentiles),
        f"{words.count(audience.unique_addresses)}{'*' if audience.is_behind_cdn else ''}"
        if audience
        else words.ABSENT,
    ]


def _cost_head(figures: Figures) -> str:
    """One currency is said once, over its column."""
    return words.visible(figures.currencies[0], 8) if len(figures.currencies) == 1 else "cost"


def _cost_cell(cost: Cost, figures: Figures) -> str:
    """``+`` where bytes without a price come on top."""
    if not cost.is_available:
        return "n/a" if cost.unpriced_bytes else words.ABSENT
    more = "+" if cost.unpriced_bytes else ""
    if len(figures.currencies) == 1:
        return "".join(words.money(micros) for micros in cost.micros.values()) + more
    return "\n".join(f"{words.money(micros)} {words.visible(name, 8)}" for name, micros in cost.micros.items()) + more


def _add(table: Table, *cells: str | Text) -> None:
    """As plain text: what a log holds is never taken for rich's own markup."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))


def _word(name: str, said: str = "") -> Text:
    return Text(said or phrase(name), style=STYLES.get(name, ""))


def _left_out(number: int, one: str, console: Console, many: str = "") -> None:
    if number > 0:
        _aside(f"{words.counted(number, one, many)} left out; the HTML report has more", console)


def _aside(told: str, console: Console) -> None:
    console.print(Text(f"  {told}", style="dim"))
