"""Judging on a real warehouse, every engine: verdicts, incidents and messages, once, whatever comes late or again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import answers, connect
from mediameter.commands import alerts as step
from mediameter.sections.quantities import Money
from mediameter.settings import Settings, from_mapping
from mediameter.settings.models import Rule as Override
from mediameter.steps.alert.check import check
from mediameter.store import fences
from mediameter.store.tenancy import EVERYBODY
from mediameter.store.warehouse import naive, tables
from tests.alerts.told import change
from tests.pictures import Warehouse

pytestmark = pytest.mark.in_turn
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
DAY = date(2026, 11, 4)
HOURS = timedelta(hours=1)


@pytest.fixture
def place(made: sa.Engine, tmp_path: Path) -> Settings:
    """Logs and an application, both complete up to midnight; a channel that nobody answers."""
    document = {
        "warehouse": {"url": made.url.render_as_string(hide_password=False)},
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": "bucket"},
            "app": {"kind": "dailey_media", "url": "sqlite:///app.sqlite"},
        },
        "alerts": {"notify": ["https://hooks.example.org/x"], "monthly_budget": "200.00 USD"},
    }
    listed(made, NOW)
    return from_mapping(document, tmp_path)


def listed(made: sa.Engine, through: datetime) -> None:
    """What is known of both sources, up to an instant."""
    table = tables["listings"]
    row = {"listed_at": naive(through), "objects": 1, "pending": 0}
    with connect.writing(made) as connection:
        connection.execute(table.delete())
        for source, behind in (("ovh", 6 * HOURS), ("app", 0 * HOURS)):
            connection.execute(table.insert().values(source=source, complete_through_at=naive(through - behind), **row))


def day_of_errors(made: sa.Engine, errors: int, day: date = DAY, requests: int = 10_000) -> None:
    """A day of traffic with so many errors, as a rollup would write it."""
    with connect.writing(made) as connection:
        warehouse = Warehouse(connection)
        for name in ("traffic_daily", "endpoints_daily", "days"):
            connection.execute(tables[name].delete().where(tables[name].c.day == day), execution_options=EVERYBODY)
        warehouse.fill("traffic_daily", f"day | requests | bytes_sent\n{day} | {requests} | 5_000")
        warehouse.fill(
            "endpoints_daily",
            f"day | requests | errors | errors_without_crawlers\n{day} | {requests} | {errors} | {errors}",
        )
        warehouse.fill("days", f"day | source | lines | parsed\n{day} | ovh | {requests} | {requests}")
        fences.mark_dirty(connection, "checks", {day})


def rows(made: sa.Engine, table: str, **equal: object) -> list[dict[str, Any]]:
    t = tables[table]
    query = sa.select(t).where(*(t.c[name] == value for name, value in equal.items()))
    with connect.reading(made) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def incidents(made: sa.Engine, rule: str = "error_rate") -> list[tuple[str, str]]:
    found = rows(made, "incidents", rule=rule)
    return [(row["state"], row["told"]) for row in sorted(found, key=lambda row: row["begin_at"])]


def titles(made: sa.Engine, rule: str = "error_rate") -> list[str]:
    found = sorted(rows(made, "outbox"), key=lambda row: row["sequence"])
    said = [json.loads(row["payload"]) for row in found]
    return [change(each) for each in said if each["data"]["rule"] == rule]


def test_what_fires_is_a_row_an_incident_and_a_message_once(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 120)
    report = check(place, now=NOW)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="error_rate")
    assert (row["verdict"], row["value"], row["threshold"], row["sample"]) == ("critical", 0.012, 0.01, 10_000)
    assert incidents(made) == [("firing", "critical")]
    assert titles(made) == ["error_rate fires"]
    assert report.firing == [
        "critical: 1.2 % of a day's requests failed (limit 1 %), since 2026-11-04 00:00Z [error_rate]"
    ]
    again = check(place, now=NOW + timedelta(minutes=5))
    assert (again.rows, again.messages, again.firing) == ([], 0, report.firing)
    assert titles(made) == ["error_rate fires"]


def test_a_small_site_of_which_nearly_a_third_fails_is_heard(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 600, requests=2_000)
    check(place, now=NOW)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="error_rate")
    assert (row["verdict"], row["value"], row["sample"]) == ("critical", 0.3, 2_000)
    assert titles(made) == ["error_rate fires"]


def test_two_errors_of_twenty_are_too_few_and_wake_nobody(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 2, requests=20)
    assert check(place, now=NOW).messages == 0
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="error_rate")
    assert (row["verdict"], row["value"], row["threshold"]) == ("too_few", 0.1, 0.01)
    assert rows(made, "incidents") == []


def test_just_below_nothing_is_said(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 100)
    assert check(place, now=NOW).messages == 0
    assert rows(made, "incidents") == []


def test_a_day_that_is_not_complete_is_neither_good_nor_bad(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 9000)
    listed(made, datetime(2026, 11, 4, 20, tzinfo=UTC))
    check(place, now=NOW)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="error_rate")
    assert row["verdict"] == "not_yet_knowable" and not incidents(made)


SCRAPER = "9d5f" * 8


def day_of_addresses(made: sa.Engine, day: date, of_one: int, others: int) -> None:
    """A day of which one address asked so many times, in two applications, and all others together so many."""
    day_of_errors(made, 0, day, of_one + others)
    with connect.writing(made) as connection:
        table = tables["addresses_daily"]
        connection.execute(table.delete().where(table.c.day == day), execution_options=EVERYBODY)
        Warehouse(connection).fill(
            "addresses_daily",
            f"""day | application | address | edge | addresses | requests
            {day} | castingly | {SCRAPER} | direct | 1 | {of_one // 3}
            {day} | studio | {SCRAPER} | direct | 1 | {of_one - of_one // 3}
            {day} | studio | {"e" * 32} | edge | 1 | {others // 2}
            {day} | studio | other | NULL | 900 | {others - others // 2}""",
        )


def test_one_address_that_scrapes_is_told_by_its_pseudonym_until_it_is_known(made: sa.Engine, place: Settings) -> None:
    """A tenth of all requests; an edge of a CDN makes as much as it likes. Who knows the address says so."""
    day_of_addresses(made, DAY, 600, 5_400)
    assert check(place, now=NOW).firing == [
        f"warning: {SCRAPER}: this address made 10 % of a day's requests (limit 5 %), "
        "since 2026-11-04 00:00Z [busy_address]"
    ]
    [message] = [json.loads(row["payload"]) for row in rows(made, "outbox")]
    assert SCRAPER in message["title"]
    own = {"busy_address": Override(ignore=[SCRAPER[:12]])}
    known = place.model_copy(update={"alerts": place.alerts.model_copy(update={"rules": own})})
    for later in range(1, 4):
        day, now = DAY + timedelta(days=later), NOW + timedelta(days=later)
        listed(made, now)
        day_of_addresses(made, day, 600, 5_400)
        check(known, now=now)
    assert incidents(made, "busy_address") == [("resolved", "resolved")]


def test_one_developer_on_a_small_site_wakes_nobody(made: sa.Engine, place: Settings) -> None:
    day_of_addresses(made, DAY, 30, 20)
    assert check(place, now=NOW).messages == 0
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="busy_address")
    assert (row["check_group"], row["verdict"]) == ("*", "too_few")


def sent(made: sa.Engine, day: date, bytes_sent: int) -> None:
    """One GET of so many bytes is what is known of a day."""
    with connect.writing(made) as connection:
        warehouse = Warehouse(connection)
        for name in ("traffic_daily", "days"):
            connection.execute(tables[name].delete().where(tables[name].c.day == day), execution_options=EVERYBODY)
        warehouse.fill("traffic_daily", f"day | requests | bytes_sent\n{day} | 1 | {bytes_sent}")
        warehouse.fill("days", f"day | source | lines | parsed\n{day} | ovh | 1 | 1")
        fences.mark_dirty(connection, "checks", {day})


def test_a_limit_that_is_broken_at_noon_is_told_at_noon(made: sa.Engine, place: Settings) -> None:
    """A single download of this morning: 90 GiB, then 220. Yesterday, whose last logs come meanwhile, was fine."""
    today = NOW.date()
    listed(made, NOW)  # logs of today are awaited until tomorrow
    sent(made, today, 90 * 2**30)
    check(place, now=NOW)
    sent(made, today, 236_223_201_280)
    check(place, now=NOW + HOURS)
    sent(made, today - timedelta(days=1), 5)
    check(place, now=NOW + HOURS)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=today, rule="daily_bandwidth")
    assert (row["verdict"], row["value"]) == ("critical", 236_223_201_280)
    [incident] = rows(made, "incidents", rule="daily_bandwidth")
    assert (incident["state"], incident["severity"], incident["bad_windows"]) == ("firing", "critical", 1)
    assert incident["amended_at"] is None
    told = ["daily_bandwidth fires", "daily_bandwidth has become worse"]
    assert titles(made, "daily_bandwidth") == told
    for number, state in ((1, "firing"), (2, "resolved")):
        at = NOW + timedelta(days=number)  # the day before is complete, and this one has begun
        listed(made, at)
        sent(made, at.date(), 7)
        with connect.writing(made) as connection:  # as a listing that makes a day complete does
            fences.mark_dirty(connection, "checks", {at.date() - timedelta(days=1)})
        check(place, now=at)
        [incident] = rows(made, "incidents", rule="daily_bandwidth")
        assert (incident["state"], incident["bad_windows"]) == (state, 1)
    assert titles(made, "daily_bandwidth") == [*told, "daily_bandwidth has ended"]


def test_days_before_the_first_log_are_not_free_in_rule_answer_and_view(made: sa.Engine, place: Settings) -> None:
    """Logs of a month's last three days: 0.1736 USD in 72 known hours of 720 are 1.736 USD, of a budget of 1 USD."""
    alerts = place.alerts.model_copy(update={"monthly_budget": Money(Decimal("1.00"), "USD")})
    settings, last = place.model_copy(update={"alerts": alerts}), date(2026, 11, 30)
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    listed(made, now)
    with connect.writing(made) as connection:
        warehouse = Warehouse(connection)
        ends = {28: "2026-11-29", 29: "2026-11-30", 30: "2026-12-01"}
        picture = "\n".join(f"2026-11-{day} | final | ovh | {end}T00:00:00" for day, end in ends.items())
        warehouse.fill("days", f"day | state | source | complete_through_at\n{picture}")
        warehouse.fill("traffic_hourly", "hour_at | requests\n2026-11-28 00:00 | 3")
        costs = "2026-11-28 | USD | 5 | 57_800\n2026-11-30 | USD | 9 | 115_800"
        warehouse.fill("bandwidth_cost_daily", f"day | currency | bytes_sent | cost_micros\n{costs}")
        warehouse.fill("traffic_daily", "day | requests\n2026-11-30 | 3")
        fences.mark_dirty(connection, "checks", {last})
    check(settings, now=now)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=last, rule="monthly_budget")
    assert (row["verdict"], row["value"], row["threshold"], row["sample"]) == ("critical", 1.736, 1.0, 72)
    with connect.reading(made) as connection:
        asked = {"first_day": last, "last_day": last, "budget": "1.00 USD"}
        for name in ("cost_projection", "month_to_date"):
            found = answers.ask(connection, name, **asked)
            [told] = [dict(zip(found.columns, each, strict=True)) for each in found.rows]
            assert (told["projected_cost"], told["known_hours"], told["is_over_budget"]) == (Decimal("1.736"), 72, True)


