"""Budgets on a real warehouse, every engine: what is spent already is told at once, what is projected says the same in
rule, view and answer, and no currency is added to another."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import answers, connect
from mediameter.alerts.catalogue import catalogue, find
from mediameter.errors import UserError
from mediameter.settings import Settings, from_mapping
from mediameter.steps.alert.check import check
from mediameter.store import fences
from mediameter.store.warehouse import naive, tables
from tests.pictures import Warehouse

pytestmark = pytest.mark.in_turn
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)  # a Thursday
TODAY, MONDAY = NOON.date(), date(2026, 11, 2)
BUDGETS = {
    "castingly": {"amount": "3.00 USD", "application": "castingly"},
    "models": {"amount": "5.00 EUR", "per": "week", "costs": "generations", "models": ["flux", "veo"]},
    "users": {"amount": "2.00 EUR", "costs": "generations", "each": "user"},
}


def settings_of(made: sa.Engine, folder: Path, **more: Any) -> Settings:
    document = {
        "warehouse": {"url": made.url.render_as_string(hide_password=False)},
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": "bucket"},
            "gen": {"kind": "palette_events", "path": "events", "application": "studio"},
        },
        "alerts": {"notify": ["https://hooks.example.org/x"], "monthly_budget": "10.00 USD"},
        **more,
    }
    return from_mapping(document, folder)


def known(made: sa.Engine, *, through: datetime = NOON) -> None:
    """Logs and events of November's days so far, both complete six hours ago; the days before today are final."""
    midnights = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, through.day + 1)]
    with connect.writing(made) as connection:
        warehouse = Warehouse(connection)
        for source, family in (("ovh", "traffic"), ("gen", "generations")):
            row = {"source": source, "listed_at": naive(through), "objects": 1, "pending": 0}
            complete = naive(through - timedelta(hours=6))
            connection.execute(tables["listings"].insert().values(complete_through_at=complete, **row))
            for at in midnights:
                state = "final" if at.date() < through.date() else "open"
                end = min(naive(at + timedelta(days=1)), complete)
                names = "day | source | family | state | complete_through_at"
                warehouse.fill("days", f"{names}\n{at.date()} | {source} | {family} | {state} | {end}")
        warehouse.fill("traffic_hourly", "hour_at | requests\n2026-11-01 00:00 | 3")
        warehouse.fill("generations_hourly", "hour_at | generations\n2026-11-01 00:00 | 3")
        fences.mark_dirty(connection, "checks", {at.date() for at in midnights})


def fill(made: sa.Engine, **pictures: str) -> None:
    with connect.writing(made) as connection:
        for table, picture in pictures.items():
            Warehouse(connection).fill(table, picture)


def row_of(made: sa.Engine, rule: str, day: date, group: str = "*") -> dict[str, Any]:
    t = tables["alert_checks_daily"]
    query = sa.select(t).where(t.c.tenant == "default", t.c.day == day, t.c.rule == rule, t.c.check_group == group)
    with connect.reading(made) as connection:
        [row] = connection.execute(query).mappings()
        return dict(row)


def titles(made: sa.Engine) -> list[str]:
    """Of each message about a budget: rule, groups, and what became of it."""
    with connect.reading(made) as connection:
        payloads = [json.loads(each) for each in connection.execute(sa.select(tables["outbox"].c.payload)).scalars()]
    return sorted(
        f"{each['data']['rule']} {each['data']['incidents'][0]['group']} {each['data']['change']}"
        for each in payloads
        if "budget" in each["data"]["rule"]
    )


