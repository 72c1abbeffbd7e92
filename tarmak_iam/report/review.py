"""Generates the review from files: the principals and their entries, ineffective entries, findings, and last changes
in git. No cluster is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tarmak_iam.access.diff import account_of
from tarmak_iam.aws.arn import is_account
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Node, dereference, walk
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Grant
from tarmak_iam.installation.installation import Installation
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Located, Report, Subjects
from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.report.git_history import FileHistory, Repository, latest
from tarmak_iam.report.html.page import page
from tarmak_iam.report.json_format import review_json
from tarmak_iam.report.model import (
    AccessCell,
    AccessRow,
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    MappedIdentity,
    Review,
    ReviewedFinding,
    ReviewedPrincipal,
    SourceFile,
)
from tarmak_iam.report.privilege import privilege_of_any
from tarmak_iam.report.text_format import as_lines
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

_Steps = tuple[str | int, ...]


# Any value: the role of a permission set ends in a suffix of 16 hexadecimal digits.
_SUFFIX = "ffffffffffffffff"


class ReviewFindings:
    """The findings about one cluster, including suppressed ones with the reason for that."""

    def __init__(self, report: Report, cluster_id: str, entries: Iterable[Route]) -> None:
        """`entries`: the routes of the entries of the mappings."""
        routes = {route.plain for route in entries}
        self._of_entry: dict[_Steps, list[ReviewedFinding]] = {route: [] for route in routes}
        self._others: list[ReviewedFinding] = []
        for located, noted in _all(report):
            if located.cluster == cluster_id:
                own = [steps for steps in _leading_to(located) if steps in routes]
                for found in [self._of_entry[steps] for steps in own] or [self._others]:
                    found.append(noted)

    def of_entry(self, route: Route) -> tuple[ReviewedFinding, ...]:
        """The findings about an entry of the mappings, or about a part of it."""
        return tuple(self._of_entry[route.plain])

    @property
    def of_cluster(self) -> tuple[ReviewedFinding, ...]:
        """The findings about the cluster and its files that are not about an entry."""
        return tuple(self._others)


def config_findings(report: Report) -> tuple[ReviewedFinding, ...]:
    """The findings about tarmak.yaml that are not about one cluster."""
    return tuple(noted for located, noted in _all(report) if located.cluster is None)


def _all(report: Report) -> Iterable[tuple[Located, ReviewedFinding]]:
    yield from ((each, _noted(each, None)) for each in report.findings)
    yield from ((each, _noted(each, each.reason)) for each in report.suppressed)


def _leading_to(located: Located) -> Iterator[_Steps]:
    """Every beginning of the route of a finding in the mappings, without the occurrences of keys, which rules need not
    give."""
    finding = located.finding
    if finding.subject is Subject.MAPPINGS:
        steps = finding.route.plain
        yield from (steps[:count] for count in range(len(steps) + 1))


def _noted(located: Located, ignored: str | None) -> ReviewedFinding:
    finding = located.finding
    return ReviewedFinding(finding.id, finding.severity, located.place, finding.message, finding.remedy, ignored)


class EffectiveEntries:
    """The entries of the mappings of an installation, and which of them its daemon uses."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        mappings = installation.mappings
        self.all: tuple[MappingEntry, ...] = mappings.entries if mappings else ()
        self._by_place: dict[Place, MappingEntry] = {}
        self._accounts: dict[str, MappingEntry] = {}
        for entry in self.all if mappings else ():
            assert mappings
            if entry.kind == "account":
                self._accounts[entry.arn] = entry
            else:
                self._by_place[mappings.document.position(entry.route)] = entry

    def of(self, grant: Grant) -> MappingEntry | None:
        """The entry of a grant; the last one for an account that is listed twice."""
        if grant.kind == "account" or grant.is_by_account:
            return self._accounts.get(grant.principal if grant.kind == "account" else account_of(grant))
        return self._by_place.get(grant.place) if grant.place else None

    def ineffective(self) -> Iterator[tuple[MappingEntry, str]]:
        """Each entry by which no principal can log in, with the reason, in the order in which the daemon tries them."""
        loaded = self._installation.loaded
        used = {self.of(each) for grant in loaded.grants for each in (grant, *loaded.alternatives(grant))}
        return ((entry, self._reason(entry)) for entry in self.all if entry not in used)

    def place(self, entry: MappingEntry) -> Place | None:
        mappings = self._installation.mappings
        return mappings.document.position(entry.route) if mappings else None

    def _reason(self, entry: MappingEntry) -> str:
        failure = self._installation.loaded.failure
        if failure is not None:
            return f"the authenticator does not start: {failure.reason}"
        why = self._installation.daemon.unsupported_reason(entry.principal_kind)
        if why:
            return why
        if entry.kind == "account":
            return self._of_account(entry)
        if entry.principal_kind == "sso":
            account, _, permission_set = entry.sso.partition("/")
            arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
            return self._decided(entry, Grant("sso", entry.sso, "", (), "")) or self._answered(arn)
        found = arn_flaw(entry.arn) if entry.arn else None
        if not entry.arn or (found is not None and found.kind is not FlawKind.ASSUMED_ROLE):
            return found.what if found is not None else "it names no principal"
        return self._decided(entry, Grant("arn", canonical_text(entry.arn), "", (), "")) or self._answered(entry.arn)

    def _of_account(self, entry: MappingEntry) -> str:
        if not is_account(entry.arn):
            return f"{quoted(entry.arn)} is not a valid account ID: it must have 12 digits, in quotes"
        return self._decided(entry, Grant("account", entry.arn, "", (), "")) or "no backend accepts accounts"

    def _decided(self, own: MappingEntry, asked: Grant) -> str:
        """Which other entry is used for the principal of an entry; "" if there is none."""
        grant = self._installation.loaded.grant(asked)
        entry = None if grant is None else self.of(grant)
        place = None if entry is None or entry == own else self.place(entry)
        if place is None:
            return ""
        if entry is not None and entry.kind == "account" and own.kind != "account":
            return f"it is ignored; the principal has access by its account, in line {place.line}"
        return f"it is ignored; the entry in line {place.line} for the same principal is used"

    def _answered(self, arn: str) -> str:
        """The reason with which the authenticator denies such a caller."""
        try:
            return self._installation.loaded.whois(identity_of(arn)).reason
        except TarmakIamError as error:
            return error.what


