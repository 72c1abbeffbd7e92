"""Making a token: credentials, a role's if one is asked for, and the presigned URL."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.identity.sts_hosts import sts_host
from tarmak_iam.token.checks import check_cluster_header, check_partition, check_region, check_role, check_session
from tarmak_iam.token.credentials import (
    Credentials,
    assume_role,
    aws_errors,
    keep_sessions,
    open_session,
    own_session_name,
    read_credentials,
)
from tarmak_iam.token.presigned import PREFIX
from tarmak_iam.token.signing import presign
from tarmak_iam.token.verify import LIFETIME

if TYPE_CHECKING:
    from botocore.session import Session

__all__ = ["Token", "make_token", "sign_token"]

_LOGGER = logging.getLogger(__name__)

_CUSHION = timedelta(minutes=1)

# A region of each partition to begin with, where the role's ARN is all that tells the partition.
_FIRST_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}


@dataclass(frozen=True, slots=True)
class Token:
    """Whoever has `text` is who it was made for: neither str() nor repr() show it."""

    text: str = field(repr=False)
    expires: datetime
    """When a client should ask for another one: a minute before the daemon refuses it. In UTC, whole seconds."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for, checked."""

    role: str | None
    partition: str | None
    """The role's."""
    session_name: str | None
    external_id: str | None
    region: str | None
    default_region: str | None
    forward_session_name: bool


def make_token(
    cluster_id: str,
    *,
    role: str | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    profile: str | None = None,
    region: str | None = None,
    default_region: str | None = None,
    credentials: Credentials | None = None,
    forward_session_name: bool = False,
    cache_directory: Path | None = None,
    now: datetime | None = None,
) -> Token:
    """A token for the cluster whose authenticator has this clusterID.

    Without `credentials` botocore finds them: environment, `profile`, SSO, container, instance. With `role` its
    session is asked of STS first; without a `session_name` it is named by the time, or, with
    `forward_session_name`, like the session that the credentials are of. Without `region` the one of AWS's
    environment and files counts, then `default_region`, then the instance's, then the first of the role's
    partition. In `cache_directory` botocore keeps the sessions of profiles until they expire, as the AWS
    CLI does in ~/.aws/cli/cache. `now` needs a time zone.

    Raises ConfigError for what cannot be, before anything is signed; TarmakIamError where there is no botocore,
    there are no credentials, or STS does not give the role.
    """
    check_cluster_header(cluster_id)
    if region is not None:
        check_region(region)
    check_session(role, session_name, external_id, is_forwarded=forward_session_name)
    partition = check_role(role) if role is not None else None
    if partition is not None and region is not None:
        check_partition(partition, region)
    request = _Request(role, partition, session_name, external_id, region, default_region, forward_session_name)
    if credentials is not None and region is not None and role is None:
        return sign_token(credentials, region, cluster_id, now or _now())
    session = open_session(profile)
    with aws_errors(profile, role):
        if cache_directory is not None:
            keep_sessions(session, cache_directory)
        given, place = _gather(session, request, credentials, now or _now())
    # Not before: asking for credentials takes as long as a person takes to type a code.
    return sign_token(given, place, cluster_id, now or _now())


def sign_token(credentials: Credentials, region: str, cluster_id: str, now: datetime) -> Token:
    """The token of these credentials, without asking anybody. Raises ConfigError for a region or id that is none."""
    check_cluster_header(cluster_id)
    check_region(region)
    moment = now.astimezone(timezone.utc).replace(microsecond=0)
    url = presign(credentials, sts_host(region), region, cluster_id, moment)
    text = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return Token(PREFIX + text, moment + LIFETIME - _CUSHION)


def _gather(session: Session, request: _Request, given: Credentials | None, now: datetime) -> tuple[Credentials, str]:
    """Credentials to sign with, and the region to sign for."""
    role, partition = request.role, request.partition
    credentials, method = (given, "") if given is not None else read_credentials(session)
    _LOGGER.info("AWS credentials: %s", method or "given")
    region = request.region or session.get_config_variable("region") or request.default_region
    if not region and method == "iam-role":
        region = _instance_region(session)
    region = str(region or _FIRST_REGIONS[partition or "aws"])
    check_region(region)
    if role is None or partition is None:
        return credentials, region
    check_partition(partition, region)
    name = request.session_name
    if name is None and request.forward_session_name:
        name = own_session_name(session, credentials, region)
    name = name or f"tarmak-iam-{int(now.timestamp())}"
    external_id = request.external_id
    return assume_role(session, credentials, region, role=role, session_name=name, external_id=external_id), region


def _instance_region(session: Session) -> str | None:
    """Asked of the instance metadata only where the credentials came from there: elsewhere nobody answers."""
    from botocore.utils import IMDSRegionProvider

    region: str | None = IMDSRegionProvider(session).provide()
    return region


def _now() -> datetime:
    return datetime.now(timezone.utc)
