"""Contracts of frames, tables and views, and the vocabulary. Imports nothing of ours."""

from schemas.internal import INTERNAL
from schemas.rollups import DAYS, REFERENCE, ROLLUPS
from schemas.views import VIEWS as VIEWS

TABLES = (*ROLLUPS, DAYS, *REFERENCE, *INTERNAL)
