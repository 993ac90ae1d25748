"""Objects of access logs, some at a time: their bytes through the door, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator

from mediameter.sources.objects import Bucket, ObjectVersion
from mediameter.steps.ingest.batch import Batch, Counts, counted, taken
from mediameter.steps.ingest.door import Door, take_in
from mediameter.store import lake
from parsers.access_log import PARSER_VERSION, Piece, read_blocks


def read_logs(bucket: Bucket, versions: list[ObjectVersion], through: Door) -> Batch:
    """Small objects share lake files; a larger one is taken in block by block, in files of its own."""
    batch, counts = Batch(), {version.object_id: Counts() for version in versions}
    shared: list[Piece] = []
    held = 0
    for version in versions:

        def take(chunks: Iterator[bytes], version: ObjectVersion = version) -> tuple[list[Piece], list[lake.LakeFile]]:
            return _pieces(chunks, version, through, counts)

        read = taken(bucket, version, batch, PARSER_VERSION, take)
        if read is None:
            continue
        settlement, (pieces, own) = read
        size = sum(len(piece.data) for piece in pieces)
        if shared and held + size > through.limits.block_bytes:
            batch.files += take_in(shared, through, counts)
            shared, held = [], 0
        shared, held = shared + pieces, held + size
        batch.files += own
        batch.settlements.append(settlement)
    if shared:
        batch.files += take_in(shared, through, counts)
    batch.settlements = [counted(s, counts[s.version.object_id]) for s in batch.settlements]
    return batch


def _pieces(
    chunks: Iterator[bytes], version: ObjectVersion, through: Door, counts: dict[int, Counts]
) -> tuple[list[Piece], list[lake.LakeFile]]:
    """The object's one block as a piece to be parsed with others; or, of a large one, its lake files."""
    context = through.context(version.last_modified)
    pieces: list[Piece] = []
    files: list[lake.LakeFile] = []
    is_large = False
    for block in read_blocks(chunks, through.limits):
        piece = Piece.of(version.object_id, block, context)
        if pieces or is_large:
            is_large = True
            files += take_in([*pieces, piece], through, counts)
            pieces = []
        else:
            pieces = [piece]
    return pieces, files
