"""What somebody may do by the rights that `report -o json` lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.e2e.access_reviews import Caller, Request

__all__ = ["allowed_by"]


def allowed_by(rights: Iterable[Mapping[str, Any]], who: Caller, asked: Request) -> bool:
    """Whether one of the rights that are somebody's by name allows a request."""
    return any(
        _names(right, who)
        and right["namespace"] in (None, asked.namespace or None)
        and any(_allows(rule, right["namespace"], asked) for rule in right["rules"] or ())
        for right in rights
    )


def _names(right: Mapping[str, Any], who: Caller) -> bool:
    if right["subjectKind"] == "Group":
        return right["subject"] in who.groups
    return bool(right["subject"] == who.username)


def _allows(rule: Mapping[str, Any], namespace: str | None, asked: Request) -> bool:
    if asked.verb not in rule["verbs"] and "*" not in rule["verbs"]:
        return False
    if asked.path:
        return namespace is None and any(_fits(each, asked.path) for each in rule["urls"])
    return any(_is_of(each, asked) for each in rule["resources"]) and (not rule["names"] or asked.name in rule["names"])


def _fits(pattern: str, path: str) -> bool:
    return path.startswith(pattern.rstrip("*")) if pattern.endswith("*") else path == pattern


def _is_of(listed: str, asked: Request) -> bool:
    """`listed` is as kubectl takes it: `deployments.apps`, or `*.` for all of the core group."""
    if listed == "*":
        return True
    name, _, group = listed.partition(".")
    subresource = asked.resource.partition("/")[2]
    names = ("*", asked.resource, *([f"*/{subresource}"] if subresource else []))
    return group in ("*", asked.group) and name in names
