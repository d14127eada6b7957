"""An invented authority of authorities: root, issuer, seal maker, signers, TSA, and their lists.

Times are relative to `NOW`, which stands still: nothing here ever expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from seals.authority import Authority, Profile, Wanted
from seals.keys import SigningKey, SM2Key
from seals.names import Subject
from seals.revocation import Revocation, RevocationList, read_list
from seals.x509 import X509Certificate

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PKI:
    """A small world of certificates, all with SM2."""

    root: Authority
    issuer: Authority
    keys: dict[Profile, SM2Key] = field(repr=False)
    signers: dict[Profile, X509Certificate]

    @property
    def anchors(self) -> list[X509Certificate]:
        """What is trusted."""
        return [self.root.certificate]

    @property
    def intermediates(self) -> list[X509Certificate]:
        """What comes along."""
        return [self.issuer.certificate]

    @property
    def lists(self) -> list[RevocationList]:
        """Fresh lists of both authorities, on which nobody stands."""
        return [listed(self.root), listed(self.issuer)]


def wanted(profile: Profile, key: SigningKey, name: str = "", **changes: object) -> Wanted:
    """What a certificate of that profile usually holds."""
    parts: dict[str, object] = {
        "profile": profile,
        "subject": Subject(common_name=name or f"示例{profile}", organisation="示例市数据局"),
        "spki": key.spki,
        "not_before": NOW - 30 * DAY,
        "not_after": NOW + 300 * DAY,
    }
    return Wanted(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


def root(key: SigningKey, name: str = "示例根", **changes: object) -> Authority:
    """A root of ten years."""
    terms = {"not_before": NOW - 1000 * DAY, "not_after": NOW + 2600 * DAY} | changes
    return Authority.root(key, Subject(common_name=name), **terms)  # type: ignore[arg-type]  # as above


def below(
    above: Authority, key: SigningKey, name: str = "示例签发机构", **changes: object
) -> Authority:
    """An authority below another."""
    terms = {"not_before": NOW - 500 * DAY, "not_after": NOW + 2000 * DAY} | changes
    return Authority(key=key, certificate=above.issue(wanted(Profile.ISSUER, key, name, **terms)))


def listed(
    authority: Authority,
    *revoked: Revocation,
    at: datetime = NOW - DAY,
    days: int = 7,
    number: int = 1,
) -> RevocationList:
    """Its list, made at that time for so many days."""
    return read_list(
        authority.list_revoked(revoked, this_update=at, next_update=at + days * DAY, number=number)
    )


@cache
def pki() -> PKI:
    """The world, made once."""
    top = root(SM2Key.generate())
    issuer = below(top, SM2Key.generate())
    keys = {profile: SM2Key.generate() for profile in Profile if not profile.issues}
    signers = {profile: issuer.issue(wanted(profile, key)) for profile, key in keys.items()}
    return PKI(root=top, issuer=issuer, keys=keys, signers=signers)
