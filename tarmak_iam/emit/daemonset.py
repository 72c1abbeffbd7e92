"""The DaemonSet that runs the authenticator on Tarmak's masters, by the release of Kubernetes.

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

import hashlib
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.emit.artifact import Emitter
from tarmak_iam.emit.labels import NAME, NAMESPACE, SELECTOR, object_labels, pod_labels
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.daemon_config import DEFAULT_STATE_DIR, ServerSettings
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.installation.backend_payloads import CONFIG_KEY, Manifest
from tarmak_iam.installation.installation import Installation

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


_CONFIG_DIR = "/etc/aws-iam-authenticator"
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # what the configuration may say

_STATE_DIR = DEFAULT_STATE_DIR
"""Where the host's init unit leaves certificate and key."""


# Whatever taints a master has, an API server runs on it (Tarmak starts it with systemd) and asks the daemon of its host
# and no other. So a taint that kept the daemon away, or ended it, would take the logins of that API server away and
# spare the node nothing; `kubectl drain` leaves a DaemonSet's pods alone, too. Whoever wants the daemon off a master
# takes the label away. kube-proxy (kubeadm) and calico-node (Tarmak's) tolerate everything as well.
#
# What a DaemonSet's controller adds by itself is less (pkg/controller/daemon/util/daemonset_util.go; numbers are pull
# requests of kubernetes/kubernetes): not-ready and unreachable with NoExecute, and with NoSchedule disk-pressure and
# memory-pressure (1.8, #50186), unschedulable and, for a pod of the host's network, network-unavailable (1.12, #64954)
# and pid-pressure (1.14, #67036). Of what a master can have, that leaves out
# - not-ready and unreachable with NoSchedule: TaintNodesByCondition, on from 1.12, gives them to a node without a pod
#   network, and from 1.12 on the scheduler, which heeds them, places the pod (ScheduleDaemonSetPods);
# - pid-pressure in 1.12 and 1.13;
# - node.cloudprovider.kubernetes.io/uninitialized, of a kubelet with an external cloud provider;
# - node-role.kubernetes.io/master with NoExecute, and any other that tarmak.yaml has for the masters' instance pool
#   (puppet/modules/kubernetes/manifests/kubelet.pp).
# A kubelet takes no pod with an untolerated NoExecute taint either (pkg/kubelet/lifecycle/predicate.go, v1.30.14).
_EVERY_TAINT = {"operator": "Exists"}


def daemonset(installation: Installation) -> Manifest:
    """Every field stands where it belongs. The one in Tarmak's documentation is wrong: its mounts and security context
    are indented where they mean nothing, its API is gone in 1.16, its memory limit too tight.

    Raises ConfigError where the region is unknown or none, or as the ConfigMap's emitter does.
    """
    config = installation.daemon_config()
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": object_labels(installation)},
        "spec": {
            "selector": {"matchLabels": dict(SELECTOR)},
            # One master after the other, and on each a gap of seconds. maxSurge (on from 1.22) would not close it: the
            # new daemon cannot listen while the old one has the host's port, and the kubelet's probe of that port would
            # be answered by the old one, so that the new pod counted as ready and the old one was ended. With the port
            # declared, the scheduler would not place the new pod beside the old one at all.
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": pod_labels(installation), "annotations": _annotations(installation, config)},
                "spec": _pod(installation),
            },
        },
    }


DAEMONSET = Emitter("daemonset", objects=lambda installation: (daemonset(installation),))


def _annotations(installation: Installation, config: str) -> dict[str, str]:
    # The daemon reads its file at the start only: another checksum makes the pods roll when mappings change.
    annotations = {"checksum/config": hashlib.sha256(config.encode()).hexdigest()}
    era = era_of(installation.kubernetes)
    if not era.has_priority:
        annotations["scheduler.alpha.kubernetes.io/critical-pod"] = ""
    # Docker runs unconfined what asks for no profile. What v0.5.9, v0.6.20, v0.7.9 and v0.7.18 call until they are
    # healthy was traced, and held against Docker's profile of 2017: only what the C library of a dynamic build calls is
    # not in it.
    if era.seccomp_annotation:
        annotations["seccomp.security.alpha.kubernetes.io/pod"] = era.seccomp_annotation
    return annotations


