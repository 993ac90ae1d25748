"""A changed price rewrites no final day in silence: what waits is told, an act makes it anew and keeps both figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from mediameter import connect, faults
from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.redo.adopt import adopt
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.redo.repricing import Waiting
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from schemas.prices import KEPT_PRICES, REPRICINGS
from schemas.rollups import BANDWIDTH_COST_DAILY, ROLLUPS
from schemas.vocabulary import DEFAULT_TENANT
from tests import servers
from tests.generations.files import OF_STUDIO, Box, generation, lines, purchase
from tests.generations.palette import DAY, palette, settings_for
from tests.generations.palette import NOW as BOX_NOW
from tests.generations.palette import generation as made
from tests.trials.dump import difference, dump
from tests.worlds.month import FIRST, NOW, month
from tests.worlds.site import Site

DAYS = [FIRST + timedelta(days=n) for n in range(3)]
LATER = NOW + timedelta(hours=1)
_COST = (BANDWIDTH_COST_DAILY, KEPT_PRICES)
pytestmark = pytest.mark.usefixtures("plain_gate")


def priced(site: Site, *cards: tuple[str, str], **more: Any) -> Settings:
    """The site's settings with cards of an amount from a day on."""
    document = site.document()
    [known] = document["prices"]
    document["prices"] = [{**known, "amount": amount, "valid_from": first, **more} for amount, first in cards]
    return from_mapping(document, site.folder)


def at(site: Site, amount: str, **more: Any) -> Settings:
    return priced(site, (amount, "2025-01-01"), **more)


def rows(site: Site, query: str) -> list[tuple[Any, ...]]:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.reading(made) as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    made.dispose()
    return found


def costs(site: Site) -> dict[str, tuple[str, int | None]]:
    """Currency and cost by day."""
    query = "SELECT day, MIN(currency), SUM(cost_micros) FROM bandwidth_cost_daily GROUP BY day ORDER BY day"
    return {str(day): (currency, micros and int(micros)) for day, currency, micros in rows(site, query)}


def states(site: Site) -> list[tuple[Any, ...]]:
    return rows(site, "SELECT day, state, revision FROM days ORDER BY day")


@pytest.fixture(scope="module")
def lived_once(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("lived") / "site")
    site.deliver(month(days=3))
    run(at(site, "0.011"), now=NOW)
    assert {state for _, state, _ in states(site)} == {"final"}
    return site


@pytest.fixture
def lived(lived_once: Site, tmp_path: Path) -> Site:
    """Three final days at 0.011 USD a GB."""
    return lived_once.copied(tmp_path / "lived")


# --- it waits ------------------------------------------------------------------------------------------


def test_a_run_tells_what_would_change_and_leaves_final_days(lived: Site) -> None:
    before, settled = dump(lived.url, ROLLUPS), states(lived)
    found = run(at(lived, "0.022"), now=LATER)
    assert dump(lived.url, ROLLUPS) == before and states(lived) == settled and found.is_idle
    text = "\n".join(found.lines())
    first, last = min(costs(lived)), max(costs(lived))
    assert f"({first}..{last}) would have another cost of bandwidth" in text
    assert f"mediameter backfill {first}..{last} --reprice --dry-run" in text
    assert run(at(lived, "0.022"), now=LATER).rollup.waiting == found.rollup.waiting, "each run says it"

    waiting = status(at(lived, "0.022"), now=LATER).repricing
    assert [(str(each.day), ("USD", each.old_micros)) for each in waiting] == [*costs(lived).items()]
    for each in waiting:
        assert each.new_micros == pytest.approx(2 * (each.old_micros or 0), abs=3)
    is_late = [status(at(lived, amount), now=LATER).is_late for amount in ("0.011", "0.022")]
    assert is_late[0] == is_late[1], "what waits for a decision is not late"


def test_a_price_that_is_taken_back_waits_no_longer(lived: Site) -> None:
    before = dump(lived.url, _COST)
    run(at(lived, "0.022"), now=LATER)
    assert len(rows(lived, "SELECT 1 FROM kept_prices")) == len(costs(lived))
    assert run(at(lived, "0.0110"), now=LATER).rollup.waiting == []
    assert dump(lived.url, _COST) == before


