"""What a cache, a player or another site explains is no disagreement: the view says what is compared."""

from sql.migrations.views import drop_views, make_views

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    drop_views()
    make_views(revision)
