"""EKS access entries as data: the JSON of tarmak-iam, of `aws eks describe-access-entry` and
`aws eks list-associated-access-policies`, and the list of an eksctl ClusterConfig, whose keys have other names.

Our JSON is an object with the list `accessEntries`, whose items have the keys of the API of EKS, and in addition
`accessPolicies` as AWS::EKS::AccessEntry of CloudFormation has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.mappings.access_entries import (
    CLUSTER_ADMIN,
    NODE_NAMES,
    STANDARD,
    AccessEntry,
    PolicyAssociation,
    eks_username,
)
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, read_mapping, shown
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.merging import Wanted

PRINCIPAL = "principalArn"
"""Keys match ignoring case, so this is also eksctl's principalARN."""
_LIST, _ONE, _ASSOCIATED, _POLICIES = "accessEntries", "accessEntry", "associatedAccessPolicies", "accessPolicies"
_OF_EKS = ("clusterName", "accessEntryArn", "createdAt", "modifiedAt", "tags", "type", _POLICIES)
EKSCTL_LIST = ("accessConfig", _LIST)


def reads(part: FilePart) -> bool:
    """Our JSON, or objects that the AWS CLI prints, alone or in a list."""
    if isinstance(part.value, list):
        return any(map(reads, part.items))
    return any(part.get(key) is not None for key in (_LIST, _ONE, _ASSOCIATED))


def read(part: FilePart) -> Read:
    """The mappings that give the access of the entries."""
    entries, apart = _merged(_each(part))
    for item in entries:
        yield from as_mapping(item)
    for policies in apart:
        admin = shown(policies.text(PRINCIPAL)) if CLUSTER_ADMIN in str(policies.value) else ""
        what = f"the access policies of {shown(policies.text(PRINCIPAL))} are not in one list with its access entry"
        yield LeftOut(f"{what}; combine the objects, for example with `jq -s .`", policies.place, admin)


def read_entries(data: bytes | str, filename: str) -> tuple[tuple[AccessEntry, ...], tuple[LeftOut, ...]]:
    """The entries of a file in any of the formats, one for each principal, and what of the file is left out. Raises
    ParseError, and ConfigError if the file has no access entries."""
    entries: dict[str, AccessEntry] = {}
    left_out: list[LeftOut] = []
    objects: list[FilePart] = []
    for document in Document.parse_all(data, filename):
        part = FilePart(document.data, document)
        objects += _each(part)
        if part.get("iamIdentityMappings") is not None:
            left_out.append(LeftOut("iamIdentityMappings are not access entries", part.place))
    items, apart = _merged(objects)
    for policies in apart:
        principal = shown(policies.text(PRINCIPAL))
        what = f"the access policies of {principal}, which has no access entry in the file"
        left_out.append(LeftOut(what if principal else f"access policies without {PRINCIPAL}", policies.place))
    if not items:
        remedy = "specify JSON of `map convert --to access-entries` or of the AWS CLI, or eksctl's config file"
        raise ConfigError("no access entries found", remedy=remedy, place=Place(filename))
    for entry in (entry for item in items for entry in _entries(item)):
        if isinstance(entry, LeftOut):
            left_out.append(entry)
        elif entry.type not in (STANDARD, *NODE_NAMES):
            what = f"{shown(entry.principal)}: it is not documented which username or groups EKS sets for the type"
            left_out.append(LeftOut(f"{what} {shown(entry.type)}", entry.place))
        elif entry.key in entries:
            what = f"{shown(entry.principal)} has an entry already, and EKS accepts only one"
            left_out.append(LeftOut(what, entry.place))
        else:
            entries[entry.key] = entry
    return tuple(entries.values()), tuple(left_out)


def _merged(objects: Iterable[FilePart]) -> tuple[list[FilePart], list[FilePart]]:
    """The entries of objects, each with its policies, which the AWS CLI prints as an object of their own; and the
    policies without an entry."""
    objects, entries, apart = list(objects), list[FilePart](), list[FilePart]()
    for item in objects:
        found = [part for path in ((_LIST,), (_ONE,), EKSCTL_LIST) if (part := item.get(*path)) is not None]
        for part in found:
            entries += _each(part)
        is_entry = item.get(PRINCIPAL) is not None or item.route.steps  # each item of a list is one
        entries += [item] if is_entry and not found and item.get(_ASSOCIATED) is None else []
    for item in objects:
        policies, principal = item.get(_ASSOCIATED), item.text(PRINCIPAL)
        if policies is None:
            continue
        numbers = [number for number, entry in enumerate(entries) if principal and entry.text(PRINCIPAL) == principal]
        apart += [item] if policies.value and not numbers else []
        for number in numbers:
            entry = entries[number]
            parts = (*_each(entry.get(_POLICIES)), *_each(policies))
            entries[number] = replace(entry, value={**entry.value, _POLICIES: [part.value for part in parts]})
    return entries, apart


