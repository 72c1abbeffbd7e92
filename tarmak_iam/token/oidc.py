"""An OIDC token of STS, for an API server that needs no authenticator."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from tarmak_iam.errors import ConfigError
from tarmak_iam.token.credentials import aws_errors, open_session, web_identity_token
from tarmak_iam.token.make import Token, find_signer

LIFETIME = timedelta(minutes=5)
"""The default of STS, and what AWS's example of a policy allows: kubectl gets a token for each call anyway."""

_MAX_AUDIENCE = 1000


def make_oidc_token(audience: str, **options: Any) -> Token:
    """For the API server that expects this audience; the options are those of `make_token`. Nothing is cached.

    Raises as `make_token` does, and TarmakIamError if botocore is too old, or STS gives no token: the account has not
    enabled it, or the principal lacks the permission.
    """
    if not 0 < len(audience) <= _MAX_AUDIENCE:
        what = f"the audience must have 1 to {_MAX_AUDIENCE:,} characters"
        raise ConfigError(what, remedy="use that of the AuthenticationConfiguration, by default the cluster ID")
    profile = options.get("profile")
    session = open_session(profile)
    signer, region = find_signer(**options)
    with aws_errors(profile, options.get("role")):
        text, expires = web_identity_token(session, signer, region, audience=audience, lifetime=LIFETIME)
    return Token(text, expires.astimezone(timezone.utc).replace(microsecond=0) - timedelta(minutes=1))
