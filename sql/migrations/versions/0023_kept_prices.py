"""A changed price rewrites no final day: the prices that days keep, and the receipts of days made with others.

And a model's name for people, beside its generations.
"""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column, create_table, instant
from sql.migrations.views import drop_views, make_views

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    drop_views()
    create_table(
        "kept_prices",
        *_place(),
        _key("item", Text(128)),
        _key("currency", Text(8)),
        _key("valid_from_day", sa.Date()),
        sa.Column("amount_micros", sa.BigInteger(), nullable=True),
        sa.Column("units", sa.BigInteger(), nullable=False),
    )
    create_table(
        "repricings",
        *_place(),
        _key("currency", Text(8)),
        _key("repriced_at", instant()),
        sa.Column("old_micros", sa.BigInteger(), nullable=True),
        sa.Column("new_micros", sa.BigInteger(), nullable=True),
    )
    add_column("generations_daily", sa.Column("model_name", Text(128), nullable=True))
    make_views(revision)


def _place() -> list[sa.Column[object]]:
    return [_key("tenant", Text(64)), _key("kind", Text(16)), _key("day", sa.Date()), _key("source", Text(64))]


def _key(name: str, type_: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False, primary_key=True, autoincrement=False)
