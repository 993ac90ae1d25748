"""Contracts of frames, tables and views, and the vocabulary. Imports nothing of ours."""

from schemas.alerts import ALERTS
from schemas.internal import INTERNAL
from schemas.rollups import DAYS, PRICES, QUALITY_CHECKS_DAILY, REFERENCE, ROLLUPS
from schemas.views import VIEWS as VIEWS

TABLES = (*ROLLUPS, DAYS, QUALITY_CHECKS_DAILY, *REFERENCE, *INTERNAL, *ALERTS)
MACHINERY = (*INTERNAL, PRICES)
"""Tables whose frames leave the tenant out: the connection that reads and writes them says whose rows they are."""
READABLE = tuple(contract for contract in (*TABLES, *VIEWS) if contract.kind != "internal")
"""What a role of a BI tool may read: no machinery."""
