"""The whole examination, in the order in which things depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mediameter.doctor.at_rest import AT_REST
from mediameter.doctor.bucket import BUCKET
from mediameter.doctor.case import Case, Clock, TableVisit, Visit
from mediameter.doctor.channels import CHANNELS
from mediameter.doctor.checking import Check, run
from mediameter.doctor.deliveries import DELIVERIES
from mediameter.doctor.discretion import discreet_finding
from mediameter.doctor.event_files import EVENT_BUCKET, EVENT_FOLDER
from mediameter.doctor.finding import Finding, error
from mediameter.doctor.folder import FOLDER
from mediameter.doctor.house import HOUSE, address_key, settings_file
from mediameter.doctor.ownership import OWNERSHIP
from mediameter.doctor.reference import REFERENCE
from mediameter.doctor.scheduler import SCHEDULER
from mediameter.doctor.tables import checks_of
from mediameter.errors import MediameterError
from mediameter.settings import load
from mediameter.systems.system import EVENT_OBJECTS, LOG_OBJECTS, TABLES

CASE: tuple[Check[Case], ...] = (
    Check("key", lambda case: address_key(case.settings)),
    *AT_REST,
    *OWNERSHIP,
    *DELIVERIES,
    *REFERENCE,
    *CHANNELS,
    *SCHEDULER,
)


def examine(path: Path | None, *, clock: Clock, send_test: bool = False) -> Iterator[Finding]:
    """Every finding as soon as it is there. ``path`` as ``settings.load`` takes it; ``clock`` tells the present.

    Never raises: what goes wrong is a finding. Nothing is written but a file in the lake's folder that goes at once;
    nothing is sent but, with ``send_test``, one notice a channel. No text of a finding holds a secret.
    """
    yield from run(HOUSE, path)
    try:
        settings = load(path)
    except MediameterError as trouble:
        remedy = f"{trouble.remedy}; all that needs the settings was not looked at"
        yield replace(error("settings", trouble.message, remedy), check="settings")
        return
    case = Case(settings, clock, send_test)
    for finding in _with_settings(case, path):
        yield discreet_finding(finding)


def _with_settings(case: Case, path: Path | None) -> Iterator[Finding]:
    settings = case.settings
    yield replace(settings_file(settings, path), check="settings")
    if not settings.sources:
        remedy = "add [sources.NAME] with kind, and path or bucket; `mediameter init` writes an example"
        yield replace(error("sources", "no source is set: there is nothing to meter", remedy), check="sources")
    for name in settings.sources:
        yield from _of_source(case, name)
    yield from run(CASE, case)


BUCKETS = {LOG_OBJECTS: (FOLDER, BUCKET), EVENT_OBJECTS: (EVENT_FOLDER, EVENT_BUCKET)}
"""What is looked at in a folder and in a bucket over S3, by the form of what lies there."""


def _of_source(case: Case, name: str) -> Iterator[Finding]:
    """A source of whatever kind: its row says what there is to look at."""
    settings, system, room = case.settings, case.settings.system(name), f"sources.{name}"
    if system.form is TABLES:
        tables = settings.table_sources[name]
        yield from run(checks_of(tables), TableVisit(name, tables, system, case.clock), room)
        return
    source = settings.bucket_sources[name]
    in_folder, over_s3 = BUCKETS[system.form]
    yield from run(in_folder if source.is_folder else over_s3, Visit(name, source, system, settings, case.clock), room)
