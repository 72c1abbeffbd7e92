"""JSON Schemas (draft-07, which yaml-language-server reads) of a section and of a whole tarmak.yaml.

A section's comes from its model, and a field's docstring is its description. What Tarmak takes is never flagged,
in whichever YAML the editor reads: `yes` is a boolean for Tarmak and a text for YAML 1.2.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from tarmak_iam.config.sections import Section
from tarmak_iam.config.types import NOT_WRITTEN, Field, fields_of, root_struct

__all__ = ["WHOLE_FILE", "file_schema", "schema_text", "section_schema"]

WHOLE_FILE = "tarmak.yaml"
"""What the schema of the whole file is called where the others have a section's name."""

Schema = dict[str, Any]

_ANY = ("string", "integer", "number", "boolean", "array", "object", "null")

_DRAFT = "http://json-schema.org/draft-07/schema#"
# What YAML 1.2 takes for texts; what both take for a boolean or number is a text only in quotes, which Tarmak refuses.
_BOOLEAN_WORDS = "^([yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$"
_INTEGER_WORDS = "^[-+]?(0b[01_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*|[0-9]+_[0-9_]*)$"


def schema_text(schema: Schema) -> str:
    """As it is kept in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def section_schema(section: Section[Any]) -> Schema:
    """The schema of one section. Keys that its model does not have are flagged, for Tarmak ignores them."""
    body, definitions = _section(section)
    return {"$schema": _DRAFT, "title": section.name, **body} | ({"definitions": definitions} if definitions else {})


def file_schema(sections: Iterable[Section[Any]]) -> Schema:
    """The schema of a whole tarmak.yaml: every key that Tarmak knows, of any type, and the sections as they are.

    Further keys are no error there: Tarmak ignores them, and `check` tells.
    """
    definitions: dict[str, Schema] = {}
    _add_struct(root_struct().struct, definitions)
    for section in sections:
        body, own = _section(section, prefix=f"{section.name}.")
        definitions |= {f"{section.name}.{name}": each for name, each in own.items()}
        definitions[section.name] = body
        _put(_ref(section.name), section.path, definitions)
    root = definitions.pop(root_struct().struct)
    return {
        "$schema": _DRAFT,
        "title": WHOLE_FILE,
        "description": "The configuration of Tarmak, with the sections that tarmak-iam knows.",
        "type": "object",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def _section(section: Section[Any], prefix: str = "") -> tuple[Schema, dict[str, Schema]]:
    """The section's own schema, and those of its blocks by name; references get the prefix."""
    schema: Schema = section.model.model_json_schema(mode="validation")
    blocks = sorted(schema.pop("$defs", {}).items())
    body: Schema = _draft07(_untitled(schema), prefix)
    return body | {"type": ["object", "null"]}, {name: _draft07(_untitled(each), prefix) for name, each in blocks}


def _draft07(value: Any, prefix: str) -> Any:
    """`$defs` is `definitions` before draft 2019; every property takes null; titles add nothing."""
    if isinstance(value, list):
        return [_draft07(item, prefix) for item in value]
    if not isinstance(value, dict):
        return value.replace("#/$defs/", f"#/definitions/{prefix}") if isinstance(value, str) else value
    changed = {key: _draft07(child, prefix) for key, child in value.items()}
    if isinstance(changed.get("description"), str):
        changed["description"] = " ".join(changed["description"].split())  # a docstring's lines are the code's
    if isinstance(changed.get("properties"), dict):
        changed["properties"] = {name: _property(each) for name, each in changed["properties"].items()}
        changed.setdefault("additionalProperties", False)
    return changed


def _property(schema: Schema) -> Schema:
    """Null for what is not given, and YAML 1.1's own spellings of booleans and whole numbers."""
    schema = {key: value for key, value in _untitled(schema).items() if key != "default" or value is not None}
    kinds = [each.get("type") for each in schema.get("anyOf", [schema])]
    words = {"boolean": _BOOLEAN_WORDS, "integer": _INTEGER_WORDS}
    for kind, pattern in words.items():
        if kind in kinds and set(kinds) <= {kind, "null"}:
            limits: Schema = {key: schema.pop(key) for key in ("enum", "minimum", "maximum") if key in schema}
            schema.pop("anyOf", None)
            schema.pop("type", None)
            own: Schema = {"type": [kind, "null"], **limits}
            return schema | {"anyOf": [own, {"type": "string", "pattern": pattern}]}
    return schema | {"type": [schema["type"], "null"]} if isinstance(schema.get("type"), str) else schema


def _untitled(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "title"}


def _add_struct(name: str, definitions: dict[str, Schema]) -> None:
    if name in definitions:
        return
    definitions[name] = {}
    fields = {key: field for key, field in fields_of(name).items() if _struct_of(field) not in NOT_WRITTEN}
    definitions[name]["properties"] = {key: _open(field, definitions) for key, field in fields.items()}


def _open(field: Field, definitions: dict[str, Schema]) -> Schema:
    """What is inside, and of a value every type, its own first: that is the one an editor offers. Whether it is of
    that type is Tarmak's business, whose YAML is not the editor's."""
    if field.kind == "struct":
        _add_struct(field.struct, definitions)
        return _ref(field.struct)
    if field.kind == "list" and field.of is not None and _struct_of(field):
        return {"items": _open(field.of, definitions)}
    own = "boolean" if field.kind == "bool" else "array" if field.kind == "list" else "string"
    if field.is_number:
        own = "integer"
    return {"type": [own, *(each for each in _ANY if each != own)]}


def _struct_of(field: Field) -> str:
    return _struct_of(field.of) if field.of is not None else field.struct


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _put(schema: Schema, path: tuple[str, ...], definitions: dict[str, Schema]) -> None:
    """Puts a section's schema into a cluster's, in place of what is known of that key; the structs on the way are
    written out there, for what they are called by may have them elsewhere too."""
    node = definitions["Cluster"]
    for key in path[:-1]:
        inner = node["properties"].get(key, {})
        name = inner.get("$ref", "").removeprefix("#/definitions/")
        node["properties"][key] = inner = copy.deepcopy(definitions[name]) if name else inner
        inner.setdefault("properties", {})
        node = inner
    node["properties"][path[-1]] = schema
