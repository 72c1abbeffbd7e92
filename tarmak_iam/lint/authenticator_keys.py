"""The keys that the authenticator's configuration has, and which of them a key that it does not read stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tarmak_iam.document.go_case import fold, to_lower
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.identity.backend_support import BACKEND_SPELLINGS
from tarmak_iam.identity.releases import server_keys
from tarmak_iam.mappings.groups import ADMINS, NODES
from tarmak_iam.suggestions import closest, spelled_otherwise

Struct = Mapping[str, "Struct"]
"""The keys of a mapping (or of the mappings in a list), each with its own keys; none for a value."""

Schema = dict[str, Any]
"""JSON Schema (draft-07)."""


@dataclass(frozen=True, slots=True)
class AuthenticatorKey:
    """A key in its documented spelling. `keys` are those of the mapping that it has, or of the mappings in its list;
    `schema` is that of its value without them.

    `aliases` is what people write who know another tool, or remember half of it, in small letters without separators.
    `go_name` is the field's name in the daemon's source, where that is not the documented one with a capital. What is
    not `is_offered` is known, but no editor is to offer it.
    """

    name: str
    schema: Schema = field(default_factory=dict, repr=False)
    keys: tuple[AuthenticatorKey, ...] = ()
    aliases: tuple[str, ...] = ()
    go_name: str = ""
    is_offered: bool = True


ENTRY_LISTS = ("mapRoles", "mapUsers")
LISTS = (*ENTRY_LISTS, "mapAccounts")
IDENTITIES = ("roleARN", "userARN", "sso")
"""The keys of an entry that say who it is about."""
ENTRY_KEYS = (*IDENTITIES, "username", "groups", "userID")

# One value stands for a list of it, and an empty text or mapping for an empty list.
_LIST: Schema = {"type": ["array", "object", "string", "null"], "maxLength": 0}
_TEXTS: Schema = {"type": ["array", "string", "object", "null"], "maxProperties": 0}
_NAME: Schema = {"type": ["string", "number"], "minLength": 1, "pattern": r"^\S(.*\S)?$"}
_ACCOUNT: Schema = {"type": ["string", "integer"], "pattern": "^[0-9]{12}$", "examples": ["111122223333"]}


def _key(
    name: str,
    description: str,
    keys: tuple[AuthenticatorKey, ...] = (),
    also: str = "",
    go_name: str = "",
    **schema: Any,
) -> AuthenticatorKey:
    return AuthenticatorKey(name, {"description": description, **schema}, keys, tuple(also.split()), go_name)


_PRINCIPAL = "^arn:[^:]+:(iam|sts)::[0-9]{12}:."
_ROLE_ARN = _key(
    "roleARN",
    "ARN of the IAM role, without its path.",
    also="arn role iamarn principalarn principal rolename roleid iamrole",
    type=["string", "null"],
    pattern=_PRINCIPAL,
    examples=["arn:aws:iam::111122223333:role/Name"],
)
_USER_ARN = _key(
    "userARN",
    "ARN of the IAM user, with its path.",
    also="arn iamarn principalarn principal user iamuser",
    type="string",
    pattern=_PRINCIPAL,
    examples=["arn:aws:iam::111122223333:user/Name"],
)
_NAMES = (
    _key(
        "username",
        "Who the caller is for Kubernetes; {{SessionName}}, {{AccountID}} and the like are replaced.",
        also="user name kubernetesuser kubernetesusername k8susername usernames",
        **_NAME,
    ),
    _key(
        "groups",
        "The caller's groups, as RBAC binds them.",
        also="group kubernetesgroups k8sgroups rbacgroups",
        **_TEXTS,
        maxLength=0,
        items={**_NAME, "examples": [ADMINS, NODES, "system:bootstrappers"]},
    ),
    _key("userID", "The principal's unique id, which only the backend DynamicFile looks at.", go_name="UserId"),
)
_SSO = _key(
    "sso",
    "A permission set of IAM Identity Center in place of roleARN; needs the gate SSORoleMatch.",
    (
        _key("permissionSetName", "Its name, without prefix and suffix.", also="permissionset name", type="string"),
        _key("accountID", "Where the role is, twelve digits.", also="account accountnumber", **_ACCOUNT),
        AuthenticatorKey("partition", is_offered=False),
    ),
    go_name="SSO",
    type=["object", "null"],
)
_RESERVED = (AuthenticatorKey("backendMode"), AuthenticatorKey("usernamePrefixReserveList"))
# Of what is below `server`; which keys are there, and in which order, the releases' table says.
_SERVER = (
    _key(
        "mapRoles",
        "The roles that may log in.",
        (_ROLE_ARN, *_NAMES, _SSO),
        also="roles rolemappings rolemapping iamroles",
        **_LIST,
    ),
    _key(
        "mapUsers",
        "The users that may log in.",
        (_USER_ARN, *_NAMES),
        also="users usermappings usermapping iamusers",
        **_LIST,
    ),
    _key(
        "mapAccounts",
        "Accounts of which everyone may log in, without groups. Twelve digits, in quotes.",
        also="accounts accountmappings autoaccounts",
        type=["array", "string", "integer", "object", "null"],
        maxProperties=0,
        items=_ACCOUNT,
    ),
    _key(
        "backendMode",
        "Where mappings are taken from; the manifests of tarmak-iam say it themselves.",
        also="backend backends mode",
        **_TEXTS,
        items={"enum": list(BACKEND_SPELLINGS)},
    ),
    _key("scrubbedAccounts", "Accounts that are left out of the log."),
    _key("reservedPrefixConfig", "What usernames of a backend must not begin with.", _RESERVED, **_LIST),
    _key("address", "Where the server listens; Tarmak's API servers ask 127.0.0.1."),
    _key("port", "Where the server listens; Tarmak's API servers ask 21362."),
    _key("partition", "The AWS partition of the callers.", examples=["aws", "aws-cn", "aws-us-gov"]),
    _key("ec2DescribeInstancesRoleARN", "Role to look up private DNS names of instances with."),
)
_CLUSTER_ID = _key(
    "clusterID",
    "The cluster's id, <environment>-<name>, without which a token is for no cluster. tarmak-iam adds it where it is "
    "missing.",
    also="cluster clustername",
    type=["string", "null"],
)


@cache
def authenticator_keys() -> tuple[AuthenticatorKey, ...]:
    """Those of the top level."""
    known = {each.name: each for each in _SERVER}
    below = tuple(known.get(name) or AuthenticatorKey(name) for name in server_keys())
    what, types = "What the authenticator's server reads.", ["object", "null"]
    return (
        _CLUSTER_ID,
        _key("server", what, below, also="authenticator", type=types),
        AuthenticatorKey("defaultRole", is_offered=False),  # in the authenticator's own example
        # viper takes `server.mapRoles:` at the top level, too
        *(replace(each, name=f"server.{each.name}", is_offered=False) for each in below),
    )


def _every(keys: Iterable[AuthenticatorKey]) -> Iterator[AuthenticatorKey]:
    for key in keys:
        yield key
        yield from _every(key.keys)


GO_NAMES = {each.name: each.go_name for each in _every(_SERVER) if each.go_name}


@cache
def _aliases() -> dict[str, tuple[str, ...]]:
    """By the key's name, wherever it is."""
    return {each.name: each.aliases for each in _every(authenticator_keys()) if each.aliases}


_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts):[^:]*:[^:]*:(?:role|user|assumed-role|federated-user|root)\b\S*\Z")


@cache
def root_keys() -> Struct:
    return _struct(authenticator_keys())


def _struct(keys: Iterable[AuthenticatorKey]) -> Struct:
    return {each.name: _struct(each.keys) for each in keys}


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
    also = [known for known in plain if bare in _aliases().get(known, ()) and _fits(known, node)]
    free = [known for known in also if known not in set(taken)]
    if also:
        return KeyGuess((free or also)[0], is_sure=True)
    close = closest(name, [known for known in plain if _fits(known, node)])
    return KeyGuess(close, is_sure=False) if close else None


def spelled_here(name: str, known: Iterable[str]) -> str | None:
    """The one of the known keys that differs in case, dashes or underscores only, or is what other tools call it."""
    keys = tuple(known)
    bare = name.replace("_", "").replace("-", "").lower()
    return spelled_otherwise(name, keys) or next((each for each in keys if bare in _aliases().get(each, ())), None)


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
