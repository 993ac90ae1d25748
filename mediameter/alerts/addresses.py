"""Which addresses a channel may have. A setting must not make us call machines of the private network."""

from __future__ import annotations

import ipaddress
import socket

TELL_TO_ALLOW = "set alerts.allow_private_channels to allow it"


class Refused(Exception):
    """A channel that may not be called, and why."""


def resolved(host: str, port: int | None = None) -> list[str]:
    """The addresses of a host, in the resolver's order; none where it does not resolve."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):  # the latter of a label that is empty or too long
        return []
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def vetted(host: str, port: int) -> list[str]:
    """The addresses of a host, resolved once: to be connected to as they are. Raises ``Refused`` where one of them is
    private, link-local, loopback or multicast, and where there is none."""
    addresses = resolved(host, port)
    if not addresses:
        raise Refused("its host does not resolve")
    if not all(map(is_public, addresses)):
        raise Refused(f"its address is private or local: {TELL_TO_ALLOW}")
    return addresses


def is_public(address: str) -> bool:
    """Whether an address is of the open internet, also where it hides an IPv4 address in an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = ip.ipv4_mapped or ip.sixtofour or _translated(ip)
        ip = hidden or ip
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a NAT64 gateway would call."""
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
