"""The quality gate judges generations, too: a verdict says of which family it is. Those that stand are of traffic."""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column
from sql.migrations.views import drop_views, make_views

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    drop_views()
    add_column("quality_checks_daily", sa.Column("family", Text(16), nullable=False, server_default="traffic"))
    make_views(revision)
