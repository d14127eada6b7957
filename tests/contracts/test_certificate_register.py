"""The ports of certificates: numbers, bytes, register, presentations. A store passes the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from certificates.annotated import AnnotatedCopy, Annotation
from certificates.digests import sm3
from certificates.errors import (
    CertificateError,
    IdentifierTaken,
    KeyReused,
    LostBytes,
    RegisterConflict,
    UnknownCertificate,
)
from certificates.issuance import finish
from certificates.issuing import Intent, Stage, Step
from certificates.lifecycle import Lifecycle, Order, issued
from certificates.ports import Blobs, Copies, Numbers, Presentations, Register
from certificates.preparing import Desk, begin
from certificates.register import (
    MemoryBlobs,
    MemoryCopies,
    MemoryNumbers,
    MemoryPresentations,
    MemoryRegister,
)
from tests.world.certificates import CLERK, FIRM, NOW, Clock, desk, request

ORDER = Order(by=CLERK, at=NOW, reason="核查", basis="条例第一条")
LIFE = Lifecycle()


@pytest.fixture
def numbers() -> Numbers:
    """In this process."""
    return MemoryNumbers()


@pytest.fixture
def blobs() -> Blobs:
    """In this process."""
    return MemoryBlobs()


@pytest.fixture
def register() -> Register:
    """In this process."""
    return MemoryRegister()


@pytest.fixture
def office(register: Register, blobs: Blobs, numbers: Numbers) -> Desk:
    """A desk over the implementations under contract."""
    return desk(register=register, blobs=blobs, numbers=numbers)


def test_numbers_run_from_one_in_each_series(numbers: Numbers) -> None:
    """One series does not disturb another."""
    assert [numbers.take("a") for _ in range(3)] == [1, 2, 3]
    assert numbers.take("b") == 1
    assert numbers.take("a") == 4


def test_no_number_is_given_twice_under_many_hands(numbers: Numbers) -> None:
    """Two thousand takings by eight hands: two thousand numbers without a gap."""
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: numbers.take("a"), range(2000)))

    assert sorted(taken) == list(range(1, 2001))


def test_bytes_are_kept_under_their_digest(blobs: Blobs) -> None:
    """The same twice are the same; nothing at all is something, too."""
    digest = blobs.put(b"one")

    assert digest == sm3(b"one") == blobs.put(b"one")
    assert blobs.get(digest) == b"one"
    assert blobs.get(blobs.put(b"")) == b""
    for unknown in (sm3(b"two"), "", "sm3:00"):
        with pytest.raises(LostBytes):
            blobs.get(unknown)


def intent(office: Desk, key: str = "case-1", **changes: object) -> Intent:
    """One that stands in the register."""
    return begin(request(key=key, **changes), office)


def test_an_intent_is_kept_once_for_its_key(office: Desk) -> None:
    """The same request gives the one that is there, another request is refused."""
    first = intent(office)
    later = replace(first, drafts={}, certificate=replace(first.certificate, identifier="other"))

    assert office.register.intent("case-1") == first
    assert office.register.intend(later) == first
    with pytest.raises(KeyReused):
        office.register.intend(replace(later, request_digest="sm3:11"))
    assert office.register.intent("case-2") is None


def test_an_identifier_is_intended_once_for_ever(office: Desk) -> None:
    """Not even after the intent was voided."""
    first = intent(office)
    office.register.advance(first, first.after(Step.VOID, note="作废"))

    with pytest.raises(IdentifierTaken):
        office.register.intend(replace(first, key="case-2"))
    assert office.register.intent("case-2") is None


def test_of_many_who_intend_one_identifier_one_has_it(office: Desk) -> None:
    """Thirty-two keys at once."""
    first = replace(intent(office), certificate=replace(intent(office).certificate, identifier="x"))

    def attempt(number: int) -> bool:
        try:
            office.register.intend(replace(first, key=f"k{number}"))
        except IdentifierTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(32))) == 1


def test_of_many_who_advance_an_intent_one_does(office: Desk) -> None:
    """The others read again."""
    first = intent(office)

    def attempt(number: int) -> bool:
        try:
            after = first.after(Step.SEAL, sealed={"ofd": f"sm3:{number}"})
            office.register.advance(first, after)
        except RegisterConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(32))) == 1
    kept = office.register.intent("case-1")
    assert kept is not None
    assert kept.stage is Stage.SEALED
    with pytest.raises(RegisterConflict):
        office.register.advance(first, first.after(Step.VOID))


def test_an_intent_does_not_change_its_identifier(office: Desk) -> None:
    """It was reserved for this one."""
    first = intent(office)
    renamed = replace(first, certificate=replace(first.certificate, identifier="other"))

    with pytest.raises(RegisterConflict):
        office.register.advance(first, renamed)


def test_an_intent_is_no_certificate_until_it_is_recorded(office: Desk) -> None:
    """Nobody finds it, by identifier or by holder."""
    first = intent(office)

    with pytest.raises(UnknownCertificate):
        office.register.get(first.identifier)
    assert list(office.register.of_holder(FIRM.code)) == []
    made = finish(first, office)
    assert office.register.get(first.identifier) == made
    assert list(office.register.of_holder(FIRM.code)) == [made]
    assert list(office.register.of_holder("990101199001010019")) == []


def test_unfinished_intents_are_found_oldest_first(office: Desk) -> None:
    """Older than that; recorded and void ones are done."""
    first, second, third = (intent(office, f"case-{n}") for n in (1, 2, 3))
    finish(second, office)
    office.register.advance(third, third.after(Step.VOID, note="作废"))
    fourth = intent(office, "case-0")
    after = NOW + timedelta(seconds=1)

    assert list(office.register.unfinished(after)) == [fourth, first]
    assert list(office.register.unfinished(NOW)) == []


def test_recording_is_all_or_nothing(office: Desk) -> None:
    """A former certificate on which somebody else has acted spoils the whole."""
    former = finish(intent(office), office)
    follower = intent(office, "case-2")
    suspended = LIFE.suspend(former, ORDER)
    office.register.put(suspended)
    ready = follower.after(Step.SEAL, sealed={"ofd": "sm3:00"}).after(Step.VERIFY)
    office.register.advance(follower, ready)
    certificate = issued(follower.certificate, CLERK, NOW, "条例")
    stale = LIFE.cancel(former, ORDER)

    with pytest.raises(RegisterConflict):
        office.register.record(ready, ready.after(Step.RECORD), certificate, stale)
    assert office.register.intent("case-2") == ready
    assert office.register.get(former.identifier) == suspended
    with pytest.raises(UnknownCertificate):
        office.register.get(certificate.identifier)

    fresh = LIFE.cancel(suspended, ORDER)
    office.register.record(ready, ready.after(Step.RECORD), certificate, fresh)
    assert office.register.get(former.identifier) == fresh
    assert office.register.get(certificate.identifier) == certificate


def test_a_certificates_history_only_grows(office: Desk) -> None:
    """By one entry, from what is kept; one who comes late reads again."""
    made = finish(intent(office), office)
    suspended = LIFE.suspend(made, ORDER)
    office.register.put(suspended)

    for other in (
        suspended,
        made,
        LIFE.cancel(made, ORDER),
        LIFE.cancel(LIFE.resume(suspended, ORDER), ORDER),
    ):
        with pytest.raises(RegisterConflict):
            office.register.put(other)
    assert office.register.get(made.identifier) == suspended
    with pytest.raises(UnknownCertificate):
        office.register.put(replace(made, identifier="1.2.156.3005.2.x"))


def test_of_many_acts_at_once_one_holds(office: Desk) -> None:
    """The others are conflicts, never lost."""
    made = finish(intent(office), office)

    def attempt(number: int) -> bool:
        order = replace(ORDER, reason=f"第 {number} 次")
        try:
            office.register.put(LIFE.suspend(made, order))
        except CertificateError as error:
            assert error.retryable  # noqa: PT017  the only error that may come
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(32))) == 1
    assert len(office.register.get(made.identifier).history) == 2


@pytest.fixture
def presentations() -> Presentations:
    """In this process."""
    return MemoryPresentations(Clock())


def test_a_presentation_is_taken_by_the_first_alone(presentations: Presentations) -> None:
    """Of thirty-two who ask at once, one gets it; none gets what was never put."""
    until = NOW + timedelta(minutes=5)
    presentations.put("sm3:00", b"one", until)
    presentations.put("sm3:11", b"two", until)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: presentations.take("sm3:00"), range(32)))
    assert taken.count(b"one") == 1
    assert taken.count(None) == 31
    assert presentations.take("sm3:22") is None
    assert presentations.take("sm3:11") == b"two"


@pytest.fixture
def copies() -> Copies:
    """In this process."""
    return MemoryCopies()


def copy(number: int = 1, parent: str = "1.2") -> AnnotatedCopy:
    """A copy of a certificate."""
    annotation = Annotation(
        recipient="示例局", purpose="入学", creator="窗口", expires_at=NOW + timedelta(days=1)
    )
    return AnnotatedCopy(
        identifier=f"{parent}-C{number:04d}",
        parent=parent,
        annotation=annotation,
        made_at=NOW,
        data_digest="sm3:00",
        documents={"ofd": "sm3:11"},
    )


def test_copies_are_kept_once_and_found_by_their_certificate(copies: Copies) -> None:
    """In the order of their numbers; another certificate's are not among them."""
    for each in (copy(2), copy(1), copy(1, "1.3")):
        copies.add(each)

    assert list(copies.of("1.2")) == [copy(1), copy(2)]
    assert list(copies.of("1.4")) == []
    assert copies.get("1.3-C0001") == copy(1, "1.3")
    with pytest.raises(IdentifierTaken):
        copies.add(copy(2))
    with pytest.raises(UnknownCertificate):
        copies.get("1.2-C0003")


def test_a_copy_is_revoked_once(copies: Copies) -> None:
    """By the first of many; what is no revocation is refused."""
    copies.add(copy())
    revoked = replace(copy(), revoked=ORDER)
    with pytest.raises(RegisterConflict):
        copies.revoke(copy())

    def attempt(_: int) -> bool:
        try:
            copies.revoke(revoked)
        except RegisterConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(32))) == 1
    assert copies.get("1.2-C0001") == revoked
    with pytest.raises(UnknownCertificate):
        copies.revoke(replace(copy(9), revoked=ORDER))
