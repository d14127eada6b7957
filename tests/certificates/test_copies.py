"""Annotated copies: for one recipient, one purpose and a time, and with no hidden item anywhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from certificates.annotated import AnnotatedCopy, Annotation, CopyStatus, parent_of
from certificates.copies import (
    annotated,
    make,
    revoke,
    status,
    watermark,
)
from certificates.embedding import CertificateData, Provisional, read_data
from certificates.errors import IllegalAct, NumbersExhausted, SealNotProven
from certificates.issuance import issue
from certificates.lifecycle import Certificate, Lifecycle, Order
from certificates.ports import SealOrder
from certificates.register import MemoryNumbers
from tests.world.certificates import CLERK, NOW, RealSealer, definitions, desk, request

LIFE = Lifecycle()
FOR_SCHOOL = Annotation(
    recipient="示范县教育体育局",
    purpose="教育入学一件事",
    creator="赵明示",
    expires_at=NOW + timedelta(days=30),
)
ORDER = Order(by=CLERK, at=NOW + timedelta(hours=1), reason="持证人撤回", basis="条例")


def certified(type_id: str) -> tuple[Certificate, CertificateData]:
    """A certificate in force and its data."""
    office = desk()
    certificate = issue(request(type_id), office)
    return certificate, read_data(office.blobs.get(certificate.data_digest))


CARD, CARD_DATA = certified("resident-id-card")


def copied(
    annotation: Annotation = FOR_SCHOOL,
    *,
    certificate: Certificate = CARD,
    data: CertificateData = CARD_DATA,
    at: datetime = NOW,
    numbers: MemoryNumbers | None = None,
) -> tuple[str, CertificateData]:
    """A copy of the card."""
    definition = definitions()[certificate.type_id]
    taken = numbers or MemoryNumbers()
    return annotated(definition, certificate, data, annotation, taken, at)


def test_a_copy_carries_the_four_items_and_its_parent() -> None:
    """Inside its data, in Beijing time; the rest is the certificate's."""
    identifier, copy = copied()

    assert identifier == f"{CARD.identifier}-C0001"
    assert parent_of(identifier) == (CARD.identifier, 1)
    assert copy.parent == CARD.identifier
    assert (copy.metadata["JZJBS"], copy.metadata["JZJSYZ"]) == (identifier, FOR_SCHOOL.recipient)
    added = {name: copy.metadata[name] for name in ("JZJZZSJ", "JZJZZZ", "JZJZZSY", "JZJYXQJZSJ")}
    assert added == {
        "JZJZZSJ": "2026-11-24 14:00:00",
        "JZJZZZ": "赵明示",
        "JZJZZSY": "教育入学一件事",
        "JZJYXQJZSJ": "2026-12-24 14:00:00",
    }
    assert copy.face == CARD_DATA.face
    assert copy.digest != CARD_DATA.digest
    assert read_data(bytes(copy)) == copy
    assert copy.commitments == ()
    assert watermark(copy) == "仅供 示范县教育体育局 用于 教育入学一件事 有效至 2026-12-24 14:00"


