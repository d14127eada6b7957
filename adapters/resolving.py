"""Names into addresses, and only into those where the hub may connect to (`adapters.egress`)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from adapters.egress import Address, Network, allowed, never
from adapters.errors import SourceUnavailable

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""What `localhost` means: the operator's own word, like a literal address."""

Lookup = Callable[[str, int], Awaitable[Iterable[str]]]
"""Host and port → addresses as text.

Raises:
    OSError: There is no such name.
"""


async def system_lookup(host: str, port: int) -> Iterable[str]:
    """What the system's resolver says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def permitted(host: str, found: Iterable[str], networks: Iterable[Network]) -> list[Address]:
    """The addresses that a name server gave for `host`, each once.

    Raises:
        SourceUnavailable: `address-refused`: one of them is not allowed.
    """
    addresses = [ip_address(each.partition("%")[0]) for each in found]
    open_to = (*networks, *(LOOPBACK if host.lower() == "localhost" else ()))
    if not all(allowed(address, open_to) for address in addresses):
        raise SourceUnavailable("address-refused")
    return list(dict.fromkeys(addresses))


def pinned(host: str, port: int, networks: Iterable[Network]) -> list[str]:
    """The addresses to connect to in place of `host`, for libraries that would ask a name server
    themselves; IPv4 first, for those that take one only. Asks the system's resolver, so it belongs
    in a thread.

    Raises:
        OSError: There is no such name.
        SourceUnavailable: `address-refused`: it leads where the hub may not connect to.
    """
    try:
        written = ip_address(host.partition("%")[0])
    except ValueError:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = permitted(host, (str(each[0]) for *_, each in found), networks)
        return [str(each) for each in sorted(addresses, key=lambda each: each.version)]
    if never(written):
        raise SourceUnavailable("address-refused")
    return [host]


class GuardedResolver(AbstractResolver):
    """Resolves the names of one source and refuses where they lead astray."""

    def __init__(self, networks: Iterable[Network], lookup: Lookup = system_lookup) -> None:
        """Args:
        networks: Where names may lead beside public addresses.
        lookup: Asks the name server.
        """
        self._networks, self._lookup = tuple(networks), lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses to connect to; the library connects to these and to no others.

        Raises:
            OSError: There is no such name.
            SourceUnavailable: `address-refused`: one of its addresses is not allowed.
        """
        del family
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in permitted(host, await self._lookup(host, port), self._networks)
        ]

    async def close(self) -> None:
        """Nothing is held."""
