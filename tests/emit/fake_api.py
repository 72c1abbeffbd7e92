"""An API server on loopback that knows kinds and has no objects: enough for `kubectl apply --dry-run=client`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.servers import serving

__all__ = ["fake_api"]

KINDS = {
    "v1": {"ConfigMap": True, "Namespace": False, "ServiceAccount": True},
    "apps/v1": {"DaemonSet": True},
    "rbac.authorization.k8s.io/v1": {"ClusterRole": False, "ClusterRoleBinding": False},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": False},
    "iamauthenticator.k8s.aws/v1alpha1": {"IAMIdentityMapping": False},
}
"""API version -> kind -> whether it is in a namespace."""


def _group(version: str) -> dict[str, Any]:
    name, _, short = version.partition("/")
    entry = {"groupVersion": version, "version": short}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _resources(version: str) -> dict[str, Any]:
    resources = [
        {
            "name": f"{kind.lower()}s",
            "singularName": "",
            "namespaced": namespaced,
            "kind": kind,
            "verbs": ["get", "create"],
        }
        for kind, namespaced in KINDS[version].items()
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


ANSWERS: dict[str, dict[str, Any]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(each) for each in KINDS if "/" in each]},
    **{f"/{'apis' if '/' in version else 'api'}/{version}": _resources(version) for version in KINDS},
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


@contextlib.contextmanager
def fake_api() -> Iterator[str]:
    """Its URL, for as long as it is needed."""
    with serving(_Handler) as url:
        yield url
