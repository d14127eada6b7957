"""A sample's answer, opened so that one thing in it can be changed.

A specimen is opened afresh for every case; its slots are found by the manifest's own paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

from lxml import etree

from adapters import paths, samples
from adapters.conformance.cases import Answer, Reply
from adapters.documents import CHARSETS
from adapters.manifest import Answer as AnswerTerms
from adapters.manifest import Connect
from adapters.samples import Sample

Steps = tuple[str | int | None, ...]


class Slot(Protocol):
    """A place where a value stands."""

    def put(self, value: Any) -> None:
        """Let `value` stand there."""
        ...

    def drop(self) -> None:
        """Let there be nothing, not even the place."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of an object."""

    holder: dict[str, Any]
    name: str

    def put(self, value: Any) -> None:
        self.holder[self.name] = value

    def drop(self) -> None:
        self.holder.pop(self.name, None)


@dataclass(frozen=True, slots=True)
class _At:
    """An element of a list."""

    holder: list[Any]
    index: int

    def put(self, value: Any) -> None:
        self.holder[self.index] = value

    def drop(self) -> None:
        self.holder[self.index] = None


@dataclass(frozen=True, slots=True)
class _Child:
    """A child of an element, or an attribute of one."""

    holder: etree._Element
    tag: str
    attribute: str | None

    def put(self, value: Any) -> None:
        text = "" if value is None else str(value)
        if self.attribute is not None:
            self.holder.set(self.attribute, text)
            return
        child = self.holder.find(self.tag)
        if child is None:
            child = etree.SubElement(self.holder, self.tag)
        for each in list(child):
            child.remove(each)
        child.text = text

    def drop(self) -> None:
        if self.attribute is not None:
            self.holder.attrib.pop(self.attribute, "")
            return
        for each in list(self.holder.iterchildren(self.tag)):
            self.holder.remove(each)


class Specimen:
    """A sample's answer as values that can be changed. Base of the formats."""

    textual = False
    """True: everything is text, and there are no wrong types."""
    tabular = False
    """True: rows, of which the transport itself makes a list."""

    def __init__(self, sample: Sample, connect: Connect, terms: AnswerTerms) -> None:
        self.sample, self.connect, self.terms = sample, connect, terms

    def slot(self, path: str) -> Slot | None:
        """The place a path of the whole document leads to."""
        raise NotImplementedError

    def field(self, id_: str, *, repeated: bool) -> Slot | None:
        """The place of a field in the first record, or in its first line."""
        raise NotImplementedError

    def records(self) -> list[Any] | None:
        """The list of records; None where there is none."""
        raise NotImplementedError

    def repeat(self, times: int) -> bool:
        """Let the first record be there so often; False: there is no list of records."""
        found = self.records()
        if not found:
            return False
        found[1:] = [deepcopy(found[0]) for _ in range(times - 1)]
        return True

    def clear(self) -> bool:
        """Let there be no record; False: there is no list of records."""
        found = self.records()
        if found is None:
            return False
        found.clear()
        return True

    def answers(self, origin: str, *, codec: str | None = None) -> dict[str, list[Answer]]:
        """The responses.

        Args:
            origin: Where the scripted server is.
            codec: Another charset for bodies; None: as recorded.
        """
        raise NotImplementedError

    def reply(self) -> Reply | None:
        """What a kind without a wire replies with; None for one with a wire."""
        return None


def opened(sample: Sample, connect: Connect, terms: AnswerTerms) -> Specimen:
    """The specimen of a sample, fresh."""
    if not sample.exchanges:
        return _Given(sample, connect, terms)
    if connect.xml_namespaces is not None:
        return _XML(sample, connect, terms)
    if '"resourceType"' in (sample.exchanges[0].text or ""):
        return _Bundles(sample, connect, terms)
    return _JSON(sample, connect, terms)


# --- JSON and rows ----------------------------------------------------------------------------


def into(value: Any, steps: Steps) -> Any:
    """What the steps lead to, through the first elements of lists; None for nowhere."""
    for step in steps:
        if step is None:
            continue
        if isinstance(step, str):
            while isinstance(value, list) and value:
                value = value[0]
            value = value.get(step) if isinstance(value, dict) else None
        else:
            inside = isinstance(value, list) and -len(value) <= step < len(value)
            value = value[step] if inside else None
    return value


