"""Who may log in by an eksctl ClusterConfig: its `iamIdentityMappings`, and its access entries of EKS
(`accessConfig.accessEntries`).

From eksctl's v1alpha5 (identitymapping.go, accessentry.go) and the EKS user guide: an entry without a username gets one
from EKS, the types of nodes get username and groups from EKS, and access policies are rights that EKS grants without
Kubernetes' RBAC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, left_out_keys, read_mapping, shown
from tarmak_iam.mappings.merging import Wanted

ARN_KEY = "principalARN"

_GROUPS_KEY = "kubernetesGroups"

_STANDARD = "STANDARD"


def read_access_entry(item: FilePart) -> Read:
    """A mapping for an entry of the type STANDARD that has a username or groups; a line for all that stays behind."""
    kind, arn = item.text("type") or _STANDARD, item.text(ARN_KEY)
    if isinstance(item.value, dict) and kind.upper() != _STANDARD:
        what = f"{shown(arn)}: EKS itself gives username and groups to access entries of the type {shown(kind)}"
        yield LeftOut(f"{what}; map the role yourself if nodes join this cluster with it", item.place)
        return
    policies = tuple(_policies(item))
    if policies and not (item.text("kubernetesUsername") or item.get(_GROUPS_KEY)):
        what = f"{shown(arn)}: its only access is by EKS access policies ({', '.join(policies)})"
        yield LeftOut(f"{what}, which exist in EKS only; map it with a group that has the rights", item.place)
        return
    yield from _access_entry_mapping(item)
    if policies:
        what = f"{shown(arn)}: the access policies {', '.join(policies)} exist in EKS only"
        yield LeftOut(f"{what}; bind the rights to its groups with RBAC", item.place)


def _access_entry_mapping(item: FilePart) -> Read:
    """The entry under the keys of a mapping; a username that EKS would make is made here."""
    also = ("type", "tags", "accessPolicies")
    for each in read_mapping(item, ARN_KEY, *also, username_key="kubernetesUsername", groups_key=_GROUPS_KEY):
        yield each if isinstance(each, LeftOut) or each.username else replace(each, username=_eks_username(each))


def _eks_username(entry: Wanted) -> str:
    """A user's ARN; of a role, the ARN of its session, without the role's path."""
    try:
        kind, _ = canonicalize(entry.principal)
        arn = parse_arn(entry.principal)
    except ArnError:
        return ""  # the entry is refused for its ARN
    if kind is not Principal.ROLE:
        return entry.principal
    return f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/{{{{SessionName}}}}"


def _policies(item: FilePart) -> Iterator[str]:
    """The names of the access policies; an association without an ARN is named by its place in the list."""
    listed = item.get("accessPolicies")
    for number, each in enumerate(listed.items if listed is not None else (), start=1):
        yield shown(each.text("policyARN").rpartition("/")[2]) or f"number {number}"


_KEY = "iamIdentityMappings"

_ENTRIES = ("accessConfig", "accessEntries")

_ALSO = ("account", "serviceName", "namespace", "noDuplicateARNs")


def reads(part: FilePart) -> bool:
    """A ClusterConfig that has one of the lists, or a list alone."""
    if isinstance(part.value, list):
        keys = ("arn", "account", "serviceName", ARN_KEY)
        return any(item.get(key) is not None for item in part.items for key in keys)
    return part.get(_KEY) is not None or part.get(*_ENTRIES) is not None


def read(part: FilePart) -> Read:
    """EKS asks its access entries first, so they come last."""
    if isinstance(part.value, list):
        for item in part.items:
            yield from read_access_entry(item) if item.get(ARN_KEY) is not None else _mapping(item)
        return
    for path, read_entry in (((_KEY,), _mapping), (_ENTRIES, read_access_entry)):
        listed = part.get(*path)
        if listed is not None and not isinstance(listed.value, list):
            yield LeftOut(f"{'.'.join(path)} is no list", listed.place)
        for item in listed.items if listed is not None else ():
            yield from read_entry(item)


def _mapping(item: FilePart) -> Read:
    service, account = item.text("serviceName"), item.get("account")
    if service:
        what = f"the service {shown(service)}: eksctl maps the service's own role in the cluster's account"
        yield LeftOut(f"{what} and binds it; map that role by its ARN", item.place)
    elif account is not None:
        yield from left_out_keys(item, "arn", "username", "groups", *_ALSO)
        if item.text("arn"):
            yield LeftOut(f"an entry has an account or an ARN, not both: {shown(item.text('arn'))}", item.place)
        elif isinstance(account.value, str):
            yield Wanted(account.value, place=account.place)
        else:
            yield LeftOut(f"the account {shown(account.raw)} must be a text, put it in quotes", account.place)
    else:
        # Without noDuplicateARNs eksctl adds one more, and the last of them counts.
        only_new = item.get("noDuplicateARNs")
        for each in read_mapping(item, "arn", *_ALSO):
            is_new = isinstance(each, Wanted) and only_new is not None and only_new.value is True
            yield replace(each, only_new=True) if is_new and isinstance(each, Wanted) else each
