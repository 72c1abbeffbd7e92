"""The RBAC objects of a cluster that usernames and groups rely on, as manifests for another cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tarmak_iam.hook.cluster.objects import Object, Ref, comparable
from tarmak_iam.identity.templates import can_become

_DEFAULTS = "kubernetes.io/bootstrapping"
"""The label of the roles and bindings that every API server creates itself."""


def rbac_manifests(objects: Iterable[Object], names: Iterable[tuple[str, tuple[str, ...]]]) -> list[Object]:
    """Of all roles and bindings of a cluster: the bindings that name one of the groups or usernames, for these subjects
    only, after the roles that they grant. Roles of Kubernetes itself are left out, and so are bindings to a role that
    does not exist: they grant nothing. `names` are usernames, which may have templates, with their groups."""
    objects, names = list(objects), tuple(names)
    roles = {
        (ref.kind, ref.namespace, ref.name): item for item in objects if (ref := Ref.of(item)).kind.endswith("Role")
    }
    bindings, needed = list[Object](), dict[tuple[str, str, str], Object]()
    for item in objects:
        ref = Ref.of(item)
        if not ref.kind.endswith("RoleBinding") or _is_default(item):
            continue
        subjects = list(_subjects(item, names))
        granted = item.get("roleRef") or {}
        kind, name = str(granted.get("kind")), str(granted.get("name"))
        key = (kind, ref.namespace if kind == "Role" else "", name)
        if not subjects or key not in roles:
            continue
        bindings.append({**_manifest(item), "subjects": subjects})
        if not _is_default(roles[key]):
            needed[key] = _manifest(roles[key])
    return [*(needed[key] for key in sorted(needed)), *bindings]


def _is_default(item: Object) -> bool:
    return _DEFAULTS in ((item.get("metadata") or {}).get("labels") or {})


def _subjects(item: Object, names: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[dict[str, Any]]:
    for subject in item.get("subjects") or ():
        kind, name = subject.get("kind"), str(subject.get("name", ""))
        if any(
            (kind == "Group" and name in groups) or (kind == "User" and can_become(username, name))
            for username, groups in names
        ):
            yield subject


def _manifest(item: Object) -> Object:
    """Without what the old cluster added. The rules of an aggregated role are kept as they are now: the other cluster
    would compute them from roles that it does not have."""
    return {key: value for key, value in comparable(item).items() if key != "aggregationRule"}
