"""What reads bytes from outside, with real files to begin from and what it may say to bad ones.

A parser may refuse with its own errors. Whatever else happens is found: another exception, a stack
that runs out, memory or time beyond bounds, and a changed document that passes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TypeVar

from seals import keyfiles, sm2
from seals.chains import chain
from seals.drawing import Drawing, png, svg
from seals.encoding import all_pem, from_pem, pem, spki_of
from seals.errors import (
    DocumentRefused,
    InvalidKey,
    Malformed,
    MalformedDocument,
    MalformedSeal,
    PictureRefused,
    PolicyRefused,
    SealError,
    SealRefused,
    TrustListRefused,
    UnknownAlgorithm,
)
from seals.faces import MAX_CHARACTERS, read_face
from seals.glyphs import song
from seals.impression import RoundSeal, round_seal
from seals.keys import SM2Key, verifying_key
from seals.levels import Mode
from seals.ofd.document import graph
from seals.ofd.inspection import inspect
from seals.ofd.package import Limits, OFDPackage
from seals.ofd.placing import AtKeyword, AtPlace
from seals.ofd.signing import Signer, prepare
from seals.ofd.verification import Judges, judge, verify
from seals.pdf import reasons as pdf_reasons
from seals.pdf import verify as verify_pdf
from seals.pictures import checked_picture
from seals.policies import read_policies
from seals.proportions import Level
from seals.report import NOTHING
from seals.revocation import RevocationList, read_list
from seals.seal import SignatureState
from seals.seal_reading import read_seal, read_seal_signature
from seals.timestamps import (
    Imprint,
    TimestampRequest,
    TimestampResponse,
    read_request,
    read_response,
    read_token,
)
from seals.trust import Listed, Service, TrustStore
from seals.trust_list import Operator, TrustList, known, publish, read_trust_list
from seals.vectors import plain_svg
from seals.verdicts import Step, Verdict, worst
from seals.x509 import read_bundle, read_x509
from tests.world import ofd, sealed, signers
from tests.world import seals as made
from tests.world.pages import Draft, face
from tests.world.pki import DAY, pki, root
from tests.world.pki import NOW as PKI_NOW
from tests.world.seals import NOW, SIGNER_CERT, SIGNER_KEY
from tests.world.stamps import stamped, tsa

_T = TypeVar("_T")
LIMITS = Limits(size=4 << 20, part=4 << 20, total=16 << 20)
"""Lower than usual, so that a bomb that is let in is seen soon."""
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One way in."""

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    """Real files, made here once."""
    refuses: tuple[type[Exception], ...]
    """What it may raise; empty for what must never raise."""


class Passed(AssertionError):
    """Something was believed that is not as it was made."""


def fed(parser: Parser, data: bytes) -> str:
    """Let a parser read it; what it says where it refuses, and nothing where it does not.

    Raises:
        Exception: Anything that it may not raise.
    """
    try:
        parser.read(data)
    except parser.refuses as error:
        if not str(error).isprintable():
            raise Passed("a message not fit for a log") from error
        return str(error)
    return ""


seal = cache(made.seal)


# --- OFD --------------------------------------------------------------------------------------


@cache
def _locked() -> bytes:
    return ofd.sealed(mode=Mode.WHOLE)


@cache
def _locked_parts() -> Mapping[str, bytes]:
    return ofd.contents(_locked())


def _container(data: bytes) -> None:
    """However it is read, a part is the same; and changed bytes give no other contents."""
    package = OFDPackage.open(data, LIMITS)
    known = OFDPackage.open(data, LIMITS, before=OFDPackage.open(_locked()))
    for part in package.parts:
        content = package.read(part)
        if content != b"".join(package.chunks(part)) or content != known.read(part):
            raise Passed(part)


def _document(data: bytes) -> None:
    """A container judged: nothing is raised for what it holds, and only what was sealed passes."""
    report = _unraised(partial(verify, data, NOW, judges=_TRUSTING))
    if report.verdict is Verdict.PASSED and ofd.contents(data) not in _documents_parts():
        raise Passed("another document")
    _sealed(data)


