"""Roles that AWS makes: those of IAM Identity Center, by their names, and those that a service alone assumes."""

from __future__ import annotations

import re

from tarmak_iam.identity.arn import Arn

__all__ = [
    "SSO_ROLE_PREFIX",
    "claims_sso_role",
    "is_role_name",
    "is_service_linked",
    "is_sso_role",
    "permission_set_like",
    "permission_set_of",
]

SSO_ROLE_PREFIX = "AWSReservedSSO_"

# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_SSO_ROLE = re.compile(rf"{SSO_ROLE_PREFIX}(?P<set>.+)_(?P<suffix>[0-9a-f]{{16}})\Z", re.ASCII | re.IGNORECASE)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
_SERVICE_LINKED_PATH = "aws-service-role"
_SERVICE_LINKED_NAME = "awsservicerolefor"


def is_sso_role(name: str) -> bool:
    """Whether a role's name is one that IAM Identity Center gives, and names the sessions of."""
    return _SSO_ROLE.match(name) is not None


def claims_sso_role(name: str) -> bool:
    """Whether it begins as one, with all the rest of it or not: IAM keeps these names for Identity Center."""
    return name.lower().startswith(SSO_ROLE_PREFIX.lower().rstrip("_"))


def permission_set_of(name: str) -> str:
    """The permission set that IAM Identity Center made a role of that name for; empty for other roles."""
    match = _SSO_ROLE.match(name)
    return match["set"] if match else ""


def is_role_name(permission_set: str) -> bool:
    """Whether somebody wrote the role's name, or its end, for the name of the permission set."""
    return claims_sso_role(permission_set) or is_sso_role(f"{SSO_ROLE_PREFIX}{permission_set}")


def permission_set_like(text: str) -> str:
    """The permission set that somebody meant who wrote (a part of) the role's name: without what is before and behind
    it. Empty for nothing."""
    bare = re.sub(r"(?i)\A(?:AWSReservedSSO[_-]?)+", "", text)
    return re.sub(r"(?:_[0-9a-fA-F]{12,20}|[_*?]+)+\Z", "", bare, flags=re.ASCII)


def is_service_linked(role: Arn) -> bool:
    """Whether only an AWS service can assume the role, by its path or its name."""
    path = role.path.lower()
    return path.split("/")[0] == _SERVICE_LINKED_PATH or role.name.lower().startswith(_SERVICE_LINKED_NAME)
