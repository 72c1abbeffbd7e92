"""Who may log in by an eksctl ClusterConfig: its `iamIdentityMappings` and its access entries.

From eksctl's v1alpha5 (identitymapping.go, accessentry.go).
"""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.identity.formats.access_entries import ARN_KEY, read_access_entry
from tarmak_iam.identity.formats.found import LeftOut, Read, read_mapping, unknown_keys
from tarmak_iam.identity.formats.source import Part, shown
from tarmak_iam.identity.merging import Wanted

__all__ = ["read", "reads"]

_KEY = "iamIdentityMappings"
_ENTRIES = ("accessConfig", "accessEntries")
_ALSO = ("account", "serviceName", "namespace", "noDuplicateARNs")


def reads(part: Part) -> bool:
    """A ClusterConfig that has one of the lists, or a list alone."""
    if isinstance(part.value, list):
        keys = ("arn", "account", "serviceName", ARN_KEY)
        return any(item.get(key) is not None for item in part.items for key in keys)
    return part.get(_KEY) is not None or part.get(*_ENTRIES) is not None


def read(part: Part) -> Read:
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


def _mapping(item: Part) -> Read:
    service, account = item.text("serviceName"), item.get("account")
    if service:
        what = f"the service {shown(service)}: eksctl maps the service's own role in the cluster's account"
        yield LeftOut(f"{what} and binds it; map that role by its ARN", item.place)
    elif account is not None:
        yield from unknown_keys(item, "arn", "username", "groups", *_ALSO)
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
