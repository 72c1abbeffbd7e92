"""A server on loopback that knows which kinds there are and has no objects: all that kubectl's client-side dry run asks
for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers import serving

_GLOBAL = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IAMIdentityMapping")
KINDS = {
    "v1": ("ConfigMap", "ServiceAccount"),
    "apps/v1": ("DaemonSet",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "apiextensions.k8s.io/v1beta1": ("CustomResourceDefinition",),
    "iamauthenticator.k8s.aws/v1alpha1": ("IAMIdentityMapping",),
}


def _resource(kind: str) -> dict[str, Any]:
    names = {"name": f"{kind.lower()}s", "singularName": kind.lower(), "kind": kind}
    return {**names, "namespaced": kind not in _GLOBAL, "verbs": ["create", "delete", "get", "list", "patch", "update"]}


def _group(name: str) -> dict[str, Any]:
    served = [
        {"groupVersion": each, "version": each.partition("/")[2]} for each in KINDS if each.startswith(f"{name}/")
    ]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


ANSWERS: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name) for name in dict.fromkeys(each.partition("/")[0] for each in KINDS if "/" in each)],
    },
    **{
        f"/{'apis' if '/' in version else 'api'}/{version}": {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": list(map(_resource, kinds)),
        }
        for version, kinds in KINDS.items()
    },
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(answer or NOT_FOUND).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def discovery() -> Iterator[str]:
    """The server's URL; it ends with the context."""
    with serving(_Handler) as url:
        yield url
