"""What tells that one object is the begin of another, and then does not count beside it."""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column, create_index
from sql.migrations.views import drop_views, make_views

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    drop_views()
    add_column("objects", sa.Column("head_hash", Text(32)))
    add_column("objects", sa.Column("whole_id", sa.BigInteger()))
    create_index("objects_by_head", "objects", ["source", "head_hash"])
    make_views(revision)
