"""How privileged somebody is, and the rights that lead to more rights: which verbs on which resources, where, and
how much that is worth.

After "Role Based Access Control Good Practices" in Kubernetes's documentation, the published lists of tools (see
docs/report.md), and Kubernetes's source where it says what is asked of the authorizer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.text import TextEnum


class Privilege(TextEnum):
    """The most that a username and its groups are worth, the greatest first."""

    ADMIN = "admin"
    """Everything in the cluster: system:masters, a binding to such a role for the whole cluster, or the right to write
    the IAM mappings or to run code where the authenticator runs."""
    NODE = "node"
    """The identity of a node, with what the Node authorizer gives it."""
    ELEVATED = "elevated"
    """A right that leads to more of them, by a binding (see `escalations`); known only where a cluster was asked, or
    for usernames that Kubernetes itself binds."""
    NONE = "none"
    """None of these, as far as is known."""

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
    """Any of the verbs on any of the resources. `names`: the only objects that it is about, `*` and `?` as in a shell;
    a resource may end in `/*`, which is any subresource of it."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """`accesses`: any one of them is enough, with any one of `also` where there are some.

    `is_cluster_scoped`: the resource is in no namespace, so that a RoleBinding does not give it. `only_in`: the only
    namespace where it counts. `privilege` is NONE for what is worth a note only. `in_kube_system`: what it is worth
    there; `as_accounts`: whoever has it is whatever service account of the namespace it wants to be.
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
    """What is known of a cluster, and decides what rights are worth there. `backends`: None where they are not known;
    `config_maps`: those with the authenticator's configuration. `has_signers`: whether an approver needs `approve` on
    `signers`, as Kubernetes wants it from 1.18 on (admission plugin CertificateApproval)."""

    backends: tuple[str, ...] | None = None
    config_maps: tuple[str, ...] = (NAME,)
    has_signers: bool = True

    def is_asked(self, backend: str) -> bool:
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
"""By API group: resources without namespaces, nothing of which a RoleBinding gives. Not all: `namespaces` are missing,
where a request about one is a request in it, and `clusterroles`, which a RoleBinding may allow to bind."""


def escalations(facts: ClusterFacts) -> tuple[Escalation, ...]:
    """All that count in a cluster, the most dangerous first."""
    return (*_writing_mappings(facts), *_RUNNING_CODE, *_IDENTITIES, _approval(facts), *_CONTROL_PLANE, *_NOTES)


def _writing_mappings(facts: ClusterFacts) -> Iterable[Escalation]:
    """Who writes them makes itself system:masters. The daemon finds an IAMIdentityMapping by its status (upstream's
    pkg/mapper/crd/controller), so that this counts as well."""
    name = "writes the IAM mappings"
    maps = [*facts.config_maps]
    for found in (each for backend, each in ENTRY_OBJECTS.items() if facts.is_asked(backend.name)):
        if found.names:
            maps += found.names
        else:
            objects = ResourceAccess((found.group,), found.resources, _WRITE)
            yield Escalation(name, (objects,), Privilege.ADMIN, is_cluster_scoped=True)
    access = ResourceAccess(("",), ("configmaps",), _WRITE, tuple(maps))
    yield Escalation(name, (access,), Privilege.ADMIN, only_in=NAMESPACE)


# Up to Kubernetes 1.15 workloads are served in the group extensions too.
_WORKLOADS = (
    ResourceAccess(("",), ("pods", "replicationcontrollers"), _WRITE),
    ResourceAccess(("apps", "extensions"), ("deployments", "daemonsets", "statefulsets", "replicasets"), _WRITE),
    ResourceAccess(("batch",), ("jobs", "cronjobs"), _WRITE),
)

_RUNNING_CODE = (
    # The API server takes a GET for exec as well: it is a websocket then.
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
    # PATCH and DELETE answer with the object, and deletecollection with all of them, even as a dry run.
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
    # endpoints/filters/impersonation.go: a service account is in a namespace, all others are not.
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
    # The controller manager approves these by itself (pkg/controller/certificates/approver).
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
    # A conversion webhook sees and changes every object of the resource.
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
    # A request about a namespace is one in it: a RoleBinding there gives it.
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
    # RBAC refuses to give what the giver has not, without `bind` or `escalate`.
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
