"""A server that knows which kinds there are and has no objects: all that kubectl's client-side dry run asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers import serving

Kind = tuple[str, str, str, bool]
"""API version, kind, plural, and whether it is in a namespace."""

KINDS: tuple[Kind, ...] = (
    ("v1", "ConfigMap", "configmaps", True),
    ("v1", "ServiceAccount", "serviceaccounts", True),
    ("apps/v1", "DaemonSet", "daemonsets", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", False),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "customresourcedefinitions", False),
    ("iamauthenticator.k8s.aws/v1alpha1", "IAMIdentityMapping", "iamidentitymappings", False),
)


@contextmanager
def discovery(kinds: Iterable[Kind] = KINDS) -> Iterator[str]:
    """The server's URL, on loopback; it ends with the context."""
    answers = _answers(list(kinds))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            body = json.dumps(answer or _NOT_FOUND).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url


_NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def _answers(kinds: list[Kind]) -> dict[str, Any]:
    versions = sorted({version for version, *_ in kinds})
    groups = sorted({version.partition("/")[0] for version in versions if "/" in version})
    answers: dict[str, Any] = {
        "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(each, versions) for each in groups]},
    }
    for version in versions:
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = [_resource(each) for each in kinds if each[0] == version]
        answers[path] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
    return answers


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    served = [
        {"groupVersion": each, "version": each.partition("/")[2]} for each in versions if each.startswith(f"{name}/")
    ]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def _resource(kind: Kind) -> dict[str, Any]:
    _, name, plural, namespaced = kind
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    return {"name": plural, "singularName": name.lower(), "namespaced": namespaced, "kind": name, "verbs": verbs}
