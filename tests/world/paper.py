"""Paper codes of the invented province, signed with its seal's key."""

from __future__ import annotations

from functools import cache

import cbor2

from certificates.embedding import CertificateData, read_data
from certificates.face import Given
from certificates.paper import base45
from certificates.paper.envelope import FORM, packed, to_sign
from certificates.paper.facts import StatusPlace
from certificates.paper.making import PaperCode, paper_code
from certificates.preparing import begin
from hub.certificates.paper import PaperKeys, SealKeySigner, paper_keys
from seals.keys import SM2Key
from tests.world.certificates import OFFICE, TODAY, definitions, desk, request
from tests.world.seals import SIGNER_CERT, SIGNER_KEY

LISTS_BY = "演示市"
SIGNER = SealKeySigner(key=SIGNER_KEY)
KEYS: PaperKeys = paper_keys([(SIGNER_CERT, frozenset({OFFICE.code}))], LISTS_BY)
PLACE = StatusPlace(list_id="demo-2026", place=123_456)


@cache
def issued_data(type_id: str) -> CertificateData:
    """The data of the sample certificate of a type."""
    return issued_with(type_id)


def issued_with(type_id: str, **changes: Given) -> CertificateData:
    """The same with other values."""
    at = desk()
    wanted = request(type_id)
    values = dict(wanted.values) | changes
    intent = begin(request(type_id, values=values), at)
    return read_data(at.blobs.get(intent.certificate.data_digest))


@cache
def code_of(type_id: str) -> PaperCode:
    """Its paper code, printed today."""
    return paper_code(
        definitions()[type_id], issued_data(type_id), SIGNER, printed_on=TODAY, status=PLACE
    )


def signed(facts: bytes, key: SM2Key = SIGNER_KEY) -> str:
    """Any facts, well packed and signed: what only a signer could do."""
    return sealed_payload(packed(facts), key)


def sealed_payload(payload: bytes, key: SM2Key = SIGNER_KEY) -> str:
    """Any payload, well signed."""
    signer = SealKeySigner(key=key)
    protected = cbor2.dumps({1: FORM.algorithm, 4: signer.kid}, canonical=True)
    value = signer.sign(to_sign(payload, signer.kid))
    return enveloped(protected, {}, payload, value)


def enveloped(*parts: object) -> str:
    """Parts of an envelope as a code, whatever they are."""
    return FORM.prefix + base45.encoded(cbor2.dumps(list(parts)))
