"""What alerts remember: verdicts by window, incidents, silences."""

import sqlalchemy as sa

from sql.migrations.columns import Text, create_index, create_table, instant
from sql.migrations.views import make_views

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    _alert_silences()
    _alert_windows()
    _incidents()
    make_views(revision)


def _alert_silences() -> None:
    create_table(
        "alert_silences",
        sa.Column("silence_id", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("tenant", Text(64), nullable=False),
        sa.Column("rule", Text(64), nullable=False),
        sa.Column("check_group", Text(128), nullable=False),
        sa.Column("begins_at", instant(), nullable=False),
        sa.Column("ends_at", instant(), nullable=False),
        sa.Column("reason", Text(), nullable=False),
    )


def _alert_windows() -> None:
    create_table(
        "alert_windows",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("rule", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("check_group", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("end_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("begin_at", instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("verdict", Text(), nullable=False),
        sa.Column("sample", sa.BigInteger(), nullable=False),
    )


def _incidents() -> None:
    create_table(
        "incidents",
        sa.Column("incident_id", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("tenant", Text(64), nullable=False),
        sa.Column("fingerprint", Text(32), nullable=False),
        sa.Column("rule", Text(64), nullable=False),
        sa.Column("check_group", Text(128), nullable=False),
        sa.Column("state", Text(), nullable=False),
        sa.Column("severity", Text(), nullable=False),
        sa.Column("begin_at", instant(), nullable=False),
        sa.Column("last_bad_at", instant(), nullable=False),
        sa.Column("judged_through_at", instant(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("worst_value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("sample", sa.BigInteger(), nullable=False),
        sa.Column("bad_windows", sa.BigInteger(), nullable=False),
        sa.Column("good_windows", sa.BigInteger(), nullable=False),
        sa.Column("reopened", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", instant(), nullable=True),
        sa.Column("resolved_at", instant(), nullable=True),
        sa.Column("told", Text(), nullable=False),
        sa.Column("told_at", instant(), nullable=True),
        sa.Column("told_times", sa.BigInteger(), nullable=False),
        sa.Column("amended_at", instant(), nullable=True),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("note", Text(), nullable=False),
    )
    create_index("incidents_by_fingerprint", "incidents", ["fingerprint"])
