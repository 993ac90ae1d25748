"""Families of rollups, a file each: what differs between them, told to the one engine (`steps.rollup`).

A new family is a new module here with a ``FAMILY``; its name, and which days rest on its kinds of lake files, are words
of `schemas.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from mediameter.families.family import Family, Judged
from mediameter.settings import Settings
from schemas.vocabulary import DAY_FAMILIES


def _all() -> Iterator[Family]:
    """The FAMILY of every module that has one."""
    for module in iter_modules(__path__, f"{__name__}."):
        family = getattr(import_module(module.name), "FAMILY", None)
        if family:
            yield family


def _rank(family: Family) -> tuple[int, bool, str]:
    """In the order of the vocabulary; a family that trails another comes after it."""
    return DAY_FAMILIES.index(family.trails or family.name), bool(family.trails), family.name


FAMILIES: tuple[Family, ...] = tuple(sorted(_all(), key=_rank))


def judged() -> dict[Family, Judged]:
    """The families that the gate judges and that `days` has rows of, in order."""
    return {family: family.judged for family in FAMILIES if family.judged}


def verdict_fences() -> dict[str, str]:
    """The fence of a day's verdict, by the name of the family that was judged."""
    return {family.name: of.verdicts for family, of in judged().items()}


def verdict_fence(family: Family) -> str:
    """The fence of the verdict on a family's days: a trailing family is judged with the one that it trails."""
    return verdict_fences()[family.trails or family.name]


def trailing(leading: Family) -> list[Family]:
    """The families that trail this one."""
    return [family for family in FAMILIES if family.trails == leading.name]


def tables(leading: Family) -> set[str]:
    """Names of the tables that tell of a family, of what trails it among them."""
    of = (*leading.tables, *(judged()[leading].tables), *(table for each in trailing(leading) for table in each.tables))
    return {contract.name for contract in of}


def fences() -> list[str]:
    """Every fence of every family: of its figures and of its verdicts."""
    return [*(family.name for family in FAMILIES), *verdict_fences().values()]


def of_source(settings: Settings, source: str) -> Family:
    """The family whose days the objects of a source become; the first for a source that no settings know any more."""
    return next((family for family, of in judged().items() if source in of.sources(settings)), FAMILIES[0])
