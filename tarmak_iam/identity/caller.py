"""A caller as the authenticator knows it from the answer of STS: canonical ARN, user ID, session name."""

from __future__ import annotations

from typing import NamedTuple

from tarmak_iam.aws.arn import (
    ArnError,
    Principal,
    canonicalize,
    is_account,
    is_session_name,
    parse_arn,
    with_plain_account,
)
from tarmak_iam.aws.copied_text import CONTROL
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.model import Denied, Identity
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_partitions
from tarmak_iam.text import quoted

_WITHOUT_SESSION = (Principal.FEDERATED_USER, Principal.USER, Principal.ROOT)


class Caller(NamedTuple):
    arn: str
    canonical_arn: str
    partition: str
    account: str
    user_id: str
    session_name: str
    access_key_id: str


def typed_caller(text: str) -> str:
    """The ARN of a caller that a person typed. Raises ConfigError for one with whitespace around it or with control
    characters, such as the end of a line of Windows: no caller has such an ARN."""
    arn = with_plain_account(text)
    if arn != arn.strip() or CONTROL.search(arn):
        what = f"{quoted(arn)} is not a valid ARN of a caller: it contains whitespace or control characters"
        raise ConfigError(what, remedy="write the ARN without them")
    return arn


def typed_session(name: str) -> str:
    """The name of a role session that a person typed. Raises ConfigError for one that STS does not accept."""
    if not is_session_name(name):
        what = f"{quoted(name)} is not a valid role session name"
        raise ConfigError(what, remedy="use 2 to 64 letters, digits and _+=,.@-")
    return name


def identity_of(arn: str, session: str = "SESSION", user_id: str = "", access_key_id: str = "") -> Identity:
    """The caller that STS would return for an ARN: the ARN of a role stands for a session of it, without its path.
    Raises ConfigError for an ARN that is not valid or cannot be a caller."""
    try:
        principal, _ = canonicalize(arn)
    except ArnError as error:
        if is_account(arn):
            remedy = f"use the ARN of a caller in it, such as arn:aws:iam::{arn}:role/Admin"
            raise ConfigError(f"{arn} is an account, not a caller", remedy=remedy) from None
        what = f"{quoted(arn)} is not a valid ARN of a caller: {error}"
        raise ConfigError(what, remedy="use an ARN such as arn:aws:iam::111122223333:role/Admin") from None
    parsed = parse_arn(arn)
    if principal is Principal.ROLE:
        arn = f"arn:{parsed.partition}:sts::{parsed.account}:assumed-role/{parsed.name}/{session}"
    elif principal is Principal.ASSUMED_ROLE:
        session = parsed.name
    unique = user_id.partition(":")[0] or _PLACEHOLDERS.get(principal, "")
    if principal in (Principal.ROLE, Principal.ASSUMED_ROLE):
        unique = f"{unique}:{session}"
    elif principal is Principal.FEDERATED_USER:
        unique = f"{parsed.account}:{parsed.name}"
    elif principal is Principal.ROOT:
        unique = parsed.account
    return Identity(arn, parsed.account, unique, access_key_id)


def private_names_of(identity: Identity) -> dict[str, str]:
    """A placeholder for the private DNS name that EC2 returns for a session that may be an instance, by its ID."""
    name = identity.user_id.rpartition(":")[2]
    return {name: f"<private DNS name of {name}>"} if name.startswith("i-") else {}


# Prefixes of IAM's unique IDs; the rest is unknown without a real call.
_PLACEHOLDERS = {Principal.ROLE: "AROA", Principal.ASSUMED_ROLE: "AROA", Principal.USER: "AIDA"}


def read_caller(identity: Identity, version: DaemonVersion) -> Caller:
    """Reads the answer of STS as a release does. Raises Denied for one that it does not accept."""
    try:
        principal, canonical = canonicalize(identity.arn, known_partitions(version))
    except ArnError as error:
        raise Denied(f"the caller's ARN {quoted(identity.arn)} is not accepted: {error}") from None
    user_id, session = identity.user_id, ""
    if principal not in _WITHOUT_SESSION or not version.has(ReleaseFeature.FEDERATED_USER_ID_WHOLE):
        user_id, *sessions = user_id.split(":")
        if len(sessions) > 1 or (not sessions and version.has(ReleaseFeature.ROLE_SESSION_REQUIRED)):
            what = f"the user ID {quoted(identity.user_id)} is not valid"
            raise Denied(f"{what}: the user ID of a role is AROA...:session")
        session = "".join(sessions)
    partition = canonical.split(":", 2)[1]
    return Caller(identity.arn, canonical, partition, identity.account, user_id, session, identity.access_key_id)
