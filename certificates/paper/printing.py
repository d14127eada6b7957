"""A printout in one go: the code of a certificate, and the page that goes with it as OFD and as PDF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from catalog import CodeTable
from certificates.drawing.content import Content
from certificates.embedding import CertificateData
from certificates.metadata import BEIJING
from certificates.model import Definition
from certificates.paper.facts import StatusPlace
from certificates.paper.making import PaperCode, PaperSigner, paper_code
from certificates.paper.page import PageText, page
from certificates.paper.telling import entries, left_out
from certificates.rendering import WRITERS

FORM = "mianti.paper-page/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printout:
    """What goes to the printer beside the certificate."""

    code: PaperCode
    documents: Mapping[str, bytes] = field(repr=False)
    """Format → the page. It bears no seal; the code is what is signed."""


def printout(
    definition: Definition,
    data: CertificateData,
    signer: PaperSigner,
    tables: Mapping[str, CodeTable],
    *,
    site: str,
    printed_on: date,
    status: StatusPlace | None = None,
) -> Printout:
    """The printout of a certificate; but for the signature, the same input gives the same page.

    Args:
        definition: Of the type, as it was for the data's edition.
        data: Of the certificate.
        signer: Of the issuing unit.
        tables: Code tables by id.
        site: The hub's own domain, without `https://`.
        printed_on: The Beijing day.
        status: Where a status list tells of the certificate.

    Raises:
        IllegalAct: See `paper_code`.
        MalformedData: `items`: the data do not go with the definition.
        DrawingError: A glyph is missing, or the items do not fit the page.
    """
    code = paper_code(definition, data, signer, printed_on=printed_on, status=status)
    shown = entries(code.facts, definition, tables, printed_on)
    text = PageText(
        name=definition.type.name,
        identifier=data.identifier,
        entries=shown,
        left_out=left_out(code.facts, definition),
        authority=code.facts.authority,
        site=site,
        printed_on=printed_on,
    )
    content = Content(
        title=f"{definition.type.name} 打印件核验页",
        type=definition.id,
        labels={each.id: each.label for each in shown},
        data=json.dumps({"code": code.text, "form": FORM}, separators=(",", ":")).encode(),
        created_at=datetime.combine(printed_on, time(), BEIJING),
    )
    drawing = page(text, code.text)
    return Printout(
        code=code,
        documents={name: written(drawing, content) for name, written in WRITERS.items()},
    )
