"""Principals as users name them: the ARN of a role or user, a whole account or an SSO permission set; and the mapped
principal closest to one that is not mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tarmak_iam.aws.arn import (
    is_account,
    is_permission_set,
    is_role_name,
    is_sso_role,
    parse_arn,
    permission_set_like,
    permission_set_of,
    with_plain_account,
)
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text, checked_arn
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import ConfigError
from tarmak_iam.text import CLOSE, LIKELY, bare, likeness, quoted, shortened

SSO_PREFIX = "sso:"

_BARE_SSO = re.compile(r"[0-9]{12}/[^/]+\Z", re.ASCII)


class NamedPrincipal(NamedTuple):
    """`kind` is `role`, `user`, `account` or `sso`; `text` is an ARN, 12 digits or `ACCOUNT/PERMISSION SET`.

    `notes` say which part of the given text was omitted, and what the principal matches that is not obvious.
    """

    kind: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return principal_key(str(self))

    @property
    def partition(self) -> str | None:
        """None for an account: its callers may be in any partition. An SSO entry is always in `aws`."""
        if self.kind == "account":
            return None
        return "aws" if self.kind == "sso" else parse_arn(self.text).partition

    def __str__(self) -> str:
        """As it is written on the command line, and as `map list` shows it."""
        return f"{SSO_PREFIX}{self.text}" if self.kind == "sso" else self.text


def parse_principal(text: str, *, strip_path: bool = False) -> NamedPrincipal:
    """Reads an ARN, the 12 digits of an account or `sso:ACCOUNT/PERMISSION SET`.

    The path of a role is removed with `strip_path`, and always for a role that IAM Identity Center created. Raises
    ConfigError for a principal that would never match, or would match more than it says.
    """
    if is_account(text):
        return NamedPrincipal("account", text)
    if to_lower(text).startswith(SSO_PREFIX):
        return _permission_set(text)
    if is_account(with_plain_account(text)):
        raise ConfigError(f"{quoted(text)} is not a valid account ID", remedy=f'write "{with_plain_account(text)}"')
    if _BARE_SSO.match(text):
        what = f"{quoted(text)} is not an ARN"
        raise ConfigError(what, remedy=f"write {SSO_PREFIX}{shortened(text)} for the permission set")
    notes = []
    flaw = arn_flaw(text)
    if flaw is not None and text.isdigit():
        remedy = "write all 12 digits; in YAML, put an account with a leading zero in quotes"
        raise ConfigError(f"{quoted(text)} is not a valid account ID", remedy=remedy)
    if flaw is not None and flaw.kind is FlawKind.PATH and flaw.likely_arn:
        arn = parse_arn(text)
        is_reserved = arn.path.startswith("aws-reserved/") and is_sso_role(arn.name)
        if not strip_path and not is_reserved:
            raise ConfigError(flaw.what, remedy=f"{flaw.remedy}, or use --strip-path")
        notes.append(
            f"{shortened(text)} is mapped as {shortened(flaw.likely_arn)}: STS omits the path of a role, "
            "so the entry matches every role of that name in the account, whatever its path"
        )
        text = flaw.likely_arn
    kind, arn = checked_arn(text), parse_arn(text)
    permission_set = permission_set_of(arn.name) if to_lower(arn.parts[0]) == "role" else ""
    if permission_set:
        # https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        notes.append(
            f"the suffix {arn.name.rpartition('_')[2]} changes if all assignments of the permission set in the account "
            "are removed and a new one is created; the entry never matches again then; "
            f"{SSO_PREFIX}{arn.account}/{permission_set} does not need it, with authenticator v0.6.30 or later"
        )
    return NamedPrincipal(kind, text, tuple(notes))


def check_principal(text: str) -> None:
    """Raises ConfigError unless the text is the ARN of a principal, an account or a permission set. An ARN that would
    never match is accepted: the file may contain an entry for it."""
    try:
        parse_principal(text)
    except ConfigError:
        flaw = arn_flaw(text)
        if flaw is None or flaw.kind in (FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL, FlawKind.PARTITION):
            raise


def principal_key(text: str) -> str:
    """Equal for the same principal, as the daemon compares: ignoring case, an assumed role as its role."""
    return to_lower(text) if to_lower(text).startswith(SSO_PREFIX) else canonical_text(text)


def _permission_set(text: str) -> NamedPrincipal:
    account, slash, name = text[len(SSO_PREFIX) :].partition("/")
    if not slash or not name:
        what = f"{quoted(text)} does not name a permission set"
        raise ConfigError(what, remedy="use the form sso:111122223333/Admin")
    if not is_account(account):
        plain = with_plain_account(text)
        remedy = f"write {shortened(plain)}" if plain != text else "check the account"
        raise ConfigError(f"the account {quoted(account)} of {shortened(text)} must have 12 digits", remedy=remedy)
    if not is_permission_set(name):
        what = f"{quoted(name)} is not a valid name of a permission set"
        raise ConfigError(what, remedy="use up to 32 letters, digits and _+=,.@-")
    if is_role_name(name):
        what = f"{quoted(name)} is the name of a role, not of a permission set"
        raise ConfigError(what, remedy=f"write {SSO_PREFIX}{account}/{permission_set_like(name)}")
    also = f"{shortened(text)} also matches every permission set of the account whose name begins with {name}_"
    return NamedPrincipal("sso", f"{account}/{name}", (also,))


def closest_principal(text: str, known: Iterable[str]) -> str | None:
    """The known principal with the same name (under another path, of another kind, in another account), else one with a
    similar name; of accounts, the one with nearly the same digits. None if nothing is similar."""
    wanted = _principal_parts(text)
    scores = {other: _score(wanted, _principal_parts(other)) for other in known if other}
    best = max(scores, key=lambda other: scores[other], default=None)
    return best if best is not None and scores[best] else None


def _score(wanted: tuple[str, str, str], other: tuple[str, str, str]) -> float:
    """0 for principals that are not confused with each other."""
    (account, name, kind), (other_account, other_name, other_kind) = wanted, other
    accounts = likeness(account, other_account) if account else 1.0
    if not name or not other_name:
        accounts = likeness(account, other_account)
        return accounts if name == other_name and accounts >= CLOSE else 0.0
    names = likeness(bare(name), bare(other_name))
    if names < LIKELY or (names < 1.0 and accounts < CLOSE):
        return 0.0
    return 2 * names + accounts + (kind == other_kind) / 2


def _principal_parts(text: str) -> tuple[str, str, str]:
    """Account; the name of a role, user or permission set without its path, "" for a whole account; and kind."""
    if text.strip().isdigit():
        return text.strip(), "", "account"
    if text.lower().startswith(SSO_PREFIX):
        account, _, name = text[len(SSO_PREFIX) :].partition("/")
        return account, name, "sso"
    head, _, resource = text.rpartition(":")
    name = resource.split("/")[1] if ":assumed-role/" in text else resource.rpartition("/")[2]
    account = next(filter(str.isdigit, head.split(":")), "")
    return account, permission_set_of(name) or name, resource.partition("/")[0].lower() if head else ""
