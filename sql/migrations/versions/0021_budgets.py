"""Budgets of the settings stand in a table; views hold what was spent against them."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table
from sql.migrations.views import drop_views, make_views

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    drop_views()
    create_table(
        "budgets",
        *(
            sa.Column(name, Text(length), nullable=False, primary_key=True, autoincrement=False)
            for name, length in (("tenant", 64), ("budget_name", 64), ("model", 128), ("currency", 8))
        ),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("period", Text(16), nullable=False),
        sa.Column("costs", Text(16), nullable=False),
        sa.Column("basis", Text(), nullable=False),
        sa.Column("application", Text(128), nullable=False),
        sa.Column("source", Text(64), nullable=False),
        sa.Column("user_id", Text(64), nullable=False),
        sa.Column("subject_of", Text(), nullable=False),
    )
    make_views(revision)
