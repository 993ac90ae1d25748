"""The pass, said once: PASS lists its stations in order. Whoever runs a pass, or a part of one, loops over this table.

`mediameter run`, the flows `hourly` and `nightly`, `backfill`, `replay` and the summary of a run all read it, so a new
station is one new row. A row names its module instead of importing it: the gate alone takes seconds to import, and
`mediameter --help` must not wait for that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from mediameter.bulkheads import breaks_everything, raise_all
from mediameter.errors import MediameterError
from mediameter.settings import Settings
from mediameter.steps.pass_ import complaints, words

Occasion = Literal["done", "idle", "planned"]
"""What a summary is of: a pass that did something, one with nothing to do, one that only says what it would do."""
T = TypeVar("T")


def _says_nothing(report: Any, occasion: Occasion) -> list[str]:
    return []


def _never_complains(report: Mapping[str, Any]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class AtNight:
    """What the nightly flow does differently: the name of its task, its time limit, and how far back it looks.

    ``window``: a constant in the station's module, the value of the step's argument ``window``.
    """

    task: str
    minutes: int
    window: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """One row of the pass."""

    name: str
    """Names the report in JSON and the task in Prefect."""
    module: str
    """Where the step is. Imported when the station is called, not before."""
    function: str
    report: str
    """The class of the step's report: a dataclass of plain values with ``to_dict``, each field with a default."""
    takes: tuple[str, ...] = ("progress",)
    """Which arguments the step takes beside the settings and ``now``."""
    is_of_the_present: bool = False
    """Whether a flow calls it with the present instead of the instant that the flow looks from."""
    retries: int = 2
    minutes: int = 5
    """Time limit of its task in Prefect."""
    at_night: AtNight | None = None
    news: tuple[str, ...] = ()
    """Fields of the report. While all of them are empty, the station had nothing to do."""
    says: Callable[[Any, Occasion], list[str]] = field(default=_says_nothing)
    """The station's lines in the summary of a run."""
    complains: Callable[[Mapping[str, Any]], None] = field(default=_never_complains)
    """Raises when the report (as plain values) says that something could not be done."""

    @property
    def plans(self) -> bool:
        """Whether it can say what it would do."""
        return "dry_run" in self.takes

    def call(self, settings: Settings, *, now: datetime, **given: Any) -> Any:
        """Call the step with the settings, ``now``, and those of the given arguments that it takes."""
        step = getattr(importlib.import_module(self.module), self.function)
        return step(settings, now=now, **{name: value for name, value in given.items() if name in self.takes})

    def call_at_night(self, settings: Settings, *, now: datetime) -> Any:
        """Call the step as the nightly flow does."""
        module = importlib.import_module(self.module)
        window = self.at_night.window if self.at_night else ""
        return self.call(settings, now=now, **({"window": getattr(module, window)} if window else {}))

    def report_of(self, values: Mapping[str, Any] | None = None) -> Any:
        """The report that these plain values describe; without values an empty one."""
        return getattr(importlib.import_module(self.module), self.report)(**(values or {}))


