"""Fixes of principals in the mappings: ARNs, accounts and permission sets."""

from __future__ import annotations

import re

from tarmak_iam.aws.arn import PARTITIONS, is_account
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw
from tarmak_iam.document import Remove, Set
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.findings import Finding
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.principal_rules import joining_remedy, with_partition_of_others
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.text import quoted, shortened


def entry_of(finding: Finding, subjects: Subjects) -> WrittenEntry | None:
    """The role or user that a finding is about."""
    steps, entries = finding.route.plain, entries_of(subjects.mappings).by_steps
    return next((entries[steps[:end]] for end in range(len(steps) + 1) if steps[:end] in entries), None)


def _likely_arn(finding: Finding, subjects: Subjects) -> Fix | None:
    """The ARN that was meant, if it is known and not mapped yet. Then it matches callers that it did not match
    before."""
    entry, mappings = entry_of(finding, subjects), subjects.mappings
    flaw = entry.flaw if entry is not None and entry.listed.arn else None
    if entry is None or mappings is None or flaw is None or finding.route != entry.at_arn:
        return None
    arn = with_partition_of_others(mappings, entry, flaw) or flaw.likely_arn
    if arn is None or flaw.kind is FlawKind.LETTERS or joining_remedy(mappings, entry, flaw):
        return None
    return _written_arn(finding, arn, flaw.kind)


def _written_arn(finding: Finding, arn: str, kind: FlawKind) -> Fix | None:
    again = arn_flaw(arn)
    if again is not None and again.kind is not FlawKind.SSO_NAME:
        return None
    title = f"write {shortened(arn)}"
    if kind is FlawKind.PATH:
        title += ", which matches every role of that name in the account"
    return Fix(title, (Set(finding.route, arn),), is_safe=kind is FlawKind.ASSUMED_ROLE)


def _account(finding: Finding, subjects: Subjects) -> Fix | None:
    """An account with 12 digits that are written with dashes or blanks."""
    if (found := _likely_arn(finding, subjects)) is not None:
        return found
    text = _scalar_text(finding, subjects)
    bare = re.sub(r"[\s.-]", "", text)
    if bare == text or not is_account(bare):
        return None
    return Fix(f"write {quoted(bare)}", (Set(finding.route, bare),), is_safe=False)


def _lost_zero(finding: Finding, subjects: Subjects) -> Fix | None:
    """The 12 digits in the file, as a string. Where a digit is missing, it may be any."""
    digits = _scalar_text(finding, subjects).replace("_", "")
    if not is_account(digits):
        return None
    return Fix(f'put the account in quotes: "{digits}"', (Set(finding.route, digits),), is_safe=False)


def _scalar_text(finding: Finding, subjects: Subjects) -> str:
    node = node_at(subjects.mappings.document, finding.route) if subjects.mappings is not None else None
    return node.text if isinstance(node, Scalar) else ""


def _partition(finding: Finding, subjects: Subjects) -> Fix | None:
    """Without the partition the entry is for `aws`; one for another partition must be an ARN."""
    entry = entry_of(finding, subjects)
    role = entry.listed.sso_role if entry is not None else None
    if role is None or (role.partition != "aws" and role.partition in PARTITIONS):
        return None
    return Fix("remove the partition: the entry is then for aws", (Remove(finding.route),), is_safe=False)


PRINCIPAL_FIXES: dict[str, FixMaker] = {
    "IAM010": _likely_arn,
    "IAM050": _likely_arn,
    "IAM052": _likely_arn,
    "IAM053": _account,
    "IAM054": _lost_zero,
    "IAM055": _likely_arn,
    "IAM077": _partition,
}
