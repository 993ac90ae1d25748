"""The provider's invoices, and the month held against them."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table
from sql.migrations.views import make_views

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _invoices()
    make_views(revision)


def _invoices() -> None:
    create_table(
        "invoices",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("month_first_day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(3), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("month_last_day", sa.Date(), nullable=False),
        sa.Column("days_in_month", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("bytes_sent", sa.BigInteger(), nullable=True),
        sa.Column("citation", Text(), nullable=False),
    )
