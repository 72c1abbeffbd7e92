"""Which keys the authenticator's configuration has, and which of those that are written it would not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Sequence, dereference
from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.versions import server_keys
from tarmak_iam.lint.entries import Entry
from tarmak_iam.near import closest, spelled_otherwise
from tarmak_iam.routes import Key, Route

__all__ = ["DoubledKey", "UnreadKey", "doubled_keys", "is_kubernetes_object", "is_told_as_key", "unread_keys"]

Struct = Mapping[str, "Struct"]
"""The keys of a mapping (or of the mappings in a list), each with its own keys; none for a value."""

_VALUE: Struct = {}
_NAMES: Struct = {"username": _VALUE, "groups": _VALUE, "userID": _VALUE}
_SSO: Struct = {"permissionSetName": _VALUE, "accountID": _VALUE, "partition": _VALUE}
_ROLE: Struct = {"roleARN": _VALUE, **_NAMES, "sso": _SSO}
_USER: Struct = {"userARN": _VALUE, **_NAMES}
_RESERVED: Struct = {"backendMode": _VALUE, "usernamePrefixReserveList": _VALUE}
_NESTED: Mapping[str, Struct] = {"mapRoles": _ROLE, "mapUsers": _USER, "reservedPrefixConfig": _RESERVED}

# What people write who know another tool, or remember half of it.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "roleARN": ("arn", "role", "iamarn", "principalarn", "principal", "rolename", "roleid", "iamrole"),
    "userARN": ("arn", "iamarn", "principalarn", "principal", "user", "iamuser"),
    "username": ("user", "name", "kubernetesuser", "kubernetesusername", "k8susername", "usernames"),
    "groups": ("group", "kubernetesgroups", "k8sgroups", "rbacgroups"),
    "mapRoles": ("roles", "rolemappings", "rolemapping", "iamroles"),
    "mapUsers": ("users", "usermappings", "usermapping", "iamusers"),
    "mapAccounts": ("accounts", "accountmappings", "autoaccounts"),
    "clusterID": ("cluster", "clustername"),
    "permissionSetName": ("permissionset", "name"),
    "accountID": ("account", "accountnumber"),
    "backendMode": ("backend", "backends", "mode"),
    "server": ("authenticator",),
}
_ANYTHING = "x-"
"""As in tarmak.yaml: a place for anchors and notes."""


@cache
def _root() -> Struct:
    server = {name: _NESTED.get(name, _VALUE) for name in server_keys()}
    # defaultRole: in the authenticator's own example; viper takes `server.mapRoles:` at the top level, too.
    dotted = {f"server.{name}": struct for name, struct in server.items()}
    return {"clusterID": _VALUE, "server": server, "defaultRole": _VALUE, **dotted}


@dataclass(frozen=True, slots=True)
class UnreadKey:
    """`meant` is what was probably meant, with its path where it belongs elsewhere; empty for no idea."""

    name: str
    route: Route
    where: str
    meant: str
    is_there: bool

    @property
    def is_in_entry(self) -> bool:
        return self.where not in ("", "server")


@dataclass(frozen=True, slots=True)
class DoubledKey:
    """`known` is the documented spelling, `names` are all that stand for it in this mapping. `is_field`: of an entry,
    where mapstructure finds it and not viper."""

    name: str
    route: Route
    first: Route
    first_name: str
    known: str
    names: tuple[str, ...]
    is_field: bool


def unread_keys(document: Document) -> Iterator[UnreadKey]:
    """The keys that no release of the daemon reads, in file order; below one of them nothing is looked at."""
    if document.root is not None:
        yield from _unread(document.root, _root(), Route(), "")


def is_kubernetes_object(document: Document) -> bool:
    """Whether somebody gave us a ConfigMap, or a kubeconfig, for the configuration itself."""
    root = document.root
    names = {entry.text for entry in root.entries} if isinstance(root, MappingNode) else set()
    return {"kind", "apiVersion"} <= names and "server" not in names


def is_told_as_key(entry: Entry, wanted: str) -> bool:
    """Whether the entry has what is wanted under another key, which is another finding."""
    struct = _ROLE if entry.listed.kind == "role" else _USER
    return any(_meant(str(key), struct, entry.list_key) == wanted for key in entry.item if not _has(struct, key))


def doubled_keys(document: Document) -> Iterator[DoubledKey]:
    """Keys that are there twice in one mapping; where the daemon reads them also in another case."""
    if document.root is not None:
        yield from _doubled(document.root, _root(), Route())


def _unread(node: Node, struct: Struct, route: Route, where: str) -> Iterator[UnreadKey]:
    node = dereference(node)
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _unread(item, struct, route / index, where)
        return
    for entry in node.entries if isinstance(node, MappingNode) else ():
        name = entry.text
        if name is None or entry.is_merge or name.startswith(_ANYTHING):
            continue
        own = route / Key(name, entry.occurrence)
        known = spelled(struct, name)
        if known is None:
            meant = _meant(name, struct, where)
            beside = isinstance(node, MappingNode) and any(
                each.text is not None and spelled(struct, each.text) == meant for each in node.entries
            )
            yield UnreadKey(name, own, where, meant, beside)
        elif struct[known]:
            yield from _unread(entry.value, struct[known], own, known.removeprefix("server."))


def _doubled(node: Node, struct: Struct | None, route: Route) -> Iterator[DoubledKey]:
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _doubled(item, struct, route / index)
        return
    written: dict[str, list[NodeEntry]] = {}
    for entry in node.entries if isinstance(node, MappingNode) else ():
        if entry.text is not None and not entry.is_merge:
            written.setdefault((spelled(struct, entry.text) if struct else None) or entry.text, []).append(entry)
    for known, entries in written.items():
        names, first = tuple(entry.text or "" for entry in entries), entries[0]
        for entry, name in zip(entries, names, strict=True):
            own = route / Key(name, entry.occurrence)
            if entry is not first:
                where, is_field = route / Key(names[0], first.occurrence), bool(struct) and not _is_vipers(struct or {})
                yield DoubledKey(name, own, where, names[0], known, names, is_field)
            yield from _doubled(entry.value, (struct or {}).get(known), own)


def spelled(struct: Struct, name: str) -> str | None:
    """The documented spelling of a key that is written in any case.

    viper lowers the keys, and takes those of its own as they are then; mapstructure takes what equals them without
    case for the fields of an entry.
    """
    lower = to_lower(name) if _is_vipers(struct) else fold(to_lower(name))
    return next((known for known in struct if known.lower() == lower), None)


def _is_vipers(struct: Struct) -> bool:
    """Whether its keys are those that viper looks up, as at the top level and below `server`."""
    return "server" in struct or "mapRoles" in struct


def _has(struct: Struct, key: object) -> bool:
    return isinstance(key, str) and (spelled(struct, key) is not None or key.startswith(_ANYTHING))


def _meant(name: str, struct: Struct, where: str) -> str:
    """In this place by another spelling, or in another place; empty for no idea."""
    plain = [known for known in struct if not known.startswith("server.")]
    same = spelled_otherwise(name, plain) or _also(name, plain) or closest(name, plain)
    if same:
        return same
    root = _root()
    server = root["server"]
    if where != "server" and (found := spelled_otherwise(name, server) or _also_below_server(name)):
        return f"server.{found}"
    if where and (found := spelled_otherwise(name, ("clusterID", "server"))):
        return f"{found} at the top level"
    other = {"mapRoles": ("userARN", "roleARN"), "mapUsers": ("roleARN", "userARN")}.get(where)
    if other and spelled_otherwise(name, other[:1]):
        return other[1]
    return ""


def _also(name: str, known: list[str]) -> str | None:
    bare = name.replace("_", "").replace("-", "").lower()
    return next((each for each in known if bare in _ALSO.get(each, ())), None)


def _also_below_server(name: str) -> str | None:
    return _also(name, ["mapRoles", "mapUsers", "mapAccounts", "backendMode"])
