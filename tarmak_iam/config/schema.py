"""JSON Schemas, generated from the sections' models; a field's docstring is its description."""

from __future__ import annotations

import json
from typing import Any

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.sections import Section

__all__ = ["section_schema", "section_schema_text"]

# The draft that yaml-language-server reads.
_DRAFT = "http://json-schema.org/draft-07/schema#"


def section_schema(section: Section[Any]) -> dict[str, Any]:
    """The schema of one section; null is allowed wherever Tarmak takes it for absent, which is everywhere."""
    schema: dict[str, Any] = section.model.model_json_schema(mode="validation")
    definitions = schema.pop("$defs", {})
    body: dict[str, Any] = _draft07(
        {"$schema": _DRAFT, "title": section.name, **{k: v for k, v in schema.items() if k != "title"}}
    )
    return body | {"definitions": {name: _draft07(each) for name, each in sorted(definitions.items())}}


def section_schema_text() -> str:
    """The schema file of the built-in section, as it is kept in schemas/."""
    return json.dumps(section_schema(AMAZON), indent=2, ensure_ascii=False) + "\n"


def _draft07(value: Any) -> Any:
    """`$defs` is `definitions` before draft 2019; every property takes null; the titles add nothing."""
    if isinstance(value, list):
        return [_draft07(item) for item in value]
    if not isinstance(value, dict):
        return value.replace("#/$defs/", "#/definitions/") if isinstance(value, str) else value
    changed = {key: _draft07(child) for key, child in value.items()}
    if isinstance(changed.get("description"), str):
        changed["description"] = " ".join(changed["description"].split())  # a docstring's lines are the code's
    if isinstance(changed.get("properties"), dict):
        changed["properties"] = {name: _nullable(_untitled(each)) for name, each in changed["properties"].items()}
    return changed


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]}
    return schema
