"""The warehouse as it begins: rollups, days, prices, ledger, rejects, fences, listings."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_index, create_table, instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    _alert_checks_daily()
    _audience_trailing()
    _bandwidth_cost_daily()
    _countries_daily()
    _days()
    _endpoints_daily()
    _errors_daily()
    _fences()
    _lake_files()
    _listings()
    _media_file_daily()
    _object_hours()
    _objects()
    _prices()
    _rejects()
    _response_time_buckets_hourly()
    _response_time_daily()
    _traffic_daily()
    _traffic_hourly()


def _alert_checks_daily() -> None:
    create_table(
        "alert_checks_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rule", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("check_group", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("unit", Text(), nullable=False),
        sa.Column("verdict", Text(), nullable=False),
        sa.Column("sample", sa.BigInteger(), nullable=False),
        sa.Column("complete_through_at", instant(), nullable=True),
    )


def _audience_trailing() -> None:
    create_table(
        "audience_trailing",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("window_days", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("unique_addresses", sa.BigInteger(), nullable=False),
        sa.Column("unique_users", sa.BigInteger(), nullable=True),
        sa.Column("authenticated_deliveries", sa.BigInteger(), nullable=True),
        sa.Column("is_behind_cdn", sa.Boolean(), nullable=True),
    )


def _bandwidth_cost_daily() -> None:
    create_table(
        "bandwidth_cost_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("bucket", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("price_id", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(3), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
    )


def _countries_daily() -> None:
    create_table(
        "countries_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("country", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("edge", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _days() -> None:
    create_table(
        "days",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("is_suspect", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("complete_through_at", instant(), nullable=True),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("parsed", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
    )


def _endpoints_daily() -> None:
    create_table(
        "endpoints_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("endpoint", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("server_errors", sa.BigInteger(), nullable=False),
        sa.Column("client_aborts", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _errors_daily() -> None:
    create_table(
        "errors_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("endpoint", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("http_status", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("error_code", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
    )


def _fences() -> None:
    create_table(
        "fences",
        sa.Column("family", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("dirty_epoch", sa.BigInteger(), nullable=False),
        sa.Column("done_epoch", sa.BigInteger(), nullable=False),
        sa.Column("basis", Text(), nullable=False),
    )


def _lake_files() -> None:
    create_table(
        "lake_files",
        sa.Column("path", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False),
        sa.Column("kind", Text(), nullable=False),
        sa.Column("file_day", sa.Date(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_at", instant(), nullable=True),
        sa.Column("last_at", instant(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", Text(), nullable=False),
    )


def _listings() -> None:
    create_table(
        "listings",
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("listed_at", instant(), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("complete_through_at", instant(), nullable=True),
    )


def _media_file_daily() -> None:
    create_table(
        "media_file_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("bucket", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key_sha256", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key", Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("last_at", instant(), nullable=False),
    )


def _object_hours() -> None:
    create_table(
        "object_hours",
        sa.Column("object_id", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("parsed", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
    )
    create_index("object_hours_by_hour", "object_hours", ["hour_at"])


def _objects() -> None:
    create_table(
        "objects",
        sa.Column("object_id", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False),
        sa.Column("object_key", Text(1024), nullable=False),
        sa.Column("etag", Text(), nullable=False),
        sa.Column("version_id", Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_modified_at", instant(), nullable=False),
        sa.Column("sha256", Text(), nullable=True),
        sa.Column("state", Text(), nullable=False),
        sa.Column("reason", Text(), nullable=True),
        sa.Column("detail", Text(), nullable=True),
        sa.Column("parser_version", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("parsed", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("ignored_log_bucket", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("first_at", instant(), nullable=True),
        sa.Column("last_at", instant(), nullable=True),
    )
    # MySQL's indexes hold 3,072 bytes, four for a character.
    create_index("objects_by_key", "objects", ["source", "object_key"], mysql_length={"object_key": 512})


def _prices() -> None:
    create_table(
        "prices",
        sa.Column("price_id", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(), nullable=False),
        sa.Column("measure", Text(), nullable=False),
        sa.Column("amount", Text(), nullable=False),
        sa.Column("currency", Text(), nullable=False),
        sa.Column("per", Text(), nullable=False),
        sa.Column("valid_from_day", sa.Date(), nullable=False),
        sa.Column("valid_to_day", sa.Date(), nullable=True),
        sa.Column("citation", Text(), nullable=False),
    )


def _rejects() -> None:
    create_table(
        "rejects",
        sa.Column("object_id", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("line_number", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", Text(), nullable=False),
        sa.Column("line", Text(), nullable=False),
    )


def _response_time_buckets_hourly() -> None:
    create_table(
        "response_time_buckets_hourly",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("operation_class", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("upper_ms", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
    )


def _response_time_daily() -> None:
    create_table(
        "response_time_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("operation_class", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("measure", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
        sa.Column("mean_ms", sa.BigInteger(), nullable=False),
        sa.Column("p50_ms", sa.BigInteger(), nullable=False),
        sa.Column("p90_ms", sa.BigInteger(), nullable=False),
        sa.Column("p95_ms", sa.BigInteger(), nullable=False),
        sa.Column("p99_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_ms", sa.BigInteger(), nullable=False),
    )


def _traffic_daily() -> None:
    create_table(
        "traffic_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("bucket", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("operation_class", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("status_class", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("response_ms_sum", sa.BigInteger(), nullable=False),
        sa.Column("response_count", sa.BigInteger(), nullable=False),
    )


def _traffic_hourly() -> None:
    create_table(
        "traffic_hourly",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("bucket", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("operation_class", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("status_class", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("response_ms_sum", sa.BigInteger(), nullable=False),
        sa.Column("response_count", sa.BigInteger(), nullable=False),
    )
