"""Amazon Resource Names of principals, parsed and canonicalised as the authenticator does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from tarmak_iam.text import quoted

__all__ = ["PARTITIONS", "Arn", "ArnError", "Principal", "canonical_parts", "canonicalize", "is_account", "parse_arn"]

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


_KINDS = {
    ("iam", "role"): Principal.ROLE,
    ("iam", "user"): Principal.USER,
    ("iam", "root"): Principal.ROOT,
    ("sts", "federated-user"): Principal.FEDERATED_USER,
    ("sts", "assumed-role"): Principal.ASSUMED_ROLE,
}


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
    return Arn(*_sections(text)[1:])


def _sections(text: str) -> list[str]:
    sections = text.split(":", 5)
    if sections[0] != "arn":
        raise ArnError("it does not begin with 'arn:'")
    if len(sections) != 6:
        raise ArnError("it has fewer than six sections (arn:partition:service:region:account:resource)")
    return sections


def canonicalize(text: str, partitions: tuple[str, ...] = PARTITIONS) -> tuple[Principal, str]:
    """What the authenticator compares: an assumed role becomes its role, everything else stays as it is.

    Raises ArnError for what is no IAM role, user or root and no STS assumed role or federated user.
    """
    principal, _, canonical = canonical_parts(text, partitions)
    return principal, canonical


def canonical_parts(text: str, partitions: tuple[str, ...] = PARTITIONS) -> tuple[Principal, str, str]:
    """The same, with the partition between them. Raises ArnError."""
    _, partition, service, _, account, resource = _sections(text)
    if partition not in partitions:
        raise ArnError(f"the partition {quoted(partition)} is not known")
    parts = resource.split("/")
    kind = _KINDS.get((service, parts[0]))
    if kind is Principal.ASSUMED_ROLE:
        if len(parts) < 3:
            raise ArnError("the assumed role has no session")
        return kind, partition, f"arn:{partition}:iam::{account}:role/{'/'.join(parts[1:-1])}"
    if kind is None:
        raise ArnError(_unknown_kind(service, resource))
    return kind, partition, text


def _unknown_kind(service: str, resource: str) -> str:
    if service == "sts":
        return f"{quoted(resource)} is no assumed role or federated user"
    return (
        f"{quoted(resource)} is no role, user or root"
        if service == "iam"
        else f"the service is {quoted(service)}, not iam or sts"
    )


def is_account(text: str) -> bool:
    """Twelve digits."""
    return _ACCOUNT.match(text) is not None
