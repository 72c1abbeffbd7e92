"""The DaemonSet that runs the authenticator on Tarmak's masters, for each release of Kubernetes.

The API versions are the same in all releases since 1.9: `apps/v1` for the DaemonSet (extensions/v1beta1 was removed in
1.16) and `rbac.authorization.k8s.io/v1`.

There is no PodSecurityPolicy. Tarmak enables its admission plugin in 1.8 and later, and lets the service accounts of
kube-system use its policy `privileged` (puppet/modules/kubernetes/templates/pod-security-policy*.erb), which allows all
that the pod requires and changes nothing in it. A policy of our own could keep the pod from starting, and is rejected
by 1.25 and later. There is nothing for Pod Security (on in 1.23 and later) either: the pod requires the level
`privileged` (hostNetwork, hostPath, SELinux type), which is that of a namespace without labels, unless the API server's
AdmissionConfiguration sets another default; then kube-system must be exempt for Tarmak's own pods too.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.emit.artifact import NAME, SELECTOR, Emitter, labelled, pod_labels
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.daemon_config import DEFAULT_STATE_DIR
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.installation.backend_payloads import CONFIG_KEY, Manifest
from tarmak_iam.installation.installation import Installation

_MASTER = ("node-role.kubernetes.io/master",)
_BOTH = (*_MASTER, "node-role.kubernetes.io/control-plane")


class Era(NamedTuple):
    """Valid from the release `since` up to that of the next row. `node_labels`: a node with an API server has at least
    one of them. `has_priority`: whether `priorityClassName` is used, or the annotation for critical pods.
    `seccomp_annotation`: its value selects the container runtime's default profile; "" where a field does that."""

    since: tuple[int, int]
    node_labels: tuple[str, ...]
    has_priority: bool
    seccomp_annotation: str


# node_labels: kubeadm adds `control-plane` in 1.20 and removes `master` in 1.24 (kubernetes/enhancements KEP-2067).
#   Tarmak's own masters have only `master`, in all releases, so both labels are used in 1.20 and later.
# has_priority: PodPriority is beta and on in 1.11 and later, and the API server creates system-node-critical itself
#   (Kubernetes' changelog). In 1.11 and later, Tarmak adds to the default admission plugins; before, it lists all of
#   them, without Priority (kube-apiserver.service.erb, apiserver.pp): the class would be rejected or dropped, and
#   Tarmak's own DaemonSets use the annotation. kube-system is where the class is allowed in all releases (only there up
#   to 1.16: #65593, #76310). The annotation was removed in 1.16 (#80342).
# seccomp_annotation: dockershim knows only `docker/default` up to 1.10, and `runtime/default` in 1.11 and later
#   (#62662). The field was added in 1.19; kubelets ignore the annotation in 1.25 and later, and it was removed in 1.27
#   (#109819, #114947).
# Numbers are pull requests of kubernetes/kubernetes.
_ERAS = (
    Era((1, 9), node_labels=_MASTER, has_priority=False, seccomp_annotation="docker/default"),
    Era((1, 11), node_labels=_MASTER, has_priority=True, seccomp_annotation="runtime/default"),
    Era((1, 19), node_labels=_MASTER, has_priority=True, seccomp_annotation=""),
    Era((1, 20), node_labels=_BOTH, has_priority=True, seccomp_annotation=""),
)


def era_of(version: GoVersion) -> Era:
    """For 1.9 or later. A pre-release is treated like the release before it: it may not contain the new feature yet,
    and no feature in the table is removed in the release that adds its successor."""
    return next((era for era in reversed(_ERAS) if not version.is_below(*era.since)), _ERAS[0])


