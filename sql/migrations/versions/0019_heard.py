"""An incident knows as what it was told: whoever heard of its begin is told of its end."""

import sqlalchemy as sa
from alembic import op

from sql.migrations.columns import Text, add_column
from sql.migrations.views import make_views

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    add_column("incidents", sa.Column("heard", Text(32), nullable=False, server_default=""))
    op.execute("UPDATE incidents SET heard = severity WHERE told_times > 0 AND heard = ''")
    make_views(revision)
