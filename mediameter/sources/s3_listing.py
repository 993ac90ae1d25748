"""Listing a bucket over S3: page by page, each held against what a listing has to be; only the last days where the
keys' layout tells them.

Stores differ in what decides nothing: how they count keys (``KeyCount``), in which order they list them, by which name
they call the bucket. What decides is whether there is more, from where, and that a page shows what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mediameter.errors import WorldError

PAGE_KEYS = 1000

# Folders (none, a few, or account/region/bucket), then the day: 2026-01-31-23-59-59-… or 2026/01/31/…
_LAYOUT = re.compile(r"((?:[^/]+/)*?)\d{4}(?:-\d\d-\d\d-\d\d-\d\d-\d\d-|/\d\d/\d\d/)")


@dataclass(slots=True)
class Page:
    """What one answer shows: objects (as boto3 has them), and folders where they were asked for."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    is_last: bool = True


@dataclass(slots=True)
class Seen:
    """What the pages of one question have shown: each key and folder once, and whether they came in order."""

    names: set[str] = field(default_factory=set)
    last: dict[str, str] = field(default_factory=dict)
    is_sorted: bool = True

    def take(self, page: Page) -> bool:
        """Whether the page shows anything that the pages before it did not."""
        before = len(self.names)
        for kind, names in (("key", [each["Key"] for each in page.objects]), ("folder", page.folders)):
            for name in names:
                self.is_sorted &= name.encode() > self.last.get(kind, "").encode()
                self.last[kind] = name
            self.names.update(f"{kind} {name}" for name in names)
        return len(self.names) > before


class Unsorted(Exception):
    """The store does not list by the order of keys: what follows a key is not what is newer."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists one bucket. A page that cannot be right raises ``WorldError``: showing less would look like a quiet day."""

    client: Any
    source: str
    bucket: str

    def objects(self, prefix: str, since: date | None) -> list[dict[str, Any]]:
        """All objects below the prefix; those of ``since`` (a UTC day) and later, where each of the first keys shows
        by its name of what day it is. What sorts before or between days is left to a listing of everything, and so is
        a store that does not list by the order of keys."""
        found = None
        if since is not None:
            with suppress(Unsorted):
                found = self._latest(prefix, since)
        return _each_once(_all(self._pages(prefix)) if found is None else found)

    def _latest(self, prefix: str, since: date) -> list[dict[str, Any]] | None:
        """The first page and what the days from ``since`` on hold; None where keys do not tell their day."""
        begin = next(self._pages(prefix, needs_order=True))
        if begin.is_last:
            return begin.objects
        layout = _layout_of(prefix, begin.objects)
        if layout is None:
            return None
        depth, separator = layout
        later = self._objects_since(prefix, depth, since.strftime(separator.join(("%Y", "%m", "%d"))))
        return [*begin.objects, *later]

    def _objects_since(self, prefix: str, depth: int, day: str) -> Iterator[dict[str, Any]]:
        """In each folder that lies so deep, from the day on; and what lies less deep."""
        roots = [prefix]
        for _ in range(depth):
            levels = [page for root in roots for page in self._pages(root, delimiter="/", needs_order=True)]
            yield from (each for page in levels for each in page.objects)
            roots = [folder for page in levels for folder in page.folders]
        for root in roots:
            yield from _all(self._pages(root, after=root + day, needs_order=True))

    def _pages(self, prefix: str, *, after: str = "", delimiter: str = "", needs_order: bool = False) -> Iterator[Page]:
        """Page by page. Raises ``Unsorted`` where ``needs_order`` and the keys come in another one."""
        asked = {"Bucket": self.bucket, "Prefix": prefix, "MaxKeys": PAGE_KEYS}
        asked |= {"StartAfter": after} if after else {}
        asked |= {"Delimiter": delimiter} if delimiter else {}
        tokens: set[str] = set()
        seen = Seen()
        while True:
            answer = self.client.list_objects_v2(**asked)
            page = self._checked(answer, prefix)
            is_news = seen.take(page)
            if tokens and not is_news and (page.objects or page.folders):
                raise self._untrue("a page shows what the pages before it have shown, and nothing else")
            if needs_order and not seen.is_sorted:
                raise Unsorted
            yield page
            if page.is_last:
                return
            token = answer.get("NextContinuationToken", "")
            if not token or token in tokens:
                raise self._untrue("it says there is more, but not from where" if not token else "it goes in a circle")
            tokens.add(token)
            asked["ContinuationToken"] = token

    def _checked(self, answer: dict[str, Any], prefix: str) -> Page:
        """The page, unless it is none, shows what was not asked for, or says that it lacks something.

        A ``KeyCount`` below what is shown says nothing: some stores leave folders out of it, some have none.
        """
        if "IsTruncated" not in answer:
            raise self._untrue("the answer is no listing of it")
        objects = answer.get("Contents", [])
        folders = [each["Prefix"] for each in answer.get("CommonPrefixes", [])]
        if answer.get("KeyCount", 0) > len(objects) + len(folders):
            raise self._untrue(f"a page says {answer['KeyCount']:,} keys and shows {len(objects) + len(folders):,}")
        for kind, names in (("key", [each["Key"] for each in objects]), ("folder", folders)):
            for name in names:
                if not name.startswith(prefix):
                    raise self._untrue(f"the {kind} {name!a} is not below {prefix!a}")
        return Page(objects, folders, not answer["IsTruncated"])

    def _untrue(self, why: str) -> WorldError:
        return WorldError(
            f"source '{self.source}': the listing of {self.bucket} cannot be right: {why}",
            "run again; nothing was changed. If it stays so, ask the provider",
        )


def _each_once(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a key that came twice, as it was shown last: somebody has written it meanwhile."""
    return list({each["Key"]: each for each in objects}.values())


def _all(pages: Iterator[Page]) -> list[dict[str, Any]]:
    return [each for page in pages for each in page.objects]


def _layout_of(prefix: str, objects: list[dict[str, Any]]) -> tuple[int, str] | None:
    """How many folders stand before the day, and what stands between year and month; None unless all keys agree."""
    found = set()
    for key in (each["Key"].removeprefix(prefix) for each in objects if not is_marker(each)):
        match = _LAYOUT.match(key)
        found.add((match[1].count("/"), key[match.end(1) + 4]) if match else None)
    return found.pop() if len(found) == 1 else None


def is_marker(listed: dict[str, Any]) -> bool:
    """The empty object that some tools put where they see a folder."""
    return bool(listed["Key"].endswith("/") and not listed["Size"])
