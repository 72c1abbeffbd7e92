"""What the stand-ins share: callers of AWS and clusters, in files below $CLOUD."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tarmak_iam import Cluster, Identity
from tests.support.daemon_pods import MASTER
from tests.support.fake_cluster import Cluster as Objects

__all__ = ["ISSUER", "OWN_KEY", "OWN_SECRET", "Cloud", "LiveCluster"]

ISSUER = "https://2f0c8a1e-5b7d-4c39-9e64-a1b2c3d4e5f6.tokens.sts.global.api.aws"
OWN_KEY = "AKIAIOSFODNN7EXAMPLE"
OWN_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's example
_ALICE = Identity("arn:aws:iam::111122223333:user/alice", "111122223333", "AIDACKCEVSQ6C2EXAMPLE", OWN_KEY)


@dataclass
class LiveCluster(Objects):
    """A cluster as tarmak made it. `asks_webhook`: whether its API server asks an authenticator."""

    name: str = ""
    asks_webhook: bool = False
    servers: set[str] = field(default_factory=set)
    """Its addresses, as far as they are known."""


@dataclass(frozen=True)
class Cloud:
    root: Path

    @classmethod
    def here(cls) -> Cloud:
        return cls(Path(os.environ["CLOUD"]))

    @property
    def _callers(self) -> dict[str, dict[str, str]]:
        path = self.root / "callers.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def caller(self, key: str) -> Identity | None:
        """Whose access key it is."""
        known = self._callers.get(key)
        return Identity(**known) if known else _ALICE if key == OWN_KEY else None

    def assume(self, role: str, session: str) -> Identity:
        """The caller that an assumed role makes, with an access key that is known from then on."""
        _, partition, _, _, account, _ = role.split(":", 5)
        key, unique = (base64.b32encode(hashlib.sha256(text.encode()).digest()) for text in (f"{role} {session}", role))
        arn = f"arn:{partition}:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}"
        user_id, key_id = f"AROA{unique[:17].decode()}:{session}", f"ASIA{key[:16].decode()}"
        made = {"arn": arn, "account": account, "user_id": user_id, "access_key_id": key_id}
        self._write("callers.json", json.dumps({**self._callers, key_id: made}).encode())
        return Identity(**made)

    def make(self, cluster: Cluster) -> LiveCluster:
        """What `tarmak clusters apply` leaves: the cluster, new or with the masters' flags as they are now."""
        effective = cluster.effective()
        version = f"v{effective['kubernetes_version']}"
        live = self.cluster(cluster.cluster_name)
        if live is None:
            nodes = list(_nodes(cluster, version))
            masters = {node["metadata"]["name"]: node for node in nodes if MASTER in node["metadata"]["labels"]}
            uid = f"uid-of-{cluster.cluster_name}"
            live = LiveCluster(masters=len(masters), uid=uid, name=cluster.cluster_name)
            for node in nodes:
                live.add(node, "kubelet")
            live.daemons.nodes = masters
        live.server = version
        live.asks_webhook = any("aws_iam_authenticator_init: true" in line for line in effective["hieradata"])
        self.keep(live)
        return live

    def cluster(self, name: str) -> LiveCluster | None:
        path = self.root / f"{name}.cluster"
        return pickle.loads(path.read_bytes()) if path.exists() else None

    def keep(self, cluster: LiveCluster) -> None:
        """Without what it was asked: each call counts for its clock."""
        cluster.calls, cluster.calls_aside, cluster.kubeconfigs = [], [], []
        self._write(f"{cluster.name}.cluster", pickle.dumps(cluster))

    def serving(self, server: str, name: str) -> LiveCluster | None:
        """The cluster behind a URL: by the names that Tarmak gives, by what was seen before, by the entry's name."""
        host = server.partition("//")[2]
        clusters = [live for path in self.root.glob("*.cluster") if (live := self.cluster(path.stem))]
        by_host = [live for live in clusters if host.startswith(f"api.{live.name}.")]
        by_name = [live for live in clusters if live.name == name]
        live = next(iter([*by_host, *(live for live in clusters if server in live.servers), *by_name]), None)
        if live is not None and server not in live.servers:
            live.servers.add(server)
            self.keep(live)
        return live

    def _write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.with_suffix(".new").write_bytes(data)
        path.with_suffix(".new").replace(path)


def _nodes(cluster: Cluster, version: str) -> Iterator[dict[str, Any]]:
    """The masters and workers that tarmak.yaml wants at least, or one of each where it has no pools."""
    some: list[dict[str, Any]] = [{"type": "master", "minCount": 1}, {"type": "worker", "minCount": 1}]
    for pool in cluster.data.get("instancePools") or some:
        role = {"master": "master", "worker": "node"}.get(pool["type"])
        for number in range(pool["minCount"] if role else 0):
            metadata = {
                "name": f"ip-10-102-0-{(11 if role == 'master' else 31) + number}.eu-west-1.compute.internal",
                "labels": {f"node-role.kubernetes.io/{role}": ""},
                "annotations": {"kubelet-version": version},
            }
            yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
