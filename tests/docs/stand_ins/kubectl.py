"""A stand-in of kubectl on the session's clusters: reading, applying, asking who one is and what one may."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmak_iam.document import Document
from tests.docs.stand_ins.access import ADMIN, User, may, review
from tests.docs.stand_ins.calls import Call
from tests.docs.stand_ins.cloud import Cloud, LiveCluster
from tests.docs.stand_ins.kubeconfigs import Chosen, Refusal, choose, credential
from tests.docs.stand_ins.printing import printed
from tests.docs.stand_ins.resources import KINDS, Kind, kind_named, kind_of
from tests.support.daemon_pods import http_date

CLIENT = "v1.30.1"


@dataclass
class Kubectl:
    call: Call
    arguments: list[str]
    chosen: Chosen
    cluster: LiveCluster
    user: User

    def run(self) -> int:
        verb = self.call.words[0]
        is_json = verb in ("apply", "replace", "create") and self.call.output == "json"
        if "raw" in self.call.options or is_json or verb == "annotate":
            return self._by_machine()
        action = getattr(self, f"_{verb}", None)
        if action is None:
            raise Refusal(f"the stand-in does not know kubectl {' '.join(self.arguments)}")
        code = action()
        Cloud.here().keep(self.cluster)
        return int(code or 0)

    def _by_machine(self) -> int:
        """What tarmak-iam asks of it, in JSON."""
        text = sys.stdin.read() if self.call.files == ["-"] else ""
        if "raw" in self.call.options:
            path = self.call.options["raw"]
            if path.endswith("selfsubjectreviews"):
                return _show({"kind": "SelfSubjectReview", "status": {"userInfo": self.user.info}})
            sys.stderr.write(
                f"I0504 12:00:00.0 1 round_trippers.go:469]     Date: {http_date(self.cluster.objects.now)}\n"
            )
            return _show({"gitVersion": self.cluster.objects.server})
        if self.call.words[0] == "create" and json.loads(text)["kind"] == "TokenReview":
            return self._reviewed(json.loads(text))
        kept = [word for word in self.arguments if not word.startswith(("--kubeconfig", "--context"))]
        done = self.cluster.objects.run(tuple(kept), text)
        sys.stdout.write(done.out)
        sys.stderr.write(done.err)
        Cloud.here().keep(self.cluster)
        return done.code

    def _reviewed(self, body: dict[str, Any]) -> int:
        found = review(self.cluster, body["spec"]["token"])
        status = {"error": found} if isinstance(found, str) else {"authenticated": True, "user": found.info}
        return _show({**body, "status": status})

    def _version(self) -> int:
        server = self.cluster.objects.server
        return _show({"clientVersion": {"gitVersion": CLIENT}, "serverVersion": {"gitVersion": server}})

    def _get(self) -> int:
        if self.call.files:
            wanted = [(each["kind"], each["metadata"]) for each in self._objects()]
            found = [
                each for kind, meta in wanted if (each := self._one(_kind(kind), meta["name"], meta.get("namespace")))
            ]
            return self._print(found, is_list=len(found) != 1)
        words = self.call.words[1:]
        if words and words[0] == "namespace" and words[1:] == ["kube-system"]:
            return _show({"kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.cluster.objects.uid}})
        if "/" in words[0]:
            asked = (word.split("/") for word in words)
            found = [each for kind, name in asked if (each := self._named(_kind(kind), name))]
            return self._print(found, is_list=len(found) != 1)
        kinds = [_kind(word) for word in words[0].split(",")]
        if len(words) > 1:
            found = [each for name in words[1:] if (each := self._named(kinds[0], name))]
            return self._print(found, is_list=len(words) > 2)
        return self._print([each for kind in kinds for each in self._all(kind)], is_list=True, is_listing=True)

    def _all(self, kind: Kind) -> list[dict[str, Any]]:
        self._allowed("list", kind)
        served = {each.name for each in _served(self.cluster)}
        if kind.name not in served:
            raise Refusal(f'error: the server doesn\'t have a resource type "{kind.plural}"')
        namespace = self.call.namespace or self.chosen.context.get("namespace") or "default"
        everywhere = "all-namespaces" in self.call.options or not kind.is_namespaced
        found = [each for key, each in self._of(kind) if everywhere or key[1] == namespace]
        key, _, value = self.call.options.get("selector", "").partition("=")
        return [each for each in found if not key or (each["metadata"].get("labels") or {}).get(key) == value]

    def _of(self, kind: Kind) -> list[tuple[tuple[str, str, str], dict[str, Any]]]:
        found = [(key, each) for key, each in self.cluster.objects.objects.items() if key[0] == kind.name]
        pods = self.cluster.objects.daemons.pods if kind.name == "Pod" else {}
        return [*found, *(((kind.name, "kube-system", name), pod) for name, pod in pods.items())]

    def _named(self, kind: Kind, name: str) -> dict[str, Any] | None:
        self._allowed("get", kind)
        found = self._one(kind, name, self.call.namespace)
        if found is None and "ignore-not-found" not in self.call.options:
            resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
            raise Refusal(f'Error from server (NotFound): {resource} "{name}" not found')
        return found

    def _one(self, kind: Kind, name: str, namespace: str | None) -> dict[str, Any] | None:
        space = (namespace or self.chosen.context.get("namespace") or "default") if kind.is_namespaced else ""
        return self.cluster.objects.objects.get((kind.name, space, name))

    def _print(self, found: list[dict[str, Any]], *, is_list: bool, is_listing: bool = False) -> int:
        output, options = self.call.output, self.call.options
        if not found and not is_listing and output == "json":
            return 0
        if found or output == "json":
            everywhere = "all-namespaces" in options
            with_managers = "show-managed-fields" in options
            sys.stdout.write(printed(found, output, is_list, with_managers=with_managers, with_namespaces=everywhere))
        else:
            sys.stderr.write("No resources found\n")
        return 0

    def _apply(self) -> int:
        for each in self._objects():
            kind = kind_of(each)
            self._allowed("create", kind)
            before = self.cluster.objects.get(
                kind.name, each["metadata"]["name"], each["metadata"].get("namespace", "")
            )
            same = before is not None and all(
                before.get(key) == value for key, value in each.items() if key != "metadata"
            )
            done = "created" if before is None else "unchanged" if same else "configured"
            self.cluster.objects.client_side_apply(each)
            print(f"{kind.printed}/{each['metadata']['name']} {done}")
        return 0

    def _create(self) -> int:
        kind, name = _kind(self.call.words[1]), self.call.words[2]
        self._allowed("create", kind)
        if kind.name not in ("ClusterRoleBinding", "RoleBinding", "Namespace"):
            raise Refusal(f"the stand-in cannot create a {kind.name}")
        each: dict[str, Any] = {"apiVersion": "v1", "kind": kind.name, "metadata": {"name": name}}
        if kind.name != "Namespace":
            is_cluster_role = "clusterrole" in self.call.options
            role = self.call.options["clusterrole" if is_cluster_role else "role"]
            group = "rbac.authorization.k8s.io"
            each["apiVersion"] = f"{group}/v1"
            each["roleRef"] = {"apiGroup": group, "kind": "ClusterRole" if is_cluster_role else "Role", "name": role}
            subjects = [
                (kind, self.call.options[kind.lower()])
                for kind in ("Group", "User")
                if kind.lower() in self.call.options
            ]
            each["subjects"] = [{"apiGroup": group, "kind": kind, "name": value} for kind, value in subjects]
        if kind.is_namespaced:
            each["metadata"]["namespace"] = self.call.namespace or "default"
        self.cluster.objects.add(each, "kubectl-create")
        print(f"{kind.printed}/{name} created")
        return 0

    def _wait(self) -> int:
        kind, _, name = self.call.words[1].partition("/")
        if self._named(_kind(kind), name) is not None:
            print(f"{_kind(kind).printed}/{name} condition met")
        return 0

    def _delete(self) -> int:
        words = self.call.words[1:]
        if self.call.files:
            for each in self._objects():
                if "--dry-run=server" in self.arguments:
                    self._allowed("delete", _kind(each["kind"]))
                    continue
                self._removed(kind_of(each), each["metadata"]["name"], each["metadata"].get("namespace"))
            return 0
        kind, names = (words[0].split("/")[0], [words[0].split("/")[1]]) if "/" in words[0] else (words[0], words[1:])
        for name in names:
            if name in self.cluster.objects.daemons.pods:
                self._allowed("delete", _kind(kind))
                self.cluster.objects.replace_pod(name)
            elif self._named(_kind(kind), name) is not None:
                self._removed(_kind(kind), name, self.call.namespace)
        return 0

    def _removed(self, kind: Kind, name: str, namespace: str | None) -> None:
        self._allowed("delete", kind)
        found = self._one(kind, name, namespace)
        if found is not None:
            objects = self.cluster.objects.objects
            del objects[next(key for key, each in objects.items() if each is found)]
            print(f'{kind.printed} "{name}" deleted')

    def _auth(self) -> int:
        verb, word = self.call.words[2:4]
        kind = Kind("*", "*", group="*") if word == "*" else _kind(word)
        yes = may(self.user, verb, kind, self.call.namespace or "default", self.cluster)
        print("yes" if yes else "no")
        return 0 if yes else 1

    def _objects(self) -> list[dict[str, Any]]:
        named = list(self.call.files)
        if "kustomize" in self.call.options:
            root = Path(self.call.options["kustomize"])
            listed = Document.parse((root / "kustomization.yaml").read_bytes()).data["resources"]
            named += [str(root / name) for name in listed]
        found: list[dict[str, Any]] = []
        for name in named:
            data = sys.stdin.buffer.read() if name == "-" else _read(name)
            found += _documents(data.decode())
        return [item for each in found for item in (each["items"] if each["kind"] == "List" else [each])]

    def _allowed(self, verb: str, kind: Kind) -> None:
        namespace = self.call.namespace or "default" if kind.is_namespaced else None
        if not may(self.user, verb, kind, namespace, self.cluster):
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            raise Refusal(
                f'Error from server (Forbidden): {kind.plural} is forbidden: User "{self.user.name}" cannot {verb} '
                f'resource "{kind.plural}" in API group "{kind.group}" {where}'
            )


def _documents(text: str) -> list[dict[str, Any]]:
    """Of YAML, or of a stream of JSON with one object a line."""
    if text.startswith("{"):
        return [json.loads(line) for line in text.splitlines()]
    return [each for part in text.split("\n---\n") if (each := Document.parse(part.encode()).data)]


def _served(cluster: LiveCluster) -> list[Kind]:
    has_mappings = any(key[0] == "CustomResourceDefinition" for key in cluster.objects.objects)
    return [kind for kind in KINDS if has_mappings or kind.name != "IAMIdentityMapping"]


def _kind(word: str) -> Kind:
    found = kind_named(word)
    if found is None:
        raise Refusal(f'error: the server doesn\'t have a resource type "{word}"')
    return found


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise Refusal(f'error: the path "{name}" does not exist') from None


def _show(data: Any) -> int:
    sys.stdout.write(json.dumps(data, indent=4) + "\n")
    return 0


def main(arguments: list[str]) -> int:
    call = Call.parse(arguments)
    try:
        chosen = choose(call.options.get("kubeconfig"), call.options.get("context"))
        server = str(chosen.cluster.get("server", ""))
        cluster = Cloud.here().serving(server, chosen.cluster_name)
        if cluster is None:
            host = server.partition("//")[2]
            raise Refusal(f"The connection to the server {host} was refused - did you specify the right host or port?")
        token = credential(chosen.user)
        user = ADMIN if token is None else review(cluster, token)
        if isinstance(user, str):
            raise Refusal("error: You must be logged in to the server (Unauthorized)")
        return Kubectl(call, arguments, chosen, cluster, user).run()
    except Refusal as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
