"""The DaemonSet that runs the authenticator on Tarmak's masters.

The one in Tarmak's documentation is wrong: its mounts and security context are indented where they mean
nothing, its API is gone in 1.16, its memory limit too tight. This one states every field where it belongs.
"""

from __future__ import annotations

import hashlib
from typing import Any

from tarmak_iam.emit.artifact import Emitter, Manifest
from tarmak_iam.emit.configmap import CONFIG_KEY
from tarmak_iam.emit.labels import NAME, NAMESPACE, SELECTOR, labels
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation

__all__ = ["DAEMONSET", "daemonset"]

_CONFIG_DIR = "/etc/aws-iam-authenticator"
_STATE_DIR = "/var/aws-iam-authenticator"
"""Where the host's init unit leaves certificate and key."""

_PORT = 21362
_MASTER_LABELS = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")


def daemonset(installation: Installation) -> Manifest:
    """Raises ConfigError where the region is unknown, or as the ConfigMap's emitter does."""
    config = installation.daemon_config()
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels(installation)},
        "spec": {
            "selector": {"matchLabels": dict(SELECTOR)},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": labels(installation), "annotations": _annotations(installation, config)},
                "spec": _pod(installation),
            },
        },
    }


DAEMONSET = Emitter("daemonset", objects=lambda installation: (daemonset(installation),))


def _annotations(installation: Installation, config: str) -> dict[str, str]:
    # The daemon reads its file at the start only: another checksum makes the pods roll when mappings change.
    annotations = {"checksum/config": hashlib.sha256(config.encode()).hexdigest()}
    if installation.kubernetes.is_below(1, 11):
        annotations["scheduler.alpha.kubernetes.io/critical-pod"] = ""
    return annotations


def _pod(installation: Installation) -> dict[str, Any]:
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
    }
    if not installation.kubernetes.is_below(1, 11):
        pod["priorityClassName"] = "system-node-critical"
    return pod


def _service_account(installation: Installation) -> dict[str, Any]:
    """Without its token a daemon with other backends ends at once (client-go's InClusterConfig)."""
    asks = installation.daemon.asks_cluster
    return {**({"serviceAccountName": NAME} if asks else {}), "automountServiceAccountToken": asks}


def _placement(installation: Installation) -> dict[str, Any]:
    """On the masters. The control-plane label came in 1.20, and the master label went in 1.24: either will do."""
    keys = _MASTER_LABELS if not installation.kubernetes.is_below(1, 20) else _MASTER_LABELS[:1]
    tolerations = [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys]
    tolerations.append({"key": "CriticalAddonsOnly", "operator": "Exists"})
    if len(keys) == 1:
        return {"nodeSelector": {keys[0]: ""}, "tolerations": tolerations}
    terms = [{"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in keys]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": required}, "tolerations": tolerations}


def _container(installation: Installation) -> dict[str, Any]:
    if not installation.region:
        raise ConfigError(
            f"the region of {installation.cluster_id} is unknown",
            remedy=f"set location of the environment '{installation.cluster.environment}' in tarmak.yaml",
            place=installation.place(),
        )
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
        # Up to v0.5.12 and v0.6.3 the daemon ends without it where it cannot reach instance metadata.
        "env": [{"name": "AWS_REGION", "value": installation.region}],
        # Resident 20 MB (v0.4.0) to 46 MB (v0.6.20): the documented 20Mi is too tight.
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": _security_context(),
        "volumeMounts": [
            {"name": "config", "mountPath": f"{_CONFIG_DIR}/", "readOnly": True},
            {"name": "state", "mountPath": f"{_STATE_DIR}/", "readOnly": True},
        ],
    }
    if installation.daemon_version.has("/healthz on the TLS port 21362"):
        container |= {"livenessProbe": _probe(initial_delay=10), "readinessProbe": _probe(initial_delay=1)}
    return container


def _security_context() -> dict[str, Any]:
    return {
        # The init unit leaves the key to root alone (0600); everything else that root could do is taken away.
        "runAsUser": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        # On CentOS a confined container cannot read the hostPath; this does what `privileged` does, with less.
        "seLinuxOptions": {"type": "spc_t", "level": "s0"},
    }


def _probe(*, initial_delay: int) -> dict[str, Any]:
    """The daemon listens on 127.0.0.1 of the host only."""
    get = {"scheme": "HTTPS", "host": "127.0.0.1", "port": _PORT, "path": "/healthz"}
    return {"httpGet": get, "initialDelaySeconds": initial_delay, "periodSeconds": 10, "timeoutSeconds": 3}
