"""Privileges, and the rights that lead to more rights: which verbs on which resources, in which namespace, and the
privilege that they amount to.

Sources: "Role Based Access Control Good Practices" in Kubernetes's documentation, the published lists of other tools
(see docs/report.md), and Kubernetes's source code, for the requests that the authorizer is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import TextEnum


class Privilege(TextEnum):
    """The highest privilege of a username with its groups, from the highest to the lowest."""

    ADMIN = "admin"
    """Every right in the cluster: system:masters, a binding of such a role for the whole cluster, or the right to write
    the IAM mappings or to run code where the authenticator runs."""
    NODE = "node"
    """The identity of a node, with the rights that the Node authorizer grants to it."""
    ELEVATED = "elevated"
    """A right that leads to more rights (see `escalations`). It comes from a binding, so it is known only if the
    cluster was asked, or for usernames that Kubernetes itself binds."""
    NONE = "none"
    """None of these is known."""

    @property
    def rank(self) -> int:
        return list(Privilege).index(self)


_RBAC = "rbac.authorization.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_WRITE = ("create", "update", "patch")
_ANY_METHOD = ("get", "create", "update", "patch", "delete")
_DELETE = ("delete", "deletecollection")
_ENTRY_MAPS = tuple(name for each in ENTRY_OBJECTS.values() for name in each.names)


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """Any of the verbs on any of the resources. `names`: limits it to these objects; `*` and `?` match as in a shell. A
    resource may end in `/*`, for any subresource of it."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """`accesses`: any one of them is sufficient. If `also` is not empty, any one of those is required in addition.

    `is_cluster_scoped`: the resource has no namespace, so that a RoleBinding cannot grant it. `only_in`: the only
    namespace in which it is an escalation. `privilege`: NONE if it is only a note. `in_kube_system`: the privilege
    there. `as_accounts`: it allows a subject to act as any service account of the namespace.
    """

    name: str
    accesses: tuple[ResourceAccess, ...]
    privilege: Privilege = Privilege.ELEVATED
    is_cluster_scoped: bool = False
    only_in: str = ""
    in_kube_system: Privilege = Privilege.NONE
    as_accounts: bool = False
    also: tuple[ResourceAccess, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Facts about a cluster that decide which rights are escalations there. `backends`: None if they are not known.
    `config_maps`: those with the authenticator's configuration. `has_signers`: whether an approver needs `approve` on
    `signers`, which Kubernetes requires in 1.18 and later (admission plugin CertificateApproval)."""

    backends: tuple[str, ...] | None = None
    config_maps: tuple[str, ...] = (NAME,)
    has_signers: bool = True

    def uses(self, backend: str) -> bool:
        return self.backends is None or backend in self.backends