def review_cluster(subjects: Subjects, report: Report, repository: Repository) -> ClusterReview:
    """The review of a cluster from its files, with their changes in `repository`.

    `subjects` must have an installation; `report` contains the findings about them (`examine`).
    """
    installation = subjects.installation
    assert installation is not None
    entries = EffectiveEntries(installation)
    findings = ReviewFindings(report, installation.cluster_id, (entry.route for entry in entries.all))
    return _Reviewer(subjects, installation, entries, findings, repository).review()


def unreadable_cluster(cluster: str, place: Place, error: TarmakIamError) -> ClusterReview:
    """The review of a cluster whose files cannot be read or used."""
    return ClusterReview(cluster, place, error=str(error))


@dataclass(frozen=True)
class _Reviewer:
    subjects: Subjects
    installation: Installation
    entries: EffectiveEntries
    findings: ReviewFindings
    repository: Repository

    def review(self) -> ClusterReview:
        installation = self.installation
        principals = tuple(map(self._principal, installation.loaded.grants))
        return ClusterReview(
            cluster=installation.cluster_id,
            place=installation.place(),
            status=self._status(bool(principals)),
            principals=principals,
            ineffective_entries=tuple(self._ineffective(entry, reason) for entry, reason in self.entries.ineffective()),
            findings=self.findings.of_cluster,
            notes=installation.loaded.notes,
            files=tuple(self._files()),
        )

    @cached_property
    def _history(self) -> FileHistory:
        mappings = self.installation.mappings
        return self.repository.lines(Path(mappings.document.filename)) if mappings else FileHistory()

    def _status(self, has_principals: bool) -> ClusterStatus:
        installation = self.installation
        return ClusterStatus(
            type=installation.cluster.type,
            authenticator_init=installation.cluster.authenticator_init,
            kubernetes_version=installation.kubernetes_text,
            daemon_version=str(installation.daemon_version),
            image=installation.image,
            backends=tuple(installation.daemon.backends),
            webhook_file=installation.webhook_file,
            admin=None if installation.is_hub else installation.admin_access,
            login_obstacles=tuple(_login_obstacles(installation, has_principals)),
        )

    def _principal(self, grant: Grant) -> ReviewedPrincipal:
        entry = self.entries.of(grant)
        others = self.installation.loaded.alternatives(grant)
        privilege, because = privilege_of_any(((each.username, each.groups) for each in (grant, *others)), None)
        return ReviewedPrincipal(
            kind=grant.kind,
            principal=grant.principal,
            identity=self._identity(grant),
            backend=grant.backend,
            privilege=privilege,
            because=because,
            alternatives=tuple(map(self._identity, others)),
            may_get_nothing=None in self.installation.loaded.possible_grants(grant),
            findings=self.findings.of_entry(entry.route) if entry else (),
            change=self._change(entry) if entry else None,
        )

    def _identity(self, grant: Grant) -> MappedIdentity:
        entry = self.entries.of(grant)
        return MappedIdentity(grant.username, grant.groups, self.entries.place(entry) if entry else grant.place)

    def _ineffective(self, entry: MappingEntry, reason: str) -> IneffectiveEntry:
        return IneffectiveEntry(
            kind="sso" if entry.sso and not entry.arn else entry.kind,
            principal=entry.arn or entry.sso,
            identity=MappedIdentity(entry.username, entry.groups, self.entries.place(entry)),
            reason=reason,
            findings=self.findings.of_entry(entry.route),
            change=self._change(entry),
        )

    def _change(self, entry: MappingEntry) -> LastChange | None:
        mappings = self.installation.mappings
        node = mappings.document.node(entry.route) if mappings else None
        if mappings is None or node is None:
            return None
        changes = [self._history.of(*_lines(mappings.document, each)) for each in (node, *_elsewhere(node))]
        return latest(changes)

    def _files(self) -> Iterator[SourceFile]:
        for subject in Subject:
            document = self.subjects.text_of(subject)
            if document is not None:
                path = Path(document.filename)
                digest = hashlib.sha256(document.to_bytes()).hexdigest()
                yield SourceFile(path, digest, self.repository.file(path))


