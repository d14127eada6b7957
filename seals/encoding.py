"""Files that hold keys: PEM, and the fixed parts of their DER around an SM2 key."""

from __future__ import annotations

import base64
import re

from seals.errors import InvalidKey

MAX_PEM = 64 * 1024
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----")

# PKCS #8 and SEC 1 with the public key, around their two numbers.
PKCS8 = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
SEC1 = bytes.fromhex("30770201010420")
CURVE = bytes.fromhex("a00a06082a811ccf5501822d")
POINT = bytes.fromhex("a144034200")


def pem(label: str, der: bytes) -> str:
    """`der` as a PEM file."""
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def from_pem(text: str) -> tuple[str, bytes]:
    """Label and content of the first PEM block.

    Raises:
        InvalidKey: There is none.
    """
    found = _PEM.search(text[:MAX_PEM])
    try:
        if found is not None:
            return found[1], base64.b64decode("".join(found[2].split()), validate=True)
    except ValueError:
        pass
    raise InvalidKey("no PEM")


def all_pem(text: str, label: str) -> list[bytes]:
    """What stands in every PEM block with that label; blocks that are none are passed over.

    Raises:
        InvalidKey: A block is no base64.
    """
    try:
        return [
            base64.b64decode("".join(block[2].split()), validate=True)
            for block in _PEM.finditer(text)
            if block[1] == label
        ]
    except ValueError:
        raise InvalidKey("no PEM") from None


def spki_of(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of an X.509 certificate, as it stands there.

    Raises:
        InvalidKey: It is no certificate.
    """
    whole, start, _ = _value(certificate, 0)
    tbs, at, end = _value(certificate, start)
    if (whole, tbs) != (0x30, 0x30):
        raise InvalidKey("no certificate")
    # [0] version where it is not 1, then serial, algorithm, issuer, validity, subject.
    for _ in range(6 if certificate[at : at + 1] == b"\xa0" else 5):
        _, _, at = _value(certificate, at, end)
    _, _, behind = _value(certificate, at, end)
    return certificate[at:behind]


def fitting(chain: tuple[bytes, ...], spki: bytes) -> None:
    """See that a chain, where there is one, begins with the X.509 certificate of this very key.

    Raises:
        InvalidKey: It does not.
    """
    if chain and spki_of(chain[0]) != spki:
        raise InvalidKey("the X.509 certificate is of another key")


def _value(data: bytes, at: int, limit: int | None = None) -> tuple[int, int, int]:
    """Tag, beginning of the content and end of the value at `at`."""
    end = len(data) if limit is None else limit
    if at + 2 > end or data[at] & 0x1F == 0x1F:
        raise InvalidKey("no certificate")
    size, start = data[at + 1], at + 2
    if size >= 0x80:
        wide = size & 0x7F
        start += wide
        if not 1 <= wide <= 4 or start > end:
            raise InvalidKey("no certificate")
        size = int.from_bytes(data[start - wide : start])
    if start + size > end:
        raise InvalidKey("no certificate")
    return data[at], start, start + size