def _each(part: FilePart | None) -> Iterable[FilePart]:
    """The items of a list. Another value counts as its only item: it is read, or left out with a line."""
    return () if part is None else part.items if isinstance(part.value, list) else (part,)


def _type(item: FilePart) -> str:
    kind = item.get("type")
    return STANDARD if kind is None else str(kind.value).upper()


def _keys(item: FilePart) -> tuple[str, str]:
    """The spelling of the keys of principal and username in messages: that of the file."""
    is_eksctl = item.get("username") is None
    return ("principalARN", "kubernetesUsername") if is_eksctl else (PRINCIPAL, "username")


def _entries(item: FilePart) -> Iterator[AccessEntry | LeftOut]:
    arn_key, username_key = _keys(item)
    also = (*_OF_EKS, _ASSOCIATED)
    for content in read_mapping(item, arn_key, *also, username_key=username_key, groups_key="kubernetesGroups"):
        if isinstance(content, LeftOut):
            yield content
            continue
        policies = list[PolicyAssociation]()
        for policy in _each(item.get(_POLICIES)):
            read_policy = _policy(policy)
            if isinstance(read_policy, LeftOut):
                yield read_policy
            else:
                policies.append(read_policy)
        names = content.username or "", content.groups or ()
        yield AccessEntry(content.principal, *names, tuple(policies), _type(item), item.place)


def _policy(part: FilePart) -> PolicyAssociation | LeftOut:
    """A scope that cannot be read grants nothing."""
    arn, scope = part.text("policyArn"), part.text("accessScope", "type").lower()
    namespaces = tuple(item.value for item in _each(part.get("accessScope", "namespaces")))
    is_text = all(isinstance(namespace, str) for namespace in namespaces)
    if not arn or not is_text or scope not in ("cluster", "namespace") or (scope == "namespace") != bool(namespaces):
        what = "an access policy needs policyArn and accessScope: the type cluster, or the type namespace and a list"
        return LeftOut(f"{what} of namespaces", part.place)
    return PolicyAssociation(arn, namespaces)


def as_mapping(item: FilePart) -> Read:
    """A mapping for an entry of the type STANDARD with a username, groups or the policy of cluster admins; a line for
    everything that is left out."""
    kind, arn = _type(item), shown(item.text(PRINCIPAL))
    if isinstance(item.value, dict) and kind != STANDARD:
        what = f"{arn}: EKS sets the username and groups of access entries of the type {shown(kind)}"
        yield LeftOut(f"{what}; map the role with `map add` if nodes join this cluster with it", item.place)
        return
    for entry in _entries(item):
        if isinstance(entry, LeftOut):
            yield entry
            continue
        others = ", ".join(shown(policy.name) for policy in entry.policies if not policy.is_cluster_admin)
        is_admin = any(policy.is_cluster_admin for policy in entry.policies)
        if others and not (entry.username or entry.groups or is_admin):
            what = f"{arn} has access only through EKS access policies ({others})"
            yield LeftOut(f"{what}, which exist in EKS only; map it to a group that has the permissions", item.place)
            continue
        groups = (*((ADMINS,) if is_admin else ()), *entry.groups)
        yield Wanted(entry.principal, entry.username or eks_username(entry.principal), groups, place=item.place)
        if others:
            what = f"{arn}: the access policies {others} exist in EKS only"
            yield LeftOut(f"{what}; grant the permissions to its groups with RBAC", item.place)


def as_data(entry: AccessEntry) -> dict[str, Any]:
    """An entry with the keys of the API; without those that EKS sets."""
    written: dict[str, Any] = {PRINCIPAL: entry.principal, "type": entry.type}
    if entry.type == STANDARD:
        written["username"] = entry.username
    if entry.groups:
        written["kubernetesGroups"] = [*entry.groups]
    return written


def policy_data(policy: PolicyAssociation) -> dict[str, Any]:
    namespaces = {"namespaces": [*policy.namespaces]} if policy.namespaces else {}
    scope = {"type": "namespace" if namespaces else "cluster", **namespaces}
    return {"policyArn": policy.policy, "accessScope": scope}


def write(entries: Iterable[AccessEntry]) -> list[dict[str, Any]]:
    """The list `accessEntries` of our JSON."""
    items = []
    for entry in entries:
        policies = {"accessPolicies": list(map(policy_data, entry.policies))} if entry.policies else {}
        items.append({**as_data(entry), **policies})
    return items
