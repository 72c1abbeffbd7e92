"""SubjectAccessReviews of a real API server by the thousand, and the RBAC objects that they are about.

One connection for each thread: a kubectl for each question would take a second of it.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from queue import LifoQueue
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from tests.e2e.control_plane import ControlPlane
from tests.e2e.processes import wait_until

__all__ = ["Api", "Caller", "Request", "granting", "rule"]

_GROUP = "rbac.authorization.k8s.io"
_RBAC = f"/apis/{_GROUP}/v1"
_THREADS = 4


class Caller(NamedTuple):
    """Somebody as the API server sees them: `groups` has `system:authenticated` too where it adds that."""

    username: str
    groups: tuple[str, ...]


class Request(NamedTuple):
    """What somebody asks for: an object or a collection, or a `path` that is none of the API's resources."""

    verb: str
    resource: str = ""
    group: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def attributes(self) -> dict[str, Any]:
        """As the spec of a SubjectAccessReview has it."""
        if self.path:
            return {"nonResourceAttributes": {"verb": self.verb, "path": self.path}}
        resource, _, subresource = self.resource.partition("/")
        kept = {key: value for key, value in self._asdict().items() if key != "path"}
        fields = {**kept, "resource": resource, "subresource": subresource}
        return {"resourceAttributes": {key: value for key, value in fields.items() if value}}

    def __str__(self) -> str:
        what = self.path or (f"{self.resource}.{self.group}" if self.group else self.resource)
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {what}{named}" + (f" in {self.namespace}" if self.namespace else "")


_NUMBERS = count()
"""Of what is made for a moment: several of these share an API server, one after the other."""


class Api:
    """The API server, asked as its administrator unless headers say otherwise."""

    def __init__(self, connections: Sequence[http.client.HTTPSConnection]) -> None:
        self._free: LifoQueue[http.client.HTTPSConnection] = LifoQueue()
        for each in connections:
            self._free.put(each)

    @classmethod
    @contextmanager
    def of(cls, plane: ControlPlane, is_admin: bool = True) -> Iterator[Api]:
        """Without `is_admin` it shows no certificate, so that a token counts."""
        context = ssl.create_default_context(cadata=plane.ca.decode())
        if is_admin:
            context.load_cert_chain(plane.admin.certificate, plane.admin.key)
        address = urlsplit(plane.server).netloc
        made = [http.client.HTTPSConnection(address, timeout=300, context=context) for _ in range(_THREADS)]
        try:
            yield cls(made)
        finally:
            for each in made:
                each.close()

    def call(
        self, method: str, path: str, body: object = None, more: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and the JSON that is answered; `more` are further headers."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", **(more or {})}
        connection = self._free.get()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text
        finally:
            self._free.put(connection)

    def allowed(self, asked: Sequence[tuple[Caller, Request]]) -> list[bool]:
        """Whether each may do what it asks for, by all authorizers of the API server."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(lambda pair: self._is_allowed(*pair), asked, chunksize=64))

    def _is_allowed(self, caller: Caller, request: Request) -> bool:
        spec = {"user": caller.username, "groups": list(caller.groups), **request.attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status, answer = self.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        assert status == 201, answer
        return bool(answer["status"]["allowed"])

    def of_the_cluster(self) -> frozenset[str]:
        """The resources that are in no namespace; namespaces are: a request about one is a request in it."""
        groups = self.call("GET", "/apis")[1]["groups"]
        paths = ["/api/v1", *(f"/apis/{own['groupVersion']}" for each in groups for own in each["versions"])]
        served = [each for path in paths for each in self.call("GET", path)[1]["resources"]]
        return frozenset(each["name"] for each in served if not each["namespaced"]) - {"namespaces"}

    def create(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """RBAC objects, which count once this is back."""
        for each in objects:
            self._post(each)
        self._wait()

    def delete(self, objects: Iterable[Mapping[str, Any]]) -> None:
        for each in objects:
            status, answer = self.call("DELETE", f"{_collection(each)}/{quote(each['metadata']['name'], safe='')}")
            assert status == 200, (each, answer)
        self._wait()

    def _post(self, made: Mapping[str, Any]) -> None:
        status, answer = self.call("POST", _collection(made), {"apiVersion": f"{_GROUP}/v1", **made})
        assert status == 201, (made, answer)

    def _wait(self) -> None:
        """The API server follows its own store by a watch for each kind: what is made last of each is seen last."""
        name = f"marker:{next(_NUMBERS)}"
        # In its namespace it is of an API group of its own.
        own = granting(name, rule("get", "marks", "default"), namespace="default", kind="Role")
        for each in (*granting(name, rule("get", "marks")), *own):
            self._post(each)
        asked = [(Caller(name, ()), Request("get", "marks", place, place)) for place in ("", "default")]
        wait_until(lambda: all(self.allowed(asked)))


def _collection(made: Mapping[str, Any]) -> str:
    namespace = made["metadata"].get("namespace")
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{_RBAC}{where}/{made['kind'].lower()}s"


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    """Of texts with spaces between."""
    made: dict[str, Any] = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**made, "resourceNames": names.split()} if names else made


def granting(
    name: str,
    *rules: Mapping[str, Any],
    namespace: str = "",
    subject: Mapping[str, str] | None = None,
    kind: str = "ClusterRole",
    **metadata: Any,
) -> list[dict[str, Any]]:
    """A role, and its binding to the user of that name or to another subject."""
    of_role = of_binding = {"name": name, **metadata}
    if namespace:
        of_binding = {**of_role, "namespace": namespace}
    version, role_ref = {"apiVersion": f"{_GROUP}/v1"}, {"apiGroup": _GROUP, "kind": kind, "name": name}
    subjects = [subject or {"apiGroup": _GROUP, "kind": "User", "name": name}]
    bound = {"roleRef": role_ref, "subjects": subjects}
    return [
        {**version, "kind": kind, "metadata": of_binding if kind == "Role" else of_role, "rules": list(rules)},
        {**version, "kind": f"{'' if namespace else 'Cluster'}RoleBinding", "metadata": of_binding, **bound},
    ]