def _pod(installation: Installation) -> dict[str, Any]:
    """Two fields are left to their defaults on purpose. dnsPolicy: a pod of the host's network resolves names as the
    host does, so STS is found before there is a cluster DNS. enableServiceLinks: the variables that it brings have
    other names than those that the daemon reads.
    """
    era = era_of(installation.kubernetes)
    pod: dict[str, Any] = {
        # The API server asks at localhost, and must be able to before there is a pod network.
        "hostNetwork": True,
        **_service_account(installation),
        **_placement(installation),
        "containers": [_container(installation)],
        "volumes": [
            {"name": "config", "configMap": {"name": NAME}},
            # Not created here: without the init unit's key the API server would not trust this daemon.
            {"name": "state", "hostPath": {"path": f"{_STATE_DIR}/", "type": "Directory"}},
        ],
        # From v0.5.0 on the daemon does not end when it is asked to (measured): every roll would wait half a minute a
        # master. A review takes as long as its question to STS.
        "terminationGracePeriodSeconds": 5,
    }
    if era.has_priority:
        pod["priorityClassName"] = "system-node-critical"
    if not era.seccomp_annotation:
        pod["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
    return pod


def _service_account(installation: Installation) -> dict[str, Any]:
    """Without its token a daemon with other backends ends at once (client-go's InClusterConfig).

    Named where it is the default one, too: an API server sets the old field `serviceAccount` to the same, and takes the
    name from there when an update no longer has it. The pods of a daemon that asks no longer would then need an account
    that is gone (measured with 1.30.14).
    """
    asks = installation.daemon.asks_cluster
    return {"serviceAccountName": NAME if asks else "default", "automountServiceAccountToken": asks}


def _placement(installation: Installation) -> dict[str, Any]:
    """On the masters: any of the labels will do."""
    keys = era_of(installation.kubernetes).node_labels
    if len(keys) == 1:
        return {"nodeSelector": {keys[0]: ""}, "tolerations": [dict(_EVERY_TAINT)]}
    terms = [{"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in keys]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": required}, "tolerations": [dict(_EVERY_TAINT)]}


def _container(installation: Installation) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": NAME,
        "image": installation.image,
        "args": [
            "server",
            f"--config={_CONFIG_DIR}/{CONFIG_KEY}",
            f"--state-dir={_STATE_DIR}",
            # A new certificate would be one that the API server does not trust: never make one here.
            "--kubeconfig-pregenerated=true",
            *installation.daemon_args(),
        ],
        # Up to v0.5.12 and v0.6.3 the daemon ends without it where it cannot reach instance metadata; later ones
        # then take us-east-1. Set for all: the cluster's region is known.
        "env": [{"name": "AWS_REGION", "value": installation.safe_region()}],
        "resources": _resources(installation),
        "securityContext": _security_context(),
        "volumeMounts": [
            {"name": "config", "mountPath": f"{_CONFIG_DIR}/", "readOnly": True},
            {"name": "state", "mountPath": f"{_STATE_DIR}/", "readOnly": True},
        ],
    }
    if installation.daemon_version.has(ReleaseFeature.HEALTH_ON_TLS_PORT):
        server = installation.server
        container |= {
            "livenessProbe": _probe(server, initial_delay=10),
            "readinessProbe": _probe(server, initial_delay=1),
        }
    return container


def _resources(installation: Installation) -> dict[str, Any]:
    # Resident 20 MB (v0.4.0), 33 MB (v0.5.9), 46 MB (v0.6.20), 42 MB (v0.7.9), 34 MB (v0.7.18). The documented 20Mi is
    # too tight: people have seen the daemon killed for it. The limit is for a storm of logins, and the same for all.
    request = "32Mi" if installation.daemon_version.known < DaemonVersion(0, 5, 0) else "64Mi"
    return {"requests": {"cpu": "10m", "memory": request}, "limits": {"memory": "128Mi"}}


def _security_context() -> dict[str, Any]:
    return {
        # The init unit leaves the key to root alone (0600); everything else that root could do is taken away. The
        # images' own users (10000 up to v0.5.2, 65532 later) could not read it.
        "runAsUser": 0,
        # SELinux lets a process go from Docker's domain to spc_t under no_new_privs since container-selinux 2.41,
        # which is older than the CentOS 7.6 that Tarmak's images are made of.
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        # On CentOS a confined container cannot read the hostPath; this does what `privileged` does, with less.
        "seLinuxOptions": {"type": "spc_t", "level": "s0"},
    }


def _probe(server: ServerSettings, *, initial_delay: int) -> dict[str, Any]:
    """By default the daemon listens on 127.0.0.1 of the host only, which the kubelet is told by name."""
    if not 0 < server.port < 65536:
        raise ConfigError(f"server.port is {server.port}, which is no port", remedy="write one from 1 to 65535")
    host = "127.0.0.1" if server.address in _EVERYWHERE else server.address
    get = {"scheme": "HTTPS", "host": host, "port": server.port, "path": "/healthz"}
    return {"httpGet": get, "initialDelaySeconds": initial_delay, "periodSeconds": 10, "timeoutSeconds": 3}
