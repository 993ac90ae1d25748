"""Projections rest on the hours that are known: the view cost_through, and month_to_date that reads it."""

from sql.migrations.views import make_views

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    make_views(revision)
