"""The block ciphers that platforms ask for, and the end of a certificate: the one module of this
room that touches cryptography.
"""

from __future__ import annotations

import os
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

BLOCK = 16


def aes_ecb_opened(key: bytes, sealed: bytes) -> bytes:
    """AES in ECB mode with PKCS #7 padding, as one gateway seals its secrets.

    Raises:
        ValueError: It is not that.
    """
    return _opened(algorithms.AES(key), None, sealed)


def sm4_sealed(key: bytes, iv: bytes | None, plain: bytes) -> bytes:
    """SM4 (GB/T 32907) with PKCS #7 padding; CBC with an `iv`, else ECB."""
    padder = padding.PKCS7(BLOCK * 8).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(algorithms.SM4(key), _mode(iv)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def sm4_vector() -> bytes:
    """A random initial vector."""
    return os.urandom(BLOCK)


def sm4_opened(key: bytes, iv: bytes | None, sealed: bytes) -> bytes:
    """What `sm4_sealed` sealed.

    Raises:
        ValueError: It is not that.
    """
    return _opened(algorithms.SM4(key), iv, sealed)


def certificate_end(pem: bytes) -> datetime:
    """When the first certificate in `pem` ends.

    Raises:
        ValueError: There is none.
    """
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _opened(algorithm: BlockCipherAlgorithm, iv: bytes | None, sealed: bytes) -> bytes:
    decryptor = Cipher(algorithm, _mode(iv)).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    unpadder = padding.PKCS7(BLOCK * 8).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _mode(iv: bytes | None) -> CBC | ECB:
    # ECB is the platforms' choice, not ours: it shows which blocks are alike.
    return ECB() if iv is None else CBC(iv)  # noqa: S305 -- the platforms' format
