"""Incidents: they begin once, last and end once, whatever comes in which order; what is told follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from mediameter.alerts.continuity import Changed, carried
from mediameter.alerts.evaluate import Judged
from mediameter.alerts.incidents import DROPPED, RESOLVED, Incident, followed
from mediameter.alerts.rule import Aggregate, Bands, Rule
from mediameter.alerts.telling import NEWS, Silence, messages, news

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULE = Rule("tried", "Tried", "logs", 3600, 1, Aggregate("traffic_hourly", "sum", "requests"), Bands(True, 10, 5),
            "requests", resolve_after=2, reopen_s=6 * 3600)  # fmt: skip
_LETTERS = {".": ("ok", 1.0), "w": ("warning", 7.0), "C": ("critical", 20.0), "?": ("not_yet_knowable", 20.0),
            "-": ("not_available", None), "f": ("too_few", 20.0)}  # fmt: skip


def judged(letters: str, first: int = 0, rule: Rule = RULE, group: str = "*") -> list[Judged]:
    """A window an hour: . ok, w warning, C critical, ? not yet knowable, - not available, f too few."""
    found = []
    for number, letter in enumerate(letters, first):
        verdict, value = _LETTERS[letter]
        end = NOON + number * HOUR
        found.append(Judged(rule.name, group, end - HOUR, end, value, 10.0, verdict, 3))
    return found


def after(letters: str, rule: Rule = RULE) -> list[Incident]:
    """The incidents that windows come to."""
    return followed(rule, "default", None, judged(letters, rule=rule))


def states(letters: str, rule: Rule = RULE) -> str:
    return " ".join(f"{each.state}:{each.severity}:{each.bad_windows}" for each in after(letters, rule))


@pytest.mark.parametrize(
    ("letters", "wanted"),
    [
        ("....", ""),
        ("..C", "firing:critical:1"),
        ("..wwC", "firing:critical:3"),
        ("..Cww", "firing:critical:3"),
        ("C.", "firing:critical:1"),
        ("C..", "resolved:critical:1"),
        ("C.C..", "resolved:critical:2"),
        ("C?????", "firing:critical:1"),
        ("Cf.f.", "resolved:critical:1"),
        ("CfffC", "firing:critical:2"),
        ("C" + "f" * 23, "firing:critical:1"),
        ("C" + "f" * 24, "resolved:critical:1"),
        ("C" + "-" * 23, "firing:critical:1"),
        ("C" + "-" * 24, "resolved:critical:1"),
        ("C..C..", "resolved:critical:2"),
        ("C.......C..", "resolved:critical:2"),
        ("C" + "." * 9 + "C", "resolved:critical:1 firing:critical:1"),
    ],
)
def test_an_incident_begins_once_and_ends_once(letters: str, wanted: str) -> None:
    assert states(letters) == wanted


def test_what_must_last_is_pending_until_it_has() -> None:
    slow = replace(RULE, hold_s=2 * 3600)
    assert states("CC", slow) == "pending:critical:2"
    assert states("CCC", slow) == "firing:critical:3"
    assert states("CC.", slow) == ""
    assert states("CC.CC.", slow) == ""
    assert states("CCfC", slow) == "pending:critical:1"  # of the hour between, nobody knows that it was bad


@pytest.mark.parametrize("seed", range(30))
def test_what_goes_on_is_what_all_windows_come_to(seed: int) -> None:
    """Going on from the latest incident, run by run, is the same as looking at everything anew."""
    rng = Random(seed)
    rule = rng.choice([RULE, replace(RULE, hold_s=7200), replace(RULE, resolve_after=1, reopen_s=0)])
    letters = "".join(rng.choice("....wC?-f") for _ in range(60))
    whole = followed(rule, "default", None, judged(letters, rule=rule))
    cuts = [0, *sorted(rng.sample(range(60), 8)), 60]
    known: list[Incident] = []
    for begin, end in pairwise(cuts):
        windows = judged(letters, rule=rule)[begin:end]
        known = [*known[:-1], *followed(rule, "default", known[-1] if known else None, windows)]
    assert known == whole
    assert sum(each.is_open for each in whole) <= 1


# --- late data -----------------------------------------------------------------------------------------------


def come(
    known: Sequence[Incident], before: Sequence[Judged], after: Sequence[Judged], rule: Rule = RULE
) -> list[Incident]:
    """What there is when windows that were judged before are judged anew; dropped ones among them."""
    pairs = zip(before, after, strict=True)
    changes = [Changed(one, other) for one, other in pairs if one != other]
    return carried(rule, "default", known, followed(rule, "default", None, after), changes, NOON)


def heard(letters: str, rule: Rule = RULE) -> list[Incident]:
    """The incidents that windows come to, told."""
    found, _ = news({rule.name: rule}, after(letters, rule), [], NOON)
    return [each.incident for each in found]


def test_late_windows_beside_one_another_are_one_incident_that_keeps_its_id() -> None:
    [one] = heard("...C....")
    [earlier] = come([one], judged("...C...."), judged("..CCC..."))
    assert (earlier.incident_id, earlier.begin_at, earlier.bad_windows) == (one.incident_id, NOON + HOUR, 3)
    assert (earlier.told, earlier.told_times, earlier.amended_at) == (RESOLVED, 1, NOON)
    assert earlier.note == "amended after late data: 20"
    [third] = come([earlier], judged("..CCC..."), judged("CCCCC..."))
    assert (third.incident_id, third.begin_at, third.bad_windows) == (one.incident_id, NOON - HOUR, 5)
    assert news({"tried": RULE}, [third], [], NOON) == ([], [])


def test_two_that_late_data_joins_are_the_one_that_people_believe_to_go_on() -> None:
    over, on = heard("C..........C")
    assert (over.told, on.told) == (RESOLVED, "critical")
    one, gone = come([over, on], judged("C..........C"), judged("C" * 12))
    assert (one.incident_id, one.begin_at, one.told) == (on.incident_id, over.begin_at, "critical")
    assert (gone.incident_id, gone.bad_windows, gone.told) == (over.incident_id, 0, RESOLVED)
    both_on = replace(over, told="critical", state="firing")
    one, gone = come([both_on, on], judged("C..........C"), judged("C" * 12))
    [ended], _ = news({"tried": RULE}, [one, gone], [], NOON)
    assert (ended.change, ended.incident.incident_id) == ("resolved", on.incident_id)
    assert ended.incident.note == "late data shows that it is one with that since 2026-11-03 11:00Z"


def test_the_parts_of_one_that_late_data_parts_are_not_told_anew() -> None:
    [one] = heard("C" * 12)
    first, last = come([one], judged("C" * 12), judged("C" + "." * 10 + "C"))
    assert (last.incident_id, last.state, last.told) == (one.incident_id, "firing", "critical")
    assert (first.state, first.told) == (RESOLVED, RESOLVED) and first.incident_id != one.incident_id


def test_what_late_data_takes_back_is_told_to_have_ended_once() -> None:
    [one] = heard("CC")
    [half] = come([one], judged("CC"), judged(".C"))
    assert (half.incident_id, half.bad_windows, half.told) == (one.incident_id, 1, "critical")
    assert half.note == "late data took back the window to 2026-11-03 12:00Z"
    [nothing] = come([half], judged(".C"), judged(".."))
    assert (nothing.bad_windows, nothing.note) == (0, "late data took it back: it did not happen")
    [ended], _ = news({"tried": RULE}, [nothing], [], NOON)
    assert ended.change == "resolved"
    assert come([ended.incident], judged(".."), judged("..")) == [ended.incident]
    [again] = come([ended.incident], judged(".."), judged("CC"))
    assert (again.incident_id, again.state, again.bad_windows) == (one.incident_id, "firing", 2)
    [dropped] = come(after("C"), judged("C"), judged("."))  # nobody has heard of it
    assert dropped.state == DROPPED


def test_trouble_that_only_late_data_shows_says_so() -> None:
    [found] = come([], judged(".C....".replace("C", ".")), judged(".C...."))
    assert (found.state, found.is_late, found.note) == (RESOLVED, True, "found in late data")
    assert come([], judged("w"), judged(".")) == []
    [new] = come([], judged("??"), judged("C."))
    assert (new.is_late, new.note) == (False, "")


def test_what_must_last_lasts_in_late_data_too() -> None:
    slow = replace(RULE, hold_s=3600)
    known: list[Incident] = []
    said = judged("------", rule=slow)
    for number in range(5):
        now = [*judged("CCCCC"[: number + 1], rule=slow), *said[number + 1 :]]
        known = come(known, [*judged("CCCCC"[:number], rule=slow), *said[number:]], now, slow)
        assert [each.state for each in known] == [["pending", "firing"][number > 0]]
    [incident] = known
    assert (incident.fired_at, incident.bad_windows) == (NOON + HOUR, 5)


# --- what only grows -----------------------------------------------------------------------------------------

GROWING = replace(RULE, is_growing=True, resolve_after=1)


def test_a_window_that_is_bad_before_those_before_it_begins_one_incident() -> None:
    """The windows of two earlier hours become complete later: one is bad, one is fine; people hear of one."""
    [early] = heard("??C", GROWING)
    [whole] = come([early], judged("??C"), judged("C.C"), GROWING)
    assert (whole.incident_id, whole.state, whole.bad_windows) == (early.incident_id, "firing", 2)
    assert (whole.begin_at, whole.amended_at, news({"tried": GROWING}, [whole], [], NOON)[0]) == (NOON - HOUR, None, [])


def test_a_bad_window_that_grows_is_the_same_window_and_no_correction() -> None:
    [window] = judged("w")
    [incident] = heard("w", GROWING)
    more = window._replace(verdict="critical", value=30.0, sample=9)
    [worse] = come([incident], [window], [more], GROWING)
    assert (worse.severity, worse.value, worse.worst_value, worse.sample) == ("critical", 30.0, 30.0, 9)
    assert (worse.bad_windows, worse.amended_at, worse.note) == (1, None, "")
    [told_now], _ = news({"tried": GROWING}, [worse], [], NOON)
    assert told_now.change == "worse"


def test_what_grows_is_told_though_its_source_is_silent() -> None:
    [mine] = after("..C")
    dead = replace(after("C")[0], incident_id="d", rule="delivery_late", group="*", told="critical", told_at=NOON)
    assert news({"tried": RULE}, [mine, dead], [], NOON)[0] == []
    [told_now], _ = news({"tried": GROWING}, [mine, dead], [], NOON)
    [message] = messages({"tried": GROWING}, [told_now])
    assert dict(message.lines)["Value"] == "at least 20 requests; it is not to be above 10 requests"


# --- what is told --------------------------------------------------------------------------------------------


def told(letters: str, *, every: int = 1, silences: Sequence[Silence] = (), rule: Rule = RULE) -> list[str]:
    """What is told over time, a run after every so many windows."""
    known: list[Incident] = []
    found: list[str] = []
    windows = judged(letters, rule=rule)
    for begin in range(0, len(windows), every):
        fresh = windows[begin : begin + every]
        latest = known[-1:]
        changes = [Changed(None, each) for each in fresh]
        now_there = followed(rule, "default", latest[0] if latest else None, fresh)
        now_there = carried(rule, "default", latest, now_there, changes, NOON)
        known = [*known[:-1], *(each for each in now_there if each.state != DROPPED)]
        changed, passed = news({rule.name: rule}, known, silences, fresh[-1].end)
        found += [each.change for each in changed]
        told_now = {each.incident_id: each for each in [*(one.incident for one in changed), *passed]}
        known = [told_now.get(each.incident_id, each) for each in known]
    return found


@pytest.mark.parametrize(
    ("letters", "wanted"),
    [
        ("..C...", ["firing", "resolved"]),
        ("..wwCC..", ["firing", "worse", "resolved"]),
        ("w" * 30 + "..", ["firing", "still", "resolved"]),
        ("C..C..", ["firing", "resolved", "again", "resolved"]),
        ("C.C.C.C..", ["firing", "resolved"]),
        (
            "C..C..C..C..C..C..C..........",
            ["firing", "resolved", "again", "resolved", "again", "resolved", "flapping", "resolved"],
        ),
    ],
)
def test_what_is_told(letters: str, wanted: list[str]) -> None:
    assert told(letters) == wanted


def test_what_began_and_ended_between_two_runs_is_told_once() -> None:
    assert told(".C....", every=6) == ["over"]
    assert told(".C" + "." * 90, every=92) == []  # history
    assert told(".C..C", every=5) == ["firing"]  # nobody knows that it is again
    assert timedelta(hours=90) > NEWS


def test_silence_tells_nothing_and_what_still_fires_afterwards_is_told() -> None:
    silence = Silence("tried", "*", NOON, NOON + 3 * HOUR)
    assert told("CCCCC", silences=[silence]) == ["firing"]
    assert told("C..", silences=[silence]) == []
    assert told("CCCCC", silences=[silence._replace(rule="another")]) == ["firing"]
    assert told("CCCCC", silences=[silence._replace(rule="*", ends_at=NOON + 99 * HOUR)]) == []


def test_who_heard_of_the_begin_hears_of_the_end() -> None:
    """Whatever lies between: a silence, a worse severity, three days in which nobody looked."""
    silence = Silence("tried", "*", NOON + 2 * HOUR, NOON + 99 * HOUR)
    assert told("C....", silences=[silence]) == ["firing", "resolved"]
    assert told("C...C..", silences=[silence]) == ["firing", "resolved"]
    [incident] = after("w")
    [begun], _ = news({"tried": RULE}, [incident], [], NOON)
    [worse], _ = news({"tried": RULE}, [replace(begun.incident, severity="critical")], [], NOON)
    over = replace(worse.incident, state=RESOLVED, resolved_at=NOON)
    [ended], _ = news({"tried": RULE}, [over], [silence._replace(begins_at=NOON)], NOON + 2 * NEWS)
    sent = [messages({"tried": RULE}, [each])[0] for each in (begun, worse, ended)]
    assert [(each.severity, each.heard) for each in sent] == [
        ("warning", {"warning"}),
        ("critical", {"warning", "critical"}),
        ("critical", {"warning", "critical"}),
    ]
    assert sent[2].is_resolved


def test_a_source_that_fell_silent_is_told_in_place_of_what_rests_on_it() -> None:
    [mine] = after("..C")
    dead = replace(after("C")[0], incident_id="d", rule="logs_missing", group="*", told="critical", told_at=NOON)
    before = replace(mine, incident_id="b", last_bad_at=dead.begin_at - HOUR)
    changes, _ = news({"tried": RULE}, [mine, before, dead], [], NOON)
    assert [each.incident.incident_id for each in changes] == ["b"]
    changes, _ = news({"tried": RULE}, [mine, replace(dead, state=RESOLVED, told=RESOLVED)], [], NOON)
    assert [each.change for each in changes] == ["firing"]


def test_the_same_change_has_the_same_key_and_another_one_another() -> None:
    [incident] = after("C")
    [one], _ = news({"tried": RULE}, [incident], [], NOON)
    [again], _ = news({"tried": RULE}, [incident], [], NOON + HOUR)
    assert one.key == again.key
    [still], _ = news({"tried": RULE}, [one.incident], [], NOON + 24 * HOUR)
    assert (still.change, still.key == one.key) == ("still", False)


def test_many_groups_of_a_rule_are_one_message() -> None:
    many = [followed(RULE, "default", None, judged("C", group=f"g{n}"))[0] for n in range(20)]
    changes, _ = news({"tried": RULE}, many, [], NOON)
    [message] = messages({"tried": RULE}, changes)
    assert message.title == "[critical] mediameter: Tried: 20 groups"
    assert dict(message.lines)["Which"] == "g0, g1, g2, g3, g4 and 15 more"
    few, _ = news({"tried": RULE}, many[:3], [], NOON)
    told = [each.title for each in messages({"tried": RULE}, few)]
    assert told == [f"[critical] mediameter: g{n}: Tried: 20 requests (limit 10)" for n in range(3)]


def test_a_message_says_what_how_much_since_when_and_what_to_do() -> None:
    rule = replace(
        RULE,
        unit="bytes",
        bands=Bands(True, 10e9, None),
        runbook="Look\nat it.",
        headline="{value} sent in a day (limit {limit})",
    )
    [incident] = after("CC..", rule)
    incident = replace(incident, value=20e9, worst_value=30e9, threshold=10e9, told="critical", note="")
    changes, _ = news({"tried": rule}, [incident], [], NOON)
    [message] = messages({"tried": rule}, changes)
    title = "[resolved] mediameter: 30 GB sent in a day (limit 10 GB)"
    assert (message.title, message.severity, message.is_resolved) == (title, "critical", True)
    assert message.lines == (
        ("What", "Tried"),
        ("Value", "20 GB, at worst 30 GB; it is not to be above 10 GB"),
        ("Since", "2026-11-03 11:00Z"),
        ("Ended", "2026-11-03 13:00Z"),
        ("Do", "Look at it."),
        ("Look", "mediameter alerts explain tried"),
    )
    assert message.fingerprint == incident.incident_id


def test_days_are_counted_where_clocks_change() -> None:
    daily = replace(RULE, step_s=86_400, hold_s=86_400, resolve_after=1)
    saturday, sunday = datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC)  # in Paris
    days = [
        Judged("tried", "*", saturday, sunday, 20.0, 10.0, "critical", 3),
        Judged("tried", "*", sunday, sunday + 23 * HOUR, 20.0, 10.0, "critical", 3),
    ]
    assert [each.state for each in followed(daily, "default", None, days)] == ["firing"]
    assert [each.state for each in followed(daily, "default", None, days[:1])] == ["pending"]


def test_pending_is_not_told() -> None:
    slow = replace(RULE, hold_s=3600)
    assert told("C.C.C.", rule=slow) == []
