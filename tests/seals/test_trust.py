"""Whom to trust and when; trust lists that are published, imported, and refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.complaints import worded
from seals.encoding import pem
from seals.errors import KeyUnavailable, Malformed, TrustListRefused
from seals.keys import SigningKey, SM2Key
from seals.mapped import Mapped
from seals.report import NOTHING, Role
from seals.trust import ANSWERS, Listed, Ruling, Service, Standing, TrustStore
from seals.trust_folder import LIST_FILE, gathered, import_list
from seals.trust_list import (
    MAX_FILE,
    Known,
    Operator,
    TrustList,
    known,
    publish,
    read_trust_list,
    signer_of,
)
from seals.verdicts import Verdict, worst
from tests.world.pki import DAY, NOW, pki, root

WORLD = pki()
MAKER, SIGNER = WORLD.signers[Profile.SEAL_MAKER], WORLD.signers[Profile.ORGANISATION]
SINCE = NOW - 20 * DAY
LISTS = tuple(WORLD.lists)


def entry(service: Service, standing: Standing = Standing.TRUSTED, **changes: object) -> Listed:
    """Somebody of the usual world, listed since twenty days."""
    whose = {
        Service.ANCHOR: WORLD.root.certificate,
        Service.SEAL_MAKER: MAKER,
        Service.TSA: WORLD.signers[Profile.TSA],
    }
    parts: dict[str, object] = {
        "service": service,
        "certificate": whose[service],
        "since": SINCE,
        "standing": standing,
        "zh": f"示例{service}",
    }
    return Listed(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


def store(*entries: Listed) -> TrustStore:
    """With what leads to the root, and fresh lists."""
    return TrustStore(listed=entries, intermediates=tuple(WORLD.intermediates), lists=LISTS)


def judged(
    trust: TrustStore, role: Role = Role.MAKER, at_day: int = 0
) -> tuple[Verdict, set[tuple[str, str]]]:
    """The usual maker, signer or authority, so many days from now."""
    whose = {Role.MAKER: MAKER, Role.SIGNER: SIGNER, Role.TSA: WORLD.signers[Profile.TSA]}[role]
    chain = trust.judges().chain
    assert chain is not None
    steps = chain(whose.der, NOTHING, role, NOW + at_day * DAY)
    return worst(s.verdict for s in steps), {
        (s.key, s.reason) for s in steps if s.verdict is not Verdict.PASSED
    }


ANCHOR = entry(Service.ANCHOR)
STANDINGS: dict[str, tuple[Verdict, set[tuple[str, str]], TrustStore, Role]] = {
    "an anchor is enough where no maker is listed": (
        Verdict.PASSED, set(), store(ANCHOR), Role.MAKER),
    "a listed maker": (
        Verdict.PASSED, set(), store(ANCHOR, entry(Service.SEAL_MAKER)), Role.MAKER),
    "a listed maker whose root nobody lists": (
        Verdict.PASSED, set(), store(entry(Service.SEAL_MAKER)), Role.MAKER),
    "a maker below a listed one": (
        Verdict.PASSED, set(),
        store(ANCHOR, entry(Service.SEAL_MAKER, certificate=WORLD.issuer.certificate)),
        Role.MAKER),
    "another maker is listed": (
        Verdict.FAILED, {("standing", "not-listed")},
        store(ANCHOR, entry(Service.SEAL_MAKER, certificate=SIGNER)), Role.MAKER),
    "a maker suspended": (
        Verdict.FAILED, {("standing", "suspended")},
        store(ANCHOR, entry(Service.SEAL_MAKER, Standing.SUSPENDED)), Role.MAKER),
    "a maker withdrawn whose root nobody lists": (
        Verdict.FAILED, {("standing", "withdrawn")},
        store(entry(Service.SEAL_MAKER, Standing.WITHDRAWN)), Role.MAKER),
    "two entries that disagree": (
        Verdict.FAILED, {("standing", "withdrawn")},
        store(ANCHOR, entry(Service.SEAL_MAKER), entry(Service.SEAL_MAKER, Standing.WITHDRAWN)),
        Role.MAKER),
    "a maker that is no timestamp authority": (
        Verdict.FAILED, {("standing", "not-listed")},
        store(ANCHOR, entry(Service.TSA, certificate=MAKER)), Role.TSA),
    "a listed timestamp authority": (
        Verdict.PASSED, set(), store(entry(Service.TSA)), Role.TSA),
    "a suspended timestamp authority": (
        Verdict.FAILED, {("standing", "suspended")},
        store(ANCHOR, entry(Service.TSA, Standing.SUSPENDED)), Role.TSA),
    "an anchor suspended": (
        Verdict.FAILED, {("standing", "suspended")},
        store(entry(Service.ANCHOR, Standing.SUSPENDED)), Role.SIGNER),
    "an anchor not trusted yet": (
        Verdict.FAILED, {("standing", "not-yet-trusted")},
        store(entry(Service.ANCHOR, since=NOW + DAY)), Role.SIGNER),
    "an anchor trusted no longer": (
        Verdict.FAILED, {("standing", "no-longer-trusted")},
        store(entry(Service.ANCHOR, until=NOW - DAY)), Role.SIGNER),
    "nobody is listed": (
        Verdict.INDETERMINATE, {("path", "not-found"), ("revocation", "no-list")},
        TrustStore(), Role.SIGNER),
    "a listed maker does not vouch for signers": (
        Verdict.INDETERMINATE, {("path", "not-found"), ("revocation", "no-list")},
        store(entry(Service.SEAL_MAKER, certificate=WORLD.issuer.certificate)), Role.SIGNER),
}  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "expected", "trust", "role"), STANDINGS.values(), ids=STANDINGS
)
def test_standing(
    verdict: Verdict, expected: set[tuple[str, str]], trust: TrustStore, role: Role
) -> None:
    """Told beside the steps of the chain, of each in the path that is listed."""
    found, complaints = judged(trust, role)

    assert (found, complaints) == (verdict, expected)


def test_it_is_asked_how_it_stood_then() -> None:
    """Withdrawn on a day: good the day before, and not on the day."""
    trust = store(
        ANCHOR,
        entry(Service.SEAL_MAKER, until=NOW - DAY),
        entry(Service.SEAL_MAKER, Standing.WITHDRAWN, since=NOW),
    )

    assert judged(trust, at_day=-1) == (Verdict.PASSED, set())
    assert judged(trust) == (Verdict.FAILED, {("standing", "withdrawn")})
    between = trust.ruling(MAKER, Service.SEAL_MAKER, NOW - timedelta(hours=1))
    assert between is Ruling.NO_LONGER


def test_stores_are_joined_and_the_worse_standing_counts() -> None:
    """Nothing twice."""
    one, other = store(ANCHOR), store(entry(Service.ANCHOR, Standing.SUSPENDED))
    both = one | other | one

    assert len(both.listed) == 2
    assert len(both.lists) == 2
    assert judged(both, Role.SIGNER)[1] == {("standing", "suspended")}
    assert all(zh and en.isascii() for _, zh, en in ANSWERS.values())


# --- the list ---------------------------------------------------------------------------------


def operator_key(algorithm: Algorithm = Algorithm.SM2) -> SigningKey:
    """Somebody who keeps a list, with a certificate that is signed by itself."""
    key: SM2Key | ClassicalKey = (
        SM2Key.generate() if algorithm is Algorithm.SM2 else ClassicalKey.generate(algorithm)
    )
    return replace(key, chain=(root(key, "示例名单发布者").certificate.der,))


KEY = operator_key()


def trust_list(sequence: int = 7, **changes: object) -> TrustList:
    """The usual list."""
    parts: dict[str, object] = {
        "sequence": sequence,
        "issued_at": NOW - DAY,
        "next_update": NOW + 30 * DAY,
        "operator": Operator(zh="示例省数据局", en="Data bureau"),
        "store": store(ANCHOR, entry(Service.SEAL_MAKER), entry(Service.TSA, Standing.SUSPENDED)),
    }
    return TrustList(**(parts | changes))  # type: ignore[arg-type]  # a test names what it changes


FILE = publish(trust_list(), KEY)
OPERATORS = [signer_of(FILE)]
OUTER = json.loads(FILE)
INNER = json.loads(base64.b64decode(OUTER["list"]))


def refusal(data: bytes, last: Known | None = None, at_day: int = 0) -> set[tuple[str, str]]:
    """Why it is refused."""
    with pytest.raises(TrustListRefused) as caught:
        read_trust_list(data, OPERATORS, NOW + at_day * DAY, last)
    for each in caught.value.why:
        assert worded(each)
    return set(caught.value.why)


def signed(inner: object, **outer: object) -> bytes:
    """A list with another content, rightly signed."""
    text = inner if isinstance(inner, bytes) else json.dumps(inner).encode()
    value = KEY.sign(b"mianti-trust-list 1\n" + text)
    signature = OUTER["signature"] | {"value": base64.b64encode(value).decode()}
    whole = OUTER | {"list": base64.b64encode(text).decode(), "signature": signature}
    return json.dumps(whole | outer).encode()


@pytest.mark.parametrize(
    "algorithm", [Algorithm.SM2, Algorithm.ECDSA_SHA256, Algorithm.ED25519, Algorithm.RSA_SHA256]
)
def test_what_is_published_is_read(algorithm: Algorithm) -> None:
    """All of it, whoever's kind of key signs."""
    key = operator_key(algorithm)
    data = publish(trust_list(), key)
    read = read_trust_list(data, [signer_of(data)], NOW)

    assert read == trust_list()
    assert read.store.listed[0].zh == "示例anchor"
    assert read.digest == known(data).digest


