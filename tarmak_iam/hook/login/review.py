"""Asks an API server whose a token is: the caller itself by a SelfSubjectReview, or the admin by a TokenReview."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tarmak_iam.config.versions import GoVersion
from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, object_in, why
from tarmak_iam.hook.processes import Completed
from tarmak_iam.identity.groups import EVERYONE

__all__ = ["Reviewed", "Seen", "review"]

_API = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class Seen:
    """Who the API server takes somebody for. `groups` are without system:authenticated, which everyone has."""

    username: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """`seen` is None where the token was not taken; `error` is then what the API server says of it, empty where it
    says nothing. `method`: SelfSubjectReview or TokenReview."""

    seen: Seen | None
    method: str
    error: str = ""
    is_split: bool = False
    """Whether one answer was yes and another one no: API servers that ask different daemons."""


def review(kubectl: Kubectl, server: GoVersion, token: str) -> Reviewed:
    """`kubectl` is the admin's. The token is in no argument, no error, and in one file that only its owner can read,
    for as long as the call takes. Raises ToolError where the API server cannot be asked."""
    own_version = _self_review_version(server)
    if own_version is not None:
        with _kubectl_of(kubectl, token) as caller:
            done = _post(caller, f"/apis/{_API}/{own_version}/selfsubjectreviews", _body(own_version))
        if done.code == 0:
            return Reviewed(_seen((object_in(done).get("status") or {}).get("userInfo") or {}), "SelfSubjectReview")
    status = _token_review(kubectl, token)
    seen = _seen(status.get("user") or {}) if status.get("authenticated") else None
    if seen is not None and own_version is not None and "unauthorized" in done.err.lower():
        return Reviewed(None, "SelfSubjectReview", is_split=True)
    return Reviewed(seen, "TokenReview", str(status.get("error") or "").replace(token, "<token>"))


def _self_review_version(server: GoVersion) -> str | None:
    """v1 since 1.28, v1beta1 since 1.27; the alpha of 1.26 is off by default."""
    if server.is_below(1, 27):
        return None
    return "v1beta1" if server.is_below(1, 28) else "v1"


def _body(version: str) -> dict[str, Any]:
    return {"apiVersion": f"{_API}/{version}", "kind": "SelfSubjectReview"}


def _token_review(kubectl: Kubectl, token: str) -> dict[str, Any]:
    body = {"apiVersion": f"{_API}/v1", "kind": "TokenReview", "spec": {"token": token}}
    done = kubectl.run("create", "-f", "-", "-o", "json", text=json.dumps(body))
    if done.code:
        failure = kubectl.failure(done, "create")
        raise ToolError(f"the TokenReview failed: {why(done)}".replace(token, "<token>"), remedy=failure.remedy)
    status: dict[str, Any] = object_in(done).get("status") or {}
    return status


def _post(kubectl: Kubectl, path: str, body: dict[str, Any]) -> Completed:
    return kubectl.run("create", "--raw", path, "-f", "-", text=json.dumps(body))


@contextmanager
def _kubectl_of(kubectl: Kubectl, token: str) -> Iterator[Kubectl]:
    """kubectl as the token's owner, on the cluster of the admin's kubeconfig."""
    view = kubectl.json("config", "view", "--raw", "--minify", "--flatten")
    clusters = view.get("clusters") or []
    if not clusters:
        raise ToolError("the kubeconfig names no cluster", remedy="name another with --kubeconfig or --context")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": clusters[0]["cluster"]}],
        "users": [{"name": "caller", "user": {"token": token}}],
        "contexts": [{"name": "caller", "context": {"cluster": "cluster", "user": "caller"}}],
        "current-context": "caller",
    }
    with tempfile.TemporaryDirectory(prefix="tarmak-iam-") as directory:
        path = Path(directory) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")
        yield replace(kubectl, kubeconfig=path, context=None)


def _seen(user: dict[str, Any]) -> Seen:
    groups = tuple(group for group in user.get("groups") or () if group != EVERYONE)
    extra = {str(key): tuple(map(str, values)) for key, values in (user.get("extra") or {}).items()}
    return Seen(str(user.get("username", "")), groups, str(user.get("uid", "")), extra)
