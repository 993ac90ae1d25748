"""The report of these settings' warehouse, as one HTML file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from mediameter.atomic import replaced
from mediameter.report import figures, html
from mediameter.settings import Settings
from mediameter.steps.geography import geography
from mediameter.steps.reader import reader


def write_report(settings: Settings, out: Path | None = None, *, now: datetime) -> Path:
    """Write the report, whole (default: ``report.html`` beside the settings), and return where it lies.

    ``now`` is told at its foot.
    """
    path = out or settings.report_path
    with reader(settings) as connection:
        where = geography(settings)
        found = figures.read(
            connection,
            tenant=settings.tenant,
            zone=settings.reporting.time_zone,
            countries=where.countries_label,
            edges=where.edges_label,
        )
    with replaced(path, encoding="utf-8") as file:
        file.write(html.render(found, title="mediameter", generated_at=now))
    return path.absolute()
