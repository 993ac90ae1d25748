"""Errors without those of crawlers, which ask for what was never there. Days that are not computed anew count them all,
as they did."""

import sqlalchemy as sa
from alembic import op

from sql.migrations.columns import add_column
from sql.migrations.views import make_views

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    column = sa.Column("errors_without_crawlers", sa.BigInteger(), nullable=False, server_default="0")
    add_column("endpoints_daily", column)
    op.execute("UPDATE endpoints_daily SET errors_without_crawlers = errors")
    make_views(revision)
