"""The daemon's configuration file as plain data, read as the configuration library of its release reads it."""

from __future__ import annotations

import math
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.dialects import YAML_V2, YAML_V2_LATER, YAML_V3, Dialect
from tarmak_iam.document.json_reader import construct_json
from tarmak_iam.document.nodes import Alias, walk
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.text import quoted

__all__ = ["load_config", "lowers_lists", "parse_config", "refuses_duplicates"]

_YAML_EXTENSIONS = ("yaml", "yml")
_OTHER_EXTENSIONS = ("toml", "properties", "props", "prop", "hcl", "env", "dotenv", "ini", "tfvars")


def parse_config(text: str, filename: str, shown_as: str | None = None) -> Document:
    """The file's extension selects the format, in lower case only. Raises NotStarted."""
    extension = filename.rpartition(".")[2] if "." in filename.rpartition("/")[2] else ""
    if extension in _OTHER_EXTENSIONS:
        raise NotStarted(f"a .{extension} configuration is not supported here; use YAML")
    if extension not in ("json", *_YAML_EXTENSIONS):
        raise NotStarted(
            f"the file name {quoted(filename)} has no extension that the daemon knows (.yaml, .yml, .json)"
        )
    try:
        document = Document.parse(text, shown_as or filename, json=extension == "json")
    except ParseError as error:
        raise NotStarted(f"the configuration cannot be read: {error}") from None
    if document.is_json and document.source.mark:
        raise NotStarted("the configuration cannot be read: JSON must not begin with a byte order mark")
    return document


def load_config(document: Document, version: DaemonVersion) -> Any:
    """A mapping, or None for an empty file. Raises NotStarted."""
    if document.is_json:
        return _go_numbers(construct_json(document.root, merge=False)) if document.root else None
    if document.yaml_version not in (None, (1, 1)):
        what = "the configuration cannot be read: it has a %YAML directive other than 1.1"
        raise NotStarted(what, remedy="remove the line with %YAML")
    dialect = _dialect(version)
    try:
        data = document.read_as(dialect)
    except ParseError as error:
        what = f"the configuration cannot be read: {error}"
        raise NotStarted(what, remedy=error.remedy, place=error.place) from None
    if data is not None and not isinstance(data, dict):
        remedy = "write server: at the beginning of a line, and mapRoles: below it"
        raise NotStarted("the configuration is no mapping", remedy=remedy)
    if refuses_duplicates(version):
        _refuse_duplicates(document)
    return data


def refuses_duplicates(version: DaemonVersion) -> bool:
    """Whether a key that is there twice ends the process."""
    return _dialect(version) is YAML_V3


def lowers_lists(version: DaemonVersion) -> bool:
    """Whether viper makes the keys of mappings in lists lower-case, as it does from 1.19 on."""
    return _dialect(version) is YAML_V3


def _dialect(version: DaemonVersion) -> Dialect:
    """viper 1.19 changed to yaml.v3, where a duplicate key is an error too; v0.4.0 and v0.5.0 have yaml.v2 2.2.2."""
    if any(version.has(f"viper {tag}") for tag in ("v1.19.0", "v1.20.1", "v1.21.0")):
        return YAML_V3
    return YAML_V2 if version.known < DaemonVersion(0, 5, 1) else YAML_V2_LATER


def _refuse_duplicates(document: Document) -> None:
    for node in walk(document.root) if document.root else ():
        for entry in node.entries if isinstance(node, MappingNode) else ():
            if entry.occurrence and not isinstance(entry.key, Alias):
                place = document.place(entry.key)
                what = f"the key {quoted(entry.text)} is there twice (line {place.line}), which this version refuses"
                raise NotStarted(what, remedy="remove one of them", place=place)


def _go_numbers(value: Any) -> Any:
    """encoding/json makes every number a float64, and refuses one that does not fit."""
    if isinstance(value, dict):
        return {key: _go_numbers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_go_numbers(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        if math.isinf(number):
            raise NotStarted("the configuration cannot be read: a number is out of range")
        return number
    return value
