"""What the bench of OFD runs in a process of its own: documents, parties, and the clock.

Imports no more than a program that seals would, for its memory is told.
"""

from __future__ import annotations

import hashlib
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from seals import chains, keys, names, rulings, seal_reading, sm2, x509
from seals import seal as seal_values
from seals.authority import Profile
from seals.judging import chain_judge
from seals.keys import SM2Key
from seals.levels import Mode
from seals.making import make_seal
from seals.ofd.package import packed
from seals.ofd.placing import AtPlace
from seals.ofd.signing import Signer, embed, prepare
from seals.ofd.verification import Judges, verify
from seals.seal import ListedCertificates, Picture, Seal
from seals.verdicts import Verdict
from tests.world.ofd import line, page, xml
from tests.world.pki import DAY, NOW, pki, wanted
from tests.world.seals import INFO

_T = TypeVar("_T")
DOCUMENTS = 40
PICTURE = 15_700
"""Bytes of the seal's own picture, as in the baseline."""
CACHES = (
    x509._read_x509, chains.signed_by, rulings._list_signed, keys.verifying_key, seal_values._remembered,
    seal_reading._known_seal, seal_values._known_key, names._known_name,
)  # fmt: skip
"""All that remembers anything of a certificate, a list, a seal or a signature value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """A signer, and a seal that lists it."""

    key: SM2Key
    x509_cert: bytes
    seal: Seal

    def sealed(self, document: bytes) -> bytes:
        """One seal on the first page."""
        place = (AtPlace(page=1, x=105, y=150),)
        signer = Signer(x509_cert=self.x509_cert)
        prepared = prepare(document, self.seal, place, Mode.CONTINUE, signer, NOW)
        return embed(prepared, self.key.sign(prepared.to_sign))


def parties(number: int) -> Parties:
    """New ones, under the issuer of the invented country."""
    issuer = pki().issuer
    signer, maker = SM2Key.generate(), SM2Key.generate()
    certificates = [
        issuer.issue(wanted(profile, key, f"{number}")).der
        for profile, key in ((Profile.ORGANISATION, signer), (Profile.SEAL_MAKER, maker))
    ]
    info = replace(
        INFO,
        signers=ListedCertificates(x509_certs=(certificates[0],)),
        created_at=NOW - DAY,
        valid_from=NOW - DAY,
        valid_until=NOW + 100 * DAY,
        picture=Picture(type="PNG", data=_noise(number, PICTURE), width=42, height=42),
    )
    return Parties(
        key=signer, x509_cert=certificates[0], seal=make_seal(info, maker, certificates[1])
    )


def document(number: int, pages: int = 1, picture: int = 45_000) -> bytes:
    """Pages of twenty lines, each with a picture of so many bytes, no two documents alike."""
    listed = "".join(
        f'<ofd:Page ID="{10_000 + at}" BaseLoc="Pages/Page_{at}/Content.xml"/>'
        for at in range(pages)
    )
    media = "".join(
        f'<ofd:MultiMedia ID="{20_000 + at}" Type="Image"><ofd:MediaFile>{at}.png</ofd:MediaFile>'
        "</ofd:MultiMedia>"
        for at in range(pages)
    )
    parts = {
        "/OFD.xml": xml(
            "OFD",
            f"<ofd:DocBody><ofd:DocInfo><ofd:DocID>{number:032x}</ofd:DocID></ofd:DocInfo>"
            "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>",
            'Version="1.2" DocType="OFD"',
        ),
        "/Doc_0/Document.xml": xml(
            "Document",
            "<ofd:CommonData><ofd:MaxUnitID>99999</ofd:MaxUnitID><ofd:PageArea>"
            "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
            "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
            "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes></ofd:CommonData>"
            f"<ofd:Pages>{listed}</ofd:Pages>",
        ),
        "/Doc_0/PublicRes.xml": xml(
            "Res", '<ofd:Fonts><ofd:Font ID="3" FontName="宋体"/></ofd:Fonts>', 'BaseLoc="Res"'
        ),
        "/Doc_0/DocumentRes.xml": xml(
            "Res", f"<ofd:MultiMedias>{media}</ofd:MultiMedias>", 'BaseLoc="Res"'
        ),
    }
    for at in range(pages):
        lines = [
            line(
                f"关于同意示范市演示局办理第{number}号示范事项的决定{row}", 20 + 10 * row, 20 + row
            )
            for row in range(20)
        ]
        shown = (
            f'<ofd:ImageObject ID="9" Boundary="20 230 60 40" ResourceID="{20_000 + at}" '
            'CTM="60 0 0 40 0 0"/>'
        )
        parts[f"/Doc_0/Pages/Page_{at}/Content.xml"] = page(*lines, shown)
        parts[f"/Doc_0/Res/{at}.png"] = _noise(number * 100_000 + at, picture)
    return packed(parts)


def _noise(number: int, size: int) -> bytes:
    """As little to be packed as a picture."""
    return hashlib.shake_128(b"%d" % number).digest(size)


def _speed() -> dict[str, float]:
    """Seconds of the processor, medians."""
    known = parties(0)
    plain = [document(at, picture=47_500) for at in range(DOCUMENTS)]
    if not all(49_000 < len(each) < 51_000 for each in plain):
        raise RuntimeError("not of 50 KB")
    world = pki()
    judges = Judges(chain=chain_judge(world.anchors, world.intermediates, world.lists))
    judged = partial(_judged, judges)
    known.sealed(document(-1))
    seconds = {"seal": _median(known.sealed, plain)}
    made = [known.sealed(each) for each in plain]
    others = [parties(at).sealed(each) for at, each in enumerate(plain, 1)]
    _forget()
    judged(known.sealed(document(-1)))
    seconds["known"] = _fresh(judged, made)
    seconds["new_parties"] = _fresh(judged, others)

    def never_before(each: bytes) -> None:
        _forget()
        judged(each)

    seconds["forgotten"] = _median(never_before, made)
    message, public = bytes(36), keys.verifying_key(known.key.spki)
    value = known.key.sign(message)
    many = range(200)
    return seconds | {
        "sm2_sign": _median(lambda _: known.key.sign(message), many),
        "sm2_verify": _median(lambda _: public.verify(known.key.algorithm, message, value), many),
        "sm3": _median(lambda each: hashlib.new("sm3", each).digest(), made),
    }


def _fresh(work: Callable[[bytes], object], documents: list[bytes]) -> float:
    """What was verified when it was made is forgotten, and OpenSSL's keys with it."""
    seal_values._remembered.cache_clear()
    _openssls_keys()
    work(documents[0])
    return _median(work, documents[1:])


