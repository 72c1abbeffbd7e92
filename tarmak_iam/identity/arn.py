"""Amazon Resource Names of principals, parsed and canonicalised as the authenticator does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

__all__ = ["PARTITIONS", "Arn", "ArnError", "Principal", "canonicalize", "is_account", "parse_arn"]

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
"""Every partition that the newest authenticator knows."""

_ACCOUNT = re.compile(r"[0-9]{12}\Z", re.ASCII)


class ArnError(ValueError):
    """A text that the authenticator does not take as a principal's ARN; str() says why."""


class Principal(str, Enum):
    ROLE = "role"
    USER = "user"
    ROOT = "root"
    FEDERATED_USER = "federated user"
    ASSUMED_ROLE = "assumed role"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Arn:
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
        return replace(self, resource=f"{self.parts[0]}/{self.name}") if self.path else self

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn:
    """The AWS SDK's arn.Parse: six sections, nothing else is checked. Raises ArnError."""
    sections = text.split(":", 5)
    if sections[0] != "arn":
        raise ArnError("it does not begin with 'arn:'")
    if len(sections) != 6:
        raise ArnError("it has fewer than six sections (arn:partition:service:region:account:resource)")
    return Arn(*sections[1:])


def canonicalize(text: str, partitions: tuple[str, ...] = PARTITIONS) -> tuple[Principal, str]:
    """What the authenticator compares: an assumed role becomes its role, everything else stays as it is.

    Raises ArnError for what is no IAM role, user or root and no STS assumed role or federated user.
    """
    arn = parse_arn(text)
    if arn.partition not in partitions:
        raise ArnError(f"the partition '{arn.partition}' is not known")
    kind = arn.parts[0]
    if arn.service == "sts":
        return _canonical_sts(arn, kind, text)
    if arn.service != "iam":
        raise ArnError(f"the service is '{arn.service}', not iam or sts")
    if kind not in ("role", "user", "root"):
        raise ArnError(f"'{arn.resource}' is no role, user or root")
    return Principal(kind), text


def _canonical_sts(arn: Arn, kind: str, text: str) -> tuple[Principal, str]:
    if kind == "federated-user":
        return Principal.FEDERATED_USER, text
    if kind != "assumed-role":
        raise ArnError(f"'{arn.resource}' is no assumed role or federated user")
    if len(arn.parts) < 3:
        raise ArnError("the assumed role has no session")
    role = "/".join(arn.parts[1:-1])
    return Principal.ASSUMED_ROLE, f"arn:{arn.partition}:iam::{arn.account}:role/{role}"


def is_account(text: str) -> bool:
    """Twelve digits."""
    return _ACCOUNT.match(text) is not None
