"""All clusters of a review together: what they were read from, and what everybody gets in each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import Grant
from tarmak_iam.lint import Report
from tarmak_iam.report.findings import about_the_file
from tarmak_iam.report.history import Repository
from tarmak_iam.report.model import AccessReview, Cell, ClusterReview, Given, Principal, Row
from tarmak_iam.report.privilege import worth

__all__ = ["Reviewed", "put_together"]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A cluster, and the authenticator that its files make; None where they could not be read."""

    review: ClusterReview
    authenticator: Authenticator | None = None


def put_together(
    config: Path, reviewed: Sequence[Reviewed], report: Report, repository: Repository, date: str = ""
) -> AccessReview:
    """The review of all clusters of `config`, in the order in which they are given.

    `report` has the findings about tarmak.yaml itself; `date` is shown as it is, and nothing is where it is empty.
    """
    clusters = tuple(each.review for each in reviewed)
    files = dict.fromkeys(file.path for each in clusters for file in each.files)
    return AccessReview(
        config=config,
        clusters=clusters,
        rows=tuple(_rows(reviewed)),
        findings=about_the_file(report),
        revision=repository.revision(files),
        history="; ".join(filter(None, (repository.unknown, repository.remedy))),
        date=date,
    )


def _rows(reviewed: Sequence[Reviewed]) -> Iterator[Row]:
    """Everybody in the order in which the clusters name them."""
    own = [{each.key: each for each in one.review.principals} for one in reviewed]
    everybody: dict[tuple[str, str], Principal] = {}
    for of_cluster in own:
        for key, principal in of_cluster.items():
            everybody.setdefault(key, principal)
    for key, principal in everybody.items():
        cells = (_cell(principal, mine.get(key), one) for mine, one in zip(own, reviewed, strict=True))
        yield Row(principal.kind, principal.principal, tuple(cells))


def _cell(principal: Principal, own: Principal | None, one: Reviewed) -> Cell | None:
    """What the cluster gives; to a principal that it does not name maybe by a pattern, or by the account."""
    if own is not None:
        return Cell(own.given, own.privilege)
    asked = Grant(principal.kind, principal.principal, "", (), "")
    grant = one.authenticator.grant(asked) if one.authenticator is not None else None
    if grant is None:
        return None
    others = one.authenticator.alternatives(asked) if one.authenticator is not None else ()
    privilege, _ = worth(((each.username, each.groups) for each in (grant, *others)), one.review.rbac)
    return Cell(Given(grant.username, grant.groups, grant.place), privilege, is_named=False)
