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
from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.json_format import KEYS, keys_of
from tarmak_iam.report.model import (
    AccessCell,
    ClusterReview,
    ClusterStatus,
    GitRevision,
    IneffectiveEntry,
    LastChange,
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
DEFINITIONS = (
    *(ReviewedFinding, LastChange, MappedIdentity, Ref, BindingRights, ReviewedPrincipal, IneffectiveEntry),
    *(AccessCell, ClusterReview, AdminAccess, Effect),
)
"""What is a definition of its own in the schema."""


def about(kind: type, part: str) -> Any:
    return TEXTS_OF.get(kind.__name__, {}).get(part, {})


TEXT: Schema = {"type": "string"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
LINE: Schema = {"type": ["integer", "null"], "minimum": 1}
IN_FILE: Schema = {
    "file": {"description": "The file; null if there is none", **OPTIONAL_TEXT},
    "line": LINE,
    "column": LINE,
}


def listed(kind: type, text: str = "") -> Schema:
    return {**({"description": text} if text else {}), "type": "array", "items": of_type(kind)}


def an_object(text: str, properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "description": text,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [key for key in properties if key not in optional],
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
    return an_object(about(kind, "about"), dict(properties_of(kind)), tuple(optional))


def effect() -> Schema:
    properties = {
        "principal": TEXT,
        "kind": TEXT,
        "before": OPTIONAL_TEXT,
        "after": OPTIONAL_TEXT,
        "gained": TEXTS,
        "lost": TEXTS,
        "text": TEXT,
        "reason": {"description": "Only for the authenticator, if it would no longer start: the reason", **TEXT},
        "orElse": {
            "description": "Only if the authenticator chooses at random: what the principal may get instead",
            **TEXTS,
        },
    }
    return an_object(
        "Access that a principal would gain and lose, as in diff -o json", properties, ("reason", "orElse")
    )


def live() -> Schema:
    effects = {
        "description": "Access that principals would gain and lose if the files were applied; null if that is not "
        "known",
        **or_null(listed(Effect)),
    }
    everyone = (
        "Rights of every authenticated caller (system:authenticated) and without a login (system:unauthenticated, "
        "system:anonymous); they are not repeated in the rights of each principal, but are included in its privilege"
    )
    properties = {
        "error": OPTIONAL_TEXT,
        "effects": effects,
        "unboundGroups": {"description": "Groups of the mappings that no binding names", **TEXTS},
        "everyone": listed(BindingRights, everyone),
    }
    return or_null(an_object("What was read from the cluster; null if it was not asked", properties))


def cluster() -> Schema:
    status = [key for key, _, _ in keys_of(ClusterStatus)]
    properties = {**dict(properties_of(ClusterReview)), "live": live()}
    made = an_object(about(ClusterReview, "about"), properties, tuple(status))
    return {**made, "dependencies": {status[0]: status[1:]}}


def schema() -> Schema:
    by_cluster = {
        "description": "By the name of the cluster; clusters that do not map it are missing",
        "type": "object",
        "additionalProperties": of_type(AccessCell),
    }
    kind = {**TEXT, "enum": about(ReviewedPrincipal, "values")["kind"]}
    row = an_object("A principal in all clusters", {"kind": kind, "principal": TEXT, "clusters": by_cluster})
    properties = {
        "file": {"description": "The tarmak.yaml that was read", **TEXT},
        "date": {"description": "The text given with --date", **OPTIONAL_TEXT},
        "revision": or_null(of_keys(GitRevision)),
        "history": {"description": "Why the history of the files is not known", **OPTIONAL_TEXT},
        "complete": {"description": "Whether everything could be read", "type": "boolean"},
        "summary": of_keys(ReviewSummary),
        "findings": listed(ReviewedFinding, "Findings about tarmak.yaml that are not about one cluster"),
        "clusters": listed(ClusterReview, "Clusters in the order of tarmak.yaml"),
        "principals": {"type": "array", "items": row},
    }
    own = {Effect: effect, ClusterReview: cluster}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tarmak-iam report -o json",
        **an_object(
            "An access review: which principals can log in to which cluster, as whom, and by which entry.", properties
        ),
        "definitions": {about(kind, "name"): own.get(kind, partial(of_keys, kind))() for kind in DEFINITIONS},
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text())
