"""One cluster reviewed: who gets in by its files, and what git knows of them. Nothing is asked of the cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Node, dereference, walk
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.identity.entries import Listed
from tarmak_iam.identity.model import Grant
from tarmak_iam.installation import Installation
from tarmak_iam.lint import Report, Subjects
from tarmak_iam.report.findings import Told
from tarmak_iam.report.history import Change, FileHistory, Repository
from tarmak_iam.report.model import ClusterReview, Given, Outsider, Principal, SourceFile, Standing
from tarmak_iam.report.outsiders import Entries
from tarmak_iam.report.privilege import worth

__all__ = ["review_cluster", "unreadable"]


def review_cluster(subjects: Subjects, report: Report, repository: Repository) -> ClusterReview:
    """Who gets in by the files of a cluster, and what `repository` knows of these.

    `subjects` must have an installation; `report` is what the rules found in them (`examine`).
    """
    installation = subjects.installation
    assert installation is not None
    entries = Entries(installation)
    told = Told(report, installation.cluster_id, (entry.route for entry in entries.all))
    return _Reviewer(subjects, installation, entries, told, repository).review()


def unreadable(cluster: str, place: Place, error: TarmakIamError) -> ClusterReview:
    """A cluster whose files cannot be read, or used."""
    return ClusterReview(cluster, place, error=str(error))


@dataclass(frozen=True)
class _Reviewer:
    subjects: Subjects
    installation: Installation
    entries: Entries
    told: Told
    repository: Repository

    def review(self) -> ClusterReview:
        made = self.installation
        principals = tuple(map(self._principal, made.loaded.grants))
        return ClusterReview(
            cluster=made.cluster_id,
            place=made.place(),
            standing=self._standing(bool(principals)),
            principals=principals,
            outsiders=tuple(self._outsider(entry, reason) for entry, reason in self.entries.idle()),
            findings=self.told.of_cluster,
            notes=made.loaded.notes,
            files=tuple(self._files()),
        )

    @cached_property
    def _history(self) -> FileHistory:
        mappings = self.installation.mappings
        return self.repository.lines(Path(mappings.document.filename)) if mappings else FileHistory()

    def _standing(self, anybody: bool) -> Standing:
        made = self.installation
        return Standing(
            type=made.cluster.type,
            switch=made.cluster.authenticator_init,
            kubernetes=made.kubernetes_text,
            daemon=str(made.daemon_version),
            image=made.image,
            backends=tuple(made.daemon.backends),
            webhook_file=made.webhook_file,
            admin=None if made.is_hub else made.admin_access,
            closed=tuple(_closed(made, anybody)),
        )

    def _principal(self, grant: Grant) -> Principal:
        entry = self.entries.of(grant)
        others = self.installation.loaded.alternatives(grant)
        privilege, because = worth(((each.username, each.groups) for each in (grant, *others)), None)
        return Principal(
            kind=grant.kind,
            principal=grant.principal,
            given=self._given(grant),
            backend=grant.backend,
            privilege=privilege,
            because=because,
            alternatives=tuple(map(self._given, others)),
            may_get_nothing=None in self.installation.loaded.possible(grant),
            findings=self.told.of_entry(entry.route) if entry else (),
            change=self._change(entry) if entry else None,
        )

    def _given(self, grant: Grant) -> Given:
        entry = self.entries.of(grant)
        return Given(grant.username, grant.groups, self.entries.place(entry) if entry else grant.place)

    def _outsider(self, entry: Listed, reason: str) -> Outsider:
        return Outsider(
            kind="sso" if entry.sso and not entry.arn else entry.kind,
            principal=entry.arn or entry.sso,
            given=Given(entry.username, entry.groups, self.entries.place(entry)),
            reason=reason,
            findings=self.told.of_entry(entry.route),
            change=self._change(entry),
        )

    def _change(self, entry: Listed) -> Change | None:
        mappings = self.installation.mappings
        node = mappings.document.node(entry.route) if mappings else None
        if mappings is None or node is None:
            return None
        changes = [self._history.of(*_lines(mappings.document, each)) for each in (node, *_elsewhere(node))]
        return self._history.latest(changes)

    def _files(self) -> Iterator[SourceFile]:
        for subject in Subject:
            document = self.subjects.text_of(subject)
            if document is not None:
                path = Path(document.filename)
                digest = hashlib.sha256(document.to_bytes()).hexdigest()
                yield SourceFile(path, digest, self.repository.file(path))


def _closed(installation: Installation, anybody: bool) -> Iterator[str]:
    """Why nobody gets in by IAM."""
    failure = installation.loaded.failure
    if installation.is_hub:
        yield "it is a hub, without masters to log in to"
        return
    if installation.mappings is None:
        yield "it has no mappings file"
    elif failure is not None:
        yield f"the authenticator would not start: {failure.reason}"
    elif not anybody:
        yield "no entry of the mappings lets anybody in"
    if installation.webhook_file is None:
        yield "the switch is off and no webhook file is set, so the API server asks no authenticator"


def _elsewhere(node: Node) -> Iterator[Node]:
    """What its aliases stand for."""
    for each in walk(node):
        if isinstance(each, Alias):
            yield dereference(each)


def _lines(document: Document, node: Node) -> tuple[int, int]:
    """The first and the last line of a node as git counts them, which knows fewer line ends than YAML."""
    text = document.source.text
    first, last = node.start, max(node.start, node.end - 1)
    return text.count("\n", 0, first) + 1, text.count("\n", 0, last) + 1
