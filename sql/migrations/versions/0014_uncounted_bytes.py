"""What is not counted stands beside what is: least and most bytes of rejected lines, and what records may have more.

Of lines that were rejected before, nobody has looked at how many bytes they stand for: they are of unknown size.
"""

import sqlalchemy as sa
from alembic import op

from sql.migrations.columns import add_column
from sql.migrations.views import drop_views, make_views

revision = "0014"
down_revision = "0013"

_NOT_COUNTED = ("rejected_least_bytes", "rejected_most_bytes", "unsized_lines", "unsure_lines", "unsure_bytes")


def upgrade() -> None:
    drop_views()
    for name in ("least_bytes", "most_bytes"):
        add_column("rejects", sa.Column(name, sa.BigInteger(), nullable=True))
    for table, names in (("object_hours", _NOT_COUNTED), ("days", ("bytes_sent", *_NOT_COUNTED))):
        for name in names:
            add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE object_hours SET unsized_lines = rejected WHERE rejected > 0 AND rejected_most_bytes = 0")
    op.execute("UPDATE days SET unsized_lines = rejected WHERE family = 'traffic' AND rejected_most_bytes = 0")
    make_views(revision)
