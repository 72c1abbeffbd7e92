"""Tarmak's section kubernetes.apiServer.oidc for tokens of STS, and what of the mappings it cannot carry.

Its flags take the username from one claim, and have no rule about who may log in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.mappings.eks_conversion import Remark
from tarmak_iam.mappings.oidc_rules import OidcRule

_REMEDY = "keep the authenticator, or use an AuthenticationConfiguration"


def lost(authenticator: Authenticator, remarks: Collection[Remark], account: str) -> Iterator[Remark]:
    """What is lost in addition to the remarks about tokens, and what others gain: the username is the claim `sub`, and
    there are no groups. Of the principals whose ARN a mapping has in full, the users, some lose nothing."""
    named = {(remark.kind, remark.principal) for remark in remarks if remark.is_loss}
    for grant in authenticator.grants:
        if (grant.kind, grant.principal) in named:
            continue
        what = "its username would be its ARN"
        if grant.kind == "arn" and ":user/" in grant.principal and grant.username == grant.principal:
            what = f"it loses the groups {', '.join(grant.groups)}" if grant.groups else ""
        if what:
            yield Remark(grant.kind, grant.principal, OidcRule.ONE_CLAIM, what, _REMEDY, place=grant.place)
    what = "it can log in if it gets a token, with its ARN as username"
    yield Remark("account", account, OidcRule.ONE_CLAIM, what, _REMEDY)


def write(issuer: str, audience: str) -> dict[str, Any]:
    """The section in its place in a cluster. The API server puts the issuer before the username unless the prefix is -
    (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server)."""
    oidc = {"issuerURL": issuer, "clientID": audience, "usernameClaim": "sub", "usernamePrefix": "-"}
    return {"kubernetes": {"apiServer": {"oidc": oidc}}}
