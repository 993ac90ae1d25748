"""The figures of a report, with what the warehouse alone does not say of them: settings, and the words of rules."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from mediameter.alerts.catalogue import catalogue
from mediameter.alerts.headlines import headline
from mediameter.opening.geography import geography
from mediameter.report import figures
from mediameter.report.facts import Figures
from mediameter.report.incidents import Say
from mediameter.settings import Settings
from mediameter.store.days import why_suspect


def read_figures(connection: sa.Connection, settings: Settings, first: date | None = None) -> Figures:
    """The figures of all days, or of those from ``first`` on."""
    where = geography(settings)
    found = figures.read(
        connection, first=first, tenant=settings.tenant, zone=settings.reporting.time_zone,
        countries=where.countries_label, edges=where.edges_label, say=in_words(settings),
    )  # fmt: skip
    return replace(found, why_suspect=why_suspect(connection, settings))


def in_words(settings: Settings) -> Say:
    """How an incident is told, by the rules of these settings."""
    rules = {rule.name: rule for rule in catalogue(settings)}
    return lambda rule, group, value, limit: headline(rules.get(rule), rule, group, value, limit)


def gate_pages(settings: Settings, report: Path) -> str:
    """The gate's own pages as a link of a report that lies there; empty where there are none."""
    index = settings.quality.docs / "index.html" if settings.quality.docs else None
    return Path(os.path.relpath(index, report.parent)).as_posix() if index and index.is_file() else ""
