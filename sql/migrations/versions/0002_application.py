"""The application beside the logs: events exported, files and applications known, what matched and what did not."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_index, create_table, instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _addresses_daily()
    _applications()
    _attribution_daily()
    _exports()
    _media_file_trailing()
    _media_files()
    _reconciliation_daily()
    _row_rejects()
    _user_agents_daily()
    _users_daily()


def _addresses_daily() -> None:
    create_table(
        "addresses_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("address", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("edge", Text(), nullable=True),
        sa.Column("addresses", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _applications() -> None:
    create_table(
        "applications",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(), nullable=False),
        sa.Column("name", Text(), nullable=True),
    )


def _attribution_daily() -> None:
    create_table(
        "attribution_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("match_basis", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("match_confidence", Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _exports() -> None:
    create_table(
        "exports",
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("table_name", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("export_day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", Text(), nullable=False),
    )


def _media_file_trailing() -> None:
    create_table(
        "media_file_trailing",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("window_days", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key_sha256", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", Text(), nullable=False),
        sa.Column("object_key", Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("unique_users", sa.BigInteger(), nullable=True),
        sa.Column("unique_addresses", sa.BigInteger(), nullable=False),
        sa.Column("last_at", instant(), nullable=False),
    )


def _media_files() -> None:
    create_table(
        "media_files",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key_sha256", Text(64), nullable=False),
        sa.Column("object_key", Text(), nullable=False),
        sa.Column("original_filename", Text(), nullable=True),
        sa.Column("mime_type", Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("application_id", Text(), nullable=True),
        sa.Column("user_id", Text(), nullable=True),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("uploaded_at", instant(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", instant(), nullable=True),
    )
    create_index("media_files_by_key", "media_files", ["tenant", "object_key_sha256"])


def _reconciliation_daily() -> None:
    create_table(
        "reconciliation_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("outcome", Text(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("reason", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("log_bytes", sa.BigInteger(), nullable=False),
        sa.Column("app_bytes", sa.BigInteger(), nullable=False),
    )


def _row_rejects() -> None:
    create_table(
        "row_rejects",
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("table_name", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("row_id", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("export_day", sa.Date(), nullable=True),
        sa.Column("reason", Text(), nullable=False),
        sa.Column("detail", Text(), nullable=False),
    )


def _user_agents_daily() -> None:
    create_table(
        "user_agents_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("user_agent", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("is_bot", sa.Boolean(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _users_daily() -> None:
    create_table(
        "users_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("user_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("last_at", instant(), nullable=False),
    )