@pytest.mark.parametrize(
    ("cards", "changed"),
    [
        ([("0.011", "2025-01-01"), ("0.5", DAYS[1])], DAYS[1:]),  # another card from the second day on
        ([("0.011", DAYS[1])], DAYS[:1]),  # the first day loses its price
        ([("0.011", "2025-01-01"), ("0.5", "2026-01-01")], []),  # a card of the future
        ([], DAYS),
    ],
)
def test_only_days_of_another_price_wait(lived: Site, cards: list[tuple[str, Any]], changed: list[date]) -> None:
    before, known = dump(lived.url, (BANDWIDTH_COST_DAILY,)), set(costs(lived))
    run(priced(lived, *cards), now=LATER)
    waiting = status(priced(lived, *cards), now=LATER).repricing
    first = min(changed, default=None)
    expected = {day for day in known if first and (day >= str(first) if cards else True)}
    if cards == [("0.011", DAYS[1])]:
        expected = {day for day in known if day < str(DAYS[1])}
    assert {str(each.day) for each in waiting} == expected
    assert dump(lived.url, (BANDWIDTH_COST_DAILY,)) == before


def test_a_first_price_waits_too(tmp_path: Path) -> None:
    """What was "not available" when the day was final is a figure that somebody may have written down."""
    site = Site(tmp_path / "site")
    site.deliver(month(days=1))
    run(priced(site), now=NOW)
    found = run(at(site, "0.011"), now=LATER)
    assert "not available → " in "\n".join(found.rollup.waiting) and {c for c, _ in costs(site).values()} == {""}
    backfill(at(site, "0.011"), Task(FIRST, FIRST + timedelta(days=1), reprice=True), now=LATER)
    assert {c for c, _ in costs(site).values()} == {"USD"}


