"""The media files that generations made."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_index, create_table
from sql.migrations.views import make_views

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    _generated_files_daily()
    create_index(
        "generated_files_by_file",
        "generated_files_daily",
        ["tenant", "media_file_id", "day", "source", "application"],
    )
    make_views(revision)


def _generated_files_daily() -> None:
    create_table(
        "generated_files_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("media_file_id", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(), nullable=False),
        sa.Column("generation_type", Text(), nullable=False),
        sa.Column("generations", sa.BigInteger(), nullable=False),
    )
