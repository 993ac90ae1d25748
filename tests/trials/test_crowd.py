"""How right the attribution is on a crowd whose truth is known: `pytest -s -m trial tests/trials/test_crowd.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mediameter.metering.catalogue import files_by_key
from mediameter.metering.deliveries import READS, folded, requests_of, with_deliveries
from mediameter.metering.reconciliation import Agreement, agreement, reconciled, together
from mediameter.metering.viewers import VIEWER, Known, attributed
from mediameter.settings.models import Attribution
from parsers.access_log.dialects import begins
from tests.conftest import Trials
from tests.worlds.crowd import BEGIN, END, Crowd, crowd, shares

RULES = Attribution()
BASES = ("event_address", "event_edge")


def agreed(of: Crowd) -> Agreement:
    requests = requests_of(of.records.select(READS), begins()).collect()
    deliveries = folded([requests]).with_columns(source=pl.lit("ovh"))
    tolerances = (timedelta(milliseconds=each) for each in (RULES.tolerance, RULES.edge_tolerance))
    return together([agreement(deliveries, of.events, of.catalogue, {}, *tolerances)])


@dataclass(frozen=True, slots=True)
class Score:
    """Of the deliveries: how many of those with a viewer have the right one, how many of those with one were found; of
    the bytes in which log and application differ: how many have the right reason."""

    precision: dict[str, float]
    recall: dict[str, float]
    explained: float


def score(of: Crowd) -> Score:
    found = agreed(of)
    viewers = found.viewers.select(VIEWER.keys())
    known = Known(files_by_key(of.records["key"], of.catalogue.files), viewers, of.catalogue.names)
    requests = attributed(with_deliveries(of.records), {}, known)
    begun = requests.filter(pl.col("deliveries") == 1)
    is_right = pl.col("user_id") == pl.col("view")
    precision, recall = {}, {}
    for basis in BASES:
        told, true = (
            begun.filter(pl.col("match_basis") == basis),
            begun.filter(pl.col("truth") == f"matched/{basis}"),
        )
        precision[basis] = told.select(is_right.fill_null(False).mean()).item()
        recall[basis] = true.select(is_right.fill_null(False).mean()).item()
    return Score(precision, recall, explained(of, requests, found))


def explained(of: Crowd, requests: pl.DataFrame, found: Agreement) -> float:
    """Bytes of requests and events that are in one of the two alone, and the difference of those that are in both."""
    right = whole = 0
    for (truth,), rows in requests.group_by("truth"):
        outcome, reason = str(truth).split("/")
        if outcome == "log_only":
            told = reconciled(as_clients(rows), found.events.clear(), BEGIN, END)
            right += told.filter(outcome=outcome, reason=reason)["log_bytes"].sum()
            whole += rows["bytes_sent"].sum()
    fates = of.events.select("event_id", "at").join(of.fates, on="event_id").join(found.events, on="at")
    assert fates.height == of.events.height
    # Which of two caches answered, nobody can tell where both have the file.
    reason = pl.col("reason").replace(["own_cache", "edge_cache"], "cache")
    said = pl.concat_str("outcome", reason, separator="/")
    alone = fates.filter(pl.col("truth").str.starts_with("app_only"))
    right += alone.filter(said == pl.col("truth"))["app_bytes"].sum()
    whole += alone["app_bytes"].sum()
    sent = requests.filter(pl.col("view").is_not_null()).group_by(event_id="view").agg(pl.col("bytes_sent").sum())
    both = fates.join(sent, on="event_id").with_columns(gap=(pl.col("app_bytes") - pl.col("bytes_sent")).abs())
    right += both.filter(said == pl.col("truth"))["gap"].sum()
    return float((right) / (whole + both["gap"].sum()))


def as_clients(requests: pl.DataFrame) -> pl.DataFrame:
    return requests.select(
        "application", "match_basis", "alone", "user_agent", "http_status", "is_get", "deliveries", "bytes_sent",
        is_media_file=pl.col("media_file_id").is_not_null(), requests=pl.lit(1, pl.Int64()), is_sidecar=False,
        is_elsewhere=False,
    )  # fmt: skip


def test_viewers_and_reasons_are_right(trials: Trials, pytestconfig: pytest.Config) -> None:
    asked, first = trials(1, 20), pytestconfig.getoption("seed")
    for seed in range(first, first + asked):
        of = crowd(seed)
        found = score(of)
        print(
            f"seed {seed}: {of.records.height:,} requests, {of.events.height:,} events; precision, recall "
            + ", ".join(f"{basis} {found.precision[basis]:.4f} {found.recall[basis]:.4f}" for basis in BASES)
            + f"; {found.explained:.4f} of the difference in bytes has the right reason; "
            + ", ".join(f"{truth} {share:.3f}" for truth, share in shares(of).items())
        )
        assert found.precision["event_address"] >= 0.99
        assert found.precision["event_edge"] >= 0.95
        assert found.explained >= 0.95


def test_order_of_the_input_changes_nothing(trials: Trials, pytestconfig: pytest.Config) -> None:
    asked, of = trials(3, 200), crowd(pytestconfig.getoption("seed"), sessions=2000)
    meant = sorted_agreement(agreed(of))
    for number in range(asked):
        seed = Random(number).getrandbits(32)
        mixed = Crowd(
            of.records.sample(fraction=1, shuffle=True, seed=seed),
            of.events.sample(fraction=1, shuffle=True, seed=seed + 1),
            of.fates,
            of.catalogue,
        )
        for one, other in zip(meant, sorted_agreement(agreed(mixed)), strict=True):
            assert_frame_equal(one, other)
    print(f"permutations: {asked} asked, {asked} run, 0 differ")


def sorted_agreement(found: Agreement) -> tuple[pl.DataFrame, pl.DataFrame]:
    return found.viewers.sort(pl.all()), found.events.sort(pl.all())
