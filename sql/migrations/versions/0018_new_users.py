"""Who is new is not known while a source's history is no longer than the window: `new_users` may be NULL.

The figures are computed anew: the code that makes them is of another version.
"""

import sqlalchemy as sa

from sql.migrations.columns import let_be_null
from sql.migrations.views import drop_views, make_views

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    drop_views()
    let_be_null("active_users_trailing", "new_users", sa.BigInteger())
    make_views(revision)