def test_nothing_is_published_that_would_be_refused() -> None:
    """Neither without a certificate, nor with times in the wrong order, nor empty."""
    with pytest.raises(KeyUnavailable, match="no-certificate"):
        publish(trust_list(), SM2Key.generate())
    with pytest.raises(TrustListRefused, match="wrong-order"):
        publish(trust_list(next_update=NOW - 2 * DAY), KEY)
    with pytest.raises(TrustListRefused, match="empty"):
        publish(trust_list(store=TrustStore()), KEY)


def with_service(**changes: object) -> bytes:
    """A list whose first service is said otherwise."""
    first, *rest = INNER["services"]
    return signed(INNER | {"services": [first | changes, *rest]})


def with_signature(**changes: object) -> bytes:
    """A list under another signature."""
    return json.dumps(OUTER | {"signature": OUTER["signature"] | changes}).encode()


def by_a_stranger() -> bytes:
    """A sound list of somebody else's."""
    return publish(trust_list(), operator_key())


def flipped() -> bytes:
    """A byte of the list changed after signing."""
    text = base64.b64decode(OUTER["list"]).replace(b'"suspended"', b'"trusted"  ')
    return json.dumps(OUTER | {"list": base64.b64encode(text).decode()}).encode()


REFUSED: dict[str, tuple[set[tuple[str, str]], Callable[[], bytes]]] = {
    "not JSON": ({("not-json", "")}, lambda: b"{"),
    "nothing": ({("not-json", "")}, lambda: b""),
    "not UTF-8": ({("not-json", "")}, lambda: b'{"a": "\xff"}'),
    "deep": ({("not-json", "")}, lambda: b"[" * 200_000),
    "an endless number": ({("not-json", "")}, lambda: b'{"a": ' + b"9" * 10_000 + b"}"),
    "a name twice": ({("not-json", "")}, lambda: b'{"list": "", "list": ""}'),
    "not a number": ({("not-json", "")}, lambda: b'{"a": NaN}'),
    "huge": ({("too-large", "")}, lambda: bytes(MAX_FILE + 1)),
    "a list": ({("not-a-mapping", "")}, lambda: b"[]"),
    "version 2": (
        {("unknown-version", "mianti-trust-list")},
        lambda: json.dumps(OUTER | {"mianti-trust-list": 2}).encode()),
    "version true": (
        {("unknown-version", "mianti-trust-list")},
        lambda: json.dumps(OUTER | {"mianti-trust-list": True}).encode()),
    "inner version 2": (
        {("unknown-version", "list.version")}, lambda: signed(INNER | {"version": 2})),
    "by a stranger": ({("not-the-operator", "signature.x509")}, by_a_stranger),
    "a byte changed": ({("signature-does-not-hold", "signature.value")}, flipped),
    "another algorithm": (
        {("signature-does-not-hold", "signature.value")},
        lambda: with_signature(algorithm="ecdsa-sha256")),
    "an unknown algorithm": (
        {("unknown-algorithm", "signature.algorithm")}, lambda: with_signature(algorithm="rot13")),
    "no signature": (
        {("missing", f"signature.{name}") for name in ("x509", "value", "algorithm")},
        lambda: json.dumps({k: v for k, v in OUTER.items() if k != "signature"}).encode()),
    "the key's signature of something else": (
        {("signature-does-not-hold", "signature.value")},
        lambda: with_signature(value=base64.b64encode(
            KEY.sign(base64.b64decode(OUTER["list"]))).decode())),
    "an unknown name outside": (
        {("unknown-name", "extra")}, lambda: json.dumps(OUTER | {"extra": 1}).encode()),
    "an unknown name inside": (
        {("unknown-name", "list.extra")}, lambda: signed(INNER | {"extra": 1})),
    "an unknown service": (
        {("unknown-word", "list.services[0].service")}, lambda: with_service(service="notary")),
    "an unknown standing": (
        {("unknown-word", "list.services[0].standing")}, lambda: with_service(standing="fine")),
    "no standing": (
        {("missing", "list.services[0].standing")}, lambda: with_service(standing=None)),
    "until before since": (
        {("wrong-order", "list.services[0].until")},
        lambda: with_service(until="2020-01-01T00:00:00Z")),
    "a time without a zone": (
        {("not-a-time", "list.services[0].since")},
        lambda: with_service(since="2026-01-01T00:00:00")),
    "no certificate": (
        {("unreadable", "list.services[0].x509")}, lambda: with_service(x509="AAAA")),
    "a name that a terminal obeys": (
        {("not-printable", "list.services[0].zh")}, lambda: with_service(zh="\x1b[2J")),
    "a name without end": (
        {("not-a-text", "list.services[0].zh")}, lambda: with_service(zh="章" * 1000)),
    "too many services": (
        {("too-many", "list.services"), ("empty", "list.services")},
        lambda: signed(INNER | {"services": [{}] * 10_001})),
    "services that are none": (
        {("not-a-list", "list.services"), ("empty", "list.services")},
        lambda: signed(INNER | {"services": {}})),
    "three things at once": (
        {("unknown-word", "list.services[0].service"), ("not-a-number", "list.sequence"),
         ("unreadable", "list.revocation_lists[0]")},
        lambda: signed(INNER | {
            "sequence": 0, "revocation_lists": ["AAAA"],
            "services": [INNER["services"][0] | {"service": "x"}]})),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "data"), REFUSED.values(), ids=REFUSED)
