"""A warehouse of two days of generations, put together by hand, which answers and the report are asked about."""

from __future__ import annotations

import pytest

from tests.pictures import Warehouse


@pytest.fixture(autouse=True)
def filled(warehouse: Warehouse) -> None:
    warehouse.fill("days", """
        source  | family      | day        | state | complete_through_at
        palette | generations | 2026-11-02 | final | 2026-11-03T00:00:00
        palette | generations | 2026-11-03 | open  | 2026-11-03T10:00:00
        ovh     | traffic     | 2026-11-02 | final | 2026-11-03T00:00:00
    """)  # fmt: skip
    warehouse.fill("credits_daily", """
        day        | application | source  | transaction_type | model | currency | transactions | credits | paid_micros
        2026-11-02 | studio      | palette | purchase         |       | USD      | 3            | 300     | 29_970_000
        2026-11-02 | studio      | palette | refund           |       | USD      | 1            | -100    | -9_990_000
        2026-11-02 | studio      | palette | usage            | fox   |          | 9            | -180    | 0
        2026-11-03 | studio      | palette | purchase         |       | EUR      | 1            | 50      | 5_000_000
        2026-11-03 | studio      | palette | bonus            |       |          | 2            | 20      | 0
    """)  # fmt: skip
    grain = "day        | application | source  | model | generation_type | status    | currency"
    made = "generations | outputs | duration_ms_sum | duration_count | credits_charged | cost_micros | uncosted"
    warehouse.fill("generations_daily", f"""
        {grain} | {made}
        2026-11-02 | studio | palette | fox | image | completed | USD | 8 | 8 | 40000 | 8 | 160 | 960000 | 0
        2026-11-02 | studio | palette | fox | image | failed | | 2 | 0 | 2_000 | 2 | 40 | 0 | 0
        2026-11-02 | studio | palette | owl | video | completed | | 1 | 1 | 60_000 | 1 | 100 | 0 | 1
        2026-11-03 | studio | palette | fox | image | pending | | 3 | 0 | 0 | 0 | 60 | 0 | 0
        2026-11-03 | studio | palette | fox | image | stale | | 1 | 0 | 0 | 0 | 20 | 0 | 0
    """)  # fmt: skip
    warehouse.fill("bandwidth_cost_daily", """
        day        | application | currency | bytes_sent    | cost_micros
        2026-11-02 | studio      | USD      | 1_000_000_000 | 11_000
    """)  # fmt: skip
    who = "day        | application | source  | user_id | currency | week_first_day"
    measures = "generations | failed_generations | credits_charged | credits_spent | cost_micros | uncosted"
    warehouse.fill("generation_users_daily", f"""
        {who} | {measures} | paid_micros | purchases
        2026-10-28 | studio | palette | ann |     | 2026-10-26 | 1 | 0 | 20  | 20  | 0       | 0 | 0            | 0
        2026-11-02 | studio | palette | ann |     | 2026-11-02 | 6 | 2 | 140 | 120 | 0       | 0 | 0            | 0
        2026-11-02 | studio | palette | ann | USD | 2026-11-02 | 0 | 0 | 0   | 0   | 500_000 | 0 | 19_980_000   | 3
        2026-11-02 | studio | palette | ann | EUR | 2026-11-02 | 0 | 0 | 0   | 0   | 0       | 0 | 5_000_000    | 1
        2026-11-02 | studio | palette | bob |     | 2026-11-02 | 5 | 0 | 100 | 60  | 0       | 1 | 0            | 0
        2026-11-02 | studio | palette | bob | USD | 2026-11-02 | 0 | 0 | 0   | 0   | 460_000 | 0 | 0            | 0
        2026-11-03 | studio | palette | bob |     | 2026-11-02 | 4 | 0 | 80  | 80  | 0       | 0 | 0            | 0
        2026-11-03 | studio | files   | eve |     | 2026-11-02 | 1 | 0 | 7   | -   | 0       | 0 | 0            | 0
        2026-11-03 | studio | files   | eve | EUR | 2026-11-02 | 0 | 0 | 0   | -   | 90_000  | 0 | 7_000_000    | 1
        2026-11-03 | studio | files   | eve | JPY | 2026-11-02 | 0 | 0 | 0   | -   | 0       | 0 | 1000_000_000 | 1
    """)  # fmt: skip
