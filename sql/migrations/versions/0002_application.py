"""The application beside the logs: events exported, files and applications known, what matched and what did not."""

import sqlalchemy as sa
from alembic import op

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
    op.create_table(
        "addresses_daily",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("address", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("edge", sa.Text(), nullable=True),
        sa.Column("addresses", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _applications() -> None:
    op.create_table(
        "applications",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application_id", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
    )


def _attribution_daily() -> None:
    op.create_table(
        "attribution_daily",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("match_basis", sa.String(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("match_confidence", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _exports() -> None:
    op.create_table(
        "exports",
        sa.Column("source", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("export_day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
    )


def _media_file_trailing() -> None:
    op.create_table(
        "media_file_trailing",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("window_days", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key_sha256", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("unique_users", sa.BigInteger(), nullable=True),
        sa.Column("unique_addresses", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
    )


def _media_files() -> None:
    op.create_table(
        "media_files",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("object_key_sha256", sa.String(64), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("original_filename", sa.Text(), nullable=True),
        sa.Column("mime_type", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("application_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
    )
    op.create_index("media_files_by_key", "media_files", ["tenant", "object_key_sha256"])


def _reconciliation_daily() -> None:
    op.create_table(
        "reconciliation_daily",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String(16), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.String(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("log_bytes", sa.BigInteger(), nullable=False),
        sa.Column("app_bytes", sa.BigInteger(), nullable=False),
    )


def _row_rejects() -> None:
    op.create_table(
        "row_rejects",
        sa.Column("source", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("row_id", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("export_day", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )


def _user_agents_daily() -> None:
    op.create_table(
        "user_agents_daily",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("user_agent", sa.String(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("is_bot", sa.Boolean(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
    )


def _users_daily() -> None:
    op.create_table(
        "users_daily",
        sa.Column("tenant", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", sa.String(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.String(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
    )
