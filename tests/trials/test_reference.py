"""The product against the reference: whole worlds, run from the bucket to the warehouse, every table row by row."""

from __future__ import annotations

import csv
import hmac
import ipaddress
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from mediameter import connect, geo
from mediameter.commands.run import run
from mediameter.families import attribute
from mediameter.privacy.texts import cut_emails
from mediameter.settings import Settings
from mediameter.store import tenancy, warehouse
from schemas.internal import OBJECTS
from schemas.records import NOT_COUNTED
from schemas.rollups import ALERT_CHECKS_DAILY, AUDIENCE_FAMILY, DAYS, QUALITY_CHECKS_DAILY, TRAFFIC_FAMILY
from tests.conftest import Trials
from tests.reference import rollups as reference
from tests.reference.generation_days import due_of_files
from tests.reference.lines import read_lines, unpacked
from tests.reference.rollups import LogObject
from tests.trials.application import export, fill
from tests.trials.row_differences import Row, rows_differ
from tests.worlds.log_worlds import COUNTRIES, KEY, REFERERS, TENANT, World, world

Tables = dict[str, list[Row]]
# Rules of the OVH document; what others say follows from the tables that are compared.
OF_THE_DOCUMENT = ("daily_bandwidth", "error_rate", "monthly_budget", "response_time_p95", "unique_addresses")
_CONTRACTS = (*TRAFFIC_FAMILY, *AUDIENCE_FAMILY, ALERT_CHECKS_DAILY, DAYS)
_SETTLES_AFTER = timedelta(hours=6)
pytestmark = pytest.mark.usefixtures("older_lake")
_SHOWN = 8


