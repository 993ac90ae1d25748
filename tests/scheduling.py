"""Which tests stay together on one of the suite's workers, and which files begin.

A file's tests stay together, since they share what its fixtures made; so do those of a folder whose files share more
(the one Prefect server). What takes longest begins, so that no worker is left with it at the end.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

_SHARED = ("tests/flows/",)
_LONGEST_FIRST = (
    "tests/flows/",
    "tests/trials/test_killed",
    "tests/trials/test_backfill",
    "tests/trials/test_engines",
    "tests/trials/test_concurrent",
    "tests/trials/test_order",
    "tests/passes/test_bad_input",
    "tests/generations/test_quality",
    "tests/trials/",
    "tests/passes/test_quality",
    "tests/generations/",
    "tests/s3/",
    "tests/doctor/test_bucket",
    "tests/export/",
    "tests/passes/test_backfill",
    "tests/property/",
    "tests/passes/test_response_times",
)


class Together(LoadScopeScheduling):
    """A scheduler of pytest-xdist's; its ``loadgroup`` loses every group under pytest 9.2, without a word."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((place for place in _SHARED if file.startswith(place)), file)


def arrange(items: list[pytest.Item]) -> None:
    """For ``--no-loadscope-reorder``; the order within a file stays."""
    items.sort(key=_rank)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    names = (rank for rank, name in enumerate(_LONGEST_FIRST) if _file(item).startswith(name))
    return next(names, len(_LONGEST_FIRST))
