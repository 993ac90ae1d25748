"""Reference tables of traffic: price cards, invoices, the applications and their files."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.traffic_columns import (
    TENANT,
)

PRICES = Contract(
    "prices",
    "tenant, price card",
    "The price cards of the settings, as used.",
    (
        TENANT,
        key("price_id", "text", "source/measure/currency/valid_from.", length=128),
        Column("source", "text", "Source it applies to."),
        Column("measure", "text", "What is priced.", among=("bytes_sent",)),
        Column("amount", "text", "Exact decimal amount."),
        Column("currency", "text", "ISO currency."),
        Column("per", "text", "Unit: GB is 10^9, GiB is 2^30 bytes."),
        Column("valid_from_day", "day", "First day."),
        Column("valid_to_day", "day", "Last day.", null="until further notice"),
        Column("citation", "text", "Where the price stands, and when it was read."),
    ),
    kind="reference",
)
INVOICES = Contract(
    "invoices",
    "tenant, source, month, currency",
    "The invoices of the settings: the whole amount that was billed.",
    (
        TENANT,
        key("source", "text", "Source whose provider sent it.", length=64),
        key("month_first_day", "day", "First day of the month that it is for."),
        key("currency", "text", "ISO currency.", length=3),
        Column("month_last_day", "day", "Last day of it."),
        Column("days_in_month", "int", "28 to 31."),
        measure("amount_micros", "What was billed, in millionths.", unit="micros"),
        measure("bytes_sent", "Traffic that it names.", unit="bytes", null="it names none"),
        Column("citation", "text", "Its number, and where it is kept."),
    ),
    kind="reference",
    summable=("amount_micros", "bytes_sent"),
)
APPLICATIONS = Contract(
    "applications",
    "tenant, application",
    "The applications, as the application's database names them.",
    (
        TENANT,
        key("application_id", "text", "Id there.", length=64),
        Column("application", "text", "The name in the rollups: slug, else id."),
        Column("name", "text", "Name there.", null="none"),
    ),
    kind="reference",
)
MEDIA_FILES = Contract(
    "media_files",
    "tenant, media file",
    "The application's files, including those that it has deleted.",
    (
        TENANT,
        key("media_file_id", "text", "Id there.", length=64),
        Column("object_key_sha256", "text", "SHA-256 of object_key, hex.", length=64),
        Column("object_key", "text", "The storage key."),
        Column("original_filename", "text", "Name that the file was uploaded under.", null="none"),
        Column("mime_type", "text", "MIME type.", null="none"),
        Column("size_bytes", "int", "Size.", null="unknown", unit="bytes", least=0),
        Column("application_id", "text", "In applications.", null="none"),
        Column("user_id", "text", "Whose it is.", null="none", pii="pseudonym"),
        Column("width", "int", "Pixels.", null="unknown", least=0),
        Column("height", "int", "Pixels.", null="unknown", least=0),
        Column("duration_ms", "int", "Length of a video.", null="none", unit="ms", least=0),
        Column("uploaded_at", "instant", "Upload.", null="unknown"),
        Column("is_deleted", "bool", "Deleted there, or no longer there."),
        Column("deleted_at", "instant", "Since when.", null="not deleted, or not known since when"),
    ),
    kind="reference",
)