CLUSTER_SCOPED = frozenset(
    {
        *(("", each) for each in ("nodes", "persistentvolumes", "componentstatuses", "users", "groups")),
        *((_CERTIFICATES, each) for each in ("certificatesigningrequests", "signers")),
        *((_RBAC, each) for each in ("clusterrolebindings",)),
        *(("authentication.k8s.io", each) for each in ("userextras", "uids", "tokenreviews")),
        *(("storage.k8s.io", each) for each in ("storageclasses", "volumeattachments", "csidrivers", "csinodes")),
        (_ADMISSION, "mutatingwebhookconfigurations"),
        (_ADMISSION, "validatingwebhookconfigurations"),
        ("apiregistration.k8s.io", "apiservices"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("scheduling.k8s.io", "priorityclasses"),
        *((each.group, each.resource) for each in ENTRY_OBJECTS.values() if not each.names),
    }
)
"""API groups and resources without namespaces, which a RoleBinding cannot grant. Two are left out on purpose:
`namespaces`, because a request about a namespace is a request in it, and `clusterroles`, because a RoleBinding can
grant the right to bind them."""


def escalations(facts: ClusterFacts) -> tuple[Escalation, ...]:
    """All escalations of a cluster, the most dangerous first."""
    return (*_writing_mappings(facts), *_RUNNING_CODE, *_IDENTITIES, _approval(facts), *_CONTROL_PLANE, *_NOTES)


def _writing_mappings(facts: ClusterFacts) -> Iterable[Escalation]:
    """A subject that can write the mappings can map itself to system:masters. The daemon finds an IAMIdentityMapping by
    its status (upstream's pkg/mapper/crd/controller), so writing the status is sufficient."""
    name = "writes the IAM mappings"
    maps = [*facts.config_maps]
    for found in (each for backend, each in ENTRY_OBJECTS.items() if facts.uses(backend.name)):
        if found.names:
            maps += found.names
        else:
            objects = ResourceAccess((found.group,), found.resources, _WRITE)
            yield Escalation(name, (objects,), Privilege.ADMIN, is_cluster_scoped=True)
    access = ResourceAccess(("",), ("configmaps",), _WRITE, tuple(maps))
    yield Escalation(name, (access,), Privilege.ADMIN, only_in=NAMESPACE)


# Up to Kubernetes 1.15, workloads are served in the API group extensions too.
_WORKLOADS = (
    ResourceAccess(("",), ("pods", "replicationcontrollers"), _WRITE),
    ResourceAccess(("apps", "extensions"), ("deployments", "daemonsets", "statefulsets", "replicasets"), _WRITE),
    ResourceAccess(("batch",), ("jobs", "cronjobs"), _WRITE),
)

_RUNNING_CODE = (
    # The API server accepts GET for exec too, for a websocket.
    Escalation(
        "runs commands in pods",
        (ResourceAccess(("",), ("pods/exec", "pods/attach"), ("create", "get")),),
        in_kube_system=Privilege.ADMIN,
    ),
    Escalation(
        "adds containers to pods",
        (ResourceAccess(("",), ("pods/ephemeralcontainers",), ("update", "patch")),),
        in_kube_system=Privilege.ADMIN,
    ),
    Escalation("starts pods", _WORKLOADS, Privilege.NONE, in_kube_system=Privilege.ADMIN, as_accounts=True),
)

_IDENTITIES = (
    # PATCH and DELETE return the object, and deletecollection returns all of them, even in a dry run.
    Escalation(
        "reads secrets",
        (ResourceAccess(("",), ("secrets",), ("get", "list", "watch", "patch", "delete", "deletecollection")),),
    ),
    Escalation(
        "creates bootstrap tokens",
        (ResourceAccess(("",), ("secrets",), _WRITE, ("bootstrap-token-*",)),),
        only_in=NAMESPACE,
    ),
    Escalation("creates service account tokens", (ResourceAccess(("",), ("serviceaccounts/token",), ("create",)),)),
    # endpoints/filters/impersonation.go: a service account has a namespace, all other identities have none.
    Escalation("impersonates others", (ResourceAccess(("",), ("serviceaccounts",), ("impersonate",)),)),
    Escalation(
        "impersonates others",
        (
            ResourceAccess(("",), ("users", "groups"), ("impersonate",)),
            ResourceAccess(("authentication.k8s.io",), ("userextras/*",), ("impersonate",)),
        ),
        is_cluster_scoped=True,
    ),
    Escalation(
        "grants rights that it does not have",
        (
            ResourceAccess((_RBAC,), ("roles",), ("escalate", "bind")),
            ResourceAccess((_RBAC,), ("clusterroles",), ("bind",)),
        ),
    ),
    Escalation(
        "grants rights that it does not have",
        (ResourceAccess((_RBAC,), ("clusterroles",), ("escalate",)),),
        is_cluster_scoped=True,
    ),
)


def _approval(facts: ClusterFacts) -> Escalation:
    signers = ("kube-apiserver-client", "kube-apiserver-client-kubelet", "legacy-unknown", "[*]")
    names = tuple(f"kubernetes.io/{each}" for each in signers)
    return Escalation(
        "approves certificates",
        (ResourceAccess((_CERTIFICATES,), ("certificatesigningrequests/approval",), ("update", "patch")),),
        is_cluster_scoped=True,
        also=(ResourceAccess((_CERTIFICATES,), ("signers",), ("approve",), names),) if facts.has_signers else (),
    )


_CONTROL_PLANE = (
    # The controller manager approves these automatically (pkg/controller/certificates/approver).
    Escalation(
        "obtains node certificates",
        (ResourceAccess((_CERTIFICATES,), ("certificatesigningrequests/nodeclient",), ("create",)),),
        is_cluster_scoped=True,
        also=(ResourceAccess((_CERTIFICATES,), ("certificatesigningrequests",), ("create",)),),
    ),
    Escalation("accesses kubelets", (ResourceAccess(("",), ("nodes/proxy",), _ANY_METHOD),), is_cluster_scoped=True),
    Escalation(
        "changes admission webhooks",
        (
            ResourceAccess((_ADMISSION,), ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), _WRITE),
            ResourceAccess((_ADMISSION,), ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"), _WRITE),
        ),
        is_cluster_scoped=True,
    ),
    Escalation(
        "changes API services",
        (ResourceAccess(("apiregistration.k8s.io",), ("apiservices",), _WRITE),),
        is_cluster_scoped=True,
    ),
    # A conversion webhook receives every object of the resource, and can change it.
    Escalation(
        "changes custom resource definitions",
        (ResourceAccess(("apiextensions.k8s.io",), ("customresourcedefinitions",), ("update", "patch")),),
        is_cluster_scoped=True,
    ),
    Escalation(
        "creates persistent volumes",
        (ResourceAccess(("",), ("persistentvolumes",), ("create",)),),
        is_cluster_scoped=True,
    ),
    # A request about a namespace is a request in it: a RoleBinding there can grant it.
    Escalation("changes namespaces", (ResourceAccess(("",), ("namespaces",), ("update", "patch")),)),
    Escalation(
        "changes pod security policies",
        (ResourceAccess(("policy", "extensions"), ("podsecuritypolicies",), _WRITE),),
        is_cluster_scoped=True,
    ),
)

_NOTES = (
    *(
        Escalation(
            "deletes the IAM mappings",
            (ResourceAccess((each.group,), (each.resource,), _DELETE),),
            Privilege.NONE,
            is_cluster_scoped=True,
        )
        for each in ENTRY_OBJECTS.values()
        if not each.names
    ),
    Escalation(
        "deletes the IAM mappings",
        (ResourceAccess(("",), ("configmaps",), _DELETE, (NAME, *_ENTRY_MAPS)),),
        Privilege.NONE,
        only_in=NAMESPACE,
    ),
    Escalation(
        "connects to ports of pods",
        (
            ResourceAccess(("",), ("pods/portforward",), ("get", "create")),
            ResourceAccess(("",), ("pods/proxy", "services/proxy"), _ANY_METHOD),
        ),
        Privilege.NONE,
    ),
    Escalation(
        "redirects traffic of services",
        (
            ResourceAccess(("",), ("services", "services/status", "endpoints"), _WRITE),
            ResourceAccess(("discovery.k8s.io",), ("endpointslices",), _WRITE),
        ),
        Privilege.NONE,
    ),
    Escalation(
        "changes nodes",
        (ResourceAccess(("",), ("nodes", "nodes/status"), (*_WRITE, *_DELETE)),),
        Privilege.NONE,
        is_cluster_scoped=True,
    ),
    Escalation(
        "removes admission webhooks",
        (
            ResourceAccess(
                (_ADMISSION,), ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), _DELETE
            ),
            ResourceAccess(
                (_ADMISSION,),
                ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
                tuple(chain(_WRITE, _DELETE)),
            ),
        ),
        Privilege.NONE,
        is_cluster_scoped=True,
    ),
    # Without `bind` or `escalate`, the API server rejects granting rights that the subject does not have.
    Escalation(
        "grants its own rights to others",
        (ResourceAccess((_RBAC,), ("roles", "rolebindings"), _WRITE),),
        Privilege.NONE,
    ),
    Escalation(
        "grants its own rights to others",
        (ResourceAccess((_RBAC,), ("clusterroles", "clusterrolebindings"), _WRITE),),
        Privilege.NONE,
        is_cluster_scoped=True,
    ),
)
