"""What is wrong with an ARN as the principal of a mapping, and which ARN was probably meant."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from tarmak_iam.aws.arn import (
    PARTITIONS,
    SSO_ROLE_PREFIX,
    Arn,
    ArnError,
    Principal,
    canonicalize,
    claims_sso_role,
    is_account,
    is_sso_role,
    parse_arn,
    permission_set_like,
)
from tarmak_iam.aws.copied_text import CONTROL, cleaned, in_ascii_letters, placeholder
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.text import did_you_mean, quoted, shortened

_ALIKE = re.compile(
    r"""
    (?:arn:)? (?:(?P<partition>aws[a-z-]*):)? (?:iam|sts):                          # arn and partition may be missing
    [a-z0-9-]*:* (?P<account>[0-9]{12}) [:/]
    (?P<kind>assumed-role|roles?|users?|federated-user) [:/\\]+ (?P<rest>.+)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

# By service and kind of resource, from the service authorization reference of AWS.
_INSTEAD = {
    ("iam", "instance-profile"): (
        "map the role of the instance profile: `aws iam get-instance-profile --instance-profile-name {name}` shows it"
    ),
    ("iam", "policy"): "map the roles and users that the policy is attached to",
    ("iam", "group"): "map the users of the group one by one, or a role that they assume",
    ("iam", "saml-provider"): "map the role that users of the identity provider assume",
    ("iam", "oidc-provider"): "map the role that users of the identity provider assume",
    ("iam", "mfa"): "map the user of the MFA device",
    ("iam", "u2f"): "map the user of the MFA device",
    ("sso", "permissionSet"): "map the role of the permission set, as `aws iam list-roles` shows it, without its path",
    ("identitystore", "user"): "map the role of the user's permission set",
    ("identitystore", "group"): "map the role of the group's permission set",
    ("ec2", "instance"): "map the role of the instance's profile",
    ("ec2", "iam-instance-profile"): "map the role of the instance profile",
    ("eks", "access-entry"): "map the principal of the access entry",
}


def _likely(text: str) -> str:
    """In the form in which STS names a caller; empty if the text does not contain enough."""
    match = _ALIKE.fullmatch(text)
    if match is None:
        return ""
    kind, parts = match["kind"].lower(), [part for part in match["rest"].split("/") if part]
    head = f"arn:{(match['partition'] or 'aws').lower()}:{{}}::{match['account']}:"
    if kind == "federated-user":
        return head.format("sts") + "/".join([kind, *parts])
    if kind.startswith("user"):
        return head.format("iam") + "/".join(["user", *parts])
    is_session = kind == "assumed-role" and len(parts) > 1
    names = parts[:-1] if is_session else parts
    return head.format("iam") + f"role/{names[-1]}" if names else ""


# Names of roles and users that IAM accepts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+\Z", re.ASCII)
_LONGEST = 64

# Nearly every ARN that is mapped. `arn_flaw` has nothing to say about it: its name is none that only AWS gives.
_SOUND = re.compile(
    rf"arn:({'|'.join(PARTITIONS)}):iam::[0-9]{{12}}:(role|user)/(?![Aa][Ww][Ss])[A-Za-z0-9_+=,.@-]{{1,{_LONGEST}}}\Z",
    re.ASCII,
)

_BRACED = re.compile(r"\$?\{+[^{}]*\}+|\[[^\[\]]+\]")


class FlawKind(str, Enum):
    """Why an ARN does not match the principal that its author meant."""

    NO_ARN = "not an ARN"
    NO_PRINCIPAL = "not a principal"
    PARTITION = "unknown partition"
    ACCOUNT = "not an account ID"
    WILDCARD = "wildcard"
    BLANK = "whitespace or control characters"
    NAMELESS = "missing name"
    PATH = "path of a role"
    SHAPE = "a form that no caller has"
    SSO_NAME = "an incomplete name of an Identity Center role"
    SERVICE_LINKED = "a role that only an AWS service assumes"
    LETTERS = "letters that are treated as ASCII letters"
    """In some releases it matches the principal with the ASCII letters."""
    ASSUMED_ROLE = "one session of a role"
    """Matches more than it says: every session of the role."""


class ArnFlaw(NamedTuple):
    """`likely_arn`: the ARN that was probably meant, None if that is unknown."""

    kind: FlawKind
    what: str
    remedy: str
    likely_arn: str | None = None


