"""The type of every field of tarmak.yaml, from Tarmak's own structs (tarmak-types.json beside this file)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

__all__ = ["ITEM", "NOT_WRITTEN", "Field", "Fields", "Kind", "TypePath", "field_at", "fields_of", "root_struct"]

ITEM = "*"
"""The step of a type path into a list's items or a map's values."""

TypePath = tuple[str, ...]
"""Where a field is, whichever item of a list it is in: `("clusters", "*", "environment")`."""

Kind = Literal[
    "string", "bool", "int", "int32", "int64", "uint8", "float64", "timestamp", "quantity", "list", "map", "struct"
]

# The scalars that Tarmak has pointers to, to tell false and 0 from nothing.
_POINTERS = (
    ("ClusterKubernetesAPIServerAmazonAccessLogs", "enabled"),
    ("ClusterKubernetesAPIServerAmazonAccessLogs", "interval"),
    ("ClusterKubernetesCalico", "typhaReplicas"),
    ("ClusterKubernetesClusterAutoscaler", "scaleDownUtilizationThreshold"),
    ("ClusterAmazon", "ebsEncrypted"),
    ("LoggingSinkElasticsearch", "tls"),
    ("OwnerReference", "controller"),
    ("OwnerReference", "blockOwnerDeletion"),
    ("ObjectMeta", "deletionGracePeriodSeconds"),
    ("ObjectMeta", "deletionTimestamp"),
    ("Volume", "size"),
)
NOT_WRITTEN = ("Initializers", "OwnerReference", "Status", "ListMeta")
"""Structs for what Kubernetes itself keeps about an object: nobody writes them by hand."""


@dataclass(frozen=True, slots=True)
class Field:
    """`of` is the type of a list's items or a map's values, `struct` the name of a struct."""

    kind: Kind
    of: Field | None = None
    struct: str = ""
    is_pointer: bool = False

    def keeps_value(self, *, is_item: bool) -> bool:
        """Whether null leaves what is there: that is so for what is no pointer in Tarmak's own structs."""
        if self.kind == "struct":
            return self.struct == "ObjectMeta" or (is_item and self.struct != "LoggingSink")
        return self.kind == "bool" and not self.is_pointer

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "int32", "int64", "uint8", "float64")

    @property
    def holds_numbers(self) -> bool:
        """Whether a plain number may stand there: a quantity takes one, too."""
        return self.is_number or self.kind == "quantity"

    @property
    def is_bytes(self) -> bool:
        """Go's []byte: base64 text in JSON."""
        return self.kind == "list" and self.of is not None and self.of.kind == "uint8"


Fields = Mapping[str, Field]
"""The fields of a struct by their JSON key."""


def root_struct() -> Field:
    """The type of a whole tarmak.yaml."""
    return _field(_table()["root"])


@cache
def fields_of(struct: str) -> Fields:
    return {
        key: replace(_field(spec), is_pointer=(struct, key) in _POINTERS)
        for key, spec in _table()["structs"][struct].items()
    }


def field_at(struct: str, path: TypePath) -> Field | None:
    """The field at a path of keys below a struct, None if Tarmak has no such field."""
    field: Field | None = Field("struct", struct=struct)
    for key in path:
        field = fields_of(field.struct).get(key) if field is not None and field.kind == "struct" else None
    return field


@cache
def _table() -> dict[str, dict[str, dict[str, object]]]:
    text = resources.files(__package__).joinpath("tarmak-types.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, dict[str, object]]] = json.loads(text)
    return table


def _field(spec: object) -> Field:
    if isinstance(spec, str):
        return Field(spec)  # type: ignore[arg-type]  # the table holds only the kinds above
    assert isinstance(spec, dict)
    ((kind, inner),) = spec.items()
    return Field("struct", struct=inner) if kind == "struct" else Field(kind, of=_field(inner))
