"""What lies in an OFD and what refers to what, from `OFD.xml` down to the last font.

The graph holds every part that can change what is painted or read, and the signature parts apart
from them. Where a reference could be taken in more than one way, the first that exists counts, as
readers do it. What cannot be followed is a problem, told with its key; nothing is guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from seals.errors import MalformedDocument
from seals.ofd.markup import Element, XMLParts, box, local, named, only, text
from seals.ofd.names import external, folder_of, resolved, shown
from seals.ofd.package import OFDPackage

ROOT = "/OFD.xml"
MAX_EDGES = 200_000


class Kind(StrEnum):
    """What a part is, by what refers to it."""

    OFD = "ofd"
    DOCUMENT = "document"
    VERSION = "version"
    PAGE = "page"
    TEMPLATE = "template"
    RESOURCES = "resources"
    RESOURCE = "resource"
    ANNOTATIONS = "annotations"
    ANNOTATION = "annotation"
    ATTACHMENTS = "attachments"
    ATTACHMENT = "attachment"
    CUSTOM_TAGS = "custom-tags"
    CUSTOM_TAG = "custom-tag"
    EXTENSIONS = "extensions"
    EXTENSION = "extension"
    COVER = "cover"
    SIGNATURES = "signatures"
    SIGNATURE = "signature"
    SEAL = "seal"
    SIGNED_VALUE = "signed-value"


SIGNATURE_KINDS = frozenset({Kind.SIGNATURES, Kind.SIGNATURE, Kind.SEAL, Kind.SIGNED_VALUE})


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where in a part a reference stands: the way down by local names, and its attribute."""

    way: tuple[str, ...]
    attribute: str
    """Empty where the element's text is the reference."""
    kind: Kind


def _rule(way: str, kind: Kind) -> _Rule:
    path, _, attribute = way.partition("@")
    return _Rule(tuple(path.split("/")), attribute, kind)


_RULES: Mapping[Kind, tuple[str, tuple[_Rule, ...]]] = {
    Kind.OFD: (
        "OFD",
        (
            _rule("DocBody/DocRoot", Kind.DOCUMENT),
            _rule("DocBody/Versions/Version@BaseLoc", Kind.VERSION),
            _rule("DocBody/DocInfo/Cover", Kind.COVER),
            _rule("DocBody/Signatures", Kind.SIGNATURES),
        ),
    ),
    Kind.VERSION: (
        "DocVersion",
        (_rule("DocRoot", Kind.DOCUMENT), _rule("FileList/File", Kind.RESOURCE)),
    ),
    Kind.DOCUMENT: (
        "Document",
        (
            _rule("CommonData/PublicRes", Kind.RESOURCES),
            _rule("CommonData/DocumentRes", Kind.RESOURCES),
            _rule("CommonData/TemplatePage@BaseLoc", Kind.TEMPLATE),
            _rule("Pages/Page@BaseLoc", Kind.PAGE),
            _rule("Annotations", Kind.ANNOTATIONS),
            _rule("CustomTags", Kind.CUSTOM_TAGS),
            _rule("Attachments", Kind.ATTACHMENTS),
            _rule("Extensions", Kind.EXTENSIONS),
        ),
    ),
    Kind.PAGE: ("Page", (_rule("PageRes", Kind.RESOURCES),)),
    Kind.TEMPLATE: ("Page", (_rule("PageRes", Kind.RESOURCES),)),
    Kind.RESOURCES: (
        "Res",
        (
            _rule("ColorSpaces/ColorSpace@Profile", Kind.RESOURCE),
            _rule("Fonts/Font/FontFile", Kind.RESOURCE),
            _rule("MultiMedias/MultiMedia/MediaFile", Kind.RESOURCE),
        ),
    ),
    Kind.ANNOTATIONS: ("Annotations", (_rule("Page/FileLoc", Kind.ANNOTATION),)),
    Kind.ANNOTATION: ("PageAnnot", ()),
    Kind.ATTACHMENTS: ("Attachments", (_rule("Attachment/FileLoc", Kind.ATTACHMENT),)),
    Kind.CUSTOM_TAGS: (
        "CustomTags",
        (
            _rule("CustomTag/FileLoc", Kind.CUSTOM_TAG),
            _rule("CustomTag/SchemaLoc", Kind.CUSTOM_TAG),
        ),
    ),
    Kind.EXTENSIONS: ("Extensions", (_rule("Extension/ExtendData", Kind.EXTENSION),)),
    Kind.SIGNATURES: ("Signatures", (_rule("Signature@BaseLoc", Kind.SIGNATURE),)),
    Kind.SIGNATURE: (
        "Signature",
        (_rule("SignedInfo/Seal/BaseLoc", Kind.SEAL), _rule("SignedValue", Kind.SIGNED_VALUE)),
    ),
}
_REPEATED = {
    "DocBody", "Version", "File", "PublicRes", "DocumentRes", "TemplatePage", "Page", "PageRes",
    "ColorSpaces", "ColorSpace", "Fonts", "Font", "MultiMedias", "MultiMedia", "Attachment",
    "CustomTag", "Extension", "ExtendData", "Signature",
}  # fmt: skip
"""What may stand more than once beside itself; two of anything else leave open which counts."""


