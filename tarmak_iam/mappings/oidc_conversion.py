"""The access that an authenticator gives, as rules about tokens of STS, and what of it a token cannot say.

Every principal that no remark names becomes the same user with the same groups, and nobody gets more than before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tarmak_iam.aws.arn import SSO_ROLE_PREFIX, Principal, canonicalize, parse_arn
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Denied, Grant
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.identity.templates import PRIVATE_DNS, SESSION_TEMPLATES, rendered, templates_in
from tarmak_iam.mappings.authentication_config import TokenMapping
from tarmak_iam.mappings.eks_conversion import Remark, service_linked
from tarmak_iam.mappings.oidc_rules import OidcRule
from tarmak_iam.text import shortened

ISSUER_URL = "aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier --output text"


class TokenConversion(NamedTuple):
    """The mappings in the order of the authenticator, and the remarks about them."""

    mappings: tuple[TokenMapping, ...]
    remarks: tuple[Remark, ...]


class _NoRule(Exception):
    """No rule can be written. Arguments as of a Remark."""

    def __init__(self, rule: OidcRule, what: str, remedy: str) -> None:
        super().__init__(what)
        self.rule, self.what, self.remedy = rule, what, remedy


def to_token_mappings(authenticator: Authenticator, partition: str, accounts: Collection[str]) -> TokenConversion:
    """Of the accounts that have an issuer, in that partition. Raises nothing: an authenticator that does not start
    gives nobody access."""
    mappings: list[TokenMapping] = []
    remarks: list[Remark] = []
    for grant in authenticator.grants:
        try:
            _check_principal(grant, partition, accounts)
            mapping = _mapping(grant, authenticator)
        except _NoRule as why:
            remarks.append(Remark(grant.kind, grant.principal, why.rule, why.what, why.remedy, place=grant.place))
            continue
        except Denied:  # as the authenticator denies each of its callers
            continue
        if "" in mapping.groups:
            what, groups = "the empty group is left out", tuple(filter(None, mapping.groups))
            remark = Remark(grant.kind, grant.principal, OidcRule.GROUP, what, is_loss=False, place=grant.place)
            remarks.append(remark)
            mapping = mapping._replace(groups=groups)
        mappings.append(mapping)
    remarks += service_linked(authenticator, OidcRule.SERVICE, "only an AWS service can get its tokens")
    return TokenConversion((*mappings, *_denied(authenticator, mappings)), tuple(remarks))


def _check_principal(grant: Grant, partition: str, accounts: Collection[str]) -> None:
    """Raises _NoRule."""
    if grant.kind == "account":
        what = "its username is the ARN of the caller, and a token does not have the name of the role session"
        raise _NoRule(OidcRule.SESSION, what, "map each role and user that needs access")
    if grant.kind == "userid":
        what = "a token has the ARN of its principal, not its unique ID"
        raise _NoRule(OidcRule.SESSION, what, "map the principal by its ARN")
    if not grant.is_sure:
        what = "the authenticator chooses at random what this principal gets"
        raise _NoRule(OidcRule.OURS, what, "remove all mappings that match it but one")
    account, of_partition = grant.principal.partition("/")[0], "aws"
    if grant.kind == "arn":
        kind, arn = canonicalize(grant.principal)[0], parse_arn(grant.principal)
        account, of_partition = arn.account, arn.partition
        if kind not in (Principal.ROLE, Principal.USER):
            what = f"it is not documented whether a {kind} can get a token"
            raise _NoRule(OidcRule.SUBJECT, what, "map a role that this person can assume")
    if of_partition != partition:
        what = f"the partition {of_partition} is not that of the cluster ({partition})"
        raise _NoRule(OidcRule.ISSUER, what, "map a principal of the cluster's partition")
    if account not in accounts:
        what = f"the issuer of account {account} is not given"
        raise _NoRule(OidcRule.ISSUER, what, f"pass it with --issuer {account}=URL (`{ISSUER_URL}`)")


def _mapping(grant: Grant, authenticator: Authenticator) -> TokenMapping:
    """Raises _NoRule, and Denied if the authenticator denies every caller."""
    assert authenticator.config is not None  # it has grants
    version = authenticator.config.version
    subject, is_permission_set = to_lower(grant.principal), grant.kind == "sso"
    if is_permission_set:
        account, _, permission_set = subject.partition("/")
        subject = _role_prefix(account, permission_set)
    is_role = ":role/" in subject
    # v0.4.0 leaves templates of user mappings as they are, also of a role that is mapped under mapUsers.
    is_of_role = is_permission_set or any(grant.key[1] in table.roles for table in authenticator.tables)
    username, *groups = (grant.username, *grant.groups)
    if is_of_role or version.has(ReleaseFeature.USER_TEMPLATES):
        partition, account = subject.split(":")[1], subject.split(":")[4]
        caller = Caller(subject, subject, partition, account, "", "", "")
        for name in (username, *groups):
            if unknown := _unknown(name, version, is_role=is_role):
                what = f"{shortened(name)} needs {unknown}, which a token does not have"
                remedy = f"write it without {unknown}, and change bindings that name it"
                raise _NoRule(OidcRule.SESSION, what, remedy)
        username, *groups = (rendered(caller, version, {}, "", name) for name in (username, *groups))
    if not username:
        raise _NoRule(OidcRule.USERNAME, "Kubernetes rejects an empty username", "set a username in the mapping")
    return TokenMapping(subject, username, tuple(groups), is_prefix=is_permission_set)


def _role_prefix(account: str, permission_set: str) -> str:
    """How the ARNs of the roles of a permission set begin, without a path, in lower case."""
    return to_lower(f"arn:aws:iam::{account}:role/{SSO_ROLE_PREFIX}{permission_set}_")


def _unknown(text: str, version: DaemonVersion, *, is_role: bool) -> str:
    """The first template that a release replaces by what no token has; empty if there is none. For a user, the session
    name is empty."""
    unknown = ("{{AccessKeyID}}", *(SESSION_TEMPLATES if is_role else ()))
    known = {name for name in templates_in(text) if version.has_template(name)}
    replaced = (template for template in unknown if template.strip("{}") in known)
    return next(replaced, PRIVATE_DNS if PRIVATE_DNS in text else "")


def _denied(authenticator: Authenticator, mappings: Collection[TokenMapping]) -> Iterator[TokenMapping]:
    """Principals without a mapping of their own that those of a permission set would match."""
    converted = {mapping.subject for mapping in mappings}
    prefixes = tuple(mapping.subject for mapping in mappings if mapping.is_prefix)
    for table in authenticator.tables if prefixes else ():
        for key, mapping in table.entries:
            sso = mapping.sso if key is None else None
            subject = key or (_role_prefix(sso.account, sso.permission_set) if sso else "")
            if subject not in converted and subject.startswith(prefixes):
                converted.add(subject)
                yield TokenMapping(subject, "", (), is_prefix=key is None)
