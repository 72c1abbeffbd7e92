"""How releases of go-yaml read scalars, by the rules of yaml.v2 and yaml.v3, and the dialects of those releases.

Source: gopkg.in/yaml.v2 resolve.go (the copy that Tarmak vendors, and viper before 1.19) and yaml.v3's.
Neither YAML 1.1 nor 1.2 describes these rules: `y` is a boolean, `08` the float 8, `1e3` a string.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from tarmak_iam.document.nodes import STANDARD_TAG, Scalar

Plain = None | bool | int | float | str
Resolver = Callable[[Scalar], Plain]
_Words = dict[str, bool | float | None]

_WORDS_V3: _Words = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}

_WORDS_V2: _Words = {
    **_WORDS_V3,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}

_FIRST_OF_NUMBERS = frozenset("+-.0123456789")
_FLOAT_V2 = re.compile(r"[-+]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][-+][0-9]+)?\Z", re.ASCII)
_FLOAT_V3 = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII)

# Go's ParseFloat takes underscores between digits.
_DOT_FLOAT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?\Z", re.ASCII)

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"  # 2006-1-2, optionally a time after T (with a zone) or after a blank (without)
    r"(?:(?:[Tt]|(?P<blank> ))(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(?(blank)|(Z|[-+]\d\d:\d\d)))?\Z",
    re.ASCII,
)

_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]*)|([1-9][0-9]*))\Z", re.ASCII)
_INTEGER_1_2 = re.compile(r"([-+]?)([0-9]+)\Z|0o([0-7]+)\Z|0x([0-9a-fA-F]+)\Z", re.ASCII)

# 64 binary digits with sign and prefix, and some zeros; Python itself refuses to read thousands of digits.
_LONGEST_INTEGER = 100
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z", re.ASCII)
_MIN_INT64, _MAX_INT64, _MAX_UINT64 = -(2**63), 2**63 - 1, 2**64 - 1
_KINDS = {"bool": bool, "int": int, "float": float, "null": type(None), "timestamp": None}
"""The types of tags. A timestamp is a string."""


class ScalarError(ValueError):
    """A scalar that its explicit tag does not fit, as in `!!int "x"`."""


class GoTime(str):
    """A date that yaml.v3 reads as a time. The text is what Go prints for it."""

    __slots__ = ()


def resolve_v2(scalar: Scalar) -> Plain:
    """The scalar's value for yaml.v2 up to 2.2.2: None, bool, int, float or str. Raises ScalarError."""
    return _resolve(scalar, _WORDS_V2, _FLOAT_V2)


def resolve_v2_later(scalar: Scalar) -> Plain:
    """The scalar's value for yaml.v2 2.2.3 and later, where `1e3` and `1.` are floats. Raises ScalarError."""
    return _resolve(scalar, _WORDS_V2, _FLOAT_V3)


def resolve_v3(scalar: Scalar) -> Plain:
    """The scalar's value for yaml.v3, where `yes`, `on`, `y` and the like are strings, and dates are times (GoTime).

    Raises ScalarError.
    """
    value = _resolve(scalar, _WORDS_V3, _FLOAT_V3)
    may_be_date = scalar.tag == f"{STANDARD_TAG}timestamp" or _is_untagged(scalar)
    return _time_or_text(value) if may_be_date and type(value) is str and value[:1].isdigit() else value


def resolve_yaml_1_2(scalar: Scalar) -> Plain:
    """The scalar's value in the core schema of YAML 1.2, where `on` and `1_000` are strings and `010` is 10.

    The value of a scalar with a tag is that of yaml.v3. Raises ScalarError.
    """
    text = scalar.text
    if not _is_untagged(scalar):
        return resolve_v3(scalar)
    if text in _WORDS_V3:
        return _WORDS_V3[text]
    integer = _integer(_INTEGER_1_2, text, (10, 8, 16))
    if integer is not None:
        return integer
    return _float(text) if _FLOAT_V3.match(text) else text


def _integer(pattern: re.Pattern[str], text: str, bases: tuple[int, ...]) -> int | None:
    """The integer that a pattern matches. Its groups are the sign, and the digits in each of the bases."""
    match = pattern.match(text) if len(text) <= _LONGEST_INTEGER else None
    if not match:
        return None
    sign, *numbers = match.groups()
    digits, base = next((digits, base) for digits, base in zip(numbers, bases, strict=True) if digits is not None)
    value = int(digits or "0", base)
    return -value if sign == "-" else value


def _is_untagged(scalar: Scalar) -> bool:
    return scalar.tag is None and scalar.style == "plain"


def _resolve(scalar: Scalar, words: _Words, floats: re.Pattern[str]) -> Plain:
    tag, text = scalar.tag, scalar.text
    if tag is None:
        is_string = scalar.style != "plain" or (text not in words and text[0] not in _FIRST_OF_NUMBERS)
        return text if is_string else _plain(text, words, floats)
    kind = tag.removeprefix(STANDARD_TAG) if tag.startswith(STANDARD_TAG) else ""
    if kind == "binary":
        try:
            return decode_base64(text).decode("utf-8", "replace")
        except ValueError:
            raise ScalarError("!!binary value contains invalid base64 data") from None
    if kind not in _KINDS:
        return text  # !!str, and tags that yaml.v2 does not resolve
    value = _plain(text, words, floats)
    if kind == "float" and type(value) is int and value < 2**63:
        return float(value)
    if kind == "timestamp" and isinstance(value, str) and isinstance(_time_or_text(value), GoTime):
        return value
    if type(value) is not _KINDS[kind]:
        raise ScalarError(f"cannot decode `{text}` as a !!{kind}")
    return value