def _part(data: bytes) -> None:
    """The first byte names the part, the rest is put in its place."""
    names = sorted(_locked_parts())
    name = names[data[0] % len(names)] if data else names[0]
    whole = OFDPackage.open(_locked()).rewritten({name: data[1:]})
    before = graph(OFDPackage.open(_locked()))
    report = _unraised(partial(verify, whole, NOW, judges=_TRUSTING))
    again = _unraised(lambda: judge(inspect(whole, before=before), NOW, judges=_TRUSTING))
    if report != again:
        raise Passed("remembered")
    if report.verdict is Verdict.PASSED and data[1:] != _locked_parts()[name]:
        value = name.endswith("/SignedValue.dat")
        if not value or not _same_signature(data[1:]):
            raise Passed(name)
    _sealed(OFDPackage.open(ofd.document()).rewritten({name: data[1:]}))


def _same_signature(value: bytes) -> bool:
    """The signature value may stand there as r ‖ s; what it signs and who signs may not change."""
    old, new = (
        read_seal_signature(each)
        for each in (_locked_parts()["/Doc_0/Signs/Sign_0/SignedValue.dat"], value)
    )
    return (old.signed, old.x509_cert) == (new.signed, new.x509_cert)


def _sealed(data: bytes) -> None:
    places = (AtKeyword(keyword="盖章"), AtPlace(page=1, x=100, y=100))
    prepare(data, seal(), places, Mode.CONTINUE, Signer(x509_cert=SIGNER_CERT), NOW)


