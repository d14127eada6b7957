"""What is said to people when something is refused: each key in Chinese and in English.

Errors carry stable keys; this is where they become words. All reasons of an error are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from seals.errors import (
    DocumentRefused,
    GlyphMissing,
    IllegalAct,
    KeyUnavailable,
    MalformedDocument,
    PictureRefused,
    SealError,
    SealRefused,
)
from seals.ofd.wording import CONTAINER, STRUCTURE
from seals.pdf.preflight import REFUSALS as PDF
from seals.report import Format, Words

ACTS: Mapping[str, Words] = {
    "state": ("印章目前的状态不允许这一步", "the seal's state does not allow this"),
    "same-person": ("不能由同一人办理，须换一人", "the same person may not do this as well"),
    "not-the-bureau": ("只有主管局可以办理", "only the bureau does this"),
    "not-the-owner": ("只有印章所属单位可以办理", "only the seal's own organisation does this"),
    "reason": ("须写明事由，不超过 500 字", "a reason is needed, of 500 characters at most"),
    "time": ("时间不对：早于上一步或没有时区", "a time before the last act, or without a zone"),
    "name": ("名称不符合该类印章的要求", "not a name for a seal of this kind"),
    "serial": (
        "编号只用于站点编号章，且必须有",
        "a serial goes with a numbered station seal, and with no other",
    ),
    "picture": ("没有印模", "there is no impression"),
    "has-one": (
        "该单位已有同类、同名、同号的印章",
        "the organisation has a seal of that kind, name and number",
    ),
    "number": ("没有印章编码或印章数据", "no number of the seal, or no seal"),
    "number-taken": ("印章编码已被占用", "another seal has this number"),
    "validity": ("有效期不对", "a validity that may not be"),
    "filing": ("没有备案号", "no number of the filing"),
    "user": ("用户已有授权或没有授权", "the account has been granted it already, or never was"),
    "maker-is-no-user": ("制章人不能用章", "whoever made a seal does not use it"),
    "limits": ("限制不对：时段颠倒或次数为负", "limits that may not be"),
    "successor": (
        "接替的印章不是为换发它而做，或尚未备案",
        "the successor was not made to succeed it, or is not on file",
    ),
}
"""`IllegalAct`."""

SEALS: Mapping[str, Words] = {
    # of a use
    "frozen": ("用章已冻结", "sealing is frozen"),
    "unfiled": ("印章尚未备案", "the seal is not on file"),
    "suspended": ("印章已停用", "the seal is suspended"),
    "ended": ("印章已换发、注销或销毁", "the seal was replaced, revoked or destroyed"),
    "expired": ("印章已过有效期", "the seal has expired"),
    "not-granted": ("未授权该用户使用", "the seal is not granted to this account"),
    "hours": ("不在许可的时段", "outside the hours it may be used in"),
    "per-day": ("已达当日次数上限", "as often as it may be used today"),
    "certificate-type": ("不可用于该证照类型", "not for certificates of this type"),
    "reason": ("须写明事由", "a reason is needed"),
    "same-person": ("冻结的人不能自己解冻", "whoever froze does not thaw alone"),
    "ambiguous": (
        "有几枚同名的印章，请用编号",
        "several seals have this name; say which by its id",
    ),
    "changed-meanwhile": ("印章状态刚有变化，请重试", "the seal changed meanwhile; try again"),
    # of a seal
    "version": ("印章版本不支持", "a version of seals that is not made"),
    "time": ("时间没有时区", "a time without a zone"),
    "validity": ("有效期不对", "a validity that may not be"),
    "no-signers": ("没有签章人证书，或过多", "no certificates of signers, or too many"),
    "size": ("印模尺寸不对", "a size that may not be"),
    "no-picture": ("没有印模图片", "no picture"),
    "picture-type": ("印模图片格式不支持", "a kind of picture that is not shown"),
    "picture-too-large": ("印模图片过大", "the picture is too large"),
    "picture-unreadable": ("印模图片无法读取", "the picture cannot be read"),
    "characters": ("含有不能写入的字符", "characters that cannot be written"),
    "edition": ("印章不是 GB/T 38540-2020 的格式", "not a seal after GB/T 38540-2020"),
    "seal-deviates": ("印章数据不合标准", "the seal is not as its standard says"),
    "seal-signature": ("印章的制章人签名无效", "the maker's signature on the seal does not hold"),
    "seal-extension": ("印章含有关键扩展", "the seal holds a critical extension"),
    "seal-not-valid-yet": ("印章尚未生效", "the seal is not valid yet"),
    "seal-expired": ("印章已过有效期", "the seal has expired"),
    "signer-not-listed": ("印章未列该签章人的证书", "the seal does not list this certificate"),
    # of a key
    "key-algorithm": ("OFD 须用 SM2 密钥", "an OFD needs an SM2 key"),
    "key-not-for-pdf": ("该密钥不能用于 PDF", "not a key for PDF"),
    "no-certificate": ("没有签章人的数字证书", "the signer's X.509 certificate is not there"),
    "no-signer-certificate": ("没有签章人的数字证书", "the signer's certificate is not there"),
    "signature-too-long": ("签名值过长", "the signature is too long"),
    "timestamps-missing": ("该级别需要时间戳服务", "this level needs a timestamp authority"),
    "timestamp-unreadable": ("时间戳无法读取", "the timestamp cannot be read"),
    "revocation-missing": ("该级别需要吊销列表", "this level needs lists of revoked certificates"),
    "revocation-unreadable": ("吊销列表无法读取", "a list of revoked ones cannot be read"),
    "level-not-for-seal": (
        "B-LT、B-LTA 只用于 PDF，OFD 只有 B-B、B-T",
        "B-LT and B-LTA are for PDF; an OFD knows B-B and B-T",
    ),
    "profile": ("PDF 签名字典名称不对", "not names for a signature dictionary"),
    # of a place
    "place": ("位置须写成 页,x,y", "a place is written page,x,y"),
    "no-placement": ("没有指明盖在哪里", "no place is given"),
    "no-such-page": ("没有这一页", "there is no such page"),
    "no-page": ("没有这一页", "there is no such page"),
    "off-page": ("印章超出页面", "the seal would leave the page"),
    "outside-page": ("印章超出页面", "the seal would leave the page"),
    "page-rotated": ("页面有旋转", "the page is rotated"),
    "page-scaled": ("页面另有显示比例", "the page is shown at another scale"),
    "keyword": ("关键字不合要求", "not a keyword that can be looked for"),
    "keyword-not-found": ("找不到关键字", "the keyword is not found"),
    "too-many-pages": ("页数过多，一枚骑缝章不够", "too many pages for one cross-page seal"),
    "one-page": ("骑缝章至少两页", "a cross-page seal needs two pages"),
    "digest": ("摘要不对", "not a digest"),
    "several-after-first": (
        "后签的章只能盖一处",
        "only the first seal of a document may stand in several places",
    ),
    "certified-already": ("文件已声明不得改动", "the document is closed to changes"),
    "certifies-not-first": (
        "认证只能是第一枚章，后签请用 closing",
        "only the first seal certifies; a later one closes",
    ),
    "closes-nothing": ("closing 之前须已有签章", "there is no earlier seal that it could close"),
    # of a drawing
    "ring-length": ("环文须 6 至 30 字", "the ring text has 6 to 30 characters"),
    "ring-characters": ("环文含有不能用的字符", "characters that do not belong in a ring text"),
    "lower-length": ("下方文字至多两行，每行 14 字", "two lines below of 14 characters, at most"),
    "lower-characters": ("下方文字含有不能用的字符", "characters that do not belong below"),
    "name-length": ("姓名须 2 至 6 字", "a name has 2 to 6 characters"),
    "name-characters": ("姓名含有不能用的字符", "characters that do not belong in a name"),
    "name": ("名称须为“……人民政府审批服务专用章”一类", "not the name of an approval seal"),
    "code": ("备案编码须为数字和大写字母", "a code is of digits and capitals"),
    "diameter": ("直径不合规定", "not a diameter that the rules give"),
    "emblem-not-drawn": (
        "国徽不画：此类印章请上传印模",
        "the emblem is not drawn; such an impression is uploaded",
    ),
}
"""`SealRefused`."""

PICTURES: Mapping[str, Words] = {
    "size": ("尺寸须为 1 至 170 毫米", "1 to 170 mm are taken"),
    "too-large": ("文件过大", "the file is too large"),
    "format": ("不是 PNG 或 SVG", "neither PNG nor SVG"),
    "damaged": ("图片损坏", "the picture is damaged"),
    "bytes-behind": ("图片之后有多余数据", "data behind the picture"),
    "animated": ("动态图片", "an animated picture"),
    "interlaced": ("隔行图片不受理", "an interlaced picture"),
    "too-many-pixels": ("像素过多", "too many pixels"),
    "shape": ("长宽比与尺寸不符", "its shape is not that of the size"),
    "resolution": ("分辨率不足 300 dpi", "less than 300 dpi"),
    "blank": ("几乎没有图案", "nearly blank"),
    "background": ("底色没有去掉，须透明", "the background is left standing; it must be clear"),
    "colour": ("不是红色", "not red"),
    "several": ("不止一枚印章", "more than one seal"),
    "svg-element": ("SVG 含有不许可的元素", "an element that is not taken in SVG"),
    "svg-attribute": ("SVG 含有不许可的属性", "an attribute that is not taken in SVG"),
    "svg-value": ("SVG 含有不许可的取值", "a value that is not taken in SVG"),
    "svg-number": ("SVG 数字不对", "a number in the SVG that is none"),
    "svg-doctype": ("SVG 含 DTD", "the SVG declares a DTD"),
    "svg-damaged": ("SVG 损坏", "the SVG is damaged"),
    "svg-no-view-box": ("SVG 没有 viewBox", "the SVG has no viewBox"),
    "svg-too-large": ("SVG 过大", "the SVG is too large"),
    "svg-too-many": ("SVG 图形过多", "too many shapes in the SVG"),
    "svg-too-costly": ("SVG 画起来过费", "the SVG costs too much to paint"),
}
"""`PictureRefused`."""

OFD: Mapping[str, Words] = {
    "unreferenced": ("有没用到的部件", "a part that nothing uses"),
    "several-documents": ("含多份文档", "several documents in one"),
    "versions": ("留有以前的版本", "earlier versions are left in it"),
    "encrypted": ("内容已加密", "it is encrypted"),
    "no-pages": ("没有页", "it has no pages"),
    "page-twice": ("同一页用了两次", "a page stands in it twice"),
    "action": ("有翻页以外的动作", "an action beyond turning pages"),
    "hidden": ("有不显示的内容", "content that is not shown"),
    "transparent": ("有透明得看不见的内容", "content too clear to be seen"),
    "white": ("有白底白字", "white text on nothing"),
    "off-page": ("有页面之外的内容", "content beside the page"),
    "covered": ("有被遮盖的内容", "content that is covered"),
    "painted-stamp": ("有没有签名的印章图", "a picture of a seal without a signature"),
    "clipped": ("有被裁剪的文字", "text that a clip may cut away"),
    "font-lies": ("字形与文字不符", "glyphs are not of the characters they are told to be"),
    "font-unknown": (
        "按编号指定字形，而字体没有嵌入或读不懂",
        "glyphs are told by number, and their font is not there or cannot be read",
    ),
    "objects": ("页面内容过多", "too much on a page"),
    "locked": ("前一枚章已锁定文件", "an earlier seal has locked the document"),
    "signature-failed": ("已有签章不通过", "an earlier seal in it does not verify"),
    "too-many-signatures": ("签章过多", "too many seals"),
}
"""`DocumentRefused` of an OFD, beside what its structure can have."""

FILES: Mapping[str, Words] = {
    "no-document": ("不是 OFD，也不是 PDF", "neither OFD nor PDF"),
    "file-unreadable": ("文件无法读取", "the file cannot be read"),
    "too-large": ("文件过大", "the file is too large"),
}
"""`MalformedDocument` of what is no document yet."""

KEYS: Mapping[str, Words] = {
    "signature-does-not-hold": ("签出的签名验不过", "the signature that came does not hold"),
    "key-file-unreadable": ("密钥文件无法读取", "the key file cannot be read"),
    "key-file-readable-by-others": ("密钥文件他人可读", "others may read the key file"),
    "key-file-exists": ("密钥文件已存在，不覆盖", "the key file exists and is not written over"),
    "key-file-unwritable": ("密钥文件无法写入", "the key file cannot be written"),
    "no-certificate": ("没有数字证书", "there is no X.509 certificate"),
    "file-unreadable": ("文件无法读取", "a file cannot be read"),
    "file-exists": ("文件已存在，不覆盖", "the file exists and is not written over"),
    "file-unwritable": ("文件无法写入", "a file cannot be written"),
    "device-refuses": ("密码设备不应答或拒绝", "the device does not answer, or refuses"),
    "pkcs11-not-installed": ("没有安装 pkcs11 附加依赖", "the extra pkcs11 is not installed"),
    "service-url": ("签章服务地址不对", "not an address of a sealing service"),
    "service-without-tls": ("签章服务须用 https", "a sealing service needs https"),
    "service-token-missing": ("没有签章服务的令牌", "there is no token for the sealing service"),
    "service-authorities-unreadable": ("可信机构文件无法读取", "the authorities cannot be read"),
    "service-unreachable": ("签章服务连不上", "the sealing service is not reached"),
    "service-too-slow": ("签章服务超时", "the sealing service is too slow"),
    "service-refuses": ("签章服务拒绝", "the sealing service refuses"),
    "service-answers-nonsense": ("签章服务答复无法理解", "the sealing service answers nonsense"),
    "message-too-large": ("要签的内容过大", "too large to be sent"),
    "cannot-sign": ("此处不能签名", "nothing can be signed here"),
    "no-key": ("没有指明密钥", "no key is given"),
    "key-description": ("密钥说明文件无法理解", "the description of the key makes no sense"),
}
"""`KeyUnavailable`."""

WHOLE: Mapping[str, Words] = {
    "seals.sm2-unavailable": ("本机没有可用的 SM2", "there is no SM2 to be trusted here"),
    "seals.invalid-key": ("密钥或口令不对", "not the key, or not its password"),
    "seals.undecipherable": ("密文无法解开", "it cannot be deciphered"),
    "seals.malformed": ("数据无法读取", "data that cannot be read"),
    "seals.malformed-seal": ("不是印章数据", "not a seal"),
    "seals.sealing-failed": ("签章自验不过，没有写出", "it did not verify; nothing was written"),
    "seals.unknown": ("没有这枚印章", "there is no such seal"),
    "seals.conflict": ("他人刚刚办理过，请重新查看", "somebody else acted meanwhile; look again"),
    "seals.register-damaged": ("印章登记数据损坏", "the register is damaged"),
    "seals.unknown-algorithm": ("算法不认识", "an unknown algorithm"),
    "seals.unreachable": ("服务连不上或不应答", "a service is not reached, or does not answer"),
    "seals.timestamp-unavailable": ("取不到时间戳", "no timestamp is to be had"),
    "seals.trust-list-refused": ("信任名单不能使用", "the trust list may not be used"),
    "seals.policy-refused": ("策略文件不能使用", "the policy may not be used"),
    "seals.not-issuable": ("不能签发", "not to be issued"),
    "seals.glyph-missing": ("字库没有这个字", "the face lacks this character"),
}
"""Errors without keys of their own, by their code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason, for people and for machines."""

    key: str
    zh: str
    en: str
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.where}：" if self.where else ""
        return f"{place}{self.zh} / {self.en} [{self.key}]"


def reasons(error: SealError, kind: Format | None = None) -> tuple[Reason, ...]:
    """Everything that an error says, in words.

    Args:
        error: Of this room.
        kind: What the document was, where there was one.
    """
    match error:
        case IllegalAct():
            return (_reason(ACTS, error.why),)
        case SealRefused():
            return tuple(_of_seal(error))
        case PictureRefused():
            return tuple(_reason(PICTURES, key) for key in error.why)
        case DocumentRefused():
            return tuple(_of_document(key, where, kind) for key, where in error.why)
        case MalformedDocument():
            return (_of_document(error.why, error.where, kind),)
        case KeyUnavailable():
            return (_reason(KEYS, str(error)),)
        case GlyphMissing():
            return (_reason(WHOLE, error.code, f"{error.character}（{error}）"),)
        case _:
            return (_reason(WHOLE, error.code, str(error)),)


def _of_seal(error: SealRefused) -> Iterator[Reason]:
    """`detail` holds either every key or a place."""
    every = error.detail.split(", ")
    if every[0] == error.why:
        yield from (_reason(SEALS, key) for key in every)
    else:
        yield _reason(SEALS, error.why, error.detail)


def _of_document(key: str, where: str, kind: Format | None) -> Reason:
    if kind is None:
        return _reason(FILES, key, where)
    tables = (PDF, OFD) if kind is Format.PDF else (OFD, _STRUCTURE, CONTAINER)
    table = next((each for each in tables if key in each), OFD)
    return _reason(table, key, where)


def _reason(table: Mapping[str, Words], key: str, where: str = "") -> Reason:
    zh, en = table.get(key, (key, key))
    return Reason(key=key, zh=zh, en=en, where=where)


_STRUCTURE: Mapping[str, Words] = {key: (zh, en) for key, (_, zh, en) in STRUCTURE.items()}
EVERY = frozenset(chain(ACTS, SEALS, PICTURES, OFD, FILES, KEYS, WHOLE, PDF, CONTAINER, _STRUCTURE))
"""All keys that have words."""