def test_it_ends_once_and_the_next_day_may_fire_again(made: sa.Engine, place: Settings) -> None:
    for number, errors in enumerate((500, 500, 0, 500)):
        day = DAY + timedelta(days=number)
        now = NOW + timedelta(days=number)
        listed(made, now)
        day_of_errors(made, errors, day)
        check(place, now=now)
    assert incidents(made) == [("resolved", "resolved"), ("firing", "critical")]
    assert titles(made) == ["error_rate fires", "error_rate still fires", "error_rate has ended", "error_rate fires"]


def test_late_data_amends_the_past_and_sends_nothing_anew(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 500)
    check(place, now=NOW)
    following = DAY + timedelta(days=1)
    listed(made, NOW + timedelta(days=1))
    day_of_errors(made, 0, following)
    check(place, now=NOW + timedelta(days=1))
    told = titles(made)
    day_of_errors(made, 600)  # a backfill finds more
    check(place, now=NOW + timedelta(days=1))
    [incident] = rows(made, "incidents", rule="error_rate")
    assert (incident["worst_value"], incident["told"], titles(made)) == (0.06, "resolved", told)
    assert incident["note"].startswith("amended after late data")
    day_of_errors(made, 0)  # and then: it was nothing
    check(place, now=NOW + timedelta(days=1))
    [incident] = rows(made, "incidents", rule="error_rate")
    assert (incident["bad_windows"], incident["note"]) == (0, "late data took it back: it did not happen")
    assert titles(made) == told