# Several rules ask for the same ARNs, before and after an edit.
@lru_cache(maxsize=1 << 15)
def arn_flaw(text: str) -> ArnFlaw | None:
    """What is wrong with an ARN as the principal of a mapping; None if it matches exactly what it names."""
    flaw = None if _SOUND.match(text) else _arn_flaw(text)
    if flaw is None or flaw.likely_arn is not None or flaw.kind not in _REPAIRED:
        return flaw
    bare = cleaned(text)
    unslashed = re.sub("(?<=[^/])/+$", "", re.sub("/{2,}", "/", bare))
    whole = re.sub(r"\s+", "", unslashed)
    candidates = [(f"write {shortened(sure)}", sure) for sure in (bare, unslashed)]
    guesses = filter(None, (whole, _likely(in_ascii_letters(whole))))
    for remedy, repaired in (*candidates, *((f"did you mean {shortened(guess)}?", guess) for guess in guesses)):
        if repaired != text and _arn_flaw(repaired) is None:
            is_stripped = flaw.kind is FlawKind.BLANK and repaired == CONTROL.sub("", text).strip()
            return flaw._replace(remedy=flaw.remedy if is_stripped else remedy, likely_arn=repaired)
    return flaw


def _arn_flaw(text: str) -> ArnFlaw | None:
    if text != text.strip() or CONTROL.search(text):
        what = f"{shortened(text)!r} never matches: whitespace and control characters are part of the ARN"
        return ArnFlaw(FlawKind.BLANK, what, "write the ARN without them")
    try:
        principal, canonical = canonicalize(text)
    except ArnError as error:
        what = f"{quoted(text)} is not the ARN of a role or user: {error}"
    else:
        return _of_principal(text, parse_arn(text if principal is Principal.FEDERATED_USER else canonical), principal)
    try:
        arn = parse_arn(text)
    except ArnError:
        return ArnFlaw(FlawKind.NO_ARN, what, _real_name(text))
    if arn.partition not in PARTITIONS:
        return ArnFlaw(FlawKind.PARTITION, what, did_you_mean(arn.partition, PARTITIONS, "the partitions are"))
    instead = _INSTEAD.get((arn.service, re.split("[/:]", arn.resource)[0]), "").format(name=shortened(arn.name))
    return ArnFlaw(FlawKind.NO_PRINCIPAL, what, instead or _real_name(text))


_REPAIRED = (
    *(FlawKind.BLANK, FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL),
    *(FlawKind.PARTITION, FlawKind.NAMELESS, FlawKind.SHAPE),
)
"""The flaws for which the text may show what was meant."""


def sound_partition(text: str) -> str:
    """The partition of the ARN of a role or user that is certainly without a flaw; empty for any other text."""
    match = _SOUND.match(text)
    return match[1] if match else ""


def sound_kind(text: str) -> Principal | None:
    """The kind of such an ARN; None for any other text."""
    match = _SOUND.match(text)
    return {"role": Principal.ROLE, "user": Principal.USER}[match[2]] if match else None


def is_reachable(text: str) -> bool:
    """Whether a caller can match; the ARN of one session of a role matches all its sessions."""
    flaw = arn_flaw(text)
    return flaw is None or flaw.kind in (FlawKind.ASSUMED_ROLE, FlawKind.LETTERS)


def canonical_text(arn: str) -> str:
    """The form that every release compares, in lower case; a text that is not an ARN stays as it is, in lower case."""
    if _SOUND.match(arn):
        return arn.lower()
    try:
        return canonicalize(to_lower(arn))[1]
    except ArnError:
        return to_lower(arn.strip())


def account_shape(account: str) -> str:
    """What is wrong with an account that is not 12 digits."""
    if account.isascii() and account.isdigit():
        return f"has {len(account)} {'digit' if len(account) == 1 else 'digits'}, not 12"
    return "is not 12 digits"


def account_remedy(account: str) -> str:
    """A missing digit could be any digit, so none is suggested."""
    compare = "compare it with the account ID that `aws sts get-caller-identity` prints"
    if account.isascii() and account.isdigit():
        missing = 12 - len(account)
        count = "one digit is" if abs(missing) == 1 else f"{abs(missing)} digits are"
        return f"{count} {'missing' if missing > 0 else 'too many'}: {compare}"
    return compare


def in_ascii(text: str) -> str:
    """With an ASCII letter for each letter that Go treats as equal to it ignoring case; other letters as they are."""
    if text.isascii():
        return text
    return "".join(letter if letter.isascii() else fold(to_lower(letter)) for letter in text)


def _real_name(text: str, otherwise: str = "use the form arn:aws:iam::ACCOUNT:role/NAME") -> str:
    """The remedy for a placeholder or a template, which the authenticator replaces in usernames and groups only."""
    braced = _BRACED.search(text)
    left = braced[0] if braced else placeholder(text)
    return f"replace {shortened(left)} with the real name" if left else otherwise


