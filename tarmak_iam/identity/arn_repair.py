"""What was probably meant by a text that is not the ARN of a role or user: of a copy, a slip, another resource."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tarmak_iam.identity.arn import Arn
from tarmak_iam.identity.copied_text import cleaned, in_ascii_letters
from tarmak_iam.text import shortened

__all__ = ["instead_of", "repairs"]

_ALIKE = re.compile(
    r"""
    (?:arn:)? (?:(?P<partition>aws[a-z-]*|china|gov):)? (?:iam|sts):                # arn and partition may be missing
    [a-z0-9-]*:* (?P<account>[0-9]{12}) [:/]
    (?P<kind>assumed-role|roles?|users?|federated-user) [:/\\]+ (?P<rest>.+)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PARTITIONS = {
    "aws-china": "aws-cn",
    "china": "aws-cn",
    "aws-gov": "aws-us-gov",
    "aws-govcloud": "aws-us-gov",
    "aws-usgov": "aws-us-gov",
    "gov": "aws-us-gov",
}

# By service and kind of resource, from the service authorization reference of AWS.
_INSTEAD = {
    ("iam", "instance-profile"): (
        "map the role of the instance profile: `aws iam get-instance-profile --instance-profile-name {name}` shows it"
    ),
    ("iam", "policy"): "map the roles and users that the policy is attached to",
    ("iam", "group"): "map the users of the group one by one, or a role that they assume",
    ("iam", "saml-provider"): "map the role that users of the identity provider assume",
    ("iam", "oidc-provider"): "map the role that users of the identity provider assume",
    ("iam", "mfa"): "map the user of the MFA device",
    ("iam", "u2f"): "map the user of the MFA device",
    ("sso", "permissionSet"): "map the role of the permission set, as `aws iam list-roles` shows it, without its path",
    ("identitystore", "user"): "map the role of the user's permission set",
    ("identitystore", "group"): "map the role of the group's permission set",
    ("ec2", "instance"): "map the role of the instance's profile",
    ("ec2", "iam-instance-profile"): "map the role of the instance profile",
    ("eks", "access-entry"): "map the principal of the access entry",
}


def instead_of(arn: Arn) -> str:
    """What to map instead of a resource that is not a principal; empty for one that is not known here."""
    found = _INSTEAD.get((arn.service, re.split("[/:]", arn.resource)[0]), "")
    return found.format(name=shortened(arn.name))


def repairs(text: str) -> Iterator[tuple[str, str]]:
    """ARNs that may have been meant, the surest first, each with the remedy that says so."""
    bare = cleaned(text)
    unslashed = re.sub("(?<=[^/])/+$", "", re.sub("/{2,}", "/", bare))
    for sure in (bare, unslashed):
        yield f"write {shortened(sure)}", sure
    whole = re.sub(r"\s+", "", unslashed)
    for likely in (whole, _likely(in_ascii_letters(whole))):
        if likely:
            yield f"did you mean {shortened(likely)}?", likely


def _likely(text: str) -> str:
    """In the form that STS names a caller; empty where the text says too little."""
    match = _ALIKE.fullmatch(text)
    if match is None:
        return ""
    partition = (match["partition"] or "aws").lower()
    kind, parts = match["kind"].lower(), [part for part in match["rest"].split("/") if part]
    head = f"arn:{_PARTITIONS.get(partition, partition)}:{{}}::{match['account']}:"
    if kind == "federated-user":
        return head.format("sts") + "/".join([kind, *parts])
    if kind.startswith("user"):
        return head.format("iam") + "/".join(["user", *parts])
    is_session = kind == "assumed-role" and len(parts) > 1
    names = parts[:-1] if is_session else parts
    return head.format("iam") + f"role/{names[-1]}" if names else ""
