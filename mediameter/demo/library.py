"""Who is there: the files in the storage, the people and bots that ask for them, and where on earth they are.

All direct addresses come from ranges set aside for documentation and benchmarks: none is anyone's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from mediameter.demo.lines import logged_key

CASTINGLY, CORE, PALETTE, NOBODY = "castingly", "dailey-core", "palette-studio", "unattributed"
REFERERS = {"castingly.dailey.dev": CASTINGLY, "palette.dailey.dev": PALETTE, "admin.dailey.dev": CORE}
"""The mapping that the demo's settings must have under ``[attribution.referers]`` for the truth to hold."""

_NETWORKS = {
    "198.18.0.0/18": "US",
    "198.18.64.0/18": "GB",
    "198.18.128.0/18": "CA",
    "198.18.192.0/18": "DE",
    "198.19.0.0/18": "FR",
    "198.19.64.0/18": "AU",
    "172.71.192.0/18": "US",
    "172.71.128.0/18": "DE",
    "2001:db8:10::/48": "NL",
    "2001:db8:20::/48": "US",
    "2001:db8:30::/48": "BR",
}

_AGENTS = (
    '"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15"',
    '"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"',
    '"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"',
    '"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile/537.36"',
    '"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"',
    '"CastinglyApp/4.2 (iOS 18.1; build 917)"',
    '"-"',
)
_BOTS = (
    '"ExampleBot/2.1 (+http://bots.example.com/about)"',
    '"Mozilla/5.0 (compatible; SearchSpider/1.0; +http://spider.example.org/)"',
    '"python-requests/2.32.3"',
)
_NAMES = ("headshot", "Demo Reel", "audition+callback", "100% résumé", "Żółta scena", "voice-over", "日本 take")
_REFERERS = {
    CASTINGLY: ('"https://castingly.dailey.dev/actors"', '"https://castingly.dailey.dev/casting/42?tab=reel"', '"-"'),
    PALETTE: ('"https://palette.dailey.dev/board/7"', '"-"', '"https://castingly.dailey.dev/inspiration"'),
    CORE: ('"https://admin.dailey.dev/"', '"-"'),
    NOBODY: ('"-"', '"https://blog.example.org/behind-the-scenes"'),
}


PASSED_ON = '"https://forum.example.net/thread/9"'
"""The page on which somebody else links to a file: the application does not hear of those who follow it."""


class File(NamedTuple):
    """An object in the storage, with its key as the log and as a request write it."""

    application: str
    key: str
    path: str
    size: int
    is_video: bool
    is_private: bool
    version: str
    referers: tuple[str, ...]


class Viewer(NamedTuple):
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Library:
    """Files (the first are the hot ones), viewers and bots of a world."""

    files: list[File]
    viewers: list[Viewer]
    bots: list[Viewer]


def furnish(rng: Random, files: int, viewers: int) -> Library:
    """A library of that many files and viewers."""
    users = [f"{rng.getrandbits(32):08x}" for _ in range(max(4, files // 12))]
    return Library(
        files=[_file(rng, number, rng.choice(users)) for number in range(files)],
        viewers=[Viewer(_address(rng), rng.choice(_AGENTS)) for _ in range(viewers)],
        bots=[Viewer(f"198.19.{64 + rng.randrange(64)}.{rng.randrange(1, 255)}", rng.choice(_BOTS)) for _ in range(12)],
    )


def _castingly(user: str, name: str, is_private: bool) -> str:
    return f"files/{user}/castingly-{'private' if is_private else 'public'}/actors/{user}/{name}"


def _core(user: str, name: str, is_private: bool) -> str:
    return f"files/{user}/dailey-core-{'private' if is_private else 'public'}/{name}"


def _palette(user: str, name: str, is_private: bool) -> str:
    shelf = "originals" if is_private else "variants/w1280"
    return f"media/palette-studio/{user}/{shelf}/{name}"


def _no_applications(user: str, name: str, _: bool) -> str:
    return f"files/{user}/inbox/{name}"  # a bucket id without a dash belongs to no application


_SHELVES: tuple[tuple[str, Callable[[str, str, bool], str], str | None], ...] = (
    (CASTINGLY, _castingly, None),
    (CORE, _core, None),
    (PALETTE, _palette, None),
    (CASTINGLY, _no_applications, '"https://Castingly.Dailey.dev/messages"'),
    (PALETTE, _no_applications, '"https://palette.dailey.dev/import"'),
    (NOBODY, _no_applications, None),
)
_SHARES = (48, 16, 22, 3, 3, 8)


def _file(rng: Random, number: int, user: str) -> File:
    application, shelf, referer = rng.choices(_SHELVES, _SHARES)[0]
    is_video = number % 5 == 3
    is_private = rng.random() < 0.15
    name = f"{1_750_000_000_000 + number * 7919}_{rng.getrandbits(60):015x}-{rng.choice(_NAMES)}"
    key = shelf(user, f"{name}.{'mp4' if is_video else rng.choice(('jpg', 'jpg', 'webp', 'png', 'pdf'))}", is_private)
    return File(
        application=application,
        key=logged_key(key),
        path=quote(f"/{key}"),
        size=int(rng.lognormvariate(17.2, 0.7)) if is_video else int(rng.lognormvariate(12.6, 0.9)),
        is_video=is_video,
        is_private=is_private,
        version=f"{1_750_000_000 + number}.{rng.randrange(10**6):06d}",
        referers=(referer,) if referer else _REFERERS[application],
    )


def _address(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.45:  # behind the CDN: few edges stand for many people
        return f"172.71.{rng.choice((223, 222, 150, 151))}.{rng.randrange(200, 250)}"
    if kind < 0.86:
        return f"198.{18 + (rng.random() < 0.3)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    if kind < 0.98:
        return f"2001:db8:{rng.choice((10, 20, 30, 40))}::{rng.randrange(1, 0x10000):x}"
    return f"::ffff:203.0.113.{rng.randrange(1, 255)}"


def write_countries(path: Path, as_of: date) -> None:
    """The demo's own table of countries; some of its addresses are in none of the networks."""
    lines = [f"# Countries of the demo's made-up address space, as of {as_of}; not a table of the real internet."]
    lines += ["network,country", *(f"{network},{country}" for network, country in _NETWORKS.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")
