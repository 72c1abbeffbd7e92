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
        raise NotStarted("a role mapping has neither rolearn nor sso", role.route)
    if sso is None:
        return
    if role.arn:
        raise NotStarted("a role mapping has both rolearn and sso", role.route)
    if not is_account(sso.account):
        raise NotStarted(f"sso.accountID {quoted(sso.account)} is no account of twelve digits", role.route)
    if not is_permission_set(sso.permission_set):
        raise NotStarted(
            f"sso.permissionSetName {quoted(sso.permission_set)} is no name of a permission set", role.route
        )
    if sso.partition and sso.partition not in known_partitions(version):
        raise NotStarted(f"sso.partition {quoted(sso.partition)} is not known", role.route)


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
