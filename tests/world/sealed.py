"""Sealed PDFs of this invented world, and who judges them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache

from PIL import Image, ImageDraw

from seals import judging
from seals.pdf import (
    Appearance,
    Intent,
    Judges,
    Placement,
    Signatory,
    embed,
    prepare,
    verify,
)
from seals.report import Report
from seals.revocation import read_list
from seals.x509 import read_x509
from tests.world.pages import Draft
from tests.world.signers import NOW, Party, revocation_list, root, signer

PLACE = Placement(page=1, x=100, y=40, width=42, height=42)


@cache
def appearance() -> Appearance:
    """A ring with a star, on nothing."""
    image = Image.new("RGBA", (496, 496), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.ellipse((8, 8, 488, 488), outline=(200, 0, 0, 255), width=14)
    pen.regular_polygon((248, 248, 90), 3, fill=(200, 0, 0, 255))
    out = io.BytesIO()
    image.save(out, "PNG")
    return Appearance(png=out.getvalue())


def seal(
    document: bytes | None = None,
    party: Party | None = None,
    *,
    intent: Intent = Intent.APPROVAL,
    places: tuple[Placement, ...] = (PLACE,),
    at: datetime = NOW,
) -> bytes:
    """B-B over a sound page, by the usual signer."""
    by = party or signer()
    whole = Draft().pdf() if document is None else document
    prepared = prepare(whole, places, appearance(), Signatory(chain=by.chain), at, intent=intent)
    return embed(prepared, by.sign(prepared.to_sign))


@cache
def judges(revoked: tuple[Party, ...] = ()) -> Judges:
    """Who trusts the root of this world."""
    return judging.judges([read_x509(root().chain[0])], lists=[read_list(revocation_list(revoked))])


def judged(document: bytes, by: Judges | None = None) -> Report:
    """The report, now."""
    return verify(document, datetime.now(UTC), judges=by or judges())


def said(report: Report) -> set[str]:
    """Reasons of what did not pass, those of a chain included."""
    return {
        step.reason
        for each in report.complaints
        for step in (each.step, *(why for why in each.because if why.verdict != "passed"))
    }
