"""Every reason an OFD can be judged by: its key, its verdict, and the words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from seals.report import Finding, Question, Words, answer
from seals.seal_judging import REASONS as SEAL_REASONS
from seals.verdicts import Step, Verdict

_P, _F, _I = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE

REASONS: Mapping[str, tuple[Verdict, str, str]] = {
    **SEAL_REASONS,
    # 1 container, 2 structure, 3 signed
    "container-proper": (_P, "每个字节都有着落", "every byte is accounted for"),
    "structure-proper": (_P, "所有引用都能读通", "every reference can be followed"),
    "signed": (_P, "文档有签章", "the document is signed"),
    "unsigned": (_I, "文档没有任何签章", "nothing in the document is signed"),
    # 10 form
    "description-unreadable": (
        _F,
        "签名描述文件无法读取",
        "the signature's description cannot be read",
    ),
    "no-value": (_F, "没有签名值文件", "there is no signature value"),
    "value-unreadable": (_F, "签名值不是电子签章数据", "the value is no seal signature"),
    "plain-signature": (
        _I,
        "只是数字签名，不含印章与证书",
        "a plain signature without seal and certificate",
    ),
    "type-disagrees": (_F, "声明的类型与签名值不符", "the declared type is not that of the value"),
    # 11 unchanged
    "unchanged": (_P, "所列内容的摘要全部相符", "all listed digests are right"),
    "changed": (_F, "内容已被改动", "the content was changed"),
    "part-missing": (_F, "被保护的内容缺失或损坏", "a protected part is missing or damaged"),
    "digest-unreadable": (_F, "摘要值无法读取", "a digest cannot be read"),
    "reference-twice": (_F, "同一内容列了两次", "a part is listed twice"),
    "no-references": (_F, "没有保护任何内容", "nothing is protected"),
    "digest-unknown": (_I, "摘要算法不认识", "the digest algorithm is unknown"),
    # 12 coverage
    "whole": (_P, "覆盖整个文件，不能再添加任何内容", "the whole file, nothing can be added"),
    "all-effective": (
        _P,
        "覆盖全部可见、可读内容，可继续签章",
        "all that is seen or read; more may sign",
    ),
    "whole-wanted": (_F, "策略要求覆盖整个文件", "the policy wants the whole file covered"),
    "not-covered": (_F, "该内容未受保护", "this part is not protected"),
    "smuggled": (
        _F,
        "该内容既无引用也无保护，属夹带",
        "this part is smuggled in: not referred to, not protected",
    ),
    "leads-outside": (_F, "内容引用了文件之外", "content is taken from outside"),
    "unclear": (_I, "有内容无法读取，不能判断", "some part cannot be read"),
    # 13 binding
    "bound": (_P, "签章属于本文档", "it belongs to this document"),
    "other-document": (_F, "签章不是对本文档作出的", "it was made over something else"),
    "other-place": (_F, "签章指向另一处签名", "it names another signature's place"),
    "seal-file-differs": (
        _F,
        "单独存放的印章与签章中的不同",
        "the separate seal differs from the one inside",
    ),
    # 14 value
    "no-certificate": (_I, "没有签名人的证书", "the signer's certificate is not there"),
    "not-reached": (_I, "签章数据未能读出", "the seal signature could not be read"),
    # 21 algorithms, 22 placement
    "method-disagrees": (_F, "声明的签名算法与实际不符", "another algorithm is declared than used"),
    "page-ambiguous": (_F, "所在页不唯一", "several pages answer to the reference"),
    "no-boundary": (_F, "位置无法读取", "the place cannot be read"),
}

STRUCTURE: Mapping[str, tuple[Verdict, str, str]] = {
    "missing": (_I, "引用的内容不存在", "what is referred to does not exist"),
    "external": (_F, "引用了文件之外的内容", "it refers to something outside"),
    "loc": (_F, "引用路径不合法", "a path that may not be"),
    "root": (_F, "根元素与用途不符", "another root element than its use asks for"),
    "doubled": (_F, "只许一个的元素出现两次", "two elements where one counts"),
    "xml": (_F, "不是良构的 XML", "not well-formed XML"),
    "doctype": (_F, "XML 含 DTD 或实体声明", "the XML declares a DTD or entities"),
    "encoding": (_F, "XML 字符编码不被许可", "an encoding that is not allowed"),
    "document": (_F, "没有文档", "there is no document"),
    "page-size": (_F, "页面尺寸无法读取", "a page's size cannot be read"),
    "signature-twice": (_F, "同一签名列了两次", "a signature is listed twice"),
    "signature-unlisted": (
        _F,
        "文件中有签名未列入清单",
        "a signature lies here that is in no list",
    ),
    "incomplete": (_F, "签名描述不完整", "a description is incomplete"),
    "too-many": (_F, "数量超出限度", "more than is read"),
    "too-large": (_F, "内容超出大小限度", "larger than is read"),
    "damaged": (_F, "压缩数据损坏", "packed data is damaged"),
    "size": (_F, "实际大小与声明不符", "the size is not as declared"),
    "checksum": (_F, "校验和不符", "the checksum is wrong"),
}

CONTAINER: Mapping[str, tuple[str, str]] = {
    "no-zip": ("不是 OFD 容器", "no container"),
    "bytes-before": ("容器之前有多余数据", "data before the container"),
    "bytes-between": ("条目之间有多余数据", "data between entries"),
    "bytes-behind": ("容器之后有多余数据", "data behind the container"),
    "overlap": ("条目互相重叠", "entries overlap"),
    "comment": ("容器带有注释", "the container bears a comment"),
    "several-disks": ("分卷容器", "a container in several volumes"),
    "zip64": ("ZIP64 容器不受理", "ZIP64 is not read"),
    "directory": ("目录损坏", "the directory is damaged"),
    "headers-disagree": ("目录与条目头不一致", "directory and entry disagree"),
    "encrypted": ("内容已加密", "encrypted"),
    "flags": ("条目标志不认识", "unknown flags"),
    "method": ("压缩方法不认识", "an unknown method of packing"),
    "extra": ("附加字段损坏", "a damaged extra field"),
    "name-twice": ("条目另有名称", "an entry bears a second name"),
    "symlink": ("含符号链接", "a symbolic link"),
    "special-file": ("含特殊文件", "a special file"),
    "duplicate-name": ("名称重复", "two entries of one name"),
    "name-clash": ("文件与目录同名", "a part and a folder of one name"),
    "folder": ("目录条目含有数据", "a folder that holds data"),
    "too-large": ("超出大小限度", "larger than is read"),
    "too-many": ("条目过多", "too many entries"),
    "ratio": ("压缩比过大", "unpacks to far more than it is"),
    "size": ("实际大小与声明不符", "the size is not as declared"),
    "name": ("名称不合法", "a name that may not be"),
    "name-encoding": ("名称编码不合法", "a name that is not UTF-8"),
    "name-too-long": ("名称过长", "a name too long"),
    "absolute-path": ("绝对路径", "an absolute path"),
    "parent-path": ("路径越出容器", "a path that leads out"),
    "backslash": ("路径含反斜杠", "a backslash in a path"),
    "too-deep": ("目录层次过深", "folders too deep"),
    "damaged": ("压缩数据损坏", "packed data is damaged"),
    "checksum": ("校验和不符", "the checksum is wrong"),
}
"""All of them are failures."""


def found(
    question: Question, reason: str, where: str = "", because: Iterable[Step] = ()
) -> Finding:
    """An answer with one of the reasons above."""
    plain = _plainly(question, reason)
    if not where and not because:
        return plain
    return Finding(step=plain.step, where=where, because=tuple(because))


@cache
def _plainly(question: Question, reason: str) -> Finding:
    verdict, *words = REASONS[reason]
    return answer(question, verdict, reason, (words[0], words[1]))


def amiss(why: str, where: str) -> Finding:
    """A problem of the structure."""
    verdict, *words = STRUCTURE.get(why, (_F, *_unnamed(why)))
    return answer(Question.STRUCTURE, verdict, why, (words[0], words[1]), where)


def refused(why: str, where: str) -> Finding:
    """A container that may not be opened."""
    return answer(Question.CONTAINER, _F, why, CONTAINER.get(why, _unnamed(why)), where)


def _unnamed(why: str) -> Words:
    """A key that two tables share is in the other one."""
    return CONTAINER.get(why, (why, why))
