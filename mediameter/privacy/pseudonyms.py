"""What stands for an address or a requester: an HMAC under the key of the installation, the same for the same text."""

from __future__ import annotations

import hashlib
import hmac
import socket
from ipaddress import IPv6Address

import polars as pl

from mediameter.geo import Geography

HASH_LENGTH = 32


def normalise_address(text: str) -> str:
    """One spelling for each address: mapped IPv4 as IPv4, IPv6 compressed; other text only in lower case."""
    if ":" not in text:
        return text.lower()
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        packed = bytes(16)
    if packed[:8] != bytes(8):
        return socket.inet_ntop(socket.AF_INET6, packed)
    # The exact way, for text that is no address, zones (%eth0), and what inet_ntop writes otherwise elsewhere.
    try:
        address = IPv6Address(text)
    except ValueError:
        return text.lower()
    return str(address.ipv4_mapped or address).lower()


def pseudonym(key: bytes, text: str) -> str:
    """The first 32 hex digits of HMAC-SHA256: enough to keep addresses apart, useless without the key."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:HASH_LENGTH]


def line_seed(key: bytes, seed_bytes: int) -> int:
    """The secret of the line hashes, as a number of so many bytes (at most 32). Without one, an address could be found
    by hashing lines for trial."""
    return int.from_bytes(hmac.digest(key, b"line hash", "sha256")[:seed_bytes])


def of_head(key: bytes, head: bytes) -> str:
    """Of an object's first bytes, which hold addresses: the first 32 hex digits of HMAC-SHA256."""
    return hmac.digest(key, b"head of an object\0" + head, "sha256").hex()[:HASH_LENGTH]


class Pseudonyms:
    """``pseudonym`` under one key, remembered for the texts seen last; for any number of threads.

    A class for its state: the key's two prepared hashes (half the cost of an HMAC), and a memory of two generations.
    When the young one holds half of ``most``, it becomes the old one and the old one goes; threads that still hold
    the old one at worst compute again what is computed already.
    """

    def __init__(self, key: bytes, most: int = 400_000) -> None:
        if not key:
            raise ValueError("a pseudonym without a key protects nothing")
        block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._half = max(1, most // 2)
        self._young: dict[str, str] = {}
        self._old: dict[str, str] = {}

    def of(self, text: str) -> str:
        """The text's pseudonym."""
        return self.of_all([text])[0]

    def of_all(self, texts: list[str]) -> list[str]:
        """The texts' pseudonyms, in their order."""
        found = [*map(self._young.get, texts)]
        return [known or self._recalled(text) for known, text in zip(found, texts, strict=True)]

    def _recalled(self, text: str) -> str:
        made = self._old.get(text) or self._computed(text)
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[text] = made
        return made

    def _computed(self, text: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:HASH_LENGTH]


class Addresses:
    """What becomes of an address (pseudonym, country, edge), remembered by its raw text; for any number of threads.

    A class for its memory: the same clients come again in every block. When it is full it begins anew; a thread that
    still reads the old memory keeps it to its end.
    """

    def __init__(self, pseudonyms: Pseudonyms, geography: Geography, most: int = 400_000) -> None:
        self._pseudonyms = pseudonyms
        self._geography = geography
        self._most = most
        self._known: dict[str, tuple[str, str, str]] = {}

    @property
    def nowhere(self) -> tuple[str, str]:
        """(country, edge) of a record without an address."""
        return self._geography.nowhere

    def columns(self, addresses: pl.Series) -> list[pl.Series]:
        """The columns address, country and edge of raw addresses, none of them null."""
        texts, known = addresses.to_list(), self._known
        if len(known) > self._most:
            self._known = known = {}
        fresh = [text for text in texts if text not in known]
        known.update(zip(fresh, self._looked_up(fresh), strict=True))
        rows = [known[text] for text in texts]
        return [
            pl.Series(name, [row[number] for row in rows], dtype=pl.String)
            for number, name in enumerate(("address", "country", "edge"))
        ]

    def _looked_up(self, texts: list[str]) -> list[tuple[str, str, str]]:
        spelled = [normalise_address(text) for text in texts]
        country, edge = self._geography.columns(spelled)
        return list(zip(self._pseudonyms.of_all(spelled), country.to_list(), edge.to_list(), strict=True))
