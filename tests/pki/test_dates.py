"""Validity and subject without cryptography are those that cryptography reads."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.pki.certificates import read_certificate
from tarmak_iam.pki.dates import CertificateDates, read_dates
from tests.pki.test_certificates import ADMIN, KEY, signed

DER = signed()
"""One for all examples: a signature is never the same."""


def dated(first: str, last: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "adm\u00edn")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 7)
    builder = builder.not_valid_before(datetime.fromisoformat(first)).not_valid_after(datetime.fromisoformat(last))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_the_fields_of_a_certificate() -> None:
    first = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    last = datetime(2021, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert read_dates(signed(subject=ADMIN)) == CertificateDates(first, last, "admin", ("dev", "system:masters"))
    assert read_dates(signed(subject={})) == CertificateDates(first, last)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("1950-01-01", "1999-12-31T23:59:59"),
        ("2000-02-29", "2049-12-31T23:59:59"),
        ("2050-01-01", "9999-12-31T23:59:59"),
    ],
)
def test_both_ends_of_years_with_two_and_four_digits(first: str, last: str) -> None:
    der = dated(first, last)
    expected = read_certificate(der)
    assert read_dates(der) == (expected.not_before, expected.not_after, "adm\u00edn", ())


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x82\x01", b"\x30\x03\x02\x01\x00", b"not a certificate"])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_dates(der)


@given(st.data())
def test_damage_raises_nothing_else(data: st.DataObject) -> None:
    der = bytearray(DER)
    for at in data.draw(st.lists(st.integers(0, 200), max_size=4)):
        der[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        read_dates(bytes(der[: data.draw(st.integers(0, len(der)))]))
