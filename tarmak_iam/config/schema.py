"""JSON Schemas (draft-07, which yaml-language-server reads) of a section and of a whole tarmak.yaml.

The schema of a section comes from its model, where the docstring of a field is its description. The schema of the file
comes from the table of Tarmak's types, with the descriptions in tarmak-descriptions.json, each for a key of a struct or
of any struct. A value that Tarmak accepts is never flagged, whichever YAML version the editor reads: `yes` is a boolean
for Tarmak and a string in YAML 1.2. A key that is flagged is one that Tarmak ignores.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import CHOICES, NOT_WRITTEN, QUANTITY, RFC3339, Field, default_of, root_field

WHOLE_FILE = "tarmak.yaml"
"""The name of the schema of the whole file; the others have the name of their section."""

Schema = dict[str, Any]
_DRAFT = "http://json-schema.org/draft-07/schema#"
# Strings in YAML 1.2 only. A boolean or number of both versions is a string only in quotes, which Tarmak rejects.
_BASED = "0_*([xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][-+]?[01_]+)"
_NUMBER = f"[-+]?{_BASED}|(?=.*_)[-+]?[0-9_]*[.]?[0-9_]*([eE]_*[-+]?[0-9_]+)?"
_WORDS = {
    "boolean": "^([yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$",
    **dict.fromkeys(("integer", "number"), f"^(?=[-+.0-9])({_NUMBER})$"),
}


def schema_text(schema: Schema) -> str:
    """The schema as text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def section_schema(section: Section[Any]) -> Schema:
    """The schema of one section. Keys that its model does not have are flagged, because Tarmak ignores them."""
    body, definitions = _section(section)
    return {"$schema": _DRAFT, "title": section.name, **body} | ({"definitions": definitions} if definitions else {})


def file_schema(sections: Iterable[Section[Any]]) -> Schema:
    """The schema of a whole tarmak.yaml: Tarmak's types, and the sections. At the top level it flags other spellings of
    a known key only: any other key may hold anchors, which `check` knows."""
    definitions: dict[str, Schema] = {}
    texts = json.loads(Path(__file__).with_name("tarmak-descriptions.json").read_bytes())
    _add_struct(root_field().struct, definitions, texts)
    root = definitions.pop(root_field().struct)
    for section in sections:
        name = f"section {section.name}"
        body, blocks = _section(section, prefix=f"{name}: ")
        definitions |= {name: body} | {f"{name}: {block}": schema for block, schema in blocks.items()}
        description = {"description": body["description"]} if "description" in body else {}
        _put({**description, **_ref(name)}, section.path, definitions)
    spellings: dict[str, Any] = {_spellings(key): False for key in root["properties"]}
    required: list[Schema] = []
    for key in ("apiVersion", "kind"):  # in any case: see decode
        described, any_case = root["properties"][key]["description"], f"^{in_any_case(key)}$"
        head = {"description": described, "type": ["string", "null"], "enum": [*CHOICES[f"Config.{key}"], None]}
        root["properties"][key] = spellings[any_case] = head
        required.append({"if": {"propertyNames": {"not": {"pattern": any_case}}}, "then": {"required": [key]}})
    file = {
        "$schema": _DRAFT,
        "title": WHOLE_FILE,
        "description": "The configuration of Tarmak, with the sections that tarmak-iam knows.",
        "type": "object",
        "properties": root["properties"],
        "patternProperties": spellings,
        "allOf": required,
    }
    return {**file, "definitions": _referenced(file, definitions)}


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
        made[key] = with_words(_draft07(made[key]))
    if "prefixItems" in made:
        made["items"] = [with_words(_draft07(item)) for item in made.pop("prefixItems")]
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


def with_words(schema: Any) -> Any:
    """Also accepts the strings that stand for the same values in YAML 1.1."""
    alternatives = _alternatives(schema) if isinstance(schema, dict) else [schema]
    return schema if len(alternatives) == 1 else {"anyOf": alternatives}


def _add_struct(name: str, definitions: dict[str, Schema], texts: dict[str, dict[str, str]]) -> None:
    if name in definitions:
        return
    properties: dict[str, Schema] = {}
    definitions[name] = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    fields, unwritten = Field("struct", struct=name).fields, []
    for key, field in fields.items():
        if _struct_of(field) in NOT_WRITTEN:
            unwritten.append(key)
        else:
            text = texts.get(name, {}).get(key) or texts[""].get(key, "")
            properties[key] = _described(_typed(field, definitions, texts), field, name, key, text)
    definitions[name]["patternProperties"] = {"|".join(("^x-", *(f"^{key}$" for key in unwritten))): {}}


