"""`adapters.ports.Keep` and `Sealer` as the hub offers them: the keep is sealed, under blinded keys, in
Redis or in this process; the sealer is the vault.

A cache that does not answer costs speed and no answer: it gives nothing, keeps nothing and leases
everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import RedisError

from adapters.ports import Keep, MemoryKeep
from hub.errors import HubError
from hub.vault import Vault

_SECONDS = 0.5
"""The longest wait for Redis: a department's answer is worth more than a kept one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKeep:
    """Seals what goes into `inner` and blinds its keys: a citizen number can be enumerated."""

    inner: Keep
    vault: Vault

    async def get(self, key: str) -> bytes | None:
        """See `Keep`."""
        name = self._blind(key)
        sealed = await self.inner.get(name)
        if sealed is None:
            return None
        try:
            return self.vault.open_sealed("keep", "value", name, sealed).encode()
        except HubError:
            return None  # another key, damaged, or no database to have the key from

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """See `Keep`. Values are UTF-8 text."""
        name = self._blind(key)
        try:
            sealed = self.vault.seal("keep", "value", name, value.decode())
        except HubError:
            return
        await self.inner.put(name, sealed, seconds)

    async def lease(self, key: str, seconds: float) -> bool:
        """See `Keep`."""
        return await self.inner.lease(self._blind(key), seconds)

    async def release(self, key: str) -> None:
        """See `Keep`."""
        await self.inner.release(self._blind(key))

    async def aclose(self) -> None:
        """See `Keep`."""
        await self.inner.aclose()

    def _blind(self, key: str) -> str:
        return self.vault.blind_index("keep", key).hex()


class RedisKeep:
    """Redis or Valkey, shared by all processes of a hub."""

    def __init__(self, url: str, prefix: str = "mianti:keep:") -> None:
        self._client = redis.asyncio.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        )
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        """See `Keep`."""
        try:
            found = await self._client.get(self._prefix + key)
        except (RedisError, OSError):
            return None
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """See `Keep`."""
        try:
            await self._client.set(self._prefix + key, value, px=_milliseconds(seconds))
        except (RedisError, OSError):
            return

    async def lease(self, key: str, seconds: float) -> bool:
        """See `Keep`."""
        name = f"{self._prefix}lease:{key}"
        try:
            return bool(await self._client.set(name, b"1", nx=True, px=_milliseconds(seconds)))
        except (RedisError, OSError):
            return True

    async def release(self, key: str) -> None:
        """See `Keep`."""
        try:
            await self._client.delete(f"{self._prefix}lease:{key}")
        except (RedisError, OSError):
            return

    async def aclose(self) -> None:
        """See `Keep`."""
        await self._client.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSealer:
    """Seals what adapters keep at rest, with the vault's data keys."""

    vault: Vault

    def seal(self, place: str, text: str) -> bytes:
        """See `adapters.ports.Sealer`."""
        return self.vault.seal("source_index", "text", place, text)

    def unseal(self, place: str, sealed: bytes) -> str:
        """See `adapters.ports.Sealer`."""
        try:
            return self.vault.open_sealed("source_index", "text", place, sealed)
        except HubError as error:
            raise ValueError("not sealed here") from error


def keep_at(url: str, vault: Vault) -> SealedKeep:
    """The keep behind a Redis address; without one, in this process."""
    return SealedKeep(inner=RedisKeep(url) if url else MemoryKeep(), vault=vault)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
