"""Frames: what the parser returns, what the lake keeps, what is rejected."""

from __future__ import annotations

from schemas.contract import Column, Contract, measure
from schemas.vocabulary import DIALECTS, EDGES, OPERATION_CLASS_NAMES, REJECT_REASONS, STATUS_CLASSES

_DASH = "the log has '-'"
_SHORT = "the log has '-', or the line ends before this field"

_OBJECT_ID = Column("object_id", "int", "The ledger's id of the object version the line came from.")
_LINE_NUMBER = Column("line_number", "int", "Line in the object, counted from 1.", least=1)

# Fields 1 to 17 of the access log, in the order of the line; the names are those of the providers' tables.
_FIELDS = (
    Column("dialect", "text", "Which way of writing the line follows.", among=DIALECTS),
    Column("bucket_owner", "text", "Owner as logged.", null=_DASH),
    Column("canonical_id", "text", "Second id of the three-id dialect.", null="not a three-id line"),
    Column("bucket", "text", "Bucket that was asked.", null=_DASH),
    Column("at", "instant", "Time as logged, in UTC."),
    Column("remote_ip", "text", "Client address as logged.", null=_DASH, pii="personal"),
    Column("requester", "text", "Who asked; may hold spaces.", null="anonymous", pii="personal"),
    Column("request_id", "text", "Id of the request. Not unique.", null=_DASH),
    Column("operation", "text", "Operation as logged."),
    Column("key_raw", "text", "Object key as logged.", null="no key", pii="personal"),
    Column("key", "text", "Object key, decoded as its dialect and operation ask.", null="no key", pii="personal"),
    Column("request_uri", "text", "METHOD target HTTP/x, verbatim.", null=_DASH, pii="personal"),
    Column("http_status", "int", "HTTP status.", null="no HTTP request (lifecycle, batch, copy source)", least=0),
    Column("error_code", "text", "S3 error code.", null="no error"),
    Column(
        "bytes_sent", "int", "Bytes of the response's body; '-' is zero (Ceph: see definitions).", unit="bytes", least=0
    ),
    Column("object_size", "int", "Size of the object (OVH: of the request's body).", null=_DASH, unit="bytes", least=0),
    Column("total_ms", "int", "Time from first byte in to last byte out.", null=_DASH, unit="ms", least=0),
    Column("turn_around_ms", "int", "Time the storage took before its first byte.", null=_DASH, unit="ms", least=0),
    Column("referer", "text", "Referer, verbatim.", null=_DASH, pii="personal"),
    Column("user_agent", "text", "User agent, verbatim.", null=_DASH),
)
_TRAILING = tuple(
    Column(name, "text", doc, null=_SHORT)
    for name, doc in (
        ("version_id", "Version of the object."),
        ("host_id", "Extended request id."),
        ("signature_version", "SigV2, SigV4."),
        ("cipher_suite", "TLS cipher."),
        ("authentication_type", "AuthHeader, QueryString."),
        ("host_header", "Endpoint that was asked."),
        ("tls_version", "TLS version."),
        ("access_point_arn", "Access point."),
        ("acl_required", "Yes where an ACL was needed."),
        ("source_region", "Region the request came from."),
        ("extra_fields", "All later fields, as logged, joined by a space."),
    )
)
_FLAGS = (
    Column("is_lossy_text", "bool", "Bytes that are no UTF-8, or NUL, were replaced by U+FFFD."),
    Column("is_ambiguous", "bool", "Referer and user agent could be cut in more than one way; numbers are safe."),
)
_HASH = Column(
    "line_hash",
    "hash128",
    "Keyed hash of the raw line without its line end: two records are one when it is equal.",
)

TRAILING_FIELDS = [column.name for column in _TRAILING]

PARSED = Contract(
    "parsed",
    "one access-log record",
    "What the parser returns: text verbatim, no redaction yet. Never written anywhere.",
    (_OBJECT_ID, _LINE_NUMBER, _HASH, *_FIELDS, *_TRAILING, *_FLAGS),
    kind="frame",
)

_NO_BYTES = "no number on the line can be its count of bytes"
LEAST_BYTES = Column(
    "least_bytes", "int", "Least bytes that the line may stand for.", null=_NO_BYTES, unit="bytes", least=0
)
MOST_BYTES = Column("most_bytes", "int", "Most bytes.", null=_NO_BYTES, unit="bytes", least=0)

# Of an object's lines or a day's: what stands beside the bytes that are counted.
NOT_COUNTED = (
    measure("rejected_least_bytes", "Least bytes that rejected lines stand for, where they tell.", unit="bytes"),
    measure("rejected_most_bytes", "Most bytes that they stand for.", unit="bytes"),
    measure(
        "unsized_lines", "Lines, rejected or not, that may stand for more, and nothing tells how much.", unit="lines"
    ),
    measure("unsure_lines", "Records that may have sent more than is counted.", unit="lines"),
    measure("unsure_bytes", "At most so much more.", unit="bytes"),
)

REJECTED = Contract(
    "rejected",
    "one line that could not be read",
    "What the parser could not read. `line` is bytes decoded with replacement, at most 2,000 characters.",
    (
        _OBJECT_ID,
        _LINE_NUMBER,
        Column("byte_offset", "int", "Where the line begins in the (unpacked) object.", unit="bytes", least=0),
        Column("reason", "text", "Why.", among=REJECT_REASONS),
        Column("line", "text", "The line; redacted before it is kept.", pii="personal"),
        LEAST_BYTES,
        MOST_BYTES,
    ),
    kind="frame",
)

_DROPPED_AT_THE_DOOR = {"remote_ip", "requester"}
_KEPT = {
    "key_raw": Column("key_raw", "text", "Object key as logged.", null="no key, or the same as key", pii="personal"),
}

RECORD = Contract(
    "record",
    "one access-log record of one object version",
    "What the lake keeps: addresses and requesters are keyed pseudonyms, query strings are cut.",
    (
        *(_KEPT.get(column.name, column) for column in PARSED if column.name not in _DROPPED_AT_THE_DOOR),
        Column("address", "text", "HMAC of the client address.", null="no address (lifecycle)", pii="pseudonym"),
        Column("requester_hash", "text", "HMAC of the requester.", null="anonymous", pii="pseudonym"),
        Column("country", "text", "ISO country of the address; `unknown`; `not_available` without a database."),
        Column("edge", "text", "Whether the address is a CDN's.", among=EDGES),
        Column("referer_host", "text", "Host of the referer, lower case.", null="no referer"),
        Column("operation_class", "text", "Class of the operation.", among=OPERATION_CLASS_NAMES),
        Column("status_class", "text", "Class of the status; 499 is `aborted`.", among=STATUS_CLASSES),
        Column("is_request", "bool", "False for lifecycle records and for second records of one action."),
        Column("is_delivery_candidate", "bool", "GET of an object answered 200 or 206."),
    ),
    kind="frame",
)
