"""Privileges, and the permissions that lead to more; escalations.json has those of every cluster, with sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.emit.artifact import NAME, NAMESPACE
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.text import TextEnum


class Privilege(TextEnum):
    """The highest privilege of a username with its groups, from the highest to the lowest."""

    ADMIN = "admin"
    """All permissions in the cluster: system:masters, a binding of such a role for the whole cluster, or
    permission to write the IAM mappings or to run code where the authenticator runs."""
    NODE = "node"
    """The identity of a node, with the permissions that the Node authorizer grants to it."""
    ELEVATED = "elevated"
    """A permission that leads to more (see `escalations`). It comes from a binding, so it is known only if the
    cluster was queried, or for usernames that Kubernetes itself binds."""
    NONE = "none"
    """None of these is known."""

    @property
    def rank(self) -> int:
        return list(Privilege).index(self)


class Escalation(NamedTuple):
    """A row of escalations.json, which explains the columns."""

    name: str
    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    groups: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    privilege: Privilege = Privilege.ELEVATED
    is_cluster_scoped: bool = False
    only_in: str = ""
    in_kube_system: Privilege = Privilege.NONE
    as_accounts: bool = False
    also: Escalation | None = None


class ClusterFacts(NamedTuple):
    """Facts about a cluster that decide which permissions are escalations there. `backends`: None if they are not
    known. `config_maps`: those with the authenticator's configuration. `has_signers`: whether an approver needs
    `approve` on `signers`, which Kubernetes requires in 1.18 and later (admission plugin CertificateApproval)."""

    backends: tuple[str, ...] | None = None
    config_maps: tuple[str, ...] = (NAME,)
    has_signers: bool = True


def _row(row: dict[str, Any], privilege: Privilege = Privilege.ELEVATED) -> Escalation:
    return Escalation(
        row["name"],
        tuple(row["verbs"].split()),
        tuple(row["resources"].split()),
        tuple(row.get("groups", "").split()) or ("",),
        tuple(row.get("names", ())),
        Privilege(row.get("privilege", privilege)),
        row.get("scope") == "cluster",
        row.get("onlyIn", ""),
        Privilege(row.get("inKubeSystem", "none")),
        row.get("asAccounts", False),
        _row(row["also"]) if "also" in row else None,
    )


_CONTENT = json.loads(Path(__file__).with_name("escalations.json").read_bytes())
_ESCALATIONS = tuple(map(_row, _CONTENT["escalations"]))
_NOTES = tuple(_row(row, Privilege.NONE) for row in _CONTENT["notes"])
CLUSTER_SCOPED = frozenset(
    {(group, name) for group, names in _CONTENT["clusterScoped"].items() for name in names.split()}
    | {(objects.group, objects.resource) for objects in ENTRY_OBJECTS.values() if not objects.names}
)
"""API groups and resources without namespaces, which a RoleBinding cannot grant."""


def escalations(facts: ClusterFacts) -> Iterator[Escalation]:
    """All escalations of a cluster, the most dangerous first."""
    # A subject that can write the mappings can map itself to system:masters. The authenticator finds an
    # IAMIdentityMapping by its status (upstream's pkg/mapper/crd/controller), so writing the status is sufficient.
    writes = Escalation("writes the IAM mappings", ("create", "update", "patch"), ("configmaps",))
    writes = writes._replace(privilege=Privilege.ADMIN)
    maps = facts.config_maps
    for backend, objects in ENTRY_OBJECTS.items():
        if facts.backends is None or backend.name in facts.backends:
            maps += objects.names
            if not objects.names:
                yield writes._replace(resources=objects.resources, groups=(objects.group,), is_cluster_scoped=True)
    yield writes._replace(names=maps, only_in=NAMESPACE)
    for row in _ESCALATIONS:
        is_needed = facts.has_signers or row.also is None or row.also.resources != ("signers",)
        yield row if is_needed else row._replace(also=None)
    deletes = Escalation("deletes the IAM mappings", ("delete", "deletecollection"), ("configmaps",))
    deletes = deletes._replace(privilege=Privilege.NONE)
    for objects in ENTRY_OBJECTS.values():
        if not objects.names:
            yield deletes._replace(resources=(objects.resource,), groups=(objects.group,), is_cluster_scoped=True)
    names = (NAME, *(name for objects in ENTRY_OBJECTS.values() for name in objects.names))
    yield deletes._replace(names=names, only_in=NAMESPACE)
    yield from _NOTES
