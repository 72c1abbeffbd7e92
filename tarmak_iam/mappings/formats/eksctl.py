"""The mappings of an eksctl ClusterConfig: its `iamIdentityMappings`, and its EKS access entries
(`accessConfig.accessEntries`).

From eksctl's v1alpha5 (identitymapping.go, accessentry.go) and the EKS user guide: EKS sets the username of an entry
without one, and username and groups of the types for nodes; access policies are permissions that EKS grants without
Kubernetes RBAC.
"""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, left_out_keys, read_mapping, shown
from tarmak_iam.mappings.merging import Wanted

ARN_KEY = "principalARN"
_GROUPS_KEY = "kubernetesGroups"
_STANDARD = "STANDARD"


def read_access_entry(item: FilePart) -> Read:
    """A mapping for an entry of the type STANDARD with a username or groups; a line for everything that is left out."""
    kind, arn = item.text("type") or _STANDARD, shown(item.text(ARN_KEY))
    if isinstance(item.value, dict) and kind.upper() != _STANDARD:
        what = f"{arn}: EKS sets the username and groups of access entries of the type {shown(kind)}"
        yield LeftOut(f"{what}; map the role with `map add` if nodes join this cluster with it", item.place)
        return
    associated = item.get("accessPolicies")
    policies = ", ".join(
        shown(policy.text("policyARN").rpartition("/")[2]) or f"number {number}"
        for number, policy in enumerate(associated.items if associated is not None else (), start=1)
    )
    if policies and not (item.text("kubernetesUsername") or item.get(_GROUPS_KEY)):
        what = f"{arn} has access only through EKS access policies ({policies})"
        yield LeftOut(f"{what}, which exist in EKS only; map it to a group that has the permissions", item.place)
        return
    also = ("type", "tags", "accessPolicies")
    for content in read_mapping(item, ARN_KEY, *also, username_key="kubernetesUsername", groups_key=_GROUPS_KEY):
        if isinstance(content, Wanted) and not content.username:
            yield replace(content, username=_eks_username(content.principal))
        else:
            yield content
    if policies:
        what = f"{arn}: the access policies {policies} exist in EKS only"
        yield LeftOut(f"{what}; grant the permissions to its groups with RBAC", item.place)


def _eks_username(principal: str) -> str:
    """That EKS would set: the ARN of a user; for a role, the ARN of its session, without the path of the role."""
    try:
        kind, _ = canonicalize(principal)
        arn = parse_arn(principal)
    except ArnError:
        return ""  # the entry is rejected for its ARN
    if kind is not Principal.ROLE:
        return principal
    return f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/{{{{SessionName}}}}"


_KEY = "iamIdentityMappings"
_ENTRIES = ("accessConfig", "accessEntries")
_ALSO = ("account", "serviceName", "namespace", "noDuplicateARNs")


def reads(part: FilePart) -> bool:
    """A ClusterConfig with one of the lists, or such a list alone."""
    if isinstance(part.value, list):
        keys = ("arn", "account", "serviceName", ARN_KEY)
        return any(item.get(key) is not None for item in part.items for key in keys)
    return part.get(_KEY) is not None or part.get(*_ENTRIES) is not None


def read(part: FilePart) -> Read:
    """EKS searches its access entries first, so they come last."""
    if isinstance(part.value, list):
        for item in part.items:
            yield from read_access_entry(item) if item.get(ARN_KEY) is not None else _mapping(item)
        return
    for path, read_entry in (((_KEY,), _mapping), (_ENTRIES, read_access_entry)):
        listed = part.get(*path)
        if listed is not None and not isinstance(listed.value, list):
            yield LeftOut(f"{'.'.join(path)} must be a list", listed.place)
        for item in listed.items if listed is not None else ():
            yield from read_entry(item)


def _mapping(item: FilePart) -> Read:
    service, account = item.text("serviceName"), item.get("account")
    if service:
        what = f"the service {shown(service)}: eksctl maps and binds the role of the service in the cluster's account"
        yield LeftOut(f"{what}; map that role by its ARN", item.place)
    elif account is not None:
        yield from left_out_keys(item, "arn", "username", "groups", *_ALSO)
        if item.text("arn"):
            yield LeftOut(f"an entry must have an account or an ARN, not both: {shown(item.text('arn'))}", item.place)
        elif isinstance(account.value, str):
            yield Wanted(account.value, place=account.place)
        else:
            yield LeftOut(f"the account {shown(account.raw)} must be a string; put it in quotes", account.place)
    else:
        # Without noDuplicateARNs eksctl adds another entry, and the last one is used.
        only_new = item.get("noDuplicateARNs")
        is_new = only_new is not None and only_new.value is True
        for content in read_mapping(item, "arn", *_ALSO):
            yield replace(content, only_new=True) if is_new and isinstance(content, Wanted) else content
