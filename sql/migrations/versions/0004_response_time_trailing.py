"""Percentiles over 7 and 30 days are stored; as a view they took seconds."""

import sqlalchemy as sa
from alembic import op

from sql.migrations.columns import Text, create_table
from sql.migrations.views import make_views

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _response_time_trailing()
    # A basis that is no basis: the next run computes every day's windows, and with them the new table.
    fences = sa.table("fences", sa.column("family"), sa.column("basis"))
    op.execute(fences.update().where(fences.c.family == "audience").values(basis=""))
    make_views(revision)


def _response_time_trailing() -> None:
    create_table(
        "response_time_trailing",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("window_days", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
        sa.Column("p50_ms", sa.BigInteger(), nullable=False),
        sa.Column("p95_ms", sa.BigInteger(), nullable=False),
        sa.Column("p99_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_ms", sa.BigInteger(), nullable=False),
    )
