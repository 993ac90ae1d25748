"""How long after an hour a source's records usually come, until when rules do not take an hour for empty; and how many
generations were slow, by one definition. The next run computes the days of generations anew."""

import sqlalchemy as sa

from sql.migrations.columns import add_column
from sql.migrations.views import make_views

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    add_column("listings", sa.Column("delay_s", sa.BigInteger(), nullable=True))
    for table in ("generations_hourly", "generations_daily"):
        add_column(table, sa.Column("slow_generations", sa.BigInteger(), nullable=False, server_default="0"))
    make_views(revision)
