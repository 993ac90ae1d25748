"""Who is new is not known while a source's history is no longer than the window: `new_users` may be NULL.

The figures are computed anew: the code that makes them is of another version.
"""

import sqlalchemy as sa

from sql.migrations.columns import allow_null
from sql.migrations.views import drop_views, make_views

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    drop_views()
    allow_null("active_users_trailing", sa.Column("new_users", sa.BigInteger()))
    make_views(revision)
