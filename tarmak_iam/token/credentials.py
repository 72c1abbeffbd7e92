"""AWS credentials as botocore finds them, or those of an assumed role. Errors fit on one line, without secrets."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.errors import TarmakIamError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from botocore.session import Session


# AWS errors whose messages name principals and policies; other messages may quote what was signed.
_HARMLESS = frozenset({"AccessDenied", "AccessDeniedException", "RegionDisabledException", "ValidationError"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_FEDERATION_OFF = "OutboundWebIdentityFederationDisabled"
_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """`session_token` is set only for temporary credentials. str() and repr() show no secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def open_session(profile: str | None) -> Session:
    """Raises TarmakIamError if botocore is not installed."""
    try:
        from botocore.session import Session
    except ImportError:
        what = "tokens need botocore, which is not installed"
        raise TarmakIamError(what, remedy="install botocore, or the extra `aws`") from None
    region = ("region", list(REGION_VARIABLES), None, None)
    return Session(session_vars={"region": region}, profile=profile)


REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The authenticator (in Go) reads AWS_REGION first; botocore by itself reads only AWS_DEFAULT_REGION."""

_TOKEN_VARIABLES = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")

# With these, botocore reads files, or looks at the expiry of the credentials.
_NOT_SIMPLE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION")


def environment_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """The access key that botocore finds before all others. None if there is none, or botocore decides."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret or any(name in environment for name in _NOT_SIMPLE):
        return None
    token = next((environment[name] for name in _TOKEN_VARIABLES if environment.get(name)), None)
    return Credentials(key, secret, token)


def keep_sessions(session: Session, directory: Path) -> None:
    """Makes botocore cache sessions until they expire, in files of mode 0600: no MFA code for every token."""
    from botocore.utils import JSONFileCache

    providers = session.get_component("credential_provider")
    for name in ("assume-role", "assume-role-with-web-identity", "sso"):
        providers.get_provider(name).cache = JSONFileCache(str(directory))


def read_credentials(session: Session) -> tuple[Credentials, str]:
    """The first credentials that botocore finds, and their source. Raises TarmakIamError if there are none."""
    credentials = session.get_credentials()
    if credentials is None:
        remedy = "select a profile with --profile or AWS_PROFILE, or run `aws sso login`"
        raise TarmakIamError("no AWS credentials found", remedy=remedy)
    frozen = credentials.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token), str(credentials.method)