class Edge(NamedTuple):
    """One reference."""

    source: str
    loc: str
    """As written."""
    kind: Kind
    target: str
    """The part it leads to; empty where it leads to none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that cannot be followed."""

    why: str
    """`external`, `missing`, `loc`, `root`, `doubled`, `too-many`, `document`, `page-size`,
    `signature-twice`, `signature-unlisted`, or a key of the container or of XML."""
    where: str


class Said(NamedTuple):
    """What a part refers to, as its bytes have it; where that leads is another question."""

    base: str
    """Folder of its resources; empty where none is told."""
    locs: Sequence[tuple[Kind | None, str]]
    """None stands for an element that is doubled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All that can be reached from `OFD.xml`."""

    edges: tuple[Edge, ...]
    kinds: Mapping[str, frozenset[Kind]]
    problems: tuple[Problem, ...]
    xml: XMLParts = field(repr=False, compare=False)
    said: Mapping[tuple[str, Kind], Said] = field(repr=False, compare=False)
    """By part, in each of its kinds."""

    @property
    def effective(self) -> frozenset[str]:
        """The parts that can change what is painted or read."""
        return frozenset(part for part, kinds in self.kinds.items() if kinds - SIGNATURE_KINDS)

    def of(self, kind: Kind) -> tuple[str, ...]:
        """The parts of a kind, in the order they were met."""
        return tuple(part for part, kinds in self.kinds.items() if kind in kinds)

    def targets(self, source: str, kind: Kind) -> tuple[str, ...]:
        """Where the references of a kind in one part lead, dead ends left out."""
        return tuple(
            each.target
            for each in self.edges
            if each.source == source and each.kind is kind and each.target
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page in reading order."""

    id: str
    part: str
    width: float
    height: float


def graph(package: OFDPackage, before: Graph | None = None) -> Graph:
    """Follow every reference. Raises nothing: what is amiss is among the problems.

    Args:
        package: The container.
        before: Of a container that has parts in common with it: what the very same bytes say is
            not looked up again; where it leads here, is.
    """
    walk = _Walk(package, before)
    walk.run()
    return Graph(
        edges=tuple(walk.edges),
        kinds={part: frozenset(kinds) for part, kinds in walk.kinds.items()},
        problems=tuple(walk.problems),
        xml=walk.xml,
        said=walk.said,
    )


def pages(found: Graph) -> tuple[Page, ...]:
    """The pages of the first document, each with its physical size.

    Raises:
        MalformedDocument: `document`, `page-size`, or a key of the parts.
    """
    documents = found.targets(ROOT, Kind.DOCUMENT)
    if not documents:
        raise MalformedDocument("document", ROOT)
    root = found.xml.root(documents[0])
    common = only(root, "CommonData", documents[0])
    usual = None if common is None else _area(common, "PageArea", documents[0])
    listed = only(root, "Pages", documents[0])
    here = [] if listed is None else list(named(listed, "Page"))
    parts = found.targets(documents[0], Kind.PAGE)
    if len(here) != len(parts):
        raise MalformedDocument("missing", documents[0])
    return tuple(
        _page(found, each.get("ID") or "", part, usual)
        for each, part in zip(here, parts, strict=True)
    )


def _page(
    found: Graph,
    page_id: str,
    part: str,
    usual: tuple[float, float, float, float] | None,
) -> Page:
    size = _area(found.xml.root(part), "Area", part) or usual
    if size is None or max(size[2:]) > 10_000:
        raise MalformedDocument("page-size", part)
    return Page(id=page_id, part=part, width=size[2], height=size[3])


def _area(parent: Element, name: str, where: str) -> tuple[float, float, float, float] | None:
    area = only(parent, name, where)
    return None if area is None else box(text(only(area, "PhysicalBox", where)))


class _Below(dict[Element, Mapping[str, Sequence[Element]]]):
    """Children by their names, for one part: many rules begin with the same steps."""

    def __missing__(self, parent: Element) -> Mapping[str, Sequence[Element]]:
        found: dict[str, list[Element]] = {}
        for each in parent:
            found.setdefault(local(each), []).append(each)
        self[parent] = found
        return found


def _said(root: Element, kind: Kind, part: str) -> Said:
    """What a part refers to.

    Raises:
        MalformedDocument: `root`.
    """
    name, rules = _RULES[kind]
    if local(root) != name:
        raise MalformedDocument("root", part)
    below = _Below()
    base = root.get("BaseLoc") if kind is Kind.RESOURCES else None
    return Said(base or "", [each for rule in rules for each in _locs(root, rule, below)])


def _locs(root: Element, rule: _Rule, below: _Below) -> Iterator[tuple[Kind | None, str]]:
    found: Sequence[Element] = (root,)
    for name in rule.way:
        here = [below[parent].get(name, ()) for parent in found]
        if name not in _REPEATED and any(len(each) > 1 for each in here):
            yield None, ""
        found = here[0] if len(here) == 1 else [each for some in here for each in some]
        if not found:
            return
    for each in found:
        loc = each.get(rule.attribute) if rule.attribute else text(each)
        if loc or rule.kind in {Kind.DOCUMENT, Kind.PAGE, Kind.SIGNATURE}:
            yield rule.kind, loc or ""


class _Walk:
    """Breadth first; each part once in each of its kinds, so that circles end."""

    def __init__(self, package: OFDPackage, before: Graph | None) -> None:
        self._package = package
        self._before: Mapping[tuple[str, Kind], Said] = {} if before is None else before.said
        self.xml = XMLParts(package) if before is None else before.xml.over(package)
        self._queue: deque[tuple[str, Kind, str]] = deque()
        self.edges: list[Edge] = []
        self.kinds: dict[str, set[Kind]] = {}
        self.problems: list[Problem] = []
        self.said: dict[tuple[str, Kind], Said] = {}

    def run(self) -> None:
        if ROOT not in self._package.parts:
            self._problem("missing", ROOT)
            return
        self._meet(ROOT, Kind.OFD, "/")
        while self._queue:
            part, kind, home = self._queue.popleft()
            try:
                self._follow(part, kind, home)
            except MalformedDocument as error:
                self._problem(error.why, part)

    def _problem(self, why: str, where: str) -> None:
        self.problems.append(Problem(why=why, where=where))

    def _meet(self, part: str, kind: Kind, home: str) -> None:
        kinds = self.kinds.setdefault(part, set())
        if kind not in kinds:
            kinds.add(kind)
            if kind in _RULES:
                self._queue.append((part, kind, home))

    def _follow(self, part: str, kind: Kind, home: str) -> None:
        folder = folder_of(part)
        home = folder if kind is Kind.DOCUMENT else home
        bases = [folder, home, "/"]
        base, locs = self.said[part, kind] = self._said(part, kind)
        if base:
            bases.insert(0, resolved(base, folder).rstrip("/") + "/")
        for leads_to, loc in locs:
            if leads_to is None:
                self._problem("doubled", part)
                continue
            if len(self.edges) == MAX_EDGES:
                raise MalformedDocument("too-many", part)
            target = self._target(loc, bases, part)
            self.edges.append(Edge(part, shown(loc), leads_to, target))
            if target:
                self._meet(target, leads_to, home)

    def _said(self, part: str, kind: Kind) -> Said:
        known = self._before.get((part, kind))
        if known is not None and self._package.unchanged(part):
            return known
        return _said(self.xml.root(part), kind, part)

    def _target(self, loc: str, bases: list[str], part: str) -> str:
        """Where a reference leads: beside its part, or, as some producers mean it, from the
        document's folder or the root.
        """
        if loc in self._package.parts:  # an absolute path, written as we write it
            return loc
        if external(loc.strip()):
            self._problem("external", part)
            return ""
        for base in bases:
            try:
                target = resolved(loc, base)
            except MalformedDocument as error:
                self._problem(error.why, part)
                return ""
            if target in self._package.parts:
                return target
        self._problem("missing", resolved(loc, bases[0]))
        return ""
