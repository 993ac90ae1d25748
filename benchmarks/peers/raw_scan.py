"""The bound: Polars' own CSV reader over a log whose odd lines were taken out, words and numbers and no check at all.

`python raw_scan.py THREADS FILE...` prints JSON: lines, requests, bytes_sent.
Like ours it makes a frame of each object and drops it.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import polars as pl

NUMBERS = ("status", "sent", "size", "total", "turn_around")
HEAD = ("owner", "bucket", "date", "zone", "address", "requester", "request_id", "operation", "key", "uri")
BLOCK = ("status", "error", "sent", "size", "total", "turn_around")
AGENTS = ("referer", "agent")
TAIL = ("version", "host_id", "signature", "cipher", "authentication", "host", "tls", "access_point")
SCHEMA = {word: pl.Int64() if word in NUMBERS else pl.String() for word in HEAD + BLOCK + AGENTS + TAIL}


def scanned(path: str) -> tuple[int, int, int]:
    scan = pl.scan_csv(path, separator=" ", quote_char='"', has_header=False, schema=SCHEMA, null_values="-")
    frame = scan.collect()
    return frame.height, frame.height - frame["status"].null_count(), int(frame["sent"].sum())


def main(threads: int, paths: list[str]) -> None:
    with ThreadPoolExecutor(threads) as pool:
        lines, requests, sent = map(sum, zip(*pool.map(scanned, paths), strict=True))
    print(json.dumps({"lines": lines, "requests": requests, "bytes_sent": sent}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
