"""Set a seal on an OFD in two motions, so that no key ever meets the document.

`prepare` writes everything but the signature value and gives the bytes to sign; `embed` takes the
value, finishes the document, and has it judged by our own verifier: what does not verify does not
leave. Parts that are not changed keep their bytes, packed as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seals.errors import DocumentRefused, MalformedDocument, SealingFailed, SealRefused
from seals.levels import Mode
from seals.making import PreparedSignature, embed_signature, prepare_signature
from seals.ofd.document import ROOT, Graph, Kind, graph
from seals.ofd.inspection import Facts, SignatureFacts, inspect, stated
from seals.ofd.names import folded, folder_of
from seals.ofd.package import OFDPackage, digest_of
from seals.ofd.placing import Placement, placed
from seals.ofd.preflight import page_objects, reasons
from seals.ofd.signatures import Provider, link_list, write_description, write_list
from seals.ofd.verification import NOBODY, Judges, judge
from seals.report import JUDGED_ELSEWHERE, SealReport
from seals.seal import Seal
from seals.verdicts import Verdict

MAX_SIGNATURES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, and with what software."""

    x509_cert: bytes
    provider: Provider = field(
        default_factory=lambda: Provider(name="mianti", version="1", company="mianti")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A sealed document that only lacks the signer's signature."""

    to_sign: bytes
    """DER of `TBS_Sign`: sign this with SM2 and SM3."""
    signature_id: str
    at: datetime
    seal_signature: PreparedSignature = field(repr=False)
    graph: Graph = field(repr=False)
    """The document as it came."""
    written: Mapping[str, bytes] = field(repr=False)
    """What is new or changed in it."""
    value_part: str


def prepare(
    document: bytes,
    seal: Seal,
    placements: Sequence[Placement],
    mode: Mode,
    signer: Signer,
    at: datetime,
) -> Prepared:
    """Everything but the signature.

    Args:
        document: An OFD, sealed before or not.
        seal: Its picture is shown at the placements.
        placements: At least one.
        mode: Whether more seals may follow.
        signer: The seal must list the certificate.
        at: Now.

    Raises:
        MalformedDocument: The container may not be opened.
        DocumentRefused: The document may not be sealed: the keys of `preflight.reasons`, and
            `locked`, `signature-failed`, `too-many-signatures`.
        SealRefused: The seal may not be used so: the keys of `making.prepare_signature` and
            `placing.placed`.
    """
    if at.tzinfo is None:
        raise SealRefused("time")
    package = OFDPackage.open(document)
    found = graph(package)
    facts = stated(package, found)
    _refuse(package, facts, at)
    stamps = placed(placements, seal.info.picture, facts.pages, page_objects(found))

    listed = found.targets(ROOT, Kind.SIGNATURES)
    base = folder_of(found.of(Kind.DOCUMENT)[0])
    list_part = listed[0] if listed else f"{base}Signs/Signatures.xml"
    folder = _free_folder(package, folder_of(list_part))
    part, seal_part, value_part = (
        folder + name for name in ("Signature.xml", "Seal.esl", "SignedValue.dat")
    )
    old_list = package.read(list_part) if listed else None
    new_list, signature_id = write_list(old_list, list_part, part)
    written = {list_part: new_list, seal_part: seal.der}
    if not listed:
        written[ROOT] = link_list(package.read(ROOT), ROOT, list_part)
    description = write_description(
        provider=signer.provider,
        at=at,
        references=_references(package, written, "" if mode is Mode.WHOLE else list_part),
        stamps=stamps,
        seal=seal_part,
        value=value_part,
    )
    written[part] = description
    digest = digest_of(part, description)
    seal_signature = prepare_signature(digest, seal, signer.x509_cert, at, part)
    return Prepared(
        to_sign=seal_signature.to_sign,
        signature_id=signature_id,
        at=at,
        seal_signature=seal_signature,
        graph=found,
        written=written,
        value_part=value_part,
    )


def embed(
    prepared: Prepared, value: bytes, timestamp: bytes = b"", judges: Judges = NOBODY
) -> bytes:
    """The sealed document, judged by our own verifier before it leaves.

    Args:
        prepared: What was signed.
        value: By the signer, over `prepared.to_sign`; DER or r ‖ s.
        timestamp: RFC 3161 token over the value in DER; empty for none.
        judges: Whoever is given must be content, too.

    Raises:
        SealingFailed: What was made does not verify.
    """
    signed = embed_signature(prepared.seal_signature, value, timestamp).der
    before = prepared.graph
    document = before.xml.package.rewritten({**prepared.written, prepared.value_part: signed})
    try:
        report = judge(inspect(document, before=before), prepared.at, judges=judges)
    except MalformedDocument as error:
        raise SealingFailed(error.why) from None
    own = [each for each in report.seals if each.name == prepared.signature_id]
    if report.verdict is Verdict.FAILED or len(own) != 1 or not _stands(own[0]):
        failed = (each.step.reason for each in report.complaints)
        raise SealingFailed(", ".join(dict.fromkeys(failed)))
    return document


def _stands(report: SealReport) -> bool:
    return all(each.step.number in JUDGED_ELSEWHERE for each in report.complaints)


def _refuse(package: OFDPackage, facts: Facts, at: datetime) -> None:
    """Raise all that keeps the document from being sealed."""
    told = list(reasons(package, facts.graph, facts.pages))
    lists = set(facts.graph.of(Kind.SIGNATURES))
    told += [("locked", each.id) for each in facts.signatures if _protects(each, lists)]
    told += [
        ("signature-failed", each.name)
        for each in judge(facts, at).seals
        if each.verdict is Verdict.FAILED
    ]
    told += [(each.why, each.where) for each in facts.problems]
    if len(facts.signatures) >= MAX_SIGNATURES:
        told.append(("too-many-signatures", ""))
    if told:
        raise DocumentRefused(*dict.fromkeys(told))


def _protects(signature: SignatureFacts, parts: set[str]) -> bool:
    return any(each.part in parts for each in signature.references)


def _free_folder(package: OFDPackage, base: str) -> str:
    """The first folder for a signature that holds nothing yet, in any spelling."""
    taken = {folded(each.name) for each in package.entries}
    for number in range(len(taken) + 1):
        folder = f"{base}Sign_{number}/"
        key = folded(folder)
        if not any(name.startswith(key) or name + "/" == key for name in taken):
            return folder
    raise AssertionError("more folders than entries")


def _references(
    package: OFDPackage, written: Mapping[str, bytes], left_out: str
) -> Iterator[tuple[str, bytes]]:
    """Every part with its SM3, in the order they will lie."""
    for part in (*package.parts, *(each for each in written if each not in package.parts)):
        if part == left_out:
            continue
        content = written.get(part)
        if content is None:
            yield part, package.digest(part)
        else:
            yield part, digest_of(part, content)