_CONFIG_DIR = "/etc/aws-iam-authenticator"
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # values that the configuration may contain
# Whatever taints a master has, an API server runs on it (Tarmak starts it with systemd) and uses only the authenticator
# of its own host: a taint that kept it away would end the logins there and protect nothing; `kubectl drain` ignores the
# pods of a DaemonSet, too. kube-proxy (kubeadm) and calico-node (Tarmak's) tolerate all taints as well.
#
# The controller of DaemonSets adds fewer tolerations (pkg/controller/daemon/util/daemonset_util.go; numbers are pull
# requests of kubernetes/kubernetes): not-ready and unreachable with NoExecute; with NoSchedule disk-pressure and
# memory-pressure (1.8, #50186), unschedulable and network-unavailable (1.12, #64954), and pid-pressure (1.14, #67036).
# Of the taints that a master can have, that does not cover not-ready and unreachable with NoSchedule, which
# TaintNodesByCondition (on in 1.12 and later) adds to a node without a pod network; pid-pressure in 1.12 and 1.13;
# node.cloudprovider.kubernetes.io/uninitialized; and node-role.kubernetes.io/master with NoExecute, and all others that
# tarmak.yaml sets for the instance pool of the masters (puppet/modules/kubernetes/manifests/kubelet.pp). A kubelet does
# not accept a pod with an untolerated NoExecute taint either (pkg/kubelet/lifecycle/predicate.go, v1.30.14).
_EVERY_TAINT = {"operator": "Exists"}


def daemonset(installation: Installation) -> Manifest:
    """The DaemonSet. The one in Tarmak's documentation does not work: its mounts and its security context are indented
    so that Kubernetes ignores them, its API was removed in 1.16, and its memory limit is too low. Raises ConfigError
    where the region is unknown or not valid, and as the ConfigMap's emitter does."""
    # The authenticator reads its file only at the start: a new checksum restarts the pods when mappings change.
    annotations = {"checksum/config": hashlib.sha256(installation.payloads.config.encode()).hexdigest()}
    era = era_of(installation.kubernetes)
    if not era.has_priority:
        annotations["scheduler.alpha.kubernetes.io/critical-pod"] = ""
    # Docker runs a container without a profile unconfined. The system calls of v0.5.9, v0.6.20, v0.7.9 and v0.7.18
    # until they are healthy were traced and compared with Docker's profile of 2017: it lacks only calls that the C
    # library of a dynamic build makes.
    if era.seccomp_annotation:
        annotations["seccomp.security.alpha.kubernetes.io/pod"] = era.seccomp_annotation
    spec = {
        "selector": {"matchLabels": dict(SELECTOR)},
        # One master after the other, each with a gap of seconds. maxSurge (on in 1.22 and later) would not avoid the
        # gap: the new authenticator cannot listen while the old one uses the host's port. The old one would answer the
        # kubelet's probe of that port, so the new pod would become ready and the old one would be stopped. If the port
        # were declared, the scheduler would not place the new pod on the node of the old one at all.
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": pod_labels(installation), "annotations": annotations},
            "spec": _pod(installation),
        },
    }
    return labelled(installation, "apps/v1", "DaemonSet", spec=spec)


DAEMONSET = Emitter("daemonset", objects=lambda installation: (daemonset(installation),))


