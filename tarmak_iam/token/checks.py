"""What a token is made of, checked before anything is signed or sent."""

from __future__ import annotations

import re

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.arn import ArnError, Principal, canonicalize, is_account, parse_arn
from tarmak_iam.regions import partition_of, region_flaw, region_of_zone

__all__ = ["check_cluster_header", "check_partition", "check_region", "check_role", "check_session"]

# What survives as an HTTP header as it is: Signature Version 4 joins runs of blanks and cuts those at the ends.
_CLUSTER_ID = re.compile(r"[!-~]+( [!-~]+)*\Z")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)*-[a-z]+-[0-9]+\Z")
# Patterns of RoleSessionName and ExternalId in the API reference of STS.
_SESSION = re.compile(r"[\w+=,.@-]{2,64}\Z", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}\Z", re.ASCII)


def check_cluster_header(cluster_id: str) -> None:
    """Raises ConfigError for one that cannot be sent as a header."""
    if not _CLUSTER_ID.match(cluster_id):
        raise ConfigError(
            f"{cluster_id!r} cannot be a cluster id" if cluster_id else "the cluster id is empty",
            remedy="give the clusterID of the authenticator's configuration: ASCII characters, no blanks at its ends",
        )


def check_region(region: str) -> None:
    """Raises ConfigError for what no region is called."""
    flaw = region_flaw(region)
    if flaw is not None and region_of_zone(region):
        raise ConfigError(f"{region!r} {flaw.what}", remedy=flaw.remedy)
    if not _REGION.match(region):
        raise ConfigError(f"{region!r} is no AWS region", remedy="write it as in eu-west-1")


def check_role(role: str) -> str:
    """Its partition. A role's path belongs here, unlike in a mapping. Raises ConfigError for what is no role."""
    try:
        principal, _ = canonicalize(role)
    except ArnError as error:
        raise _no_role(role, str(error)) from None
    arn = parse_arn(role)
    if principal is Principal.ASSUMED_ROLE:
        raise _no_role(role, "it is a session of a role, which cannot be assumed")
    if principal is not Principal.ROLE or not arn.name or len(arn.parts) < 2:
        raise _no_role(role, f"it is a {principal}" if principal is not Principal.ROLE else "the role has no name")
    if not is_account(arn.account) or arn.region or any(each.isspace() for each in role):
        raise _no_role(role, "the account must be twelve digits, the region empty, and there are no blanks")
    return arn.partition


def check_session(role: str | None, session_name: str | None, external_id: str | None, *, is_forwarded: bool) -> None:
    """Raises ConfigError for a session name or external id that STS does not take, or without a role to use it."""
    if role is None and (session_name is not None or external_id is not None or is_forwarded):
        what = "an external id" if external_id is not None else "a session name"
        raise ConfigError(f"{what} is of use with a role only", remedy="give the role too")
    if is_forwarded and session_name is not None:
        raise ConfigError("the session is named twice", remedy="either give its name or forward the one there is")
    if session_name is not None and not _SESSION.match(session_name):
        raise ConfigError(
            f"{session_name!r} is no name of a role session", remedy="use 2 to 64 letters, digits and _+=,.@-"
        )
    if external_id is not None and not _EXTERNAL_ID.match(external_id):
        raise ConfigError("the external id is none that STS takes", remedy="use letters, digits and _+=,.@:/-")


def check_partition(role_partition: str, region: str) -> None:
    """Raises ConfigError for a role of another partition than the region's: credentials do not cross."""
    if partition_of(region) != role_partition:
        raise ConfigError(
            f"the region {region} is not of the role's partition {role_partition}",
            remedy="give a region of that partition",
        )


def _no_role(role: str, why: str) -> ConfigError:
    return ConfigError(
        f"{role!r} is no role that can be assumed: {why}", remedy="write it as in arn:aws:iam::111122223333:role/Admin"
    )
