"""Keys of seals as signers of paper codes, and the keys that are believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certificates.lifecycle import local_day
from hub.certificates.paper import SealKeySigner, kid_of, paper_keys
from seals.algorithms import Algorithm
from seals.classical import ClassicalKey
from seals.errors import InvalidKey
from tests.world.seals import MAKER_CERT, MAKER_KEY, NOW, SIGNER_CERT, SIGNER_KEY

UNIT = frozenset({"119900000000002032"})


def test_the_seal_s_key_signs_in_raw_form_and_is_known_by_its_certificate() -> None:
    """64 bytes that the key's own name verifies, and nobody else's."""
    signer = SealKeySigner(key=SIGNER_KEY)
    keys = paper_keys([(SIGNER_CERT, UNIT), (MAKER_CERT, UNIT)], "市")
    value = signer.sign(b"message")
    found = keys.signers(signer.kid)

    assert len(value) == 64
    assert found is not None
    assert keys.verify(found.name, b"message", value)
    assert not keys.verify(found.name, b"another", value)
    assert not keys.verify(kid_of(MAKER_KEY.spki).hex(), b"message", value)
    assert not keys.verify("nobody", b"message", value)
    (entitled,) = found.entitled
    assert entitled.issuers == UNIT
    assert entitled.valid_from == local_day(NOW - timedelta(days=400))
    assert entitled.valid_to == local_day(NOW + timedelta(days=400))
    assert found.lists_by == "市"


def test_a_renewed_certificate_adds_to_its_key() -> None:
    """Both count, each for its units; what is no certificate knows nobody."""
    keys = paper_keys([(SIGNER_CERT, UNIT), (b"junk", UNIT), (SIGNER_CERT, frozenset())], "市")
    found = keys.signers(kid_of(SIGNER_KEY.spki))

    assert found is not None
    assert [each.issuers for each in found.entitled] == [UNIT, frozenset()]
    assert len(keys.known) == 1
    assert keys.signers(bytes(8)) is None


def test_a_key_that_is_not_sm2_signs_no_paper() -> None:
    """The format has one algorithm."""
    other = ClassicalKey.generate(Algorithm.ECDSA_SHA256)
    with pytest.raises(InvalidKey, match="SM2"):
        SealKeySigner(key=other)
