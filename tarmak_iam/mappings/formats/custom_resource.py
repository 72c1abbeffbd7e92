"""IAMIdentityMapping objects, which the backend CRD watches."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from tarmak_iam.aws.arn import canonicalize, parse_arn
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.identity.backend_support import CRD_GROUP
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, left_out_keys, read_mapping
from tarmak_iam.mappings.merging import Wanted

API_VERSION = f"{CRD_GROUP}/v1alpha1"
KIND = "IAMIdentityMapping"
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_MAX_NAME = 63
_DIGEST = 8


def reads(part: FilePart) -> bool:
    return part.text("kind") == KIND


def read(part: FilePart) -> Read:
    """Only the spec is read: the status is written by the authenticator, and the metadata by the cluster."""
    yield from left_out_keys(part, "apiVersion", "kind", "metadata", "status", "spec")
    spec = part.get("spec")
    if spec is None:
        yield LeftOut(f"the {KIND} {part.text('metadata', 'name')} has no spec", part.place)
        return
    yield from read_mapping(spec, "arn")


def write(entry: Wanted) -> dict[str, Any]:
    """The object for a role or user; the status is left to the authenticator's controller."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": object_name(entry.principal)},
        "spec": {"arn": entry.principal, "username": entry.username, "groups": list(entry.groups or ())},
    }


def object_name(arn: str) -> str:
    """A valid name (RFC 1123, at most 63 characters), the same for an ARN in any case: `role-admin-111122223333`. If
    characters are lost, `--` and a hash keep two ARNs apart. A name that contains `--` itself also gets a hash, so the
    two kinds never collide. Raises ArnError for any other text."""
    canonical = canonicalize(to_lower(arn))[1]
    parsed = parse_arn(canonical)
    partition = "" if parsed.partition == "aws" else f"{parsed.partition}-"
    exact = f"{partition}{parsed.resource.replace('/', '-', 1)}-{parsed.account}"
    slug = _SEPARATORS.sub("-", exact).strip("-")
    if slug == exact and len(slug) <= _MAX_NAME:
        return slug
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST]
    return f"{slug[: _MAX_NAME - _DIGEST - 2].strip('-')}--{digest}"
