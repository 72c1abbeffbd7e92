"""Generates schemas/report.json from the keys and models of the report, and from the descriptions here.

python -m tests.docs.report_schema
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from tarmak_iam.access.diff import Effect
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
    SourceFile,
)
from tarmak_iam.report.rbac import BindingRights, PolicyRule
from tarmak_iam.report.text_format import ReviewSummary
from tests.support import ROOT

PATH = ROOT / "schemas" / "report.json"
Schema = dict[str, Any]

NAMES = {
    ReviewedFinding: "finding",
    LastChange: "change",
    MappedIdentity: "given",
    Ref: "named",
    BindingRights: "right",
    ReviewedPrincipal: "principal",
    IneffectiveEntry: "ineffectiveEntry",
    AccessCell: "cell",
    ClusterReview: "cluster",
    AdminAccess: "adminCertificate",
    Effect: "effect",
}
"""What is a definition of its own in the schema."""

ABOUT: dict[type, str] = {
    ReviewedFinding: "A finding of check; ignored is the reason in the comment that suppresses it, null if it is not "
    "suppressed",
    LastChange: "The last change of a file or of lines of it, from git",
    MappedIdentity: "The username and groups of an entry, with templates as written",
    Ref: "An object of the cluster",
    BindingRights: "The rights that one binding grants to one of its subjects",
    PolicyRule: "A rule of the role",
    ReviewedPrincipal: "A principal that can log in",
    IneffectiveEntry: "An entry by which no principal can log in",
    AccessCell: "The access of a principal in one cluster",
    ClusterReview: "One cluster",
    AdminAccess: "A client certificate, as read from its file",
    SourceFile: "A file that was read",
    GitRevision: "The commit that is checked out; null if there is none",
    ReviewSummary: "Numbers of what the review contains",
}

PRIVILEGE = """\
The highest privilege of all usernames and groups that it may get, including the rights of every caller; rights by \
bindings are included only if the cluster was asked"""
KEYS_ABOUT: dict[tuple[type, str], str] = {
    (GitRevision, "changedFiles"): "Files that differ from the commit, or of which that is not known",
    (ReviewSummary, "clusters"): "Clusters in the review",
    (ReviewSummary, "principals"): "Principals in the review, each counted once",
    (ReviewSummary, "admins"): "Principals with admin access in at least one cluster",
    (ReviewSummary, "ineffective"): "Ineffective entries",
    (ReviewSummary, "errors"): "Findings of severity error that are not suppressed",
    (ReviewSummary, "warnings"): "Findings of severity warning that are not suppressed",
    (ReviewSummary, "suppressed"): "Findings that a comment suppresses",
    (LastChange, "date"): "The date of the author, in ISO 8601",
    (LastChange, "reason"): "Why it is not known",
    (MappedIdentity, "username"): "Empty for an account: then the username is the caller's own ARN",
    (BindingRights, "namespace"): "null for the whole cluster",
    (BindingRights, "everything"): "Whether the rights are those of cluster-admin",
    (BindingRights, "privilege"): "Of this binding alone",
    (BindingRights, "risks"): "Rights with which the subject can get more rights",
    (BindingRights, "notes"): "Rights that are worth knowing, but do not lead to more rights on their own",
    (BindingRights, "rules"): "The rules of the role that the binding grants; null for a role that does not exist",
    (PolicyRule, "apiGroups"): "As written in the role; an empty string is the core group",
    (PolicyRule, "resources"): "As kubectl accepts them, for example deployments.apps; * is every resource of every "
    "group, *. every one of the core group, *.apps every one of apps",
    (ReviewedPrincipal, "principal"): "A canonical ARN, an account ID, ACCOUNT/PERMISSION SET, or a unique ID",
    (ReviewedPrincipal, "privilege"): PRIVILEGE,
    (ReviewedPrincipal, "because"): "Reasons for the privilege",
    (ReviewedPrincipal, "alternatives"): "What the authenticator may give instead, where it chooses at random",
    (ReviewedPrincipal, "mayGetNothing"): "Only if the authenticator may deny the login instead, at random",
    (ReviewedPrincipal, "rights"): "Rights of its own username and groups, alternatives included; null if the cluster "
    "was not asked",
    (IneffectiveEntry, "principal"): "As written in the file",
    (AccessCell, "privilege"): PRIVILEGE,
    (AccessCell, "named"): "Whether it has its own entry there, and not only a pattern or its account",
    (ClusterReview, "error"): "Why its files could not be read; then the keys from type to adminCertificate are "
    "missing",
    (ClusterReview, "principals"): "In the order in which the authenticator tries its entries",
    (ClusterReview, "findings"): "Findings about the cluster that are not about an entry",
    (ClusterStatus, "awsIAMAuthenticatorInit"): "awsIAMAuthenticatorInit",
    (ClusterStatus, "loginObstacles"): "Reasons why IAM login is not possible; empty if it is possible",
    (ClusterStatus, "recovery"): "Access without IAM, as far as it was examined",
    (ClusterStatus, "adminCertificate"): "The admin certificate in Tarmak's own kubeconfig; null for a hub",
    (AdminAccess, "path"): "The kubeconfig; null for a configuration that was not read from a file",
    (AdminAccess, "notBefore"): "In UTC; null if no certificate was read",
    (AdminAccess, "notAfter"): "In UTC; null if no certificate was read",
    (AdminAccess, "signedByCA"): "Whether the CA of the same kubeconfig has signed it; null if that was not examined",
    (AdminAccess, "givesAccess"): "Whether it is valid now and in system:masters",
}
VALUES = {
    (LastChange, "state"): ("committed", "uncommitted", "unknown"),
    (BindingRights, "subjectKind"): ("Group", "User"),
    (BindingRights, "privilege"): ("admin", "elevated", "none"),
    (ReviewedPrincipal, "kind"): ("arn", "account", "sso", "userid"),
    (IneffectiveEntry, "kind"): ("role", "user", "account", "sso"),
    (ClusterStatus, "type"): ("cluster-single", "cluster-multi", "hub"),
}
"""Of keys whose type has more values."""

TEXT: Schema = {"type": "string"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
LINE: Schema = {"type": ["integer", "null"], "minimum": 1}
IN_FILE: Schema = {
    "file": {"description": "The file; null if there is none", **OPTIONAL_TEXT},
    "line": LINE,
    "column": LINE,
}


def listed(kind: type, about: str = "") -> Schema:
    return {**({"description": about} if about else {}), "type": "array", "items": of_type(kind)}


def an_object(about: str, properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "description": about,
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
    if kind in NAMES:
        return {"$ref": f"#/definitions/{NAMES[kind]}"}
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
        if (kind, key) in VALUES:
            schema = {**schema, "enum": list(VALUES[kind, key])}
        if kind is ReviewSummary:
            schema = {**schema, "minimum": 0}
        if key == "sha256":
            schema = {**schema, "pattern": "^[0-9a-f]{64}$"}
        about = KEYS_ABOUT.get((kind, key))
        yield key, {**({"description": about} if about else {}), **schema}


def of_keys(kind: type) -> Schema:
    optional = [key for key, _, mark in keys_of(kind) if mark == "+"]
    return an_object(ABOUT[kind], dict(properties_of(kind)), tuple(optional))


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
    made = an_object(ABOUT[ClusterReview], properties, tuple(status))
    return {**made, "dependencies": {status[0]: status[1:]}}


def schema() -> Schema:
    by_cluster = {
        "description": "By the name of the cluster; clusters that do not map it are missing",
        "type": "object",
        "additionalProperties": of_type(AccessCell),
    }
    kind = {**TEXT, "enum": list(VALUES[ReviewedPrincipal, "kind"])}
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
        "definitions": {name: own[kind]() if kind in own else of_keys(kind) for kind, name in NAMES.items()},
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text())
