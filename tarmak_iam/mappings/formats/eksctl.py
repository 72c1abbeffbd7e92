"""The mappings of an eksctl ClusterConfig: its `iamIdentityMappings`, and its EKS access entries
(`accessConfig.accessEntries`).

From eksctl's v1alpha5 (identitymapping.go, accessentry.go) and the EKS user guide: EKS sets the username of an entry
without one, and username and groups of the types for nodes; access policies are permissions that EKS grants without
Kubernetes RBAC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tarmak_iam.mappings.access_entries import AccessEntry
from tarmak_iam.mappings.formats.access_entries import EKSCTL_LIST, PRINCIPAL, as_data, as_mapping, policy_data
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, left_out_keys, read_mapping, shown
from tarmak_iam.mappings.merging import Wanted

_KEY = "iamIdentityMappings"
_ALSO = ("account", "serviceName", "namespace", "noDuplicateARNs")


def reads(part: FilePart) -> bool:
    """A ClusterConfig with one of the lists, or such a list alone."""
    if isinstance(part.value, list):
        keys = ("arn", "account", "serviceName", PRINCIPAL)
        return any(item.get(key) is not None for item in part.items for key in keys)
    return part.get(_KEY) is not None or part.get(*EKSCTL_LIST) is not None


def read(part: FilePart) -> Read:
    """EKS searches its access entries first, so they come last."""
    if isinstance(part.value, list):
        for item in part.items:
            yield from as_mapping(item) if item.get(PRINCIPAL) is not None else _mapping(item)
        return
    for path, read_entry in (((_KEY,), _mapping), (EKSCTL_LIST, as_mapping)):
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


_KEYS = {"principalArn": "principalARN", "username": "kubernetesUsername", "policyArn": "policyARN"}


def write(entries: Iterable[AccessEntry], cluster_name: str, region: str) -> dict[str, Any]:
    """A ClusterConfig for `eksctl create accessentry -f`. Keys as in pkg/apis/eksctl.io/v1alpha5/access_entry.go."""

    def spelled(data: dict[str, Any]) -> dict[str, Any]:
        return {_KEYS.get(key, key): value for key, value in data.items()}

    items = []
    for entry in entries:
        policies = [spelled(policy_data(policy)) for policy in entry.policies]
        items.append({**spelled(as_data(entry)), **({"accessPolicies": policies} if policies else {})})
    metadata = {"name": cluster_name, **({"region": region} if region else {})}
    head = {"apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig", "metadata": metadata}
    return {**head, EKSCTL_LIST[0]: {EKSCTL_LIST[1]: items}}
