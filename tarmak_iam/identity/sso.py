"""SSO entries of mappings: `sso:` instead of an ARN, matched by a pattern, in the releases that have them."""

from __future__ import annotations

import re

from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.arn import is_account, parse_arn
from tarmak_iam.identity.model import Mapping, SsoRole
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.versions import DaemonVersion, known_partitions
from tarmak_iam.text import quoted

__all__ = ["arn_like", "check_role", "is_permission_set", "pattern_text"]

# What IAM Identity Center takes as the name of a permission set.
_PERMISSION_SET = re.compile(r"[A-Za-z0-9_+=,.@-]{1,32}\Z", re.ASCII)


def is_permission_set(name: str) -> bool:
    return _PERMISSION_SET.match(name) is not None


def check_role(role: Mapping, version: DaemonVersion) -> None:
    """Raises NotStarted for a role mapping that is neither one by ARN nor a well-formed one by SSO."""
    sso = role.sso
    if not role.arn and sso is None:
        what = "a role mapping has neither rolearn nor sso"
        raise NotStarted(what, role.route, remedy="add roleARN, or remove the entry")
    if sso is None:
        return
    if role.arn:
        what = "a role mapping has both rolearn and sso"
        raise NotStarted(what, role.route, remedy="write two entries, one with roleARN and one with sso")
    if not is_account(sso.account):
        what = f"sso.accountID {quoted(sso.account)} is no account of twelve digits"
        raise NotStarted(what, role.route, remedy='write it in quotes, as in "111122223333"')
    if not is_permission_set(sso.permission_set):
        what = f"sso.permissionSetName {quoted(sso.permission_set)} is no name of a permission set"
        remedy = "write the name as IAM Identity Center has it: 1 to 32 letters, digits and +=,.@_-"
        raise NotStarted(what, role.route, remedy=remedy)
    if sso.partition and sso.partition not in known_partitions(version):
        what = f"sso.partition {quoted(sso.partition)} is not known"
        raise NotStarted(what, role.route, remedy="remove sso.partition: an entry with one never matches")


def pattern_text(sso: SsoRole) -> str:
    """An explicit partition leaves the pattern's own empty (upstream's slip), so it never matches."""
    partition = "" if sso.partition else "aws"
    return to_lower(f"arn:{partition}:iam::{sso.account}:role/AWSReservedSSO_{sso.permission_set}_*")


def arn_like(text: str) -> re.Pattern[str]:
    """ArnLike: section by section, with `.*` and `.?` for `*` and `?`; the last section is all that follows."""
    arn = parse_arn(text)
    sections = (arn.partition, arn.service, arn.region, arn.account)
    before = (re.escape(section).replace(r"\*", "[^:\n]*").replace(r"\?", "[^:\n]?") for section in sections)
    resource = re.escape(arn.resource).replace(r"\*", ".*").replace(r"\?", ".?")
    return re.compile(f"arn:{':'.join(before)}:{resource}\\Z")
