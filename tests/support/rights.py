"""What an API server answers who may not do something."""

from __future__ import annotations

import json
from typing import Any


def forbidden(denied: set[tuple[str, str]], verb: str, each: dict[str, Any]) -> str | None:
    """kubectl's line about the object; None where the verb is not denied on its resource."""
    resource, metadata = f"{each['kind'].lower()}s", each["metadata"]
    if (verb, resource) not in denied:
        return None
    group = "apps" if each["kind"] == "DaemonSet" else ""
    return (
        f'Error from server (Forbidden): {resource} "{metadata["name"]}" is forbidden: User "ann" cannot {verb} '
        f'resource "{resource}" in API group "{group}" in the namespace "{metadata.get("namespace")}"'
    )


def reviewed(denied: set[tuple[str, str]], reviews: dict[str, Any]) -> str:
    """The answers to a SelfSubjectAccessReview, or to each of a List."""
    asked = ((review, review["spec"]["resourceAttributes"]) for review in reviews.get("items", [reviews]))
    allowed = ((review, (about["verb"], about["resource"]) not in denied) for review, about in asked)
    return "".join(json.dumps({**review, "status": {"allowed": is_allowed}}) for review, is_allowed in allowed)
