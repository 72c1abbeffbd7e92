"""The keys of the authenticator's configuration, and the likely one for a key that the authenticator does not read."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.identity.backend_support import BACKEND_SPELLINGS
from tarmak_iam.identity.releases import server_keys

Struct = Mapping[str, "Struct"]
"""The keys of a mapping (or of the mappings in a list), each with its own keys; empty for a scalar."""

Schema = dict[str, Any]
"""JSON Schema (draft-07)."""


class AuthenticatorKey(NamedTuple):
    """A key in its documented spelling, as authenticator-keys.json has it. `keys` are the keys of its value, or of the
    mappings in its list; `schema` is the value's schema without them. `aliases` are names that people use instead, such
    as those of other tools, in lower case without separators. `go_name` is the field's name in the authenticator's
    source, if it is not the documented name with a capital. A key that is not `is_offered` is valid, but editors must
    not offer it."""

    name: str
    schema: Schema
    keys: tuple[AuthenticatorKey, ...]
    aliases: tuple[str, ...]
    go_name: str
    is_offered: bool


ENTRY_LISTS = ("mapRoles", "mapUsers")
LISTS = (*ENTRY_LISTS, "mapAccounts")
IDENTITIES = ("roleARN", "userARN", "sso")
"""The keys of an entry that name its principal."""
ENTRY_KEYS = (*IDENTITIES, "username", "groups", "userID")


@cache
def authenticator_keys() -> tuple[AuthenticatorKey, ...]:
    """The keys of the top level."""
    path = Path(__file__).with_name("authenticator-keys.json")
    table: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    # The releases' table determines which keys exist below `server`, and in which order.
    table["server"]["keys"] = server_keys()
    table["backendMode"]["schema"]["items"] = {"enum": list(BACKEND_SPELLINGS)}

    def key(name: str, parent: str = "") -> AuthenticatorKey:
        row = table.get(f"{parent}.{name}", table.get(name, {}))
        keys, aliases = tuple(key(below, name) for below in row.get("keys", ())), row.get("aliases", "").split()
        more = row.get("goName", ""), row.get("isOffered", True)
        return AuthenticatorKey(name, row.get("schema", {}), keys, tuple(aliases), *more)

    server = key("server")
    # viper also reads `server.mapRoles:` at the top level
    dotted = (below._replace(name=f"server.{below.name}", is_offered=False) for below in server.keys)
    return key("clusterID"), server, key("defaultRole"), *dotted


@cache
def all_keys() -> dict[str, AuthenticatorKey]:
    """The keys of all levels by name; of several with one name, the one with aliases."""
    keys, waiting = dict[str, AuthenticatorKey](), [*authenticator_keys()]
    for key in waiting:
        waiting += key.keys
        if key.aliases or key.name not in keys:
            keys[key.name] = key
    return keys


_ARN = re.compile(r"arn:[\w-]+:(?:iam|sts):[^:]*:[^:]*:(?:role|user|assumed-role|federated-user|root)\b\S*\Z")


@cache
def root_keys() -> Struct:
    return _struct(authenticator_keys())


def _struct(keys: Iterable[AuthenticatorKey]) -> Struct:
    return {key.name: _struct(key.keys) for key in keys}


def spelled(struct: Iterable[str], name: str) -> str | None:
    """The documented spelling of a key that is written in any case. viper lowers the keys and compares them then;
    mapstructure ignores case for the fields of an entry."""
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
    entries = [entry for entry in node.entries if not entry.is_merge] if isinstance(node, MappingNode) else []
    struct = root_keys()["server"][where]
    return bool(entries) and all(
        spelled(struct, entry.text or "") is None and isinstance(dereference(entry.value), MappingNode)
        for entry in entries
    )


def is_empty_value(node: Node) -> bool:
    """Whether it is null, or an empty string, list or mapping."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return node.text.strip() in ("", "~", "null", "Null", "NULL")
    return not (node.items if isinstance(node, Sequence) else node.entries if isinstance(node, MappingNode) else ())
