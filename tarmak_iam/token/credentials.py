"""AWS credentials, as botocore finds them, and a role's instead: errors in one line, and no secret in them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.errors import TarmakIamError

if TYPE_CHECKING:
    from botocore.session import Session


_INSTALL = "install botocore, or the extra `aws`"

# Shortest that STS gives: a token is valid for 15 minutes too.
_ROLE_SECONDS = 900

# Errors of AWS whose message tells of principals and policies; others may quote what was signed.
_HARMLESS = frozenset({"AccessDenied", "AccessDeniedException", "RegionDisabledException", "ValidationError"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """`session_token` is there for temporary credentials only. Neither str() nor repr() show a secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def open_session(profile: str | None) -> Session:
    """A botocore session, which reads AWS's environment variables and files. Raises TarmakIamError without botocore."""
    try:
        from botocore.session import Session
    except ImportError:
        raise TarmakIamError("tokens need botocore, which is not installed", remedy=_INSTALL) from None
    # The Go program reads AWS_REGION first; botocore knows AWS_DEFAULT_REGION only.
    region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
    return Session(session_vars={"region": region}, profile=profile)


def keep_sessions(session: Session, directory: Path) -> None:
    """Has botocore keep what a profile's role, web identity or SSO gives as files of mode 0600 until it expires,
    so that nobody types a code for every token."""
    from botocore.utils import JSONFileCache

    providers = session.get_component("credential_provider")
    for name in ("assume-role", "assume-role-with-web-identity", "sso"):
        providers.get_provider(name).cache = JSONFileCache(str(directory))


def read_credentials(session: Session) -> tuple[Credentials, str]:
    """Environment, profile, SSO, process, container or instance, in botocore's order; and which of them it was.

    Raises TarmakIamError where there are none or they cannot be had.
    """
    found = session.get_credentials()
    if found is None:
        raise TarmakIamError(
            "there are no AWS credentials",
            remedy="choose a profile with --profile or AWS_PROFILE, or run aws sso login",
        )
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token), str(found.method)


def assume_role(
    session: Session, base: Credentials, region: str, *, role: str, session_name: str, external_id: str | None
) -> Credentials:
    """A session of the role, for 15 minutes."""
    extra = {"ExternalId": external_id} if external_id else {}
    answer = _sts(session, base, region).assume_role(
        RoleArn=role, RoleSessionName=session_name, DurationSeconds=_ROLE_SECONDS, **extra
    )
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def own_session_name(session: Session, base: Credentials, region: str) -> str | None:
    """The session name that the credentials have now; None where they are of no session."""
    user_id: str = _sts(session, base, region).get_caller_identity()["UserId"]
    unique_id, colon, name = user_id.partition(":")
    return name if unique_id and colon and ":" not in name else None


def _sts(session: Session, base: Credentials, region: str) -> Any:
    session.set_config_variable("sts_regional_endpoints", "regional")  # the default of newer botocores only
    return session.create_client(
        "sts",
        region_name=region,
        aws_access_key_id=base.access_key_id,
        aws_secret_access_key=base.secret_access_key,
        aws_session_token=base.session_token,
    )


@contextlib.contextmanager
def aws_errors(profile: str | None, role: str | None) -> Iterator[None]:
    """Makes TarmakIamErrors of botocore's, and keeps its debug log quiet: that has signatures and secrets in it."""
    from botocore.exceptions import BotoCoreError, ClientError

    logger = logging.getLogger("botocore")
    level = logger.level
    if logger.getEffectiveLevel() < logging.INFO:
        logger.setLevel(logging.INFO)
    try:
        yield
    except ClientError as error:
        raise _answer_error(error.response.get("Error", {}), error.operation_name, role) from None
    except BotoCoreError as error:
        raise _local_error(error, profile) from None
    finally:
        logger.setLevel(level)


def _answer_error(answer: dict[str, str], operation: str, role: str | None) -> TarmakIamError:
    code = answer.get("Code", "unknown")
    if code in _EXPIRED:
        return TarmakIamError("the AWS credentials have expired", remedy="renew them, as with aws sso login")
    if code in _UNKNOWN_KEY:
        return TarmakIamError(
            f"AWS does not know the credentials ({code})",
            remedy="check the access key, and that it is of this partition",
        )
    detail = f": {answer['Message']}" if code in _HARMLESS and answer.get("Message") else ""
    if operation == "AssumeRole":
        return TarmakIamError(
            f"AWS does not let the role {role} be assumed ({code}){detail}",
            remedy="check that the role exists and that its trust policy names you (and the external id)",
        )
    return TarmakIamError(f"AWS refuses {operation} ({code}){detail}")


def _local_error(error: Exception, profile: str | None) -> TarmakIamError:
    """By the class's name: which classes there are differs between botocore's releases."""
    name = type(error).__name__
    login = f"aws sso login{f' --profile {profile}' if profile else ''}"
    if name == "ProfileNotFound":
        return TarmakIamError(str(error), remedy="aws configure list-profiles shows those that there are")
    if "SSO" in name or name in ("TokenRetrievalError", "PendingAuthorizationExpiredError"):
        return TarmakIamError("the SSO session has expired or was never begun", remedy=f"run {login}")
    if name.startswith("Login"):
        return TarmakIamError("the login session has expired or was never begun", remedy="run aws login")
    if name == "PartialCredentialsError":
        return TarmakIamError(str(error), remedy="set access key id and secret access key together")
    if name in ("ConfigParseError", "ConfigNotFound"):
        return TarmakIamError(str(error), remedy="mend AWS's configuration file")
    if name in ("CredentialRetrievalError", "MetadataRetrievalError"):
        # Not its text: a credential process's own output may be in it.
        return TarmakIamError(
            f"credentials cannot be had from '{getattr(error, 'kwargs', {}).get('provider', 'AWS')}'",
            remedy="try aws sts get-caller-identity, which uses the same ones",
        )
    if isinstance(error, OSError) or "Connection" in name or "Timeout" in name or name == "SSLError":
        return TarmakIamError(f"AWS cannot be reached ({name})", remedy="check network, proxy and region")
    return TarmakIamError(
        f"the AWS credentials cannot be used ({name})",
        remedy="try aws sts get-caller-identity, which uses the same ones",
    )
