"""What the stand-ins share: callers of AWS and clusters, in files below $CLOUD."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmak_iam import Cluster, Identity
from tests.support.daemon_pods import MASTER
from tests.support.fake_cluster import Cluster as Objects
from tests.support.fake_cluster import key_of

__all__ = ["OWN_KEY", "OWN_SECRET", "Cloud", "LiveCluster"]

OWN_KEY = "AKIAIOSFODNN7EXAMPLE"
OWN_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's example
_ALICE = Identity("arn:aws:iam::111122223333:user/alice", "111122223333", "AIDACKCEVSQ6C2EXAMPLE", OWN_KEY)


@dataclass
class LiveCluster:
    """A cluster as tarmak made it. `asks_webhook`: whether its API server asks an authenticator."""

    name: str
    kubernetes: str
    asks_webhook: bool
    objects: Objects

    @property
    def plain(self) -> dict[str, Any]:
        kept = {
            "masters": self.objects.masters,
            "objects": list(self.objects.objects.values()),
            "version": self.objects.version,
            "pods": self.objects.daemons.pods,
            "podsMade": self.objects.daemons.made,
        }
        return {"name": self.name, "kubernetes": self.kubernetes, "asks_webhook": self.asks_webhook, **kept}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> LiveCluster:
        objects = Objects(
            server=f"v{plain['kubernetes']}",
            uid=f"uid-of-{plain['name']}",
            version=plain["version"],
            masters=plain["masters"],
        )
        objects.objects = {key_of(each): each for each in plain["objects"]}
        objects.daemons.pods, objects.daemons.made = plain["pods"], plain["podsMade"]
        objects.daemons.nodes = _masters(objects)
        return cls(plain["name"], plain["kubernetes"], plain["asks_webhook"], objects)


@dataclass(frozen=True)
class Cloud:
    root: Path

    @classmethod
    def here(cls) -> Cloud:
        return cls(Path(os.environ["CLOUD"]))

    def caller(self, key: str) -> Identity | None:
        """Whose access key it is."""
        found = self._read("callers").get(key)
        if found is not None:
            return Identity(found["arn"], found["account"], found["user_id"], key)
        return _ALICE if key == OWN_KEY else None

    def assume(self, role: str, session: str) -> Identity:
        """The caller that an assumed role makes, with an access key that is known from then on."""
        account, name = role.split(":")[4], role.rpartition("/")[2]
        digest = base64.b32encode(hashlib.sha256(f"{role} {session}".encode()).digest()).decode()
        key, role_id = (
            f"ASIA{digest[:16]}",
            f"AROA{base64.b32encode(hashlib.sha256(role.encode()).digest())[:17].decode()}",
        )
        partition = role.split(":")[1]
        made = {
            "arn": f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}",
            "account": account,
            "user_id": f"{role_id}:{session}",
        }
        self._write("callers", {**self._read("callers"), key: made})
        return Identity(made["arn"], account, made["user_id"], key)

    def make(self, cluster: Cluster) -> LiveCluster:
        """What `tarmak clusters apply` leaves: the cluster, new or with the masters' flags as they are now."""
        effective = cluster.effective()
        asks = any("aws_iam_authenticator_init: true" in line for line in effective["hieradata"])
        version = effective["kubernetes_version"]
        live = self.cluster(cluster.cluster_name)
        if live is None:
            nodes = list(_nodes(cluster, version))
            masters = sum("master" in role for each in nodes for role in each["metadata"]["labels"])
            live = LiveCluster(cluster.cluster_name, version, asks, Objects(masters=masters))
            for each in nodes:
                live.objects.add(each, "kubelet")
            live.objects.daemons.nodes = _masters(live.objects)
        live.kubernetes, live.asks_webhook = version, asks
        self.keep(live)
        return live

    def cluster(self, name: str) -> LiveCluster | None:
        path = self.root / f"cluster-{name}.json"
        return LiveCluster.of(json.loads(path.read_text())) if path.exists() else None

    def keep(self, cluster: LiveCluster) -> None:
        self._write(f"cluster-{cluster.name}", cluster.plain)

    def serves(self, server: str, cluster: str) -> None:
        """Remembers whose API server answers at a URL."""
        self._write("servers", {**self._read("servers"), server: cluster})

    def serving(self, server: str, name: str) -> LiveCluster | None:
        """The cluster behind a URL: by the names that Tarmak gives, by what was seen before, by the entry's name."""
        host = server.partition("//")[2]
        names = [host.split(".")[1] if host.startswith("api.") else "", self._read("servers").get(server, ""), name]
        found = next((live for each in names if each and (live := self.cluster(each))), None)
        if found is not None:
            self.serves(server, found.name)
        return found

    def _read(self, name: str) -> dict[str, Any]:
        path = self.root / f"{name}.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def _write(self, name: str, data: dict[str, Any]) -> None:
        path = self.root / f"{name}.json"
        path.with_suffix(".new").write_text(json.dumps(data, indent=1))
        path.with_suffix(".new").replace(path)


def _masters(objects: Objects) -> dict[str, Any]:
    nodes = [each for key, each in objects.objects.items() if key[0] == "Node"]
    return {each["metadata"]["name"]: each for each in nodes if MASTER in each["metadata"]["labels"]}


def _nodes(cluster: Cluster, version: str) -> Iterator[dict[str, Any]]:
    """The masters and workers that tarmak.yaml wants at least, or one of each where it has no pools."""
    some: list[dict[str, Any]] = [{"type": "master", "minCount": 1}, {"type": "worker", "minCount": 1}]
    for pool in cluster.data.get("instancePools") or some:
        role = {"master": "master", "worker": "node"}.get(pool["type"])
        for number in range(pool["minCount"] if role else 0):
            metadata = {
                "name": f"ip-10-102-0-{(11 if role == 'master' else 31) + number}.eu-west-1.compute.internal",
                "labels": {f"node-role.kubernetes.io/{role}": ""},
                "annotations": {"kubelet-version": f"v{version}"},
            }
            yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
