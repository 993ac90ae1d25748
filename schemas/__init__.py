"""Contracts of frames and tables, and the vocabulary. Imports nothing of ours."""

from schemas.internal import INTERNAL
from schemas.rollups import DAYS, PRICES, ROLLUPS

TABLES = (*ROLLUPS, DAYS, PRICES, *INTERNAL)
