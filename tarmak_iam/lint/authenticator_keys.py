"""The keys that the authenticator's configuration has, and which of them a key that it does not read stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from tarmak_iam.document.go_case import fold, to_lower
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.identity.releases import server_keys
from tarmak_iam.suggestions import closest, spelled_otherwise

Struct = Mapping[str, "Struct"]
"""The keys of a mapping (or of the mappings in a list), each with its own keys; none for a value."""

_VALUE: Struct = {}
_NAMES: Struct = {"username": _VALUE, "groups": _VALUE, "userID": _VALUE}
_SSO: Struct = {"permissionSetName": _VALUE, "accountID": _VALUE, "partition": _VALUE}
_ROLE: Struct = {"roleARN": _VALUE, **_NAMES, "sso": _SSO}
_USER: Struct = {"userARN": _VALUE, **_NAMES}
_RESERVED: Struct = {"backendMode": _VALUE, "usernamePrefixReserveList": _VALUE}
_NESTED: Mapping[str, Struct] = {"mapRoles": _ROLE, "mapUsers": _USER, "reservedPrefixConfig": _RESERVED}

ENTRY_LISTS = ("mapRoles", "mapUsers")
LISTS = (*ENTRY_LISTS, "mapAccounts")
IDENTITIES = ("roleARN", "userARN", "sso")
"""The keys of an entry that say who it is about."""
ENTRY_KEYS = ("roleARN", "userARN", "sso", "username", "groups", "userID")

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
_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts):[^:]*:[^:]*:(?:role|user|assumed-role|federated-user|root)\b\S*\Z")


@cache
def root_keys() -> Struct:
    server = {name: _NESTED.get(name, _VALUE) for name in server_keys()}
    # defaultRole: in the authenticator's own example; viper takes `server.mapRoles:` at the top level, too.
    dotted = {f"server.{name}": struct for name, struct in server.items()}
    return {"clusterID": _VALUE, "server": server, "defaultRole": _VALUE, **dotted}


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """`key` in its documented spelling."""

    key: str
    is_sure: bool


def spelled(struct: Struct, name: str) -> str | None:
    """The documented spelling of a key that is written in any case.

    viper lowers the keys, and takes those of its own as they are then; mapstructure takes what equals them without
    case for the fields of an entry.
    """
    lower = to_lower(name) if is_read_by_viper(struct) else fold(to_lower(name))
    return next((known for known in struct if known.lower() == lower), None)


def is_read_by_viper(struct: Struct) -> bool:
    """Whether its keys are those that viper looks up, as at the top level and below `server`."""
    return "server" in struct or "mapRoles" in struct


def same_place(name: str, node: Node, struct: Struct, taken: Iterable[str] = ()) -> KeyGuess | None:
    """The key of the same mapping that is probably meant; `node` is the value, `taken` are the keys that are there."""
    plain = [known for known in struct if not known.startswith("server.")]
    exact = spelled_otherwise(name, plain)
    if exact:
        return KeyGuess(exact, is_sure=True)
    bare = name.replace("_", "").replace("-", "").lower()
    also = [known for known in plain if bare in _ALSO.get(known, ()) and _fits(known, node)]
    free = [known for known in also if known not in set(taken)]
    if also:
        return KeyGuess((free or also)[0], is_sure=True)
    close = closest(name, [known for known in plain if _fits(known, node)])
    return KeyGuess(close, is_sure=False) if close else None


def spelled_here(name: str, known: Iterable[str]) -> str | None:
    """The one of the known keys that differs in case, dashes or underscores only, or is what other tools call it."""
    keys = tuple(known)
    bare = name.replace("_", "").replace("-", "").lower()
    return spelled_otherwise(name, keys) or next((each for each in keys if bare in _ALSO.get(each, ())), None)


def _fits(known: str, node: Node) -> bool:
    """Whether a value can be that of the key: an ARN names somebody, and a list is no name."""
    node = dereference(node)
    if known in ("username", "userID"):
        return isinstance(node, Scalar) and not arn_in(node)
    if known == "groups":
        return not isinstance(node, MappingNode) and not arn_in(node)
    if known in ("roleARN", "userARN"):
        return isinstance(node, Scalar) or (isinstance(node, Sequence) and all(map(arn_in, node.items)))
    return True


def arn_in(node: Node) -> str:
    """The ARN of a principal that a scalar is, else nothing."""
    node = dereference(node)
    return node.text if isinstance(node, Scalar) and _ARN.match(node.text) else ""


def is_by_name(node: Node, where: str) -> bool:
    """Whether a list of entries is written as a mapping whose keys are names or ARNs."""
    entries = [each for each in node.entries if not each.is_merge] if isinstance(node, MappingNode) else []
    struct = root_keys()["server"][where]
    return bool(entries) and all(
        spelled(struct, each.text or "") is None and isinstance(dereference(each.value), MappingNode)
        for each in entries
    )


def is_empty_value(node: Node) -> bool:
    """Null, and a text, list or mapping without anything in it."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return node.text.strip() in ("", "~", "null", "Null", "NULL")
    return not (node.items if isinstance(node, Sequence) else node.entries if isinstance(node, MappingNode) else ())