HIDDEN: dict[str, tuple[str, frozenset[str], tuple[str, ...]]] = {
    "number of a card": ("resident-id-card", frozenset({"id_number"}), ("990101199001010019",)),
    "name of a card": ("resident-id-card", frozenset({"name"}), ("赵明示",)),
    "owner hides the number": ("realestate-certificate", frozenset({"owner"}), ("赵明示", "990101199001010019")),
    "number that is the licence's": ("driver-licence", frozenset({"licence_no"}), ("990101199001010019",)),
    "portrait": ("resident-id-card", frozenset({"portrait"}), ("sm3:" + "0" * 64,)),
    "owner not by number on the face": ("realestate-certificate", frozenset({"CZZTDM"}), ("91990101MA0000015C", "990101199001010019")),
    "place and unit": ("realestate-certificate", frozenset({"location", "unit_no"}), ("990101001001GB00001F00010001",)),
    "one of a couple": ("marriage-certificate", frozenset({"woman_name", "woman_id_number"}), ("钱安例", "990101199001010027")),
    "name that stands twice": ("marriage-certificate", frozenset({"man_name"}), ("赵明示",)),
    "repeated items": ("immunization-certificate", frozenset({"lot_number", "vaccine"}), ("DEMO2019A",)),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_nowhere_in_the_copy(name: str) -> None:
    """Neither on the face nor in the metadata nor under another name."""
    type_id, hidden, gone = HIDDEN[name]
    certificate, data = certified(type_id)

    _, copy = copied(replace(FOR_SCHOOL, hidden=hidden, creator="办理窗口"), certificate=certificate, data=data)  # fmt: skip

    text = bytes(copy).decode()
    assert not [value for value in gone if value in text]
    assert read_data(bytes(copy)) == copy
    kept = {e.id for e in data.face.items if e == copy.face.get(e.id)}
    assert len(kept) >= len(data.face.items) - len(hidden) - 3


def test_an_empty_item_that_is_hidden_stays_empty() -> None:
    """No metadata appear for it."""
    certificate, data = certified("household-register")
    _, copy = copied(replace(FOR_SCHOOL, hidden=frozenset({"former_name"})), certificate=certificate, data=data)  # fmt: skip

    assert "KZ_CYM" not in copy.metadata
    assert copy.face.get("former_name").values == ()


SUSPENDED = LIFE.suspend(CARD, ORDER)
DRAFT = replace(CARD_DATA, provisional=Provisional.COMMITMENT)
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "of one that is suspended": (lambda: copied(certificate=SUSPENDED, at=ORDER.at), "parent"),
    "of one that has expired": (lambda: copied(at=NOW + timedelta(days=9999)), "parent"),
    "with data of another": (lambda: copied(data=certified("business-licence")[1]), "data"),
    "with data that were changed": (lambda: copied(data=replace(CARD_DATA, edition=2)), "data"),
    "of a draft": (lambda: copied(data=DRAFT, certificate=replace(CARD, data_digest=DRAFT.digest)), "data"),
    "of a copy": (lambda: copied(data=copied()[1], certificate=replace(CARD, data_digest=copied()[1].digest)), "data"),
    "for nobody": (lambda: copied(replace(FOR_SCHOOL, recipient="")), "recipient"),
    "for no purpose": (lambda: copied(replace(FOR_SCHOOL, purpose=" ")), "purpose"),
    "for a purpose that hides": (lambda: copied(replace(FOR_SCHOOL, purpose="入学\u202e")), "purpose"),
    "for a novel of a purpose": (lambda: copied(replace(FOR_SCHOOL, purpose="x" * 201)), "purpose"),
    "by nobody": (lambda: copied(replace(FOR_SCHOOL, creator="")), "creator"),
    "for no time": (lambda: copied(replace(FOR_SCHOOL, expires_at=NOW)), "expires"),
    "for ever": (lambda: copied(replace(FOR_SCHOOL, expires_at=NOW + timedelta(days=400))), "expires"),
    "until no certain time": (lambda: copied(replace(FOR_SCHOOL, expires_at=datetime(2026, 12, 1))), "expires"),  # noqa: DTZ001  meant
    "beyond the certificate": (lambda: copied(certificate=replace(CARD, valid_to=NOW.date() + timedelta(days=1))), "expires"),
    "without an item that is none": (lambda: copied(replace(FOR_SCHOOL, hidden=frozenset({"x"}))), "unknown-item"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_copy_that_may_not_be_made_is_refused(name: str) -> None:
    """With a stable key, and no number is spent."""
    act, why = REFUSED[name]
    with pytest.raises(IllegalAct) as refused:
        act()
    assert refused.value.why == why


def test_copies_are_numbered_each_once() -> None:
    """Under many hands, up to 9999."""
    numbers = MemoryNumbers()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: copied(numbers=numbers)[0], range(40)))
    assert len(set(made)) == 40
    for _ in range(9999 - 40):
        numbers.take(f"copy:{CARD.identifier}")
    with pytest.raises(NumbersExhausted):
        copied(numbers=numbers)


