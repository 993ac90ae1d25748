"""Listing a bucket over S3: page by page, each held against what a listing has to be; only the last days where the
keys' layout tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists one bucket. A page that cannot be right raises ``WorldError``: showing less would look like a quiet day."""

    client: Any
    source: str
    bucket: str

    def objects(self, prefix: str, since: date | None) -> list[dict[str, Any]]:
        """All objects below the prefix; those of ``since`` (a UTC day) and later, where each of the first keys shows
        by its name of what day it is. What sorts before or between days is left to a listing of everything."""
        begin = next(self._pages(prefix))
        if begin.is_last:
            return begin.objects
        layout = _layout_of(prefix, begin.objects) if since else None
        if since is None or layout is None:
            return _all(self._pages(prefix))
        depth, separator = layout
        later = self._objects_since(prefix, depth, since.strftime(separator.join(("%Y", "%m", "%d"))))
        return list({each["Key"]: each for each in (*begin.objects, *later)}.values())

    def _objects_since(self, prefix: str, depth: int, day: str) -> Iterator[dict[str, Any]]:
        """In each folder that lies so deep, from the day on; and what lies less deep."""
        roots = [prefix]
        for _ in range(depth):
            levels = [page for root in roots for page in self._pages(root, delimiter="/")]
            yield from (each for page in levels for each in page.objects)
            roots = [folder for page in levels for folder in page.folders]
        for root in roots:
            yield from _all(self._pages(root, after=root + day))

    def _pages(self, prefix: str, *, after: str = "", delimiter: str = "") -> Iterator[Page]:
        asked = {"Bucket": self.bucket, "Prefix": prefix, "MaxKeys": PAGE_KEYS}
        asked |= {"StartAfter": after} if after else {}
        asked |= {"Delimiter": delimiter} if delimiter else {}
        tokens: set[str] = set()
        last = {"key": after, "folder": after}
        while True:
            answer = self.client.list_objects_v2(**asked)
            page = self._checked(answer, prefix, last)
            yield page
            if page.is_last:
                return
            token = answer.get("NextContinuationToken", "")
            if not token or token in tokens:
                raise self._untrue("it says there is more, but not from where" if not token else "it goes in a circle")
            tokens.add(token)
            asked["ContinuationToken"] = token

    def _checked(self, answer: dict[str, Any], prefix: str, last: dict[str, str]) -> Page:
        """The page, unless it is none or cannot follow the page before: ``last`` moves on with it."""
        if "IsTruncated" not in answer or answer.get("Name", self.bucket) != self.bucket:
            raise self._untrue("the answer is no listing of it")
        objects = answer.get("Contents", [])
        folders = [each["Prefix"] for each in answer.get("CommonPrefixes", [])]
        if answer.get("KeyCount", len(objects) + len(folders)) != len(objects) + len(folders):
            raise self._untrue(f"a page says {answer['KeyCount']:,} keys and shows {len(objects) + len(folders):,}")
        for kind, names in (("key", [each["Key"] for each in objects]), ("folder", folders)):
            for name in names:
                if not name.startswith(prefix):
                    raise self._untrue(f"the {kind} {name!a} is not below {prefix!a}")
                if name.encode() <= last[kind].encode():
                    raise self._untrue(f"the {kind} {name!a} comes again or out of order")
                last[kind] = name
        return Page(objects, folders, not answer["IsTruncated"])

    def _untrue(self, why: str) -> WorldError:
        return WorldError(
            f"source '{self.source}': the listing of {self.bucket} cannot be right: {why}",
            "run again; nothing was changed. If it stays so, ask the provider",
        )


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
