"""Rules about AWS accounts of a mappings file: those that are not 12 digits, and those that YAML reads as a number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar, dereference
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.reach import Flaw, account_remedy, account_shape
from tarmak_iam.identity.viper import field_key, field_value, texts
from tarmak_iam.lint.arn_rules import joining_remedy
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.text_lists import is_list_text
from tarmak_iam.lint.wording import for_admins, way_in
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["ACCOUNT_RULES"]

_ELEVEN_DIGITS = re.compile(r"[0-9]{11}\Z", re.ASCII)
_MATCHES_NOBODY = "so it matches nobody"


@dataclass(frozen=True, slots=True)
class _Account:
    """An account that stands on its own: in mapAccounts, in scrubbedAccounts or below `sso`."""

    text: str
    """As the daemon takes it."""
    written: str | None
    """The text of a plain scalar, None for another."""
    route: Route
    where: str
    consequence: str = _MATCHES_NOBODY
    shares_text: bool = False
    """Whether it is one of several in one text."""


def _accounts(mappings: Mappings) -> Iterator[_Account]:
    yield from _mapped_accounts(mappings)
    yield from _sso_accounts(mappings)
    settings = entries_of(mappings).settings
    key = "server.scrubbedAccounts"
    route, value = settings.route(key), settings.get(key)
    for index, text in enumerate(texts(value)):
        own = route / index if isinstance(value, list) else route
        yield _Account(text, _written(mappings.document, own), own, "the scrubbed account")


def _mapped_accounts(mappings: Mappings) -> Iterator[_Account]:
    entries = [each.listed for each in entries_of(mappings).entries if each.is_account]
    value = entries_of(mappings).settings.get("server.mapAccounts")
    if isinstance(value, str) and is_list_text("mapAccounts", value):
        return  # another finding
    for listed in entries:
        written = _written(mappings.document, listed.route)
        shares_text = sum(each.route == listed.route for each in entries) > 1
        yield _Account(listed.arn, written, listed.route, "the account", shares_text=shares_text)


def _sso_accounts(mappings: Mappings) -> Iterator[_Account]:
    """Releases that know SSO entries check the account, and the others from v0.5.0 on refuse the entry (startup.json of
    the recordings)."""
    ends = f"so the daemon does not start, and nobody gets access; {way_in()}"
    for entry in entries_of(mappings).entries:
        sso = entry.value("sso")
        if isinstance(sso, Mapping) and field_value(sso, "accountID") is not None:
            route = entry.at("sso") / field_key(sso, "accountID")
            text = entry.listed.sso.partition("/")[0]
            yield _Account(text, _written(mappings.document, route), route, "sso.accountID", ends)


def _written(document: Document, route: Route) -> str | None:
    node = document.node(route)
    node = dereference(node) if node is not None else None
    return node.text if isinstance(node, Scalar) and node.style == "plain" and node.tag is None else None


def _twelve_digits(account: _Account) -> str | None:
    """The account that is written, where YAML reads its 12 digits as another number."""
    written = (account.written or "").replace("_", "")
    return written if is_account(written) and not is_account(account.text) else None


def _without_zero(account: _Account) -> str | None:
    """The account that was probably meant by a number of 11 digits; of digits in quotes one is missing, and no
    one knows which."""
    written = account.written or ""
    return f"0{written}" if _ELEVEN_DIGITS.match(written) and written == account.text else None


def _account_shape(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        found = entry.flaw
        if entry.listed.arn and found is not None and found.flaw is Flaw.ACCOUNT:
            remedy = joining_remedy(mappings, entry, found) or found.remedy
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, for_admins(entry, found.what), remedy)
    for account in _accounts(mappings):
        if is_account(account.text) or _twelve_digits(account) or _without_zero(account):
            continue
        what = f"{account.where} {quoted(account.text)} {account_shape(account.text)}, {account.consequence}"
        yield rule.finding(Subject.MAPPINGS, account.route, what, _shape_remedy(account))


def _shape_remedy(account: _Account) -> str:
    """What to write: for a text that has several accounts, all of it."""
    parts = [part for part in re.split(r"[,\s]+", account.text) if part]
    if account.shares_text:
        return "write the accounts as a list, each with its 12 digits in quotes"
    if len(parts) > 1 and all(map(is_account, parts)):
        listed = ", ".join(f'"{part}"' for part in parts)
        return f"write a list: [{listed}]"
    bare = re.sub(r"[\s.-]", "", account.text)
    return f'write "{bare}"' if is_account(bare) else account_remedy(account.text)


def _lost_zero(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for account in _accounts(mappings):
        twelve, probable = _twelve_digits(account), _without_zero(account)
        if twelve is not None:
            what = (
                f"{account.where} {shortened(account.written)} is read as the number "
                f"{shortened(account.text)}, {account.consequence}"
            )
            yield rule.finding(Subject.MAPPINGS, account.route, what, f'put it in quotes: "{twelve}"')
        elif probable is not None:
            what = (
                f"{account.where} {quoted(account.text)} has 11 digits, {account.consequence}; "
                "as a number it probably lost its leading zero"
            )
            remedy = f'{account_remedy(account.text)}; if it begins with a zero, write "{probable}"'
            yield rule.finding(Subject.MAPPINGS, account.route, what, remedy)


ACCOUNT_RULES = (
    Rule("IAM053", Severity.ERROR, Scope.MAPPINGS, "an account that does not have 12 digits", _account_shape),
    Rule("IAM054", Severity.ERROR, Scope.MAPPINGS, "an account whose leading zero is lost", _lost_zero),
)
