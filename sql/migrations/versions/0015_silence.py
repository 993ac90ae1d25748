"""Silence is not emptiness: when each source delivered last, and what it showed when it was last believed."""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column, create_table, instant
from sql.migrations.views import make_views

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for name in ("listed_through_at", "delivered_at", "late_from_at"):
        add_column("listings", sa.Column(name, instant(), nullable=True))
    _sightings()
    make_views(revision)


def _sightings() -> None:
    create_table(
        "sightings",
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("part", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", instant(), nullable=False),
        sa.Column("kept_s", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", instant(), nullable=True),
        sa.Column("doubt", Text(16), nullable=True),
        sa.Column("detail", Text(), nullable=True),
        sa.Column("doubted_at", instant(), nullable=True),
    )
