"""Whether a host is this very machine: what is sent to it leaves nowhere, and goes past every proxy."""

from __future__ import annotations

from ipaddress import ip_address


def is_this_machine(host: str) -> bool:
    """Whether the host of a URL is the loopback, by address or as ``localhost``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
