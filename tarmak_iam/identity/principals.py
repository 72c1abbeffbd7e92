"""Whom a person means: the ARN of a role or user, a whole account, or an SSO permission set of one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tarmak_iam.errors import ConfigError
from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.arn import is_account, parse_arn
from tarmak_iam.identity.aws_roles import is_role_name, is_sso_role, permission_set_like, permission_set_of
from tarmak_iam.identity.reach import Flaw, canonical_text, checked_arn, misfit
from tarmak_iam.identity.sso import is_permission_set
from tarmak_iam.text import quoted, shortened

__all__ = ["SSO_PREFIX", "Named", "check_principal", "is_sso_role", "key_of", "named", "permission_set_of"]

SSO_PREFIX = "sso:"

_BARE_SSO = re.compile(r"[0-9]{12}/[^/]+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """`kind` is `role`, `user`, `account` or `sso`; `text` an ARN, twelve digits or `ACCOUNT/PERMISSION SET`.

    `notes` tell what of the given text was left out, and what the principal means beyond its looks.
    """

    kind: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return key_of(str(self))

    @property
    def partition(self) -> str | None:
        """None for an account, which has callers of any; an SSO pattern is always one of `aws`."""
        if self.kind == "account":
            return None
        return "aws" if self.kind == "sso" else parse_arn(self.text).partition

    def __str__(self) -> str:
        """As people write it, and `map list` shows it."""
        return f"{SSO_PREFIX}{self.text}" if self.kind == "sso" else self.text


def named(text: str, *, strip_path: bool = False) -> Named:
    """Reads an ARN, an account's twelve digits or `sso:ACCOUNT/PERMISSION SET`.

    The path of a role is taken away where `strip_path` says so, and always for a role that IAM Identity
    Center made. Raises ConfigError for what would never match, or match more than it says.
    """
    if is_account(text):
        return Named("account", text)
    if to_lower(text).startswith(SSO_PREFIX):
        return _permission_set(text)
    if _BARE_SSO.match(text):
        raise ConfigError(
            f"{quoted(text)} is no ARN", remedy=f"write {SSO_PREFIX}{shortened(text)} for the permission set"
        )
    notes = []
    found = misfit(text)
    if found is not None and text.isdigit():
        raise ConfigError(found.what, remedy="an account has twelve digits; a leading zero needs quotes in YAML")
    if found is not None and found.flaw is Flaw.PATH and found.instead:
        if not strip_path and not _is_reserved(text):
            raise ConfigError(found.what, remedy=f"{found.remedy}, or give --strip-path")
        notes.append(
            f"{shortened(text)} is mapped as {shortened(found.instead)}: STS leaves a role's path out, "
            "so it means every role of that name in the account, whatever its path"
        )
        text = found.instead
    kind = checked_arn(text)
    return Named(kind, text, (*notes, *_of_sso_role(text)))


def check_principal(text: str) -> None:
    """Raises ConfigError for what is no ARN of a principal, no account and no permission set. An ARN that would never
    match is one: somebody may have mapped it."""
    try:
        named(text)
    except ConfigError:
        found = misfit(text)
        if found is None or found.flaw in (Flaw.NO_ARN, Flaw.NO_PRINCIPAL, Flaw.PARTITION):
            raise


def key_of(text: str) -> str:
    """Equal for the same principal, as the daemon compares: without case, an assumed role as its role."""
    return to_lower(text) if to_lower(text).startswith(SSO_PREFIX) else canonical_text(text)


def _permission_set(text: str) -> Named:
    account, slash, name = text[len(SSO_PREFIX) :].partition("/")
    if not slash or not name:
        raise ConfigError(f"{quoted(text)} names no permission set", remedy="write it as in sso:111122223333/Admin")
    if not is_account(account):
        raise ConfigError(
            f"the account {quoted(account)} of {shortened(text)} has not twelve digits", remedy="check the account"
        )
    if not is_permission_set(name):
        what = f"{quoted(name)} is no name of a permission set"
        raise ConfigError(what, remedy="they have up to 32 letters, digits and _+=,.@-")
    if is_role_name(name):
        what = f"no role is of the permission set {quoted(name)}: that is the name of a role"
        raise ConfigError(what, remedy=f"write {SSO_PREFIX}{account}/{permission_set_like(name)}")
    also = f"{shortened(text)} also matches every permission set of the account whose name begins with {name}_"
    return Named("sso", f"{account}/{name}", (also,))


def _is_reserved(text: str) -> bool:
    arn = parse_arn(text)
    return arn.path.startswith("aws-reserved/") and is_sso_role(arn.name)


def _of_sso_role(text: str) -> tuple[str, ...]:
    arn = parse_arn(text)
    permission_set = permission_set_of(arn.name) if to_lower(arn.parts[0]) == "role" else ""
    if not permission_set:
        return ()
    # https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    suffix = arn.name.rpartition("_")[2]
    why = (
        f"the suffix {suffix} is another one after the last assignment of the permission set in the account "
        "went and a new one came, and the entry never matches again then"
    )
    return (f"{why}; {SSO_PREFIX}{arn.account}/{permission_set} does without it, with authenticator v0.6.30 or later",)
