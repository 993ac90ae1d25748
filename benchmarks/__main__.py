"""`make bench`: how fast, in how much memory, beside whom. README.md says what is measured and how to read it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Report
from benchmarks.sections import SECTIONS, Bench, warm


def main() -> int:
    """0 when every figure of ours is true, however fast or slow; 1 when one is not."""
    asked = _arguments()
    report = Report(asked.mb, asked.repeat)
    kept = asked.folder or Path(tempfile.gettempdir()) / "mediameter-bench"
    kept.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=kept))  # its own: another run may be at work beside it
    bench = Bench(kept, work, asked.mb, asked.repeat, asked.seed, asked.full, not asked.no_install, report, _tell)
    try:
        warm(bench)
        for name in asked.only or SECTIONS:
            SECTIONS[name](bench)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _tell("")
    print(report.table())
    if asked.json:
        report.write(asked.json)
    return 0 if report.is_true else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--mb", type=int, default=1000, help="size of the log; 50 is a smoke run (default: 1000)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, of which the median counts (default: 3)")
    parser.add_argument("--seed", type=int, default=7, help="another seed makes another log")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--full", action="store_true", help="scaling up to 64 times a tenth of the log")
    parser.add_argument("--no-install", action="store_true", help="do without peers that are not there")
    parser.add_argument("--folder", type=Path, help="where logs are kept (default: below the temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    return parser.parse_args()


def _tell(what: str) -> None:
    """One line on the terminal that the next one overwrites; in a file, a line each."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
    elif what:
        print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
