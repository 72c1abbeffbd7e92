"""Keys that were made to keep a parser busy, or to make it fail."""

from __future__ import annotations

from math import lcm

import pytest

from tarmak_iam.pki.certificates import Unreadable, read_key

E = 65537
P, Q = (1 << 1024) + 1, (1 << 1025) + 1
"""Neither is a prime: 2**1024 + 1 is a Fermat number with known factors, and the other is divisible by 3."""


def length(count: int) -> bytes:
    if count < 128:
        return bytes([count])
    data = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data


def integer(number: int) -> bytes:
    data = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + length(len(data)) + data


def sequence(*parts: bytes) -> bytes:
    data = b"".join(parts)
    return b"\x30" + length(len(data)) + data


def rsa_key(
    p: int, q: int, *, n: int | None = None, d: int | None = None, off: tuple[int, int, int] = (0, 0, 0)
) -> bytes:
    """PKCS#1; `off` is added to the last three numbers."""
    d = pow(E, -1, lcm(p - 1, q - 1)) if d is None else d
    shares = d % max(p - 1, 1), d % max(q - 1, 1), pow(q, -1, p)
    last = (share + more for share, more in zip(shares, off, strict=True))
    return sequence(*map(integer, (0, p * q if n is None else n, E, d, p, q, *last)))


def test_the_factors_of_an_rsa_key_are_not_examined() -> None:
    """OpenSSL does by default: it took a minute and a half for a file of 8,000 bytes. Go does not."""
    assert read_key(rsa_key(P, Q)).size == 2050


@pytest.mark.parametrize(
    "der",
    [
        rsa_key(P, Q, n=P * Q + 2),
        rsa_key(P, Q, d=3),
        rsa_key(1, P * Q, d=1),
        *(rsa_key(P, Q, off=each) for each in ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    ],
    ids=["other factors", "other exponent", "no factors", "first share", "second share", "coefficient"],
)
def test_what_is_no_rsa_key(der: bytes) -> None:
    with pytest.raises(Unreadable, match="it cannot be read as a private key"):
        read_key(der)


def test_a_large_key_is_not_read() -> None:
    assert read_key(rsa_key((1 << 8000) + 1, (1 << 8001) + 1)).size == 16002
    with pytest.raises(Unreadable):
        read_key(rsa_key((1 << 20_000) + 1, (1 << 20_001) + 1))


def test_a_key_that_openssl_stumbles_over() -> None:
    """A Diffie-Hellman key with invalid parameters."""
    oid = bytes.fromhex("06072a8648ce3e0201")
    parameters = sequence(integer(P), integer(2), integer(Q))
    with pytest.raises(Unreadable):
        read_key(sequence(integer(0), sequence(oid, parameters), b"\x04\x03" + integer(5)))
