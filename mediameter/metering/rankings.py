"""Who asked most: the addresses and the user agents of a day with the most requests, the others in one row."""

from __future__ import annotations

import polars as pl

from mediameter.metering.attribution import capped
from mediameter.metering.bots import with_bots
from schemas.vocabulary import AGENT_CHARACTERS, MOST_RANKED, OTHER

_SUMS = ("requests", "deliveries", "bytes_sent")


def top_addresses(audience: pl.DataFrame) -> pl.DataFrame:
    """addresses_daily without tenant and day. ``audience``: application, address, edge and what they come to."""
    sums = [pl.col(name).sum() for name in _SUMS]
    of_each = audience.group_by("application", "address").agg(pl.col("edge").min(), *sums)
    # A rank by number alone is cheap, and leaves few whose names have to be compared.
    is_near_the_top = pl.col("requests").rank("min", descending=True).over("application") <= MOST_RANKED
    near = of_each.filter(is_near_the_top).sort("requests", "address", descending=[True, False])
    top = near.filter(pl.int_range(pl.len()).over("application") < MOST_RANKED)
    rest = of_each.join(top, on=["application", "address"], how="anti").group_by("application")
    return pl.concat(
        [
            top.with_columns(addresses=pl.lit(1, pl.UInt32)),
            rest.agg(*sums, addresses=pl.len()).with_columns(address=pl.lit(OTHER), edge=pl.lit(None, pl.String)),
        ],
        how="diagonal",
    )


def top_agents(requests: pl.DataFrame) -> pl.DataFrame:
    """user_agents_daily without tenant and day. ``requests``: application, user_agent and what they come to."""
    sums = [pl.col(name).sum() for name in _SUMS]
    agents = with_bots(requests.group_by("application", "user_agent").agg(sums))
    cut = pl.col("user_agent").fill_null("").str.slice(0, AGENT_CHARACTERS)
    named = agents.group_by("application", cut).agg(pl.col("is_bot").any(), *sums)
    ranked = capped(named, "user_agent", MOST_RANKED).group_by("application", "user_agent")
    return ranked.agg(pl.col("is_bot").any(), *sums).with_columns(pl.col("is_bot") & (pl.col("user_agent") != OTHER))
