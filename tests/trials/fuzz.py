"""Hostile input for the parser, for as long as one likes: ``python -m tests.trials.fuzz --seconds 300 --seed 1``.

Each object must end in an outcome for every line, the same as the reference's and the same however it is cut into
chunks and blocks, or be refused by name; nothing may crash, hang or take more than a few seconds.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from types import FrameType
from typing import NoReturn

from parsers.access_log import Context, Refused
from tests.trials.agreement import by_the_parser, disagreements
from tests.worlds.log_lines import RAW_KEY_DIALECTS, bent, gzipped, packed, raw_key_line, varied_line

OBJECT_SECONDS = 10
CONTEXT = Context(seed=11, last_modified=datetime(2025, 11, 2, 12, tzinfo=UTC), log_bucket="logs")
_SHOWN = 20


@dataclass(slots=True)
class Tally:
    """What has been tried so far, and what went wrong."""

    objects: int = 0
    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.objects:,} objects, {self.lines:,} lines: {dict(self.outcomes.most_common())}; "
            f"refused {dict(self.refused.most_common())}; {len(self.troubles):,} troubles"
        )


class TooSlow(Exception):
    """An object took longer than ``OBJECT_SECONDS``."""


def fuzz(seconds: float, seed: int, tally: Tally | None = None) -> Tally:
    """Object after object, each from its own seed, so that a trouble can be had again with ``--only``."""
    tally = tally or Tally()
    signal.signal(signal.SIGALRM, _too_slow)
    end = time.monotonic() + seconds
    shown = time.monotonic()
    while time.monotonic() < end and len(tally.troubles) < _SHOWN:
        try_object(seed, tally.objects, tally)
        if time.monotonic() > shown + 20:
            shown = time.monotonic()
            print(f"  {tally}", flush=True)
    return tally


def try_object(seed: int, number: int, tally: Tally) -> None:
    """One object; what goes wrong is told with the numbers that make it again."""
    rng = Random(f"{seed}/{number}")
    data = hostile_object(rng)
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 5, 60))))
    block_bytes = rng.choice((1, 500, 5_000, 70_000, 32 << 20))
    tally.objects += 1
    # Python's own code is interrupted by the alarm; Polars is not, and then the whole process has to end.
    faulthandler.dump_traceback_later(2 * OBJECT_SECONDS, exit=True)
    signal.alarm(OBJECT_SECONDS)
    try:
        troubles = disagreements(data, CONTEXT, cuts, block_bytes)
        count(data, tally)
    except Refused as refused:
        tally.refused[refused.reason] += 1
        return
    except (Exception, TooSlow) as error:
        troubles = [f"{type(error).__name__}: {error}"]
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
    tally.troubles += [f"--seed {seed} --only {number}: {trouble}" for trouble in troubles]


def count(data: bytes, tally: Tally) -> None:
    told = by_the_parser(data, CONTEXT)
    tally.lines += told.lines
    tally.outcomes.update({"PARSED": len(told.parsed)} | told.ignored)
    tally.outcomes.update(reason for reason, *_ in told.rejected.values())


def _too_slow(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TooSlow(f"longer than {OBJECT_SECONDS} s")


# --- objects -----------------------------------------------------------------------------------------


def hostile_object(rng: Random) -> bytes:
    """Mostly lines, clean and bent; sometimes bytes of a broken upload."""
    lines = _lines(rng, rng.choice((1, 3, 10, 40)))
    share = rng.choice((0.1, 0.5, 1.0))
    lines = [bent(rng, each, rng.choice(lines)) if rng.random() < share else each for each in lines]
    if rng.random() < 0.05:
        lines.insert(rng.randrange(len(lines) + 1), _long(rng, rng.choice(lines)))
    data = packed(rng, lines)
    return _broken(rng, data) if rng.random() < 0.1 else data


def _lines(rng: Random, count: int) -> list[bytes]:
    """Of one dialect where the object tells it, as Ceph's and Scality's do; sometimes others among them."""
    dialect = rng.choice(("", "", *RAW_KEY_DIALECTS))
    if not dialect:
        return [varied_line(rng, _moment(rng)) for _ in range(count)]
    others = rng.choice((0, 0, 0.3))
    return [
        varied_line(rng, _moment(rng)) if rng.random() < others else raw_key_line(rng, dialect, _moment(rng))
        for _ in range(count)
    ]


def _moment(rng: Random) -> int:
    """In the day before the object's last-modified; sometimes around the hour after it that a clock may be off."""
    latest = int(CONTEXT.latest.timestamp())
    return latest + rng.randrange(-1, 3) if rng.random() < 0.03 else latest - 3600 - rng.randrange(86_400)


def _long(rng: Random, text: bytes) -> bytes:
    """As long as a line may be, give or take a byte."""
    missing = 65_536 + rng.randrange(-2, 3) - len(text)
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice((b"x", b" ", b'"', b"-", b"[")) * max(0, missing) + text[at:]


def _broken(rng: Random, data: bytes) -> bytes:
    """A stream cut short, with a flipped byte, or with something behind its end."""
    stream = data if data.startswith(b"\x1f\x8b") else gzipped(rng, data)
    at = rng.randrange(len(stream) + 1)
    flipped = stream[:at] + bytes([rng.randrange(256)]) + stream[at + 1 :]
    behind = stream + rng.choice((b"garbage\n", b"\x1f\x8b", gzip.compress(b"", mtime=0), b"\n"))
    return rng.choice((stream[:at], flipped, behind, data[at:], bytes(rng.randrange(256) for _ in range(200))))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one object, to see its trouble again")
    asked = parser.parse_args(arguments)
    tally = Tally()
    if asked.only is None:
        fuzz(asked.seconds, asked.seed, tally)
    else:
        signal.signal(signal.SIGALRM, _too_slow)
        try_object(asked.seed, asked.only, tally)
    print("\n".join([f"seed {asked.seed}: {tally}", *tally.troubles[:_SHOWN]]))
    return bool(tally.troubles)


if __name__ == "__main__":
    sys.exit(main())
