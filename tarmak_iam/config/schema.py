"""JSON Schemas (draft-07, which yaml-language-server reads) of a section and of a whole tarmak.yaml.

The schema of a section comes from its model, where the docstring of a field is its description. What Tarmak accepts is
never flagged, whichever YAML version the editor reads: `yes` is a boolean for Tarmak and a string in YAML 1.2.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import NOT_WRITTEN, Field, root_field

WHOLE_FILE = "tarmak.yaml"
"""The name of the schema of the whole file; the others have the name of their section."""

Schema = dict[str, Any]
_ANY = ("string", "integer", "number", "boolean", "array", "object", "null")
_DRAFT = "http://json-schema.org/draft-07/schema#"
# Strings in YAML 1.2 only. A boolean or number of both versions is a string only in quotes, which Tarmak rejects.
_WORDS = {
    "boolean": "^([yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$",
    "integer": "^[-+]?(0b[01_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*|[0-9]+_[0-9_]*)$",
}


def schema_text(schema: Schema) -> str:
    """The schema as text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def section_schema(section: Section[Any]) -> Schema:
    """The schema of one section. Keys that its model does not have are flagged, because Tarmak ignores them."""
    body, definitions = _section(section)
    return {"$schema": _DRAFT, "title": section.name, **body} | ({"definitions": definitions} if definitions else {})


def file_schema(sections: Iterable[Section[Any]]) -> Schema:
    """The schema of a whole tarmak.yaml: every key that Tarmak knows, of any type, and the complete sections. Other
    keys are not an error in it: Tarmak ignores them, and `check` reports them."""
    definitions: dict[str, Schema] = {}
    _add_struct(root_field().struct, definitions)
    root = definitions.pop(root_field().struct)
    for section in sections:
        name = f"section {section.name}"
        body, blocks = _section(section, prefix=f"{name}: ")
        definitions |= {name: body} | {f"{name}: {block}": schema for block, schema in blocks.items()}
        _put(_ref(name), section.path, definitions)
    return {
        "$schema": _DRAFT,
        "title": WHOLE_FILE,
        "description": "The configuration of Tarmak, with the sections that tarmak-iam knows.",
        "type": "object",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def _section(section: Section[Any], prefix: str = "") -> tuple[Schema, dict[str, Schema]]:
    """The schema of the section, and those of its blocks by name; references get the prefix."""
    references = _ref(prefix)["$ref"].replace("{", "{{").replace("}", "}}") + "{model}"
    schema: Schema = section.model_class.model_json_schema(mode="validation", ref_template=references)
    blocks = {name: _draft07(block) for name, block in sorted(schema.pop("$defs", {}).items())}
    return _draft07(schema) | {"type": ["object", "null"]}, blocks


def _draft07(schema: Any) -> Any:
    """Converts a schema and those in it: `$defs` is `definitions` before draft 2019; titles are removed; every property
    accepts null, which means that the key is not set."""
    if not isinstance(schema, dict):  # true and false are schemas too
        return schema
    made: Schema = {key: value for key, value in schema.items() if key not in ("title", "uniqueItems")}
    if "description" in made:  # the line breaks of a docstring are those of the code
        made["description"] = " ".join(made["description"].split())
    for key in {"anyOf", "allOf", "oneOf"} & made.keys():
        made[key] = [_draft07(inner) for inner in made[key]]
    for key in {"items", "additionalProperties"} & made.keys():
        made[key] = _with_words(_draft07(made[key]))
    if "prefixItems" in made:
        made["items"] = [_with_words(_draft07(item)) for item in made.pop("prefixItems")]
        made["additionalItems"] = False
    if "properties" in made:
        made["properties"] = {name: _property(_draft07(inner)) for name, inner in made["properties"].items()}
        made.setdefault("patternProperties", {"^x-": {}})
        made.setdefault("additionalProperties", False)
    return made


def _property(schema: Schema) -> Schema:
    """Adds null for a key that is not set; description and default stay next to the alternatives. Null is in the type
    of the first alternative if it has one: editors show each alternative separately."""
    notes: Schema = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    if notes.get("default", True) is None:
        del notes["default"]
    choices, limits = (schema.pop("anyOf"), schema) if "anyOf" in schema else ([schema], {})
    kinds = [{**choice, **limits} for choice in choices if choice != {"type": "null"}]
    first, *further = [alternative for kind in kinds for alternative in _alternatives(kind)]
    if not isinstance(first.get("type"), str) or "const" in first:
        further.append({"type": "null"})
    else:
        enum = {"enum": [*first["enum"], None]} if "enum" in first and None not in first["enum"] else {}
        first = {**first, "type": [first["type"], "null"], **enum}
    return {**notes, "anyOf": [first, *further]} if further else {**notes, **first}


def _alternatives(schema: Schema) -> list[Schema]:
    """The schema, and the strings that stand for the same values in YAML 1.1."""
    words = _WORDS.get(schema["type"]) if isinstance(schema.get("type"), str) else None
    return [schema] if words is None else [schema, {"type": "string", "pattern": words}]


def _with_words(schema: Any) -> Any:
    alternatives = _alternatives(schema) if isinstance(schema, dict) else [schema]
    return schema if len(alternatives) == 1 else {"anyOf": alternatives}


def _add_struct(name: str, definitions: dict[str, Schema]) -> None:
    if name not in definitions:
        definitions[name] = {}
        fields = {
            key: field
            for key, field in Field("struct", struct=name).fields.items()
            if _struct_of(field) not in NOT_WRITTEN
        }
        definitions[name]["properties"] = {key: _open(field, definitions) for key, field in fields.items()}


def _open(field: Field, definitions: dict[str, Schema]) -> Schema:
    """The schema of the content; a value may have any type, with its own first, because editors offer the first. The
    type is not checked here: Tarmak reads another YAML version than the editor."""
    if field.kind == "struct":
        _add_struct(field.struct, definitions)
        return _ref(field.struct)
    if field.kind == "list" and field.of is not None and _struct_of(field):
        return {"items": _open(field.of, definitions)}
    first = {"bool": "boolean", "list": "array"}.get(field.kind, "integer" if field.is_number else "string")
    return {"type": [first, *(kind for kind in _ANY if kind != first)]}


def _struct_of(field: Field) -> str:
    return _struct_of(field.of) if field.of is not None else field.struct


def _ref(name: str) -> Schema:
    """A reference to a definition, escaped like a JSON pointer in a fragment."""
    escaped = name.replace("~", "~0").replace("/", "~1").replace("%", "%25").replace(" ", "%20")
    return {"$ref": f"#/definitions/{escaped}"}


def _put(schema: Schema, path: tuple[str, ...], definitions: dict[str, Schema]) -> None:
    """Puts the schema of a section into that of a cluster, replacing what is there for the key. The structs on the path
    are copied there, because the original may also be used elsewhere."""
    node = definitions["Cluster"]
    for key in path[:-1]:
        inner = node["properties"].get(key, {})
        name = inner.get("$ref", "").removeprefix("#/definitions/")
        node["properties"][key] = inner = copy.deepcopy(definitions[name]) if name else inner
        inner.setdefault("properties", {})
        node = inner
    node["properties"][path[-1]] = schema
