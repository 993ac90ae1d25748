"""Which user agents call themselves a crawler, a script or a monitor, and which of them a crawler."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.vocabulary import BOT_WORDS, CRAWLER_WORDS, NOT_BOT_WORDS, NOT_CRAWLER_WORDS


def is_bot(agent: pl.Expr) -> pl.Expr:
    """False where there is no agent: who says nothing does not call himself a bot. For distinct agents: it is slow."""
    return _names(agent, BOT_WORDS, NOT_BOT_WORDS)


def is_crawler(agent: pl.Expr) -> pl.Expr:
    """Of those, who walks from link to link, as search engines do. A script (curl, an SDK) is none: it may be ours."""
    return _names(agent, CRAWLER_WORDS, NOT_CRAWLER_WORDS)


def _names(agent: pl.Expr, words: Sequence[str], but: Sequence[str]) -> pl.Expr:
    text = agent.str.to_lowercase()
    for word in but:
        text = text.str.replace_all(word, "", literal=True)
    return text.str.contains_any(list(words)).fill_null(False)


def with_bots(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds ``is_bot`` of ``user_agent``, looked at once for each distinct agent."""
    known = frame.select("user_agent").unique().with_columns(is_bot=is_bot(pl.col("user_agent")))
    return frame.join(known, on="user_agent", how="left", nulls_equal=True, maintain_order="left")
