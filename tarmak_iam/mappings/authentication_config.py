"""Kubernetes' AuthenticationConfiguration for tokens of STS: written from mappings, and who becomes whom by it.

Its expressions have a table with a line for each principal, since CEL has no variables. The claim `sub` has the path of
a role, which a mapping does not have; names of roles are unique in an account whatever their path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.caller import read_caller
from tarmak_iam.identity.model import Answer, Denied, Identity, place_in
from tarmak_iam.identity.releases import NEWEST_READ
from tarmak_iam.mappings.cel import MAX_DEPTH, MAX_LENGTH, CelError, evaluated, quoted_cel
from tarmak_iam.routes import Route

FIRST_BETA, FIRST_STABLE = (1, 30), (1, 34)
"""The releases of Kubernetes that have v1beta1 by default, and v1:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration"""

_SUBJECT = "claims.sub.lowerAscii()"
_ROLE = f"{_SUBJECT}.substring(claims.sub.lastIndexOf('/') + 1)"
_REMEDY = "specify a file of `map convert --to authentication-config`"


class TokenMapping(NamedTuple):
    """What a principal becomes. `subject` is its ARN in lower case, of a role without its path; with `is_prefix`, how
    the ARNs of several roles begin. An empty username denies it."""

    subject: str
    username: str
    groups: tuple[str, ...]
    is_prefix: bool = False

    @property
    def account(self) -> str:
        return self.subject.split(":")[4]


def write(
    mappings: Iterable[TokenMapping], issuers: Mapping[str, str], audience: str, release: tuple[int, int]
) -> dict[str, Any]:
    """The object for a release of Kubernetes, FIRST_BETA or later. `issuers`: their URLs, by account. Raises
    ConfigError if an expression is too large for CEL."""
    by_account: dict[str, list[TokenMapping]] = {}
    for mapping in mappings:
        by_account.setdefault(mapping.account, []).append(mapping)
    authenticators = []
    for account, of_account in by_account.items():
        username = _expression(of_account, lambda mapping: quoted_cel(mapping.username), "''")
        groups = _expression(of_account, lambda mapping: f"[{', '.join(map(quoted_cel, mapping.groups))}]", "[]")
        prefixes = sum(mapping.is_prefix for mapping in of_account)
        if max(len(username), len(groups)) > MAX_LENGTH or prefixes > MAX_DEPTH:
            what = f"account {account} has too many mappings for one CEL expression: Kubernetes reads {MAX_LENGTH:,} "
            raise ConfigError(f"{what}characters, and {MAX_DEPTH} permission sets", remedy="remove unused mappings")
        claims = {"username": {"expression": username}, "groups": {"expression": groups}}
        issuer = {"url": issuers[account], "audiences": [audience]}
        authenticators.append({"issuer": issuer, "claimMappings": claims})
    version = "v1" if release >= FIRST_STABLE else "v1beta1"
    head = {"apiVersion": f"apiserver.config.k8s.io/{version}", "kind": "AuthenticationConfiguration"}
    return {**head, "jwt": authenticators}


def _expression(mappings: Iterable[TokenMapping], written: Callable[[TokenMapping], str], nothing: str) -> str:
    """Of what is written for each mapping of one account, or nothing."""
    roles, prefixes, users = dict[str, str](), dict[str, str](), dict[str, str]()
    start = ""
    for mapping in mappings:
        head, is_role, name = mapping.subject.partition(":role/")
        if is_role:
            start = head + is_role
            (prefixes if mapping.is_prefix else roles)[name] = written(mapping)
        else:
            users[mapping.subject] = written(mapping)
    longest = sorted(prefixes.items(), key=lambda item: -len(item[0]))
    choices = "".join(f"{_ROLE}.startsWith({quoted_cel(prefix)}) ? {value} : " for prefix, value in longest)
    of_users = _table(_SUBJECT, users, nothing)
    if not start:
        return of_users
    of_roles = _table(_ROLE, roles, choices + nothing)
    return f"claims.sub.startsWith({quoted_cel(start)}) ?\n{of_roles} :\n{of_users}"


def _table(key: str, values: Mapping[str, str], otherwise: str) -> str:
    if not values:
        return f"({otherwise})"
    lines = ",\n".join(f"  {quoted_cel(name)}: {value}" for name, value in values.items())
    return f"{{\n{lines}\n}}[?{key}].orValue({otherwise})"


def whois(data: bytes | str, filename: str, identity: Identity) -> Answer:
    """Who a caller with a token of its own account becomes by a file that was written here. Raises ConfigError for
    another file."""
    document = Document.parse(data, filename)
    authenticators = document.data.get("jwt") if isinstance(document.data, dict) else None
    if not isinstance(authenticators, list):
        raise ConfigError("it has no list `jwt`", remedy=_REMEDY, place=Place(filename))
    try:
        subject = read_caller(identity, NEWEST_READ).canonical_arn
    except Denied as denial:
        return Answer(True, reason=denial.reason)
    for number in range(len(authenticators)):
        username, route = _value(document, subject, number, "username")
        if username:
            groups, _ = _value(document, subject, number, "groups")
            url = authenticators[number].get("issuer", {}).get("url", "")
            reason, locate = f"the issuer {url} names {subject}", partial(place_in, document)
            return Answer(True, True, username, groups, reason=reason, route=route, locate=locate)
    return Answer(True, reason=f"no rule is for {subject}")


def _value(document: Document, subject: str, number: int, name: str) -> tuple[Any, Route]:
    """Of the expression for a username or groups. Raises ConfigError with its place."""
    value, route = document.data, Route()
    try:
        for step in ("jwt", number, "claimMappings", name, "expression"):
            value = value[step]
            route /= step
        return evaluated(value, {"claims": {"sub": subject}}), route
    except (KeyError, TypeError):
        what = f"claimMappings.{name} has no expression"
    except CelError as error:
        what = str(error)
    raise ConfigError(what, remedy=_REMEDY, place=document.position(route))
