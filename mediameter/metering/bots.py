"""Which user agents call themselves a crawler, a script or a monitor."""

from __future__ import annotations

import polars as pl

from schemas.vocabulary import BOT_WORDS, NOT_BOT_WORDS


def is_bot(agent: pl.Expr) -> pl.Expr:
    """False where there is no agent: who says nothing does not call himself a bot. For distinct agents: it is slow."""
    text = agent.str.to_lowercase()
    for word in NOT_BOT_WORDS:
        text = text.str.replace_all(word, "", literal=True)
    return text.str.contains_any(list(BOT_WORDS)).fill_null(False)


def with_bots(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds ``is_bot`` of ``user_agent``, looked at once for each distinct agent."""
    known = frame.select("user_agent").unique().with_columns(is_bot=is_bot(pl.col("user_agent")))
    return frame.join(known, on="user_agent", how="left", nulls_equal=True, maintain_order="left")