def slot_in(value: Any, steps: Steps) -> Slot | None:
    """The slot the steps lead to."""
    trimmed = tuple(step for step in steps if step is not None)
    if not trimmed:
        return None
    holder = into(value, trimmed[:-1])
    last = trimmed[-1]
    if isinstance(last, str):
        while isinstance(holder, list) and holder:
            holder = holder[0]
        return _Key(holder, last) if isinstance(holder, dict) else None
    inside = isinstance(holder, list) and -len(holder) <= last < len(holder)
    return _At(holder, last) if inside else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


class _Tree(Specimen):
    """What JSON documents and result sets have in common."""

    document: Any

    def slot(self, path: str) -> Slot | None:
        return slot_in(self.document, paths.steps_json(path))

    def records(self) -> list[Any] | None:
        steps = paths.steps_json(self.terms.records) if self.terms.records else ()
        found = into(self.document, steps) if steps else None
        return found if isinstance(found, list) else None

    def field(self, id_: str, *, repeated: bool) -> Slot | None:
        at = self.terms.fields[id_].at
        if at is None or at == "@":
            return None
        holder = self._record()
        if repeated and not self.terms.record:
            holder = _first(into(holder, paths.steps_json(self.terms.lines or "@")))
        return slot_in(holder, paths.steps_json(at))

    def _record(self) -> Any:
        if self.terms.record:
            return _first(self.document.get("rows"))
        return _first(into(self.document, paths.steps_json(self.terms.records or "@")))


class _Given(_Tree):
    """Rows, or a document, without a wire."""

    def __init__(self, sample: Sample, connect: Connect, terms: AnswerTerms) -> None:
        super().__init__(sample, connect, terms)
        given = sample.given()
        self.tabular = given.rows is not None
        rows = [dict(row) for row in given.rows or ()]
        self.document: Any = {"rows": rows} if self.tabular else deepcopy(given.document)

    def records(self) -> list[Any] | None:
        if self.terms.record:
            found: list[Any] = self.document["rows"]
            return found
        return super().records()

    def answers(self, origin: str, *, codec: str | None = None) -> dict[str, list[Answer]]:
        del origin, codec
        return {}

    def reply(self) -> Reply | None:
        return Reply(rows=self.document["rows"]) if self.tabular else Reply(document=self.document)


class _JSON(_Tree):
    """One JSON document."""

    def __init__(self, sample: Sample, connect: Connect, terms: AnswerTerms) -> None:
        super().__init__(sample, connect, terms)
        self.documents = [_loaded(each.body(), each.charset) for each in sample.exchanges]
        self.document: Any = self.documents[0]

    def answers(self, origin: str, *, codec: str | None = None) -> dict[str, list[Answer]]:
        self.documents[0] = self.document
        bodies = [dumped(each) for each in self.documents]
        return _answers(self.sample, bodies, origin, codec)


