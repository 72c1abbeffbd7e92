"""What `check` looks at: the chosen cluster, every cluster, or what named files belong to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tarmak_iam.cli.console import note
from tarmak_iam.cli.every_cluster import Outcome, Tell, for_each, tally, tell_error
from tarmak_iam.cli.named_files import Kind, NamedFile, named_file
from tarmak_iam.cli.reporting import summed_up
from tarmak_iam.cli.session import Session
from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.instance_pools import lists_pools
from tarmak_iam.document.source import Source
from tarmak_iam.errors import FileError, Place, SelectionError, TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint import Located, Subjects, examine
from tarmak_iam.misplaced_files import misplaced_files
from tarmak_iam.near import did_you_mean
from tarmak_iam.settings import parse_settings

__all__ = ["Checked", "check_chosen", "check_every", "check_files"]


@dataclass(frozen=True)
class Checked:
    """What was found, what comments set aside, what could not be looked at (and has been told), and the texts of the
    files by name. `unexamined` says why admin certificates were not examined."""

    findings: tuple[Located, ...] = ()
    suppressed: tuple[Located, ...] = ()
    errors: tuple[TarmakIamError, ...] = ()
    sources: dict[str, Source] = field(default_factory=dict)
    clusters: str = ""
    unexamined: tuple[str, ...] = ()

    @classmethod
    def of(cls, *subjects: Subjects, errors: tuple[TarmakIamError, ...] = ()) -> Checked:
        """Raises ConfigError for a plugin that cannot be used, or that fails."""
        report = examine(*subjects)
        documents = [document for each in subjects for subject in Subject if (document := each.text_of(subject))]
        sources = {each.filename: each.source for each in documents}
        return cls(report.findings, report.suppressed, errors, sources, unexamined=_unexamined(subjects))

    def line(self, place: Place) -> str:
        """The text at a place, empty where that is none."""
        source = self.sources.get(place.filename)
        return source.line(place.line) if source and place.line is not None else ""

    @property
    def summary(self) -> str:
        parts = [summed_up(each.finding.severity for each in self.findings)]
        if self.errors and not self.findings:
            parts = ["no findings elsewhere" if self.sources else "nothing could be checked"]
        if self.suppressed:
            parts.append(f"{len(self.suppressed)} ignored by comments")
        return ", ".join([*parts, self.clusters] if self.clusters else parts)


def _unexamined(subjects: Iterable[Subjects]) -> tuple[str, ...]:
    """Once for all clusters whose certificates need what is not installed."""
    made = (each.installation for each in subjects if each.installation and not each.installation.is_hub)
    found = (each.admin_access for each in made)
    return tuple(dict.fromkeys(each.why_not_examined for each in found if each.why_not_examined))


def check_chosen(session: Session) -> Checked:
    """All of tarmak.yaml, and the files of the cluster that is chosen. Raises TarmakIamError."""
    config = session.config()
    _note_missing_pools(config)
    try:
        cluster = session.cluster(config)
    except SelectionError as error:
        if session.cluster_name:
            raise
        note(f"mappings and settings are not checked: {error.message}")
        return Checked.of(Subjects(config))
    checked = Checked.of(Subjects.of_cluster(config, cluster, session.files(config, cluster)))
    count = len(config.selectable_clusters)
    if count == 1:
        return checked
    only = f"mappings and settings of {cluster.cluster_name} only (--all-clusters: of all {count})"
    return replace(checked, clusters=only)


def check_every(session: Session) -> Checked:
    """The same for each cluster that a name leads to; the other entries have findings. Raises TarmakIamError where
    there is no tarmak.yaml to begin with."""
    config = session.config()
    return _checked(config, config.selectable_clusters, follow_links=session.follow_links, with_tally=True)


def _checked(
    config: TarmakConfig, clusters: Sequence[Cluster], *, follow_links: bool, with_tally: bool = False
) -> Checked:
    def read(cluster: Cluster, _: Tell) -> Subjects:
        return Subjects.of_cluster(config, cluster, ClusterFiles.of(config, cluster, follow_links=follow_links))

    _note_missing_pools(config)
    outcomes = list(for_each(clusters, read, "reading"))
    errors = tuple(each.error for each in outcomes if each.error)
    subjects = [each.value for each in outcomes if not each.error] or [Subjects(config)]
    checked = Checked.of(*subjects, errors=errors)
    if not with_tally or not outcomes:
        return checked
    found = {name for each in checked.findings for name in (each.cluster, *each.shared_by)}
    return replace(checked, clusters=_tally(outcomes, found))


def _note_missing_pools(config: TarmakConfig) -> None:
    """A part of a configuration, as in an example, is checked as such; nobody is to take it for a whole one."""
    if config.clusters and not lists_pools(config):
        file = config.document.filename
        note(f"{file}: note: no cluster has instance pools; Tarmak refuses every command until they are added")


def _tally(outcomes: Sequence[Outcome[Subjects]], found: set[str | None]) -> str:
    def word(subjects: Subjects) -> str:
        assert subjects.installation is not None  # as `of_cluster` makes them
        return "with findings" if subjects.installation.cluster_id in found else "clean"

    return tally(outcomes, word, "clean")


def check_files(
    paths: Iterable[Path],
    *,
    all_clusters: bool,
    follow_links: bool = False,
    remedy: Callable[[Path], str] = lambda _: "",
) -> Checked:
    """What the files belong to, each tarmak.yaml once: all clusters of one that is named itself, else those whose
    mappings or settings are. What belongs to none is checked by itself. An error of one does not end the others.

    `remedy` may know what somebody meant by a path that is no file.
    """
    parts: list[Checked] = []
    groups: dict[str, list[NamedFile]] = {}
    for path in paths:
        try:
            named = named_file(path, follow_links=follow_links)
        except FileError as error:
            parts.append(_failed(FileError(error.what, remedy=remedy(path) or error.remedy, place=error.place)))
        except TarmakIamError as error:
            parts.append(_failed(error))
        else:
            groups.setdefault(_identity(named.config or named.path), []).append(named)
    for files in groups.values():
        parts += _parts(files, all_clusters=all_clusters, follow_links=follow_links)
    return Checked(
        tuple(finding for each in parts for finding in each.findings),
        tuple(finding for each in parts for finding in each.suppressed),
        tuple(error for each in parts for error in each.errors),
        {name: source for each in parts for name, source in each.sources.items()},
        unexamined=tuple(dict.fromkeys(text for each in parts for text in each.unexamined)),
    )


def _identity(path: Path) -> str:
    """The same for the same file, but not for two links to one: each has its own clusters' directories next to it."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _parts(files: Sequence[NamedFile], *, all_clusters: bool, follow_links: bool) -> Iterator[Checked]:
    """Of files that belong to one tarmak.yaml, or of one file that belongs to none."""
    path = files[0].config
    if path is None:
        is_config = files[0].kind is Kind.CONFIG
        why = "it is no regular file" if is_config else "it is not in a cluster's directory beside a tarmak.yaml"
        yield _alone(files[0], follow_links, why)
        return
    try:
        config = TarmakConfig.load(path)
    except TarmakIamError as error:
        yield _failed(error)
        return
    every = all_clusters or any(each.kind is Kind.CONFIG for each in files)
    wanted = {each.cluster for each in files}
    chosen = [
        each
        for each in config.selectable_clusters
        if every or each.cluster_name in wanted or _misplaces(path.parent, each, files, follow_links=follow_links)
    ]
    if chosen or every:
        yield _checked(config, chosen, follow_links=follow_links)
    names = [each.cluster_name for each in config.selectable_clusters]
    for file in files:
        if file.cluster is not None and file.cluster not in names:
            remedy = did_you_mean(file.cluster, names)
            yield _alone(file, follow_links, f"{path} has no cluster {file.cluster}{f'; {remedy}' if remedy else ''}")
        elif file.kind is not Kind.CONFIG and (file.cluster is None or file.path.name != file.kind.value):
            yield _alone(file, follow_links, "it is not read as a cluster's")


def _misplaces(directory: Path, cluster: Cluster, files: Sequence[NamedFile], *, follow_links: bool) -> bool:
    """Whether one of the files is in a place where somebody may take it for the cluster's."""
    found = misplaced_files(directory, cluster, follow_links=follow_links)
    misplaced = {_identity(each.path) for each in found}
    return any(_identity(each.path) in misplaced for each in files)


def _alone(file: NamedFile, follow_links: bool, why: str) -> Checked:
    note(f"{file.path}: note: checked only by the rules that need nothing else: {why}")
    try:
        data = file.read(follow_links=follow_links)
        if file.kind is Kind.SETTINGS:
            parse_settings(data, str(file.path))
            return Checked()
        if file.kind is Kind.CONFIG:
            return Checked.of(Subjects(TarmakConfig.parse(data, str(file.path))))
        return Checked.of(Subjects(mappings=Mappings.parse(data, str(file.path))))
    except TarmakIamError as error:
        return _failed(error)


def _failed(error: TarmakIamError) -> Checked:
    tell_error(error)
    return Checked(errors=(error,))