def assume_role(
    session: Session, base: Credentials, region: str, *, role: str, session_name: str, external_id: str | None
) -> Credentials:
    """Credentials of a session of the role, valid for 15 minutes as a token is: the shortest that STS issues."""
    arguments = {"RoleArn": role, "RoleSessionName": session_name, "DurationSeconds": 900}
    arguments |= {"ExternalId": external_id} if external_id else {}
    given = _sts(session, base, region).assume_role(**arguments)["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def own_session_name(session: Session, base: Credentials, region: str) -> str | None:
    """The session name of these credentials; None if they do not belong to a session."""
    user_id: str = _sts(session, base, region).get_caller_identity()["UserId"]
    unique_id, colon, name = user_id.partition(":")
    return name if unique_id and colon and ":" not in name else None


def web_identity_token(
    session: Session, base: Credentials, region: str, *, audience: str, lifetime: timedelta
) -> tuple[str, datetime]:
    """An OIDC token about the principal of these credentials, and when it expires. Raises TarmakIamError if botocore is
    too old. RS256 is what an API server accepts unless its flag --oidc-signing-algs says otherwise."""
    client = _sts(session, base, region)
    if not hasattr(client, "get_web_identity_token"):
        import botocore

        what = f"botocore {botocore.__version__} does not know the action GetWebIdentityToken"
        raise TarmakIamError(what, remedy="update botocore")
    seconds = int(lifetime.total_seconds())
    given = client.get_web_identity_token(Audience=[audience], SigningAlgorithm="RS256", DurationSeconds=seconds)
    return given["WebIdentityToken"], given["Expiration"]


def _sts(session: Session, base: Credentials, region: str) -> Any:
    session.set_config_variable("sts_regional_endpoints", "regional")  # the default only in newer releases of botocore
    secrets = {"aws_secret_access_key": base.secret_access_key, "aws_session_token": base.session_token}
    return session.create_client("sts", region_name=region, aws_access_key_id=base.access_key_id, **secrets)


@contextlib.contextmanager
def aws_errors(profile: str | None, role: str | None) -> Iterator[None]:
    """Raises TarmakIamErrors in place of botocore's, whose debug log is off: it contains secrets."""
    from botocore.exceptions import BotoCoreError, ClientError

    logger = logging.getLogger("botocore")
    level = logger.level
    if logger.getEffectiveLevel() < logging.INFO:
        logger.setLevel(logging.INFO)
    try:
        yield
    except ClientError as error:
        answer, operation = error.response.get("Error", {}), error.operation_name
        code = answer.get("Code", "unknown")
        detail = f": {answer['Message']}" if code in _HARMLESS and answer.get("Message") else ""
        what, remedy = f"AWS rejects {operation} ({code}){detail}", ""
        if code in _EXPIRED:
            what, remedy = "the AWS credentials have expired", "renew them, for example with `aws sso login`"
        elif code in _UNKNOWN_KEY:
            what = f"AWS rejects the credentials ({code})"
            remedy = "check the access key, and that it belongs to this partition"
        elif operation == "AssumeRole":
            what = f"the role {role} cannot be assumed ({code}){detail}"
            remedy = "check that the role exists, and that its trust policy allows your principal (and the external ID)"
        elif operation == "GetWebIdentityToken" and code.startswith(_FEDERATION_OFF):
            what = "the AWS account issues no tokens"
            remedy = "enable it once, as an admin of the account: `aws iam enable-outbound-web-identity-federation`"
        elif code.startswith("SessionDurationEscalation"):
            what, remedy = "the session of the credentials ends in less than 5 minutes", "renew the credentials"
        elif operation == "GetWebIdentityToken":
            remedy = "allow the role or user sts:GetWebIdentityToken for this audience"
        raise TarmakIamError(what, remedy=remedy) from None
    except BotoCoreError as error:
        raise _local_error(error, profile) from None
    finally:
        logger.setLevel(level)


def _local_error(error: Exception, profile: str | None) -> TarmakIamError:
    """Decided by the name of the class, because releases of botocore define different classes."""
    name, text = type(error).__name__, str(error)
    what = f"the AWS credentials cannot be used ({name})"
    remedy = "run `aws sts get-caller-identity`, which uses the same credentials"
    if name == "ProfileNotFound":
        what, remedy = text, "run `aws configure list-profiles` to list the profiles"
    elif "SSO" in name or name in ("TokenRetrievalError", "PendingAuthorizationExpiredError"):
        what = "the SSO session has expired or was never started"
        remedy = f"run `aws sso login{f' --profile {profile}' if profile else ''}`"
    elif name.startswith("Login"):
        what, remedy = "the login session has expired or was never started", "run `aws login`"
    elif name == "PartialCredentialsError":
        what, remedy = text, "set access key ID and secret access key together"
    elif name in ("ConfigParseError", "ConfigNotFound"):
        what, remedy = text, "fix the AWS configuration file"
    elif name in ("CredentialRetrievalError", "MetadataRetrievalError"):
        # Without the text of the error, which may contain the output of a credential process.
        what = f"cannot get credentials from '{getattr(error, 'kwargs', {}).get('provider', 'AWS')}'"
    elif isinstance(error, OSError) or "Connection" in name or "Timeout" in name or name == "SSLError":
        what, remedy = f"AWS cannot be reached ({name})", "check network, proxy and region"
    return TarmakIamError(what, remedy=remedy)
