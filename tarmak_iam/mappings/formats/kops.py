"""The section `authentication.aws` of a kops Cluster (kops' pkg/apis/kops, AWSAuthenticationSpec)."""

from __future__ import annotations

from tarmak_iam.aws.go_case import equal_fold
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, read_mapping, shown

_PATHS = (("spec", "authentication", "aws"), ("authentication", "aws"), ("aws",), ())
_ELSEWHERE = {
    "backendMode": "use the setting backends instead",
    "image": "use the setting image instead",
    "clusterID": "tarmak-iam uses the cluster name",
}


def reads(part: FilePart) -> bool:
    """A Cluster with the section, or any part of a Cluster that contains it, down to the section itself."""
    if part.text("apiVersion").startswith("kops"):
        return part.text("kind") == "Cluster" and part.get(*_PATHS[0]) is not None
    return any(part.get(*path, "identityMappings") is not None for path in _PATHS)


def read(part: FilePart) -> Read:
    section = next(filter(None, (part.get(*path) for path in _PATHS[:-1])), None)
    if section is None:
        section = part if part.get("identityMappings") is not None else None
    if section is None or not isinstance(section.value, dict):
        yield LeftOut("the cluster has no authentication.aws", part.place)
        return
    for member in section.members:
        if not equal_fold(member.name, "identityMappings"):
            value = "" if isinstance(member.value, (dict, list)) else f" {shown(member.value)}"
            remedy = _ELSEWHERE.get(member.name, "it configures how kops runs the authenticator")
            yield LeftOut(f"{shown(member.name)}{value} is not a mapping; {remedy}", member.key_place)
    mappings = section.get("identityMappings")
    if mappings is not None and not isinstance(mappings.value, list):
        yield LeftOut("identityMappings must be a list", mappings.place)
    for item in mappings.items if mappings is not None else ():
        yield from read_mapping(item, "arn")
