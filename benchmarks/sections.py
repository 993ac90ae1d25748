"""The questions: each makes its cases, measures them interleaved, and adds lines and findings to the report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import log
from benchmarks.answers import answers
from benchmarks.export import export
from benchmarks.fetch import fetch
from benchmarks.generations import generations
from benchmarks.job import Job
from benchmarks.loads import loads
from benchmarks.log import Log, Truth
from benchmarks.measure import Case, Usage, interleaved, measured
from benchmarks.merge import merge
from benchmarks.peers import found
from benchmarks.report import Report

PEERS = Path(__file__).parent / "peers"
RUNS = "mediameter run"
IDLE_DAYS = 90
MEMORY_TIMES = 10


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

    def job(self, name: str, files: dict[str, Path], truth: Truth, *, as_one: bool = False) -> Case:
        """`mediameter run` over a bucket that holds these files, or one object of all their bytes."""

        def fill(bucket: Path) -> None:
            if as_one:
                log.laid_out_as_one(bucket, files.values())
            else:
                log.laid_out(bucket, files)

        return Job(self.work / name.replace(" ", "-"), fill).case(name, truth.size)

    def check(self, name: str, usage: Usage, truth: Truth) -> None:
        """Ours is held against the truth: one line lost or one byte wrong, and no speed counts."""
        for what in ("lines", "parsed", "ignored", "rejected", "requests", "bytes_sent"):
            told, true = usage.said[what], getattr(truth, what)
            if told != true:
                self.report.notes.append(f"WRONG: {name}: {what} {told:,}, in truth {true:,}")


def warm(bench: Bench) -> None:
    """A small run that nobody measures: modules get compiled, libraries come into memory."""
    measured(Job(bench.work / "warm", lambda bucket: log.laid_out_quietly(bucket, 2)).case("warming up", 0))


# --- parsing -----------------------------------------------------------------------------------------

RAW, FAST, EXACT, PARQUET = (
    "raw Polars scan (clean log)",
    "fast path (clean log)",
    "with odd lines, rejects",
    "and Parquet",
)


def parse(bench: Bench) -> None:
    """Our parser beside Polars' own reader, on one core and on two."""
    made, out = bench.log(), bench.work / "parquet"
    out.mkdir()
    clean, real = list(map(str, made.clean)), [str(path) for path in made.objects.values()]
    for cores, targets in ((1, {FAST: 0.80, EXACT: 0.55}), (2, {FAST: 0.85, PARQUET: 0.45})):
        ours, count = [sys.executable, "-m", "benchmarks.parse"], str(cores)
        cases = [
            Case(RAW, [sys.executable, str(PEERS / "raw_scan.py"), count, *clean], made.truth.clean_size, cores),
            Case(FAST, [*ours, count, "-", *clean], made.truth.clean_size, cores),
            Case(EXACT, [*ours, count, "-", *real], made.truth.size, cores),
            Case(PARQUET, [*ours, count, str(out), *real], made.truth.size, cores),
        ]
        usages = bench.measure(f"parse, {cores} core(s)", cases)
        for name in (EXACT, PARQUET):
            bench.check(f"parse, {name}", usages[name], made.truth)
        for name in (FAST, EXACT, PARQUET):
            ratio = usages[RAW].wall_s / usages[name].wall_s
            bench.report.find(f"parse, {name} / raw scan, {cores} core(s)", ratio, least=targets.get(name))


# --- the whole job -----------------------------------------------------------------------------------


def job(bench: Bench) -> None:
    """`mediameter run`, and what others need for less of it, on two cores."""
    made = bench.log()
    files, size = list(made.objects.values()), made.truth.size
    ours = bench.job(RUNS, made.objects, made.truth)
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
        bench.report.find(f"whole job, times as fast as {case.name}", ratio, least=least, goal=goal)
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
    difference = (
        f"requests {requests:+,}, bytes {sent:+,} beside the truth" if requests or sent else "agrees with the truth"
    )
    bench.report.notes.append(f"{name}: {difference}; {usage.said['failed']:,} lines failed")


# --- many files, much data, much memory, nothing new --------------------------------------------------


def files(bench: Bench) -> None:
    """The same bytes as small files, as objects of 33 MB, and as one object."""
    made = bench.log()
    small = bench.job(f"{len(made.small):,} small objects", made.small, made.truth)
    middle = bench.job(f"{len(made.objects)} objects", made.objects, made.truth)
    one = bench.job("one object", made.objects, made.truth, as_one=True)
    usages = bench.measure(RUNS, [small, middle, one])
    for name, usage in usages.items():
        bench.check(name, usage, made.truth)
    times = {case.name: usages[small.name].wall_s / usages[case.name].wall_s for case in (middle, one)}
    bench.report.find(f"{small.name}, times as long as {middle.name}", times[middle.name], most=1.2)
    bench.report.find(f"{small.name}, times as long as {one.name}", times[one.name], most=1.2)


def scaling(bench: Bench) -> None:
    """A tenth of the log, and 4, 16 (64) times that: twice the data must not take more than twice the time."""
    made = {factor: bench.log(factor / 10) for factor in ((1, 4, 16, 64) if bench.is_full else (1, 4, 16))}
    cases = [bench.job(f"{factor} x {bench.mb / 10:g} MB", part.objects, part.truth) for factor, part in made.items()]
    usages = bench.measure(RUNS, cases)
    for case, part in zip(cases, made.values(), strict=True):
        bench.check(case.name, usages[case.name], part.truth)
    first = cases[0]
    for case in cases[1:]:
        growth = usages[case.name].wall_s / usages[first.name].wall_s
        bench.report.find(f"{case.name}: growth of time / growth of data", growth * first.size / case.size, most=1.0)


def memory(bench: Bench) -> None:
    """Ten times the log as one object and as small ones, once each; and the highest peak of all runs."""
    made = bench.log(MEMORY_TIMES)
    cases = [
        bench.job(f"{MEMORY_TIMES} x the log, one object", made.objects, made.truth, as_one=True),
        bench.job(f"{MEMORY_TIMES} x the log, {len(made.small):,} objects", made.small, made.truth),
    ]
    for case in cases:
        bench.tell(f"memory: {case.name}")
        usage = measured(case)
        bench.tell(f"memory: {case.name}: peak {usage.peak_mb:,.0f} MB")
        bench.report.add(RUNS, [case], {case.name: usage})
        bench.check(case.name, usage, made.truth)
    highest = max(line.usage.peak_mb for line in bench.report.lines if RUNS in (line.section, line.name))
    bench.report.find("peak memory of all runs", highest, unit="MB", most=1500)


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
    "fetch": fetch,
    "answers": answers,
    "loads": loads,
    "merge": merge,
    "export": export,
    "generations": generations,
}
