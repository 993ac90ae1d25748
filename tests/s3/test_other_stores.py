"""Stores that answer otherwise than Amazon's, and are right: what decides nothing refuses nothing.

Each alteration is shown to bite: the altered answer is another one. The listing and the objects are what they
are without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mediameter.sources import s3, s3_listing
from tests.s3.injector import Answer, Fault, Injector, changed
from tests.s3.store import MODIFIED, NOW, Site, Store, figures, line

LISTING = "list-type=2"
FOLDER = "access-logs/media/"
KEYS = [f"{FOLDER}2026-01-0{day}-03-00-00-A" for day in range(1, 6)]
SIXTH = f"{FOLDER}2026-01-06-03-00-00-A"
Change = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_listing, "PAGE_KEYS", 3)


@pytest.fixture(autouse=True)
def five(store: Store) -> None:
    """One object a day, in a folder: the first page of three is not the last."""
    for number, key in enumerate(KEYS):
        store.put(key, line(number))


# --- of listings ---------------------------------------------------------------------------------------
def counted(count: Callable[[bytes], int]) -> Change:
    return lambda body: re.sub(rb"<KeyCount>\d+<", b"<KeyCount>%d<" % count(body), body)


def upside_down(body: bytes) -> bytes:
    """A store whose keys are sorted by something else, such as their encrypted names."""
    shown = re.findall(rb"<Contents>.*?</Contents>", body, re.DOTALL)
    for old, new in zip(shown, [b"@%d@" % number for number in range(len(shown))], strict=True):
        body = body.replace(old, new, 1)
    for number, each in enumerate(reversed(shown)):
        body = body.replace(b"@%d@" % number, each, 1)
    return body


def twice(body: bytes) -> bytes:
    """Its first key comes again, as where somebody writes while pages are made."""
    found = re.search(rb"<Contents>.*?</Contents>", body, re.DOTALL)
    return body.replace(found[0], found[0] * 2, 1) if found else body


LISTINGS: dict[str, Change] = {
    "folders are not counted": counted(lambda body: body.count(b"<Contents>")),
    "nothing is counted": counted(lambda body: 0),
    "there is no count": lambda body: re.sub(rb"<KeyCount>\d+</KeyCount>", b"", body),
    "the bucket has another name": lambda body: re.sub(rb"<Name>[^<]*<", b"<Name>tenant:acme-logs<", body),
    "the bucket has no name": lambda body: re.sub(rb"<Name>[^<]*</Name>", b"", body),
    "keys are not sorted": upside_down,
    "a key comes twice": twice,
    "no entity tags": lambda body: re.sub(rb"<ETag>[^<]*</ETag>", b"", body),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_the_second_run_reads_the_sixth_object(name: str, site: Site, injector: Injector, store: Store) -> None:
    """It lists folders, then what is new in them: the pages of which no store is like the other."""
    bites = []

    def bite(body: bytes) -> bytes:
        bites.append(LISTINGS[name](body) != body)
        return LISTINGS[name](body)

    injector.inject(LISTING, changed(bite))
    assert not site.run(NOW + timedelta(days=2), prefix="access-logs/").has_failed
    assert site.told() == figures(*range(5), settled=5)

    store.put(SIXTH, line(5), NOW + timedelta(days=2))
    assert not site.run(NOW + timedelta(days=2, hours=1), prefix="access-logs/").has_failed
    assert site.told() == figures(*range(6), settled=6)
    assert any(bites)


def test_where_keys_are_not_sorted_all_are_listed(site: Site, injector: Injector) -> None:
    """What follows a key is not what is newer there: a window by keys would leave new objects out."""
    injector.inject(LISTING, changed(upside_down))
    bucket = site.bucket(prefix="access-logs/")
    bucket.since = MODIFIED.date()
    assert [version.key for version in bucket.listing()] == KEYS


# --- of objects ----------------------------------------------------------------------------------------
def tagged(etag: str | None) -> Fault:
    """GETs with this entity tag, or none."""

    def alter(answer: Answer) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if name != "ETag"}
        return replace(answer, headers=headers if etag is None else {**headers, "ETag": etag})

    return alter


OBJECTS: dict[str, Fault] = {
    "no entity tag": tagged(None),
    "another than in the listing": tagged('"0123-of-chunks-7"'),
    "one that looks like a hash, and is none of the listing's": tagged(f'"{"0" * 32}"'),
    "a weak one, of a proxy that packs": lambda answer: tagged(f"W/{answer.headers['ETag']}")(answer),
}


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("part_bytes", [8 << 20, 100])
def test_the_tag_of_a_get_is_spelled_otherwise(
    name: str, part_bytes: int, site: Site, injector: Injector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", part_bytes)
    injector.inject(KEYS[2], OBJECTS[name])
    assert site.read(KEYS[2]) == line(2)


def test_a_store_that_takes_no_condition_by_the_tag_of_its_listing(site: Site, injector: Injector) -> None:
    injector.inject(LISTING, changed(lambda body: re.sub(rb"<ETag>[^<]*<", b"<ETag>&quot;1-of-a-filer&quot;<", body)))
    assert not site.run(NOW, prefix="access-logs/").has_failed
    assert site.told() == figures(*range(5), settled=5)
    asked = [target for target in injector.seen if LISTING not in target]
    assert len(asked) < 2 * len(KEYS)  # once it is known, no condition is sent any more


@pytest.mark.parametrize("name", ["no entity tag", "another than in the listing"])
def test_another_content_is_still_none(name: str, site: Site, injector: Injector) -> None:
    """Where the tag of the listing is a hash, the content decides."""

    def alter(answer: Answer) -> Answer:
        return replace(OBJECTS[name](answer), body=answer.body.replace(b" 200 ", b" 404 "))

    injector.inject(KEYS[2], alter)
    with pytest.raises(Exception, match="the content does not match its entity tag"):
        site.read(KEYS[2])
