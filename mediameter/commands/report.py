"""The report of these settings' warehouse, as one HTML file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mediameter.atomic import replaced
from mediameter.commands.figures import gate_pages, read_figures
from mediameter.opening.reader import reader
from mediameter.report import html
from mediameter.settings import Settings
from schemas.vocabulary import DEFAULT_TENANT


def write_report(settings: Settings, out: Path | None = None, *, now: datetime) -> Path:
    """Write the report, whole (default: ``report.html`` beside the settings), and return where it lies.

    ``now`` is told at its foot.
    """
    path = out or settings.report_path
    with reader(settings) as connection:
        found = read_figures(connection, settings)
    found = replace(found, gate=replace(found.gate, pages=gate_pages(settings, path)))
    with replaced(path, encoding="utf-8") as file:
        file.write(html.render(found, title=_title(settings), generated_at=now))
    return path.absolute()


def _title(settings: Settings) -> str:
    """Whose it is, where an installation is one of several."""
    return "mediameter" if settings.tenant == DEFAULT_TENANT else f"mediameter: {settings.tenant}"
