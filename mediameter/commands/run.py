"""`mediameter run`: one pass over all stations, with and without Prefect the same; cron needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mediameter.alerts.catalogue import catalogue
from mediameter.bulkheads import as_error, bulkhead, raise_all
from mediameter.commands.silence import late_sources
from mediameter.errors import MediameterError
from mediameter.opening.dry import untouched
from mediameter.opening.reader import reader
from mediameter.settings import Settings
from mediameter.steps.pass_ import stations
from mediameter.steps.pass_.stations import Occasion, Station, Walked, walk
from mediameter.steps.progress import Progress


@dataclass(frozen=True)
class RunSummary:
    """What a pass did, for a person or a program. ``summary.ingest`` is the report of the station ``ingest``."""

    reports: Mapping[str, Any]
    """By the name of the station; a station that is missing did nothing."""
    is_dry_run: bool = False
    late: list[str] = field(default_factory=list)
    """Sources that have been silent for longer than is ordinary of them, a line each."""
    errors: Sequence[Exception] = ()
    """Of stations that could not be called to their end; they have no report."""

    def __getattr__(self, name: str) -> Any:
        station = next((station for station in stations.PASS if station.name == name), None)
        if station is None:
            raise AttributeError(f"no station of a pass is called {name!r}")
        return self._report(station)

    @property
    def is_idle(self) -> bool:
        """Nothing new was there and nothing had to be computed."""
        return not any(getattr(self._report(station), field) for station in stations.PASS for field in station.news)

    @property
    def has_failed(self) -> bool:
        """Something could not be done, or a day breaks a rule of quality: the command ends with another code than 0."""
        try:
            self.require_success()
        except MediameterError:
            return True
        return False

    def require_success(self) -> None:
        """Raise what the stations raised and complain of, one error that names all of it."""
        reports = {name: report.to_dict() for name, report in self.reports.items()}
        stations.require_success(reports, self.errors)

    def require_reports(self) -> RunSummary:
        """Raise what the stations raised; not what they complain of."""
        raise_all(self.errors)
        return self

    def to_dict(self) -> dict[str, Any]:
        reports = {station.name: self._report(station).to_dict() for station in stations.PASS}
        errors = [str(as_error(error)) for error in self.errors]
        return {"is_idle": self.is_idle, "is_dry_run": self.is_dry_run, **reports, "late": self.late, "errors": errors}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSummary:
        """The summary of a pass that another process made, from the reports of its stations."""
        reports = {
            station.name: station.report_of(values[station.name]) for station in stations.PASS if station.name in values
        }
        return cls(reports, late=values.get("late", []))

    def lines(self) -> list[str]:
        """The summary in a few lines, station by station."""
        occasion: Occasion = "planned" if self.is_dry_run else "idle" if self.is_idle else "done"
        asked = [station for station in stations.PASS if station.plans or not self.is_dry_run]
        if self.errors:  # of a station that failed, an empty report would say that there was nothing to do
            asked = [station for station in asked if station.name in self.reports]
        lines = [line for station in asked for line in station.says(self._report(station), occasion)]
        return [*lines, *(f"warning: {source}" for source in self.late)]

    def _report(self, station: Station) -> Any:
        return self.reports[station.name] if station.name in self.reports else station.report_of()


def run(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    sweep_all: bool = False,
) -> RunSummary:
    """All stations; each may run again, and so may the whole. Raises what stations raised, once all are called.

    What a station could not do (a source that cannot be read, a day that cannot be computed) stands in its report.
    """
    return attempt(settings, now=now, progress=progress, dry_run=dry_run, sweep_all=sweep_all).require_reports()


def attempt(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    sweep_all: bool = False,
) -> RunSummary:
    """The same; what stations raised stands in the summary, too. Raises only what breaks everything."""
    catalogue(settings)  # a mistake in the settings' thresholds is told before anything is done
    if dry_run:
        with untouched(settings) as looking:
            walked = _walked(looking, now, progress, dry_run=True)
        return RunSummary(walked.reports, is_dry_run=True, errors=walked.errors)
    walked = _walked(settings, now, progress, sweep_all=sweep_all)
    late: list[str] = []
    with bulkhead(walked.errors.append, "which sources are late"), reader(settings) as connection:
        late += late_sources(connection, settings, now).values()
    return RunSummary(walked.reports, late=late, errors=walked.errors)


def _walked(settings: Settings, now: datetime, progress: Progress | None, **given: Any) -> Walked[Any]:
    wanted = [station for station in stations.PASS if station.plans or not given.get("dry_run")]
    return walk(wanted, lambda station: station.call(settings, now=now, progress=progress, **given))