def _plain(text: str, words: _Words, floats: re.Pattern[str]) -> Plain:
    if text in words:
        return words[text]
    if text[0] not in _FIRST_OF_NUMBERS:
        return text
    if text[0] == ".":
        return _float(text) if _DOT_FLOAT.match(text) else text
    digits = text.replace("_", "")
    if digits.isdecimal() and digits.isascii() and digits[0] != "0" and len(digits) < len(str(_MAX_INT64)):
        return int(digits)  # most numbers
    integer = parse_go_integer(digits)
    if integer is not None:
        return integer
    return _float(text) if floats.match(digits) else text


def parse_go_integer(digits: str) -> int | None:
    """Go's ParseInt with base 0 (then ParseUint): decimal, 0x, 0b, 0o and leading-zero octal, 64 bits."""
    if digits.startswith(("0b+", "0b-")):  # the digits after 0b are parsed as a separate number
        digits = f"{digits[2]}0b{digits[3:]}"
    integer = _integer(_INTEGER, digits, (16, 2, 8, 8, 10))
    most = _MAX_INT64 if digits[:1] in ("-", "+") else _MAX_UINT64
    return integer if integer is not None and _MIN_INT64 <= integer <= most else None


def _float(text: str) -> float | str:
    """Go's ParseFloat rejects a number that overflows; the scalar then stays a string."""
    value = float(text.replace("_", ""))
    return text if math.isinf(value) else value


def _time_or_text(text: str) -> str:
    """A GoTime for a text in one of the four time formats of yaml.v2 and yaml.v3; any other text as it is."""
    match = _TIME.match(text)
    if not match:
        return text
    year, month, day, _, hour, minute, second, fraction, zone = match.groups()
    try:
        datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return text
    date = f"{year}-{int(month):02}-{int(day):02} {int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}"
    fraction = (fraction or "").rstrip("0").rstrip(".")
    offset = "+0000 UTC" if zone in (None, "Z") else " ".join([zone.replace(":", "")] * 2)
    return GoTime(f"{date}{fraction} {offset}")


def decode_base64(text: str) -> bytes:
    """Go's base64.StdEncoding: padding is required, and only line breaks are ignored. Raises ValueError."""
    if not _BASE64.match(text := text.replace("\r", "").replace("\n", "")):
        raise ValueError("illegal base64 data")
    import base64

    return base64.b64decode(text)


class Dialect(NamedTuple):
    """How one release of go-yaml reads a document.

    `own_keys_win`: a mapping's own keys win over `<<`, wherever that is; otherwise the later one wins.

    `checks_last_anchor`: the last value in the document with the anchor's name decides whether an alias may be merged
    (yaml.v2, decode.go, merge). What is merged is the value that the alias refers to.

    `refuses_duplicates`: a duplicate key in a mapping is an error.
    """

    resolve: Resolver
    own_keys_win: bool = False
    checks_last_anchor: bool = False
    refuses_duplicates: bool = False


YAML_V2 = Dialect(resolve_v2, checks_last_anchor=True)
"""yaml.v2 up to 2.2.2, which Tarmak uses."""

YAML_V2_LATER = Dialect(resolve_v2_later)
"""yaml.v2 2.2.3 and later: `1e3` and `1.` are floats."""

YAML_V3 = Dialect(resolve_v3, own_keys_win=True, refuses_duplicates=True)
"""yaml.v3: `yes` is a string, `2019-06-01` a time."""


_OTHER_READERS: dict[str, Resolver] = {
    "yaml.v2 from 2.2.3": resolve_v2_later,
    "yaml.v3": resolve_v3,
    "YAML 1.2": resolve_yaml_1_2,
}


def readings(scalar: Scalar) -> dict[str, Plain]:
    """What other readers read, by their names, where it is another value than that of yaml.v2 up to 2.2.2: the text if
    they reject the scalar because of its tag. Raises ScalarError if yaml.v2 does."""
    usual = resolve_v2(scalar)
    differing: dict[str, Plain] = {}
    for name, resolve in _OTHER_READERS.items():
        try:
            value = resolve(scalar)
        except ScalarError:
            value = scalar.text
        if type(value) is not type(usual) or repr(value) != repr(usual):  # not `!=`: NaN is one value
            differing[name] = value
    return differing


def python_key(key: Any, text: str | None, kinds: dict[Any, type]) -> Any:
    """The key, or its text if Python would confuse it with another key: true, 1 and 1.0 are three different keys.

    `kinds` has the types of the earlier keys; the type of this one is added.
    """
    return key if kinds.setdefault(key, type(key)) is type(key) else text
