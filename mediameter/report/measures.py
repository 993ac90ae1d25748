"""The measures that pictures show, each with the contract that says whether its values may be added."""

from __future__ import annotations

from typing import NamedTuple

from schemas.contract import Contract
from schemas.rollups import BANDWIDTH_COST_DAILY, RESPONSE_TIME_DAILY, TRAFFIC_DAILY


class Measure(NamedTuple):
    """A column of a table."""

    contract: Contract
    column: str

    @property
    def may_be_summed(self) -> bool:
        return self.contract.may_be_summed(self.column)


BYTES_SENT = Measure(TRAFFIC_DAILY, "bytes_sent")
REQUESTS = Measure(TRAFFIC_DAILY, "requests")
COST = Measure(BANDWIDTH_COST_DAILY, "cost_micros")
PERCENTILE = Measure(RESPONSE_TIME_DAILY, "p95_ms")
