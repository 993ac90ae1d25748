"""Generating systems in the terminal's summary."""

from __future__ import annotations

from mediameter.report import words
from mediameter.report.generated import Generated, MadeDay
from mediameter.report.generated_tables import KINDS, amount, cost, signed


def lines(generated: Generated, most_days: int, most_models: int) -> list[str]:
    """The newest days, the models with the most generations, and the money, in one line each."""
    told = [
        f"{row.day}  {row.generations:>7,} generations  {row.completed:>7,} completed  {row.failed:>5,} failed"
        f" ({words.rate(row.failed, row.completed + row.failed)})  {_users(row, generated)}"
        for row in generated.days[-most_days:]
    ]
    if len(generated.systems) > 1:
        told += [
            f"{words.visible(row.source, 24):<24}  {row.generations:>7,} generations  {row.completed:>7,} completed"
            f"  {row.first_day} to {row.last_day}"
            for row in generated.systems
        ]
    for row in generated.models[:most_models]:
        told.append(
            f"{words.visible(row.model, 24):<24}  {row.generations:>7,} generations"
            f"  {words.count(row.average_ms):>9} ms in the mean  cost {cost(row)}"
        )
    told += [f"{KINDS[row.kind]}: {amount(row)} {words.visible(row.currency)}".rstrip() for row in generated.money]
    told += [f"margin: {signed(micros)} {words.visible(currency)}" for currency, micros in generated.margins]
    return told


def _users(day: MadeDay, generated: Generated) -> str:
    """By system, where there are several: distinct users have no sum."""
    counts = [(system.source, day.active_users.get(system.source, 0)) for system in generated.systems]
    if len(counts) == 1:
        return f"{counts[0][1]:>5,} users"
    return ", ".join(f"{count:,} users of {words.visible(source, 24)}" for source, count in counts)
