"""Where log and application agree it is said so, however much comes through a CDN; where one lost something it is not.

`pytest -s -m trial tests/trials/test_shop.py` for more seeds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import polars as pl
import pytest

from tests.conftest import Trials
from tests.worlds.shop import By, Shop, shop, unexplained

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
FILES = (40, 400)
_HOUR = pl.col("at").dt.hour()


def share(site: Shop) -> float:
    alone, compared, _ = unexplained(site)
    return alone / compared


@pytest.mark.parametrize("edges", SHARES)
def test_a_loss_is_found_and_a_cache_is_none(edges: float, trials: Trials) -> None:
    for seed, by, files in product(range(trials(1, 10)), get_args(By), FILES):
        site = shop(seed, edges, by, files)
        whole, *lost = (share(each) for each in (site, *_with_losses(site)))
        told = ", ".join(f"{each:.3f}" for each in lost)
        print(f"edges {edges:.0%} by {by}, {files} files, seed {seed}: {whole:.4f}; with losses {told}")
        assert whole <= 0.01
        assert min(lost) > 0.1


def _with_losses(site: Shop) -> tuple[Shop, ...]:
    """A fifth of the events, half of the lines, the lines of three hours, the events of as many."""
    is_quiet = (_HOUR >= 13) & (_HOUR < 16)
    return (
        replace(site, events=site.events.sample(fraction=0.8, seed=1)),
        replace(site, records=site.records.sample(fraction=0.5, seed=2)),
        replace(site, records=site.records.filter(~is_quiet)),
        replace(site, events=site.events.filter(~is_quiet)),
    )


def test_every_kind_of_explanation_is_there() -> None:
    """A world that has lost its caches or its strangers would prove nothing."""
    _, _, counts = unexplained(shop(1, 0.9, "viewer", 40))
    wanted = {"bot", "elsewhere", "failed", "not_modified", "edge", "own_cache", "edge_cache", "event_edge"}
    assert wanted <= {reason for _, reason in counts}