def _login_obstacles(installation: Installation, has_principals: bool) -> Iterator[str]:
    """The reasons why IAM login is not possible."""
    failure = installation.loaded.failure
    if installation.is_hub:
        yield "it is a hub, which has no API server to log in to"
        return
    if installation.mappings is None:
        yield "it has no mappings file"
    elif failure is not None:
        yield f"the authenticator does not start: {failure.reason}"
    elif not has_principals:
        yield "no principal can log in by the entries of the mappings file"
    if installation.webhook_file is None:
        yield (
            "awsIAMAuthenticatorInit is off and no webhook file is set, so the API server does not ask the "
            "authenticator"
        )


def _elsewhere(node: Node) -> Iterator[Node]:
    """The nodes that its aliases refer to."""
    for each in walk(node):
        if isinstance(each, Alias):
            yield dereference(each)


def _lines(document: Document, node: Node) -> tuple[int, int]:
    """The first and the last line of a node as git counts lines: only line feeds end a line."""
    text = document.source.text
    first, last = node.start, max(node.start, node.end - 1)
    return text.count("\n", 0, first) + 1, text.count("\n", 0, last) + 1


@dataclass(frozen=True, slots=True)
class AccessReview(Review):
    """A review and its formats."""

    def text(self) -> str:
        """As `report` prints it: one or more lines, each with a line break."""
        return "".join(f"{line}\n" for line in as_lines(self))

    def html(self) -> str:
        """As `report -o html` prints it: one page without other files. The same review results in the same text."""
        return page(self)

    def json(self) -> dict[str, Any]:
        """As `report -o json` prints it, as plain data for `json.dumps`; schemas/report.json describes it."""
        return review_json(self)


@dataclass(frozen=True, slots=True)
class ReviewedCluster:
    """The review of a cluster and its authenticator; None if its files could not be read."""

    review: ClusterReview
    authenticator: Authenticator | None = None


def put_together(
    config: Path, reviewed: Sequence[ReviewedCluster], report: Report, repository: Repository, date: str = ""
) -> AccessReview:
    """The review of clusters of `config`, in the given order.

    `report` contains the findings about tarmak.yaml itself. `date` is shown unchanged; no date is shown if it is empty.
    """
    clusters = tuple(each.review for each in reviewed)
    files = dict.fromkeys(file.path for each in clusters for file in each.files)
    return AccessReview(
        config=config,
        clusters=clusters,
        rows=tuple(_rows(reviewed)),
        findings=config_findings(report),
        revision=repository.revision(files),
        history="; ".join(filter(None, (repository.unknown, repository.remedy))),
        date=date,
    )


def _rows(reviewed: Sequence[ReviewedCluster]) -> Iterator[AccessRow]:
    """All principals, in the order in which the clusters name them."""
    own = [{each.key: each for each in one.review.principals} for one in reviewed]
    principals: dict[tuple[str, str], ReviewedPrincipal] = {}
    for of_cluster in own:
        for key, principal in of_cluster.items():
            principals.setdefault(key, principal)
    for key, principal in principals.items():
        cells = (_cell(principal, mine.get(key), one) for mine, one in zip(own, reviewed, strict=True))
        yield AccessRow(principal.kind, principal.principal, tuple(cells))


def _cell(principal: ReviewedPrincipal, own: ReviewedPrincipal | None, one: ReviewedCluster) -> AccessCell | None:
    """The access of a principal in the cluster: by its own entry, or by a pattern or its account."""
    if own is not None:
        return AccessCell(own.identity, own.privilege)
    asked = Grant(principal.kind, principal.principal, "", (), "")
    grant = one.authenticator.grant(asked) if one.authenticator is not None else None
    if grant is None:
        return None
    others = one.authenticator.alternatives(asked) if one.authenticator is not None else ()
    privilege, _ = privilege_of_any(((each.username, each.groups) for each in (grant, *others)), one.review.rbac)
    return AccessCell(MappedIdentity(grant.username, grant.groups, grant.place), privilege, is_named=False)
