"""Rows put away in parts and taken out again one part at a time: what is together larger than memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl


class Partitions:
    """Rows of one schema in so many parts: equal values of a column are in one part, which one is nobody's business.

    One part stays in memory; several are files whose names begin so. A class for its state: what has been put where.
    """

    def __init__(self, begin: Path, count: int, schema: Mapping[str, pl.DataType]) -> None:
        self.begin, self.count, self.schema = begin, count, schema
        self._held: list[pl.DataFrame] = []
        self._files: dict[int, list[Path]] = {number: [] for number in range(count)}

    def put(self, rows: pl.DataFrame, *, by: str) -> None:
        """Puts rows away by the values of a column, which is not kept unless the schema has it."""
        if self.count == 1:
            self._held.append(rows.select(*self.schema))
            return
        part_of = (pl.col(by).hash() % self.count).alias("_part")
        for (number,), part in rows.with_columns(part_of).partition_by("_part", as_dict=True).items():
            path = self.begin.with_name(f"{self.begin.name}-{number}-{len(self._files[number])}.parquet")
            part.select(*self.schema).write_parquet(path, compression="lz4", statistics=False)
            self._files[number].append(path)

    def take(self, number: int) -> pl.DataFrame:
        """The rows of one part, in any order; they can be taken once."""
        frames, self._held = self._held, []
        paths, self._files[number] = self._files[number], []
        for path in paths:
            frames.append(pl.read_parquet(path))
            path.unlink()
        return pl.concat([pl.DataFrame(schema=self.schema), *frames])
