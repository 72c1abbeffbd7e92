"""The type of every field of tarmak.yaml, from Tarmak's own structs, and the scalars that each type accepts.

tarmak-types.json has the types; the scalars that are pointers in Go, so that false and 0 differ from a missing value;
the keys that are written even if they are empty, because their tags lack omitempty or, three of them, misspell it; the
defaults of a struct, in Tarmak's order, each with whether it also replaces an empty string or 0, as it does where the
field is not a pointer; the only texts that work in some fields; other words that people write for a key; and the names
of types, with a remedy for each.

Tarmak converts YAML to JSON first (ghodss/yaml), so the JSON form of a scalar is what it reads: 5.0 is written as 5 and
is accepted for an int; a number or boolean is never accepted for a string, nor the other way round.
Sources: json-iterator's codecs, apimachinery's Time and Quantity, Go's time.Parse; SetDefaults_* in
pkg/apis/cluster/v1alpha1/defaults.go and pkg/apis/tarmak/v1alpha1/defaults.go.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tarmak_iam.document.scalars import decode_base64

if TYPE_CHECKING:
    from fractions import Fraction

ITEM = "*"
"""The step of a type path to the items of a list or the values of a map."""

TypePath = tuple[str, ...]
"""The path of a field, in any item of a list: `("clusters", "*", "environment")`."""


def type_path(path: Iterable[str | int]) -> TypePath:
    """The type path of a path of keys and indices."""
    return tuple(ITEM if isinstance(step, int) else step for step in path)


Kind = Literal[
    "string", "bool", "int", "int32", "int64", "uint8", "float64", "timestamp", "quantity", "list", "map", "struct"
]

NOT_WRITTEN = ("Initializers", "OwnerReference", "Status", "ListMeta")
"""Structs for data that Kubernetes itself keeps about an object: they are never written by hand."""

_TABLE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("tarmak-types.json").read_bytes())
DEFAULTS: Mapping[str, list[tuple[str, Any, bool]]] = _TABLE["defaults"]
OTHER_WORDS: Mapping[str, str] = _TABLE["otherWords"]
REMEDIES: Mapping[str, str] = _TABLE["remedies"]
CHOICES: Mapping[str, list[Any]] = _TABLE["choices"]
"""By struct and key, as in `Volume.type`: the only values that work. Where they are not required, "" is the default."""

INTERVALS: list[int] = CHOICES["ClusterKubernetesAPIServerAmazonAccessLogs.interval"]
"""The minutes between two files of access logs that Tarmak accepts."""


class ScalarTypeError(ValueError):
    """A scalar that the field does not accept; str() says what the field requires."""


class Field(NamedTuple):
    """`of` is the type of the items of a list or the values of a map, `struct` the name of a struct. `is_always`: it is
    written even if it is empty. `choices`: the only values that work; empty if there are others."""

    kind: Kind
    of: Field | None = None
    struct: str = ""
    is_pointer: bool = False
    is_always: bool = False
    choices: tuple[Any, ...] = ()

    def keeps_value(self, *, is_item: bool) -> bool:
        """Whether null leaves the old value: this is the case for fields that are not pointers in Tarmak's structs."""
        if self.kind == "struct":
            return self.struct == "ObjectMeta" or (is_item and self.struct != "LoggingSink")
        return self.kind == "bool" and not self.is_pointer

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a struct by their JSON keys; none for any other type."""
        return _fields_of(self.struct) if self.kind == "struct" else {}

    def below(self, *steps: str | int) -> Field | None:
        """The type of what is at keys and items below; None for a key that Tarmak does not have."""
        field: Field | None = self
        for step in steps:
            if field is None or field.is_scalar:
                return None
            field = field.of if field.of is not None else field.fields.get(str(step))
        return field

    @property
    def name(self) -> str:
        """The type in words, as in `a whole number`."""
        return str(_TABLE["names"].get(self.kind, "a whole number"))

    @property
    def is_scalar(self) -> bool:
        return self.kind not in ("list", "map", "struct")

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "int32", "int64", "uint8", "float64")

    @property
    def holds_numbers(self) -> bool:
        """Whether it accepts a plain number: a quantity does too."""
        return self.is_number or self.kind == "quantity"

    @property
    def is_bytes(self) -> bool:
        """Whether it is Go's []byte: a base64 string in JSON."""
        return self.kind == "list" and self.of is not None and self.of.kind == "uint8"

    def accepts(self, value: Any, *, is_json: bool = False) -> bool:
        """Whether Tarmak reads a plain scalar, which is not null, in this field."""
        try:
            self.read(value, is_json=is_json)
        except ScalarTypeError:
            return False
        return True

    def read(self, value: Any, *, is_json: bool = False) -> Any:
        """A plain scalar, which is not null, as Tarmak stores it. Raises ScalarTypeError."""
        if self.kind in ("string", "bool") or self.is_bytes:
            if type(value) is not (bool if self.kind == "bool" else str):
                raise ScalarTypeError("a boolean" if self.kind == "bool" else "a string")
            if self.is_bytes:
                try:
                    decode_base64(str(value))
                except ValueError:
                    raise ScalarTypeError("a base64 string") from None
            return value
        if self.kind == "float64":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ScalarTypeError("a number")
            return float(value)
        if self.kind in ("timestamp", "quantity"):
            return _timestamp(value) if self.kind == "timestamp" else _quantity(value)
        return _integer(self.kind, value, is_json=is_json)


