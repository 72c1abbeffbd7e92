"""Creates a token: checks the arguments, gets credentials (of a role, if one is given), and signs the URL.

A token is a presigned URL: a GetCallerIdentity request to STS with Signature Version 4.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize, is_account, is_session_name, parse_arn
from tarmak_iam.aws.regions import partition_of, region_flaw, region_of_zone, sts_host
from tarmak_iam.errors import ConfigError
from tarmak_iam.token.credentials import (
    REGION_VARIABLES,
    Credentials,
    assume_role,
    aws_errors,
    environment_credentials,
    keep_sessions,
    open_session,
    own_session_name,
    read_credentials,
)

PREFIX = "k8s-aws-v1."
LIFETIME = timedelta(minutes=15)
"""How long STS, and the authenticator in v0.4.0 and later, accept a presigned URL, whatever X-Amz-Expires says."""

_ALGORITHM = "AWS4-HMAC-SHA256"

# What stays unchanged as an HTTP header: Signature Version 4 trims spaces at the ends and collapses repeated ones.
_CLUSTER_ID = re.compile(r"[!-~]+( [!-~]+)*\Z")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)*-[a-z]+-[0-9]+\Z")

# The pattern of ExternalId in the API reference of STS.
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}\Z", re.ASCII)
_LOGGER = logging.getLogger(__name__)

# The region of each partition that is used if no region is configured.
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


def check_cluster_header(cluster_id: str) -> None:
    if not _CLUSTER_ID.match(cluster_id):
        what = f"{cluster_id!r} is not a valid cluster ID" if cluster_id else "the cluster ID is empty"
        remedy = "use the authenticator's clusterID: ASCII characters, no leading, trailing or repeated spaces"
        raise ConfigError(what, remedy=remedy)


def check_region(region: str) -> None:
    flaw = region_flaw(region)
    if flaw is not None and region_of_zone(region):
        raise ConfigError(f"{region!r} {flaw.what}", remedy=flaw.remedy)
    if not _REGION.match(region):
        raise ConfigError(f"{region!r} is not a valid AWS region", remedy="use a region such as eu-west-1")


def check_assumable_role(role: str) -> str:
    """The role's partition. Unlike in a mapping, the ARN needs the role's path. Raises ConfigError."""
    try:
        principal, arn = canonicalize(role)[0], parse_arn(role)
        if principal is Principal.ASSUMED_ROLE:
            why = "it is a role session, which cannot be assumed"
        elif principal is not Principal.ROLE:
            why = f"it is a {principal}"
        elif not arn.name or len(arn.parts) < 2:
            why = "the role has no name"
        elif not is_account(arn.account) or arn.region or any(map(str.isspace, role)):
            why = "the account must have 12 digits, the region must be empty, and whitespace is not allowed"
        else:
            return arn.partition
    except ArnError as error:
        why = str(error)
    what = f"{role!r} is not a role that can be assumed: {why}"
    raise ConfigError(what, remedy="use an ARN such as arn:aws:iam::111122223333:role/Admin")


def check_session(role: str | None, session_name: str | None, external_id: str | None, *, is_forwarded: bool) -> None:
    """Raises ConfigError for a session name or external ID that STS does not accept, or that has no role."""
    if role is None and (session_name is not None or external_id is not None or is_forwarded):
        what = "an external ID" if external_id is not None else "a session name"
        raise ConfigError(f"{what} requires a role", remedy="specify the role too")
    if is_forwarded and session_name is not None:
        raise ConfigError("the session name is set twice", remedy="either specify it or forward the current one")
    if session_name is not None and not is_session_name(session_name):
        what = f"{session_name!r} is not a valid role session name"
        raise ConfigError(what, remedy="use 2 to 64 letters, digits and _+=,.@-")
    if external_id is not None and not _EXTERNAL_ID.match(external_id):
        raise ConfigError("the external ID is not valid", remedy="use 2 to 1224 letters, digits and _+=,.@:/-")


def check_partition(role_partition: str, region: str) -> None:
    """Credentials work in one partition only."""
    if partition_of(region) != role_partition:
        what = f"the region {region} is not in the role's partition {role_partition}"
        raise ConfigError(what, remedy="use a region of that partition")


@dataclass(frozen=True, slots=True)
class Token:
    """`text` lets anyone who has it log in as its principal: str() and repr() do not show it."""

    text: str = field(repr=False)
    expires: datetime
    """When a client should get a new token: a minute before the authenticator rejects this one. UTC, whole seconds."""


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

    Without `credentials`, they are those that botocore finds: environment, `profile`, SSO, container, instance.
    With `role`, the role is assumed first. The role session is named `session_name`; with `forward_session_name`,
    it gets the session name of the credentials; otherwise its name contains the time. The region is `region`, else
    that of the AWS environment variables and configuration files, else `default_region`, else that of the instance,
    else a fixed region of the role's partition. In `cache_directory`, botocore caches the sessions of profiles
    until they expire, as the AWS CLI does in ~/.aws/cli/cache. `now` needs a time zone.

    Raises ConfigError for invalid arguments, before anything is signed; TarmakIamError if botocore is not installed
    and the environment variables are not sufficient, no credentials are found, or the role cannot be assumed.
    """
    check_cluster_header(cluster_id)
    signer, place = find_signer(
        role=role,
        session_name=session_name,
        external_id=external_id,
        profile=profile,
        region=region,
        default_region=default_region,
        credentials=credentials,
        forward_session_name=forward_session_name,
        cache_directory=cache_directory,
        now=now,
    )
    # The time is read last: getting credentials may wait until the user has entered an MFA code.
    return sign_token(signer, place, cluster_id, now or _now())


