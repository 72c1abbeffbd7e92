"""How a scalar is written: plain where every reader takes it back as the same value, else quoted."""

from __future__ import annotations

import json
import math
import re
from typing import Literal

from tarmak_iam.text import ACTED_ON, MARKER, acts_on_a_log

__all__ = ["Quote", "is_plain_safe", "json_scalar", "json_string", "quote", "scalar_text"]

Quote = Literal["single", "double"]

_WORDS = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf", "+.inf", "-.inf", ".nan"]
)
_OTHER_TYPES = re.compile(
    r"""
    [-+]?0[bB][01_]+ | [-+]?0[xX][0-9a-fA-F_]+ | [-+]?0[oO][0-7_]+      # integers with a prefix
    | [-+]?[0-9][0-9_]*                                                 # 12, 0123, 1_000, account ids
    | [-+]?(?:[0-9][0-9_]*(?:\.[0-9_]+)?|\.?[0-9_]+)\.?(?:[eE][-+]?[0-9]+)?  # 1.10, .5, 1e3
    | [-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?                    # 1.
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                  # 12:30, base 60 in YAML 1.1
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?                      # dates
    """,
    re.VERBOSE | re.ASCII,
)
_UNSAFE_START = re.compile(r"[-?:](?:\s|\Z)|[,\[\]{}#&*!|>'\"%@`\s]|---|\.\.\.")
_UNSAFE_INSIDE = re.compile(r":\s|:\Z|\s#|\s\Z|[\t\n\xa0\ufeff\ud800-\udfff\ufffe\uffff" + ACTED_ON + r"]|\{\{")
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}:?]")
_ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_YAML_ONLY = re.compile(r"[\ufeff\ufffe\uffff" + ACTED_ON + "]|" + MARKER)
_NEEDS_ESCAPE = re.compile(r'["\\\t\n\ufeff\ufffe\uffff' + ACTED_ON + "]|" + MARKER)


def is_plain_safe(text: str, *, flow: bool = False) -> bool:
    """Whether the text, unquoted, is the same string to YAML 1.1, YAML 1.2 and go-yaml.

    In a flow collection a colon counts as unsafe: libyaml before 0.2 refuses it there.
    """
    if not text or text.lower() in _WORDS or _OTHER_TYPES.fullmatch(text):
        return False
    if _UNSAFE_START.match(text) or _UNSAFE_INSIDE.search(text) or acts_on_a_log(text):
        return False
    return not (flow and _UNSAFE_IN_FLOW.search(text))


def quote(text: str, preferred: Quote = "double") -> str:
    """The text in quotes; single ones only if preferred and nothing needs an escape."""
    if preferred == "single" and not _NEEDS_ESCAPE.search(text.replace('"', "").replace("\\", "")):
        return "'" + text.replace("'", "''") + "'"
    return '"' + _NEEDS_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    number = ord(character)
    return _ESCAPES.get(character) or (f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}")


def scalar_text(value: object, *, flow: bool = False, preferred: Quote = "double") -> str:
    """A scalar on one line. Raises TypeError for what YAML has no scalar for."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        text = str.__str__(value)
        return text if is_plain_safe(text, flow=flow) else quote(text, preferred)
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    # YAML 1.1 wants a point and a sign in the exponent: 1e-07 is a string there.
    mantissa, exponent, power = repr(float(value)).partition("e")
    return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else mantissa + exponent + power


def json_string(text: str) -> str:
    """A string of strict JSON that YAML reads the same way: what it takes for a line break is escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return _YAML_ONLY.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def json_scalar(value: object) -> str:
    """A scalar of strict JSON. Raises TypeError for what JSON has no value for (NaN, infinity too)."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} cannot be written as JSON")
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, float):
        return _float_text(value)
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
