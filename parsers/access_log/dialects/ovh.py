"""OVHcloud's logs: Amazon's way of writing, told by the ids of Swift, which OVH's storage is.

OVH encodes a key twice, also in batch deletes and lifecycle records, where Amazon does once.

Whether the line's time is the begin or the end, OVH's page and its public emitter say differently. The id tells the
begin in either case.
"""

from __future__ import annotations

from parsers.access_log import encoded_keys
from parsers.access_log.dialect import Dialect

DIALECT = Dialect(
    name="ovh",
    request_ids=r"^tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}$",
    cut=encoded_keys.cut,
    body=encoded_keys.body,
    decoded=encoded_keys.decoded_twice,
)
