"""Which tests stay together on one of the suite's workers, and which files begin.

A file's tests stay together, since they share what its fixtures made; tests that share more than a file (the one
Prefect server, the one S3) say so with ``xdist_group``. What takes longest begins, so that no worker is left with it at
the end.
"""

from __future__ import annotations

import pytest

_LONGEST_FIRST = (
    "tests/flows/",
    "tests/trials/test_crash",
    "tests/trials/test_generation_crash",
    "tests/trials/test_engines",
    "tests/trials/test_concurrent",
    "tests/trials/test_backfill",
    "tests/unit/test_bad_input",
    "tests/generations/test_quality",
    "tests/trials/",
    "tests/unit/test_quality",
    "tests/generations/",
    "tests/s3/",
    "tests/doctor/test_bucket",
    "tests/export/",
    "tests/unit/test_backfill",
    "tests/property/",
    "tests/unit/test_response_times",
)


def arrange(items: list[pytest.Item]) -> None:
    """For ``--dist loadgroup --no-loadscope-reorder``; the order within a file stays."""
    for item in items:
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(_file(item)))
    items.sort(key=_rank)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    names = (rank for rank, name in enumerate(_LONGEST_FIRST) if _file(item).startswith(name))
    return next(names, len(_LONGEST_FIRST))