@cache
def root_field() -> Field:
    """The type of a whole tarmak.yaml."""
    return _field(_TABLE["root"])


CLUSTER_FIELD = Field("struct", struct="Cluster")


def default_of(struct: str, key: str, field: Field) -> Any:
    """What Tarmak uses in a struct where the key is not set, if that does not depend on other keys; None if it does."""
    for outer, defaults in DEFAULTS.items():
        for path, default, _ in defaults:
            *above, last = path.split(".")
            home = Field("struct", struct=outer).below(*above)
            if home is not None and (home.struct, last) == (struct, key):
                return default
    return {"bool": False, "list": [], "map": {}, "string": ""}.get(field.kind, None if field.kind == "struct" else 0)


@cache
def _fields_of(struct: str) -> dict[str, Field]:
    pointers, always = (_TABLE[name].get(struct, ()) for name in ("pointers", "alwaysWritten"))
    fields = {}
    for key, spec in _TABLE["structs"][struct].items():
        choices = tuple(CHOICES.get(f"{struct}.{key}", ()))
        fields[key] = _field(spec)._replace(is_pointer=key in pointers, is_always=key in always, choices=choices)
    return fields


def _field(spec: Any) -> Field:
    if isinstance(spec, str):
        return Field(spec)  # type: ignore[arg-type]  # the table holds only the kinds above
    ((kind, inner),) = spec.items()
    return Field("struct", struct=inner) if kind == "struct" else Field(kind, of=_field(inner))


RFC3339 = r"(?a)(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)([.,]\d+)?(?:Z|[-+](\d\d):(\d\d))\Z"

# 1.G and .5 are valid, and a sign alone is 0: the parser of Quantity accepts them.
QUANTITY = r"[-+]?(?P<digits>[0-9]*(?:\.[0-9]*)?)(?P<suffix>(?:[numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?)\Z"
BINARY_SUFFIXES = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def _integer(kind: str, value: Any, *, is_json: bool) -> int:
    # Go writes a float64 without exponent below 1e21, and 60.0 as 60; strict JSON keeps what was written.
    if kind == "uint8" and isinstance(value, float) and math.copysign(1, value) < 0:
        raise ScalarTypeError("a whole number from 0 to 255")  # -0 has a sign
    if isinstance(value, float) and not is_json and value.is_integer() and abs(value) < 1e21:
        from decimal import Decimal

        value = int(Decimal(repr(value)))  # from the digits as written, not from the float
    if type(value) is not int:
        raise ScalarTypeError("a whole number")
    bits = {"int32": 31, "uint8": 8}.get(kind, 63)
    low, high = 0 if kind == "uint8" else -(2**bits), 2**bits - 1
    if not low <= value <= high:
        raise ScalarTypeError(f"a whole number from {low} to {high}")
    return value


def _timestamp(value: Any) -> str:
    match = re.match(RFC3339, value) if isinstance(value, str) else None
    if match:
        year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
        zone = [int(group or 0) for group in match.groups()[7:]]
        in_range = 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60 and zone[0] <= 24 and zone[1] <= 60
        from calendar import monthrange

        # Go has a year 0, which is a leap year as 2000 is.
        if in_range and 1 <= day <= monthrange(year or 2000, month)[1]:
            return str(value)
    raise ScalarTypeError("a time such as 2019-05-21T09:14:02Z")


def _quantity(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else repr(value)
    is_of_type = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    match = re.match(QUANTITY, text) if is_of_type and text else None
    if match and not match["digits"].strip("."):  # it is 0, but not with a suffix beyond the scale of 0
        suffix = match["suffix"]
        exponent = int(suffix[1:]) if suffix[:1] in "eE" and suffix[1:].lstrip("+-").isdecimal() else 0
        match = None if suffix in ("Pi", "Ei") or exponent < -9 else match
    if not match:
        raise ScalarTypeError("a quantity such as 16Gi")
    return text


_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_MOST_EXPONENT = 1000
"""Beyond the precision of Tarmak in any case."""


def quantity_size(text: str) -> Fraction:
    """The size of a quantity that a field accepts, without its sign."""
    from fractions import Fraction

    match = re.match(QUANTITY, text)
    assert match is not None
    whole, _, fraction = match["digits"].partition(".")
    suffix = match["suffix"]
    if suffix in BINARY_SUFFIXES:
        scale = Fraction(1024) ** (BINARY_SUFFIXES.index(suffix) + 1)
    else:
        exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
        scale = Fraction(10) ** max(-_MOST_EXPONENT, min(exponent, _MOST_EXPONENT))
    return Fraction(int(f"{whole}{fraction}" or "0"), 10 ** len(fraction)) * scale


def is_cidr(text: str) -> bool:
    """As Go's net.ParseCIDR: an address without a zone, and a mask in digits."""
    import ipaddress

    address, _, mask = text.partition("/")
    if "%" in address or not re.match(r"[0-9]+\Z", mask):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return int(mask[-4:]) <= parsed.max_prefixlen and not mask[:-4].strip("0")