def find_signer(
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
) -> tuple[Credentials, str]:
    """The credentials and the region of a token, as `make_token` says."""
    if region is not None:
        check_region(region)
    check_session(role, session_name, external_id, is_forwarded=forward_session_name)
    partition = None if role is None else check_assumable_role(role)
    if partition is not None and region is not None:
        check_partition(partition, region)
    if credentials is not None and region is not None and role is None:
        return credentials, region
    if role is None and profile is None and cache_directory is None:
        # As botocore would find them if the environment variables are sufficient, without botocore: its import takes
        # longer than everything else, and kubectl gets a token for every call.
        signer = credentials or environment_credentials(os.environ)
        place = region or next((os.environ[name] for name in REGION_VARIABLES if name in os.environ), None)
        if signer is not None and place:
            _LOGGER.info("AWS credentials: %s", "given" if credentials else "env")
            return signer, place
    session = open_session(profile)
    with aws_errors(profile, role):
        if cache_directory is not None:
            keep_sessions(session, cache_directory)
        given, method = (credentials, "given") if credentials else read_credentials(session)
        _LOGGER.info("AWS credentials: %s", method)
        place = region or session.get_config_variable("region") or default_region
        if not place and method == "iam-role":  # elsewhere, the instance metadata does not answer
            from botocore.utils import IMDSRegionProvider

            place = IMDSRegionProvider(session).provide()
        place = str(place or _FIRST_REGIONS[partition or "aws"])
        check_region(place)
        if role is not None and partition is not None:
            check_partition(partition, place)
            name = session_name or (own_session_name(session, given, place) if forward_session_name else None)
            name = name or f"tarmak-iam-{int((now or _now()).timestamp())}"
            given = assume_role(session, given, place, role=role, session_name=name, external_id=external_id)
    return given, place


def sign_token(credentials: Credentials, region: str, cluster_id: str, now: datetime) -> Token:
    """A token, without any request. Raises ConfigError for an invalid region or cluster ID."""
    check_cluster_header(cluster_id)
    check_region(region)
    moment = now.astimezone(timezone.utc).replace(microsecond=0)
    url = presign(credentials, sts_host(region), region, cluster_id, moment)
    text = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return Token(PREFIX + text, moment + LIFETIME - timedelta(minutes=1))


def presign(credentials: Credentials, host: str, region: str, cluster_id: str, now: datetime) -> str:
    """The signed URL; `now` in UTC. The steps are those of "Create a signed AWS API request" (IAM User Guide)."""
    time, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{region}/sts/aws4_request"
    parameters = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": "60",  # v0.3.0 and earlier reject more than a minute
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    parameters["X-Amz-SignedHeaders"] = "host;x-k8s-aws-id"
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())
    headers = f"host:{host}\nx-k8s-aws-id:{cluster_id}\n"
    request = "\n".join(("GET", "/", query, headers, "host;x-k8s-aws-id", hashlib.sha256(b"").hexdigest()))
    text = "\n".join((_ALGORITHM, time, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = f"AWS4{credentials.secret_access_key}".encode()
    for part in (*scope.split("/"), text):
        signature = hmac.new(signature, part.encode(), hashlib.sha256).digest()
    return f"https://{host}/?{query}&X-Amz-Signature={signature.hex()}"


def exec_credential(token: Token, exec_info: str = "") -> str:
    """As `aws-iam-authenticator token` prints it. `exec_info`: KUBERNETES_EXEC_INFO, which kubectl sets."""
    try:
        request: Any = json.loads(exec_info) if exec_info else None
    except (ValueError, RecursionError):
        request = None
    # For an object without apiVersion, which no kubectl sends, the result has no apiVersion either, as in the
    # authenticator (recorded from v0.5.9 to v0.7.9).
    version = request.get("apiVersion", "") if isinstance(request, dict) else None
    version = version if isinstance(version, str) else "client.authentication.k8s.io/v1beta1"
    return json.dumps(
        {
            "kind": "ExecCredential",
            **({"apiVersion": version} if version else {}),
            "spec": {"interactive": False},
            "status": {"expirationTimestamp": f"{token.expires:%Y-%m-%dT%H:%M:%SZ}", "token": token.text},
        },
        separators=(",", ":"),
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