def test_an_hour_whose_logs_have_not_come_is_news_when_they_have(made: sa.Engine, place: Settings) -> None:
    """Logs come an hour late: until then nothing is known of an hour, not even that it was quiet."""
    midnight = datetime(2026, 11, 5, tzinfo=UTC)
    for number in range(2, 9):
        now, hour = midnight + number * HOURS + timedelta(minutes=5), midnight + (number - 2) * HOURS
        listed(made, now)
        with connect.writing(made) as connection:
            errors = 50 if hour == midnight + 2 * HOURS else 0
            picture = f"{hour:%Y-%m-%d %H:%M} | 2xx | 500\n{hour:%Y-%m-%d %H:%M} | 5xx | {errors}"
            Warehouse(connection).fill("traffic_hourly", f"hour_at | status_class | requests\n{picture}")
        check(place, now=now)
    assert titles(made, "server_errors") == ["server_errors fires", "server_errors has ended"]


def test_yesterdays_last_hours_are_judged_when_all_is_known_though_nothing_came(
    made: sa.Engine, place: Settings
) -> None:
    """Silence makes no day dirty."""
    midnight, said = datetime(2026, 11, 5, tzinfo=UTC), []
    for now in (midnight + timedelta(minutes=5), midnight + 3 * HOURS):
        listed(made, now)
        check(place, now=now)
        said += [row["verdict"] for row in rows(made, "alert_windows", rule="server_errors", end_at=naive(midnight))]
    assert said == ["not_yet_knowable", "not_available"]


