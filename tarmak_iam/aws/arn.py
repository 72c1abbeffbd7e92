"""ARNs of principals, parsed and canonicalised as the authenticator does; names of roles that AWS creates."""

from __future__ import annotations

import re
from typing import NamedTuple

from tarmak_iam.text import TextEnum, quoted

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
"""Every partition that the newest authenticator knows."""

_ACCOUNT = re.compile(r"[0-9]{12}\Z", re.ASCII)


class ArnError(ValueError):
    """A text that the authenticator does not accept as a principal's ARN; str() says why."""


class Principal(TextEnum):
    ROLE = "role"
    USER = "user"
    ROOT = "root"
    FEDERATED_USER = "federated user"
    ASSUMED_ROLE = "assumed role"


_KINDS = {
    ("iam", "role"): Principal.ROLE,
    ("iam", "user"): Principal.USER,
    ("iam", "root"): Principal.ROOT,
    ("sts", "federated-user"): Principal.FEDERATED_USER,
    ("sts", "assumed-role"): Principal.ASSUMED_ROLE,
}


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def parts(self) -> list[str]:
        """The resource split at its slashes: kind, path, name."""
        return self.resource.split("/")

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def path(self) -> str:
        """The path between kind and name of a role or user, as in `team/eng`; empty if there is none."""
        return "/".join(self.parts[1:-1])

    @property
    def without_path(self) -> Arn:
        return self._replace(resource=f"{self.parts[0]}/{self.name}") if self.path else self

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn:
    """Parses as the AWS SDK's arn.Parse: six sections, and nothing else is checked. Raises ArnError."""
    return Arn(*_sections(text)[1:])


def _sections(text: str) -> list[str]:
    sections = text.split(":", 5)
    if sections[0] != "arn":
        raise ArnError("it does not begin with 'arn:'")
    if len(sections) != 6:
        raise ArnError("it has fewer than six sections (arn:partition:service:region:account:resource)")
    return sections


def canonicalize(text: str, partitions: tuple[str, ...] = PARTITIONS) -> tuple[Principal, str]:
    """The kind of a principal and the ARN that the authenticator compares: an assumed role becomes its role. Raises
    ArnError for any text but the ARN of an IAM role, user or root, or of an STS assumed role or federated user."""
    _, partition, service, _, account, resource = _sections(text)
    if partition not in partitions:
        raise ArnError(f"unknown partition {quoted(partition)}")
    parts = resource.split("/")
    kind = _KINDS.get((service, parts[0]))
    if kind is Principal.ASSUMED_ROLE:
        if len(parts) < 3:
            raise ArnError("the session name of the assumed role is missing")
        return kind, f"arn:{partition}:iam::{account}:role/{'/'.join(parts[1:-1])}"
    if kind is None:
        expected = {"sts": "an assumed role or federated user", "iam": "a role, user or root"}.get(service)
        wrong_service = f"the service is {quoted(service)}, not iam or sts"
        raise ArnError(f"{quoted(resource)} is not {expected}" if expected else wrong_service)
    return kind, text


def is_account(text: str) -> bool:
    return _ACCOUNT.match(text) is not None


# The AWS console shows account 111122223333 as 1111-2222-3333.
_CONSOLE_ACCOUNT = re.compile(
    r"(\A(?:sso:|arn:[^:]*:[^:]*:[^:]*:)?)([0-9]{4})-([0-9]{4})-([0-9]{4})(?=[:/]|\Z)", re.ASCII | re.IGNORECASE
)


def with_plain_account(text: str) -> str:
    """An ARN, account or `sso:ACCOUNT/PERMISSION SET` that a person typed, with the 12 digits of an account that is
    written as the AWS console shows it. Not for the contents of files: the authenticator does not accept this form.
    Raises TypeError for another value, such as an account that YAML reads as a number."""
    if not isinstance(text, str):
        raise TypeError(f"an ARN or account must be a string, not {text!r}")
    return _CONSOLE_ACCOUNT.sub(r"\1\2\3\4", text)


# RoleSessionName in the API reference of STS.
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}\Z", re.ASCII)


def is_session_name(text: str) -> bool:
    """Whether STS accepts it as a RoleSessionName."""
    return _SESSION_NAME.match(text) is not None


SSO_ROLE_PREFIX = "AWSReservedSSO_"

# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_SSO_ROLE = re.compile(rf"{SSO_ROLE_PREFIX}(?P<set>.+)_(?P<suffix>[0-9a-f]{{16}})\Z", re.ASCII | re.IGNORECASE)


def is_sso_role(name: str) -> bool:
    """Whether a role has a name that IAM Identity Center gives; it also names the sessions of such a role."""
    return _SSO_ROLE.match(name) is not None


def claims_sso_role(name: str) -> bool:
    """Whether a name begins as such a name, complete or not: IAM reserves these names for Identity Center."""
    return name.lower().startswith(SSO_ROLE_PREFIX.lower().rstrip("_"))


def permission_set_of(name: str) -> str:
    """The permission set that Identity Center created a role of that name for; empty for other roles."""
    match = _SSO_ROLE.match(name)
    return match["set"] if match else ""


def is_role_name(permission_set: str) -> bool:
    """Whether the text is the name of such a role, or the end of one, instead of the name of a permission set."""
    return claims_sso_role(permission_set) or is_sso_role(f"{SSO_ROLE_PREFIX}{permission_set}")


def permission_set_like(text: str) -> str:
    """The permission set that is meant by a role's name or a part of it: without the prefix and the suffix."""
    bare = re.sub(r"(?i)\A(?:AWSReservedSSO[_-]?)+", "", text)
    return re.sub(r"(?:_[0-9a-fA-F]{12,20}|[_*?]+)+\Z", "", bare, flags=re.ASCII)


# The names that IAM Identity Center accepts for a permission set.
_PERMISSION_SET = re.compile(r"[A-Za-z0-9_+=,.@-]{1,32}\Z", re.ASCII)


def is_permission_set(name: str) -> bool:
    return _PERMISSION_SET.match(name) is not None