def test_worlds(trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every other one the application's events are matched in many small parts."""
    asked, lines = trials(2, 200), 0
    failed: dict[int, list[str]] = {}
    for seed in range(asked):
        monkeypatch.setattr(attribute, "ROWS_AT_ONCE", 100 if seed % 2 else 250_000)
        made, folder = world(seed), tmp_path / str(seed)
        found = differences(made, folder)
        lines += found.lines
        if found.texts:
            failed[seed] = found.texts
        shutil.rmtree(folder)
    print(f"worlds: {asked} asked, {asked} run, {lines:,} lines, {len(failed)} failed")
    assert not failed, "\n".join(f"world {seed}: {text}" for seed, texts in failed.items() for text in texts[:_SHOWN])


def test_days_count_empty_objects_too(tmp_path: Path) -> None:
    made = World(ZoneInfo("UTC"), now=datetime(2025, 11, 2, tzinfo=UTC), log_buckets={"main": "logs"})
    noon = datetime(2025, 11, 1, 12, tzinfo=UTC)
    made.objects = [LogObject("main", "empty", b"", noon), LogObject("main", "blank", b"\n", noon)]
    settings = made.lay_out(tmp_path)
    made.deliver(tmp_path, made.objects)
    run(settings, now=made.now)
    assert [row["objects"] for row in by_the_product(settings)["days"]] == [2]


@pytest.mark.trial
@pytest.mark.timeout(3600)
def test_a_million_lines(tmp_path: Path) -> None:
    begun = time.monotonic()
    made = world(0, objects=40, lines=25_000)
    written = time.monotonic()
    found = differences(made, tmp_path / "world")
    print(
        f"a million lines: {found.lines:,} lines, written in {written - begun:.0f} s, run in {found.run_s:.0f} s, "
        f"by the reference in {found.reference_s:.0f} s, {len(found.texts)} differences"
    )
    assert found.lines > 1_000_000
    assert not found.texts, "\n".join(found.texts[:_SHOWN])


# --- what the two say --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """Where product and reference differ, and what it took them."""

    texts: list[str]
    lines: int
    run_s: float
    reference_s: float


def differences(made: World, folder: Path) -> Comparison:
    """Runs the product in ``folder``, the reference in memory, and holds each table's rows against each other."""
    settings = made.lay_out(folder)
    begun = time.monotonic()
    run_in_stages(made, settings, folder)
    told = by_the_product(settings)
    take_off_objects_without_lines(made, told["days"])
    ran = time.monotonic()
    meant = by_the_reference(made)
    texts = refusals(made, told.pop(OBJECTS.name))
    checks = [row for row in told[ALERT_CHECKS_DAILY.name] if row["rule"] in OF_THE_DOCUMENT]
    told[ALERT_CHECKS_DAILY.name] = checks
    judged = told.pop(QUALITY_CHECKS_DAILY.name)
    texts += [f"the gate: {row}" for row in judged if not row["is_met"]]
    if {row["day"] for row in judged} != {row["day"] for row in told["days"]}:
        texts.append("the gate has not judged each day")
    for contract in _CONTRACTS:
        texts += rows_differ(contract.name, contract.key, told[contract.name], meant[contract.name])
    return Comparison(texts, sum(row["lines"] for row in meant["days"]), ran - begun, time.monotonic() - ran)


def run_in_stages(made: World, settings: Settings, folder: Path) -> None:
    """Logs and events at once, or in two deliveries with a run after each: what they come to is the same."""
    objects, known = [*made.objects, *made.refused], made.database
    events = sorted(known.events, key=lambda event: event.at) if known else []
    ways = (objects, events), (objects, []), (objects[::2], events[::2]), (objects, events[: len(events) // 2])
    some_objects, some_events = Random(len(objects) + len(events)).choice(ways)
    made.deliver(folder, some_objects)
    if known and some_events:
        fill(settings, known)
        export(settings, [], some_events)
    run(settings, now=made.now)
    made.deliver(folder, objects)
    if known and not some_events:
        fill(settings, known)
    export(settings, some_events, events)
    run(settings, now=made.now)


def by_the_product(settings: Settings) -> Tables:
    """What the warehouse holds."""
    engine = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        with connect.reading(engine) as connection:
            return {
                each.name: warehouse.read(connection, each).to_dicts()
                for each in (*_CONTRACTS, OBJECTS, QUALITY_CHECKS_DAILY)
            }
    finally:
        engine.dispose()


def take_off_objects_without_lines(made: World, days: list[Row]) -> None:
    """Goes when ``test_days_count_objects_with_lines_alone`` passes."""
    uncounted = Counter((log.source, local_day(made, log.last_modified)) for log in without_lines(made))
    for row in days:
        row["objects"] -= uncounted[row["source"], row["day"]]


def by_the_reference(made: World) -> Tables:
    """The same tables; of ``days`` and of the checks those columns that the definitions settle."""
    countries = finder(COUNTRIES.items())
    with geo.SHIPPED_CDN_RANGES.open() as file:
        edges = finder(csv.reader(line for line in file if line[0].isdigit()))
    settings = reference.Settings(
        seed=int.from_bytes(hmac.digest(KEY.encode(), b"line hash", "sha256")[:8]),
        address_key=KEY.encode(),
        tenant=TENANT,
        time_zone=made.zone.key,
        referers={host.lower(): application for host, application in REFERERS.items()},
        prices=tuple(made.prices),
        budget=(round(float(made.budget.partition(" ")[0]) * 10**6), made.budget.partition(" ")[2])
        if made.budget
        else None,
        log_buckets=made.log_buckets,
        country=lambda text: (countries(text) or "unknown") if made.has_countries else "not_available",
        edge=lambda text: ("edge" if edges(text) else "direct") if made.has_cdn else "not_available",
        agent=cut_emails,
    )
    tables = reference.compute(made.objects, settings, made.database)
    tables["days"] = [row | completeness(made, row) for row in with_days_without_lines(made, tables["days"])]
    tables[ALERT_CHECKS_DAILY.name] = reference.alert_values(tables, settings)
    return tables


def with_days_without_lines(made: World, days: list[Row]) -> list[Row]:
    """A day on which there is nothing but an empty or refused object is known too: it may be suspect."""
    known = {(row["source"], row["day"]) for row in days}
    more = {(log.source, local_day(made, log.last_modified)) for log in without_lines(made)} - known
    counted = ("objects", "lines", "parsed", "ignored", "rejected", "duplicates", "bytes_sent")
    nothing = dict.fromkeys((*counted, *(column.name for column in NOT_COUNTED)), 0)
    return days + [{"tenant": TENANT, "source": source, "day": day} | nothing for source, day in sorted(more)]


def without_lines(made: World) -> list[LogObject]:
    """Objects that were refused, and those that hold no line."""
    return made.refused + [log for log in made.objects if not read_lines(unpacked(log.data))]


def finder(networks: Iterable[Iterable[str]]) -> Callable[[str], str | None]:
    """The name of the narrowest network that an address lies in."""
    parsed = [(ipaddress.ip_network(network), name) for network, name in networks]
    narrowest_first = sorted(parsed, key=lambda pair: -pair[0].prefixlen)

    def find(text: str) -> str | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return None
        return next((name for network, name in narrowest_first if address in network), None)

    return find


def completeness(made: World, row: Row) -> Row:
    """State and suspicion of a day, by the section "Days"."""
    end = datetime.combine(row["day"] + timedelta(days=1), datetime.min.time(), made.zone)
    delivered = [log for log in (*made.objects, *made.refused) if log.source == row["source"]]
    refused = any(
        log.source == row["source"] and local_day(made, log.last_modified) == row["day"] for log in made.refused
    )
    return {
        "state": "final" if min(made.now, due_of_files(delivered)) - _SETTLES_AFTER >= end else "open",
        "is_suspect": refused
        or row["rejected"] * 100 > row["lines"]
        or row["rejected_most_bytes"] * 100 > row["bytes_sent"],
    }


def local_day(made: World, at: datetime) -> date:
    return at.astimezone(made.zone).date()


def refusals(made: World, objects: list[Row]) -> list[str]:
    """Objects that are refused though they are logs, or the other way round."""
    told = {(row["source"], row["object_key"]): row["reason"] for row in objects if row["state"] == "refused"}
    meant = {(log.source, log.key) for log in made.refused}
    return [f"refused: told {told.get(place)}, meant {place in meant}: {place}" for place in told.keys() ^ meant]
