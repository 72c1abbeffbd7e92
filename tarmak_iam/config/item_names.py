"""How the items of tarmak.yaml's lists are named: clusters, pools and providers by `metadata.name`, labels by `key`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from tarmak_iam.config.key_paths import IndexStep, NameStep
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import ScalarError, resolve_v2

Keys = tuple[str, ...]

_NAMES: tuple[Keys, ...] = (("metadata", "name"), ("name",), ("identifier",), ("key",))

# A pool without a name is named after its type (SetDefaults_InstancePool), and a subnet is the one of its zone.
_MORE: dict[str, Keys] = {"InstancePool": ("type",), "Subnet": ("zone",)}


@cache
def naming_keys(struct: str) -> tuple[Keys, ...]:
    """The paths whose values name an item; the first that an item has counts. Empty for structs without names."""
    fields = {keys: Field("struct", struct=struct).below(*keys) for keys in _NAMES}
    naming = tuple(keys for keys, field in fields.items() if field is not None and field.kind == "string")
    return (*naming, _MORE[struct]) if struct in _MORE else naming


def names_of(item: Node, field: Field | None) -> tuple[str, ...]:
    """The names that an item of a list has; `field` is the type of the items. A cluster has two: `blue` and
    `prod-blue`. The name of a plain value is the value itself."""
    node = dereference(item)
    if isinstance(node, Scalar):
        return () if is_null(node) else tuple(scalar_texts(node))
    for keys in naming_keys(field.struct) if field is not None and field.kind == "struct" else _NAMES:
        name = next(iter(texts_at(node, keys)), "")
        if name:
            is_cluster = field is not None and field.struct == "Cluster"
            environment = next(iter(texts_at(node, ("environment",))), "") if is_cluster else ""
            return (name, f"{environment}-{name}") if environment else (name,)
    return ()


def item_steps(items: Iterable[Node], of: Field | None) -> list[NameStep | IndexStep]:
    """The step of a path to each item of a list: its name, or its index if it has none, or another one has it too."""
    names = [names_of(item, of)[-1:] for item in items]
    return [
        NameStep(name[0]) if name and names.count(name) == 1 else IndexStep(index) for index, name in enumerate(names)
    ]


def texts_at(node: Node, keys: Keys) -> tuple[str, ...]:
    """The texts of the scalar at a path of keys, as `scalar_texts`; none if it is null."""
    scalar = node_at(node, keys)
    return tuple(scalar_texts(scalar)) if isinstance(scalar, Scalar) and not is_null(scalar) else ()


def node_at(node: Node, keys: Keys) -> Node | None:
    """The node at a path of keys, through aliases and merge keys."""
    for key in keys:
        mapping = dereference(node)
        entry = mapping.effective(key) if isinstance(mapping, Mapping) else None
        if entry is None:
            return None
        node = entry.value
    return dereference(node)


def scalar_texts(node: Scalar) -> Iterator[str]:
    """The text of a scalar, and that of its value if it differs: `on` is also `true`."""
    yield node.text
    try:
        value = resolve_v2(node)
    except ScalarError:
        return
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif not isinstance(value, str):
        yield str(value)


def is_null(node: Node | None) -> bool:
    node = None if node is None else dereference(node)
    if not isinstance(node, Scalar):
        return node is None
    try:
        return resolve_v2(node) is None
    except ScalarError:
        return False


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none for any other node."""
    node = None if node is None else dereference(node)
    return node.items if isinstance(node, Sequence) else ()