def test_lists_that_are_refused(expected: set[tuple[str, str]], data: Callable[[], bytes]) -> None:
    """Every complaint at once, each with its place."""
    assert refusal(data()) == expected


def test_dates_and_numbers() -> None:
    """Past its next update, issued tomorrow, lower than the last, or another of the same number."""
    digest = known(FILE).digest

    assert refusal(FILE, at_day=31) == {("expired", "list.next_update")}
    assert refusal(FILE, at_day=-2) == {("issued-in-the-future", "list.issued_at")}
    assert refusal(FILE, Known(sequence=8, digest=digest)) == {("rolled-back", "list.sequence")}
    assert refusal(FILE, Known(sequence=7, digest=b"")) == {
        ("same-number-other-list", "list.sequence")
    }
    assert refusal(by_a_stranger(), Known(sequence=9, digest=b""), at_day=40) == {
        ("not-the-operator", "signature.x509"),
        ("expired", "list.next_update"),
        ("rolled-back", "list.sequence"),
    }
    for last in (None, Known(sequence=7, digest=digest), Known(sequence=6, digest=b"")):
        assert read_trust_list(FILE, OPERATORS, NOW, last).sequence == 7


def test_an_operator_whose_certificate_has_ended() -> None:
    """Nobody signs after that, not even what was signed before."""
    at = OPERATORS[0].not_after + DAY
    data = publish(trust_list(), KEY)
    with pytest.raises(TrustListRefused) as caught:
        read_trust_list(data, OPERATORS, at)

    assert ("operator-not-valid", "signature.x509") in caught.value.why


