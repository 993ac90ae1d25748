"""`mediameter run`: one pass over all stations, with and without Prefect the same; cron needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mediameter.alerts.catalogue import catalogue
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
        """Raise what the stations complain of."""
        stations.require_success({name: report.to_dict() for name, report in self.reports.items()})

    def to_dict(self) -> dict[str, Any]:
        reports = {station.name: self._report(station).to_dict() for station in stations.PASS}
        return {"is_idle": self.is_idle, "is_dry_run": self.is_dry_run, **reports, "late": self.late}

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
        planned = [station for station in stations.PASS if station.plans or not self.is_dry_run]
        lines = [line for station in planned for line in station.says(self._report(station), occasion)]
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
    """All stations. Raises what they raise, once all stations are done that an error does not hold up; each step may
    run again, and so may the whole.

    An application that cannot be read or written is told in the summary: the logs come in all the same.
    """
    catalogue(settings)  # a mistake in the settings' thresholds is told before anything is done
    if dry_run:
        return _planned(settings, now, progress)
    reports = _walked(settings, now, progress, sweep_all=sweep_all).require_all()
    with reader(settings) as connection:
        late = list(late_sources(connection, settings, now).values())
    return RunSummary(reports, late=late)


def _planned(settings: Settings, now: datetime, progress: Progress | None) -> RunSummary:
    with untouched(settings) as looking:
        return RunSummary(_walked(looking, now, progress, dry_run=True).require_all(), is_dry_run=True)


def _walked(settings: Settings, now: datetime, progress: Progress | None, **given: Any) -> Walked[Any]:
    wanted = [station for station in stations.PASS if station.plans or not given.get("dry_run")]
    return walk(wanted, lambda station: station.call(settings, now=now, progress=progress, **given))