def test_an_hours_rows_are_added_up_though_they_look_the_same(made: sa.Engine, place: Settings) -> None:
    at = "2026-11-05 02:00"
    with connect.writing(made) as connection:
        Warehouse(connection).fill(
            "traffic_hourly",
            f"hour_at | application | status_class | requests\n{at} | a | 5xx | 5\n{at} | b | 5xx | 5\n"
            f"{at} | a | 2xx | 100\n{at} | b | 2xx | 100",
        )
    check(place, now=NOW)
    [hour] = rows(made, "alert_windows", rule="server_errors", begin_at=naive(datetime(2026, 11, 5, 2, tzinfo=UTC)))
    assert (hour["verdict"], hour["value"], hour["sample"]) == ("warning", 10 / 210, 210)


def test_rows_are_not_added_up_before_a_condition_on_what_is_added(
    made: sa.Engine, place: Settings, tmp_path: Path
) -> None:
    at = "2026-11-05 02:00"
    own = tmp_path / "alerts"
    own.mkdir()
    (own / "large.yaml").write_text(
        "large:\n  title: Applications with more than 5\n  needs: logs\n  window: 1 h\n  unit: requests\n  above: 8\n"
        "  value: {from: traffic_hourly, where: {status_class: 3xx, requests: {above: 5}}, sum: requests}\n"
    )
    with connect.writing(made) as connection:
        Warehouse(connection).fill(
            "traffic_hourly",
            f"hour_at | application | status_class | requests\n{at} | a | 3xx | 4\n{at} | b | 3xx | 7\n{at} | c | 3xx | 3",  # noqa: E501
        )
    check(place, now=NOW)
    [hour] = rows(made, "alert_windows", rule="large", begin_at=naive(datetime(2026, 11, 5, 2, tzinfo=UTC)))
    assert (hour["verdict"], hour["value"]) == ("ok", 7)


def test_history_is_kept_and_told_to_nobody(made: sa.Engine, place: Settings) -> None:
    for number in range(20, 0, -1):
        day_of_errors(made, 500 * (number % 2), DAY - timedelta(days=number))
    check(place, now=NOW)
    assert incidents(made)[:-2] == [("resolved", "resolved")] * (len(incidents(made)) - 2)
    assert len(titles(made)) <= 2  # of the last three days alone


def test_what_another_source_holds_up_is_judged_when_that_is_complete(made: sa.Engine, place: Settings) -> None:
    """Days later, when the day itself is long final and nothing of it changes."""
    listed(made, datetime(2026, 11, 4, 12, tzinfo=UTC))
    day_of_errors(made, 500)
    check(place, now=NOW)
    assert (incidents(made), titles(made)) == ([], [])
    later = NOW + timedelta(days=9)
    listed(made, later)
    check(place, now=later)
    [row] = rows(made, "alert_checks_daily", tenant="default", day=DAY, rule="error_rate")
    assert (row["verdict"], row["complete_through_at"]) == ("critical", naive(datetime(2026, 11, 5, tzinfo=UTC)))
    assert titles(made) == ["error_rate fires"]
    before = rows(made, "fences", family="checks")
    check(place, now=later + HOURS)
    assert rows(made, "fences", family="checks") == before


def test_a_silence_keeps_the_incident_and_tells_it_when_it_is_over(made: sa.Engine, place: Settings) -> None:
    made_silence = step.silence(place, "error_rate", "*", "2 h", "known", now=NOW)
    assert made_silence.ends_at == NOW + 2 * HOURS
    day_of_errors(made, 500)
    check(place, now=NOW)
    assert (incidents(made), titles(made)) == ([("firing", "")], [])
    assert [each.rule for each, _ in step.list_alerts(place, now=NOW).silences] == ["error_rate"]
    check(place, now=NOW + 2 * HOURS)
    assert titles(made) == ["error_rate fires"]
    step.silence(place, "*", "*", "2 h", "", now=NOW)
    assert step.end_silence(place, "*", "*", now=NOW).ended == 1


