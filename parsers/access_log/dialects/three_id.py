"""Logs with a third id, the canonical one, between owner and bucket; else Amazon's way of writing."""

from __future__ import annotations

from parsers.access_log import encoded_keys
from parsers.access_log.dialect import Dialect

DIALECT = Dialect(
    name="three_id",
    has_three_ids=True,
    cut=encoded_keys.cut,
    body=encoded_keys.body,
    decoded=encoded_keys.decoded,
)
