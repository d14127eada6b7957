"""Annotated copies (加注件): for one recipient, one purpose and a time, under the certificate's own
identifier, with the four items of GB/T 36903 inside the data that are sealed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta

from certificates.annotated import AnnotatedCopy, Annotation, CopyStatus
from certificates.characters import flaws, tidy
from certificates.editions import Binding
from certificates.embedding import CertificateData, read_data
from certificates.errors import IllegalAct, NumbersExhausted, SealNotProven
from certificates.face import masked, masked_text
from certificates.lifecycle import Certificate, Order, Status, local_day
from certificates.metadata import SEVERAL, told
from certificates.model import Actor, Definition, Face, ItemType, Mask
from certificates.ports import Numbers, SealOrder
from certificates.preparing import Desk

MAX_TEXT = 200
"""Of recipient and purpose (用证事由), as sharing interfaces have it."""
LONGEST = timedelta(days=366)
"""A copy is for one matter; who needs it longer asks again."""
MAX_COPIES = 9999
HOLDER_CODE = "CZZTDM"
"""Hides the holder's number where it is not on the face."""
_SAYING = {**dict.fromkeys(ItemType, 4), ItemType.STRING: 2}
"""Characters from which on the same value elsewhere gives a hidden one away; codes are short."""


def annotated(
    definition: Definition,
    certificate: Certificate,
    data: CertificateData,
    annotation: Annotation,
    numbers: Numbers,
    at: datetime,
) -> tuple[str, CertificateData]:
    """The identifier of a new copy and the data to render and seal.

    Args:
        definition: Of the type, to know where hidden items stand in the metadata.
        certificate: As the register has it.
        data: Of the certificate.
        annotation: What is added.
        numbers: Count copies by certificate.
        at: Now.

    Raises:
        IllegalAct: `parent`: not in force; `data`: not the certificate's; `recipient`, `purpose`,
            `creator`: empty, too long or not to be painted; `expires`: past, too far, or after the
            certificate's last day; `unknown-item`.
        NumbersExhausted: After 9999 copies of one certificate.
    """
    _check(certificate, data, annotation, at)
    items = {entry.id for entry in data.face.items}
    if annotation.hidden - items - {HOLDER_CODE}:
        raise IllegalAct("unknown-item")
    masks = {item: definition.masks.get(item, Mask.HIDDEN) for item in annotation.hidden}
    face = _hidden_face(data, {item: mask for item, mask in masks.items() if item in items})
    number = numbers.take(f"copy:{certificate.identifier}")
    if number > MAX_COPIES:
        raise NumbersExhausted("copies")
    identifier = f"{certificate.identifier}-C{number:04d}"
    added = {
        "JZJZZSJ": told(at),
        "JZJZZZ": annotation.creator,
        "JZJZZSY": annotation.purpose,
        "JZJYXQJZSJ": told(annotation.expires_at),
        # The house's own beside the four: 加注件使用者, 加注件标识.
        "JZJSYZ": annotation.recipient,
        "JZJBS": identifier,
    }
    copy = dataclasses.replace(
        data,
        metadata={**_hidden_metadata(definition, data, face, masks), **added},
        face=face,
        commitments=(),
        blind="",
        parent=certificate.identifier,
    )
    return identifier, copy


def _check(
    certificate: Certificate, data: CertificateData, annotation: Annotation, at: datetime
) -> None:
    if certificate.status_on(local_day(at)) is not Status.IN_FORCE:
        raise IllegalAct("parent")
    if data.digest != certificate.data_digest or data.provisional is not None or data.parent:
        raise IllegalAct("data")
    for key in ("recipient", "purpose", "creator"):
        text = getattr(annotation, key)
        if not text or tidy(text) != text or len(text) > MAX_TEXT or any(flaws(text)):
            raise IllegalAct(key)
    ends = annotation.expires_at
    if ends.tzinfo is None or not at < ends <= at + LONGEST:
        raise IllegalAct("expires")
    if local_day(ends) > certificate.valid_to:
        raise IllegalAct("expires")


def _hidden_face(data: CertificateData, masks: Mapping[str, Mask]) -> Face:
    """The face with these items masked, and every other one that says the same as they do."""
    said = {
        value: mask
        for item, mask in masks.items()
        for value in data.face.get(item).values
        if len(value) >= _SAYING[data.face.get(item).type]
    }
    same = {
        entry.id: said[value]
        for entry in data.face.items
        for value in entry.values
        if value in said
    }
    return masked(data.face, {**same, **masks})


