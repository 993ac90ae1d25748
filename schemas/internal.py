"""Tables of the machinery: the ledger, its files, the rejects, the fences. BI tools have no business here.

A tenant is a ledger of its own: each key leads with it. The rows' frames leave it out, as a connection belongs to one
tenant (`store.tenancy`).
"""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.records import LEAST_BYTES, MOST_BYTES, NOT_COUNTED
from schemas.traffic_columns import TENANT
from schemas.vocabulary import (
    DOUBTS,
    EVENT_REFUSALS,
    EVENT_REJECT_REASONS,
    FILE_REJECT_REASONS,
    LAKE_KINDS,
    MESSAGE_SEVERITIES,
    MESSAGE_STATES,
    OBJECT_STATES,
    PAST_REFUSALS,
    REFUSALS,
    REJECT_REASONS,
    ROW_REJECT_REASONS,
)

_REFUSALS = (*REFUSALS, *EVENT_REFUSALS, *PAST_REFUSALS)
_REASONS = tuple(dict.fromkeys((*REJECT_REASONS, *FILE_REJECT_REASONS)))  # some are of both

OBJECTS = Contract(
    "objects",
    "tenant, version of an object",
    "The ledger: what became of each object version. lines = parsed + ignored + rejected, or the commit is refused.",
    (
        TENANT,
        key("object_id", "int", "First 63 bits of SHA-256 over (source, key, etag, version, size)."),
        Column("source", "text", "Source in the settings.", length=64),
        Column("object_key", "text", "Key in the bucket.", length=1024),
        Column("etag", "text", "Entity tag; for a folder, time of change and size."),
        Column("version_id", "text", "Version in the bucket; empty without versioning."),
        Column("size_bytes", "int", "Size as listed.", least=0),
        Column("last_modified_at", "instant", "As listed."),
        Column("sha256", "text", "Of the bytes as fetched.", null="refused before all was read"),
        Column("state", "text", "What became of it.", among=OBJECT_STATES),
        Column("reason", "text", "Why it was refused.", null="it was not", among=_REFUSALS),
        Column("detail", "text", "What was seen, in words.", null="nothing to say"),
        Column("parser_version", "int", "Version of the parser that read it."),
        measure("lines", "Lines."),
        measure("parsed", "Lines that became records."),
        measure("ignored", "Blank lines, and the log bucket's own records."),
        measure("ignored_log_bucket", "Of these, the log bucket's own records."),
        measure("rejected", "Lines that could not be read."),
        Column("first_at", "instant", "Earliest record.", null="no record"),
        Column("last_at", "instant", "Latest record.", null="no record"),
        Column(
            "head_hash",
            "text",
            "Keyed hash of its first 256 bytes (s…: of fewer).",
            null="read by an older version",
            length=32,
        ),
        Column("whole_id", "int", "Object that begins with all of its bytes and counts in its place.", null="none"),
    ),
    kind="internal",
    summable=("lines", "parsed", "ignored", "ignored_log_bucket", "rejected"),
)
OBJECT_HOURS = Contract(
    "object_hours",
    "tenant, object version, UTC hour",
    "The hours that an object has lines in, and how many: they say which days the object makes dirty.",
    (
        TENANT,
        key("object_id", "int", "In objects."),
        key("hour_at", "instant", "Begin of the hour, UTC."),
        measure("parsed", "Records of the hour."),
        measure("ignored", "Ignored lines, at the hour of the object's first record (else its last-modified)."),
        measure("rejected", "Rejected lines, there too."),
        *NOT_COUNTED,
    ),
    kind="internal",
    additivity="A",
)
LAKE_FILES = Contract(
    "lake_files",
    "tenant, file in the lake",
    "The files that count. A file that is not here is an orphan.",
    (
        TENANT,
        key("path", "text", "Relative to the lake.", length=255),
        Column("source", "text", "Source in the settings.", length=64),
        Column("kind", "text", "What it holds.", among=LAKE_KINDS),
        Column("file_day", "day", "UTC day of records and events; reporting day of an audience."),
        Column("rows", "int", "Rows.", least=0),
        Column("first_at", "instant", "Earliest record.", null="an audience has no instants"),
        Column("last_at", "instant", "Latest record.", null="an audience has no instants"),
        Column("size_bytes", "int", "Size.", least=0),
        Column("sha256", "text", "Of its content; also its name."),
    ),
    kind="internal",
)
REJECTS = Contract(
    "rejects",
    "tenant, rejected line",
    "Lines that could not be read, and (line 0) objects that were refused. Redacted.",
    (
        TENANT,
        key("object_id", "int", "In objects."),
        key("line_number", "int", "Line in the object, from 1; 0 is the object itself."),
        Column("byte_offset", "int", "Where the line begins in the unpacked object.", least=0),
        Column("reason", "text", "Why.", among=(*_REASONS, *_REFUSALS)),
        Column("line", "text", "The line, redacted, at most 2,000 characters.", pii="pseudonym"),
        LEAST_BYTES,
        MOST_BYTES,
    ),
    kind="internal",
)
FENCES = Contract(
    "fences",
    "tenant, rollup family, day",
    "The fence of each family and day: a day is written only with a newer epoch than it was written with last.",
    (
        TENANT,
        key("family", "text", "Rollup family.", length=32),
        key("day", "day", "Day in the reporting time zone."),
        Column("dirty_epoch", "int", "Goes up by one with each change under the day's figures.", least=0),
        Column("done_epoch", "int", "The epoch that the rows in the tables were computed from.", least=0),
        Column("basis", "text", "Fingerprint of settings, prices and rollup code they were computed with."),
    ),
    kind="internal",
)
LISTINGS = Contract(
    "listings",
    "tenant, source",
    "The last complete listing of each source.",
    (
        TENANT,
        key("source", "text", "Source in the settings.", length=64),
        Column("listed_at", "instant", "When the last complete listing began."),
        Column("objects", "int", "Objects it showed.", least=0),
        Column("pending", "int", "Of these, not settled after the run.", least=0),
        Column("complete_through_at", "instant", "Until when the logs are complete.", null="nothing came yet"),
        Column("listed_through_at", "instant", "The same, however long nothing has come.", null="of an old revision"),
        Column("delivered_at", "instant", "Hour of the last delivery, or of the newest row.", null="nothing came yet"),
        Column("late_from_at", "instant", "When a longer silence is out of its rhythm.", null="no rhythm is known"),
        Column("delay_s", "int", "So long after an hour all of it has come, usually.", null="not known yet", unit="s"),
    ),
    kind="internal",
)
SIGHTINGS = Contract(
    "sightings",
    "tenant, source, part",
    "What each table or bucket held when it was last accepted, and why it is not accepted now.",
    (
        TENANT,
        key("source", "text", "Source in the settings.", length=64),
        key("part", "text", "Table there; empty for a bucket.", length=64),
        Column("seen", "int", "Rows or objects that it showed when it was last believed.", least=0),
        Column("seen_at", "instant", "When it was looked at last."),
        Column("kept_s", "int", "Age at which its objects go.", null="none was seen to go, or a table", unit="s"),
        Column("accepted_at", "instant", "When somebody said that it shows less with good reason.", null="never"),
        Column("doubt", "text", "Why it is not believed.", null="it is", among=DOUBTS, length=16),
        Column("detail", "text", "What was seen, in words.", null="it is believed"),
        Column("doubted_at", "instant", "Since when it is not believed.", null="it is"),
    ),
    kind="internal",
)
EXPORTS = Contract(
    "exports",
    "tenant, source, table, UTC day",
    "The last export of each day of a table. rows = events' rows + ignored + rejected, or the commit is refused.",
    (
        TENANT,
        key("source", "text", "Source in the settings.", length=64),
        key("table_name", "text", "Table there.", length=64),
        key("export_day", "day", "UTC day of the rows."),
        Column("rows_read", "int", "Rows read.", least=0),
        Column("events", "int", "Events that they came to.", least=0),
        Column("ignored", "int", "Rows that are ours or repeat another.", least=0),
        Column("rejected", "int", "Rows that break a rule; see row_rejects.", least=0),
        Column("unsettled", "int", "Events that may still change: the day is read again.", least=0),
        Column("content_sha256", "text", "Of what was made of them: equal content changes nothing."),
    ),
    kind="internal",
)
ROW_REJECTS = Contract(
    "row_rejects",
    "tenant, rejected row of a table",
    "Rows that were rejected.",
    (
        TENANT,
        key("source", "text", "Source in the settings.", length=64),
        key("table_name", "text", "Table there.", length=64),
        key("row_id", "text", "Its id.", length=128),
        Column("export_day", "day", "UTC day it was exported with.", null="it has no readable time"),
        Column("reason", "text", "Which rule it breaks.", among=(*ROW_REJECT_REASONS, *EVENT_REJECT_REASONS)),
        Column("detail", "text", "Column and redacted value."),
    ),
    kind="internal",
)
OUTBOX = Contract(
    "outbox",
    "tenant, message, channel",
    "Messages and what became of them. A message is written in its cause's transaction and sent afterwards, at least"
    " once; rows of a channel and fingerprint are sent in their order.",
    (
        TENANT,
        key("message_key", "text", "What a receiver knows a repeat by.", length=64),
        key("channel_id", "text", "Name of the channel, else a hash of its URL.", length=64),
        Column("sequence", "int", "Order in which messages were written.", least=0),
        Column("fingerprint", "text", "Incident that it is about; empty without one.", length=128),
        Column("severity", "text", "By which channels choose.", among=MESSAGE_SEVERITIES),
        Column("payload", "text", "The message as JSON; a webhook gets just these bytes."),
        Column("state", "text", "What became of it.", among=MESSAGE_STATES, length=16),
        Column("created_at", "instant", "When it was written."),
        Column("attempts", "int", "How often it was sent, or tried to.", least=0),
        Column("next_attempt_at", "instant", "Not to be tried before."),
        Column("lease", "text", "Which run is at it.", null="none", length=32),
        Column("leased_until_at", "instant", "Until when no other run may be.", null="no run is at it"),
        Column("delivered_at", "instant", "When the channel took it.", null="it has not"),
        Column("last_error", "text", "Why it did not the last time, without secrets.", null="it did, or was not tried"),
    ),
    kind="internal",
)
IDENTITY = Contract(
    "identity",
    "tenant, name",
    "Which installation this warehouse is, and what its hashes were made with; the lake's marker `lake.json` says the"
    " same. A run compares both before it reads or writes anything (docs/definitions.md).",
    (
        TENANT,
        key(
            "name",
            "text",
            "What: lake_id, line_hash, manifest, key, source:NAME …",
            length=160,
        ),
        Column("value", "text", "Its value; of a key a fingerprint that tells nothing of it."),
    ),
    kind="internal",
)
LAKE_RUNS = Contract(
    "lake_runs",
    "tenant, run that writes into the lake",
    "Runs with a journal in the lake. The journal proves that a file without a ledger row is an orphan of ours.",
    (
        TENANT,
        key("run_id", "text", "Name of its journal in the lake.", length=32),
        Column("begun_at", "instant", "When it began to write."),
    ),
    kind="internal",
)
LAKE_RETIRED = Contract(
    "lake_retired",
    "tenant, file in the lake",
    "Files that another file replaced. The row is written in the transaction that takes the file out of lake_files.",
    (
        TENANT,
        key("path", "text", "Relative to the lake.", length=255),
        Column("retired_at", "instant", "When it stopped counting."),
        Column("size_bytes", "int", "Size.", least=0),
    ),
    kind="internal",
)
INTERNAL = (
    OBJECTS,
    OBJECT_HOURS,
    LAKE_FILES,
    REJECTS,
    FENCES,
    LISTINGS,
    SIGHTINGS,
    EXPORTS,
    ROW_REJECTS,
    OUTBOX,
    IDENTITY,
    LAKE_RUNS,
    LAKE_RETIRED,
)
