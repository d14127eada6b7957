"""Where the hub may connect to: what the operator wrote, and nothing a name server says beside it.

A literal address (and `localhost`) in a manifest is the operator's own word. A name is not: whoever
can change its record could point the hub at its own loopback, at a neighbour's database, or at a
cloud's metadata. So a name may lead to public addresses, and to private ones only where the
operator lists their networks (`connect.allow_networks`, or the hub's setting for all sources). All
addresses of an answer must be allowed, and the connection is made to the addresses that were
checked. Link-local and metadata addresses are nobody's department: they are refused however written.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NEVER: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",  # this host, to some systems
        "100.100.100.200/32",  # metadata (Alibaba Cloud)
        "169.254.0.0/16",  # link-local, metadata
        "224.0.0.0/4",  # multicast
        "255.255.255.255/32",  # broadcast
        "::/128",
        "fd00:ec2::254/128",  # metadata (AWS)
        "fe80::/10",  # link-local
        "ff00::/8",  # multicast
    )
)
"""Refused however it was written."""

_NAT64 = ip_network("64:ff9b::/96")


def plain(address: Address) -> Address:
    """The address that is really reached: IPv4 inside IPv6 is taken out."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def allowed(address: Address, networks: Iterable[Network]) -> bool:
    """May a name lead there?"""
    reached = plain(address)
    return not never(reached) and (reached.is_global or _within(reached, networks))


def literal(url: str) -> Address | None:
    """The address in `url`, where it is written as one."""
    try:
        return ip_address((urlsplit(url).hostname or "").partition("%")[0])
    except ValueError:
        return None


def forbidden(url: str) -> bool:
    """Is it written as the address of such a place?"""
    found = literal(url)
    return found is not None and never(found)


def never(address: Address) -> bool:
    """Is it a place that is nobody's department?"""
    return _within(plain(address), NEVER)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)