def _forget() -> None:
    for each in CACHES:
        each.cache_clear()
    _openssls_keys()


def _openssls_keys() -> None:
    library = sm2._library()
    if library is None:
        raise RuntimeError("no OpenSSL with SM2")
    library._keys.clear()


def _median(work: Callable[[_T], object], given: Iterable[_T]) -> float:
    timed = []
    for each in given:
        began = time.process_time()
        work(each)
        timed.append(time.process_time() - began)
    return statistics.median(timed)


def _judged(judges: Judges, sealed: bytes) -> None:
    if verify(sealed, NOW, judges=judges).verdict is not Verdict.PASSED:
        raise RuntimeError("it does not pass")


def _sealed_and_judged(path: Path) -> dict[str, float]:
    """A large one: seconds of each motion, and how much memory the process ever had."""
    by = parties(0)
    world = pki()
    judges = Judges(chain=chain_judge(world.anchors, world.intermediates, world.lists))
    plain = path.read_bytes()
    began = time.process_time()
    made = by.sealed(plain)
    sealed = time.process_time()
    size = len(plain)
    del plain
    _judged(judges, made)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "size": size,
        "seal": sealed - began,
        "verify": time.process_time() - sealed,
        "peak": peak,
    }


def main(what: str, *given: str) -> dict[str, float]:
    """One child's work."""
    match what:
        case "speed":
            return _speed()
        case "write":
            written = document(1, int(given[0]), 98_000)
            return {"size": Path(given[1]).write_bytes(written)}
        case _:
            return _sealed_and_judged(Path(given[0]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 - what the parent reads
