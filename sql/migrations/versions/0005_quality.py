"""What the quality gate said of each day."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_table
from sql.migrations.views import make_views

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _quality_checks_daily()
    make_views(revision)


def _quality_checks_daily() -> None:
    create_table(
        "quality_checks_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("suite", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rule", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("severity", Text(), nullable=False),
        sa.Column("is_met", sa.Boolean(), nullable=False),
        sa.Column("detail", Text(), nullable=True),
    )
