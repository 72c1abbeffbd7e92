"""The kubeconfig that kubectl takes, as kubectl takes it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmak_iam.document import Document

__all__ = ["Chosen", "Refusal", "choose", "credential"]


class Refusal(Exception):
    """kubectl's error, as it says it."""


@dataclass(frozen=True)
class Chosen:
    """A context of a kubeconfig with what it names."""

    path: Path
    data: dict[str, Any]
    context_name: str
    context: dict[str, Any]
    cluster: dict[str, Any]
    user: dict[str, Any]

    @property
    def cluster_name(self) -> str:
        return str(self.context["cluster"])


def path_of(given: str | None) -> Path:
    if given:
        return Path(given)
    found = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    return next((each for each in found if each.exists()), Path.home() / ".kube" / "config")


def choose(given: str | None, context: str | None) -> Chosen:
    path = path_of(given)
    if not path.exists():
        raise Refusal(
            "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
        )
    data = Document.parse(path.read_bytes(), str(path)).data
    name = context or data.get("current-context") or ""
    found = _named(data, "contexts", "context", name)
    if found is None:
        raise Refusal(f'error: context "{name}" does not exist')
    cluster = _named(data, "clusters", "cluster", found["cluster"]) or {}
    return Chosen(path, data, name, found, cluster, _named(data, "users", "user", found.get("user", "")) or {})


def credential(user: dict[str, Any]) -> str | None:
    """The token that it has or that its command prints; None for the admin's certificate."""
    if "exec" not in user:
        token = user.get("token")
        return str(token) if token else None
    command = user["exec"]
    more = {each["name"]: each["value"] for each in command.get("env") or ()}
    words = [command["command"], *(command.get("args") or ())]
    info = {"apiVersion": command["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {**os.environ, **more, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError:
        raise Refusal(
            f"Unable to connect to the server: getting credentials: exec: executable {words[0]} not found"
        ) from None
    if done.returncode:
        said = done.stderr.strip()
        failed = f"getting credentials: exec: executable {words[0]} failed with exit code {done.returncode}"
        raise Refusal(f"{said}\nUnable to connect to the server: {failed}")
    return str(json.loads(done.stdout)["status"]["token"])


def _named(data: dict[str, Any], kind: str, key: str, name: str) -> dict[str, Any] | None:
    return next((each.get(key) or {} for each in data.get(kind) or () if each.get("name") == name), None)
