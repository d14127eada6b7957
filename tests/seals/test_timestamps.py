"""Timestamps: made by our authority, asked for over HTTP, judged; openssl and pyHanko agree."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asn1crypto import tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from seals import ber, der
from seals.algorithms import Algorithm
from seals.authority import Profile
from seals.classical import ClassicalKey
from seals.encoding import pem
from seals.errors import Malformed, NotIssuable, SealError, TimestampUnavailable
from seals.judging import judges, timestamp_judge
from seals.keys import SM2Key
from seals.report import NOTHING, Carried, TimestampAnswer
from seals.revocation import Reason, Revocation, RevocationList
from seals.signed_data import SIGNED_DATA, SIGNING_CERTIFICATE_V2
from seals.timestamp_judging import ANSWERS, QUESTIONS, TimestampRules, judge_timestamp
from seals.timestamps import (
    MAX_REQUEST,
    TST_INFO,
    Failure,
    Imprint,
    Status,
    TimestampRequest,
    TimestampResponse,
    read_request,
    read_response,
    read_token,
)
from seals.tsa import POLICY, TSA
from seals.tsa_client import ANSWERED, TSAClient, TSAService
from seals.tsa_serving import listening
from seals.verdicts import Verdict, worst
from seals.x509 import X509Certificate
from tests.world.pki import DAY, NOW, listed, pki, root, wanted
from tests.world.stamps import KINDS, client, stamped, tsa

OVER = "关于示范事项的决定".encode()
SM3 = hashlib.new("sm3", OVER).digest()
TOKEN = stamped(tsa(), SM3, "sm3", nonce=7)


def judged(
    token: bytes,
    over: bytes = OVER,
    *,
    lists: list[RevocationList] | None = None,
    anchors: list[X509Certificate] | None = None,
    carried: Carried = NOTHING,
    rules: TimestampRules | None = None,
) -> TimestampAnswer:
    """What believers in the root say."""
    world = pki()
    by = judges(
        world.anchors if anchors is None else anchors,
        world.intermediates,
        world.lists if lists is None else lists,
    )
    if rules is not None:
        assert by.chain is not None
        return timestamp_judge(by.chain, rules=rules)(token, over, carried)
    assert by.timestamp is not None
    return by.timestamp(token, over, carried)


def complaints(answer: TimestampAnswer) -> set[tuple[str, str]]:
    """Key and reason of what did not pass."""
    return {(s.key, s.reason) for s in answer.steps if s.verdict is not Verdict.PASSED}


@pytest.mark.parametrize("algorithm", KINDS)
@pytest.mark.parametrize("digest", ["sm3", "sha256", "sha384", "sha512"])
def test_every_kind_of_key_and_digest_passes(algorithm: Algorithm, digest: str) -> None:
    """All of our steps, and then those of the chain; the stated time is given."""
    answer = judged(stamped(tsa(algorithm), hashlib.new(digest, OVER).digest(), digest))

    assert complaints(answer) == set()
    assert answer.at == NOW
    assert [s.number for s in answer.steps[:8]] == sorted(n for n, *_ in QUESTIONS.values())
    assert {s.number for s in answer.steps[8:]} >= {1, 2, 10, 12}


def exchanged(old: bytes, new: bytes, token: bytes = TOKEN) -> bytes:
    """With some bytes in place of as many others, once."""
    assert old in token
    assert len(old) == len(new)
    return token.replace(old, new, 1)


def without_attribute(oid: str) -> bytes:
    """A token whose signed attributes lack one; signed anew by the same authority."""
    return resigned(lambda attributes: [each for each in attributes if der.oid(oid) not in each])


def resigned(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A token with other signed attributes, rightly signed: as a careless authority would."""
    key = tsa().key
    outer = ber.whole(TOKEN)
    kind, wrapped = ber.sequence(outer)
    (body,) = ber.parts(wrapped)
    *head, signers = ber.sequence(body)
    (signer,) = ber.parts(signers)
    version, identity, digest, attributes, algorithm, _ = ber.sequence(signer)
    changed = der.set_of(*change([each.whole for each in ber.parts(attributes)]))
    info = der.sequence(
        version.whole, identity.whole, digest.whole, b"\xa0" + changed[1:], algorithm.whole,
        der.octets(key.sign(changed)),
    )  # fmt: skip
    inner = der.sequence(*(each.whole for each in head), der.tlv(der.SET, info))
    return der.sequence(kind.whole, der.explicit(0, inner))


