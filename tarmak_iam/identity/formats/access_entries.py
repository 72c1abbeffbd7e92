"""Access entries of EKS, as the list `accessConfig.accessEntries` of an eksctl ClusterConfig has them.

From eksctl's v1alpha5 (accessentry.go) and the EKS user guide: an entry without a username gets one from EKS, the types
of nodes get username and groups from EKS, and access policies are rights that EKS grants without Kubernetes' RBAC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tarmak_iam.identity.arn import ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.identity.formats.found import LeftOut, Read, read_mapping
from tarmak_iam.identity.formats.source import Part, shown
from tarmak_iam.identity.merging import Wanted

__all__ = ["ARN_KEY", "read_access_entry"]

ARN_KEY = "principalARN"
_GROUPS = "kubernetesGroups"
_STANDARD = "STANDARD"


def read_access_entry(item: Part) -> Read:
    """A mapping for an entry of the type STANDARD that has a username or groups; a line for all that stays behind."""
    kind, arn = item.text("type") or _STANDARD, item.text(ARN_KEY)
    if isinstance(item.value, dict) and kind.upper() != _STANDARD:
        what = f"{shown(arn)}: EKS itself gives username and groups to access entries of the type {shown(kind)}"
        yield LeftOut(f"{what}; map the role yourself if nodes join this cluster with it", item.place)
        return
    policies = tuple(_policies(item))
    if policies and not (item.text("kubernetesUsername") or item.get(_GROUPS)):
        what = f"{shown(arn)}: its only access is by EKS access policies ({', '.join(policies)})"
        yield LeftOut(f"{what}, which exist in EKS only; map it with a group that has the rights", item.place)
        return
    yield from _mapping(item)
    if policies:
        what = f"{shown(arn)}: the access policies {', '.join(policies)} exist in EKS only"
        yield LeftOut(f"{what}; bind the rights to its groups with RBAC", item.place)


def _mapping(item: Part) -> Read:
    """The entry under the keys of a mapping; a username that EKS would make is made here."""
    also = ("type", "tags", "accessPolicies")
    for each in read_mapping(item, ARN_KEY, *also, username_key="kubernetesUsername", groups_key=_GROUPS):
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


def _policies(item: Part) -> Iterator[str]:
    """The names of the access policies; an association without an ARN is named by its place in the list."""
    listed = item.get("accessPolicies")
    for number, each in enumerate(listed.items if listed is not None else (), start=1):
        yield shown(each.text("policyARN").rpartition("/")[2]) or f"number {number}"
