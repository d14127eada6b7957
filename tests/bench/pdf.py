"""Sealing and judging a PDF page beside pyHanko as its documentation has it, in turns."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PIL import Image
from pyhanko.pdf_utils.images import PdfImage
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from seals.pdf import verify
from seals.report import Report
from seals.verdicts import Verdict
from tests.bench.processes import Rows
from tests.world import eseals
from tests.world.eseals import esealed
from tests.world.pages import Draft
from tests.world.sealed import appearance, judges, seal
from tests.world.signers import revocation_list, root, signer

ROUNDS = 25


def bench_pdf(_folder: Path, rows: Rows) -> dict[str, float]:
    """A page with a picture of a seal, B-B, P-256 and RSA; then judged, chain and revocation too."""
    page = Draft().pdf()
    results: dict[str, float] = {}
    for kind in ("p256", "rsa"):
        theirs = _documented(kind)
        ours, as_documented = _in_turns(partial(seal, page, signer(kind)), partial(theirs, page))
        ratio = as_documented / ours
        rows += [
            (f"PAdES B-B on a page, {kind} ÷ pyHanko as documented", f"{ratio:.1f} ×", "≥ 4"),
            ("  seals a second", f"{1 / ours:,.0f}", ""),
        ]
        results |= {f"{kind}_ratio": ratio, f"{kind}_seals_per_second": 1 / ours}
    made = seal(page)
    ours, theirs_too = _in_turns(lambda: _judged(made), lambda: _validated(made))
    rows += [
        ("judge a sealed page ÷ pyHanko's own", f"{theirs_too / ours:.2f} ×", "≥ 1"),
        ("  judgements a second", f"{1 / ours:,.0f}", ""),
    ]
    results |= {"verify_ratio": theirs_too / ours, "verified_per_second": 1 / ours}
    return results | _electronic(page, rows)


def _electronic(page: bytes, rows: Rows) -> dict[str, float]:
    """A seal of GB/T 38540 with a picture of 600 dpi: looked at before, judged behind; then judged
    with both chains.
    """
    made = esealed(page)
    sealing, judging = _in_turns(partial(esealed, page), lambda: _passed(eseals.judged(made)))
    rows += [
        ("GB/T 38540 seals in PDF a second, looked at and verified", f"{1 / sealing:,.0f}", ""),
        ("  judgements a second", f"{1 / judging:,.0f}", ""),
    ]
    return {"eseals_per_second": 1 / sealing, "eseals_verified_per_second": 1 / judging}


def _in_turns(*works: Callable[[], object]) -> tuple[float, ...]:
    """Processor seconds of each, medians."""
    timed: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, into in zip(works, timed, strict=True):
            began = time.process_time()
            work()
            into.append(time.process_time() - began)
    return tuple(statistics.median(each) for each in timed)


def _documented(kind: str) -> Callable[[bytes], bytes]:
    party = signer(kind)
    private = party.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    simple = SimpleSigner(
        signing_cert=x509.Certificate.load(party.chain[0]),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(party.chain[1])]),
    )
    picture = Image.open(io.BytesIO(appearance().png))
    signing = PdfSigner(
        PdfSignatureMetadata(field_name="Seal1", subfilter=SigSeedSubFilter.PADES),
        signer=simple,
        stamp_style=TextStampStyle(stamp_text="", background=PdfImage(picture)),
        new_field_spec=SigFieldSpec("Seal1", box=(283, 610, 402, 729)),
    )

    def sign(page: bytes) -> bytes:
        made: bytes = signing.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(page))).getvalue()
        return made

    return sign


def _judged(made: bytes) -> None:
    _passed(verify(made, datetime.now(UTC), judges=judges()))


def _passed(report: Report) -> None:
    if report.verdict is not Verdict.PASSED:
        raise RuntimeError("it does not pass")


def _validated(made: bytes) -> None:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root().chain[0])],
        crls=[_LIST],
        revocation_mode="require",
    )
    one = PdfFileReader(io.BytesIO(made)).embedded_signatures[0]
    if not validate_pdf_signature(one, context).bottom_line:
        raise RuntimeError("it does not pass")


_LIST = revocation_list()
