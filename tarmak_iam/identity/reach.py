"""Whether an ARN in a mapping could ever be a caller's, and what is wrong with it if not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from tarmak_iam.errors import ConfigError
from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.arn import PARTITIONS, Arn, ArnError, Principal, canonicalize, is_account, parse_arn
from tarmak_iam.text import quoted, shortened

__all__ = ["Flaw", "Misfit", "canonical_text", "checked_arn", "in_ascii", "is_reachable", "misfit"]

# Names of roles and users, as IAM takes them.
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]+\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_EXAMPLE = "arn:aws:iam::111122223333:role/Admin"


class Flaw(str, Enum):
    """What keeps an ARN from matching the one that its author meant."""

    NO_ARN = "no ARN"
    NO_PRINCIPAL = "no principal"
    PARTITION = "unknown partition"
    ACCOUNT = "account shape"
    WILDCARD = "wildcard"
    BLANK = "blanks or control characters"
    NAMELESS = "no name"
    PATH = "path of a role"
    SHAPE = "shape that no caller has"
    LETTERS = "letters that are taken for ASCII ones"
    """Matches the principal with these, in some releases."""
    ASSUMED_ROLE = "one session of a role"
    """Matches, but more than it says: every session of the role."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """`instead`: the ARN that was probably meant, where that can be told."""

    flaw: Flaw
    what: str
    remedy: str
    instead: str | None = None


def misfit(text: str) -> Misfit | None:
    """What is wrong with an ARN as the principal of a mapping; None for one that means what it says."""
    if text != text.strip() or _CONTROL.search(text):
        what = f"{shortened(text)!r} would never match: blanks and control characters count"
        return Misfit(Flaw.BLANK, what, "write the ARN without them", _without_blanks(text))
    try:
        principal, canonical = canonicalize(text)
    except ArnError as error:
        what = f"{quoted(text)} is no ARN of a role or user: {error}"
        return Misfit(_unparsed(text), what, f"write it as in {_EXAMPLE}")
    return _of_principal(text, parse_arn(canonical), principal)


def is_reachable(text: str) -> bool:
    """Whether some caller can match; one session of a role stands for all of them."""
    found = misfit(text)
    return found is None or found.flaw in (Flaw.ASSUMED_ROLE, Flaw.LETTERS)


def checked_arn(text: str) -> str:
    """`role` or `user`: the list that an ARN belongs in. Raises ConfigError for one that does not mean what it says."""
    found = misfit(text)
    if found is not None:
        raise ConfigError(found.what, remedy=found.remedy)
    return "role" if canonicalize(text)[0] is Principal.ROLE else "user"


def canonical_text(arn: str) -> str:
    """What every release compares, in lower case; other texts (accounts, nonsense) as they are."""
    try:
        return canonicalize(to_lower(arn))[1]
    except ArnError:
        return to_lower(arn.strip())


def in_ascii(text: str) -> str:
    """With an ASCII letter for each one that Go takes for it without case, other letters as they are."""
    return "".join(each if each.isascii() else fold(to_lower(each)) for each in text)


def _unparsed(text: str) -> Flaw:
    try:
        arn = parse_arn(text)
    except ArnError:
        return Flaw.NO_ARN
    return Flaw.PARTITION if arn.partition not in PARTITIONS else Flaw.NO_PRINCIPAL


def _without_blanks(text: str) -> str | None:
    bare = _CONTROL.sub("", text).strip()
    return bare if misfit(bare) is None else None


def _of_principal(text: str, arn: Arn, principal: Principal) -> Misfit | None:
    if "*" in text or "?" in text:
        what = f"{quoted(text)} would never match: the authenticator knows no wildcards"
        return Misfit(Flaw.WILDCARD, what, "map each principal by itself")
    if not is_account(arn.account):
        return Misfit(
            Flaw.ACCOUNT,
            f"the account {quoted(arn.account)} of {shortened(text)} has not twelve digits",
            "check the ARN",
        )
    if principal is Principal.ASSUMED_ROLE:
        what = f"{shortened(text)} is one session of a role, and would match every session of it"
        return Misfit(Flaw.ASSUMED_ROLE, what, f"map the role itself: {shortened(arn)}", str(arn))
    if principal in (Principal.ROLE, Principal.USER) and (len(arn.parts) < 2 or not arn.name):
        example = f"arn:{arn.partition}:iam::{arn.account}:{principal}/NAME"
        return Misfit(
            Flaw.NAMELESS, f"{shortened(text)} would never match: it names no {principal}", f"write it as in {example}"
        )
    if principal is Principal.ROLE and len(arn.parts) > 2:
        own = str(replace(arn, resource=f"role/{arn.name}"))
        what = f"{shortened(text)} would never match: STS leaves the path of a role out"
        return Misfit(Flaw.PATH, what, f"map {shortened(own)} instead (it then means every role of that name)", own)
    if principal in (Principal.ROLE, Principal.USER) and not _NAME.match(arn.name):
        alike = in_ascii(text)
        if alike != text and misfit(alike) is None:
            what = (
                f"{shortened(text)} has letters that are not ASCII, "
                f"and there are releases that take it for {shortened(alike)}"
            )
            remedy = f"write {shortened(alike)} if that is who is meant, else remove the entry"
            return Misfit(Flaw.LETTERS, what, remedy, alike)
        what = f"{shortened(text)} would never match: no {principal} has such a name"
        return Misfit(Flaw.SHAPE, what, "IAM takes letters, digits and _+=,.@- in names")
    if arn.region or (principal is Principal.ROOT and arn.resource != "root"):
        return Misfit(Flaw.SHAPE, f"{shortened(text)} would never match: no caller has such an ARN", "check the ARN")
    return None
