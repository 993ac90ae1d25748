"""How the lines of an access-log dialect tell when a request began: said by the dialect's row, read by matching."""

from __future__ import annotations

from typing import NamedTuple


class Begins(NamedTuple):
    """``in_id``: a pattern of request ids whose group is the Unix second of the begin, in digits of ``base``; "" where
    ids tell nothing. ``is_end_logged``: a line's time is the request's end; False also where nobody knows."""

    in_id: str = ""
    base: int = 16
    is_end_logged: bool = False
