"""The address of an S3: credentials and logs go there, so it is TLS, or this very machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from mediameter.loopback import is_this_machine
from mediameter.sections.complaint import Complaint


def safe_endpoint(address: str) -> str:
    """The address without a slash at its end. Raises ``Complaint``."""
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.path.strip("/"):
        raise Complaint("this is not the address of an S3 server", 'write it like "https://s3.gra.io.cloud.ovh.net"')
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise Complaint("without TLS anybody on the way can read and change the logs", "write https://")
    return f"{parts.scheme}://{parts.netloc}"
