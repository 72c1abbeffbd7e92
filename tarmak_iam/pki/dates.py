"""Validity and subject of a certificate, read without `cryptography`: the few parts of DER (X.690) that it takes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple

_COMMON_NAME, _ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"  # the OIDs 2.5.4.3 and 2.5.4.10
_VERSION, _UTC_TIME = 0xA0, 0x17


class CertificateDates(NamedTuple):
    """As the fields of `Certificate` of these names. Times are aware."""

    not_before: datetime
    not_after: datetime
    common_name: str = ""
    organizations: tuple[str, ...] = ()


def read_dates(der: bytes) -> CertificateDates:
    """Reads nothing but these fields of RFC 5280's TBSCertificate. Raises ValueError."""
    try:
        (_, certificate), *_ = _elements(der)
        elements = _elements(_elements(certificate)[0][1])
        _serial, _signature, _issuer, (_, validity), (_, subject), *_ = elements[elements[0][0] == _VERSION :]
        not_before, not_after = (_time(tag, value.decode("ascii")) for tag, value in _elements(validity))
        pairs = [_elements(pair) for _, names in _elements(subject) for _, pair in _elements(names)]
        named = [(oid, value.decode("utf-8", "replace")) for (_, oid), (_, value) in pairs]
    except (IndexError, ValueError):
        raise ValueError("it cannot be read as a certificate") from None
    common = ("", *(value for oid, value in named if oid == _COMMON_NAME))[-1]
    return CertificateDates(not_before, not_after, common, tuple(value for oid, value in named if oid == _ORGANIZATION))


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element. Raises IndexError or ValueError."""
    elements, start = list[tuple[int, bytes]](), 0
    while start < len(data):
        tag, length, start = data[start], data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        if start + length > len(data):
            raise IndexError
        elements.append((tag, data[start : start + length]))
        start += length
    return elements


def _time(tag: int, text: str) -> datetime:
    """A year of two digits is one from 1950 to 2049 (RFC 5280, 4.1.2.5.1)."""
    text = ("19" if text >= "50" else "20") + text if tag == _UTC_TIME else text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
