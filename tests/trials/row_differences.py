"""Two sides of a table, row by row: what differs, in words."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def rows_differ(table: str, key: list[str], told: list[Row], meant: list[Row]) -> list[str]:
    """Each row that only one side has or that says something else, in words."""
    columns = list(meant[0]) if meant else key
    sides = [
        {tuple(row[name] for name in key): {name: row[name] for name in columns} for row in rows}
        for rows in (told, meant)
    ]
    assert [len(side) for side in sides] == [len(told), len(meant)], f"{table}: a key twice"
    texts = []
    for place in sorted(sides[0].keys() | sides[1].keys(), key=str):
        one, other = sides[0].get(place), sides[1].get(place)
        if one is None or other is None:
            texts.append(f"{table}: told {one}, meant {other}")
        elif one != other:
            unlike = {name: (one[name], other[name]) for name in columns if one[name] != other[name]}
            texts.append(f"{table} {place}: (told, meant) {unlike}")
    return texts