def told(made: sa.Engine, day: date, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the answer says of a budget, by subject and currency."""
    with connect.reading(made) as connection:
        found = answers.ask(connection, "budgets", first_day=day, last_day=day)
    rows = [dict(zip(found.columns, each, strict=True)) for each in found.rows]
    return {(row["subject"], row["currency"]): row for row in rows if row["budget_name"] == name}


def test_what_is_spent_already_is_told_at_noon(made: sa.Engine, tmp_path: Path) -> None:
    """10 USD are a month's budget, and 10.01 are gone by this morning: not known from tomorrow on, but now. The days
    before projected 3 USD."""
    known(made)
    costs = f"2026-11-01 | USD | 5 | 400_000\n{TODAY} | USD | 9 | 9_610_000"
    fill(made, bandwidth_cost_daily=f"day | currency | bytes_sent | cost_micros\n{costs}")
    fill(made, traffic_daily=f"day | requests\n2026-11-01 | 3\n{TODAY} | 3")
    report = check(settings_of(made, tmp_path), now=NOON)
    row = row_of(made, "monthly_budget", TODAY)
    assert (row["verdict"], row["threshold"], row["unit"], row["sample"]) == ("critical", 10.0, "USD", 96)
    assert row["value"] == 10.01  # more than its pace so far comes to
    assert titles(made) == ["monthly_budget * firing"]
    assert report.firing == [
        "critical: the month's bandwidth will cost 10.01 USD at this pace (limit 10.00 USD), "
        "since 2026-11-05 00:00Z [monthly_budget]"
    ]
    assert row_of(made, "monthly_budget", date(2026, 11, 4))["verdict"] == "ok"
    assert check(settings_of(made, tmp_path), now=NOON).messages == 0


def test_a_month_that_may_still_hold_is_not_yet_knowable(made: sa.Engine, tmp_path: Path) -> None:
    known(made)
    fill(made, bandwidth_cost_daily=f"day | currency | cost_micros\n{TODAY} | USD | 7_990_000")
    check(settings_of(made, tmp_path), now=NOON)
    assert row_of(made, "monthly_budget", TODAY)["verdict"] == "not_yet_knowable" and titles(made) == []


def test_each_budget_is_a_rule_and_says_what_view_and_answer_say(made: sa.Engine, tmp_path: Path) -> None:
    """By application and month, by models and week, by each user. A Wednesday: 72 known hours of 168 since Monday,
    96 of 720 since the first. 2.40 EUR of models are 5.60 EUR a week; 0.30 EUR of one user are 2.25 EUR a month."""
    known(made)
    fill(
        made,
        bandwidth_cost_daily="day | application | currency | cost_micros\n"
        "2026-11-03 | castingly | USD | 200_000\n2026-11-03 | studio | USD | 7",
        generations_daily="day | source | model | currency | cost_micros\n"
        "2026-11-01 | gen | flux | EUR | 900_000\n2026-11-02 | gen | flux | EUR | 2_000_000\n"
        "2026-11-04 | gen | veo | EUR | 400_000\n2026-11-04 | gen | other | EUR | 9_000_000",
        generation_users_daily="day | source | user_id | currency | cost_micros\n"
        "2026-11-01 | gen | u-1 | EUR | 300_000\n2026-11-04 | gen | u-2 | EUR | 1",
    )
    last, settings = date(2026, 11, 4), settings_of(made, tmp_path, budgets=BUDGETS)
    check(settings, now=NOON)
    seen = {
        (rule, group): [row_of(made, rule, last, group)[name] for name in ("verdict", "value", "threshold", "unit")]
        for rule, group in (("budget_castingly", "*"), ("budget_models", "*"), ("budget_users", "u-1"))
    }
    assert seen == {
        ("budget_castingly", "*"): ["ok", 1.5, 3.0, "USD"],
        ("budget_models", "*"): ["critical", 5.6, 5.0, "EUR"],
        ("budget_users", "u-1"): ["critical", 2.25, 2.0, "EUR"],
    }
    assert titles(made) == ["budget_models * firing", "budget_users u-1 firing"]
    for (rule, subject), (_, value, limit, currency) in seen.items():
        [row] = [told(made, last, rule.removeprefix("budget_"))[subject, currency]]
        assert (float(row["projected_cost"]), float(row["budget"])) == (value, limit)
        assert row["is_over_budget"] == (value > limit)
    assert told(made, last, "models")["*", "EUR"]["period_first_day"] == MONDAY


def test_another_currency_is_named_and_held_against_nothing(made: sa.Engine, tmp_path: Path) -> None:
    """What is in the budget's own may break it alone; where it does not, nobody can say that the budget holds."""
    known(made)
    fill(
        made,
        generations_daily="day | source | model | currency | cost_micros | uncosted\n"
        "2026-11-03 | gen | flux | EUR | 100_000 | 0\n2026-11-03 | gen | flux | USD | 90_000_000 | 0\n"
        "2026-11-03 | gen | veo | | 0 | 2\n2026-11-04 | gen | veo | EUR | 3_000_000 | 0",
    )
    check(settings_of(made, tmp_path, budgets=BUDGETS), now=NOON)
    before, last = (row_of(made, "budget_models", date(2026, 11, day)) for day in (3, 4))
    assert (before["verdict"], before["value"]) == ("not_available", None)
    assert (last["verdict"], last["value"]) == ("critical", 3_100_000 * 168 / (72 * 10**6))
    assert told(made, date(2026, 11, 3), "models")["*", "EUR"]["is_over_budget"] is None
    rows = told(made, date(2026, 11, 4), "models")
    assert {currency: (row["is_counted"], row["budget"] is not None) for (_, currency), row in rows.items()} == {
        "EUR": (True, True), "USD": (False, False), None: (False, False),
    }  # fmt: skip
    assert rows["*", None]["uncosted"] == 2


def test_a_budget_that_is_gone_or_changed_is_so_at_the_next_check(made: sa.Engine, tmp_path: Path) -> None:
    known(made)
    fill(made, bandwidth_cost_daily="day | currency | cost_micros\n2026-11-03 | USD | 700_000")
    check(settings_of(made, tmp_path, budgets=BUDGETS), now=NOON)
    assert titles(made) == []
    less = {"castingly": {"amount": "0.50 USD"}}
    check(settings_of(made, tmp_path, budgets=less), now=NOON)
    assert "budget_castingly * firing" in titles(made)
    check(settings_of(made, tmp_path), now=NOON)
    assert "budget_castingly * resolved" in titles(made)
    with connect.reading(made) as connection:
        assert connection.execute(sa.select(tables["budgets"].c.budget_name)).scalars().all() == ["monthly_budget"]


def test_without_a_budget_its_rule_sleeps_and_says_why(tmp_path: Path) -> None:
    logs = {"ovh": {"kind": "s3_access_log", "path": "bucket"}}
    none = from_mapping({"sources": logs}, tmp_path)
    assert find(none, "budget").dormant == "no budget is set: [budgets.NAME]"
    some = from_mapping({"sources": logs, "budgets": BUDGETS}, tmp_path)
    by_name = {rule.name: rule for rule in catalogue(some) if rule.name.startswith("budget")}
    assert set(by_name) == {"budget_castingly", "budget_models", "budget_users"}
    assert by_name["budget_castingly"].bands.warning == pytest.approx(2.4)
    assert by_name["budget_models"].dormant == "no source of kind that generates is set"
    with pytest.raises(UserError, match="there is no rule 'budget_model'"):
        find(some, "budget_model")


def test_the_amount_of_a_budget_stands_in_one_place(tmp_path: Path) -> None:
    """Else the rule would say another thing than view and answer; how often it is told is the rule's own."""
    logs = {"ovh": {"kind": "s3_access_log", "path": "bucket"}}
    document = {"sources": logs, "budgets": BUDGETS}
    more = {"rules": {"budget_castingly": {"above": "9.00 USD"}}}
    with pytest.raises(UserError, match=r"\[alerts.rules.budget_castingly\]: above: the amount of a budget stands in"):
        catalogue(from_mapping({**document, "alerts": more}, tmp_path))
    own = {"rules": {"budget_castingly": {"repeat": "4 h", "hold": "1 day"}}}
    rule = find(from_mapping({**document, "alerts": own}, tmp_path), "budget_castingly")
    assert (rule.repeat_s, rule.hold_s, rule.bands.critical) == (14_400, 86_400, 3.0)
