"""The XMP packet of a certificate's PDF: title, conformance, metadata, and the face as data."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from html import escape

from certificates.drawing.content import Content

FACE = "https://mianti.invalid/ns/face/1.0/"
"""Namespace of our XMP properties; an address that never leads anywhere."""


def xmp(content: Content) -> bytes:
    """The packet, in the plain: PDF/A wants it readable for those who read no PDF."""
    when = f"{content.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    own = {"type": content.type, "face": content.data.decode(), **content.metadata}
    values = "".join(f"<face:{name}>{escape(value)}</face:{name}>" for name, value in own.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/">'
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(content.title)}</rdf:li>'
        "</rdf:Alt></dc:title><dc:format>application/pdf</dc:format>"
        f"<xmp:CreateDate>{when}</xmp:CreateDate><xmp:ModifyDate>{when}</xmp:ModifyDate>"
        "<xmp:CreatorTool>mianti</xmp:CreatorTool><pdf:Producer>mianti</pdf:Producer>"
        "</rdf:Description>"
        f'<rdf:Description rdf:about="" xmlns:face="{FACE}">{values}</rdf:Description>'
        f"{_extension(tuple(own))}"
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


@cache
def _extension(names: tuple[str, ...]) -> str:
    """What PDF/A wants to be told of properties that are not its own (ISO 19005-2 §6.6.2.3.3)."""
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{name} of the certificate</pdfaProperty:description></rdf:li>"
        for name in names
    )
    return (
        '<rdf:Description rdf:about=""'
        ' xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
        '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Face of an electronic certificate</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{FACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>face</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>"
        "</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )
