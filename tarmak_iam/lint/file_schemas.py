"""JSON Schemas (draft-07) of a cluster's mappings and settings, for editors.

`check` has a finding or an error for everything that they flag. They leave to it what depends on the release, and
unusual but valid spellings. Keys of the mappings are accepted in any case, and offered in their documented spelling.
"""

from __future__ import annotations

from typing import Any

from tarmak_iam.config.schema import Schema, in_any_case, with_words
from tarmak_iam.installation.images import DEFAULT_IMAGE
from tarmak_iam.installation.setting_table import SETTINGS, Setting
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.lint.authenticator_keys import AuthenticatorKey, authenticator_keys
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME


def mappings_schema() -> Schema:
    """The schema of `aws-iam-authenticator.yaml`, as any release of the authenticator reads it."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": MAPPINGS_NAME,
        "description": "Who can log in to a cluster with AWS IAM, and as whom.",
        **_object(authenticator_keys()),
        "type": ["object", "null"],
    }


def settings_schema() -> Schema:
    """The schema of `tarmak-iam.yaml`."""
    defaults = {"image": DEFAULT_IMAGE}
    properties = {key: _setting_schema(row, defaults.get(key, row.default)) for key, row in SETTINGS.items()}
    for key, row in SETTINGS.items():  # VS Code and yaml-language-server mark them, and do not offer them
        message = {"deprecationMessage": f"This setting is now named {key}."}
        properties |= dict.fromkeys(row.formerly, properties[key] | message)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": SETTINGS_NAME,
        "additionalProperties": False,
        "description": "Settings of tarmak-iam for a cluster. A setting that is missing has its default.",
        "properties": properties,
        "type": ["object", "null"],
    }


def _setting_schema(setting: Setting, default: Any) -> Schema:
    """Null means that the setting is not set."""
    schema: dict[str, Any] = {"description": setting.description} | ({"default": default} if default else {})
    if isinstance(default, list):
        items = {"enum": list(setting.choices), "type": "string"}
        schema |= {"items": items, "minItems": 1, "type": ["array", "null"]}
    elif isinstance(default, dict):
        schema["additionalProperties"] = with_words({"type": "boolean"})
        schema["type"] = ["object", "null"]
    else:
        schema |= {"enum": [*setting.choices, None]} if setting.choices else {}
        schema["type"] = ["string", "null"]
    return {**schema, **setting.limits}


def _object(keys: tuple[AuthenticatorKey, ...]) -> Schema:
    """A YAML mapping with these keys, in any case, and otherwise only keys that begin with `x-`."""
    schemas = {key.name: _schema(key) for key in keys}
    return {
        "type": "object",
        "properties": {key.name: schemas[key.name] for key in keys if key.is_offered},
        "patternProperties": {**{f"^{in_any_case(name)}$": schema for name, schema in schemas.items()}, "^x-": {}},
        "additionalProperties": False,
    }


def _schema(key: AuthenticatorKey) -> Schema:
    if not key.keys:
        return key.schema
    if "array" in key.schema["type"]:
        return {**key.schema, "items": _object(key.keys)}
    return {**key.schema, **_object(key.keys), "type": key.schema["type"]}
