"""Principals as users name them: the ARN of a role or user, a whole account or an SSO permission set; and the mapped
principal closest to one that is not mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.suggestions import CLOSE, LIKELY, bare, likeness
from tarmak_iam.text import quoted, shortened

SSO_PREFIX = "sso:"

_BARE_SSO = compiled(r"[0-9]{12}/[^/]+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedPrincipal:
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
        raise ConfigError(
            f"{quoted(text)} is not an ARN", remedy=f"write {SSO_PREFIX}{shortened(text)} for the permission set"
        )
    notes = []
    found = arn_flaw(text)
    if found is not None and text.isdigit():
        raise ConfigError(
            f"{quoted(text)} is not a valid account ID",
            remedy="write all 12 digits; in YAML, put an account with a leading zero in quotes",
        )
    if found is not None and found.kind is FlawKind.PATH and found.likely_arn:
        if not strip_path and not _is_reserved(text):
            raise ConfigError(found.what, remedy=f"{found.remedy}, or use --strip-path")
        notes.append(
            f"{shortened(text)} is mapped as {shortened(found.likely_arn)}: STS omits the path of a role, "
            "so the entry matches every role of that name in the account, whatever its path"
        )
        text = found.likely_arn
    kind = checked_arn(text)
    return NamedPrincipal(kind, text, (*notes, *_of_sso_role(text)))


def check_principal(text: str) -> None:
    """Raises ConfigError unless the text is the ARN of a principal, an account or a permission set. An ARN that would
    never match is accepted: the file may contain an entry for it."""
    try:
        parse_principal(text)
    except ConfigError:
        found = arn_flaw(text)
        if found is None or found.kind in (FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL, FlawKind.PARTITION):
            raise


def principal_key(text: str) -> str:
    """Equal for the same principal, as the daemon compares: ignoring case, an assumed role as its role."""
    return to_lower(text) if to_lower(text).startswith(SSO_PREFIX) else canonical_text(text)


def _permission_set(text: str) -> NamedPrincipal:
    account, slash, name = text[len(SSO_PREFIX) :].partition("/")
    if not slash or not name:
        raise ConfigError(
            f"{quoted(text)} does not name a permission set", remedy="use the form sso:111122223333/Admin"
        )
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
        f"the suffix {suffix} changes if all assignments of the permission set in the account are removed and a new "
        "one is created; the entry never matches again then"
    )
    return (f"{why}; {SSO_PREFIX}{arn.account}/{permission_set} does not need it, with authenticator v0.6.30 or later",)


@dataclass(frozen=True, slots=True)
class _PrincipalParts:
    """`name` is the name of a role, user or permission set, without its path; empty for a whole account."""

    account: str
    name: str
    kind: str


def closest_principal(text: str, known: Iterable[str]) -> str | None:
    """The known principal with the same name (under another path, of another kind, in another account), else one with a
    similar name; of accounts, the one with nearly the same digits. None if nothing is similar."""
    wanted = _principal_parts(text)
    likely = [
        (score, each)
        for each in dict.fromkeys(filter(None, known))
        if (score := _score(wanted, _principal_parts(each)))
    ]
    return max(likely, key=lambda each: each[0])[1] if likely else None


def _score(wanted: _PrincipalParts, other: _PrincipalParts) -> float:
    """0 for principals that are not confused with each other."""
    accounts = likeness(wanted.account, other.account) if wanted.account else 1.0
    if not wanted.name or not other.name:
        accounts = likeness(wanted.account, other.account)
        return accounts if wanted.name == other.name and accounts >= CLOSE else 0.0
    names = likeness(bare(wanted.name), bare(other.name))
    if names < LIKELY or (names < 1.0 and accounts < CLOSE):
        return 0.0
    return 2 * names + accounts + (wanted.kind == other.kind) / 2


def _principal_parts(text: str) -> _PrincipalParts:
    if is_account(text.strip()) or text.strip().isdigit():
        return _PrincipalParts(text.strip(), "", "account")
    if text.lower().startswith(SSO_PREFIX):
        account, _, name = text[len(SSO_PREFIX) :].partition("/")
        return _PrincipalParts(account, name, "sso")
    head, _, resource = text.rpartition(":")
    name = resource.rpartition("/")[2]
    if ":assumed-role/" in text:
        name = resource.split("/")[1]
    account = next((each for each in head.split(":") if each.isdigit()), "")
    return _PrincipalParts(account, permission_set_of(name) or name, resource.partition("/")[0].lower() if head else "")
