"""Generations, credits, log-ins and errors; prices of models; exports that may still change."""

import sqlalchemy as sa

from sql.migrations.columns import Text, add_column, create_table, instant
from sql.migrations.views import drop_views, make_views

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    drop_views()
    add_column("exports", sa.Column("unsettled", sa.BigInteger(), nullable=False, server_default="0"))
    add_column("days", sa.Column("family", Text(16), nullable=False, server_default="traffic"))
    _active_users_trailing()
    _app_errors_daily()
    _auth_daily()
    _credits_daily()
    _gauges_hourly()
    _generation_failures()
    _generation_time_buckets_hourly()
    _generation_time_daily()
    _generation_users_daily()
    _generations_daily()
    _generations_hourly()
    _model_prices()
    make_views(revision)


def _active_users_trailing() -> None:
    create_table(
        "active_users_trailing",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("window_days", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("active_users", sa.BigInteger(), nullable=False),
        sa.Column("new_users", sa.BigInteger(), nullable=False),
    )


def _app_errors_daily() -> None:
    create_table(
        "app_errors_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("severity", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("error_type", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
    )


def _auth_daily() -> None:
    create_table(
        "auth_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("action", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
    )


def _credits_daily() -> None:
    create_table(
        "credits_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("transaction_type", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("transactions", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("paid_micros", sa.BigInteger(), nullable=False),
    )


def _gauges_hourly() -> None:
    create_table(
        "gauges_hourly",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("gauge", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("label", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )


def _generation_failures() -> None:
    create_table(
        "generation_failures",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("event_id", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("failed_at", instant(), nullable=False),
        sa.Column("user_id", Text(), nullable=True),
        sa.Column("model", Text(), nullable=False),
        sa.Column("generation_type", Text(), nullable=False),
        sa.Column("error_type", Text(), nullable=True),
        sa.Column("message", Text(), nullable=True),
    )


def _generation_time_buckets_hourly() -> None:
    create_table(
        "generation_time_buckets_hourly",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("style", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("upper_ms", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
    )


def _generation_time_daily() -> None:
    create_table(
        "generation_time_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("style", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
        sa.Column("mean_ms", sa.BigInteger(), nullable=False),
        sa.Column("p50_ms", sa.BigInteger(), nullable=False),
        sa.Column("p90_ms", sa.BigInteger(), nullable=False),
        sa.Column("p95_ms", sa.BigInteger(), nullable=False),
        sa.Column("p99_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_ms", sa.BigInteger(), nullable=False),
    )


def _generation_users_daily() -> None:
    create_table(
        "generation_users_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("user_id", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("week_first_day", sa.Date(), nullable=False),
        sa.Column("generations", sa.BigInteger(), nullable=False),
        sa.Column("failed_generations", sa.BigInteger(), nullable=False),
        sa.Column("outputs", sa.BigInteger(), nullable=False),
        sa.Column("credits_spent", sa.BigInteger(), nullable=False),
        sa.Column("paid_micros", sa.BigInteger(), nullable=False),
        sa.Column("purchases", sa.BigInteger(), nullable=False),
        sa.Column("sign_ups", sa.BigInteger(), nullable=False),
    )


def _generations_daily() -> None:
    create_table(
        "generations_daily",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("generation_type", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("style", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("difficulty", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("status", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("generations", sa.BigInteger(), nullable=False),
        sa.Column("outputs", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms_sum", sa.BigInteger(), nullable=False),
        sa.Column("duration_count", sa.BigInteger(), nullable=False),
        sa.Column("credits_charged", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("uncosted", sa.BigInteger(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
    )


def _generations_hourly() -> None:
    create_table(
        "generations_hourly",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("hour_at", instant(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("application", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("generation_type", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("style", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("difficulty", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("status", Text(32), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("generations", sa.BigInteger(), nullable=False),
        sa.Column("outputs", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms_sum", sa.BigInteger(), nullable=False),
        sa.Column("duration_count", sa.BigInteger(), nullable=False),
        sa.Column("credits_charged", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("uncosted", sa.BigInteger(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
    )


def _model_prices() -> None:
    create_table(
        "model_prices",
        sa.Column("tenant", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("source", Text(64), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("model", Text(128), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("valid_from_day", sa.Date(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("price_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", Text(8), nullable=False, primary_key=True, autoincrement=False),
    )
