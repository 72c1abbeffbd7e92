"""Whom a login can be verified as: the principals that the mappings name, those that `--role` can assume first."""

from __future__ import annotations

from dataclasses import dataclass

from tarmak_iam.effects import Loaded, who
from tarmak_iam.guards import is_admin, is_instance, is_node
from tarmak_iam.identity.arn import ArnError, Principal, canonicalize
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.principals import is_sso_role
from tarmak_iam.installation import Installation
from tarmak_iam.text import one_line

__all__ = ["Candidate", "advice", "candidates"]

_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` names the principal; `role` is its ARN where `--role` can assume it, else empty."""

    text: str
    role: str = ""


def candidates(installation: Installation) -> tuple[Candidate, ...]:
    """Roles that can be assumed come first, of those the admins. Nodes are left out: only instances log in as them."""
    if installation.mappings is None:
        return ()
    grants = [each for each in Loaded.of(installation).standings.grants if not (is_node(each) or is_instance(each))]
    ordered = sorted(grants, key=lambda each: (not _role(each), not is_admin(each)))
    return tuple(Candidate(one_line(who(each.kind, each.principal)), _role(each)) for each in ordered)


def advice(found: tuple[Candidate, ...]) -> str:
    """What to do, in a few words."""
    if not found:
        return "the mappings name nobody to verify as"
    names = ", ".join(each.text for each in found[:_MAX_NAMED])
    more = f" or {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    which = "as" if len(found) == 1 else "as one of:"
    return f"verify {which} {names}{more}, with --role ARN or AWS_PROFILE"


def _role(grant: Grant) -> str:
    """IAM Identity Center's roles are assumed by its own login, and by nothing else."""
    if grant.kind != "arn" or is_sso_role(grant.principal.rpartition("/")[2]):
        return ""
    try:
        return grant.principal if canonicalize(grant.principal)[0] is Principal.ROLE else ""
    except ArnError:
        return ""
