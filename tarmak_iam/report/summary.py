"""The top of a review: its numbers, and a paragraph for readers who do not know this project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.findings import Severity
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import AccessRow, LastChange, Review, short_commit

_FEW = 3
_PRINCIPALS = "This access review lists the principals (IAM roles, users, accounts and SSO permission sets)"
_COLUMNS = """\
For each principal it shows the username, groups and privilege in Kubernetes, and the entry of the mappings file that \
grants them."""
_PRIVILEGES = """\
The privilege of a principal is the highest one that is known. "admin" means that it has every right in the cluster or \
can give itself every right, "node" that it has the identity of a node, and "elevated" that it has rights with which \
it can get more rights. If no privilege is shown, none of these is known."""
_NOT_COVERED = """\
Not covered: who can assume a role or use the keys of a user in AWS, and logins without IAM (client certificates, \
tokens of service accounts)."""


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """Each number is that of the items that the review shows. `principals`: each one once, in however many clusters;
    `admins`: those with admin access in at least one cluster. Suppressed findings are not counted as errors or
    warnings."""

    clusters: int
    principals: int
    admins: int
    ineffective: int
    errors: int
    warnings: int
    suppressed: int


def summarize(review: Review) -> ReviewSummary:
    findings = {
        (finding.place, finding.key): finding
        for finding in (*review.findings, *(noted for cluster in review.clusters for noted in cluster.all_findings))
    }.values()
    reported = [finding for finding in findings if finding.ignored is None]
    errors = sum(finding.severity is Severity.ERROR for finding in reported)
    return ReviewSummary(
        clusters=len(review.clusters),
        principals=len(review.rows),
        admins=sum(highest_privilege(row) is Privilege.ADMIN for row in review.rows),
        ineffective=sum(len(cluster.ineffective_entries) for cluster in review.clusters),
        errors=errors,
        warnings=len(reported) - errors,
        suppressed=len(findings) - len(reported),
    )


def highest_privilege(row: AccessRow) -> Privilege:
    """Of a principal, over all clusters."""
    return min((cell.privilege for cell in row.cells if cell), key=lambda privilege: privilege.rank)


def counted(number: int, single: str, several: str = "") -> str:
    """As in `1 principal` and `2 principals`."""
    return f"{number} {single if number == 1 else several or f'{single}s'}"


def common_change(review: Review) -> LastChange | None:
    """The unknown or uncommitted change that all entries and files have in common because git knows nothing of them:
    the introduction says so once. None if there is none."""
    if review.revision is not None:
        return None
    parts = (part for cluster in review.clusters for part in (*cluster.entries, *cluster.files))
    changes = {part.change for part in parts if part.change is not None}
    return next((change for change in changes if len(changes) == 1 and change.state != "committed"), None)


def introduction(review: Review, shown: Callable[[Path], str] = str) -> tuple[str, ...]:
    """Paragraphs: what the review is, what it was generated from, what it covers, and how to read it. `shown`: how a
    path is displayed."""
    several = f"{len(review.clusters)} Kubernetes clusters"
    clusters = f"the Kubernetes cluster {review.clusters[0].cluster}" if len(review.clusters) == 1 else several
    return (
        f"{_PRINCIPALS} that are configured to log in to {clusters} with AWS IAM credentials. {_COLUMNS}",
        " ".join((*_sources(review, shown), *_asked(review))),
        " ".join(_results(review)),
        _PRIVILEGES,
        _NOT_COVERED,
    )


def _sources(review: Review, shown: Callable[[Path], str]) -> Iterator[str]:
    files = "It was generated from tarmak.yaml and from the settings and mappings files of each cluster"
    revision = review.revision
    if revision is None:
        why = review.history or "nothing is committed yet"
        yield f"{files}. The commit of these files and their last changes are not known: {why}."
        return
    yield f"{files}, at commit {short_commit(revision.commit)} of {revision.date[:10]}."
    if revision.changed:
        names = _listed([shown(path) for path in revision.changed])
        yield f"{counted(len(revision.changed), 'file differs', 'files differ')} from that commit: {names}."


def _asked(review: Review) -> Iterator[str]:
    clusters = [cluster for cluster in review.clusters if cluster.status and not cluster.is_hub]
    asked = [cluster.cluster for cluster in clusters if cluster.live]
    others = [cluster.cluster for cluster in clusters if not cluster.live]
    if asked:
        who = f"{_listed(asked)} {'was' if len(asked) == 1 else 'were'}"
        yield f"{who} asked for RBAC roles and bindings and for the current mappings."
        if others:
            yield f"Not asked: {_listed(others)}. Rights that RBAC bindings grant there are not included."
    elif others:
        who = "The cluster was" if len(others) == 1 else "The clusters were"
        yield f"{who} not asked: rights that RBAC bindings grant are not included."
    failed = [cluster.cluster for cluster in review.clusters if cluster.failed]
    if failed:
        yield f"The review is incomplete: {_listed(failed)} could not be read completely."


def _results(review: Review) -> Iterator[str]:
    numbers = summarize(review)
    if not numbers.principals:
        yield "It lists no principals."
        return
    several = len(review.clusters) > 1
    admins = {0: "none has", 1: "1 has"}.get(numbers.admins, f"{numbers.admins} have")
    principals = counted(numbers.principals, "principal", "different principals" if several else "principals")
    yield f"It lists {principals}; {admins} admin access{' to at least one cluster' if several else ''}."
    with_masters = (cluster for cluster in review.clusters if cluster.status and not cluster.is_hub)
    without = [cluster.cluster for cluster in with_masters if not cluster.is_login_possible]
    if without:
        yield (
            f"IAM login is not possible for {_listed(without)}: principals that are listed there cannot log in until "
            "it is."
        )


def _listed(names: list[str]) -> str:
    """All of a few, or the first ones and how many more there are."""
    shown = names if len(names) <= _FEW + 1 else [*names[:_FEW], f"{len(names) - _FEW} more"]
    return ", ".join(shown)