PASS: tuple[Station, ...] = (
    Station(
        "ingest", "mediameter.steps.ingest.ingest", "ingest", "IngestReport",
        takes=("progress", "dry_run", "window", "choose", "accept_fewer", "sweep_all"),
        retries=3, minutes=40, at_night=AtNight("ingest_all", 4 * 60, window="WHOLE_BUCKET"),
        news=("objects", "pending", "doubted", "failed_sources"), says=words.of_ingest,
        complains=complaints.require_all_read,
    ),
    # An application that is down must not keep the logs from coming in.
    Station(
        "export", "mediameter.steps.export.export", "export", "ExportReport",
        takes=("progress", "dry_run", "window", "only", "accept_fewer"),
        retries=1, minutes=20, at_night=AtNight("export_all", 2 * 60, window="ALL_DAYS"),
        news=("days", "failed", "new_columns"), says=words.of_export, complains=complaints.require_all_exported,
    ),
    Station(
        "rollup", "mediameter.steps.rollup.rollup", "rollup", "RollupReport",
        retries=2, minutes=40, at_night=AtNight("rollup", 4 * 60),
        news=("days", "generation_days", "failed"), says=words.of_rollup, complains=complaints.require_all_computed,
    ),
    # The gate comes before the rules, which judge its verdicts too. A mistake in somebody's suite silences no rule.
    Station(
        "quality", "mediameter.steps.gate.quality", "quality", "QualityReport",
        retries=2, minutes=20,
        news=("days", "generation_days", "failed"), says=words.of_quality, complains=complaints.require_all_sound,
    ),
    Station(
        "check", "mediameter.steps.alert.check", "check", "CheckReport",
        takes=(), retries=2, minutes=5,
        says=words.of_check, complains=complaints.require_rules_understood,
    ),
    Station(
        "deliver", "mediameter.steps.alert.deliver", "deliver", "DeliverReport",
        takes=(), is_of_the_present=True,  # its leases count from now
        retries=2, minutes=5,
        news=("delivered", "given_up", "failed"), says=words.of_deliver,
    ),
    # Only days that are final, and so judged, are written back.
    Station(
        "write_back", "mediameter.steps.write_back.write_back", "write_back", "WriteBackReport",
        takes=("progress", "dry_run"),
        retries=1, minutes=20, at_night=AtNight("write_back", 2 * 60),
        news=("days", "failed"), says=words.of_write_back, complains=complaints.require_all_written_back,
    ),
)  # fmt: skip
"""The order of a pass."""

WATCH = Station("watch", "mediameter.steps.alert.watch", "watch", "WatchReport", takes=(), retries=0, minutes=4)
"""No station of a pass: a step of its own every five minutes."""


def between(first: str, last: str) -> tuple[Station, ...]:
    """The part of the pass from one station to another, both included."""
    names = [station.name for station in PASS]
    return PASS[names.index(first) : names.index(last) + 1]


def after_reading() -> tuple[Station, ...]:
    """What follows in a backfill or a replay once the lake holds the right objects: figures, then verdicts on them."""
    return between("rollup", "check")


def empty_reports(part: Iterable[Station]) -> dict[str, Any]:
    """The reports of stations that have done nothing."""
    return {station.name: station.report_of() for station in part}


@dataclass(slots=True)
class Walked(Generic[T]):
    """What a walk over stations brought: the report of each by its name, and the errors of those that have none."""

    reports: dict[str, T] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)

    def require_all(self) -> dict[str, T]:
        """The reports; raises where there are errors, one that names all of them."""
        raise_all(self.errors)
        return self.reports


def walk(
    stations: Iterable[Station], call: Callable[[Station], T], *, fatal: type[Exception] | tuple[()] = ()
) -> Walked[T]:
    """Call each station in order. An error ends the walk only if it breaks everything (the warehouse is down, the disk
    is full), or if it is ``fatal``: what can still be computed is, and people are told in any case."""
    walked: Walked[T] = Walked()
    for station in stations:
        try:
            walked.reports[station.name] = call(station)
        except Exception as error:
            if isinstance(error, fatal) or breaks_everything(error):
                raise
            if not any(str(error) == str(known) for known in walked.errors):  # of settings, each station says the same
                walked.errors.append(error)
    return walked


def require_success(reports: Mapping[str, Mapping[str, Any]], errors: Sequence[Exception] = ()) -> None:
    """Let each station complain of its report (as plain values), in the order of the pass; raises one error that names
    every complaint, behind the ``errors`` of stations without a report."""
    complaints_of_all = list(errors)
    for station in PASS:
        try:
            if station.name in reports:
                station.complains(reports[station.name])
        except MediameterError as complaint:
            complaints_of_all.append(complaint)
    raise_all(complaints_of_all)
