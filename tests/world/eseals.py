"""PDFs under electronic seals (GB/T 38540) of this invented world, and who judges them.

Electronic seals are set at `pki.NOW` and judged at that time; signatures of PAdES at the time of
asking. So nothing here expires.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import pylopdf_fonts_zh_cn
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from seals import der, judging
from seals.authority import Profile
from seals.glyphs import Face
from seals.impression import RoundSeal, picture, round_seal
from seals.judging import Judges
from seals.making import make_seal
from seals.pdf import Appearance, Intent, ses, verify
from seals.pdf import Placement as BoxPlacement
from seals.pdf.update import filled, written
from seals.placing import AtPlace, Placement
from seals.proportions import Level
from seals.report import Report
from seals.revocation import read_list
from seals.seal import SM2_SM3, ListedCertificates, Picture, Seal
from seals.x509 import read_x509
from tests.world import sealed, signers
from tests.world.pages import Draft
from tests.world.pki import DAY, NOW, pki
from tests.world.seals import INFO

MIDDLE = (AtPlace(page=1, x=121, y=61),)
MAKER = Profile.SEAL_MAKER


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a key of this world: an organisation, usually."""

    profile: Profile = Profile.ORGANISATION

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Its certificate alone; a seal signature carries no more."""
        return (pki().signers[self.profile].der,)

    def sign(self, message: bytes) -> bytes:
        """With SM2."""
        return pki().keys[self.profile].sign(message)


ORGANISATION, PERSON = Holder(), Holder(profile=Profile.PERSON)


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
            x509_certs=tuple(pki().signers[each].der for each in listed or (Profile.ORGANISATION,))
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
    return ses.sealed(whole, seal or eseal(), places, ORGANISATION, at, intent=intent)


def forged(
    document: bytes | None = None,
    *,
    intent: Intent = Intent.APPROVAL,
    seal: bytes = b"",
    signed_by: Holder = ORGANISATION,
    named: Holder = ORGANISATION,
    at: datetime = NOW,
    names: tuple[str, str] = ("MIANTI.SES", "GBT.38540.ses.detached"),
    protected: str = "",
    digest: bytes = b"",
    shows: Appearance | None = None,
    change: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """Put together by hand, by somebody who looks neither before nor behind.

    Args:
        document: Whatever it is.
        intent: As anybody may want.
        seal: Any bytes in place of the seal.
        signed_by: Whose key signs.
        named: Whose certificate is told.
        at: The time that is told.
        names: Handler and encoding.
        protected: What `propertyInfo` says instead.
        digest: What `dataHash` says instead.
        shows: Another picture than the seal's.
        change: What becomes of the document before it is signed, its length staying the same.
    """
    look = shows or Appearance(png=impression().data)
    place = BoxPlacement(page=1, x=100, y=40, width=42, height=42)
    empty = SignatureObject(timestamp=at, bytes_reserved=2 * (len(seal or eseal().der) + 2048))
    for key, name in zip(("/Filter", "/SubFilter"), names, strict=True):
        empty[pdf_name(key)] = pdf_name(f"/{name}")
    whole = Draft().pdf() if document is None else document
    update = written(whole, [place], look, intent, empty, "sm3")
    (start, end), changed = update.gap, change(update.document)
    over = hashlib.new("sm3", changed[:start] + changed[end:]).digest()
    place_named = protected or f"pdf:{update.name}[{' '.join(map(str, update.byte_range))}]"
    to_sign = der.sequence(
        der.integer(4),
        seal or eseal().der,
        der.generalized_time(at),
        der.bits(digest or over),
        der.tlv(der.IA5, place_named.encode()),
    )
    value = der.sequence(
        to_sign,
        der.octets(named.chain[0]),
        der.oid(SM2_SM3),
        der.bits(signed_by.sign(to_sign)),
    )
    return filled(changed, update.gap, value)


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
