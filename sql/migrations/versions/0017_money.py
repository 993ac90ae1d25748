"""Currencies are never added: users' costs, prices of credits that the settings say, no price that is a constant.

What stood in price_micros took every credit for a US cent, whatever it was sold for. The days are computed anew by the
next run: until then users have no costs.
"""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column, create_table, drop_column, let_be_null
from sql.migrations.views import drop_views, make_views

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    drop_views()
    for table in ("generations_hourly", "generations_daily"):
        drop_column(table, "price_micros")
    for name in ("credits_charged", "cost_micros", "uncosted"):
        add_column("generation_users_daily", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    let_be_null("generation_users_daily", "credits_spent", sa.BigInteger())
    _credit_prices()
    make_views(revision)


def _credit_prices() -> None:
    create_table(
        "credit_prices",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("valid_from_day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("valid_to_day", sa.Date(), nullable=True),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
    )
