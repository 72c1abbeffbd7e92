"""Privileges, and the rights that lead to more rights: which verbs on which resources, in which namespace, and the
privilege that they amount to.

Sources: "Role Based Access Control Good Practices" in Kubernetes's documentation, the published lists of other tools
(see docs/report.md), and Kubernetes's source code, for the requests that the authorizer is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
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
_WRITE = "create update patch"
_ANY_METHOD = "get create update patch delete"
_DELETE = "delete deletecollection"


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """Any of the verbs on any of the resources. `names`: limits it to these objects; `*` and `?` match as in a shell. A
    resource may end in `/*`, for any subresource of it."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


def _to(verbs: str, resources: str, groups: str = "", names: Iterable[str] = ()) -> ResourceAccess:
    """Of words; without a group, in the core group."""
    return ResourceAccess(tuple(groups.split()) or ("",), tuple(resources.split()), tuple(verbs.split()), tuple(names))


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
        *(("", name) for name in ("nodes", "persistentvolumes", "componentstatuses", "users", "groups")),
        *((_CERTIFICATES, name) for name in ("certificatesigningrequests", "signers")),
        *(("authentication.k8s.io", name) for name in ("userextras", "uids", "tokenreviews")),
        *(("storage.k8s.io", name) for name in ("storageclasses", "volumeattachments", "csidrivers", "csinodes")),
        *((_ADMISSION, name) for name in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")),
        (_RBAC, "clusterrolebindings"),
        ("apiregistration.k8s.io", "apiservices"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("scheduling.k8s.io", "priorityclasses"),
        *((objects.group, objects.resource) for objects in ENTRY_OBJECTS.values() if not objects.names),
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
    for objects in (objects for backend, objects in ENTRY_OBJECTS.items() if facts.uses(backend.name)):
        if objects.names:
            maps += objects.names
        else:
            written = _to(_WRITE, " ".join(objects.resources), objects.group)
            yield Escalation(name, (written,), Privilege.ADMIN, is_cluster_scoped=True)
    yield Escalation(name, (_to(_WRITE, "configmaps", names=maps),), Privilege.ADMIN, only_in=NAMESPACE)


_RUNNING_CODE = (
    # The API server accepts GET for exec too, for a websocket.
    Escalation("runs commands in pods", (_to("create get", "pods/exec pods/attach"),), in_kube_system=Privilege.ADMIN),
    Escalation(
        "adds containers to pods", (_to("update patch", "pods/ephemeralcontainers"),), in_kube_system=Privilege.ADMIN
    ),
    # Up to Kubernetes 1.15, workloads are served in the API group extensions too.
    Escalation(
        "starts pods",
        (
            _to(_WRITE, "pods replicationcontrollers"),
            _to(_WRITE, "deployments daemonsets statefulsets replicasets", "apps extensions"),
            _to(_WRITE, "jobs cronjobs", "batch"),
        ),
        Privilege.NONE,
        in_kube_system=Privilege.ADMIN,
        as_accounts=True,
    ),
)

_IDENTITIES = (
    # PATCH and DELETE return the object, and deletecollection returns all of them, even in a dry run.
    Escalation("reads secrets", (_to("get list watch patch delete deletecollection", "secrets"),)),
    Escalation("creates bootstrap tokens", (_to(_WRITE, "secrets", names=("bootstrap-token-*",)),), only_in=NAMESPACE),
    Escalation("creates service account tokens", (_to("create", "serviceaccounts/token"),)),
    # endpoints/filters/impersonation.go: a service account has a namespace, all other identities have none.
    Escalation("impersonates others", (_to("impersonate", "serviceaccounts"),)),
    Escalation(
        "impersonates others",
        (_to("impersonate", "users groups"), _to("impersonate", "userextras/*", "authentication.k8s.io")),
        is_cluster_scoped=True,
    ),
    Escalation(
        "grants rights that it does not have",
        (_to("escalate bind", "roles", _RBAC), _to("bind", "clusterroles", _RBAC)),
    ),
    Escalation(
        "grants rights that it does not have", (_to("escalate", "clusterroles", _RBAC),), is_cluster_scoped=True
    ),
)


def _approval(facts: ClusterFacts) -> Escalation:
    signers = ("kube-apiserver-client", "kube-apiserver-client-kubelet", "legacy-unknown", "[*]")
    names = (f"kubernetes.io/{signer}" for signer in signers)
    return Escalation(
        "approves certificates",
        (_to("update patch", "certificatesigningrequests/approval", _CERTIFICATES),),
        is_cluster_scoped=True,
        also=(_to("approve", "signers", _CERTIFICATES, names),) if facts.has_signers else (),
    )


_WEBHOOKS = "mutatingwebhookconfigurations validatingwebhookconfigurations"

_CONTROL_PLANE = (
    # The controller manager approves these automatically (pkg/controller/certificates/approver).
    Escalation(
        "obtains node certificates",
        (_to("create", "certificatesigningrequests/nodeclient", _CERTIFICATES),),
        is_cluster_scoped=True,
        also=(_to("create", "certificatesigningrequests", _CERTIFICATES),),
    ),
    Escalation("accesses kubelets", (_to(_ANY_METHOD, "nodes/proxy"),), is_cluster_scoped=True),
    Escalation(
        "changes admission webhooks",
        (
            _to(_WRITE, _WEBHOOKS, _ADMISSION),
            _to(_WRITE, "mutatingadmissionpolicies mutatingadmissionpolicybindings", _ADMISSION),
        ),
        is_cluster_scoped=True,
    ),
    Escalation("changes API services", (_to(_WRITE, "apiservices", "apiregistration.k8s.io"),), is_cluster_scoped=True),
    # A conversion webhook receives every object of the resource, and can change it.
    Escalation(
        "changes custom resource definitions",
        (_to("update patch", "customresourcedefinitions", "apiextensions.k8s.io"),),
        is_cluster_scoped=True,
    ),
    Escalation("creates persistent volumes", (_to("create", "persistentvolumes"),), is_cluster_scoped=True),
    # A request about a namespace is a request in it: a RoleBinding there can grant it.
    Escalation("changes namespaces", (_to("update patch", "namespaces"),)),
    Escalation(
        "changes pod security policies",
        (_to(_WRITE, "podsecuritypolicies", "policy extensions"),),
        is_cluster_scoped=True,
    ),
)


def _note(name: str, *accesses: ResourceAccess, is_cluster_scoped: bool = False, only_in: str = "") -> Escalation:
    return Escalation(name, accesses, Privilege.NONE, is_cluster_scoped, only_in)


_DELETES_MAPPINGS = "deletes the IAM mappings"
_GRANTS_OWN = "grants its own rights to others"

_NOTES = (
    *(
        _note(_DELETES_MAPPINGS, _to(_DELETE, objects.resource, objects.group), is_cluster_scoped=True)
        for objects in ENTRY_OBJECTS.values()
        if not objects.names
    ),
    _note(
        _DELETES_MAPPINGS,
        _to(
            _DELETE, "configmaps", names=(NAME, *(name for objects in ENTRY_OBJECTS.values() for name in objects.names))
        ),
        only_in=NAMESPACE,
    ),
    _note(
        "connects to ports of pods",
        _to("get create", "pods/portforward"),
        _to(_ANY_METHOD, "pods/proxy services/proxy"),
    ),
    _note(
        "redirects traffic of services",
        _to(_WRITE, "services services/status endpoints"),
        _to(_WRITE, "endpointslices", "discovery.k8s.io"),
    ),
    _note("changes nodes", _to(f"{_WRITE} {_DELETE}", "nodes nodes/status"), is_cluster_scoped=True),
    _note(
        "removes admission webhooks",
        _to(_DELETE, _WEBHOOKS, _ADMISSION),
        _to(f"{_WRITE} {_DELETE}", "validatingadmissionpolicies validatingadmissionpolicybindings", _ADMISSION),
        is_cluster_scoped=True,
    ),
    # Without `bind` or `escalate`, the API server rejects granting rights that the subject does not have.
    _note(_GRANTS_OWN, _to(_WRITE, "roles rolebindings", _RBAC)),
    _note(_GRANTS_OWN, _to(_WRITE, "clusterroles clusterrolebindings", _RBAC), is_cluster_scoped=True),
)