def made() -> AnnotatedCopy:
    """A copy as it is kept."""
    identifier, data = copied()
    return AnnotatedCopy(
        identifier=identifier,
        parent=CARD.identifier,
        annotation=FOR_SCHOOL,
        made_at=NOW,
        data_digest=data.digest,
        documents={},
    )


def test_a_copy_is_worth_no_more_than_its_certificate() -> None:
    """It ends by its own time, alone by revocation, and with its parent."""
    copy, hour = made(), timedelta(hours=1)

    assert status(copy, CARD, NOW) is CopyStatus.IN_FORCE
    assert status(copy, CARD, FOR_SCHOOL.expires_at - hour) is CopyStatus.IN_FORCE
    assert status(copy, CARD, FOR_SCHOOL.expires_at) is CopyStatus.EXPIRED
    ended = LIFE.revoke(CARD, ORDER)
    assert status(copy, ended, ORDER.at) is CopyStatus.PARENT_NOT_IN_FORCE
    alone = revoke(copy, ORDER)
    assert status(alone, CARD, ORDER.at) is CopyStatus.REVOKED
    assert status(alone, CARD, ORDER.at - timedelta(seconds=1)) is CopyStatus.IN_FORCE
    assert CARD.status_on(NOW.date()) == "in-force"
    with pytest.raises(IllegalAct, match="parent"):
        status(copy, certified("business-licence")[0], NOW)


def test_a_copy_is_revoked_once_and_for_a_reason() -> None:
    """Not before it was made."""
    for copy, order, why in (
        (revoke(made(), ORDER), ORDER, "state"),
        (made(), replace(ORDER, reason=" "), "reason"),
        (made(), replace(ORDER, at=NOW - timedelta(days=1)), "time"),
    ):
        with pytest.raises(IllegalAct, match=why):
            revoke(copy, order)


class Broken(RealSealer):
    """Gives what it was given."""

    def seal(self, order: SealOrder) -> bytes:
        """No seal."""
        return order.document


def test_a_copy_is_sealed_in_its_own_right() -> None:
    """Its documents prove themselves and carry its own data, not the certificate's."""
    office = desk()
    wish = request("resident-id-card")
    certificate = issue(wish, office)
    definition = definitions()["resident-id-card"]

    copy = make(definition, certificate, FOR_SCHOOL, wish.binding, office, CLERK)

    for name, digest in copy.documents.items():
        document = office.blobs.get(digest)
        assert office.sealer.faults(document, name, copy.data_digest) == ()
        assert office.sealer.faults(document, name, certificate.data_digest) == ("data",)
    assert read_data(office.blobs.get(copy.data_digest)).parent == certificate.identifier
    second = make(definition, certificate, FOR_SCHOOL, wish.binding, office, CLERK)
    assert (parent_of(copy.identifier), parent_of(second.identifier)) == (
        (certificate.identifier, 1),
        (certificate.identifier, 2),
    )
    with pytest.raises(SealNotProven, match="signature"):
        make(
            definition,
            certificate,
            FOR_SCHOOL,
            wish.binding,
            replace(office, sealer=Broken()),
            CLERK,
        )
    retired = replace(office, editions=lambda _type: None)
    with pytest.raises(IllegalAct, match="edition"):
        make(definition, certificate, FOR_SCHOOL, wish.binding, retired, CLERK)


@pytest.mark.parametrize("identifier", ["", "x", "x-C1", "x-C00001", "-C0001", "x-c0001"])
def test_what_is_no_copys_identifier(identifier: str) -> None:
    """Is told apart from one."""
    assert parent_of(identifier) is None
