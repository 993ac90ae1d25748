"""The questions: each makes its cases, measures them interleaved, and adds lines and findings to the report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import log
from benchmarks.job import Job
from benchmarks.log import Log, Truth
from benchmarks.measure import Case, Usage, interleaved, measured
from benchmarks.peers import found
from benchmarks.report import Report

PEERS = Path(__file__).parent / "peers"
IDLE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Bench:
    """What all sections need. ``kept``: logs and environments, for the next run; ``work``: thrown away afterwards."""

    kept: Path
    work: Path
    mb: int
    repeat: int
    seed: int
    is_full: bool
    may_install: bool
    report: Report
    tell: Callable[[str], None]

    def log(self, times: float = 1.0) -> Log:
        return log.log(self.kept, self.seed, max(1, round(times * self.mb / log.OBJECT_MB)))

    def measure(self, section: str, cases: list[Case]) -> dict[str, Usage]:
        usages = interleaved(cases, self.repeat, lambda what: self.tell(f"{section}: {what}"))
        self.report.add(section, cases, usages)
        return usages

    def check(self, name: str, usage: Usage, truth: Truth) -> None:
        """Ours is held against the truth: one line lost or one byte wrong, and no speed counts."""
        for what in ("lines", "parsed", "ignored", "rejected", "requests", "bytes_sent"):
            if usage.said[what] != getattr(truth, what):
                self.report.notes.append(f"WRONG: {name}: {what} {usage.said[what]:,}, in truth {getattr(truth, what):,}")


def warm(bench: Bench) -> None:
    """A small run that nobody measures: modules get compiled, libraries come into memory."""
    measured(Job(bench.work / "warm", lambda bucket: log.laid_out_quietly(bucket, 2)).case("warming up", 0))


# --- parsing -----------------------------------------------------------------------------------------


def parse(bench: Bench) -> None:
    """Our parser beside Polars' own reader, on one core and on two."""
    made, out = bench.log(), bench.work / "parquet"
    out.mkdir()
    clean, real = list(map(str, made.clean)), [str(path) for path in made.objects.values()]
    ours = [sys.executable, "-m", "benchmarks.parse"]
    usages: dict[tuple[str, int], Usage] = {}
    for cores in (1, 2):
        programs = {
            "raw Polars scan of the clean log": ([sys.executable, str(PEERS / "raw_scan.py"), str(cores), *clean], made.truth.clean_size),
            "ours, fast path (clean log)": ([*ours, str(cores), "-", *clean], made.truth.clean_size),
            "ours, with odd lines and rejects": ([*ours, str(cores), "-", *real], made.truth.size),
            "ours, and Parquet": ([*ours, str(cores), str(out), *real], made.truth.size),
        }
        cases = [Case(name, command, size, cores) for name, (command, size) in programs.items()]
        section = f"parse, {cores} core{'s' * (cores > 1)}"
        for case, usage in zip(cases, bench.measure(section, cases).values(), strict=True):
            usages[case.name, cores] = usage
            if case.size == made.truth.size:
                bench.check(f"{section}, {case.name}", usage, made.truth)
    raw, fast, exact, parquet = programs
    _against_raw(bench, usages, fast, raw, 1, 0.80)
    _against_raw(bench, usages, fast, raw, 2, 0.85)
    _against_raw(bench, usages, exact, raw, 1, 0.55)
    _against_raw(bench, usages, exact, raw, 2, None)
    _against_raw(bench, usages, parquet, raw, 2, 0.45)


def _against_raw(bench: Bench, usages: dict[tuple[str, int], Usage], name: str, raw: str, cores: int, least: float | None) -> None:
    ratio = usages[raw, cores].wall_s / usages[name, cores].wall_s
    bench.report.find(f"{name} / raw scan, {cores} core{'s' * (cores > 1)}", ratio, least=least)


# --- the whole job -----------------------------------------------------------------------------------


def job(bench: Bench) -> None:
    """`mediameter run`, and what others need for less of it, on two cores."""
    made = bench.log()
    files, size = list(made.objects.values()), made.truth.size
    ours = Job(bench.work / "job", lambda bucket: log.laid_out(bucket, made.objects)).case("mediameter run", size)
    regex = [sys.executable, str(PEERS / "python_regex.py")]
    cases = [
        ours,
        Case("Python regex, 2 processes", [*regex, "2", *map(str, files)], size),
        Case("Python regex, 1 process", [*regex, "1", *map(str, files)], size),
        *_foreign(bench, made),
    ]
    usages = bench.measure("whole job, 2 cores", cases)
    bench.check(ours.name, usages[ours.name], made.truth)
    targets = {"chDB regex": (1.5, 2.2), "Python regex, 2 processes": (2.5, 3.5), "GoAccess": (15.0, 20.0)}
    for case in cases[1:]:
        least, goal = targets.get(case.name, (None, None))
        ratio = usages[case.name].wall_s / usages[ours.name].wall_s
        bench.report.find(f"mediameter run, times as fast as {case.name}", ratio, least=least, goal=goal)
        _tell_difference(bench, case.name, usages[case.name], made.truth)


