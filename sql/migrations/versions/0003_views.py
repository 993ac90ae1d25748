"""Views over the rollups, and which rules of quality a day breaks."""

from sql.migrations.views import make_views

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    make_views(revision)
