"""Kubernetes' published schemas, strict, by version: 1.9 to 1.24 from tests/golden, later ones by package."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
from kubernetes_validate.utils import SchemaNotFoundError, all_versions

from tests.support import GOLDEN

OLD = [f"1.{minor}" for minor in range(9, 25)]
NEW = sorted({version.rpartition(".")[0] for version in all_versions()}, key=lambda text: int(text.split(".")[1]))

# A label's value, by Kubernetes' apimachinery; its schemas say of it only that it is a string.
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?", re.ASCII)
_FREE_TEXT = ("args", "image", "labels", "annotations", "data")


class Validator:
    """Takes each object once, in so far as its schema can tell it from another one."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._seen: set[str] = set()

    def check(self, objects: list[dict[str, Any]]) -> None:
        """Raises ValidationError."""
        for each in filter(self._is_new, objects):
            self._check(each, objects)

    def _is_new(self, value: dict[str, Any]) -> bool:
        if not self._adds(json.dumps(value)):
            return False
        for labels in _labels(value):
            for text in labels.values():
                assert _LABEL_VALUE.fullmatch(text), text
        return self._adds(json.dumps(_without_free_text(value)))

    def _adds(self, text: str) -> bool:
        is_new = text not in self._seen
        self._seen.add(text)
        return is_new

    def _check(self, value: dict[str, Any], others: list[dict[str, Any]]) -> None:
        group = value["apiVersion"].rpartition("/")[0]
        own = next((each["spec"] for each in others if each.get("spec", {}).get("group") == group), None)
        if own is not None:
            _check_custom(value, own)
        elif self.version in NEW:
            kubernetes_validate.validate(value, self.version, strict=True)
        elif value["kind"] == "CustomResourceDefinition" and self.version in OLD[:2]:
            pass  # its schema is published from 1.11 on only
        else:
            _old_validator(self.version, value["apiVersion"], value["kind"]).validate(value)


def _check_custom(value: dict[str, Any], definition: dict[str, Any]) -> None:
    """Against the schema in the CustomResourceDefinition that comes with it, v1 or v1beta1."""
    versions = definition.get("versions") or [{"name": definition["version"], "schema": definition["validation"]}]
    served = {each["name"]: each["schema"]["openAPIV3Schema"] for each in versions}
    assert definition["names"]["kind"] == value["kind"]
    jsonschema.validate(value, served[value["apiVersion"].rpartition("/")[2]])


@cache
def _old_schemas(version: str) -> dict[str, Any]:
    """Kinds and definitions by name, of tests/golden/kubernetes-schemas, whose README describes them."""
    recorded = json.loads((GOLDEN / "kubernetes-schemas" / "schemas.json").read_text(encoding="utf-8"))
    minor = int(version.partition(".")[2])
    return {
        part: {name: value for name, spans in of_all.items() for first, last, value in spans if first <= minor <= last}
        for part, of_all in recorded.items()
    }


@cache
def _old_validator(version: str, api_version: str, kind: str) -> Any:
    schema = _old_schemas(version)
    reference = schema["kinds"].get(f"{api_version} {kind}")
    if reference is None:
        raise SchemaNotFoundError(kind=kind, version=version, api_version=api_version)
    return jsonschema.Draft4Validator({"$ref": reference, "definitions": schema["definitions"]})


def _labels(value: Any) -> Iterable[dict[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key in ("labels", "matchLabels", "nodeSelector"):
                yield child
            else:
                yield from _labels(child)
    elif isinstance(value, list):
        for child in value:
            yield from _labels(child)


def _without_free_text(value: Any, *, is_free: bool = False) -> Any:
    """Without the texts that the schemas take whatever they say."""
    if isinstance(value, dict):
        return {key: _without_free_text(child, is_free=is_free or key in _FREE_TEXT) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_free_text(child, is_free=is_free) for child in value]
    return "" if is_free and isinstance(value, str) else value