def doubled(attributes: list[bytes]) -> list[bytes]:
    """One attribute stands there twice."""
    return [*attributes, attributes[0]]


def other_certificate(attributes: list[bytes]) -> list[bytes]:
    """The signing certificate is said to be another."""
    own = hashlib.new("sm3", tsa().key.chain[0]).digest()
    return [each.replace(own, bytes(32)) for each in attributes]


def revoked(reason: Reason, at: timedelta) -> list[RevocationList]:
    """Fresh lists, on which the authority stands."""
    world = pki()
    entry = Revocation(serial=world.signers[Profile.TSA].serial, at=NOW + at, reason=reason)
    return [listed(world.root), listed(world.issuer, entry, at=NOW + 2 * DAY)]


def unknown_digest() -> bytes:
    """The imprint's digest is called by another name; the first SM3 in it is the SignedData's."""
    at = TOKEN.index(der.octets(SM3))
    known, other = der.oid("1.2.156.10197.1.401"), der.oid("1.2.156.10197.1.409")
    before = TOKEN[:at].rpartition(known)
    return before[0] + other + before[2] + TOKEN[at:]


def late() -> bytes:
    """Stamped by an authority whose certificate has ended, and who does not care."""
    by = tsa(not_before=NOW - 29 * DAY, not_after=NOW - DAY)
    return by._token(TimestampRequest(imprint=Imprint(digest="sm3", value=SM3)), NOW)


def by_a_signer() -> bytes:
    """Made with the certificate of an organisation."""
    world = pki()
    by = tsa()
    chain = (world.signers[Profile.ORGANISATION].der, *by.key.chain[1:])
    object.__setattr__(by, "key", replace(world.keys[Profile.ORGANISATION], chain=chain))
    return by._token(TimestampRequest(imprint=Imprint(digest="sm3", value=SM3)), NOW)


STRANGER = root(SM2Key.generate(), "别的根").certificate

WRONG: dict[str, tuple[Verdict, set[tuple[str, str]], Callable[[], TimestampAnswer]]] = {
    "other bytes": (Verdict.FAILED, {("imprint", "other-bytes")}, lambda: judged(TOKEN, b"x")),
    "another time written in": (
        Verdict.FAILED, {("attributes", "other-content")},
        lambda: judged(exchanged(b"20260601040000Z", b"20260601050000Z"))),
    "a flipped signature": (
        Verdict.FAILED, {("value", "does-not-hold")},
        lambda: judged(TOKEN[:-1] + bytes((TOKEN[-1] ^ 1,)))),
    "no message digest": (
        Verdict.FAILED, {("attributes", "attributes-missing")},
        lambda: judged(without_attribute("1.2.840.113549.1.9.4"))),
    "no content type": (
        Verdict.FAILED, {("attributes", "attributes-missing")},
        lambda: judged(without_attribute("1.2.840.113549.1.9.3"))),
    "an attribute twice": (
        Verdict.FAILED, {("attributes", "attributes-missing")},
        lambda: judged(resigned(doubled))),
    "no signing certificate": (
        Verdict.INDETERMINATE, {("binding", "not-bound")},
        lambda: judged(without_attribute(SIGNING_CERTIFICATE_V2))),
    "another signing certificate": (
        Verdict.FAILED, {("binding", "bound-otherwise")},
        lambda: judged(resigned(other_certificate))),
    "nobody's bytes": (Verdict.FAILED, {("token", "unreadable")}, lambda: judged(b"token")),
    "an unknown digest": (
        Verdict.FAILED, {("imprint", "digest-unknown"), ("attributes", "other-content")},
        lambda: judged(unknown_digest())),
    "a chain to nowhere": (
        Verdict.INDETERMINATE, {("path", "not-found"), ("revocation", "no-list")},
        lambda: judged(TOKEN, anchors=[STRANGER], lists=[])),
    "no lists": (
        Verdict.INDETERMINATE, {("revocation", "no-list")}, lambda: judged(TOKEN, lists=[])),
    "a certificate that had expired at that time": (
        Verdict.FAILED, {("validity", "expired")}, lambda: judged(late())),
    "a certificate for signing": (
        Verdict.FAILED, {("extended-key-usage", "not-stated")}, lambda: judged(by_a_signer())),
    "revoked before": (
        Verdict.FAILED, {("revocation", "revoked")},
        lambda: judged(TOKEN, lists=revoked(Reason.SUPERSEDED, -DAY))),
    "its key compromised after": (
        Verdict.FAILED, {("revocation", "revoked-key-compromise")},
        lambda: judged(TOKEN, lists=revoked(Reason.KEY_COMPROMISE, DAY))),
    "revoked after, nobody says why": (
        Verdict.FAILED, {("revocation", "revoked")},
        lambda: judged(TOKEN, lists=revoked(Reason.UNSPECIFIED, DAY))),
    "a policy not accepted": (
        Verdict.FAILED, {("policy", "not-accepted")},
        lambda: judged(TOKEN, rules=TimestampRules(policies=frozenset({"1.2.3"})))),
    "too wide": (
        Verdict.FAILED, {("accuracy", "too-wide")},
        lambda: judged(TOKEN, rules=TimestampRules(accuracy=timedelta(milliseconds=1)))),
    "a digest not allowed": (
        Verdict.FAILED, {("imprint", "digest-weak")},
        lambda: judged(TOKEN, rules=TimestampRules(digests=frozenset({"sha256"})))),
    "no certificate along": (
        Verdict.INDETERMINATE, {("signer", "signer-missing")},
        lambda: judged(stamped(tsa(), SM3, "sm3", certificates_wanted=False))),
}  # fmt: skip


