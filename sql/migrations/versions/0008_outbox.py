"""What people are to be told, and what became of it."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_index, create_table, instant
from sql.migrations.views import make_views

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _outbox()
    make_views(revision)


def _outbox() -> None:
    create_table(
        "outbox",
        sa.Column("message_key", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("channel_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", Text(128), nullable=False),
        sa.Column("severity", Text(), nullable=False),
        sa.Column("payload", Text(), nullable=False),
        sa.Column("state", Text(16), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", instant(), nullable=False),
        sa.Column("lease", Text(32), nullable=True),
        sa.Column("leased_until_at", instant(), nullable=True),
        sa.Column("delivered_at", instant(), nullable=True),
        sa.Column("last_error", Text(), nullable=True),
    )
    create_index("outbox_by_state", "outbox", ["state", "sequence"])
