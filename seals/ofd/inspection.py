"""Open an OFD and state facts: parts, signatures, digests, seals, coverage. Nothing is judged."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from seals.errors import MalformedDocument, MalformedSeal
from seals.ofd.coverage import Coverage, Extent, coverage
from seals.ofd.document import Graph, Kind, Page, Problem, graph, pages
from seals.ofd.markup import local
from seals.ofd.package import LIMITS, Limits, OFDPackage
from seals.ofd.signatures import Description, Listed, read_description, read_list
from seals.seal import SealSignature
from seals.seal_reading import read_seal_signature

MAX_SIGNATURES = 256
MAX_VALUE = 8 << 20


class SealFile(StrEnum):
    """The separate copy of the seal, `Seal.esl`."""

    ABSENT = "absent"
    SAME = "same"
    """Byte for byte the seal within the seal signature."""
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFacts:
    """A protected part, as it was and as it is."""

    part: str
    expected: bytes
    """Empty where the written value is none."""
    found: bytes | None
    """None where the part is missing, damaged, or the algorithm unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """One signature of the document."""

    id: str
    type: str
    part: str
    digest: bytes
    """SM3 of `Signature.xml`; empty where it is missing."""
    description: Description | None
    """None where `Signature.xml` cannot be read."""
    references: tuple[ReferenceFacts, ...]
    coverage: Coverage
    value: bytes
    """`SignedValue.dat`; empty where there is none."""
    seal_signature: SealSignature | None
    """None where the value is no seal signature."""
    malformed: MalformedSeal | None
    """Why it is none."""
    seal_file: SealFile
    problem: Problem | None
    """Why the description cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A document as it stands."""

    size: int
    parts: tuple[str, ...]
    graph: Graph
    pages: tuple[Page, ...]
    """None at all where they cannot be told; the reason is in `problems`."""
    problems: tuple[Problem, ...]
    signatures: tuple[SignatureFacts, ...]


def inspect(document: bytes, limits: Limits = LIMITS, before: Graph | None = None) -> Facts:
    """State what is there.

    Args:
        document: Its bytes.
        limits: How much of them is read.
        before: Of a container that was read before. What lies there in the very same bytes is not
            unpacked, digested or parsed again; everything else is as if it had never been.

    Raises:
        MalformedDocument: The container may not be opened.
    """
    package = OFDPackage.open(document, limits, None if before is None else before.xml.package)
    return stated(package, graph(package, before))


def stated(package: OFDPackage, found: Graph) -> Facts:
    """The facts of a container that is opened already, and of what refers to what in it."""
    problems = list(found.problems)
    try:
        shown = pages(found)
    except MalformedDocument as error:
        shown = ()
        problems.append(Problem(why=error.why, where=error.where))
    listed = _listed(found, problems)
    problems += _unlisted(package, found)
    digests = _Digests(package)
    return Facts(
        size=len(package.data),
        parts=tuple(package.parts),
        graph=found,
        pages=shown,
        signatures=tuple(_signature(package, found, each, digests) for each in listed),
        problems=tuple(dict.fromkeys(problems)),
    )


def _listed(found: Graph, problems: list[Problem]) -> list[Listed]:
    """The signatures of all lists; the same one is not told twice."""
    listed: list[Listed] = []
    for part in found.of(Kind.SIGNATURES):
        try:
            listed += read_list(found.xml.root(part), part)
        except MalformedDocument as error:
            problems.append(Problem(why=error.why, where=part))
    told: dict[str, Listed] = {}
    ids: set[str] = set()
    for each in listed:
        if each.part in told or each.id in ids:
            problems.append(Problem(why="signature-twice", where=each.part))
        told.setdefault(each.part, each)
        ids.add(each.id)
    if len(told) > MAX_SIGNATURES:
        problems.append(Problem(why="too-many", where=""))
    return list(told.values())[:MAX_SIGNATURES]


def _unlisted(package: OFDPackage, found: Graph) -> Iterator[Problem]:
    """Signatures that lie in the container and are in no list: somebody took them out of it."""
    for part in package.parts.keys() - found.kinds.keys():
        try:
            if part.endswith(".xml") and local(found.xml.root(part)) == "Signature":
                yield Problem(why="signature-unlisted", where=part)
        except MalformedDocument:
            continue


class _Digests:
    """Each part is digested once, however many signatures protect it."""

    def __init__(self, package: OFDPackage) -> None:
        self._package = package
        self._known: dict[tuple[str, str], bytes | None] = {}

    def of(self, part: str, algorithm: str) -> bytes | None:
        key = part, algorithm
        if key not in self._known:
            try:
                self._known[key] = self._package.digest(part, algorithm)
            except MalformedDocument:
                self._known[key] = None
        return self._known[key]


def _signature(
    package: OFDPackage, found: Graph, listed: Listed, digests: _Digests
) -> SignatureFacts:
    description, problem = _description(package, found, listed)
    references: tuple[ReferenceFacts, ...] = ()
    covered = Coverage(extent=Extent.UNCLEAR)
    value = b""
    if description is not None:
        references = _references(description, digests)
        own = {listed.part, description.value}
        covered = coverage(package.parts.keys(), found, own, _protected(references))
        value = _value(package, description.value)
    seal_signature, malformed = _seal_signature(value)
    return SignatureFacts(
        id=listed.id,
        type=listed.type,
        part=listed.part,
        digest=digests.of(listed.part, "sm3") or b"",
        description=description,
        references=references,
        coverage=covered,
        value=value,
        seal_signature=seal_signature,
        malformed=malformed,
        seal_file=_seal_file(package, description, seal_signature),
        problem=problem,
    )


def _description(
    package: OFDPackage, found: Graph, listed: Listed
) -> tuple[Description | None, Problem | None]:
    try:
        root = found.xml.root(listed.part)
        return read_description(root, listed.part, package.parts), None
    except MalformedDocument as error:
        return None, Problem(why=error.why, where=listed.part)


def _references(description: Description, digests: _Digests) -> tuple[ReferenceFacts, ...]:
    algorithm = description.digest
    return tuple(
        ReferenceFacts(
            part=each.part,
            expected=each.expected,
            found=None if algorithm is None else digests.of(each.part, algorithm),
        )
        for each in description.references
    )


def _protected(references: tuple[ReferenceFacts, ...]) -> AbstractSet[str]:
    """What has a digest that can be computed, right or wrong."""
    return {each.part for each in references if each.found is not None and each.expected}


def _value(package: OFDPackage, part: str) -> bytes:
    entry = package.parts.get(part)
    if entry is None or entry.size > MAX_VALUE:
        return b""
    try:
        return package.read(part)
    except MalformedDocument:
        return b""


def _seal_signature(value: bytes) -> tuple[SealSignature | None, MalformedSeal | None]:
    try:
        return read_seal_signature(value), None
    except MalformedSeal as error:
        return None, error


def _seal_file(
    package: OFDPackage, description: Description | None, signed: SealSignature | None
) -> SealFile:
    if description is None or not description.seal:
        return SealFile.ABSENT
    same = signed is not None and _value(package, description.seal) == signed.seal.der
    return SealFile.SAME if same else SealFile.DIFFERS
