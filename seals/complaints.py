"""What is said of a file of ours that may not be used: each complaint in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping

from seals.mapped import Complaint

WORDS: Mapping[str, tuple[str, str]] = {
    # any mapping
    "not-json": ("不是 JSON，或有重名", "not JSON, or a name stands there twice"),
    "not-yaml": ("不是 YAML，或有重名、别名", "not YAML, or a name twice, or an alias"),
    "not-a-mapping": ("应为“名称: 值”", "not a mapping of names"),
    "not-a-list": ("应为列表", "not a list"),
    "not-a-text": ("应为一行文字", "not a line of text"),
    "not-printable": ("含有不可显示的字符", "holds characters that cannot be shown"),
    "not-a-number": ("应为规定范围内的整数", "not a whole number within its bounds"),
    "not-a-time": (
        "应为 2026-11-24T06:00:00Z 形式的时间",
        "not a time like 2026-11-24T06:00:00Z",
    ),
    "missing": ("缺少", "missing"),
    "unknown-name": ("不认识的名称", "an unknown name"),
    "unknown-word": ("不认识的取值", "not one of the words that may stand here"),
    "unreadable": ("内容读不懂", "cannot be read"),
    "too-many": ("项数过多", "too many"),
    "too-large": ("文件过大", "too large"),
    "empty": ("没有任何内容", "nothing is in it"),
    "wrong-order": ("时间先后颠倒", "the times are in the wrong order"),
    "unknown-version": ("版本不认识", "an unknown version"),
    "file-unreadable": ("文件打不开", "the file cannot be opened"),
    # trust lists
    "not-the-operator": ("签名人不是名单的发布者", "not signed by the scheme operator"),
    "operator-not-valid": (
        "发布者的证书不在有效期内",
        "the operator's certificate is not valid now",
    ),
    "operator-unknown": ("不知道发布者是谁，请给出其证书", "nobody said who the operator is"),
    "operator-differs": ("发布者与首次导入时不同", "another operator than when first imported"),
    "unknown-algorithm": ("签名算法不认识", "an unknown signature algorithm"),
    "weak-algorithm": ("签名算法或密钥强度不足", "the algorithm or key is too weak"),
    "signature-does-not-hold": ("签名无效", "the signature does not hold"),
    "issued-in-the-future": ("发布时间在将来", "issued in the future"),
    "expired": ("已过下次更新时间", "past its next update"),
    "rolled-back": ("序号比已导入的低", "a lower number than what was imported before"),
    "same-number-other-list": (
        "序号与已导入的相同而内容不同",
        "the number of what was imported before, with other content",
    ),
}


def worded(complaint: Complaint) -> str:
    """One line for people: where, what in both languages, and the key."""
    why, where = complaint
    zh, en = WORDS[why]
    place = f"{where}：" if where else ""
    return f"{place}{zh} / {en} [{why}]"