def _of_principal(text: str, arn: Arn, principal: Principal) -> ArnFlaw | None:
    """`arn` is the canonical ARN: for an assumed role, the ARN of the role."""
    is_role = principal in (Principal.ROLE, Principal.ASSUMED_ROLE)
    is_named, kind = is_role or principal is Principal.USER, "role" if is_role else "user"
    if "*" in str(arn) or "?" in str(arn):
        what = f"{quoted(text)} never matches: the authenticator does not support wildcards"
        is_sso = is_role and claims_sso_role(arn.name)
        return ArnFlaw(FlawKind.WILDCARD, what, _whole_sso_name(arn) if is_sso else "map each principal separately")
    if not is_account(arn.account):
        shape, plain = account_shape(arn.account), re.sub(r"[\s.-]", "", arn.account)
        what = f"the account {quoted(arn.account)} of {shortened(text)} {shape}, so it never matches"
        if not is_account(plain):
            return ArnFlaw(FlawKind.ACCOUNT, what, account_remedy(arn.account))
        instead = str(arn._replace(account=plain))
        return ArnFlaw(FlawKind.ACCOUNT, what, f"write {shortened(instead)}", instead)
    if is_named and (len(arn.parts) < 2 or not arn.name):
        what = f"{shortened(text)} never matches: the name of the {kind} is missing"
        return ArnFlaw(FlawKind.NAMELESS, what, f"use the form arn:{arn.partition}:iam::{arn.account}:{kind}/NAME")
    flaw = _of_name(text, arn, kind) if is_named else None
    if flaw is None and is_role:
        flaw = _of_role(text, arn)
    if flaw is not None:
        return flaw
    if arn.region or (principal is Principal.ROOT and arn.resource != "root"):
        return ArnFlaw(FlawKind.SHAPE, f"{shortened(text)} never matches: no caller has such an ARN", "check the ARN")
    if principal is Principal.ASSUMED_ROLE:
        what = f"{shortened(text)} is one session of a role, but matches every session of that role"
        return ArnFlaw(FlawKind.ASSUMED_ROLE, what, f"map the role itself: {shortened(arn)}", str(arn))
    return None


def _of_name(text: str, arn: Arn, kind: str) -> ArnFlaw | None:
    """The flaw of a name that IAM does not accept for a role or user."""
    if not _NAME.match(arn.name) or (kind == "user" and re.search("[^!-~]", arn.path)):
        alike = in_ascii(text)
        if alike != text and arn_flaw(alike) is None:
            what = f"{shortened(text)} has letters that are not ASCII, and some releases treat it as {shortened(alike)}"
            remedy = f"write {shortened(alike)} if you mean that principal, else remove the entry"
            return ArnFlaw(FlawKind.LETTERS, what, remedy, alike)
        what = f"{shortened(text)} never matches: no {kind} can have such a name"
        remedy = _real_name(text, "IAM accepts letters, digits and _+=,.@- in names")
        return ArnFlaw(FlawKind.SHAPE, what, remedy)
    if len(arn.name) > _LONGEST:
        what = f"{shortened(text)} never matches: the name has {len(arn.name)} characters, and IAM accepts {_LONGEST}"
        return ArnFlaw(FlawKind.SHAPE, what, f"write the {kind}'s name as `aws iam list-{kind}s` shows it")
    return None


def _of_role(text: str, arn: Arn) -> ArnFlaw | None:
    """What is wrong with a role whose name IAM accepts."""
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    folder = arn.path.lower().split("/")[0]
    if folder == "aws-service-role" or arn.name.lower().startswith("awsservicerolefor"):
        what = f"{shortened(text)} never matches: only its AWS service can assume a service-linked role"
        remedy = "map the role that people or instances assume, or remove the entry"
        return ArnFlaw(FlawKind.SERVICE_LINKED, what, remedy)
    if claims_sso_role(arn.name) and not is_sso_role(arn.name):
        what = f"{shortened(text)} never matches: a role of IAM Identity Center is named {SSO_ROLE_PREFIX}"
        return ArnFlaw(FlawKind.SSO_NAME, f"{what}<permission set>_<16 hex digits>", _whole_sso_name(arn))
    if len(arn.parts) > 2:
        role = str(arn._replace(region="", resource=f"role/{arn.name}"))
        what = f"{shortened(text)} never matches: STS omits the path of a role"
        return ArnFlaw(FlawKind.PATH, what, f"map {shortened(role)} instead (it matches every role of that name)", role)
    return None


def _whole_sso_name(arn: Arn) -> str:
    """An SSO entry matches in the partition `aws` only, see sso.py."""
    name = permission_set_like(arn.name)
    role = f"{SSO_ROLE_PREFIX}{name or 'NAME'}_<16 hex digits>"
    whole = f"map the complete role name {role}, as `aws iam list-roles` shows it"
    if arn.partition != "aws" or not name or not is_account(arn.account):
        return whole
    entry = f'sso: {{accountID: "{arn.account}", permissionSetName: {name}}}'
    return f"{whole}, or write `{entry}` with authenticator v0.6.30 or later and the feature gate SSORoleMatch"
