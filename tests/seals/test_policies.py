"""Policy files: what may be said, what is refused, and that it decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seals.complaints import worded
from seals.errors import MalformedDocument, PolicyRefused
from seals.ofd.coverage import Extent
from seals.policies import MAX_FILE, USUAL, read_policies
from seals.report import Format
from seals.seal import SM2_SM3
from seals.verdicts import Verdict
from seals.verifying import format_of, verify
from tests.world import seals as seals_world
from tests.world.ofd import sealed as sealed_ofd
from tests.world.sealed import judges, seal
from tests.world.signers import NOW

WHOLE = """
policy: 1
ofd:
  extents: [whole]
  digests: [sm3]
  algorithms: [sm2-sm3]
  harmless: [time-form]
  extensions: ["1.2.3.4"]
  timestamp: wanted
pdf:
  digests: [sha384]
  algorithms: [rsa-sha256, ecdsa-sha384, ed25519, sm2-sm3]
  harmless: [time-form]
  extensions: ["1.2.3.5"]
  timestamp: wanted
timestamps:
  policies: ["1.2.156.1"]
  digests: [sm3]
  accuracy_seconds: 5
"""


def test_everything_that_may_be_said() -> None:
    """Each name has its place in the value."""
    read = read_policies(WHOLE.encode())

    assert read.ofd.extents == {Extent.WHOLE}
    assert read.ofd.digests == {"sm3"}
    assert read.ofd.algorithms == {SM2_SM3}
    assert read.ofd.harmless == {"time-form"}
    assert read.ofd.extensions == {"1.2.3.4"}
    assert read.ofd.timestamp_wanted
    assert read.pdf.digests == {"sha384"}
    assert read.pdf.algorithms == {
        "sha256_rsa", "rsassa_pkcs1v15", "sha384_ecdsa", "ed25519", SM2_SM3
    }  # fmt: skip
    assert read.pdf.harmless == {"time-form"}
    assert read.pdf.extensions == {"1.2.3.5"}
    assert read.pdf.timestamp_wanted
    assert read.timestamps.policies == {"1.2.156.1"}
    assert read.timestamps.digests == {"sm3"}
    assert read.timestamps.accuracy == timedelta(seconds=5)


def test_what_is_left_out_is_as_usual() -> None:
    """An empty policy changes nothing; an empty list allows nothing."""
    assert read_policies(b"policy: 1") == USUAL
    assert read_policies(b'{"policy": 1, "ofd": {"timestamp": "optional"}}') == USUAL
    assert read_policies(b"policy: 1\nofd: {digests: []}").ofd.digests == frozenset()


REFUSED: dict[str, tuple[bytes, set[tuple[str, str]]]] = {
    "nothing": (b"", {("not-a-mapping", "")}),
    "a list": (b"[]", {("not-a-mapping", "")}),
    "no YAML": (b"a: [", {("not-yaml", "")}),
    "no text": (b"\xff\xfe\x00", {("not-yaml", "")}),
    "an object of Python": (b"!!python/object/apply:os.system [true]", {("not-yaml", "")}),
    "deep": (b"[" * 40_000, {("not-yaml", "")}),
    "an alias": (b"policy: &a 1\nofd: *a", {("not-yaml", "")}),
    "a name twice": (b"policy: 1\npolicy: 1", {("not-yaml", "")}),
    "a list for a name": (b"? [1]\n: 1", {("not-yaml", "")}),
    "huge": (b"#" * (MAX_FILE + 1), {("too-large", "")}),
    "another version": (b"policy: 2", {("unknown-version", "policy")}),
    "no version": (b"ofd: {}", {("missing", "policy"), ("unknown-version", "policy")}),
    "gaps": (b"policy: 1\nofd: {extents: [gaps]}", {("unknown-word", "ofd.extents[0]")}),
    "SHA-1": (b"policy: 1\npdf: {digests: [sha1]}", {("unknown-word", "pdf.digests[0]")}),
    "RSA with SHA-1": (
        b"policy: 1\npdf: {algorithms: [rsa-sha1]}", {("unknown-word", "pdf.algorithms[0]")}),
    "a seal with RSA": (
        b"policy: 1\nofd: {algorithms: [rsa-sha256]}", {("unknown-word", "ofd.algorithms[0]")}),
    "five things at once": (
        b"policy: 1\nofd: {extents: whole, extensions: [x], colour: red, timestamp: yes}\npdf: 7",
        {("not-a-list", "ofd.extents"), ("unknown-word", "ofd.extensions[0]"),
         ("unknown-name", "ofd.colour"), ("unknown-word", "ofd.timestamp"),
         ("not-a-mapping", "pdf")}),
    "an accuracy of years": (
        b"policy: 1\ntimestamps: {accuracy_seconds: 99999999}",
        {("not-a-number", "timestamps.accuracy_seconds")}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), REFUSED.values(), ids=REFUSED)
def test_policies_that_are_refused(data: bytes, expected: set[tuple[str, str]]) -> None:
    """Every complaint, with its key."""
    with pytest.raises(PolicyRefused) as caught:
        read_policies(data)

    assert set(caught.value.why) == expected
    assert all(worded(each) for each in caught.value.why)


@given(st.text(alphabet="policy: 1\nofd{}[],&*!?|>-'\"%@`#\t", max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_policy_falls(text: str) -> None:
    """Read or refused."""
    try:
        read = read_policies(text.encode())
    except PolicyRefused as refused:
        read = refused  # type: ignore[assignment]  # either will do
    assert read is not None


def test_a_policy_decides() -> None:
    """The same documents pass and fail by it."""
    strict = read_policies(b"policy: 1\nofd: {timestamp: wanted}\npdf: {algorithms: [ed25519]}")
    pdf, at = seal(), NOW + timedelta(minutes=1)
    ofd = verify(sealed_ofd(), seals_world.NOW, strict)

    assert verify(pdf, at, judges=judges()).verdict is Verdict.PASSED
    assert {each.step.reason for each in verify(pdf, at, strict, judges()).complaints} == {
        "not-allowed"
    }
    assert "timestamp-wanted" in {each.step.reason for each in ofd.complaints}


def test_a_document_is_told_by_its_bytes() -> None:
    """Not by its name; what stands before its head is told by the verdict."""
    for data, kind in ((seal(), Format.PDF), (sealed_ofd(), Format.OFD)):
        assert format_of(data) is kind
        assert format_of(b"#!/bin/sh\n" + data) is kind
        assert verify(b"#!/bin/sh\n" + data, NOW).verdict is Verdict.FAILED
    for data in (b"", b"%PDF", b"hello", bytes(2000)):
        with pytest.raises(MalformedDocument, match="no-document"):
            verify(data, NOW)