def dumped(document: Any) -> str:
    """As JSON; half a surrogate pair, which no charset holds, in ASCII."""
    text = json.dumps(document, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _loaded(body: bytes, charset: str) -> Any:
    return json.loads(body.decode(CHARSETS[charset]))


def _answers(
    sample: Sample, bodies: Sequence[str], origin: str, codec: str | None
) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for each, body in zip(sample.exchanges, bodies, strict=True):
        charset = codec or each.charset
        media = each.type.partition(";")[0].strip() or "application/json"
        declared = (
            f"{media}; charset={charset}" if codec or "charset" in each.type.lower() else each.type
        )
        text = body.replace(samples.ORIGIN, origin)
        answer = Answer(status=each.status, type=declared, body=text.encode(CHARSETS[charset]))
        found.setdefault(each.to, []).append(answer)
    return found


class _Bundles(_JSON):
    """Pages of FHIR searches; the manifest's paths are those of the assembled document."""

    def slot(self, path: str) -> Slot | None:  # noqa: ARG002 -- as the base's
        """Conditions about the assembled document stand nowhere in the pages."""
        return None

    def records(self) -> list[Any] | None:
        return None

    def field(self, id_: str, *, repeated: bool) -> Slot | None:
        at = self.terms.fields[id_].at
        if at is None or at == "@":
            return None
        steps = paths.steps_json(at)
        if repeated:
            steps = (*paths.steps_json(self.terms.lines or "@"), *steps)
        named = [step for step in steps if step is not None]
        if not named or not isinstance(named[0], str):
            return None
        resource = next(self._resources(named[0]), None)
        rest = tuple(named[2:] if len(named) > 1 and named[1] == 0 else named[1:])
        return None if resource is None else _in_resource(resource, rest)

    def _resources(self, kind: str) -> Iterator[dict[str, Any]]:
        for document in self.documents:
            for entry in document.get("entry", []):
                if entry["resource"].get("resourceType") == kind:
                    yield entry["resource"]


def _in_resource(resource: dict[str, Any], steps: Steps) -> Slot | None:
    match steps:
        case ("identifier_by_system", str(system)):
            return _by_system(resource.get("identifier"), system, "value")
        case ("coding_by_system", str(element), str(system)):
            concept = _first(resource.get(element))
            rows = concept.get("coding") if isinstance(concept, dict) else None
            return _by_system(rows, system, "code")
    return slot_in(resource, steps)


def _by_system(rows: Any, system: str, key: str) -> Slot | None:
    found = next(
        (row for row in rows if row.get("system") == system)
        if isinstance(rows, list)
        else iter(()),
        None,
    )
    return None if found is None else _Key(found, key)


# --- XML --------------------------------------------------------------------------------------


class _XML(Specimen):
    """One XML document, in an envelope or not."""

    textual = True

    def __init__(self, sample: Sample, connect: Connect, terms: AnswerTerms) -> None:
        super().__init__(sample, connect, terms)
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        body = sample.exchanges[0].body()
        text = body.decode(CHARSETS[sample.exchanges[0].charset])
        self.root: etree._Element = etree.fromstring(_headless(text).encode(), parser)
        self._namespaces: Mapping[str, str] = connect.xml_namespaces or {}

    @property
    def document(self) -> etree._Element:
        """What the manifest's paths start at: below the Body's first child, or at the root."""
        body = self.root.find("{*}Body")
        return self.root if body is None else body[0]

    def slot(self, path: str) -> Slot | None:
        return self._slot(self.document, path)

    def _slot(self, element: etree._Element | None, path: str) -> Slot | None:
        if element is None or path == ".":
            return None
        compiled = paths.compile_xml(path, self._namespaces)
        steps = compiled.steps if compiled.attribute else compiled.steps[:-1]
        holder = paths.XMLPath(steps, None).nodes(element)
        if not holder:
            return None
        tag = "" if compiled.attribute else compiled.steps[-1][0]
        return _Child(holder[0], tag, compiled.attribute)

    def _nodes(self, element: etree._Element, path: str | None) -> list[etree._Element]:
        return paths.compile_xml(path, self._namespaces).nodes(element) if path else [element]

    def field(self, id_: str, *, repeated: bool) -> Slot | None:
        at = self.terms.fields[id_].at
        records = self._nodes(self.document, self.terms.records)
        if at is None or not records:
            return None
        holders = self._nodes(records[0], self.terms.lines) if repeated else records
        return self._slot(holders[0] if holders else None, at)

    def records(self) -> list[Any] | None:
        if self.terms.records is None:
            return None
        return self._nodes(self.document, self.terms.records)

    def repeat(self, times: int) -> bool:
        found = self.records()
        if not found:
            return False
        for each in found[1:]:
            each.getparent().remove(each)
        for _ in range(times - 1):
            found[0].addnext(deepcopy(found[0]))
        return True

    def clear(self) -> bool:
        found = self.records()
        for each in found or ():
            each.getparent().remove(each)
        return found is not None

    def text(self) -> str:
        """The document without its declaration."""
        return etree.tostring(self.root, encoding="unicode")

    def answers(self, origin: str, *, codec: str | None = None) -> dict[str, list[Answer]]:
        charset = codec or self.sample.exchanges[0].charset
        body = f'<?xml version="1.0" encoding="{charset}"?>{self.text()}'
        rest = [each.text or "" for each in self.sample.exchanges[1:]]
        return _answers(self.sample, [body, *rest], origin, codec)


def _headless(text: str) -> str:
    return text.partition("?>")[2] if text.lstrip().startswith("<?xml") else text
