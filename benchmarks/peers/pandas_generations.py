"""What one writes first: SELECT the table, and let pandas group it. It keeps no row, no reject and no hash, validates
nothing, counts a shared charge by the first row of its prediction, and starts from the beginning each time."""

from __future__ import annotations

import json
import sys

import pandas as pd
import sqlalchemy as sa

CHUNK_ROWS = 200_000
QUERY = """
SELECT user_id::text AS user_id, prediction_id, generation_type, model_id, status, credits_cost, created_at,
    completed_at
FROM generation_events ORDER BY created_at
"""


def main() -> None:
    engine = sa.create_engine(sa.make_url(sys.argv[1]).set(drivername="postgresql+psycopg"))
    with engine.connect().execution_options(stream_results=True) as connection:
        rows = pd.concat(pd.read_sql_query(sa.text(QUERY), connection, chunksize=CHUNK_ROWS), ignore_index=True)
    rows["day"] = rows["created_at"].dt.floor("D")
    rows["ms"] = (rows["completed_at"] - rows["created_at"]).dt.total_seconds() * 1000
    rows["charged"] = rows["credits_cost"].where(~rows.duplicated(["user_id", "prediction_id"]), 0)
    grain = ["day", "model_id", "generation_type", "status"]
    daily = rows.groupby(grain).agg(generations=("status", "size"), credits=("charged", "sum"), ms=("ms", "sum"))
    times = rows[rows["status"] == "completed"].groupby(["day", "model_id"])["ms"].quantile([0.5, 0.9, 0.95, 0.99])
    users = rows.groupby("day")["user_id"].nunique()
    said = {"generations": int(daily["generations"].sum()), "credits": int(daily["credits"].sum())}
    print(json.dumps({**said, "groups": len(daily), "times": len(times), "users": int(users.sum())}))


if __name__ == "__main__":
    main()
