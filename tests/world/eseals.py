"""PDFs under electronic seals (GB/T 38540) of this invented world, and who judges them.

Electronic seals are set at `pki.NOW` and judged at that time; signatures of PAdES at the time of
asking. So nothing here expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import pylopdf_fonts_zh_cn

from seals import judging
from seals.authority import Profile
from seals.glyphs import Face
from seals.impression import RoundSeal, picture, round_seal
from seals.judging import Judges
from seals.making import make_seal
from seals.pdf import Intent, ses, verify
from seals.placing import AtPlace, Placement
from seals.proportions import Level
from seals.report import Report
from seals.revocation import read_list
from seals.seal import ListedCertificates, Picture, Seal
from seals.x509 import read_x509
from tests.world import sealed, signers
from tests.world.pages import Draft
from tests.world.pki import DAY, NOW, pki
from tests.world.seals import INFO

MIDDLE = (AtPlace(page=1, x=121, y=61),)
PLAIN = Profile.ORGANISATION
MAKER = Profile.SEAL_MAKER


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a key of this world: an organisation, usually."""

    profile: Profile = PLAIN

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Its certificate alone; a seal signature carries no more."""
        return (pki().signers[self.profile].der,)

    def sign(self, message: bytes) -> bytes:
        """With SM2."""
        return pki().keys[self.profile].sign(message)


@cache
def impression() -> Picture:
    """As it hangs in an office."""
    face = Face(pylopdf_fonts_zh_cn.serif_path())
    return picture(round_seal(RoundSeal(ring="示例市演示数据管理局", level=Level.DEPARTMENT), face))


@cache
def eseal(*listed: Profile, **changes: object) -> Seal:
    """A seal that these may use, the organisation by itself."""
    usual: dict[str, object] = {
        "signers": ListedCertificates(
            x509_certs=tuple(pki().signers[each].der for each in listed or (PLAIN,))
        ),
        "created_at": NOW - DAY,
        "valid_from": NOW - DAY,
        "valid_until": NOW + 1000 * DAY,
        "picture": impression(),
    }
    info = replace(INFO, **(usual | changes))  # type: ignore[arg-type]  # a test names what it changes
    return make_seal(info, pki().keys[MAKER], pki().signers[MAKER].der)


def esealed(
    document: bytes | None = None,
    *,
    places: Sequence[Placement] = MIDDLE,
    seal: Seal | None = None,
    intent: Intent = Intent.APPROVAL,
    at: datetime = NOW,
) -> bytes:
    """A sound page, or any other document, under the usual seal."""
    whole = Draft().pdf() if document is None else document
    return ses.sealed(whole, seal or eseal(), places, Holder(), at, intent=intent)


def plain(document: bytes | None = None, *, intent: Intent = Intent.APPROVAL) -> bytes:
    """Under a signature of PAdES that claims the same time."""
    return sealed.seal(document, intent=intent, at=NOW)


@cache
def judges() -> Judges:
    """Who trusts the root of either world."""
    world = pki()
    return judging.judges(
        [*world.anchors, read_x509(signers.root().chain[0])],
        world.intermediates,
        [*world.lists, read_list(signers.revocation_list())],
    )


def judged(document: bytes, by: Judges | None = None) -> Report:
    """The report, now."""
    return verify(document, datetime.now(UTC), judges=by or judges())
