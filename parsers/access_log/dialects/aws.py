"""Amazon's server access logs, and whatever else writes its 17 to 28 fields: keys encoded twice, nothing escaped.

The line's time is when the request was received (Amazon's "Server access log format").
"""

from __future__ import annotations

from parsers.access_log import encoded_keys
from parsers.access_log.dialect import Dialect

DIALECT = Dialect(name="aws", cut=encoded_keys.cut, body=encoded_keys.body, decoded=encoded_keys.decoded)
