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


_OPEN = ipaddress.ip_network("2000::/3")
"""All IPv6 that IANA has given to anybody. What lies outside is private, or a way of writing IPv4."""
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48",  # NAT64 of a network of one's own (RFC 8215)
        "fec0::/10",  # site-local, withdrawn and still routed (RFC 3879)
        "fc00::/7", "fe80::/10", "ff00::/8", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16",
        "192.88.99.0/24",  # relays of 6to4
    )
)  # fmt: skip
"""What ``ipaddress`` of some Python takes for global, or would if it were asked about the hidden address."""


def is_public(address: str) -> bool:
    """Whether an address is of the open internet; of an IPv6 address that hides IPv4 ones, whether all of these are."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip.version == network.version and ip in network for network in _PRIVATE):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        hidden = _hidden(ip)
        return all(map(_is_public_v4, hidden)) if hidden else ip in _OPEN and ip.is_global
    return _is_public_v4(ip)


def _is_public_v4(ip: ipaddress.IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast


_LAST_32_BITS = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "::ffff:0:0/96",  # mapped
        "::ffff:0:0:0/96",  # translated (SIIT)
        "::/96",  # compatible, withdrawn and still understood; ``::`` and ``::1`` are among them
        "64:ff9b::/96",  # NAT64
    )
)


def _hidden(ip: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that a system or a gateway would call instead: of Teredo the server and the client."""
    if any(ip in network for network in _LAST_32_BITS):
        return (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF),)
    if ip.sixtofour:
        return (ip.sixtofour,)
    return ip.teredo or ()
