"""Whatever holds an amount says in the same row of which currency it is; then money can be kept apart everywhere."""

from __future__ import annotations

import pytest

from schemas import TABLES, VIEWS
from schemas.contract import Contract
from schemas.palette import OF_LAKE_KIND

_EVERY = (*TABLES, *VIEWS, *OF_LAKE_KIND.values())
_MONEY = [contract for contract in _EVERY if contract.money]


@pytest.mark.parametrize("contract", _EVERY, ids=lambda each: each.name)
def test_what_is_in_micros_says_so(contract: Contract) -> None:
    in_micros = [column.name for column in contract if column.name.endswith("_micros")]
    assert set(in_micros) <= set(contract.money)


@pytest.mark.parametrize("contract", _MONEY, ids=lambda each: each.name)
def test_an_amount_stands_beside_its_currency(contract: Contract) -> None:
    assert "currency" in contract.names
    if contract.kind in ("rollup", "view") and contract.additivity == "A":
        assert "currency" in contract.key, "rows of one key would add two currencies"


def test_there_is_money() -> None:
    assert len(_MONEY) >= 8
    assert {"money_daily", "bandwidth_cost_daily", "credit", "generation_users_daily"} <= {each.name for each in _MONEY}
