"""Every five minutes: export what rules with short windows rest on, and judge those rules and the present.

Only the newest days of these tables are read, by the same export as the hourly one, which reads the look-back too; no
rollup is computed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from mediameter.alerts.catalogue import catalogue, sources_of
from mediameter.bulkheads import bulkhead, raise_all
from mediameter.settings import Settings
from mediameter.steps.alert.check import CheckReport, check_now, is_quick
from mediameter.steps.alert.deliver import DeliverReport, deliver
from mediameter.steps.export.export import export
from mediameter.steps.export.report import ExportReport


@dataclass(slots=True)
class WatchReport:
    """What was exported, judged and told. Sources that could not be read stand in ``export.failed``: that they are
    silent is judged, too."""

    export: ExportReport = field(default_factory=ExportReport)
    check: CheckReport = field(default_factory=CheckReport)
    deliver: DeliverReport = field(default_factory=DeliverReport)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def watch(settings: Settings, *, now: datetime) -> WatchReport:
    """Export, check and deliver; what one of them raises is raised when all were called.

    Raises ``UserError`` for an override in the settings that cannot be understood, ``WorldError`` when lake or
    warehouse fail; not when a source cannot be read or a channel does not answer.
    """
    names = sorted(watched(settings))
    report, errors = WatchReport(), list[Exception]()
    with bulkhead(errors.append):
        report.export = export(settings, now=now, window=0, sources=names) if names else report.export
    with bulkhead(errors.append):
        report.check = check_now(settings, now=now)
    with bulkhead(errors.append):
        report.deliver = deliver(settings, now=now)
    raise_all(errors)
    return report


def watched(settings: Settings) -> set[str]:
    """The generating databases that rules with windows under an hour are judged for."""
    quick = [rule for rule in catalogue(settings) if not rule.dormant and is_quick(rule)]
    found = {name for rule in quick if rule.needs == "generations" for name in sources_of(settings, rule)}
    return found & set(settings.table_sources)
