"""A stand-in of kubectl on the session's clusters. The cluster in memory answers what tarmak-iam calls; here is what
people type: reading, applying, asking what one may."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tarmak_iam import yaml_bytes
from tarmak_iam.document import Document
from tests.docs.stand_ins.cloud import Cloud, LiveCluster
from tests.docs.stand_ins.daemon import User, review

_BY_MACHINE = ("annotate", "api-resources", "delete", "replace", "version")
_NAMES = {"nodes": "Node", "pods": "Pod", "configmap": "ConfigMap", "crd": "CustomResourceDefinition"}
_ADMIN = User("admin", ("system:masters",))
_RBAC = "rbac.authorization.k8s.io"
_VIEW = {"apiGroups": ["", "apps"], "resources": ["configmaps", "pods", "services"], "verbs": ["get", "list", "watch"]}
_EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_BUILT_IN = {"view": [_VIEW], "cluster-admin": [_EVERYTHING]}


class Refusal(Exception):
    """kubectl's error, as it says it."""


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for names in (("--kubeconfig",), ("--context",), ("-n", "--namespace"), ("-o", "--output"), ("--raw",)):
        parser.add_argument(*names)
    for name in ("--clusterrole", "--group", "--for", "-k"):
        parser.add_argument(name)
    parser.add_argument("-f", action="append", default=[])
    found, rest = parser.parse_known_args(arguments)
    found.words = [word for word in rest if not word.startswith("-")]
    return found


def main(arguments: list[str]) -> int:
    call = parsed(arguments)
    try:
        context, cluster_entry, user_entry = chosen(call.kubeconfig, call.context)
        server = str(cluster_entry.get("server", ""))
        cluster = Cloud.here().serving(server, str(context["cluster"]))
        if cluster is None:
            host = server.partition("//")[2]
            raise Refusal(f"The connection to the server {host} was refused - did you specify the right host or port?")
        token = credential(user_entry)
        user = _ADMIN if token is None else review(cluster, token)
        if isinstance(user, str):
            raise Refusal("error: You must be logged in to the server (Unauthorized)")
        namespace = call.namespace or context.get("namespace") or "default"
        if call.output == "json" or call.raw or call.words[0] in _BY_MACHINE:
            return by_machine(cluster, user, arguments)
        sys.stdout.write(by_hand(cluster, user, call, namespace))
        Cloud.here().keep(cluster)
        return 0
    except Refusal as error:
        sys.stderr.write(f"{error}\n")
        return 1