def test_a_source_that_is_late_is_told_in_place_of_what_rests_on_it(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 500)
    check(place, now=NOW + timedelta(days=2))  # nobody has listed anything since
    late = {row["rule"] for row in rows(made, "incidents", state="firing", check_group="ovh")}
    assert late == {"delivery_late", "not_run"}
    assert (titles(made, "not_run"), titles(made, "delivery_late")) == (["not_run (ovh) fires"], [])


def test_a_thousand_rows_of_groups_end_in_one_message(made: sa.Engine, place: Settings) -> None:
    with connect.writing(made) as connection:
        suites = "\n".join(f"{DAY} | s{n:04} | r | no | critical" for n in range(1000))
        Warehouse(connection).fill("quality_checks_daily", f"day | suite | rule | is_met | severity\n{suites}")
    day_of_errors(made, 0)
    check(place, now=NOW)
    assert titles(made, "quality_gate") == ["quality_gate fires for 51 groups"]
    assert len(rows(made, "incidents", rule="quality_gate")) == 51


def test_the_same_rows_twice_are_the_same_verdicts(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 110)
    check(place, now=NOW)
    before = [rows(made, name) for name in ("alert_checks_daily", "alert_windows", "incidents", "outbox")]
    day_of_errors(made, 110)
    check(place, now=NOW)
    assert [rows(made, name) for name in ("alert_checks_daily", "alert_windows", "incidents", "outbox")] == before


def test_a_threshold_that_is_changed_judges_all_days_anew(made: sa.Engine, place: Settings, tmp_path: Path) -> None:
    day_of_errors(made, 110)
    check(place, now=NOW)
    own = tmp_path / "alerts"
    own.mkdir()
    (own / "mine.yaml").write_text(
        "error_rate:\n  title: Mine\n  needs: logs\n  window: 1 day\n  unit: ratio\n  above: 2 %\n"
        "  value: {from: endpoints_daily, sum: errors}\n  over: {sum: requests}\n"
        "asked:\n  title: An answer as a measure\n  needs: logs\n  window: 1 day\n  unit: requests\n  above: 9999\n"
        "  value: {from: 'answer:error_rate', sum: requests}\n"
    )
    check(place, now=NOW)
    found = {row["rule"]: row["verdict"] for row in rows(made, "alert_checks_daily", tenant="default", day=DAY)}
    assert (found["error_rate"], found["asked"]) == ("ok", "critical")


def test_other_tenants_rows_are_none_of_ours(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 0)
    with connect.writing(made) as connection:
        picture = f"tenant | day | endpoint | requests | errors_without_crawlers\nother | {DAY} | x | 9 | 9"
        Warehouse(connection).fill("endpoints_daily", picture)
    check(place, now=NOW)
    assert incidents(made) == []
    assert {row["tenant"] for row in rows(made, "alert_windows")} == {"default"}


def test_another_reporting_zone_judges_the_same_hours_on_other_days(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 0)
    check(place, now=NOW)
    zoned = place.model_copy(update={"reporting": place.reporting.model_copy(update={"time_zone": "America/New_York"})})
    check(zoned, now=NOW)
    days = {(row["end_at"], row["day"]) for row in rows(made, "alert_windows", rule="server_errors")}
    assert len({end for end, _ in days}) == len(days)


def test_a_rule_that_is_switched_off_ends_what_it_said(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 500)
    check(place, now=NOW)
    off = place.alerts.model_copy(update={"rules": {"error_rate": Override(enabled=False)}})
    report = check(place.model_copy(update={"alerts": off}), now=NOW + HOURS)
    assert (incidents(made), report.firing) == ([("resolved", "resolved")], [])
    assert titles(made) == ["error_rate fires", "error_rate has ended"]
    assert rows(made, "incidents", rule="error_rate")[0]["note"] == "it is judged no more"


def test_a_day_that_is_judged_again_long_after_makes_no_incident(made: sa.Engine, place: Settings) -> None:
    day_of_errors(made, 500, DAY - timedelta(days=60))
    check(place, now=NOW)
    assert incidents(made) == [] and rows(made, "alert_windows", rule="error_rate") == []
    verdicts = rows(made, "alert_checks_daily", tenant="default", rule="error_rate")
    assert [row["verdict"] for row in verdicts] == ["critical"]
