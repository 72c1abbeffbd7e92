"""The full ARNs of the roles and users of accounts, as AWS lists them: mappings do not have the paths of roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.mappings.access_entries import without_path
from tarmak_iam.text import quoted

LIST_ROLES = "aws iam list-roles --query 'Roles[].Arn' --output text"


class ListedArns(NamedTuple):
    """`by_key`: full ARNs by the ARN that a caller has, in lower case. `covered`: the accounts and kinds that are
    listed, each taken as complete."""

    by_key: dict[str, str]
    covered: frozenset[tuple[str, Principal]]

    @classmethod
    def of(cls, arns: Iterable[str]) -> ListedArns:
        """Raises ArnError for a text that is not the ARN of an IAM role or user."""
        by_key: dict[str, str] = {}
        covered = set()
        for arn in arns:
            kind, _ = canonicalize(arn)
            if kind not in (Principal.ROLE, Principal.USER):
                raise ArnError("it is not the ARN of an IAM role or user")
            by_key[to_lower(without_path(arn))] = arn
            covered.add((parse_arn(arn).account, kind))
        return cls(by_key, frozenset(covered))

    def is_missing(self, principal: str, kind: Principal) -> bool:
        """Whether the list has the principals of the account, and not this one."""
        return (parse_arn(principal).account, kind) in self.covered and to_lower(principal) not in self.by_key

    def full(self, principal: str) -> str:
        """The full ARN, in the case in which IAM has it; the ARN itself if it is not listed."""
        return self.by_key.get(to_lower(principal), principal)


def read_listed_arns(text: str, filename: str) -> ListedArns:
    """ARNs separated by whitespace. Raises ConfigError for another text, with its place."""
    arns: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        for word in line.split():
            try:
                ListedArns.of((word,))
            except ArnError as error:
                place = Place(filename, number, line.index(word) + 1)
                remedy = f"list the ARNs with `{LIST_ROLES}`"
                raise ConfigError(f"{quoted(word)} is not accepted: {error}", remedy=remedy, place=place) from None
            arns.append(word)
    return ListedArns.of(arns)
