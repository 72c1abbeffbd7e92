"""Kubernetes' published schemas, 1.9 to 1.24, in tests/golden/kubernetes-schemas: reading them and making them anew.

`python -m tests.emit.kubernetes_schemas` writes the file from ../shared/schemas; its README says what is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from tests.support import GOLDEN, SHARED

MINORS = range(9, 25)
FILE = GOLDEN / "kubernetes-schemas" / "schemas.json"

# What the program emits, by the first and the last minor that it emits it for; CustomResourceDefinition is published
# from 1.11 on only.
EMITTED = {
    "v1 ConfigMap": (9, 24),
    "v1 ServiceAccount": (9, 24),
    "apps/v1 DaemonSet": (9, 24),
    "rbac.authorization.k8s.io/v1 ClusterRole": (9, 24),
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": (9, 24),
    "rbac.authorization.k8s.io/v1 RoleBinding": (9, 24),
    "apiextensions.k8s.io/v1beta1 CustomResourceDefinition": (11, 15),
    "apiextensions.k8s.io/v1 CustomResourceDefinition": (16, 24),
}

# A validator reads none of them.
_WITHOUT = ("description", "x-kubernetes-")
_PREFIX = "#/definitions/"


@cache
def kubernetes_schema(version: str) -> Any:
    """{kinds: {"apiVersion Kind": $ref}, definitions}, of "1.12"; unknown fields are errors."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    minor = int(version.partition(".")[2])
    return {part: dict(_of(minor, recorded[part])) for part in ("kinds", "definitions")}


def _of(minor: int, recorded: dict[str, list[list[Any]]]) -> Iterator[tuple[str, Any]]:
    for name, spans in recorded.items():
        for first, last, value in spans:
            if first <= minor <= last:
                yield name, value


def pruned(published: dict[int, Any]) -> dict[str, Any]:
    """What the file has, of what was published by minor."""
    made: dict[str, Any] = {"kinds": {}, "definitions": {}}
    for minor, schema in sorted(published.items()):
        kinds = {
            kind: schema["kinds"][kind] for kind, (first, last) in sorted(EMITTED.items()) if first <= minor <= last
        }
        needed = _with_references(kinds.values(), schema["definitions"])
        for part, values in (("kinds", kinds), ("definitions", {name: needed[name] for name in sorted(needed)})):
            for name, value in values.items():
                _add(made[part].setdefault(name, []), minor, value)
    return made


def _with_references(references: Iterable[str], definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = list(references)
    while waiting:
        name = waiting.pop().removeprefix(_PREFIX)
        if name not in found:
            found[name] = _without_remarks(definitions[name])
            waiting += _references(found[name])
    return found


def _without_remarks(value: Any) -> Any:
    """A key below `properties` is a field's name and stays, `description` too."""
    if isinstance(value, list):
        return [_without_remarks(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: _without_remarks(each) for name, each in sorted(child.items())}
        if key == "properties"
        else _without_remarks(child)
        for key, child in sorted(value.items())
        if not key.startswith(_WITHOUT)
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "$ref" and isinstance(child, str):
                yield child
            else:
                yield from _references(child)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _add(spans: list[list[Any]], minor: int, value: Any) -> None:
    """The same again in the next minor makes the span longer."""
    if spans and spans[-1][1] == minor - 1 and spans[-1][2] == value:
        spans[-1][1] = minor
    else:
        spans.append([minor, minor, value])


def published() -> dict[int, Any]:
    place = SHARED / "schemas" / "kubernetes"
    return {minor: json.loads((place / f"v1.{minor}.json").read_text(encoding="utf-8")) for minor in MINORS}


def text_of(schemas: dict[str, Any]) -> str:
    """A line for every span: what a later Kubernetes changes is then a line of a difference."""
    parts = []
    for part, names in schemas.items():
        lines = []
        for name, spans in names.items():
            made = ",\n  ".join(json.dumps(span, separators=(",", ":")) for span in spans)
            lines.append(f"{json.dumps(name)}:[\n  {made}]")
        parts.append(f"{json.dumps(part)}:{{\n" + ",\n".join(lines) + "}")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    FILE.write_text(text_of(pruned(published())), encoding="utf-8")