def _described(schema: Schema, field: Field, struct: str, key: str, text: str) -> Schema:
    """With its description, which names the default, and the default."""
    default = default_of(struct, key, field)
    if default is None or re.search("Default|[Rr]equired|not (use|support)", text):
        return {"description": text, **schema}
    is_set = default not in ("", 0, [], {})
    shown = ", ".join(default) if isinstance(default, list) else default
    shown = json.dumps(shown) if isinstance(shown, (bool, dict)) else shown
    text += f" Default: {shown if is_set or default is False else 'none'}."
    return {"description": text, **({"default": default} if is_set else {}), **schema}


def _typed(field: Field, definitions: dict[str, Schema], texts: dict[str, dict[str, str]]) -> Schema:
    """The schema of the values that Tarmak accepts in the field; null always means that it is not set."""
    if field.kind == "struct":
        _add_struct(field.struct, definitions, texts)
        return _ref(field.struct)
    if field.of is not None:
        items = _typed(field.of, definitions, texts)
        if field.kind == "map":
            return {"type": ["object", "null"], "additionalProperties": items}
        if field.of.kind == "struct" and not field.of.keeps_value(is_item=True):  # null makes Tarmak panic
            items = {"type": "object", "allOf": [items]}
        listed: Schema = {"type": ["array", "null"], "items": items}
        return {"anyOf": [{"type": "string"}, listed]} if field.is_bytes else listed
    kinds: list[Schema] = {
        "timestamp": [{"type": "string", "pattern": _in_javascript(RFC3339)}],
        "quantity": [{"type": "string", "pattern": _in_javascript(rf"\s*{QUANTITY}")}, {"type": "number"}],
        "bool": [{"type": "boolean"}],
        "float64": [{"type": "number"}],
        "string": [{"type": "string"}],
    }.get(field.kind, [{"type": "integer"}])
    if field.choices:
        kinds = [{**kinds[0], "enum": list(field.choices)}, *([{"const": ""}] if field.kind == "string" else [])]
    return _property({"anyOf": kinds} if len(kinds) > 1 else kinds[0])


def _in_javascript(pattern: str) -> str:
    """A pattern of Python, which matches from the beginning, as one of JSON Schema."""
    return "^" + re.sub(r"\(\?P<\w+>", "(", pattern).removeprefix("(?a)").replace(r"\Z", r"\s*$")


def _spellings(key: str) -> str:
    """A pattern of the other spellings of a key that `spelled_otherwise` finds."""
    exact = in_any_case(key) if key in ("apiVersion", "kind") else key
    return f"^(?!{exact}$)" + r"[\s_-]*".join(("", *map(in_any_case, key), "$"))


def in_any_case(name: str) -> str:
    """A pattern of the name in upper and lower case."""
    letters = (f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter for letter in name)
    return "".join(letters).replace(".", r"\.")


def _referenced(schema: Schema, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """The definitions that a schema refers to, and those that they refer to, by name."""
    by_reference = {_ref(name)["$ref"]: name for name in definitions}
    referenced, waiting = dict[str, Schema](), [schema]
    while waiting:
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(waiting.pop())):
            name = by_reference[reference]
            if name not in referenced:
                referenced[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(referenced.items()))


def _struct_of(field: Field) -> str:
    return _struct_of(field.of) if field.of is not None else field.struct


def _ref(name: str) -> Schema:
    """A reference to a definition, escaped like a JSON pointer in a fragment."""
    escaped = name.replace("~", "~0").replace("/", "~1").replace("%", "%25").replace(" ", "%20")
    return {"$ref": f"#/definitions/{escaped}"}


def _put(schema: Schema, path: tuple[str, ...], definitions: dict[str, Schema]) -> None:
    """Puts the schema of a section into that of a cluster, replacing another one for the key. The structs on the path
    are copied there, because the original may also be used elsewhere."""
    node = definitions["Cluster"]
    for key in path[:-1]:
        inner = dict(node["properties"].get(key, {}))
        name = inner.pop("$ref", "").removeprefix("#/definitions/")
        node["properties"][key] = inner = {**inner, **copy.deepcopy(definitions.get(name, {}))}
        inner.setdefault("properties", {})
        node = inner
    node["properties"][path[-1]] = schema
