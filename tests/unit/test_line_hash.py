"""The hash of a line: known answers, and the fast path's hash is the slow path's."""

from __future__ import annotations

import struct
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import polars as pl
import polars_hash as plh
import pytest
import xxhash

from parsers.access_log import Context, Piece, parse_pieces
from parsers.access_log.line_hash import SEED_BYTES, of_column, of_lines
from schemas.vocabulary import LINE_HASHES

AWS = (
    'acme media [01/Jan/2026:10:00:38 +0000] 192.0.2.3 - r1 REST.GET.OBJECT a%2520b.jpg "GET /a HTTP/1.1" 200 - 5 9 '
    '4 3 "-" "x" -'
)
LAST_MODIFIED = datetime(2026, 1, 2, tzinfo=UTC)
SEEDS = {"xxh3-128": 2**64 - 5, "blake3-128": int.from_bytes(bytes(range(200, 232)))}
# BLAKE3's published vectors: nothing, "abc", and the bytes 0 … 250 over and over.
KNOWN = {
    b"": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    b"abc": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    bytes(n % 251 for n in range(1025)): "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
}
LINES = [b"", b"x", b"a line", "ümläut ".encode() * 9, bytes(range(32, 127)) * 10, b"long " * 13_000]


def blake3_of_a_chunk(message: bytes) -> bytes:
    """BLAKE3 of at most 1,024 bytes, as its specification has it."""
    initial = (
        0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19
    )  # fmt: skip
    order = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
    blocks = [message[at : at + 64] for at in range(0, len(message), 64)] or [b""]
    chain = initial
    for number, block in enumerate(blocks):
        flags = (1 if number == 0 else 0) | (2 | 8 if number == len(blocks) - 1 else 0)
        state = [*chain, *initial[:4], 0, 0, len(block), flags]
        words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
        for _ in range(7):
            for place in range(4):
                mix(state, [place, place + 4, place + 8, place + 12], words[2 * place : 2 * place + 2])
            for place in range(4):
                corners = [place, 4 + (place + 1) % 4, 8 + (place + 2) % 4, 12 + (place + 3) % 4]
                mix(state, corners, words[8 + 2 * place : 10 + 2 * place])
            words = [words[place] for place in order]
        chain = tuple(state[place] ^ state[place + 8] for place in range(8))
    return struct.pack("<8I", *chain)


def mix(state: list[int], places: list[int], words: list[int]) -> None:
    a, b, c, d = places
    for word, turn_d, turn_b in ((words[0], 16, 12), (words[1], 8, 7)):
        state[a] = (state[a] + state[b] + word) % 2**32
        state[d] = turned(state[d] ^ state[a], turn_d)
        state[c] = (state[c] + state[d]) % 2**32
        state[b] = turned(state[b] ^ state[c], turn_b)


def turned(word: int, bits: int) -> int:
    return (word >> bits | word << (32 - bits)) % 2**32


def test_the_library_s_blake3_gives_the_published_answers() -> None:
    told = pl.DataFrame({"text": pl.Series(list(KNOWN), dtype=pl.Binary)}).select(plh.col("text").chash.blake3())
    assert told["text"].to_list() == list(KNOWN.values())
    assert [blake3_of_a_chunk(text).hex() for text in list(KNOWN)[:2]] == list(KNOWN.values())[:2]


def test_blake3_is_keyed_by_a_prefix_of_one_length() -> None:
    key = urlsafe_b64encode(bytes(range(200, 224)))
    meant = [int.from_bytes(blake3_of_a_chunk(key + line)[:16]) for line in LINES if len(line) < 990]
    assert of_lines("blake3-128", SEEDS["blake3-128"], [line for line in LINES if len(line) < 990]) == meant
    assert of_lines("blake3-128", 0, [b"a line"]) != of_lines("blake3-128", 2**255, [b"a line"])


def test_xxh3_is_that_of_older_lakes() -> None:
    meant = [xxhash.xxh3_128_intdigest(line, seed=SEEDS["xxh3-128"]) for line in LINES]
    assert of_lines("xxh3-128", SEEDS["xxh3-128"], LINES) == meant


@pytest.mark.parametrize("name", LINE_HASHES)
def test_a_column_of_texts_has_the_hashes_of_its_lines(name: str) -> None:
    texts = pl.DataFrame({"line": [line.decode() for line in LINES]})
    told = texts.select(of_column(name, SEEDS[name]).alias("hash"))["hash"]
    assert told.dtype == pl.UInt128 and told.to_list() == of_lines(name, SEEDS[name], LINES)
    assert of_lines(name, SEEDS[name], []) == []
    assert SEEDS[name] < 256 ** SEED_BYTES[name]


@pytest.mark.parametrize("name", LINE_HASHES)
def test_a_line_has_one_hash_whichever_path_reads_it(name: str) -> None:
    """A second space makes the fast path leave a line to the exact one; both are hashed in every block."""
    context = Context(SEEDS[name], LAST_MODIFIED, line_hash=name)
    lines = [AWS, AWS.replace("acme", "acme ", 1), AWS.replace("media", "other")]
    frame = parse_pieces([Piece(1, "\n".join(lines).encode(), context)]).frame.sort("line_number")
    assert frame["line_hash"].to_list() == of_lines(name, SEEDS[name], [line.encode() for line in lines])
