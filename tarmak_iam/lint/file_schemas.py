"""JSON Schemas (draft-07) of a cluster's mappings and settings, for editors.

`check` has a finding or an error for everything that they flag. They leave to it what depends on the release, and
unusual but valid spellings. Keys of the mappings are accepted in any case, and offered in their documented spelling.
"""

from __future__ import annotations

from tarmak_iam.config.schema import model_schema
from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.installation.settings_model import SettingsModel
from tarmak_iam.lint.authenticator_keys import AuthenticatorKey, Schema, authenticator_keys
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
    schema = model_schema(SETTINGS_NAME, SettingsModel)
    schema["description"] = "Settings of tarmak-iam for a cluster. A setting that is missing has its default."
    for key, setting in SETTINGS.items():
        schema["properties"][key] |= setting.limits
    return schema


def _object(keys: tuple[AuthenticatorKey, ...]) -> Schema:
    """A YAML mapping with these keys, in any case, and otherwise only keys that begin with `x-`."""
    schemas = {key.name: _schema(key) for key in keys}
    return {
        "type": "object",
        "properties": {key.name: schemas[key.name] for key in keys if key.is_offered},
        "patternProperties": {**{_in_any_case(name): schema for name, schema in schemas.items()}, "^x-": {}},
        "additionalProperties": False,
    }


def _schema(key: AuthenticatorKey) -> Schema:
    if not key.keys:
        return key.schema
    if "array" in key.schema["type"]:
        return {**key.schema, "items": _object(key.keys)}
    return {**key.schema, **_object(key.keys), "type": key.schema["type"]}


def _in_any_case(name: str) -> str:
    letters = (f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter for letter in name)
    return f"^{''.join(letters)}$".replace(".", r"\.")
