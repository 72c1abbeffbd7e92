"""The keys of the authenticator's configuration, and the likely one for a key that the authenticator does not read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.identity.backend_support import BACKEND_SPELLINGS
from tarmak_iam.identity.releases import server_keys
from tarmak_iam.mappings.groups import ADMINS, NODES

Struct = Mapping[str, "Struct"]
"""The keys of a mapping (or of the mappings in a list), each with its own keys; empty for a scalar."""

Schema = dict[str, Any]
"""JSON Schema (draft-07)."""


class AuthenticatorKey(NamedTuple):
    """A key in its documented spelling. `keys` are the keys of its value, or of the mappings in its list; `schema` is
    the value's schema without them.

    `aliases` are names that people use instead, such as those of other tools, in lower case without separators.
    `go_name` is the field's name in the daemon's source, if it is not the documented name with a capital. A key that is
    not `is_offered` is valid, but editors must not offer it.
    """

    name: str
    schema: Mapping[str, Any] = MappingProxyType({})
    keys: tuple[AuthenticatorKey, ...] = ()
    aliases: tuple[str, ...] = ()
    go_name: str = ""
    is_offered: bool = True


ENTRY_LISTS = ("mapRoles", "mapUsers")
LISTS = (*ENTRY_LISTS, "mapAccounts")
IDENTITIES = ("roleARN", "userARN", "sso")
"""The keys of an entry that name its principal."""
ENTRY_KEYS = (*IDENTITIES, "username", "groups", "userID")

# The daemon reads one value as a list of it, and an empty string or mapping as an empty list.
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
        "Kubernetes username of the caller. Templates such as {{SessionName}} and {{AccountID}} are replaced.",
        also="user name kubernetesuser kubernetesusername k8susername usernames",
        **_NAME,
    ),
    _key(
        "groups",
        "Kubernetes groups of the caller, as RBAC bindings name them.",
        also="group kubernetesgroups k8sgroups rbacgroups",
        **_TEXTS,
        maxLength=0,
        items={**_NAME, "examples": [ADMINS, NODES, "system:bootstrappers"]},
    ),
    _key("userID", "Unique ID of the principal. Only the backend DynamicFile uses it.", go_name="UserId"),
)
_SSO = _key(
    "sso",
    "Permission set of IAM Identity Center, instead of roleARN. Requires the feature gate SSORoleMatch.",
    (
        _key(
            "permissionSetName",
            "Name of the permission set, without prefix and suffix.",
            also="permissionset name",
            type="string",
        ),
        _key("accountID", "Account of the role, 12 digits.", also="account accountnumber", **_ACCOUNT),
        AuthenticatorKey("partition", is_offered=False),
    ),
    go_name="SSO",
    type=["object", "null"],
)
_RESERVED = (AuthenticatorKey("backendMode"), AuthenticatorKey("usernamePrefixReserveList"))
# The keys below `server`; the releases' table determines which exist, and in which order.
_SERVER = (
    _key(
        "mapRoles",
        "IAM roles that can log in.",
        (_ROLE_ARN, *_NAMES, _SSO),
        also="roles rolemappings rolemapping iamroles",
        **_LIST,
    ),
    _key(
        "mapUsers",
        "IAM users that can log in.",
        (_USER_ARN, *_NAMES),
        also="users usermappings usermapping iamusers",
        **_LIST,
    ),
    _key(
        "mapAccounts",
        "Accounts whose users and roles can all log in, without groups. 12 digits, in quotes.",
        also="accounts accountmappings autoaccounts",
        type=["array", "string", "integer", "object", "null"],
        maxProperties=0,
        items=_ACCOUNT,
    ),
    _key(
        "backendMode",
        "Backends that the mappings are read from. The manifests that tarmak-iam generates override it.",
        also="backend backends mode",
        **_TEXTS,
        items={"enum": list(BACKEND_SPELLINGS)},
    ),
    _key("scrubbedAccounts", "Accounts that are left out of the log."),
    _key("reservedPrefixConfig", "Prefixes that usernames of a backend must not begin with.", _RESERVED, **_LIST),
    _key("address", "Address that the server listens on. Tarmak's API servers connect to 127.0.0.1."),
    _key("port", "Port that the server listens on. Tarmak's API servers connect to 21362."),
    _key("partition", "The AWS partition of the callers.", examples=["aws", "aws-cn", "aws-us-gov"]),
    _key("ec2DescribeInstancesRoleARN", "Role that the server assumes to look up private DNS names of instances."),
)
_CLUSTER_ID = _key(
    "clusterID",
    "Cluster ID, <environment>-<name>. The authenticator accepts only tokens for this ID. tarmak-iam adds it where it "
    "is missing.",
    also="cluster clustername",
    type=["string", "null"],
)


@cache
def authenticator_keys() -> tuple[AuthenticatorKey, ...]:
    """The keys of the top level."""
    known = {key.name: key for key in _SERVER}
    below = tuple(known.get(name) or AuthenticatorKey(name) for name in server_keys())
    what, types = "Settings of the authenticator's server.", ["object", "null"]
    return (
        _CLUSTER_ID,
        _key("server", what, below, also="authenticator", type=types),
        AuthenticatorKey("defaultRole", is_offered=False),  # in the authenticator's own example
        # viper also reads `server.mapRoles:` at the top level
        *(key._replace(name=f"server.{key.name}", is_offered=False) for key in below),
    )


def _every(keys: Iterable[AuthenticatorKey]) -> Iterator[AuthenticatorKey]:
    for key in keys:
        yield key
        yield from _every(key.keys)


GO_NAMES = {key.name: key.go_name for key in _every(_SERVER) if key.go_name}


@cache
def aliases() -> dict[str, tuple[str, ...]]:
    """By the key's name, at any level."""
    return {key.name: key.aliases for key in _every(authenticator_keys()) if key.aliases}


_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts):[^:]*:[^:]*:(?:role|user|assumed-role|federated-user|root)\b\S*\Z")


@cache
def root_keys() -> Struct:
    return _struct(authenticator_keys())


def _struct(keys: Iterable[AuthenticatorKey]) -> Struct:
    return {key.name: _struct(key.keys) for key in keys}


def spelled(struct: Iterable[str], name: str) -> str | None:
    """The documented spelling of a key that is written in any case.

    viper lowers the keys and compares them then; mapstructure ignores case for the fields of an entry.
    """
    return _spelled(tuple(struct), name)


@lru_cache(maxsize=4096)
def _spelled(keys: tuple[str, ...], name: str) -> str | None:
    lower = to_lower(name) if is_read_by_viper(keys) else fold(to_lower(name))
    return next((known for known in keys if known.lower() == lower), None)


def is_read_by_viper(struct: Collection[str]) -> bool:
    """Whether viper looks up its keys: at the top level and below `server`."""
    return "server" in struct or "mapRoles" in struct


def arn_in(node: Node) -> str:
    """The text of a scalar that is the ARN of a principal, else an empty string."""
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
    """Whether it is null, or an empty string, list or mapping."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return node.text.strip() in ("", "~", "null", "Null", "NULL")
    return not (node.items if isinstance(node, Sequence) else node.entries if isinstance(node, MappingNode) else ())