@pytest.mark.parametrize(("verdict", "expected", "answer"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(
    verdict: Verdict, expected: set[tuple[str, str]], answer: Callable[[], TimestampAnswer]
) -> None:
    """Each by its own step, and by no other."""
    told = answer()

    assert complaints(told) == expected
    assert worst(s.verdict for s in told.steps) is verdict


def test_an_authority_revoked_later_in_good_order_keeps_its_timestamps() -> None:
    """RFC 3161 §4.1: superseded, ceased; its key never left it."""
    assert complaints(judged(TOKEN, lists=revoked(Reason.SUPERSEDED, DAY))) == set()


def test_a_token_without_certificates_is_judged_with_what_is_at_hand() -> None:
    """From the document or from those who judge."""
    bare, own = stamped(tsa(), SM3, "sm3", certificates_wanted=False), tsa().key.chain[0]

    assert complaints(judged(bare, carried=Carried(certificates=(b"none", own)))) == set()
    world = pki()
    by = judges(world.anchors, (*world.intermediates, world.signers[Profile.TSA]), world.lists)
    assert by.timestamp is not None
    assert complaints(by.timestamp(bare, OVER, NOTHING)) == set()


def test_the_identifiers_of_gm_t_0010_are_read() -> None:
    """SignedData under its Chinese name; what is signed is the same."""
    body = ber.sequence(ber.whole(TOKEN))[1]
    renamed = der.sequence(der.oid("1.2.156.10197.6.1.4.2.2"), body.whole)

    assert complaints(judged(renamed)) == set()
    assert renamed != TOKEN
    assert TOKEN[4:].startswith(der.oid(SIGNED_DATA))


def test_content_without_an_octet_string_is_read() -> None:
    """As PKCS #7 has it, and GB/T 35275 after it: the digest is over what stands within the head."""
    key = tsa().key
    info = read_token(TOKEN).info.der
    inner = ber.whole(info).content
    kind, wrapped = ber.sequence(ber.whole(TOKEN))
    (body,) = ber.parts(wrapped)
    version, digests, _, certificates, signers = ber.sequence(body)
    (signer,) = ber.parts(signers)
    head, identity, digest, attributes, algorithm, _ = ber.sequence(signer)
    old, new = (hashlib.new("sm3", each).digest() for each in (info, inner))
    changed = der.set_of(*(a.whole.replace(old, new) for a in ber.parts(attributes)))
    signed = der.sequence(
        head.whole, identity.whole, digest.whole, b"\xa0" + changed[1:], algorithm.whole,
        der.octets(key.sign(changed)),
    )  # fmt: skip
    held = der.sequence(der.oid(TST_INFO), der.explicit(0, info))
    whole = der.sequence(
        version.whole, digests.whole, held, certificates.whole, der.tlv(der.SET, signed)
    )

    assert complaints(judged(der.sequence(kind.whole, der.explicit(0, whole)))) == set()


def test_a_request_is_written_as_gb_t_20520_has_it() -> None:
    """The standard's example: SM3 of "abc", certificates wanted, no nonce."""
    asked = TimestampRequest(
        imprint=Imprint(digest="sm3", value=hashlib.new("sm3", b"abc").digest())
    )
    # The AlgorithmIdentifier has no parameters here, as RFC 5754 §2 has it; there it has NULL.
    known = bytes.fromhex(
        "30380201013030300c06082a811ccf550183110500042066c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7"
        "a2297da02b8f4ba8e00101ff"
    )

    assert read_request(known) == asked
    assert read_request(asked.der) == asked


# --- the authority ----------------------------------------------------------------------------


def asked(**changes: object) -> bytes:
    """A sound request, but for the changes."""
    parts: dict[str, object] = {"imprint": Imprint(digest="sm3", value=SM3)} | changes
    return TimestampRequest(**parts).der  # type: ignore[arg-type]  # as it is changed


def with_extension() -> bytes:
    """A request that wants more than anybody here knows."""
    extension = der.sequence(der.oid("1.2.3"), der.octets(b""))
    parts = [each.whole for each in ber.sequence(ber.whole(asked()))]
    return der.sequence(*parts, der.tlv(0xA0, extension))


def of_sha1() -> bytes:
    """A request to stamp a digest that nobody believes in."""
    imprint = der.sequence(der.sequence(der.oid("1.3.14.3.2.26")), der.octets(bytes(20)))
    return der.sequence(der.integer(1), imprint, der.true())


def of_md5() -> bytes:
    """A digest that is not in our table."""
    imprint = der.sequence(der.sequence(der.oid("1.2.840.113549.2.5")), der.octets(bytes(16)))
    return der.sequence(der.integer(1), imprint, der.true())


REFUSED: dict[str, tuple[Failure, bytes]] = {
    "nothing": (Failure.BAD_DATA_FORMAT, b""),
    "rubbish": (Failure.BAD_DATA_FORMAT, b"rubbish"),
    "cut off": (Failure.BAD_DATA_FORMAT, asked()[:-1]),
    "bytes behind": (Failure.BAD_DATA_FORMAT, asked() + b"0"),
    "huge": (Failure.BAD_DATA_FORMAT, asked() + bytes(MAX_REQUEST)),
    "a huge nonce": (Failure.BAD_DATA_FORMAT, asked(nonce=1 << 1000)),
    "version 2": (Failure.BAD_REQUEST, asked(version=2)),
    "SHA-1": (Failure.BAD_ALGORITHM, of_sha1()),
    "MD5": (Failure.BAD_ALGORITHM, of_md5()),
    "a short digest": (
        Failure.BAD_DATA_FORMAT, asked(imprint=Imprint(digest="sm3", value=bytes(31)))),
    "another policy": (Failure.UNACCEPTED_POLICY, asked(policy="1.2.3")),
    "an extension": (Failure.UNACCEPTED_EXTENSION, with_extension()),
}  # fmt: skip


@pytest.mark.parametrize(("failure", "request_bytes"), REFUSED.values(), ids=REFUSED)
def test_the_authority_refuses(failure: Failure, request_bytes: bytes) -> None:
    """In its answer, with the reason; nothing is stamped."""
    answer = read_response(tsa().stamp(request_bytes))

    assert (answer.status, answer.failures, answer.token) == (Status.REJECTION, {failure}, b"")
    told = subprocess.run(
        ["openssl", "ts", "-reply", "-in", "/dev/stdin", "-text"],
        input=answer.der, capture_output=True, check=False, timeout=60,
    ).stdout  # fmt: skip
    assert b"Status: Rejected." in told
    assert b"unspecified" not in told.partition(b"Failure info:")[2]


def test_an_authority_outside_of_its_certificate_has_no_time() -> None:
    """Neither before nor after it."""
    for at in (NOW - 31 * DAY, NOW + 301 * DAY):
        answer = read_response(tsa(at=at).stamp(asked()))
        assert answer.failures == {Failure.TIME_NOT_AVAILABLE}


def test_no_two_timestamps_have_one_serial_number() -> None:
    """Not even of the same thing at the same time by two of them."""
    made = [stamped(tsa(), SM3, "sm3") for _ in range(50)]
    assert len({read_token(each).info.serial for each in made}) == 50


def test_who_may_be_an_authority() -> None:
    """A key with a certificate of its own, for timestamps and nothing else."""
    world = pki()
    key = world.keys[Profile.ORGANISATION]
    with pytest.raises(NotIssuable, match="no-certificate"):
        TSA(key=key)
    with pytest.raises(NotIssuable, match="not-for-timestamps"):
        TSA(key=replace(key, chain=(world.signers[Profile.ORGANISATION].der,)))


# --- others -----------------------------------------------------------------------------------


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line."""
    return subprocess.run(
        ["openssl", "ts", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


# Its `ts` is built on PKCS #7, which knows neither PSS nor Ed25519.
@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_SHA256, Algorithm.RSA_SHA256])
def test_openssl_asks_and_verifies(tmp_path: Path, algorithm: Algorithm) -> None:
    """`openssl ts -query` to `-verify`; refused over other bytes."""
    (tmp_path / "data").write_bytes(OVER)
    (tmp_path / "other").write_bytes(OVER + b".")
    (tmp_path / "root.pem").write_text(pem("CERTIFICATE", pki().root.certificate.der))
    query = openssl("-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out",
                    tmp_path / "query")  # fmt: skip
    assert query.returncode == 0, query.stderr
    by = classical_authority(algorithm)
    answer = by.stamp((tmp_path / "query").read_bytes())
    (tmp_path / "answer").write_bytes(answer)
    (tmp_path / "root.pem").write_text(pem("CERTIFICATE", by.key.chain[-1]))
    common = ("-verify", "-in", tmp_path / "answer", "-CAfile", tmp_path / "root.pem",
              "-attime", str(int(NOW.timestamp())))  # fmt: skip
    good = openssl(*common, "-queryfile", tmp_path / "query")
    bad = openssl(*common, "-data", tmp_path / "other")

    assert "Verification: OK" in good.stdout, good.stderr
    assert bad.returncode != 0
    assert "message imprint mismatch" in bad.stderr


def classical_authority(algorithm: Algorithm) -> TSA:
    """An authority and a root without SM2, which openssl's `ts` cannot check."""
    top = root(ClassicalKey.generate(Algorithm.ECDSA_SHA256), "示例国际根")
    key = ClassicalKey.generate(algorithm)
    own = top.issue(wanted(Profile.TSA, key))
    chain = (own.der, top.certificate.der)
    return TSA(key=replace(key, chain=chain), clock=lambda: NOW)


def test_openssl_shows_what_ours_says() -> None:
    """The SM3 one: policy, serial number, time, accuracy, nonce, as we read them."""
    done = subprocess.run(
        ["openssl", "ts", "-reply", "-token_in", "-in", "/dev/stdin", "-text"],
        input=TOKEN, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    told = done.stdout.decode()
    info = read_token(TOKEN).info

    assert f"Policy OID: {POLICY}" in told, done.stderr
    assert "Hash Algorithm: sm3" in told
    assert f"Serial number: 0x{info.serial:X}" in told
    assert "Accuracy: 0x01 seconds" in told
    assert "Nonce: 0x07" in told


def test_asn1crypto_reads_what_ours_says() -> None:
    """The parser that pyHanko uses; written as DER, byte for byte."""
    answer = tsa().stamp(asked(nonce=9))
    theirs = tsp.TimeStampResp.load(answer, strict=True)
    info = theirs["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed

    assert theirs["status"]["status"].native == "granted"
    assert info["gen_time"].native == NOW
    assert (info["nonce"].native, info["policy"].native) == (9, POLICY)
    assert info["message_imprint"]["hashed_message"].native == SM3
    assert theirs.dump(force=True) == answer


# --- over HTTP --------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [Algorithm.SM2, Algorithm.RSA_SHA256])
def test_a_timestamp_over_http(algorithm: Algorithm) -> None:
    """Asked for on a real socket; believed; each question has another nonce."""
    with client(tsa(algorithm)) as ask:
        tokens = [ask.token(SM3, "sm3") for _ in range(3)]

    assert [complaints(judged(each)) for each in tokens] == [set()] * 3
    assert len({read_token(each).info.nonce for each in tokens}) == 3


def test_a_policy_may_be_wanted() -> None:
    """It is asked for, and refused by whoever has another."""
    with listening(tsa()) as url:
        right = TSAClient(TSAService(url=url, policy=POLICY)).token(SM3, "sm3")
        with pytest.raises(TimestampUnavailable, match="tsa-refuses: unaccepted-policy"):
            TSAClient(TSAService(url=url, policy="1.2.3")).token(SM3, "sm3")

    assert read_token(right).info.policy == POLICY


def granted(token: bytes) -> bytes:
    """A response that holds it."""
    return TimestampResponse(status=Status.GRANTED, token=token).der


def other_nonce(request: bytes) -> bytes:
    """An answer to somebody else, or to us an hour ago."""
    return tsa().stamp(replace(read_request(request), nonce=5).der)


def no_nonce(request: bytes) -> bytes:
    """An answer that anybody could have had beforehand."""
    return tsa().stamp(replace(read_request(request), nonce=None).der)


def other_digest(request: bytes) -> bytes:
    """A timestamp of something else."""
    imprint = Imprint(digest="sm3", value=bytes(32))
    return tsa().stamp(replace(read_request(request), imprint=imprint).der)


def other_algorithm(request: bytes) -> bytes:
    """The same bytes, said to be another digest."""
    imprint = Imprint(digest="sha256", value=read_request(request).imprint.value)
    return tsa().stamp(replace(read_request(request), imprint=imprint).der)


def other_policy(request: bytes) -> bytes:
    """Under a policy that was not asked for."""
    return replace(tsa(), policy="1.2.3").stamp(replace(read_request(request), policy="").der)


def forged(request: bytes) -> bytes:
    """With a signature that does not hold."""
    token = read_response(tsa().stamp(request)).token
    return granted(token[:-1] + bytes((token[-1] ^ 1,)))


def rewritten(request: bytes) -> bytes:
    """An old answer, with what was asked now written into it: its attributes are of the old one."""
    old = read_response(tsa().stamp(replace(read_request(request), nonce=1 << 63).der)).token
    nonce = read_request(request).nonce
    assert nonce is not None
    return granted(old.replace(der.integer(1 << 63), der.integer(nonce), 1))


def bare(request: bytes) -> bytes:
    """Without the certificate that was asked for."""
    return tsa().stamp(replace(read_request(request), certificates_wanted=False).der)


ANSWERED_WRONG: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "another nonce": ("other-nonce", other_nonce),
    "no nonce": ("other-nonce", no_nonce),
    "another digest": ("other-digest", other_digest),
    "another algorithm": ("other-digest", other_algorithm),
    "another policy": ("other-policy", other_policy),
    "an old one rewritten": ("signature-does-not-hold", rewritten),
    "a forged signature": ("signature-does-not-hold", forged),
    "no certificate": ("signature-does-not-hold", bare),
    "rubbish": ("tsa-answers-nonsense", lambda _: b"<html>"),
    "nothing": ("tsa-answers-nonsense", lambda _: b""),
    "granted without a token": ("tsa-answers-nonsense", lambda _: granted(b"")),
    "waiting": ("tsa-waiting", lambda _: TimestampResponse(status=Status.WAITING).der),
    "refused without a reason": (
        "tsa-refuses: no reason given", lambda _: TimestampResponse(status=Status.REJECTION).der),
    "refused": (
        "tsa-refuses: system-failure",
        lambda _: TimestampResponse(status=2, failures=frozenset({Failure.SYSTEM_FAILURE})).der),
    "huge": ("tsa-answers-nonsense", lambda _: bytes(3_000_000)),
}  # fmt: skip


@contextmanager
def desk(
    answer: Callable[[bytes], bytes], kind: str = ANSWERED, status: int = 200
) -> Iterator[str]:
    """A server that answers so, whatever is asked."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """The client may have had enough of a huge answer."""

    server = Server(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("why", "answer"), ANSWERED_WRONG.values(), ids=ANSWERED_WRONG)
def test_an_answer_to_something_else_is_none(why: str, answer: Callable[[bytes], bytes]) -> None:
    """Nonce, digest, policy, status and signature are looked at before anybody sees a token."""
    with desk(answer) as url, pytest.raises(TimestampUnavailable, match=why):
        TSAClient(TSAService(url=url, policy=POLICY)).token(SM3, "sm3")


def test_redirects_other_types_and_silence() -> None:
    """Not followed, not believed, not waited for."""
    sound = lambda request: tsa().stamp(request)  # noqa: E731 - as short as it is
    for kind, status in ((ANSWERED, 302), (ANSWERED, 500), ("text/html", 200)):
        with (
            desk(sound, kind, status) as url,
            pytest.raises(TimestampUnavailable, match="nonsense"),
        ):
            TSAClient(TSAService(url=url)).token(SM3, "sm3")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TimestampUnavailable, match="tsa-too-slow"):
            TSAClient(TSAService(url=url, deadline=0.2)).token(SM3, "sm3")
    with pytest.raises(TimestampUnavailable, match="tsa-unreachable"):
        TSAClient(TSAService(url=url)).token(SM3, "sm3")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://tsa.example.cn/", "tsa-without-tls"),
        ("ftp://127.0.0.1/", "tsa-url"),
        ("https://", "tsa-url"),
        ("https://user:pw@tsa.example.cn/", "tsa-url"),
        ("http://127.0.0.1:99999/", "tsa-url"),
        ("http://127.0.0.1/ HTTP/1.1", "tsa-url"),
    ],
)
def test_addresses_that_are_not_asked(url: str, why: str) -> None:
    """Without TLS only on this machine."""
    with pytest.raises(TimestampUnavailable, match=why):
        TSAClient(TSAService(url=url))


def said(url: str, question: bytes) -> bytes:
    """What the server says to raw bytes."""
    host, port = url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), 5) as line:
        line.sendall(question)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(4096), b""))


LED = b"POST / HTTP/1.0\r\nContent-Type: application/timestamp-query\r\n"
QUESTIONS_WRONG: dict[str, tuple[bytes, bytes]] = {
    "another type": (b" 415 ", b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n0."),
    "no length": (
        b" 411 ", LED + b"\r\n0."),
    "a negative length": (
        b" 411 ",
        LED + b"Content-Length: -5\r\n\r\n"),
    "a huge length": (
        b" 413 ",
        LED + b"Content-Length: 99999999\r\n\r\n"),
    "another method": (b" 501 ", b"GET / HTTP/1.0\r\n\r\n"),
    "no HTTP": (b" 400 ", b"rubbish, rubbish, rubbish\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "question"), QUESTIONS_WRONG.values(), ids=QUESTIONS_WRONG)
def test_the_server_answers_only_what_it_is_for(
    status: bytes, question: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """And prints nothing, whoever asks what; afterwards it serves as before."""
    with listening(tsa()) as url:
        assert status in said(url, question)
        assert TSAClient(TSAService(url=url)).token(SM3, "sm3")

    assert capfd.readouterr() == ("", "")


def test_an_address_that_is_taken_is_told() -> None:
    """No stack."""
    with listening(tsa()) as url, pytest.raises(SealError, match="address-taken"):  # noqa: SIM117
        with listening(tsa(), port=int(url.rsplit(":", 1)[1].rstrip("/"))):
            pass


# --- hostile ----------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_mangled_tokens_never_pass_and_never_fall(data: st.DataObject) -> None:
    """A byte flipped, cut out, doubled, or the rest cut off: told, whatever it is."""
    place = data.draw(st.integers(0, len(TOKEN) - 1))
    byte = data.draw(st.integers(1, 255))
    mangled = data.draw(
        st.sampled_from(
            [
                TOKEN[:place],
                TOKEN[:place] + bytes((TOKEN[place] ^ byte,)) + TOKEN[place + 1 :],
                TOKEN[:place] + TOKEN[place + 1 :],
                TOKEN[:place] + TOKEN[place : place + 9] + TOKEN[place:],
            ]
        )
    )
    answer = judged(mangled)

    assert answer.steps
    if worst(s.verdict for s in answer.steps) is Verdict.PASSED:
        # What came along and is not signed may change: other certificates, how lengths are written.
        assert read_token(mangled).info == read_token(TOKEN).info
        assert read_token(mangled).signed.signer.signed == read_token(TOKEN).signed.signer.signed


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_token_or_malformed(data: bytes) -> None:
    """Nothing else comes out, of any of the readers; the authority always answers."""
    for read in (read_token, read_response, read_request):
        with pytest.raises(Malformed):
            read(data)
    assert not read_response(tsa().stamp(data)).granted


def test_deep_and_huge_structures_are_malformed() -> None:
    """No recursion, no memory."""
    for each in (b"\x30\x80" * 50_000, b"\x30\x84\xff\xff\xff\xff", TOKEN * 400):
        with pytest.raises(Malformed):
            read_token(each)


def test_every_answer_has_both_languages() -> None:
    """For people, Chinese first."""
    for verdict, zh, en in ANSWERS.values():
        assert verdict in Verdict
        assert zh.isascii() is False
        assert en.isascii()
    assert judge_timestamp(b"", b"", NOTHING, chain=lambda *_: ()).at is None
