"""Our parser alone, over objects side by side as `ingest` does it: bytes to frames and rejects, on request to Parquet.

`python -m benchmarks.parse THREADS PARQUET_FOLDER|- FILE...` prints JSON: what became of the lines.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from parsers.access_log import Context, Piece, parse_pieces, read_blocks

CHUNK = 4 << 20


def parsed(folder: Path | None, path: Path) -> Counter[str]:
    """What became of one object's lines."""
    context = Context(seed=1, last_modified=datetime.fromtimestamp(path.stat().st_mtime, UTC))
    counts: Counter[str] = Counter()
    with path.open("rb") as file:
        for number, block in enumerate(read_blocks(iter(partial(file.read, CHUNK), b""))):
            found = parse_pieces([Piece.of(1, block, context)])
            if folder:
                found.frame.write_parquet(folder / f"{path.name}-{number}", compression="zstd", compression_level=1)
            counts["lines"] += sum(found.lines.values())
            counts["ignored"] += sum(sum(reasons.values()) for reasons in found.ignored.values())
            counts["rejected"] += found.rejects.height
            counts["parsed"] += found.frame.height
            counts["requests"] += found.frame["http_status"].count()
            counts["bytes_sent"] += int(found.frame["bytes_sent"].sum())
    return counts


def main(threads: int, folder: Path | None, paths: list[Path]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(sum(pool.map(partial(parsed, folder), paths), Counter())))


if __name__ == "__main__":
    out = None if sys.argv[2] == "-" else Path(sys.argv[2])
    main(int(sys.argv[1]), out, [Path(path) for path in sys.argv[3:]])
