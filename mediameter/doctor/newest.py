"""What the newest objects of a source hold: an access log or not, how much is rejected, how late it came.

Of each object the first block is parsed in memory; nothing of it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from mediameter.doctor.case import Sample, Visit
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import WorldError
from mediameter.sources.objects import Changed, ObjectVersion
from parsers.access_log import Context, Limits, Piece, Refused, parse_pieces, read_blocks

NEWEST = 5
_BLOCK_BYTES = 4 << 20
_NO_SEED = 0  # line hashes are not kept, so they need no secret
NOTHING_TO_LOOK_AT = "no object to look at"
_REASON_REMEDIES = {
    "FUTURE_TIME": "the objects' times lie before their lines': sync with times preserved, or set this machine's clock",
    "LONG_LINE": "see `mediameter rejects`: is it a log at all?",
    "AMBIGUOUS": "a client wrote quotes and numbers into its requests; such lines are never guessed at",
}
_REASON_REMEDY = "see `mediameter rejects` after a run; cut or glued lines come from a transfer that broke them"


def get(visit: Visit) -> Iterator[Finding]:
    """The first bytes of the newest object: listing needs fewer rights than reading."""
    if not visit.objects or visit.chunks is None:
        yield skipped("get", NOTHING_TO_LOOK_AT)
        return
    chunks = visit.chunks(visit.objects[-1])
    try:
        first = next(chunks, b"")
    except (Changed, WorldError) as trouble:
        remedy = trouble.remedy if isinstance(trouble, WorldError) else "run doctor again: it has changed just now"
        message = trouble.message if isinstance(trouble, WorldError) else str(trouble)
        yield error("get", f"it may be listed, but not read: {message}", remedy)
        return
    finally:
        chunks.close()  # lets go of the connection, or the file
    yield ok(visit.objects[-1].key, f"can be read ({len(first):,} bytes)")


def sample(visit: Visit) -> Iterator[Finding]:
    """Reads the newest objects, and says of each that is no access log what it is."""
    newest = visit.objects[-NEWEST:]
    visit.samples = [_sampled(visit, version) for version in newest]
    refused = [each for each in visit.samples if each.refused]
    looked_at = f"the newest {len(newest)} objects" if len(newest) > 1 else "the newest object"
    if not newest:
        yield skipped("newest objects", NOTHING_TO_LOOK_AT)
    elif refused:
        found = f"{len(refused)} of {len(newest)} cannot be read as access logs, the last: {refused[-1].version.key}: "
        tell = error if len(refused) == len(newest) else warning
        yield tell(looked_at, found + refused[-1].refused, refused[-1].remedy)
    else:
        yield ok(
            looked_at, f"access logs, of dialect {', '.join(_dialects(visit.samples)) or 'unknown: no line in them'}"
        )


def _sampled(visit: Visit, version: ObjectVersion) -> Sample:
    assert visit.chunks is not None  # set by whoever listed the objects
    blocks = read_blocks(visit.chunks(version), Limits(block_bytes=_BLOCK_BYTES))
    try:
        block = next(blocks, None)
        is_whole = block is None or next(blocks, None) is None
        context = Context(_NO_SEED, version.last_modified, "")
        whole = Piece.of(version.object_id, block, context) if block else Piece(version.object_id, b"", context)
        parsed = parse_pieces([whole])
        return Sample(version, parsed, is_whole=is_whole)
    except Refused as refused:
        remedy = f"point {visit.setting} prefix at access logs alone, as S3 server access logging writes them"
        return Sample(version, None, str(refused), remedy)
    except Changed as changed:
        return Sample(version, None, str(changed), "run doctor again: it has changed just now")
    except WorldError as trouble:
        return Sample(version, None, trouble.message, trouble.remedy)
    finally:
        blocks.close()  # type: ignore[attr-defined]  # a generator: lets go of the connection


def _dialects(samples: list[Sample]) -> list[str]:
    return sorted({dialect for each in samples if each.parsed for dialect in each.parsed.frame["dialect"].unique()})


def rejects(visit: Visit) -> Iterator[Finding]:
    """The share of lines that would be rejected, against the budget of a day, and the commonest reasons."""
    parsed = [each.parsed for each in visit.samples if each.parsed]
    lines = sum(sum(each.lines.values()) for each in parsed)
    looked_at = f"{lines:,} lines of the newest objects"
    if not lines:
        yield skipped("rejects", NOTHING_TO_LOOK_AT)
        return
    reasons = Counter(reason for each in parsed for reason in each.rejects["reason"])
    count, budget = reasons.total(), visit.settings.rejects.budget
    found = f"{count:,} would be rejected ({count / lines:.2%})"
    if count <= lines * budget:
        yield ok(looked_at, found)
        return
    names = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common(3))
    remedy = _REASON_REMEDIES.get(reasons.most_common(1)[0][0], _REASON_REMEDY)
    tell = error if 2 * count > lines else warning
    yield tell(looked_at, f"{found}, more than the budget of {budget:.2%}: {names}", remedy)


def lag(visit: Visit) -> Iterator[Finding]:
    """How old records are when they are delivered, against the hours that a day is given to settle."""
    times = [spread for each in visit.samples if (spread := _spread(each))]
    if not times:
        yield skipped("delivery lag", NOTHING_TO_LOOK_AT)
        return
    newest = max(modified - last for modified, _, last in times)
    oldest = max(modified - first for modified, first, _ in times)
    given = timedelta(hours=visit.settings.reporting.settle_hours)
    found = f"objects come at most {_hours(newest)} after their last record, {_hours(oldest)} after their first"
    if oldest <= given:
        yield ok("delivery lag", f"{found}; settle_hours = {visit.settings.reporting.settle_hours}")
        return
    wanted = int(oldest / timedelta(hours=1)) + 1
    remedy = f"set [reporting] settle_hours = {wanted}, or sync with times preserved, if the times are those of a copy"
    yield warning(
        "delivery lag",
        f"{found}: days would be final before all is in (settle_hours = {given // timedelta(hours=1)})",
        remedy,
    )


def _spread(sample: Sample) -> tuple[datetime, datetime, datetime] | None:
    """Last-modified, oldest and newest record; None where the object has no record or was not read whole."""
    if sample.parsed is None or not sample.is_whole or not sample.parsed.frame.height:
        return None
    first, last = sample.parsed.frame.select(first=pl.col("at").min(), last=pl.col("at").max()).row(0)
    return sample.version.last_modified, first, last


def _hours(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    return f"{minutes} min" if abs(minutes) < 120 else f"{minutes / 60:.1f} h"


def media_buckets(visit: Visit) -> list[str]:
    """Buckets that the newest objects have records of, but for the log bucket; those with most records first."""
    counts: Counter[str] = Counter()
    for each in visit.samples:
        if each.parsed:
            counts.update(bucket for bucket in each.parsed.frame["bucket"] if bucket)
    return [bucket for bucket, _ in counts.most_common() if bucket != visit.source.bucket]


def loop(visit: Visit) -> Iterator[Finding]:
    """Records of the log bucket in its own logs: each delivery makes the next one."""
    if not any(each.parsed for each in visit.samples):
        yield skipped("log loop", NOTHING_TO_LOOK_AT)
        return
    own = visit.source.bucket or _bucket_of_deliveries(visit)
    count = sum(int((each.parsed.frame["bucket"] == own).sum()) for each in visit.samples if each.parsed) if own else 0
    if not count:
        yield ok("log loop", "the newest objects hold no record of the log bucket itself")
        return
    found = f"{count:,} records of the newest objects are the log bucket's own ({own})"
    if visit.source.bucket:
        remedy = f"let {own} not log into itself; its records are left out of every figure, but its logs grow for ever"
        yield warning("log loop", found, remedy)
    else:
        remedy = f'set {visit.setting} bucket = "{own}", so that they are left out, and let it not log into itself'
        yield error("log loop", f"{found}, and would count as media", remedy)


def _bucket_of_deliveries(visit: Visit) -> str:
    """The bucket whose records tell of writing the very objects that are listed; empty where none does."""
    keys = pl.Series([version.key for version in visit.objects], dtype=pl.String)
    for each in visit.samples:
        if each.parsed:
            puts = each.parsed.frame.filter(
                pl.col("operation").str.contains("PUT"), pl.col("key").is_in(keys.implode())
            )
            if puts.height and puts["bucket"][0]:
                return str(puts["bucket"][0])
    return ""
