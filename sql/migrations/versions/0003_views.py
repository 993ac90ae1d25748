"""Views over the rollups, and the daily histogram that one of them reads."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table
from sql.migrations.views import make_views

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _response_time_buckets_daily()
    make_views(revision)


def _response_time_buckets_daily() -> None:
    create_table(
        "response_time_buckets_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("upper_ms", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
    )