def _hidden_metadata(
    definition: Definition, data: CertificateData, face: Face, masks: Mapping[str, Mask]
) -> dict[str, str]:
    """The metadata with everything masked that says what a masked item says."""
    shown = {entry.id: entry for entry in face.items}
    hidden = {item for item, entry in shown.items() if entry != data.face.get(item)}
    metadata = dict(data.metadata)
    for item in hidden:
        if shown[item].values:
            metadata[f"KZ_{definition.initials[item]}"] = "\n".join(shown[item].values)
    if definition.number in hidden:
        metadata["ZZBH"] = shown[definition.number].value
    if hidden.intersection(place.name for place in definition.holders):
        metadata["CZZT"] = masked_text(metadata["CZZT"], Mask.NAME, SEVERAL)
    numbered = {place.code or place.name for place in definition.holders}
    if HOLDER_CODE in masks or hidden & numbered:
        metadata["CZZTDM"] = masked_text(metadata["CZZTDM"], Mask.NUMBER, SEVERAL)
    return metadata


def make(
    definition: Definition,
    certificate: Certificate,
    annotation: Annotation,
    binding: Binding,
    desk: Desk,
    by: Actor,
) -> AnnotatedCopy:
    """Render, seal and verify a copy and keep its bytes. One that dies on the way left bytes without
    a name, and its number is spent.

    Raises:
        IllegalAct: See `annotated`; `edition`: the certificate's is not there any more to draw it.
        SealNotProven: The seal does not prove itself; nothing leaves.
        LostBytes: The certificate's data are gone.
    """
    at = desk.now()
    data = read_data(desk.blobs.get(certificate.data_digest))
    identifier, copy = annotated(definition, certificate, data, annotation, desk.numbers, at)
    editions = desk.editions(certificate.type_id)
    if editions is None:
        raise IllegalAct("edition")
    edition = editions.numbered(certificate.edition)
    points = desk.renderer.seal_points(edition)
    documents = {}
    for name, drawn in desk.renderer.documents(edition, copy).items():
        order = SealOrder(
            document=drawn,
            format=name,
            identifier=identifier,
            type_id=certificate.type_id,
            unit=binding.unit,
            seal_id=binding.seal_id,
            points=points,
            account=by.account,
            reason=identifier,
        )
        sealed = desk.sealer.seal(order)
        if faults := desk.sealer.faults(sealed, name, copy.digest):
            raise SealNotProven(", ".join(faults))
        documents[name] = desk.blobs.put(sealed)
    return AnnotatedCopy(
        identifier=identifier,
        parent=certificate.identifier,
        annotation=annotation,
        made_at=at,
        data_digest=desk.blobs.put(bytes(copy)),
        documents=documents,
    )


def watermark(data: CertificateData) -> str:
    """What is tiled across every page of a copy, from its data."""
    of = data.metadata
    return f"仅供 {of['JZJSYZ']} 用于 {of['JZJZZSY']} 有效至 {of['JZJYXQJZSJ'][:16]}"


def status(copy: AnnotatedCopy, certificate: Certificate, at: datetime) -> CopyStatus:
    """What the copy is worth at a time: no more than its certificate, and its own days.

    Raises:
        IllegalAct: `parent`: it is another certificate's.
    """
    if copy.parent != certificate.identifier:
        raise IllegalAct("parent")
    if copy.revoked is not None and copy.revoked.at <= at:
        return CopyStatus.REVOKED
    if at >= copy.annotation.expires_at:
        return CopyStatus.EXPIRED
    if certificate.status_on(local_day(at)) is not Status.IN_FORCE:
        return CopyStatus.PARENT_NOT_IN_FORCE
    return CopyStatus.IN_FORCE


def revoke(copy: AnnotatedCopy, order: Order) -> AnnotatedCopy:
    """This copy alone counts no more.

    Raises:
        IllegalAct: `state`: it is revoked already; `reason`; `time`: before it was made.
    """
    if copy.revoked is not None:
        raise IllegalAct("state")
    if not order.reason.strip():
        raise IllegalAct("reason")
    if order.at.tzinfo is None or order.at < copy.made_at:
        raise IllegalAct("time")
    return dataclasses.replace(copy, revoked=order)
