"""The master of a cluster: a real node, as Tarmak and a cloud provider make it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tarmak_iam.emit.artifact import NAME, NAMESPACE, SELECTOR
from tests.e2e.conftest import Stage
from tests.e2e.control_plane import ControlPlane
from tests.e2e.node.machine import Node
from tests.e2e.processes import wait_until

__all__ = ["ALL_RUN", "MASTER", "Masters"]

MASTER = "node-role.kubernetes.io/master"
"""Label and taint of Tarmak's masters, in every release of Kubernetes."""

ALL_RUN = "1 of 1 nodes updated, 1 available"
"""What `apply` says of a cluster with one master, from its DaemonSet's status."""

_PODS = ",".join(f"{key}={value}" for key, value in SELECTOR.items())


@dataclass(frozen=True)
class Masters:
    stage: Stage
    first: Node
    """Where the API server is, which asks its daemon."""

    @property
    def plane(self) -> ControlPlane:
        return self.stage.plane

    def kubectl(self, *args: str, text: str = "") -> str:
        done = self.plane.kubectl(*args, text=text)
        assert done.code == 0, done.err
        return done.out

    def pods(self) -> list[dict[str, Any]]:
        return list(self.plane.ask(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={quote(_PODS)}")["items"])

    def wait_for_waiting(self, *reasons: str, restarts: int = 0) -> None:
        """Until the container there waits for one of these reasons, after so many restarts."""

        def waits() -> bool:
            containers = [own for each in self.pods() for own in each["status"].get("containerStatuses", ())]
            return any(
                own["restartCount"] >= restarts and own["state"].get("waiting", {}).get("reason") in reasons
                for own in containers
            )

        wait_until(waits, what=self.pods)

    def wait_for_crash_loop(self) -> None:
        """Until the kubelet does not start it again for 40 seconds; before, it waits 10 and 20 seconds only."""
        self.wait_for_waiting("CrashLoopBackOff", restarts=2)

    def taints(self) -> set[str]:
        """Key and effect, without the one that every master has."""
        found = self.plane.ask("/api/v1/nodes/m1")["spec"].get("taints", ())
        return {f"{each['key']}:{each['effect']}" for each in found} - {f"{MASTER}:NoSchedule"}

    def wait_for_taints(self, *taints: str) -> None:
        """These and others, or none at all: where no node is ready the controller sets no NoExecute."""
        wait_until(lambda: self.taints() >= set(taints) if taints else not self.taints(), what=self.taints)

    def clear(self) -> None:
        """Takes everything away that `apply` brings, and waits until no pod is left."""
        for file in self.stage.home.mappings.parent.glob("tarmak-iam.state*"):
            file.unlink()
        kinds = "daemonsets,configmaps,serviceaccounts,roles,rolebindings,leases"
        self.kubectl("-n", NAMESPACE, "delete", "--ignore-not-found", f"daemonset/{NAME}", f"configmap/{NAME}")
        self.kubectl("-n", NAMESPACE, "delete", kinds, "--selector=app.kubernetes.io/managed-by=tarmak-iam")
        # The daemon does not end when it is asked to: it would be waited for.
        self.plane.kubectl("-n", NAMESPACE, "delete", "pods", "--selector", _PODS, "--grace-period=1", "--wait=false")
        wait_until(lambda: not self.pods(), what=self.pods)


def make_master(plane: ControlPlane, made: Node) -> None:
    """What is not the kubelet's to say: addresses are a cloud provider's, who is stood in for, and a label is ours."""

    def kubectl(*args: str) -> int:
        return plane.kubectl(*args).code

    wait_until(lambda: plane.ask(f"/api/v1/nodes/{made.name}"), what=lambda: made.log("kubelet")[-3000:])
    # No host name: the API server would ask a name server for it.
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
    patch = json.dumps({"status": {"addresses": addresses}})
    assert kubectl("patch", "node", made.name, "--subresource=status", "--type=merge", "-p", patch) == 0
    assert kubectl("label", "node", made.name, f"{MASTER}=", "role=master") == 0
    assert kubectl("taint", "node", made.name, "node.cloudprovider.kubernetes.io/uninitialized-") == 0
    wait = ("wait", "--for=condition=Ready", "--timeout=600s", f"node/{made.name}")
    done = plane.kubectl(*wait)
    assert done.code == 0, done.err + made.log("kubelet")[-3000:]
