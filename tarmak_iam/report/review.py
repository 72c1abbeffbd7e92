"""The review from files: principals and their entries, ineffective entries, findings, and last changes in git."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tarmak_iam.access.diff import account_of
from tarmak_iam.aws.arn import is_account
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text
from tarmak_iam.aws.trust_files import TrustPolicies
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document.nodes import Alias, dereference, walk
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Grant
from tarmak_iam.installation.installation import Installation
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
from tarmak_iam.report.rbac import privilege_of_any
from tarmak_iam.report.text_format import as_lines
from tarmak_iam.text import quoted

# Any value: the role of a permission set ends in a suffix of 16 hexadecimal digits.
_SUFFIX = "ffffffffffffffff"


def review_cluster(subjects: Subjects, report: Report, repository: Repository) -> ClusterReview:
    """The review of a cluster from its files, with their changes in `repository`. `subjects` must have an installation;
    `report` contains the findings about them (`examine`)."""
    installation = subjects.installation
    assert installation is not None
    entries = _Entries(installation, report, repository)
    principals = tuple(entries.principals(subjects.trust_policies))
    paths = [(Path(text.filename), text.to_bytes()) for text in map(subjects.text_of, Subject) if text is not None]
    return ClusterReview(
        cluster=installation.cluster_id,
        place=installation.place(),
        status=ClusterStatus(
            type=installation.cluster.type,
            authenticator_init=installation.cluster.authenticator_init,
            kubernetes_version=installation.kubernetes_text,
            daemon_version=str(installation.daemon_version),
            image=installation.image,
            backends=tuple(installation.daemon.backends),
            webhook_file=installation.webhook_file,
            admin=None if installation.is_hub else installation.admin_access,
            login_obstacles=tuple(_login_obstacles(installation, bool(principals))),
        ),
        principals=principals,
        ineffective_entries=tuple(entries.ineffective()),
        findings=tuple(entries.findings[None]),
        notes=installation.loaded.notes,
        files=tuple(SourceFile(path, hashlib.sha256(data).hexdigest(), repository.file(path)) for path, data in paths),
    )


def unreadable_cluster(cluster: str, place: Place, error: TarmakIamError) -> ClusterReview:
    """The review of a cluster whose files cannot be read or used."""
    return ClusterReview(cluster, place, error=str(error))


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
        why = "awsIAMAuthenticatorInit is off and no webhook file is set"
        yield f"{why}, so the API server does not call the authenticator"


class _Entries:
    """The entries of the mappings of an installation: which ones its authenticator uses, and facts about each."""

    def __init__(self, installation: Installation, report: Report, repository: Repository) -> None:
        self._installation = installation
        mappings = installation.mappings
        self._document = mappings.document if mappings else None
        self._history = repository.lines(Path(mappings.document.filename)) if mappings else FileHistory()
        self._places = (
            {entry: mappings.document.position(entry.route) for entry in mappings.entries} if mappings else {}
        )
        self._accounts = {entry.arn: entry for entry in self._places if entry.kind == "account"}
        self._by_place = {place: entry for entry, place in self._places.items() if entry.kind != "account"}
        self.findings: dict[tuple[str | int, ...] | None, list[ReviewedFinding]] = {
            entry.route.plain: [] for entry in self._places
        }
        """By the route of the entry, or None for those about the cluster and its files. Of the route of a finding,
        every beginning may be an entry; occurrences of keys do not count, because rules need not give them."""
        others = self.findings.setdefault(None, [])
        for located, finding in _all_findings(report):
            if located.cluster == installation.cluster_id:
                steps = located.finding.route.plain if located.finding.subject is Subject.MAPPINGS else None
                routes = () if steps is None else (steps[:count] for count in range(len(steps) + 1))
                for group in [self.findings[route] for route in routes if route in self.findings] or [others]:
                    group.append(finding)

    def principals(self, policies: TrustPolicies | None) -> Iterator[ReviewedPrincipal]:
        """In the order in which the authenticator tries their entries."""
        loaded = self._installation.loaded
        for grant in loaded.grants:
            entry, others = self._entry(grant), loaded.alternatives(grant)
            names = ((possible.username, possible.groups) for possible in (grant, *others))
            privilege, because = privilege_of_any(names, None)
            yield ReviewedPrincipal(
                kind=grant.kind,
                principal=grant.principal,
                identity=self._identity(grant),
                backend=grant.backend,
                privilege=privilege,
                because=because,
                alternatives=tuple(map(self._identity, others)),
                may_get_nothing=None in loaded.possible_grants(grant),
                findings=tuple(self.findings[entry.route.plain]) if entry else (),
                change=self._change(entry) if entry else None,
                trust=None if policies is None else policies.of(grant.kind, grant.principal),
            )

    def ineffective(self) -> Iterator[IneffectiveEntry]:
        """The entries by which no principal can log in."""
        loaded = self._installation.loaded
        used = {self._entry(possible) for grant in loaded.grants for possible in (grant, *loaded.alternatives(grant))}
        for entry in (entry for entry in self._places if entry not in used):
            yield IneffectiveEntry(
                kind="sso" if entry.sso and not entry.arn else entry.kind,
                principal=entry.arn or entry.sso,
                identity=MappedIdentity(entry.username, entry.groups, self._places[entry]),
                reason=self._reason(entry),
                findings=tuple(self.findings[entry.route.plain]),
                change=self._change(entry),
            )

    def _entry(self, grant: Grant) -> MappingEntry | None:
        """The entry of a grant; the last one for an account that is listed twice."""
        if grant.kind == "account" or grant.is_by_account:
            return self._accounts.get(grant.principal if grant.kind == "account" else account_of(grant))
        return self._by_place.get(grant.place) if grant.place else None

    def _identity(self, grant: Grant) -> MappedIdentity:
        entry = self._entry(grant)
        return MappedIdentity(grant.username, grant.groups, self._places[entry] if entry else grant.place)

    def _change(self, entry: MappingEntry) -> LastChange | None:
        """That of its lines, and of those of the nodes that its aliases refer to."""
        node = self._document.node(entry.route) if self._document else None
        if self._document is None or node is None:
            return None
        text = self._document.source.text
        changes = []
        for part in (node, *(dereference(inner) for inner in walk(node) if isinstance(inner, Alias))):
            last = max(part.start, part.end - 1)  # git counts line feeds only
            changes.append(self._history.of(text.count("\n", 0, part.start) + 1, text.count("\n", 0, last) + 1))
        return latest(changes)

    def _reason(self, entry: MappingEntry) -> str:
        """Why no principal can log in by an entry."""
        failure = self._installation.loaded.failure
        if failure is not None:
            return f"the authenticator does not start: {failure.reason}"
        unsupported = self._installation.daemon.unsupported_reason(entry.principal_kind)
        if unsupported:
            return unsupported
        if entry.kind == "account":
            if not is_account(entry.arn):
                return f"{quoted(entry.arn)} is not a valid account ID: it must have 12 digits, in quotes"
            return self._shadowed(entry, "account", entry.arn) or "no backend accepts accounts"
        arn = entry.arn
        if entry.principal_kind == "sso":
            account, _, permission_set = entry.sso.partition("/")
            arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
            shadowed = self._shadowed(entry, "sso", entry.sso)
        else:
            flaw = arn_flaw(arn) if arn else None
            if not arn or (flaw is not None and flaw.kind is not FlawKind.ASSUMED_ROLE):
                return flaw.what if flaw is not None else "it names no principal"
            shadowed = self._shadowed(entry, "arn", canonical_text(arn))
        try:
            return shadowed or self._installation.loaded.whois(identity_of(arn)).reason
        except TarmakIamError as error:
            return error.what

    def _shadowed(self, entry: MappingEntry, kind: str, principal: str) -> str:
        """Which other entry is used for the principal of an entry; "" if there is none."""
        grant = self._installation.loaded.grant(Grant(kind, principal, "", (), ""))
        other = None if grant is None else self._entry(grant)
        if other is None or other == entry:
            return ""
        line = self._places[other].line
        if other.kind == "account" and entry.kind != "account":
            return f"it is ignored; the principal has access by its account, in line {line}"
        return f"it is ignored; the entry in line {line} for the same principal is used"


def _all_findings(report: Report) -> Iterator[tuple[Located, ReviewedFinding]]:
    suppressed = ((located, located.reason) for located in report.suppressed)
    for located, ignored in (*((located, None) for located in report.findings), *suppressed):
        finding, place = located.finding, located.place
        yield located, ReviewedFinding(finding.id, finding.severity, place, finding.message, finding.remedy, ignored)


@dataclass(frozen=True, slots=True)
class AccessReview(Review):
    """The access review of one or more clusters, in the order of tarmak.yaml. `findings` are about that file, and not
    about one cluster. `revision`: the commit that is checked out; None if there is none, and `history` then says why
    ("" if nothing is committed yet). `date`: the text given for it."""

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


ToAsk = tuple[Cluster, ClusterReview, Installation]


def review_clusters(
    config: TarmakConfig,
    read: Iterable[tuple[Cluster, Subjects | TarmakIamError]],
    report: Report,
    repository: Repository,
    date: str,
    ask: Callable[[list[ToAsk]], Iterable[tuple[Cluster, ClusterReview | TarmakIamError]]],
) -> AccessReview:
    """The review of clusters, or of why one could not be read. `ask` is called with those that have an API server, and
    returns what some of them answer, or why they could not be queried. The others are as in `put_together`."""
    reviewed, to_ask = dict[Cluster, ReviewedCluster](), list[ToAsk]()
    for cluster, subjects in read:
        if isinstance(subjects, TarmakIamError):
            place = config.document.position(cluster.route)
            reviewed[cluster] = ReviewedCluster(unreadable_cluster(cluster.cluster_name, place, subjects))
        elif installation := subjects.installation:  # of_cluster sets one
            review = review_cluster(subjects, report, repository)
            reviewed[cluster] = ReviewedCluster(review, installation.loaded)
            to_ask += [] if review.is_hub else [(cluster, review, installation)]
    for cluster, answer in ask(to_ask):
        review = answer if isinstance(answer, ClusterReview) else reviewed[cluster].review
        if isinstance(answer, TarmakIamError):
            review = replace(review, live=True, live_error=answer.message)
        reviewed[cluster] = replace(reviewed[cluster], review=review)
    assert config.path is not None  # its clusters are read from files next to it
    return put_together(config.path, list(reviewed.values()), report, repository, date)


def put_together(
    config: Path, reviewed: Sequence[ReviewedCluster], report: Report, repository: Repository, date: str = ""
) -> AccessReview:
    """The review of clusters of `config`, in the given order. `report` contains the findings about tarmak.yaml itself.
    `date` is shown unchanged; no date is shown if it is empty."""
    clusters = tuple(cluster.review for cluster in reviewed)
    files = dict.fromkeys(file.path for cluster in clusters for file in cluster.files)
    return AccessReview(
        config=config,
        clusters=clusters,
        rows=tuple(_rows(reviewed)),
        findings=tuple(finding for located, finding in _all_findings(report) if located.cluster is None),
        revision=repository.revision(files),
        history="; ".join(filter(None, (repository.unknown, repository.remedy))),
        date=date,
    )


def _rows(reviewed: Sequence[ReviewedCluster]) -> Iterator[AccessRow]:
    """All principals, in the order in which the clusters name them."""
    by_cluster = [{principal.key: principal for principal in cluster.review.principals} for cluster in reviewed]
    first = {key: principal for principals in reversed(by_cluster) for key, principal in principals.items()}
    for key in dict.fromkeys(key for principals in by_cluster for key in principals):
        kind, principal = first[key].kind, first[key].principal
        asked, cells = Grant(kind, principal, "", (), ""), list[AccessCell | None]()
        for principals, cluster in zip(by_cluster, reviewed, strict=True):
            mapped, loaded = principals.get(key), cluster.authenticator
            grant = loaded.grant(asked) if loaded is not None and mapped is None else None
            if mapped is not None:
                cells.append(AccessCell(mapped.identity, mapped.privilege))
            elif grant is None or loaded is None:
                cells.append(None)
            else:  # by a pattern or its account
                names = ((possible.username, possible.groups) for possible in (grant, *loaded.alternatives(asked)))
                identity = MappedIdentity(grant.username, grant.groups, grant.place)
                privilege, _ = privilege_of_any(names, cluster.review.rbac)
                cells.append(AccessCell(identity, privilege, is_named=False))
        yield AccessRow(kind, principal, tuple(cells))
