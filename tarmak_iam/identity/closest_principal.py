"""Which of the principals that are mapped somebody probably means who names another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.principals import SSO_PREFIX, permission_set_of
from tarmak_iam.near import CLOSE, LIKELY, bare, likeness

__all__ = ["closest_principal"]


@dataclass(frozen=True, slots=True)
class _Parts:
    """`name` is that of a role, user or permission set, without its path; empty for a whole account."""

    account: str
    name: str
    kind: str


def closest_principal(text: str, known: Iterable[str]) -> str | None:
    """The one with the same name (under another path, of another kind, in another account), else with one nearly like
    it; of accounts the one with nearly the same digits. None where nothing is like it."""
    wanted = _parts(text)
    likely = [(score, each) for each in dict.fromkeys(filter(None, known)) if (score := _score(wanted, _parts(each)))]
    return max(likely, key=lambda each: each[0])[1] if likely else None


def _score(wanted: _Parts, other: _Parts) -> float:
    """0 for principals that nobody takes for each other."""
    accounts = likeness(wanted.account, other.account) if wanted.account else 1.0
    if not wanted.name or not other.name:
        accounts = likeness(wanted.account, other.account)
        return accounts if wanted.name == other.name and accounts >= CLOSE else 0.0
    names = likeness(bare(wanted.name), bare(other.name))
    if names < LIKELY or (names < 1.0 and accounts < CLOSE):
        return 0.0
    return 2 * names + accounts + (wanted.kind == other.kind) / 2


def _parts(text: str) -> _Parts:
    if is_account(text.strip()) or text.strip().isdigit():
        return _Parts(text.strip(), "", "account")
    if text.lower().startswith(SSO_PREFIX):
        account, _, name = text[len(SSO_PREFIX) :].partition("/")
        return _Parts(account, name, "sso")
    head, _, resource = text.rpartition(":")
    name = resource.rpartition("/")[2]
    if ":assumed-role/" in text:
        name = resource.split("/")[1]
    account = next((each for each in head.split(":") if each.isdigit()), "")
    return _Parts(account, permission_set_of(name) or name, resource.partition("/")[0].lower() if head else "")
