"""Which scalars Tarmak's typed decoder takes for which field, and as what.

Tarmak turns YAML into JSON first (ghodss/yaml), so what counts is the scalar's JSON form: 5.0 is
written as 5 and fits an int; a number or boolean never fits a string, nor the other way round.
Sources: json-iterator's codecs, apimachinery's Time and Quantity, Go's time.Parse.
"""

from __future__ import annotations

import calendar
import math
import re
from decimal import Decimal
from typing import Any

from tarmak_iam.document.scalars import decode_base64

__all__ = ["Misfit", "leaf_value"]

_RANGES = {
    "int": (-(2**63), 2**63 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint8": (0, 2**8 - 1),
}
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)([.,]\d+)?(?:Z|[-+](\d\d):(\d\d))\Z", re.ASCII)
# 1.G and .5 are fine, a bare sign is 0: Quantity's own parser is that lenient.
_QUANTITY = re.compile(
    r"[-+]?(?P<digits>[0-9]*(?:\.[0-9]*)?)(?P<suffix>(?:[numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?)\Z", re.ASCII
)


class Misfit(ValueError):
    """A scalar that the field does not take; the text says what the field wants."""


def leaf_value(kind: str, value: Any, *, is_json: bool) -> Any:
    """The value as Tarmak holds it; `value` is a plain scalar that is not null. Raises Misfit."""
    if kind == "string":
        return _of_type(value, str, "a string")
    if kind == "bool":
        return _of_type(value, bool, "a boolean")
    if kind == "float64":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Misfit("a number")
        return float(value)
    if kind == "timestamp":
        return _timestamp(value)
    if kind == "quantity":
        return _quantity(value)
    return _integer(kind, value, is_json=is_json)


def bytes_value(text: str) -> str:
    """A []byte given as base64 text. Raises Misfit."""
    try:
        decode_base64(text)
    except ValueError:
        raise Misfit("base64 text") from None
    return text


def _of_type(value: Any, wanted: type, name: str) -> Any:
    if type(value) is not wanted:
        raise Misfit(name)
    return value


def _integer(kind: str, value: Any, *, is_json: bool) -> int:
    # Go writes a float64 without exponent below 1e21, and 60.0 as 60; strict JSON keeps what was written.
    if kind == "uint8" and isinstance(value, float) and math.copysign(1, value) < 0:
        raise Misfit("a whole number from 0 to 255")  # -0 has a sign
    if isinstance(value, float) and not is_json and value.is_integer() and abs(value) < 1e21:
        value = int(Decimal(repr(value)))  # of the digits that are written, not of the float's own
    if type(value) is not int:
        raise Misfit("a whole number")
    low, high = _RANGES[kind]
    if not low <= value <= high:
        raise Misfit(f"a whole number from {low} to {high}")
    return value


def _timestamp(value: Any) -> str:
    match = _RFC3339.match(value) if isinstance(value, str) else None
    if match:
        year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
        zone = [int(group or 0) for group in match.groups()[7:]]
        in_range = 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60 and zone[0] <= 24 and zone[1] <= 60
        if in_range and 1 <= day <= _days(year, month):
            return str(value)
    raise Misfit("a time such as 2019-05-21T09:14:02Z")


def _days(year: int, month: int) -> int:
    return 29 if month == 2 and calendar.isleap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Misfit("a quantity such as 16Gi")
    text = value.strip() if isinstance(value, str) else repr(value)
    match = _QUANTITY.match(text) if text else None
    if not match or (not match["digits"].strip(".") and not _is_zero(match["suffix"])):
        raise Misfit("a quantity such as 16Gi")
    return text


def _is_zero(suffix: str) -> bool:
    """Without digits a quantity is 0, but not of a suffix that is beyond what 0 is scaled by."""
    exponent = int(suffix[1:]) if suffix[:1] in "eE" and suffix[1:].lstrip("+-").isdecimal() else 0
    return suffix not in ("Pi", "Ei") and exponent >= -9