def _foreign(bench: Bench, made: Log) -> list[Case]:
    """The peers that have to be found."""
    cases, files, size = [], list(made.objects.values()), made.truth.size
    if python := found.chdb_python(bench.kept, install=bench.may_install):
        objects = bench.work / "chdb"
        log.laid_out(objects, made.objects)
        command = [python, str(PEERS / "chdb_regex.py"), "2", str(objects / "access-logs" / "*")]
        cases.append(Case("chDB regex", command, size))
    if program := found.goaccess(install=bench.may_install):
        report = bench.work / "goaccess.json"
        command = found.goaccess_command(program, report, files)
        cases.append(Case("GoAccess", command, size, after=partial(found.goaccess_totals, report)))
    names = [case.name for case in cases]
    bench.report.notes += [f"skipped: {name}" for name in ("chDB regex", "GoAccess") if name not in names]
    return cases


def _tell_difference(bench: Bench, name: str, usage: Usage, truth: Truth) -> None:
    requests, sent = (usage.said[what] - getattr(truth, what) for what in ("requests", "bytes_sent"))
    agrees = "the same requests and bytes as the truth" if not (requests or sent) else f"requests {requests:+,}, bytes {sent:+,} beside the truth"
    bench.report.notes.append(f"{name}: {agrees}; {usage.said['failed']:,} lines failed")


# --- many files, much memory, much data, nothing new -------------------------------------------------


def files(bench: Bench) -> None:
    """The same bytes as small files, as objects of 33 MB, and as one object."""
    made = bench.log()
    size = made.truth.size
    count = len(made.small)
    small = Job(bench.work / "small", lambda bucket: log.laid_out(bucket, made.small)).case(f"{count:,} small objects", size)
    middle = Job(bench.work / "middle", lambda bucket: log.laid_out(bucket, made.objects)).case(f"{len(made.objects)} objects", size)
    one = Job(bench.work / "one", lambda bucket: log.laid_out_as_one(bucket, made.objects.values())).case("one object", size)
    usages = bench.measure("mediameter run, the same bytes", [small, middle, one])
    for name, usage in usages.items():
        bench.check(name, usage, made.truth)
    bench.report.find("small objects, times as long as objects of 33 MB", usages[small.name].wall_s / usages[middle.name].wall_s, most=1.2)
    bench.report.find("small objects, times as long as one object", usages[small.name].wall_s / usages[one.name].wall_s)


def memory(bench: Bench) -> None:
    """One object of twice the size; the memory must not follow."""
    made = bench.log(2)
    case = Job(bench.work / "large", lambda bucket: log.laid_out_as_one(bucket, made.objects.values())).case("one object, twice the size", made.truth.size)
    bench.tell(f"memory: {case.name}")
    usage = measured(case)
    shutil.rmtree(bench.work / "large")
    bench.report.add("memory", [case], {case.name: usage})
    bench.check(case.name, usage, made.truth)
    highest = max(line.usage.peak_mb for line in bench.report.lines if "mediameter run" in (line.section, line.name) or line.section == "memory")
    bench.report.find("peak memory of mediameter run", highest, unit="MB", most=1500)


def scaling(bench: Bench) -> None:
    """A tenth of the log, and 4, 16 (64) times that: twice the data must not take more than twice the time."""
    times = (1, 4, 16, 64) if bench.is_full else (1, 4, 16)
    cases, truths = [], []
    for factor in times:
        made = bench.log(factor / 10)
        place = Job(bench.work / f"times-{factor}", partial(_lay_out, made))
        cases.append(place.case(f"{made.truth.size / 1e6:,.0f} MB", made.truth.size))
        truths.append(made.truth)
    usages = bench.measure("scaling of mediameter run", cases)
    for case, truth in zip(cases, truths, strict=True):
        bench.check(case.name, usages[case.name], truth)
    first = cases[0]
    for case in cases[1:]:
        growth = (usages[case.name].wall_s / usages[first.name].wall_s) / (case.size / first.size)
        bench.report.find(f"time of {case.name} / time of {first.name} / data", growth, most=1.0)


def _lay_out(made: Log, bucket: Path) -> None:
    log.laid_out(bucket, made.objects)


def idle(bench: Bench) -> None:
    """A pass that finds nothing new, and one that finds one object, over 90 days of 24 objects."""
    place = Job(bench.work / "idle", lambda bucket: log.laid_out_quietly(bucket, 24 * IDLE_DAYS))
    place.prepare()
    bench.tell(f"idle: taking in {IDLE_DAYS} days")
    measured(Case("first", place.command(), 0))
    nothing = Case("nothing new", place.command(), 0)
    newest = Case("one new object", place.command(), 0, before=lambda: log.add_hour(place.folder / "bucket"))
    usages = bench.measure(f"an hourly pass over {IDLE_DAYS} days x 24 objects", [nothing, newest])
    bench.report.find("idle pass, CPU", usages[nothing.name].cpu_s, unit="s", most=2.0)
    bench.report.find("pass with one new object, CPU", usages[newest.name].cpu_s, unit="s")


SECTIONS: dict[str, Callable[[Bench], None]] = {
    "parse": parse,
    "job": job,
    "files": files,
    "scaling": scaling,
    "memory": memory,
    "idle": idle,
}
