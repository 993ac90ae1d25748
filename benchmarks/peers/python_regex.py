"""The script one would write without us: one compiled pattern a line, plain Python, per day and application.

`python python_regex.py PROCESSES FILE...` prints JSON: lines, failed, requests, bytes_sent, and the table it made.
Percentiles are exact, addresses distinct; nothing is kept of a line that the pattern does not match but its number.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HEAD = (
    rb"([^ ]+) ([^ ]+) \[([^: ]+):([^\]]+)\] ([^ ]+) (.+?) ([^ ]+) "
    rb"((?:REST|WEBSITE|SOAP|BATCH|S3)\.[A-Z0-9_.]+) ([^ ]+) "
    rb'("[A-Z]+ [^ ]+ HTTP/[0-9.]+"|"-"|-) ([0-9]{3}|-) ([^ ]+) ([0-9]+|-) ([0-9]+|-) ([0-9]+|-) ([0-9]+|-) '
)
# All fields of the line, as every such script has them.
LINE = re.compile(HEAD + rb'("(.*?)"|-) ("(.*)"|-)(?: ([^"]*))?\r?\n?')
PERCENTILES = (50, 95, 99)


class Group:
    """One day and application."""

    __slots__ = ("addresses", "bytes_sent", "errors", "requests", "total_ms")

    def __init__(self) -> None:
        self.requests = self.bytes_sent = self.errors = 0
        self.total_ms, self.addresses = array("q"), set[bytes]()


def metered(path: str) -> tuple[int, int, dict[tuple[bytes, bytes], Group]]:
    """Lines, lines that did not match, and the groups of one file."""
    groups: dict[tuple[bytes, bytes], Group] = defaultdict(Group)
    lines = failed = 0
    match = LINE.fullmatch
    with Path(path).open("rb") as file:
        for line in file:
            lines += 1
            found = match(line)
            if not found:
                failed += 1
                continue
            (_, _, day, _, address, _, _, _, key, _, status, _, sent, _, total, *_) = found.groups()
            if status == b"-":
                continue  # lifecycle: nobody asked
            group = groups[day, application(key)]
            group.requests += 1
            group.errors += status >= b"400"
            if sent != b"-":
                group.bytes_sent += int(sent)
            if total != b"-":
                group.total_ms.append(int(total))
            group.addresses.add(address)
    return lines, failed, dict(groups)


def application(key: bytes) -> bytes:
    parts = key.split(b"/", 3)
    if len(parts) == 4 and parts[0] == b"files" and b"-" in parts[2]:
        return parts[2].rpartition(b"-")[0]
    return parts[1] if len(parts) == 4 and parts[0] == b"media" else b"unattributed"


def merged(into: dict[tuple[bytes, bytes], Group], groups: dict[tuple[bytes, bytes], Group]) -> None:
    for name, group in groups.items():
        whole = into.setdefault(name, Group())
        whole.requests += group.requests
        whole.errors += group.errors
        whole.bytes_sent += group.bytes_sent
        whole.total_ms += group.total_ms
        whole.addresses |= group.addresses


def row(name: tuple[bytes, bytes], group: Group) -> list[object]:
    times, n = sorted(group.total_ms), len(group.total_ms)
    ranks = [times[-(-n * percent // 100) - 1] for percent in PERCENTILES] if n else []
    day, application = (text.decode() for text in name)
    return [day, application, group.requests, group.bytes_sent, group.errors, *ranks, len(group.addresses)]


def main(processes: int, paths: list[str]) -> None:
    lines = failed = 0
    groups: dict[tuple[bytes, bytes], Group] = {}
    with ProcessPoolExecutor(processes) as pool:
        for some, bad, found in (map if processes == 1 else pool.map)(metered, paths):
            lines, failed = lines + some, failed + bad
            merged(groups, found)
    table = [row(name, group) for name, group in sorted(groups.items())]
    requests, sent = (sum(getattr(group, name) for group in groups.values()) for name in ("requests", "bytes_sent"))
    print(json.dumps({"lines": lines, "failed": failed, "requests": requests, "bytes_sent": sent, "rows": table}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
