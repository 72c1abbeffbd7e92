"""Objects as `kubectl get` prints them."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam import yaml_bytes
from tests.docs.stand_ins.resources import kind_of, table

__all__ = ["printed"]

Object = dict[str, Any]


def printed(found: list[Object], output: str, is_list: bool, *, with_managers: bool, with_namespaces: bool) -> str:
    """`output`: json, yaml, name, or nothing for a table of each kind."""
    if output in ("json", "yaml"):
        shown = found if with_managers or output == "json" else [_without_managers(each) for each in found]
        data: Any = {"apiVersion": "v1", "kind": "List", "items": shown} if is_list else shown[0]
        if output == "json":
            return json.dumps(data, indent=4) + "\n"
        return yaml_bytes(data).decode()
    tables = []
    for kind in dict.fromkeys(kind_of(each) for each in found):
        objects = [each for each in found if each["kind"] == kind.name]
        if output == "name":
            tables.append("".join(f"{kind.printed}/{each['metadata']['name']}\n" for each in objects))
        else:
            tables.append(table(kind, objects, all_namespaces=with_namespaces))
    return "".join(tables) if output == "name" else "\n".join(tables)


def _without_managers(each: Object) -> Object:
    kept = {key: value for key, value in each["metadata"].items() if key != "managedFields"}
    return {**each, "metadata": kept}
