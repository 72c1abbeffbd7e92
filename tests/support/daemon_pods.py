"""Nodes and the pods of DaemonSets, as controller and kubelets make them: for the cluster in memory."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

MASTER = "node-role.kubernetes.io/master"
GENERATION = "deprecated.daemonset.template.generation"
_EPOCH = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)


def stamp(seconds: float) -> str:
    """A time of the API server, so many seconds after its first."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(seconds: float) -> str:
    return format_datetime(_EPOCH + timedelta(seconds=seconds), usegmt=True)


def node(name: str, *taints: dict[str, str], labels: dict[str, str] | None = None, ready: str = "True") -> Any:
    conditions = [{"type": "Ready", "status": ready, "message": "as the kubelet says"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {MASTER: ""} if labels is None else labels},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"conditions": conditions, "images": []},
    }


@dataclass
class DaemonPods:
    """`nodes` by name; `pods` by name, of every DaemonSet. `is_at_work`: whether the controller is; `is_started`:
    whether the kubelets start what it makes."""

    nodes: dict[str, Any] = field(default_factory=dict)
    pods: dict[str, Any] = field(default_factory=dict)
    revisions: dict[str, list[str]] = field(default_factory=dict)
    is_at_work: bool = True
    is_started: bool = True
    made: int = 0

    def rolled_out(self, daemon: Any, seconds: float, most: int | None = None) -> None:
        """A pod of its newest template on every node; those that are of it already stay. `most`: how many are made."""
        text = json.dumps(daemon["spec"].get("template"), sort_keys=True)
        templates = self.revisions.setdefault(daemon["metadata"]["name"], [])
        if text in templates:  # the newest again, under its own name
            templates.remove(text)
        templates.append(text)
        made = self.made
        for name in self.nodes:
            if self.made - made == most:
                break
            old = next((pod for pod in self.of(daemon) if pod["spec"]["nodeName"] == name), None)
            if old is not None and old["metadata"]["labels"]["controller-revision-hash"] == hash_of(text):
                continue
            if old is not None:
                del self.pods[old["metadata"]["name"]]
            self.make(daemon, name, seconds)

    def make(self, daemon: Any, node_name: str, seconds: float) -> Any:
        self.made += 1
        template = copy.deepcopy(daemon["spec"].get("template") or {})
        metadata = template.setdefault("metadata", {})
        labels = {
            **(metadata.get("labels") or {}),
            **((daemon["spec"].get("selector") or {}).get("matchLabels") or {}),
            "controller-revision-hash": hash_of(json.dumps(daemon["spec"].get("template"), sort_keys=True)),
            "pod-template-generation": daemon["metadata"].get("annotations", {}).get(GENERATION, "1"),
        }
        name = f"{daemon['metadata']['name']}-{self.made}"
        own = {
            "name": name,
            "namespace": daemon["metadata"].get("namespace"),
            "uid": f"pod-{self.made}",
            "creationTimestamp": stamp(seconds),
            "ownerReferences": [{"kind": "DaemonSet", "uid": daemon["metadata"]["uid"], "controller": True}],
        }
        spec = {**(template.get("spec") or {}), "nodeName": node_name}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, **own, "labels": labels}, "spec": spec}
        self.pods[name] = pod
        if self.is_started:
            self.start(name, seconds)
        else:
            pod["status"] = _status(spec, "Pending", False, {"waiting": {"reason": "ImagePullBackOff"}})
        return pod

    def start(self, name: str, seconds: float) -> None:
        pod = self.pods[name]
        pod["status"] = _status(pod["spec"], "Running", True, {"running": {"startedAt": stamp(seconds)}})

    def crash(self, name: str) -> None:
        pod = self.pods[name]
        pod["status"] = _status(pod["spec"], "Pending", False, {"waiting": {"reason": "CrashLoopBackOff"}})
        for each in pod["status"]["containerStatuses"]:
            each["lastState"] = {"terminated": {"exitCode": 1}}

    def of(self, daemon: Any) -> list[Any]:
        uid = daemon["metadata"]["uid"]
        return [pod for pod in self.pods.values() if pod["metadata"]["ownerReferences"][0]["uid"] == uid]

    def revisions_of(self, daemon: Any) -> list[Any]:
        return [
            {
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": f"{daemon['metadata']['name']}-{hash_of(text)}",
                    "labels": {"controller-revision-hash": hash_of(text)},
                    "ownerReferences": [{"kind": "DaemonSet", "uid": daemon["metadata"]["uid"], "controller": True}],
                },
                "revision": number,
            }
            for number, text in enumerate(self.revisions.get(daemon["metadata"]["name"], ()), 1)
        ]


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _status(spec: Any, phase: str, ready: bool, state: Any) -> dict[str, Any]:
    names = [each.get("name") for each in spec.get("containers") or ()]
    statuses = [{"name": each, "ready": ready, "state": state} for each in names]
    return {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": statuses}
