"""How long after an hour a source's records usually come: until then rules do not take an hour for empty."""

import sqlalchemy as sa

from sql.migrations.columns import add_column
from sql.migrations.views import make_views

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    add_column("listings", sa.Column("delay_s", sa.BigInteger(), nullable=True))
    make_views(revision)
