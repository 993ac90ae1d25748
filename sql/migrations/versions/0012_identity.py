"""Which installation a warehouse is, and what it may delete from its lake."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table, instant
from sql.migrations.views import make_views

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    create_table(
        "identity",
        sa.Column("name", Text(160), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("value", Text(), nullable=False),
    )
    create_table(
        "lake_runs",
        sa.Column("run_id", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("begun_at", instant(), nullable=False),
    )
    create_table(
        "lake_retired",
        sa.Column("path", Text(255), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("retired_at", instant(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
    )
    make_views(revision)
