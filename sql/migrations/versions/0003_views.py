"""Views over the rollups, the daily histogram that one of them reads, and which rules of quality a day breaks."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table
from sql.migrations.views import make_views

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _quality_failures()
    _response_time_buckets_daily()
    make_views(revision)


def _quality_failures() -> None:
    create_table(
        "quality_failures",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("suite", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rule", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("detail", Text(), nullable=False),
    )


def _response_time_buckets_daily() -> None:
    create_table(
        "response_time_buckets_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("upper_ms", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
    )