def test_days_that_are_not_final_take_the_new_price(lived: Site) -> None:
    made = tenancy.engine(lived.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        connection.execute(tables["days"].update().where(tables["days"].c.day == DAYS[1]).values(state="open"))
    made.dispose()
    before = costs(lived)
    found = run(at(lived, "0.022"), now=LATER)
    after, second = costs(lived), str(DAYS[1])
    assert found.rollup.days == [second]
    assert after[second][1] == pytest.approx(2 * (before[second][1] or 0), abs=3)
    assert {day for day in after if after[day] != before[day]} == {second}


def test_late_data_is_priced_as_the_day_was(lived: Site) -> None:
    """A final day that late lines reopen does not slip over to another price."""
    run(at(lived, "0.022"), now=LATER)
    before, late = costs(lived), month(days=3)[0]
    key = late.key[:-4] + "ffff"
    content = late.content.replace(b" 200 ", b" 206 ")
    assert content != late.content
    lived.deliver([replace(late, key=key, content=content)])
    run(at(lived, "0.022"), now=LATER)
    twin = lived.copied(lived.folder.parent / "twin")
    backfill(at(twin, "0.011"), Task(DAYS[0], DAYS[-1]), now=LATER)
    after = costs(lived)
    assert after != before and costs(twin) == after


def test_another_tenants_prices_are_none_of_this_ones(lived: Site) -> None:
    """Both write their cards into one table; the cards of neither are the other's, and neither takes them away."""
    (lived.folder / "bolt").mkdir()
    document = lived.document()
    source = {"kind": "s3_access_log", "path": "bolt"}
    other = {"tenant": "bolt", "sources": {"bolt": source}, "prices": [], "privacy": {"key": "the key of another one"}}
    before = dump(lived.url, _COST)
    run(from_mapping({**document, **other}, lived.folder), now=LATER)
    assert run(at(lived, "0.011"), now=LATER).rollup.waiting == [] and dump(lived.url, _COST) == before


def test_cards_that_an_older_version_lost_are_no_change_of_price(lived: Site) -> None:
    """It kept those of the tenant that ran last; the figures were made with a price all the same."""
    before = dump(lived.url, _COST)
    made = tenancy.engine(lived.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        connection.execute(tables["prices"].delete())
    made.dispose()
    assert run(at(lived, "0.011"), now=LATER).rollup.waiting == []
    assert dump(lived.url, _COST) == before


# --- it is done ------------------------------------------------------------------------------------------


def straight(site: Site, amount: str, folder: Path) -> dict[str, list[str]]:
    """What the same objects come to at this price from the start."""
    other = Site(folder, site.ingest)
    other.deliver(month(days=3))
    run(at(other, amount), now=NOW)
    return dump(other.url, ROLLUPS)


def test_history_is_priced_anew_by_an_act_that_keeps_both_figures(lived: Site, tmp_path: Path) -> None:
    before = costs(lived)
    settings, task = at(lived, "0.022"), Task(DAYS[0] - timedelta(days=1), DAYS[-1] + timedelta(days=1), reprice=True)
    planned = backfill(settings, task, now=LATER, dry_run=True)  # without a run that had seen the other price
    assert costs(lived) == before and rows(lived, "SELECT 1 FROM kept_prices") == []
    done = backfill(settings, task, now=LATER)
    assert done.repriced == planned.repriced and done.days == planned.days
    assert difference(straight(lived, "0.022", tmp_path / "straight"), dump(lived.url, ROLLUPS)) == []
    receipts = "SELECT day, currency, old_micros, new_micros FROM repricings ORDER BY day"
    after = costs(lived)
    assert [(str(day), *rest) for day, *rest in rows(lived, receipts)] == [
        (day, "USD", before[day][1], after[day][1]) for day in before
    ]
    assert rows(lived, "SELECT 1 FROM kept_prices") == [] and run(settings, now=LATER).is_idle
    again = backfill(settings, task, now=LATER)
    assert again.repriced == [] and len(rows(lived, receipts)) == len(before)


def test_an_act_on_some_days_leaves_the_others(lived: Site) -> None:
    before, settings = costs(lived), at(lived, "0.010", currency="EUR")
    run(settings, now=LATER)
    done = backfill(settings, Task(DAYS[1], DAYS[1], reprice=True), now=LATER)
    second = str(DAYS[1])
    euros = costs(lived)[second][1]
    assert done.repriced == [
        Waiting("bandwidth", "ovh", "EUR", DAYS[1], None, euros),
        Waiting("bandwidth", "ovh", "USD", DAYS[1], before[second][1], None),
    ]
    assert {day: cost for day, cost in costs(lived).items() if day != second} == {
        day: cost for day, cost in before.items() if day != second
    }
    assert {each.day for each in status(settings, now=LATER).repricing} == {
        date.fromisoformat(day) for day in before if day != second
    }


class Killed(BaseException):
    """Stands for the end of the process."""


def _kill() -> None:
    raise Killed


@pytest.mark.parametrize("point", [*faults.REPRICE_POINTS, "manifest.written", "rollup.deleted", "rollup.committed"])
def test_killed_in_mid_reprice_it_converges(
    point: str, lived: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, task = at(lived, "0.022"), Task(DAYS[0] - timedelta(days=1), DAYS[-1] + timedelta(days=1), reprice=True)
    run(settings, now=LATER)
    before = costs(lived)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setitem(faults.at, point, _kill)
        backfill(settings, task, now=LATER)
    run(settings, now=LATER)
    backfill(settings, task, now=LATER)
    assert difference(straight(lived, "0.022", tmp_path / "straight"), dump(lived.url, ROLLUPS)) == []
    told = rows(lived, "SELECT day, old_micros, new_micros FROM repricings")
    receipts = {str(day): (old, new) for day, old, new in told}
    assert receipts == {day: (before[day][1], micros) for day, (_, micros) in costs(lived).items()}


def test_a_lake_that_is_adopted_keeps_prices_and_receipts(lived: Site) -> None:
    settings = at(lived, "0.022")
    run(settings, now=LATER)
    backfill(settings, Task(DAYS[0], DAYS[0], reprice=True), now=LATER)
    wanted = dump(lived.url, (BANDWIDTH_COST_DAILY, KEPT_PRICES, REPRICINGS))
    assert all(wanted.values())
    (lived.folder / "warehouse.sqlite").unlink()
    adopt(settings)
    run(settings, now=LATER)
    assert dump(lived.url, (BANDWIDTH_COST_DAILY, KEPT_PRICES, REPRICINGS)) == wanted


def test_every_engine_says_the_same(tmp_path: Path) -> None:
    found = []
    for engine in servers.ENGINES:
        folder = tmp_path / str(engine)
        folder.mkdir()
        with servers.ready_database(engine, folder) as url:
            site = Site(tmp_path / f"{engine}-site", server=url)
            site.deliver(month(days=2))
            run(at(site, "0.011"), now=NOW)
            settings = at(site, "0.000012345678")
            waiting = run(settings, now=LATER).rollup.waiting
            backfill(settings, Task(DAYS[0], DAYS[0], reprice=True), now=LATER)
            found.append((waiting, dump(url, (*ROLLUPS, KEPT_PRICES, REPRICINGS))))
    assert found[0][0] and all(each == found[0] for each in found[1:]) and len(found) == 3


# --- credits -----------------------------------------------------------------------------------------------


def test_the_price_of_a_credit_is_kept_and_priced_anew(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("a", lines(generation(1), generation(2, credits_used=30), purchase(3)))
    box.run()
    listed = "SELECT currency, list_price_micros, price_basis FROM list_price_daily"
    measured = [("USD", 3_196_800, "measured")]  # 32 credits, 100 of them sold for 9.99 USD
    assert box.rows(listed) == measured
    cards = [{"amount": "0.20", "currency": "USD", "valid_from": "2026-01-01"}]
    source = {**OF_STUDIO, "credit_price": cards}
    settings = box.settings(palette=source)
    now = BOX_NOW + timedelta(minutes=1)
    for _ in range(2):
        found = run(settings, now=now)
        assert box.rows(listed) == measured
        assert "list price of generations, 3.20 USD → 6.40 USD" in "\n".join(found.rollup.waiting)
    day = date(2026, 11, 3)
    done = backfill(settings, Task(day, day, reprice=True), now=now)
    assert done.repriced == [Waiting("credit", "palette", "USD", day, 3_196_800, 6_400_000)]
    assert box.rows(listed) == [("USD", 6_400_000, "set")]
    assert box.rows("SELECT old_micros, new_micros FROM repricings") == [(3_196_800, 6_400_000)]
    assert "3.20" in "\n".join(run(box.settings(), now=now).rollup.waiting), "and back to what was paid"


# --- a provider --------------------------------------------------------------------------------------------


def test_a_model_that_gets_its_first_price_late_changes_no_final_day(tmp_path: Path) -> None:
    """One of two models has no price when its day becomes final; what came later is taken by the day that is open."""
    pricing = {"provider": "r", "generation_type": "image", "price_cents": 20}
    for system in palette("sqlite", tmp_path):
        system.insert("model_pricing", {**pricing, "model_id": "known", "cost_cents": 5})
        rows = (made(1, model_id="known"), made(2, model_id="new"), made(3, after=60, model_id="new"))
        system.insert("generation_events", *rows, made(4, after=86_400 * 1.9, model_id="new"))
        settings = settings_for(system.url, tmp_path)
        run(settings, now=BOX_NOW)
        system.insert("model_pricing", {**pricing, "model_id": "new", "cost_cents": 12})
        told = run(settings, now=BOX_NOW + timedelta(minutes=1)).rollup.waiting
        query = "SELECT day, SUM(cost_micros), SUM(uncosted) FROM generations_daily GROUP BY day ORDER BY day"
        box = Box(tmp_path)
        assert [tuple(map(str, row)) for row in box.rows(query)] == [
            ("2026-11-03", "50000", "2"),
            ("2026-11-05", "120000", "0"),
        ]
        assert "cost of generations, 0.0500 USD → 0.2900 USD" in "\n".join(told)
        done = backfill(settings, Task(DAY, DAY, reprice=True), now=BOX_NOW)
        assert done.repriced == [Waiting("provider", "palette", "USD", DAY, 50_000, 290_000)]
        assert tuple(map(str, box.rows(query)[0])) == ("2026-11-03", "290000", "0")
        assert run(settings, now=BOX_NOW + timedelta(minutes=2)).rollup.waiting == []
