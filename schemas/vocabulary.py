"""The words with a fixed meaning: operation classes, status classes, outcomes, verdicts, histogram edges."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache

DEFAULT_TENANT = "default"
UNATTRIBUTED = "unattributed"
ALL = "*"  # in tables that must not be summed: the row over every application (or operation class)
NOT_AVAILABLE = "not_available"
UNKNOWN_COUNTRY = "unknown"

# --- what became of a line -------------------------------------------------------------------------
REJECT_REASONS = (
    "LONG_LINE",
    "GLUED_LINES",
    "SHORT_LINE",
    "UNREADABLE",
    "AMBIGUOUS",
    "BAD_TIME",
    "BAD_NUMBER",
    "FUTURE_TIME",
)
IGNORE_REASONS = ("BLANK", "LOG_BUCKET")
# --- what a number can be --------------------------------------------------------------------------
LARGEST_BYTES = 2**46
"""70 TB. An object has at most 50 TB (Amazon S3 since December 2025; the other stores that we read allow less), so what
is larger counts no bytes. 2^17 responses of that size fit in 64 bits: more than 9,000 PB."""
LONGEST_MS = 366 * 86_400_000
"""No request lasts for longer than a year."""
LARGEST_COUNT = 10**12
"""No event or row is about more credits, tokens or cents; nine million such of one day can be added up."""
MOST_UNCOUNTED = 2**51
"""Upper bounds of what is not counted end here (2.25 PB a day and source): ten years of them fit in 64 bits."""
# --- why a whole object was refused ----------------------------------------------------------------
REFUSALS = ("NOT_AN_ACCESS_LOG", "TRUNCATED", "TOO_LARGE")
EVENT_REFUSALS = ("NOT_EVENTS",)
# Parser version 1 refused for these; a ledger of that time still holds them.
PAST_REFUSALS = ("UNSUPPORTED_DIALECT_CEPH", "UNSUPPORTED_DIALECT_SCALITY")
# What the timestamp of a generation in an event file is: when it was done, or when it was asked for.
TIMESTAMPS = ("finished", "asked")
FINISHED = "finished"
LAKE_OF_FEED = ("generations", "credits", "sign_ins", "app_errors")
LAKE_KINDS = ("records", "events", "audience", "file_audience", *LAKE_OF_FEED)
# Of the raw lines; a lake keeps the one that it was made with. Lakes from before they said so have the old one.
LINE_HASHES = ("xxh3-128", "blake3-128")
OLD_LINE_HASH = "xxh3-128"
NEW_LINE_HASH = "blake3-128"
DERIVED_KINDS = ("audience", "file_audience")  # made anew with their day, from the others
OBJECT_STATES = ("settled", "refused", "superseded")
DOUBTS = ("fewer", "empty")
"""Why a source is not believed: it shows less than it did; it shows nothing, and nobody said that it is empty."""
# In the order in which they are asked; each has its file in parsers/access_log/dialects.
DIALECTS = ("ceph", "scality", "three_id", "ovh", "aws")

# --- operations ------------------------------------------------------------------------------------
OPERATION_CLASSES = {
    "REST.GET.OBJECT": "get_object",
    "WEBSITE.GET.OBJECT": "get_object",
    "REST.HEAD.OBJECT": "head_object",
    "WEBSITE.HEAD.OBJECT": "head_object",
    "REST.PUT.OBJECT": "put_object",
    "REST.POST.OBJECT": "put_object",
    "REST.PUT.PART": "put_object",
    "REST.POST.UPLOADS": "put_object",
    "REST.POST.UPLOAD": "put_object",
    "REST.COPY.OBJECT": "copy_object",
    "REST.COPY.PART": "copy_object",
    "REST.PUT.COPY": "copy_object",
    "REST.DELETE.OBJECT": "delete_object",
    "REST.DELETE.UPLOAD": "delete_object",
    "REST.POST.MULTI_OBJECT_DELETE": "delete_object",
    "REST.POST.DELETE_MULTI_OBJECT": "delete_object",
    "REST.GET.BUCKET": "list",
    "REST.HEAD.BUCKET": "list",
    "REST.GET.BUCKETVERSIONS": "list",
    "REST.GET.UPLOADS": "list",
    "REST.GET.UPLOAD": "list",
    # Second records of an action that is already counted by its first one.
    "REST.COPY.OBJECT_GET": "sub_record",
    "REST.COPY.PART_GET": "sub_record",
    "BATCH.DELETE.OBJECT": "sub_record",
}
OPERATION_CLASS_NAMES = (
    "get_object",
    "head_object",
    "put_object",
    "copy_object",
    "delete_object",
    "list",
    "bucket",
    "lifecycle",
    "sub_record",
    "other",
)
NOT_REQUESTS = ("lifecycle", "sub_record")
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx", "aborted", "none")
CLIENT_ABORT = 499
DELIVERED_STATUS = (200, 206)
DELIVERY_GAP_S = 60
# A begin that an id tells (schemas.begins) is believed from this long before the line's time on.
LONGEST_REQUEST_S = 3600

EDGES = ("edge", "direct", NOT_AVAILABLE)
RESPONSE_MEASURES = ("total", "turn_around")
AUDIENCE_WINDOWS = (1, 7, 30)
RESPONSE_TIME_WINDOWS = (7, 30)  # none longer than an audience's: a change reaches the same days

# --- attribution -----------------------------------------------------------------------------------
# What the viewer and the application of a request rest on, the surest first, and how sure that is.
MATCH_BASES = {
    "event_address": "high",
    "event_edge": "medium",
    "media_file": "high",
    "key_pattern": "medium",
    "referer": "low",
    "none": "none",
}
CONFIDENCES = ("high", "medium", "low", "none")
EVENT_TYPES = ("view", "download", "transform", "share")
# Of a row of the application's events, in the order of the rules; the first that it breaks.
ROW_REJECT_REASONS = (
    "NO_ID",
    "NO_TIME",
    "DUPLICATE_ID",
    "BROKEN_METADATA",
    "BAD_BYTES",
    "UNKNOWN_EVENT_TYPE",
    "NO_FILE",
    "LONG_ID",
    "NO_KEY",
)
ROW_IGNORE_REASONS = ("IMPORTED", "REPEATED")
# --- generations -----------------------------------------------------------------------------------
# Of a row or an event of a generating system, beside those of the application's rows.
EVENT_REJECT_REASONS = (
    "NO_USER",
    "NO_MODEL",
    "BAD_NUMBER",
    "BAD_MONEY",
    "NO_TYPE",
    "BROKEN_JSON",
    "NO_OBJECT",
)
# Of an event in a file, beside those that a line of a log and a row can break, too.
FILE_REJECT_REASONS = (*EVENT_REJECT_REASONS, "UNKNOWN_EVENT_TYPE", "NO_TIME", "FUTURE_TIME", "LONG_ID")
# Versions of one event that lie less than this from each other are one event, on whatever days they are told.
TWINS_S = 86_400
CHARGE_GAP_S = 3600
"""Generations of one charge begin within this time."""
GAUGE_BANDS = (0, 10, 100, 1_000, 10_000)
"""Upper ends of the bands that credit balances are counted in, the last one open."""

OUTCOMES = ("matched", "log_only", "app_only")
RECONCILIATION_REASONS = {
    "matched": ("event_address", "event_edge"),
    "log_only": (
        "failed", "no_delivery", "sidecar", "unknown_key", "bot", "not_modified", "edge", "range", "elsewhere",
        "other_client",
    ),
    "app_only": ("no_fetch", "unknown_file", "deleted_file", "own_cache", "edge_cache", "no_delivery"),
}  # fmt: skip
# Neither side can say why the other does not have it.
UNEXPLAINED = {"log_only": ("unknown_key", "other_client"), "app_only": ("unknown_file", "no_delivery")}
# What says nothing of whether the two agree: of the rest, the unexplained is a share.
NOT_COMPARED = {
    "log_only": ("failed", "no_delivery", "sidecar", "bot", "not_modified", "range", "elsewhere"),
    "app_only": ("no_fetch", "deleted_file", "own_cache", "edge_cache"),
}
CACHED_S = 7200  # as long as Cloudflare keeps what names no time itself; no longer than a day looks back (below)
DELIVERED_ON_S = 3600  # a player that was paused for so long goes on with what it showed
NOTHING_FETCHED = ("transform", "share")
# What happens this far from a match may still decide it, through what matches in between.
MATCH_MARGIN_S = 3600
# So a day rests on deliveries and events that begin from this long before it until that long after it,
MATCH_BEFORE_S = LONGEST_REQUEST_S + MATCH_MARGIN_S
MATCH_AFTER_S = MATCH_MARGIN_S
# and those on the records of as long: a delivery's first one may be logged an hour after it began, another that began
# earlier an hour after that.
RECORDS_BEFORE_S = MATCH_BEFORE_S + DELIVERY_GAP_S
RECORDS_AFTER_S = MATCH_AFTER_S + 2 * LONGEST_REQUEST_S
OTHER = "other"  # in rankings: all that are not among the most frequent
MOST_RANKED = 100
MOST_TRAILING_FILES = 1000
AGENT_CHARACTERS = 200
# What an agent that calls itself a crawler, a script or a monitor has in its name (in any case).
CRAWLER_WORDS = (
    "bot", "crawl", "spider", "slurp", "scrapy", "scraper", "archiver", "facebookexternalhit", "mediapartners",
    "feedfetcher",
)  # fmt: skip
BOT_WORDS = (
    *CRAWLER_WORDS, "headless", "phantomjs", "puppeteer", "playwright", "selenium", "lighthouse",
    "curl/", "wget/", "python-requests", "python-urllib", "python-httpx", "aiohttp", "go-http-client", "libwww-perl",
    "apache-httpclient", "java/", "node-fetch", "axios/", "undici", "guzzlehttp", "postmanruntime",
    "aws-sdk", "aws-cli", "boto3", "rclone/", "s3cmd", "minio", "cyberduck",
    "monitor", "uptime", "pingdom", "statuscake", "site24x7", "blackbox",
)  # fmt: skip
NOT_BOT_WORDS = ("cubot",)  # a make of telephones
NOT_CRAWLER_WORDS = (*NOT_BOT_WORDS, "boto")  # Amazon's library: boto3, botocore
VERDICTS = ("ok", "warning", "critical", "not_yet_knowable", "too_few", NOT_AVAILABLE)
WORST_FIRST = ("critical", "warning", "not_yet_knowable", "ok", "too_few", NOT_AVAILABLE)
"""Which verdict stands for several: too few windows that could not be judged say nothing against one that could."""
# --- families of rollups -----------------------------------------------------------------------------
DAY_FAMILIES = ("traffic", "generations")
# The family whose days are computed from a kind of lake files.
FAMILY_OF_LAKE = {"records": "traffic", "events": "traffic", **dict.fromkeys(LAKE_OF_FEED, "generations")}
# Other days than its own that rest on a record: those that end less than so long before its hour, and those that begin
# less than so long after it. A delivery may begin shortly before midnight, a charge an hour before.
REACH_S = {"traffic": (0, DELIVERY_GAP_S), "generations": (0, CHARGE_GAP_S)}
# Where there are events of an application, what is an hour or more away decides which of them match.
REACH_BESIDE_EVENTS_S = {**REACH_S, "traffic": (RECORDS_AFTER_S, RECORDS_BEFORE_S)}
DAY_STATES = ("open", "final", "frozen")
RESERVED_DAY_STATES = ("frozen",)
"""Days whose raw data has expired. Every step leaves such a day alone; retention, which is to come, will write it."""
SEVERITIES = ("critical", "warning")
INCIDENT_STATES = ("pending", "firing", "resolved")
TOLD = ("", *SEVERITIES, "resolved")
MESSAGE_SEVERITIES = (*SEVERITIES, "info")
MESSAGE_STATES = ("waiting", "delivered", "given_up")


def operation_class(operation: str) -> str:
    """Class of an operation as logged; unknown ones are ``other``, never an error."""
    known = OPERATION_CLASSES.get(operation)
    if known:
        return known
    family = operation.partition(".")[0]
    if family == "S3":
        return "lifecycle"
    if family == "BATCH":
        return "sub_record"
    return (
        "bucket" if family == "REST" and operation.startswith(("REST.GET.", "REST.PUT.", "REST.DELETE.")) else "other"
    )


@cache
def histogram_edges(largest: int = 2**63 - 1) -> tuple[int, ...]:
    """Upper edges (inclusive, ms) of the additive response-time histogram.

    0 ms is its own bucket; a bucket that starts at ``n`` ends at ``floor(1.01 n)``, so reading its
    upper edge overstates a value by at most 1 %.
    """
    edges, start = [0], 1
    while start <= largest:
        upper = min(start * 101 // 100, largest)
        edges.append(upper)
        start = upper + 1
    return tuple(edges)


def histogram_edge(value_ms: int) -> int:
    """The ``upper_ms`` of the bucket that holds ``value_ms``."""
    edges = histogram_edges()
    return edges[bisect_left(edges, value_ms)]


PRICE_KINDS = ("bandwidth", "provider", "credit")
"""What has a price that may change when days are final: bytes, a model's generations, credits."""