def told(data: bytes) -> str:
    """What comes of a file: the usual list, or the words of all that is wrong with it."""
    try:
        read = read_trust_list(data, OPERATORS, NOW)
    except TrustListRefused as refused:
        return "\n".join(map(worded, refused.why))
    return "the usual" if read == trust_list() else "another"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_mangled_lists_are_refused(data: st.DataObject) -> None:
    """A byte flipped, the rest cut off: refused, or the very same list (blanks, unused bits)."""
    place = data.draw(st.integers(0, len(FILE) - 1))
    byte = data.draw(st.integers(1, 255))
    mangled = data.draw(
        st.sampled_from(
            [FILE[:place], FILE[:place] + bytes((FILE[place] ^ byte,)) + FILE[place + 1 :]]
        )
    )
    assert told(mangled) not in {"", "another"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(INNER)), JSON)
@settings(max_examples=200, deadline=None)
def test_anything_in_place_of_a_value(name: str, value: object) -> None:
    """Rightly signed by an operator who lost his mind: read or refused, with words for all of it."""
    assert told(signed(INNER | {name: value}))


# --- folders ----------------------------------------------------------------------------------


def test_a_list_is_imported_and_then_trusted(tmp_path: Path) -> None:
    """The operator is named once; later lists come from the same one, and only upwards."""
    folder = tmp_path / "trust"
    with pytest.raises(TrustListRefused, match="operator-unknown"):
        import_list(folder, FILE, NOW)
    import_list(folder, FILE, NOW, OPERATORS)
    newer = publish(trust_list(9), KEY)
    import_list(folder, newer, NOW)
    for data, why in (
        (FILE, "rolled-back"),
        (by_a_stranger(), "not-the-operator"),
        (publish(trust_list(9, next_update=NOW + 9 * DAY), KEY), "same-number-other-list"),
    ):
        with pytest.raises(TrustListRefused, match=why):
            import_list(folder, data, NOW)
    with pytest.raises(TrustListRefused, match="operator-differs"):
        import_list(folder, newer, NOW, [WORLD.root.certificate])

    assert (folder / LIST_FILE).read_bytes() == newer
    assert gathered([folder], NOW) == trust_list(9).store
    with pytest.raises(TrustListRefused, match="expired"):
        gathered([folder], NOW + 31 * DAY)


