"""Contracts of frames and tables, and the vocabulary. Imports nothing of ours."""

from schemas.internal import INTERNAL
from schemas.rollups import DAYS, REFERENCE, ROLLUPS

TABLES = (*ROLLUPS, DAYS, *REFERENCE, *INTERNAL)
