"""Every reason a PDF can be judged by: its key, its verdict, and the words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seals.report import Finding, Question, answer
from seals.seal_judging import REASONS as SEAL_REASONS
from seals.verdicts import Step, Verdict

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE

REASONS: Mapping[str, tuple[Verdict, str, str]] = {
    **SEAL_REASONS,
    # 1 container, 2 structure, 3 signed
    "container-proper": (_P, "从头到尾没有多余字节", "no byte before, between or behind"),
    "bytes-before": (_F, "文件头之前有多余字节", "bytes stand before the header"),
    "bytes-behind": (_F, "文件结尾之后有多余字节", "bytes stand behind the end"),
    "no-header": (_F, "不是 PDF 文件", "not a PDF"),
    "unreadable": (_F, "文件结构无法读取", "its structure cannot be read"),
    "too-large": (_F, "文件过大", "it is too large"),
    "encrypted": (_F, "文件已加密", "it is encrypted"),
    "two-tables": (_F, "有两套对象目录", "it has two tables of objects"),
    "structure-proper": (_P, "结构可以读通", "it can be read"),
    "two-fields-one-signature": (_F, "两个签名域共用一个签名", "two fields share one signature"),
    "field-added": (_F, "签章之后添加了空签名域", "an empty field was added after sealing"),
    "signature-forgotten": (
        _F,
        "文件里的签章没有登记在表单中",
        "a signature lies in it that its form does not list",
    ),
    "permissions-lead-nowhere": (_F, "认证声明指向别处", "its certification leads elsewhere"),
    "signed": (_P, "文档有签章", "the document is signed"),
    "unsigned": (_I, "文档没有任何签章", "nothing in the document is signed"),
    # 10 form
    "signature-unreadable": (_F, "签名数据无法读取", "the signature cannot be read"),
    "byte-range": (_F, "签名范围不合规定", "its byte range is not one that may be"),
    "contents-differ": (_F, "签名值不在范围的缺口中", "its value is not what the gap holds"),
    "bytes-in-gap": (_F, "签名值之后夹带了数据", "data is smuggled in behind its value"),
    "several-signers": (_F, "一个签名含多个签名人", "it has several signers, or none"),
    "seal-unreadable": (_F, "签名值不是电子签章数据", "the value is no seal signature"),
    "profile-unknown": (_I, "签名类型不认识", "a kind of signature that is unknown"),
    # 11 unchanged
    "unchanged": (_P, "摘要相符", "the digest is right"),
    "changed": (_F, "内容已被改动", "the content was changed"),
    # 12 coverage
    "whole": (_P, "覆盖整个文件", "the whole file"),
    "later-seals": (
        _P,
        "覆盖当时全部内容，之后只有签章、时间戳与验证材料",
        "all there was; only seals, timestamps and material for judging came later",
    ),
    "gaps": (_F, "没有覆盖当时全部内容", "not all there was at the time"),
    "changed-later": (_F, "签章之后内容又被改动", "it was changed after sealing"),
    "certified-changed": (
        _F,
        "已声明不得改动，其后又有改动",
        "it was changed although it was certified that nothing may be",
    ),
    # 13 binding, 14 value
    "bound": (_P, "签名指明了所用证书", "it names the certificate it is made with"),
    "not-bound": (_I, "签名没有指明证书", "it names no certificate"),
    "bound-otherwise": (_F, "签名指明的是另一张证书", "it names another certificate"),
    "place-named": (_P, "签章指明了本签名域与范围", "it names this field and its range"),
    "other-place": (_F, "签章指明的是另一处", "it names another place"),
    "place-not-named": (
        _P,
        "签章没有按本规范指明位置，由摘要绑定",
        "it names no place as we do; its digest binds it",
    ),
    "holds": (_P, "有效", "it holds"),
    "does-not-hold": (_F, "无效", "it does not hold"),
    # 18 chain, 20 time, 21 algorithms, 22 placement
    "trusted": (_P, "可信", "trusted"),
    "not-trusted": (_F, "不可信", "not trusted"),
    "unclear": (_I, "无法判断", "it cannot be judged"),
    "no-judge": (_I, "没有可信根可供判断", "there is nobody to judge it"),
    "timestamped": (_P, "有可信时间戳", "there is a timestamp that is trusted"),
    "claimed-only": (_P, "只有签章人自称的时间", "only the signer's own word for it"),
    "timestamp-bad": (_F, "时间戳无效", "its timestamp does not hold"),
    "timestamp-unclear": (_I, "时间戳无法判断", "its timestamp cannot be judged"),
    "time-differs": (_F, "自称的时间与时间戳不符", "its own time is not that of the timestamp"),
    "time-ahead": (_F, "时间在将来", "the time lies ahead"),
    "allowed": (_P, "允许", "allowed"),
    "not-allowed": (_F, "策略不允许", "the policy does not allow it"),
    "place-unreadable": (_F, "印章位置无法读取", "the place cannot be read"),
    "picture-hidden": (_F, "印章图样没有显示", "the picture is not to be seen"),
    "other-picture": (_F, "显示的不是印章中的图样", "what is seen is not the seal's picture"),
    "picture-not-compared": (
        _I,
        "显示的图样未能与印章中的相比",
        "what is seen could not be compared with the seal's picture",
    ),
}


def found(
    question: Question, reason: str, where: str = "", because: Iterable[Step] = ()
) -> Finding:
    """A reason of the table, under a question."""
    verdict, zh, en = REASONS[reason]
    return answer(question, verdict, reason, (zh, en), where, because)