def test_lists_that_come_at_once_leave_the_highest(tmp_path: Path) -> None:
    """One after the other, whoever comes first; those that come too late are refused."""
    import_list(tmp_path, FILE, NOW, OPERATORS)
    files = [publish(trust_list(number), KEY) for number in range(8, 16)]

    def imported(file: bytes) -> str:
        try:
            return str(import_list(tmp_path, file, NOW).sequence)
        except TrustListRefused as refused:
            return refused.why[0][0]

    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(imported, reversed(files)))

    assert known((tmp_path / LIST_FILE).read_bytes()).sequence == 15
    assert "15" in said
    assert said <= {"rolled-back", *map(str, range(8, 16))}


def test_a_folder_whose_list_was_exchanged_behind_our_back(tmp_path: Path) -> None:
    """The operator set down beside it still counts."""
    import_list(tmp_path, FILE, NOW, OPERATORS)
    (tmp_path / LIST_FILE).write_bytes(by_a_stranger())
    with pytest.raises(TrustListRefused, match="not-the-operator"):
        gathered([tmp_path], NOW)


def test_bundles_lists_and_folders(tmp_path: Path) -> None:
    """Self-issued ones are anchors, the others lead to them; PEM and DER alike."""
    certificates = (WORLD.root.certificate, WORLD.issuer.certificate)
    (tmp_path / "bundle.pem").write_text("".join(pem("CERTIFICATE", c.der) for c in certificates))
    (tmp_path / "one.crl").write_bytes(LISTS[0].der)
    (tmp_path / "two.crl").write_text(pem("X509 CRL", LISTS[1].der))
    (tmp_path / "README.txt").write_text("not read")
    trust = gathered([tmp_path], NOW)

    assert trust == gathered([*(tmp_path / n for n in ("bundle.pem", "one.crl", "two.crl"))], NOW)
    assert judged(trust, Role.SIGNER) == (Verdict.PASSED, set())
    assert judged(trust, Role.MAKER) == (Verdict.PASSED, set())


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"{}"]
)
def test_files_that_hold_no_trust(tmp_path: Path, content: bytes) -> None:
    """Malformed; a file that is not there is unreadable."""
    (tmp_path / "x.pem").write_bytes(content)
    with pytest.raises(Malformed):
        gathered([tmp_path], NOW)
    with pytest.raises(KeyUnavailable, match="file-unreadable"):
        gathered([tmp_path / "absent.pem"], NOW)


def test_mappings_that_came_as_anything() -> None:
    """Nothing raises; each is one complaint."""
    complaints: list[tuple[str, str]] = []
    mapped = Mapped.of({"a": 1, "b": [1], "c": "x", 9: 9}, "", complaints)
    assert complaints == [("not-a-mapping", "")]
    complaints.clear()
    mapped = Mapped.of({"a": 1, "b": [1], "c": "x"}, "", complaints)
    assert mapped.text("a") == ""
    assert mapped.number("c", least=0, most=9) == 0
    assert mapped.words("b") == ()
    mapped.moment("d")
    assert mapped.binary("a", bytes) is None
    mapped.done()

    assert complaints == [
        ("not-a-text", "a"), ("not-a-number", "c"), ("not-a-text", "b[0]"), ("missing", "d"),
        ("unreadable", "a"),
    ]  # fmt: skip
