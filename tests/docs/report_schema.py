"""Generates schemas/report.json from the keys and models of the report, and from the descriptions here.

python -m tests.docs.report_schema
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from tarmak_iam.access.diff import Effect
from tarmak_iam.aws.trust_policy import Trust
from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.json_format import KEYS, keys_of
from tarmak_iam.report.model import (
    AccessCell,
    AuditLog,
    ClusterReview,
    ClusterStatus,
    GitRevision,
    IneffectiveEntry,
    LastChange,
    Logins,
    MappedIdentity,
    ReviewedFinding,
    ReviewedPrincipal,
)
from tarmak_iam.report.rbac import BindingRights
from tarmak_iam.report.text_format import ReviewSummary
from tests.support import ROOT

PATH = ROOT / "schemas" / "report.json"
Schema = dict[str, Any]

TEXTS_OF: dict[str, dict[str, Any]] = Document.parse((ROOT / "tests" / "docs" / "report_texts.yaml").read_bytes()).data
WRITTEN: dict[str, Schema] = TEXTS_OF.pop("written")
DEFINITIONS = (
    *(ReviewedFinding, LastChange, MappedIdentity, Ref, BindingRights, ReviewedPrincipal, IneffectiveEntry),
    *(AccessCell, ClusterReview, AdminAccess, Effect, Logins, AuditLog, Trust),
)
"""What is a definition of its own in the schema."""


def about(kind: type, part: str) -> Any:
    return TEXTS_OF.get(kind.__name__, {}).get(part, {})


TEXT: Schema = {"type": "string"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
LINE: Schema = {"type": ["integer", "null"], "minimum": 1}
IN_FILE: Schema = {
    "file": {"description": "The file; null if there is none", **OPTIONAL_TEXT},
    "line": LINE,
    "column": LINE,
}


def or_null(schema: Schema) -> Schema:
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def type_of(kind: type, attribute: str) -> Any:
    for name in attribute.split("."):
        member = getattr(kind, name, None)
        kind = get_type_hints(member.fget)["return"] if isinstance(member, property) else get_type_hints(kind)[name]
    return kind


def of_type(kind: Any) -> Schema:
    args = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return or_null(of_type(next(each for each in args if each is not type(None))))
    if get_origin(kind) is tuple:
        return {"type": "array", "items": of_type(args[0])}
    if kind in DEFINITIONS:
        return {"$ref": f"#/definitions/{about(kind, 'name')}"}
    if kind in KEYS:
        return of_keys(kind)
    if issubclass(kind, Enum):
        return {**TEXT, "enum": [str(each) for each in kind]}
    return {"type": {bool: "boolean", int: "integer", str: "string", Path: "string", datetime: "string"}[kind]}


def properties_of(kind: type) -> Iterator[tuple[str, Schema]]:
    for key, attribute, mark in keys_of(kind):
        found = type_of(kind, attribute)
        inner = next((each for each in (*get_args(found), found) if each is not type(None)), found)
        if mark == "*":
            yield from IN_FILE.items() if inner is Place else properties_of(inner)
            continue
        schema = OPTIONAL_TEXT if mark == "?" else of_type(found)
        if values := about(kind, "values").get(key):
            schema = {**schema, "enum": values}
        if kind is ReviewSummary:
            schema = {**schema, "minimum": 0}
        if key == "sha256":
            schema = {**schema, "pattern": "^[0-9a-f]{64}$"}
        text = about(kind, "keys").get(key)
        yield key, {**({"description": text} if text else {}), **schema}


def of_keys(kind: type) -> Schema:
    optional = [key for key, _, mark in keys_of(kind) if mark == "+"]
    properties = dict(properties_of(kind))
    return {
        "description": about(kind, "about"),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [key for key in properties if key not in optional],
    }


def cluster() -> Schema:
    status = [key for key, _, _ in keys_of(ClusterStatus)]
    made = of_keys(ClusterReview)
    properties = {**made["properties"], "live": or_null(WRITTEN["live"])}
    required = [key for key in (*made["required"], "live") if key not in status]
    return {**made, "properties": properties, "required": required, "dependencies": {status[0]: status[1:]}}


def schema() -> Schema:
    made = WRITTEN["report"]
    made["properties"] |= {"revision": or_null(of_keys(GitRevision)), "summary": of_keys(ReviewSummary)}
    row = made["properties"]["principals"]["items"]
    row["properties"]["kind"] = {**TEXT, "enum": about(ReviewedPrincipal, "values")["kind"]}
    own: dict[type, Any] = {Effect: lambda: WRITTEN["effect"], ClusterReview: cluster}
    definitions = {about(kind, "name"): own.get(kind, partial(of_keys, kind))() for kind in DEFINITIONS}
    return {**made, "definitions": definitions}


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text())
