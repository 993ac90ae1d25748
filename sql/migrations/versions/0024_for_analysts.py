"""What an analyst meets: a row a day and application, sums that say what they leave out, a schema for BI tools."""

from sql.migrations.views import make_views

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    make_views(revision)
