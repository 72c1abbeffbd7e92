"""An OIDC token of STS for an API server that has no authenticator: the action GetWebIdentityToken."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.token.credentials import aws_errors, open_session, sts_client
from tarmak_iam.token.make import Token, find_signer

LIFETIME = timedelta(minutes=5)
"""The default of STS, and what AWS's example of a policy allows: kubectl gets a token for each call anyway."""

_ALGORITHM = "RS256"
"""That of the API server's flags too, unless --oidc-signing-algs says otherwise."""
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
        client = sts_client(session, signer, region)
        if not hasattr(client, "get_web_identity_token"):
            import botocore

            what = f"botocore {botocore.__version__} does not know the action GetWebIdentityToken"
            raise TarmakIamError(what, remedy="update botocore")
        seconds = int(LIFETIME.total_seconds())
        arguments = {"Audience": [audience], "SigningAlgorithm": _ALGORITHM, "DurationSeconds": seconds}
        given = client.get_web_identity_token(**arguments)
    expires = given["Expiration"].astimezone(timezone.utc).replace(microsecond=0)
    return Token(given["WebIdentityToken"], expires - timedelta(minutes=1))
