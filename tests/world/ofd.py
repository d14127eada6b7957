"""OFD documents of the invented country: small, with every kind of part there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from seals.levels import Mode
from seals.ofd.package import OFDPackage, packed
from seals.ofd.placing import AtPlace, Placement
from seals.ofd.signing import Signer, embed, prepare
from tests.world.seals import DOT, NOW, SIGNER_CERT, SIGNER_KEY, seal

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
TEXT = (
    '<ofd:TextObject ID="{id}" Boundary="20 {y} 120 6" Font="3" Size="5">'
    '<ofd:TextCode X="0" Y="5" DeltaX="g {more} 5">{text}</ofd:TextCode></ofd:TextObject>'
)
RECTANGLE = (
    '<ofd:PathObject ID="{id}" Boundary="{box}" Stroke="false" Fill="true">'
    "<ofd:AbbreviatedData>M 0 0 L 9 0 L 9 9 C</ofd:AbbreviatedData>"
    '<ofd:FillColor Value="255 255 255"/></ofd:PathObject>'
)
IMAGE = '<ofd:ImageObject ID="{id}" Boundary="{box}" ResourceID="9" CTM="9 0 0 9 0 0"/>'
KEYWORD = "（盖章）"


def xml(name: str, body: str, attributes: str = "") -> bytes:
    """A part with this root element."""
    return f"{_HEAD}<ofd:{name} {_SPACE} {attributes}>{body}</ofd:{name}>".encode()


def line(text: str, y: float, number: int = 20) -> str:
    """One line of text, five millimetres a character."""
    return TEXT.format(id=number, y=y, more=len(text) - 1, text=text)


def page(*objects: str, head: str = "") -> bytes:
    """A page of one layer."""
    layer = f'<ofd:Layer ID="10">{"".join(objects)}</ofd:Layer>'
    return xml("Page", f"{head}<ofd:Content>{layer}</ofd:Content>")


def parts(pages: int = 3) -> dict[str, bytes]:
    """A decision of so many pages, with a template, a font, a picture, an annotation, an
    attachment, custom tags and an extension.
    """
    listed = "".join(
        f'<ofd:Page ID="{100 + at}" BaseLoc="Pages/Page_{at}/Content.xml"/>' for at in range(pages)
    )
    common = (
        "<ofd:MaxUnitID>999</ofd:MaxUnitID>"
        "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
        "<ofd:DocumentRes>/Doc_0/DocumentRes.xml</ofd:DocumentRes>"
        '<ofd:TemplatePage ID="50" BaseLoc="Tpls/Tpl_0/Content.xml"/>'
    )
    rest = (
        "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>"
        "<ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>"
        "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>"
        "<ofd:Extensions>Extensions.xml</ofd:Extensions>"
    )
    found = {
        "/OFD.xml": xml(
            "OFD",
            "<ofd:DocBody><ofd:DocInfo><ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID>"
            "</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>",
            'Version="1.2" DocType="OFD"',
        ),
        "/Doc_0/Document.xml": xml(
            "Document",
            f"<ofd:CommonData>{common}</ofd:CommonData><ofd:Pages>{listed}</ofd:Pages>{rest}",
        ),
        "/Doc_0/PublicRes.xml": xml(
            "Res",
            '<ofd:Fonts><ofd:Font ID="3" FontName="宋体"><ofd:FontFile>font.otf</ofd:FontFile>'
            "</ofd:Font></ofd:Fonts>",
            'BaseLoc="Res"',
        ),
        "/Doc_0/DocumentRes.xml": xml(
            "Res",
            '<ofd:MultiMedias><ofd:MultiMedia ID="9" Type="Image"><ofd:MediaFile>dot.png'
            "</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias>",
            'BaseLoc="Res"',
        ),
        "/Doc_0/Res/font.otf": b"no real font " * 20,
        "/Doc_0/Res/dot.png": DOT,
        "/Doc_0/Tpls/Tpl_0/Content.xml": page(IMAGE.format(id=60, box="150 10 20 20")),
        "/Doc_0/Annots/Annotations.xml": xml(
            "Annotations",
            '<ofd:Page PageID="100"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>',
        ),
        "/Doc_0/Annots/Page_0/Annotation.xml": xml(
            "PageAnnot",
            '<ofd:Annot ID="70" Type="Highlight" Creator="demo" LastModDate="2026-11-24">'
            '<ofd:Appearance Boundary="20 200 50 6"/></ofd:Annot>',
        ),
        "/Doc_0/Attachs/Attachments.xml": xml(
            "Attachments",
            '<ofd:Attachment ID="80" Name="data"><ofd:FileLoc>data.json</ofd:FileLoc>'
            "</ofd:Attachment>",
        ),
        "/Doc_0/Attachs/data.json": b'{"decision": "granted"}',
        "/Doc_0/Tags/CustomTags.xml": xml(
            "CustomTags",
            '<ofd:CustomTag TypeID="demo"><ofd:SchemaLoc>schema.xsd</ofd:SchemaLoc>'
            "<ofd:FileLoc>CustomTag_0.xml</ofd:FileLoc></ofd:CustomTag>",
        ),
        "/Doc_0/Tags/schema.xsd": b"<schema/>",
        "/Doc_0/Tags/CustomTag_0.xml": b"<demo/>",
        "/Doc_0/Extensions.xml": xml(
            "Extensions",
            '<ofd:Extension AppName="demo" RefId="100"><ofd:ExtendData>ext.bin</ofd:ExtendData>'
            "</ofd:Extension>",
        ),
        "/Doc_0/ext.bin": bytes(range(256)),
    }
    template = '<ofd:Template TemplateID="50"/>'
    for at in range(pages):
        found[f"/Doc_0/Pages/Page_{at}/Content.xml"] = page(
            line("关于示范事项的决定", 40, 20),
            line(f"第{at + 1}页{KEYWORD}", 60, 21),
            head=template,
        )
    return found


def document(changes: Mapping[str, bytes] | None = None, pages: int = 3) -> bytes:
    """The decision, with these parts exchanged or added."""
    return packed({**parts(pages), **(changes or {})})


def sealed(
    plain: bytes | None = None,
    placements: Sequence[Placement] = (AtPlace(page=1, x=105, y=150),),
    mode: Mode = Mode.CONTINUE,
    at: datetime = NOW,
) -> bytes:
    """A document under the seal of the invented country."""
    plain = document() if plain is None else plain
    prepared = prepare(plain, seal(), placements, mode, Signer(x509_cert=SIGNER_CERT), at)
    return embed(prepared, SIGNER_KEY.sign(prepared.to_sign))


def without(whole: bytes, *gone: str) -> bytes:
    """The container with parts taken out."""
    package = OFDPackage.open(whole)
    return packed({name: package.read(name) for name in package.parts if name not in gone})


def contents(whole: bytes) -> dict[str, bytes]:
    """All parts of a container."""
    package = OFDPackage.open(whole)
    return {name: package.read(name) for name in package.parts}