def chosen(given: str | None, context_name: str | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A context of the kubeconfig with its cluster and its user."""
    listed = [Path(path) for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    paths = [Path(given)] if given else [*listed, Path.home() / ".kube" / "config"]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise Refusal(
            "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
        )
    data = Document.parse(path.read_bytes(), str(path)).data

    def named(kind: str, name: str) -> dict[str, Any]:
        return next((entry[kind] for entry in data.get(f"{kind}s") or () if entry["name"] == name), {})

    context = named("context", context_name or data.get("current-context") or "")
    if not context:
        raise Refusal(f'error: context "{context_name}" does not exist')
    return context, named("cluster", context["cluster"]), named("user", context.get("user", ""))


def credential(user: dict[str, Any]) -> str | None:
    """The token that its command prints; None for the admin's certificate."""
    if "exec" not in user:
        return None
    command = user["exec"]
    words = [command["command"], *(command.get("args") or ())]
    info = {"apiVersion": command["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
    variables = {entry["name"]: entry["value"] for entry in command.get("env") or ()}
    environment = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        why = f"getting credentials: exec: executable {words[0]} failed with exit code {done.returncode}"
        raise Refusal(f"{done.stderr.strip()}\nUnable to connect to the server: {why}")
    return str(json.loads(done.stdout)["status"]["token"])


def by_machine(cluster: LiveCluster, user: User, arguments: list[str]) -> int:
    words = tuple(word for word in arguments if not word.startswith(("--kubeconfig", "--context")))
    text = sys.stdin.read() if "-" in words else ""
    if any(word.endswith("selfsubjectreviews") for word in words):
        print(json.dumps({"kind": "SelfSubjectReview", "status": {"userInfo": user.info}}))
        return 0
    if '"kind": "TokenReview"' in text:
        body = json.loads(text)
        owner = review(cluster, body["spec"]["token"])
        status = {"error": owner} if isinstance(owner, str) else {"authenticated": True, "user": owner.info}
        print(json.dumps({**body, "status": status}))
        return 0
    done = cluster.run(words, text)
    sys.stdout.write(done.out)
    sys.stderr.write(done.err)
    Cloud.here().keep(cluster)
    return done.code


def by_hand(cluster: LiveCluster, user: User, call: argparse.Namespace, namespace: str) -> str:
    match call.words:
        case ["get", kind, *names]:
            return got(cluster, user, _NAMES[kind], names, namespace, call.output)
        case ["apply"]:
            return "".join(applied(cluster, each) for each in objects_of(call))
        case ["create", "clusterrolebinding", name]:
            role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": call.clusterrole}
            subjects = [{"apiGroup": _RBAC, "kind": "Group", "name": call.group}]
            binding = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name}}
            return applied(cluster, {**binding, "roleRef": role, "subjects": subjects})
        case ["wait", what]:
            kind, _, name = what.partition("/")
            (found,) = (each for key, each in cluster.objects.items() if key[::2] == (_NAMES[kind], name))
            return f"{printed_name(found)} condition met\n"
        case ["auth", "can-i", verb, resource]:
            if may(cluster, user, verb, resource, namespace):
                return "yes\n"
            print("no")
            raise SystemExit(1)
    raise Refusal(f"the stand-in does not know kubectl {' '.join(call.words)}")


def got(cluster: LiveCluster, user: User, kind: str, names: list[str], namespace: str, output: str | None) -> str:
    resource, is_namespaced = f"{kind.lower()}s", kind not in ("Node", "CustomResourceDefinition")
    if not may(cluster, user, "get" if names else "list", resource, namespace if is_namespaced else None):
        where = f'in the namespace "{namespace}"' if is_namespaced else "at the cluster scope"
        raise Refusal(
            f'Error from server (Forbidden): {resource} is forbidden: User "{user.name}" cannot '
            f'{"get" if names else "list"} resource "{resource}" in API group "" {where}'
        )
    place = namespace if is_namespaced else ""
    found = [
        each for key, each in cluster.objects.items() if key[:2] == (kind, place) and key[2] in (names or [key[2]])
    ]
    if not found and names:
        raise Refusal(f'Error from server (NotFound): {resource} "{names[0]}" not found')
    if not found:
        sys.stderr.write("No resources found\n")
        return ""
    if output == "yaml":
        (one,) = found
        metadata = {key: value for key, value in one["metadata"].items() if key != "managedFields"}
        return yaml_bytes({**one, "metadata": metadata}).decode()
    return table([row(each) for each in found])


def row(each: dict[str, Any]) -> dict[str, str]:
    """The columns of `kubectl get`."""
    metadata, age = each["metadata"], {"AGE": "5d"}
    if each["kind"] == "ConfigMap":
        return {"NAME": metadata["name"], "DATA": str(len(each.get("data") or {})), **age}
    roles = ",".join(label.rpartition("/")[2] for label in metadata["labels"])
    version = {"VERSION": metadata["annotations"]["kubelet-version"]}
    return {"NAME": metadata["name"], "STATUS": "Ready", "ROLES": roles, **age, **version}


def table(rows: list[dict[str, str]]) -> str:
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def applied(cluster: LiveCluster, each: dict[str, Any]) -> str:
    metadata = each["metadata"]
    before = cluster.get(each["kind"], metadata["name"], metadata.get("namespace", ""))
    is_same = before is not None and all(before.get(key) == each[key] for key in each if key != "metadata")
    cluster.client_side_apply(each)
    done = "created" if before is None else "unchanged" if is_same else "configured"
    return f"{printed_name(each)} {done}\n"


def printed_name(each: dict[str, Any]) -> str:
    group = each["apiVersion"].rpartition("/")[0]
    return f"{each['kind'].lower()}{f'.{group}' if group else ''}/{each['metadata']['name']}"


def objects_of(call: argparse.Namespace) -> list[dict[str, Any]]:
    paths = [*call.f]
    if call.k:
        listed = Document.parse((Path(call.k) / "kustomization.yaml").read_bytes()).data["resources"]
        paths += [str(Path(call.k, name)) for name in listed]
    texts = [sys.stdin.read() if path == "-" else Path(path).read_text() for path in paths]
    found = [Document.parse(part).data for text in texts for part in text.split("\n---\n")]
    return [each for each in found if each]


def may(cluster: LiveCluster, user: User, verb: str, resource: str, namespace: str | None) -> bool:
    """By its bindings; None for what is in no namespace."""
    names = {"User": {user.name}, "Group": {*user.groups, "system:authenticated"}}
    rules: list[dict[str, Any]] = [_EVERYTHING] if "system:masters" in user.groups else []
    for kind, place in (("ClusterRoleBinding", ""), ("RoleBinding", namespace)):
        for key, each in cluster.objects.items():
            is_bound = any(subject["name"] in names.get(subject["kind"], ()) for subject in each.get("subjects") or ())
            if key[:2] == (kind, place) and is_bound:
                role = each["roleRef"]
                home = "" if role["kind"] == "ClusterRole" else namespace or ""
                made = cluster.objects.get((role["kind"], home, role["name"]))
                rules += made["rules"] if made else _BUILT_IN[role["name"]]
    return any({verb, "*"} & {*rule["verbs"]} and {resource, "*"} & {*rule["resources"]} for rule in rules)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