def _pod(installation: Installation) -> dict[str, Any]:
    """Two fields keep their defaults on purpose. dnsPolicy: a pod in the host's network resolves names as the host
    does, so it finds STS before the cluster DNS runs. enableServiceLinks: its variables have other names than those
    that the authenticator reads.
    """
    era, asks_cluster = era_of(installation.kubernetes), installation.daemon.asks_cluster
    # On the masters, which are nodes with at least one of the labels.
    placement: dict[str, Any] = {"nodeSelector": {era.node_labels[0]: ""}}
    if len(era.node_labels) > 1:
        terms = [{"matchExpressions": [{"key": label, "operator": "Exists"}]} for label in era.node_labels]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        placement = {"affinity": {"nodeAffinity": required}}
    pod: dict[str, Any] = {
        # The API server calls the authenticator at localhost, also before the pod network exists.
        "hostNetwork": True,
        # The default account is set explicitly: the API server copies the name to the old field `serviceAccount`, and
        # uses that when an update no longer contains a name. After a change to MountedFile alone the pods would then
        # require an account that no longer exists (measured with 1.30.14).
        "serviceAccountName": NAME if asks_cluster else "default",
        # Without it, an authenticator with other backends than MountedFile exits at the start (InClusterConfig).
        "automountServiceAccountToken": asks_cluster,
        **placement,
        "tolerations": [dict(_EVERY_TAINT)],
        "containers": [_container(installation)],
        "volumes": [
            {"name": "config", "configMap": {"name": NAME}},
            # Not created if missing: without the init unit's key the API server would not trust this authenticator.
            {"name": "state", "hostPath": {"path": f"{DEFAULT_STATE_DIR}/", "type": "Directory"}},
        ],
        # v0.5.0 and later do not stop on SIGTERM (measured): every rollout would wait half a minute per master. A token
        # review takes as long as its request to STS.
        "terminationGracePeriodSeconds": 5,
    }
    if era.has_priority:
        pod["priorityClassName"] = "system-node-critical"
    if not era.seccomp_annotation:
        pod["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
    return pod


def _container(installation: Installation) -> dict[str, Any]:
    request = "32Mi" if installation.daemon_version.known < DaemonVersion(0, 5, 0) else "64Mi"
    container: dict[str, Any] = {
        "name": NAME,
        "image": installation.image,
        "args": [
            "server",
            f"--config={_CONFIG_DIR}/{CONFIG_KEY}",
            f"--state-dir={DEFAULT_STATE_DIR}",
            # The API server would not trust a new certificate, so the authenticator must not create one.
            "--kubeconfig-pregenerated=true",
            *installation.daemon.args,
        ],
        # Up to v0.5.12 and v0.6.3 the authenticator exits without it where it cannot reach the instance metadata; later
        # releases then use us-east-1. Set for all releases, since the cluster's region is known.
        "env": [{"name": "AWS_REGION", "value": installation.safe_region()}],
        # Resident memory: 20 MB (v0.4.0), 33 MB (v0.5.9), 46 MB (v0.6.20), 42 MB (v0.7.9), 34 MB (v0.7.18). The 20Mi in
        # Tarmak's documentation is too low: users have seen the authenticator killed. The limit leaves room for many
        # logins at the same time, and is the same for all releases.
        "resources": {"requests": {"cpu": "10m", "memory": request}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            # Only root can read the init unit's key (0600); all other rights of root are removed. The users of the
            # images (10000 up to v0.5.2, 65532 later) could not read it.
            "runAsUser": 0,
            # SELinux allows the transition from Docker's domain to spc_t under no_new_privs since container-selinux
            # 2.41, which is older than CentOS 7.6, the base of Tarmak's images.
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            # On CentOS a confined container cannot read the hostPath. This allows it, with fewer rights than
            # `privileged`.
            "seLinuxOptions": {"type": "spc_t", "level": "s0"},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": f"{_CONFIG_DIR}/", "readOnly": True},
            {"name": "state", "mountPath": f"{DEFAULT_STATE_DIR}/", "readOnly": True},
        ],
    }
    if installation.daemon_version.has(ReleaseFeature.HEALTH_ON_TLS_PORT):
        server = installation.server
        if not 0 < server.port < 65536:
            what = f"server.port is {server.port}, which is not a valid port"
            raise ConfigError(what, remedy="use a port from 1 to 65535")
        # By default the authenticator listens only on 127.0.0.1 of the host.
        host = "127.0.0.1" if server.address in _EVERYWHERE else server.address
        for probe, delay in (("livenessProbe", 10), ("readinessProbe", 1)):
            get = {"scheme": "HTTPS", "host": host, "port": server.port, "path": "/healthz"}
            times = {"initialDelaySeconds": delay, "periodSeconds": 10, "timeoutSeconds": 3}
            container[probe] = {"httpGet": get, **times}
    return container
