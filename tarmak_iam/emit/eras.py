"""What a release of Kubernetes wants to be told, and in which words: the facts of each era as one table.

The same in all of them, since 1.9: `apps/v1` for the DaemonSet (extensions/v1beta1 went in 1.16) and
`rbac.authorization.k8s.io/v1`.

No PodSecurityPolicy comes with the manifests. Tarmak has the admission on from 1.8 and lets the service accounts of
kube-system use its policy `privileged` (puppet/modules/kubernetes/templates/pod-security-policy*.erb), which allows all
that the pod asks for and changes nothing in it. A policy of our own would have to be allowed by a role of its own, is a
second object that can lock the pod out, and is refused altogether from 1.25 on.

Nothing is emitted for Pod Security (on from 1.23) either. The pod needs the level `privileged`: hostNetwork, hostPath
and the SELinux type are all beyond `baseline`. That is what a namespace without labels has, unless the API server's
AdmissionConfiguration sets another default, and then kube-system has to be exempt for Tarmak's own pods too. The level
is a label of the namespace, which belongs to Kubernetes and not to these manifests.
"""

from __future__ import annotations

from dataclasses import dataclass

from tarmak_iam.config.versions import GoVersion

__all__ = ["Era", "era_of"]

_MASTER = ("node-role.kubernetes.io/master",)
_BOTH = (*_MASTER, "node-role.kubernetes.io/control-plane")


@dataclass(frozen=True, slots=True)
class Era:
    """From the release `since` up to the next row's."""

    since: tuple[int, int]

    node_labels: tuple[str, ...]
    """Labels of nodes with an API server: any of them."""

    has_priority: bool
    """Whether `priorityClassName` counts, or the annotation of critical pods."""

    seccomp_annotation: str
    """Value of the annotation that chooses the container runtime's own profile; "" where that is a field."""


# node_labels: kubeadm adds `control-plane` in 1.20, and `master` goes in 1.24 (kubernetes/enhancements KEP-2067).
#   Tarmak's own masters have `master` alone, in every release, so both are taken from 1.20 on.
# has_priority: PodPriority is beta and on from 1.11, and the API server makes system-node-critical itself (Kubernetes'
#   changelog). Tarmak adds to the default admission plugins from 1.11, but below it lists them all, without Priority
#   (kube-apiserver.service.erb, apiserver.pp): the class would be refused or dropped, and its own DaemonSets use the
#   annotation. kube-system is where the class is allowed in every release (only there up to 1.16: #65593, #76310). The
#   annotation goes in 1.16 (#80342).
# seccomp_annotation: dockershim knows `docker/default` alone up to 1.10, `runtime/default` from 1.11 (#62662). The
#   field came in 1.19; the annotation stops working for kubelets in 1.25 and goes in 1.27 (#109819, #114947).
# Numbers are pull requests of kubernetes/kubernetes.
_ERAS = (
    Era((1, 9), node_labels=_MASTER, has_priority=False, seccomp_annotation="docker/default"),
    Era((1, 11), node_labels=_MASTER, has_priority=True, seccomp_annotation="runtime/default"),
    Era((1, 19), node_labels=_MASTER, has_priority=True, seccomp_annotation=""),
    Era((1, 20), node_labels=_BOTH, has_priority=True, seccomp_annotation=""),
)


def era_of(version: GoVersion) -> Era:
    """Of 1.9 or later; a release newer than all that are known is taken as the newest.

    A pre-release is taken as the release before it: what is new may not be in it yet, and nothing in the table is
    taken away in the release that brings its successor.
    """
    return next((era for era in reversed(_ERAS) if not version.is_below(*era.since)), _ERAS[0])