def _unraised(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except SealError as error:
        raise Passed(f"raised {error!r}") from error


_STEP = Step(
    number=1, key="path", verdict=Verdict.PASSED, reason="demo", zh="", en="", why_zh="", why_en=""
)
_TRUSTING = Judges(chain=lambda *_: (_STEP,))


@cache
def _documents() -> tuple[bytes, ...]:
    return ofd.document(), ofd.sealed(), _locked(), ofd.sealed(ofd.sealed())


@cache
def _documents_parts() -> tuple[Mapping[str, bytes], ...]:
    return tuple(map(ofd.contents, _documents()))


@cache
def _parts() -> list[bytes]:
    names = sorted(_locked_parts())
    more = {
        "/Doc_0/Pages/Page_0/Content.xml": ofd.page(
            '<ofd:TextObject ID="1" Boundary="20 40 99 6" CTM="1 0 0 1 0 0" Font="3" Size="5">'
            '<ofd:Clips><ofd:Clip><ofd:Area><ofd:Path Boundary="0 0 99 6"><ofd:AbbreviatedData>'
            "M 0 0 L 99 0 L 99 6 L 0 6 C</ofd:AbbreviatedData></ofd:Path></ofd:Area></ofd:Clip>"
            '</ofd:Clips><ofd:CGTransform CodePosition="0" CodeCount="2"><ofd:Glyphs>1 2</ofd:Glyphs>'
            '</ofd:CGTransform><ofd:TextCode X="0" Y="5" DeltaX="g 1 5">演示</ofd:TextCode>'
            "</ofd:TextObject>"
        ),
        "/Doc_0/Res/font.otf": face(),
    }
    return [
        bytes((names.index(name),)) + content
        for name, content in (*_locked_parts().items(), *more.items())
    ]


# --- seals, X.509 and lists -------------------------------------------------------------------


def _seal(data: bytes) -> None:
    found = read_seal(data)
    if found.maker_signature() is SignatureState.MATCHES and found.signed != seal().signed:
        raise Passed("seal")


def _seal_signature(data: bytes) -> None:
    found = read_seal_signature(data)
    right = found.signer_signature() is SignatureState.MATCHES and found.signer_listed()
    if right and not _same_signature(data):
        raise Passed("seal signature")


def _certificate(data: bytes) -> None:
    found = read_x509(data)
    if not (str(found.subject) + str(found.issuer)).isprintable():
        raise Passed("name")
    report = chain(found, pki().intermediates, pki().anchors, PKI_NOW, lists=_lists())
    known = (*pki().signers.values(), pki().issuer.certificate, pki().root.certificate)
    if report.verdict is Verdict.PASSED and found.tbs not in {each.tbs for each in known}:
        raise Passed("certificate")


def _list(data: bytes) -> None:
    found = read_list(data)
    entries = list(found.revocations())
    if len(entries) > len(found):
        raise Passed("entries")
    if found.usable and not str(found.issuer).isprintable():
        raise Passed("name")


@cache
def _lists() -> tuple[RevocationList, ...]:
    return tuple(pki().lists)


@cache
def _certificates() -> list[bytes]:
    below = [each.der for each in pki().signers.values()]
    return [*below, pki().issuer.certificate.der, pki().root.certificate.der, *signers.root().chain]


# --- PDF --------------------------------------------------------------------------------------


def _pdf(data: bytes) -> None:
    """Judging and looking through raise nothing."""
    report = verify_pdf(data, NOW, judges=sealed.judges())
    if report.verdict is Verdict.PASSED and data not in _pdfs():
        raise Passed("pdf")
    pdf_reasons(data)


@cache
def _pdfs() -> tuple[bytes, ...]:
    once = sealed.seal()
    return Draft().pdf(), once, sealed.seal(once)


def _face(data: bytes) -> None:
    """A font within a document of either kind."""
    found = read_face(data)
    if sum(map(len, found.characters.values())) > MAX_CHARACTERS:
        raise Passed("characters")


# --- keys and pictures ------------------------------------------------------------------------


def _key_file(data: bytes) -> None:
    keyfiles.decrypted(data.decode("ascii", "replace"), PASSWORD)


def _pem(data: bytes) -> None:
    text = data.decode("ascii", "replace")
    for read in (
        from_pem,
        partial(all_pem, label="CERTIFICATE"),
        sm2.PublicKey.from_pem,
        partial(sm2.PrivateKey.from_pem, password=PASSWORD),
        lambda told: spki_of(from_pem(told)[1]),
        lambda told: verifying_key(from_pem(told)[1]),
        lambda told: read_bundle(told.encode()),
    ):
        try:
            read(text)
        except (InvalidKey, Malformed, UnknownAlgorithm):
            continue


@cache
def _pems() -> list[bytes]:
    told = [SIGNER_KEY.private.pkcs8_pem(), SIGNER_KEY.private.sec1_pem(),
            SIGNER_KEY.private.public().pem, pem("CERTIFICATE", _certificates()[0]) * 2]  # fmt: skip
    return [each.encode() for each in told]


def _picture(data: bytes) -> None:
    checked_picture(data, 42, 42)


@cache
def _pictures() -> list[bytes]:
    drawing = _drawing()
    return [png(drawing), svg(drawing)]


@cache
def _drawing() -> Drawing:
    ring = RoundSeal(ring="示范市大数据管理局", level=Level.DEPARTMENT, diameter=42)
    return round_seal(ring, song())


# --- timestamps, trust and policies -----------------------------------------------------------

_OVER = b"a decision"
_STAMPED = hashlib.new("sm3", _OVER).digest()


@cache
def _tokens() -> list[bytes]:
    return [stamped(tsa(), _STAMPED, "sm3", nonce=7)]


def _token(data: bytes) -> None:
    """Judging raises nothing; what passes says what the authority said."""
    judged = pki_judges().timestamp
    if judged is None:
        raise AssertionError("there is a judge")
    answer = judged(data, _OVER, NOTHING)
    if worst(each.verdict for each in answer.steps) is not Verdict.PASSED:
        return
    found, made = (read_token(each) for each in (data, _tokens()[0]))
    if (found.info, found.signed.signer.signed) != (made.info, made.signed.signer.signed):
        raise Passed("timestamp")


@cache
def pki_judges() -> Judges:
    """Whoever trusts the invented root."""
    return TrustStore.of(pki().anchors, pki().intermediates, _lists()).judges()


def _request(data: bytes) -> None:
    """The authority answers whatever it is asked, and stamps only what can be a question."""
    answer = read_response(tsa().stamp(data))
    if answer.granted:
        read_request(data)


@cache
def _operator() -> SM2Key:
    key = SM2Key.generate()
    return replace(key, chain=(root(key, "示例名单发布者").certificate.der,))


@cache
def _published() -> bytes:
    anchor = Listed(
        service=Service.ANCHOR, certificate=pki().anchors[0], since=PKI_NOW, zh="示例根"
    )
    trust = TrustList(
        sequence=7, issued_at=PKI_NOW, next_update=PKI_NOW + DAY,
        operator=Operator(zh="示例省数据局"), store=TrustStore(listed=(anchor,), lists=_lists()),
    )  # fmt: skip
    return publish(trust, _operator())


def _trust_list(data: bytes) -> None:
    by = [read_x509(_operator().chain[0])]
    if read_trust_list(data, by, PKI_NOW).digest != known(_published()).digest:
        raise Passed("trust list")


def _signed_list(data: bytes) -> None:
    """Whatever an operator may sign who has lost his mind."""
    value = _operator().sign(b"mianti-trust-list 1\n" + data)
    outer = json.loads(_published())
    outer["list"] = base64.b64encode(data).decode()
    outer["signature"]["value"] = base64.b64encode(value).decode()
    by = [read_x509(_operator().chain[0])]
    read_trust_list(json.dumps(outer).encode(), by, PKI_NOW).store.judges()


def _inner_lists() -> list[bytes]:
    return [base64.b64decode(json.loads(_published())["list"])]


POLICY = b"""policy: 1
ofd: {extents: [whole], digests: [sm3], algorithms: [sm2-sm3], timestamp: wanted}
pdf: {algorithms: [rsa-sha256], extensions: ["1.2.3"]}
timestamps: {accuracy_seconds: 5}
"""


PARSERS: Mapping[str, Parser] = {
    "ofd-container": Parser(read=_container, seeds=_documents, refuses=(MalformedDocument,)),
    "ofd-document": Parser(
        read=_document,
        seeds=_documents,
        refuses=(MalformedDocument, DocumentRefused, SealRefused),
    ),
    "ofd-part": Parser(
        read=_part, seeds=_parts, refuses=(MalformedDocument, DocumentRefused, SealRefused)
    ),
    "seal": Parser(read=_seal, seeds=cache(lambda: [seal().der]), refuses=(MalformedSeal,)),
    "seal-signature": Parser(
        read=_seal_signature,
        seeds=cache(lambda: [_locked_parts()["/Doc_0/Signs/Sign_0/SignedValue.dat"]]),
        refuses=(MalformedSeal,),
    ),
    "x509": Parser(read=_certificate, seeds=_certificates, refuses=(Malformed,)),
    "revocation-list": Parser(
        read=_list, seeds=cache(lambda: [each.der for each in _lists()]), refuses=(Malformed,)
    ),
    "timestamp": Parser(read=_token, seeds=_tokens, refuses=()),
    "timestamp-request": Parser(
        read=_request,
        seeds=lambda: [
            TimestampRequest(imprint=Imprint(digest="sm3", value=_STAMPED), nonce=9).der
        ],
        refuses=(),
    ),
    "timestamp-response": Parser(
        read=lambda data: read_response(data).der,
        seeds=cache(lambda: [TimestampResponse(status=0, token=_tokens()[0]).der]),
        refuses=(Malformed,),
    ),
    "trust-list": Parser(
        read=_trust_list, seeds=lambda: [_published()], refuses=(TrustListRefused,)
    ),
    "trust-list-signed": Parser(read=_signed_list, seeds=_inner_lists, refuses=(TrustListRefused,)),
    "policy": Parser(read=read_policies, seeds=lambda: [POLICY], refuses=(PolicyRefused,)),
    "pdf": Parser(read=_pdf, seeds=_pdfs, refuses=()),
    "font": Parser(read=_face, seeds=cache(lambda: [face()]), refuses=(ValueError,)),
    "key-file": Parser(
        read=_key_file,
        seeds=cache(lambda: [keyfiles.encrypted(SIGNER_KEY, PASSWORD).encode()]),
        refuses=(InvalidKey,),
    ),
    "pem": Parser(read=_pem, seeds=_pems, refuses=()),
    "picture": Parser(read=_picture, seeds=_pictures, refuses=(PictureRefused,)),
    "vector": Parser(
        read=lambda data: plain_svg(data, 992, 992),
        seeds=lambda: [svg(_drawing())],
        refuses=(PictureRefused,),
    ),
}
