"""Promises 5 and 8: how the objects come, in what order, in which batches and by how many workers, is not to be seen
in the figures; an object that was overwritten leaves nothing behind."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from random import Random

from schemas.rollups import DAYS, QUALITY_CHECKS_DAILY, TRAFFIC_DAILY
from tests.conftest import Trials
from tests.trials.conftest import NewSite, said_of
from tests.trials.dump import FIGURES, difference, dump, dump_hash
from tests.trials.runs import complete
from tests.worlds.site import NOW, LogObject

WORKERS = (1, 2, 4)
_LATER = timedelta(minutes=1)
_BEFORE_MIDNIGHT = re.compile(rb"\S+ \S+ \[31/Oct/2025:(0|1[0-2])")  # of the reporting zone
_AFTER_MIDNIGHT = re.compile(rb"\S+ \S+ \[31/Oct/2025:(1[3-9]|2)")


def portions(objects: list[LogObject], rng: Random) -> list[list[LogObject]]:
    """The objects in one to four deliveries."""
    number = rng.randrange(1, 5)
    parts: list[list[LogObject]] = [[] for _ in range(number)]
    for each in objects:
        rng.choice(parts).append(each)
    return parts


def test_order_batches_and_workers_change_nothing(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]], trials: Trials
) -> None:
    asked, failed = trials(3, 50), []
    for seed in range(asked):
        rng = Random(seed)
        ingest = (("workers", WORKERS[seed % 3]), ("batch_bytes", round(10 ** rng.uniform(4.7, 6.3))))
        site = replace(new_site(f"shuffled-{seed}"), ingest=ingest)
        deliveries = portions(objects, rng)
        for hours, delivery in enumerate(deliveries, start=1 - len(deliveries)):
            site.deliver(delivery)
            complete(site, NOW + timedelta(hours=hours), shuffled=rng.randrange(10**6))
        if dump(site.url) != straight:
            failed.append(f"seed {seed}: {difference(straight, dump(site.url))[:6]}")
    print(f"permutations: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def test_a_delivery_that_reaches_over_midnight_counts_once(new_site: NewSite, objects: list[LogObject]) -> None:
    earlier, later = halves(objects, _BEFORE_MIDNIGHT), halves(objects, _AFTER_MIDNIGHT)
    meant, alone = said_of(new_site("at once"), earlier + later), 0
    for name, first, second in (("forth", earlier, later), ("back", later, earlier)):
        site = new_site(name)
        alone += deliveries(said_of(site, first))
        assert said_of(site, second) == meant
    assert alone > deliveries(meant)


def deliveries(said: dict[str, list[str]]) -> int:
    place = TRAFFIC_DAILY.names.index("deliveries")
    return sum(json.loads(line)[place] for line in said["traffic_daily"])


def halves(objects: list[LogObject], times: re.Pattern[bytes]) -> list[LogObject]:
    """What the objects say of these times; those that say nothing of them are left out."""
    cut = [replace(each, content=b"".join(line for line in each.lines if times.match(line))) for each in objects]
    return [replace(each, key=f"{each.key}-{len(each.content)}") for each in cut if each.content]


def test_an_overwritten_object_leaves_nothing_behind(
    new_site: NewSite, objects: list[LogObject], trials: Trials
) -> None:
    asked, failed, rng = trials(1, 50), [], Random(3)
    bucket = {each.key: each for each in objects}
    site = new_site("overwritten")
    said_of(site, objects)
    for number in range(asked):
        chosen = rng.sample([key for key, each in bucket.items() if each.lines], rng.randrange(1, 4))
        written = [bucket[key].rewritten(rng, _LATER) for key in chosen]
        bucket |= {each.key: each for each in written}
        told, meant = said_of(site, written), said_of(new_site(f"meant-{number}"), list(bucket.values()))
        if told != meant:
            failed.append(f"mutation {number}: {difference(meant, told)[:6]}")
    print(f"overwritten objects: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def test_an_object_may_become_what_it_was(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]]
) -> None:
    site = new_site("there and back")
    said_of(site, objects)
    said_of(site, [objects[9].rewritten(Random(4), _LATER)])
    assert said_of(site, [objects[9]]) == straight


def test_the_same_content_under_a_second_key_is_only_duplicates(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]]
) -> None:
    first = objects[9]
    second = replace(first, key=first.key + "F", modified_ns=first.modified_ns + 10**9)
    doubled = said_of(new_site("doubled"), [*objects, second])
    same = [table.name for table in FIGURES if table != DAYS and table != QUALITY_CHECKS_DAILY]
    assert [doubled[name] for name in same] == [straight[name] for name in same]
    names = [name for name in DAYS.names if name != "revision"]
    [before], [after] = (
        [
            row
            for line in set(one["days"]) - set(other["days"])
            if (row := dict(zip(names, json.loads(line), strict=True)))
        ]
        for one, other in ((straight, doubled), (doubled, straight))
    )
    more = {name: after[name] - before[name] for name in ("objects", "lines", "parsed", "duplicates")}
    assert more == {"objects": 1, "lines": len(first.lines), "parsed": len(first.lines), "duplicates": len(first.lines)}


def test_a_second_run_changes_nothing_at_all(new_site: NewSite, objects: list[LogObject]) -> None:
    site = new_site("twice")
    said_of(site, objects)
    content = (site.folder / "warehouse.sqlite").read_bytes()
    before = dump_hash(site.url)
    complete(site, NOW)
    assert dump_hash(site.url) == before
    assert len((site.folder / "warehouse.sqlite").read_bytes()) == len(content)
