"""The curve sm2p256v1 in plain Python (Jacobian coordinates): to check points, and to verify where
there is no OpenSSL with SM2. Not in constant time, so not for signing.
"""

from __future__ import annotations

import hashlib

# sm2p256v1, GB/T 32918.5 §A.1; a is p - 3.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)


def holds(x: int, y: int) -> bool:
    """Is it a point of the curve, with coordinates in range?"""
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0


def z_of(point: tuple[int, int], signer_id: bytes) -> bytes:
    """Z: the digest of who signs and on which curve (GB/T 32918.2 §5.5)."""
    numbers = (P - 3, B, *G, *point)
    head = (len(signer_id) * 8).to_bytes(2) + signer_id
    return hashlib.new("sm3", head + b"".join(n.to_bytes(32) for n in numbers)).digest()


_Point = tuple[int, int, int]
_INFINITY: _Point = (1, 1, 0)


def affine(point: _Point) -> tuple[int, int]:
    """Of a point that is not infinity."""
    x, y, z = point
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def doubled(point: _Point) -> _Point:
    """Twice the point."""
    x, y, z = point
    if not y or not z:
        return _INFINITY
    square = y * y % P
    s = 4 * x * square % P
    m = 3 * (x - z * z) * (x + z * z) % P
    new_x = (m * m - 2 * s) % P
    return new_x, (m * (s - new_x) - 8 * square * square) % P, 2 * y * z % P


def added(one: _Point, other: _Point) -> _Point:
    """The sum."""
    if not one[2]:
        return other
    if not other[2]:
        return one
    x1, y1, z1 = one
    x2, y2, z2 = other
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2z2 % P, x2 * z1z1 % P
    s1, s2 = y1 * z2 * z2z2 % P, y2 * z1 * z1z1 % P
    if u1 == u2:
        return doubled(one) if s1 == s2 else _INFINITY
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P


def times(scalar: int, point: tuple[int, int]) -> _Point:
    """The multiple."""
    found, step = _INFINITY, (point[0], point[1], 1)
    while scalar:
        if scalar & 1:
            found = added(found, step)
        step = doubled(step)
        scalar >>= 1
    return found
