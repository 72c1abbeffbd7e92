"""What `check` finds: in tarmak.yaml and the files of one cluster, of all, or in the files given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tarmak_iam.cli.all_clusters import ClusterOutcome, ReportProgress, for_each, outcome_summary, print_cluster_error
from tarmak_iam.cli.check_fixes import FixMode, FixTurn, edit_all_in_turn, fix_and_write
from tarmak_iam.cli.console import note, working
from tarmak_iam.cli.formats.text import severity_summary
from tarmak_iam.cli.named_files import FileKind, NamedFile, named_file
from tarmak_iam.cli.offered_repairs import quotes_offered, types_offered
from tarmak_iam.cli.session import Session
from tarmak_iam.command_line import CommandLine
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.instance_pools import lists_pools
from tarmak_iam.config.locate import config_path, directory_option
from tarmak_iam.document import Document
from tarmak_iam.document.source import Source
from tarmak_iam.errors import FileChanged, FileError, Place, PolicyRefused, SelectionError, TarmakIamError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.misplaced_files import misplaced_files
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Located, Subjects, examine
from tarmak_iam.lint.config_rules import unselected
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.suggestions import did_you_mean
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.lint.fixing import FixableFinding

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Checked:
    """The findings, those suppressed by comments, the errors (already printed) for what could not be checked, and the
    sources of the files by name. `why_unexamined`: the reasons why admin certificates were not checked. `fixable` are
    the findings that can be fixed."""

    findings: tuple[Located, ...] = ()
    suppressed: tuple[Located, ...] = ()
    errors: tuple[TarmakIamError, ...] = ()
    sources: dict[str, Source] = field(default_factory=dict)
    clusters: str = ""
    scope: str = ""
    why_unexamined: tuple[str, ...] = ()
    fixable: tuple[FixableFinding, ...] = ()
    documents: dict[str, Document] = field(default_factory=dict)
    is_complete: bool = True
    """Whether a cluster was selected, so that mappings and settings were checked."""

    @classmethod
    def of(
        cls,
        *subjects: Subjects,
        errors: tuple[TarmakIamError, ...] = (),
        turn: FixTurn | None = None,
        within: Boundary | None = None,
    ) -> Checked:
        """Fixes the findings first if `turn` is set; `within` as in `fix_and_write`. Raises ConfigError if a plugin
        cannot be used, or fails; with `turn` also FileError."""
        with working(f"checking {len(subjects)} clusters" if len(subjects) > 1 else "checking"):
            report = examine(*subjects)
        fixable: tuple[FixableFinding, ...] = ()
        if turn is not None:
            outcome = fix_and_write(subjects, report, turn, within)
            subjects, report, fixable = outcome.after, outcome.report, outcome.fixable
        elif report.findings:
            from tarmak_iam.lint.fixing import fixable_findings

            fixable = fixable_findings(report, *subjects)
        documents = [document for each in subjects for subject in Subject if (document := each.text_of(subject))]
        return cls(
            report.findings,
            report.suppressed,
            errors,
            {each.filename: each.source for each in documents},
            why_unexamined=_unexamined(subjects),
            fixable=fixable,
            documents={each.filename: each for each in documents},
        )

    def line(self, place: Place) -> str:
        """The line of a place, empty if the place has none."""
        source = self.sources.get(place.filename)
        return source.line(place.line) if source and place.line is not None else ""

    def summary(self, fixed: int) -> str:
        parts = [severity_summary(each.finding.severity for each in self.findings)]
        if self.errors and not self.findings:
            parts = ["no findings in the other files" if self.sources else "nothing could be checked"]
        if self.suppressed:
            parts.append(f"{len(self.suppressed)} suppressed by comments")
        if fixed:
            parts.append(f"{fixed} fixed")
        counted = ", ".join([*parts, self.clusters] if self.clusters else parts)
        return f"{counted}; {self.scope}" if self.scope else counted

    def diff_summary(self, fixed: int) -> str:
        more = sum(not each.is_safe for each in self.fixable)
        done = f"{fixed} finding{'' if fixed == 1 else 's'} would be fixed" if fixed else "nothing would be fixed"
        return f"{done}, {more} more with --unsafe-fixes" if more else done


def _unexamined(subjects: Iterable[Subjects]) -> tuple[str, ...]:
    """Each reason once: it is usually the same for all clusters, such as a package that is not installed."""
    made = (each.installation for each in subjects if each.installation and not each.installation.is_hub)
    found = (each.admin_access for each in made)
    return tuple(dict.fromkeys(each.why_not_examined for each in found if each.why_not_examined))


def check_session(session: Session, *, all_clusters: bool, mode: FixMode | None = None) -> Checked:
    """The selected cluster, or all. With a mode that writes, in turn with other edits. Raises TarmakIamError."""

    def checked(turn: FixTurn | None) -> Checked:
        return check_every(session, turn) if all_clusters else check_chosen(session, turn)

    if mode is None:
        return checked(None)
    try:
        path = config_path(session.directory, os.environ)
    except FileError:
        return checked(FixTurn(mode))  # which reports it with a better remedy
    return _in_turn(path, mode, checked)


def _in_turn(path: Path, mode: FixMode, edit: Callable[[FixTurn], _Made]) -> _Made:
    def made() -> _Made:
        return edit(FixTurn(mode))

    return made() if mode.is_dry else edit_all_in_turn(path, made)


def _config_of(session: Session, turn: FixTurn | None) -> TarmakConfig:
    """Raises TarmakIamError."""
    try:
        path = config_path(session.directory, os.environ)
    except FileError:
        return session.config()  # which reports it with a better remedy
    repaired = turn.config(session.directory) if turn is not None and path.is_file() else None
    return session.config() if repaired is None else repaired


def check_chosen(session: Session, turn: FixTurn | None = None) -> Checked:
    """tarmak.yaml, and the files of the selected cluster. Raises TarmakIamError."""
    config = _config_of(session, turn)
    _note_missing_pools(config)
    try:
        cluster = session.cluster(config)
    except SelectionError as error:
        if session.cluster_name:
            raise
        checked = Checked.of(Subjects(config), turn=turn)
        more = [Located(each, config.document.position(each.route)) for each in unselected(config)]
        if not more:
            why = error.what if checked.findings else error.message  # a finding has the remedy
            note(f"mappings and settings were not checked: {why}")
        return replace(checked, findings=(*more, *checked.findings), is_complete=False)
    with working(f"reading {shortened(cluster.cluster_name)}"):
        subjects = _subjects_of(config, cluster, session.files(config, cluster), turn)
    checked = Checked.of(subjects, turn=turn)
    count = len(config.selectable_clusters)
    if count == 1:
        return checked
    name = cluster.cluster_name
    what = f"mappings and settings were checked for {name} only"
    if cluster.is_hub:
        what = f"{name} is a hub, so no mappings and settings were checked"
    scope = f"{what} (use --all-clusters to check all {count} clusters)"
    return replace(checked, scope=scope)


def _subjects_of(config: TarmakConfig, cluster: Cluster, files: ClusterFiles, turn: FixTurn | None) -> Subjects:
    with quotes_offered(files.mappings_path, files.within, files.command_line.tarmak_iam("check")):
        return Subjects.of_cluster(config, cluster, files if turn is None else turn.files(files))


def check_every(session: Session, turn: FixTurn | None = None) -> Checked:
    """tarmak.yaml, and the files of each cluster that can be selected; the other entries have findings. Raises
    TarmakIamError if tarmak.yaml cannot be read."""
    config = _config_of(session, turn)
    clusters = config.selectable_clusters
    return _checked(config, clusters, follow_links=session.follow_links, turn=turn, with_tally=True)


def _checked(
    config: TarmakConfig,
    clusters: Sequence[Cluster],
    *,
    follow_links: bool,
    turn: FixTurn | None = None,
    with_tally: bool = False,
) -> Checked:
    def read(cluster: Cluster, _: ReportProgress) -> Subjects:
        files = ClusterFiles.of(config, cluster, follow_links=follow_links)
        return _subjects_of(config, cluster, files, turn)

    _note_missing_pools(config)
    outcomes = list(for_each(clusters, read, "reading"))
    errors = tuple(each.error for each in outcomes if each.error)
    subjects = [each.value for each in outcomes if not each.error] or [Subjects(config)]
    checked = Checked.of(*subjects, errors=errors, turn=turn)
    if not with_tally or not outcomes:
        return checked
    found = {name for each in checked.findings for name in (each.cluster, *each.shared_by)}
    return replace(checked, clusters=_clusters_summary(outcomes, found))


def _note_missing_pools(config: TarmakConfig) -> None:
    """An incomplete configuration, as in an example, is checked as it is; the note says that it is incomplete."""
    if config.clusters and not lists_pools(config):
        file = config.document.filename
        note(f"{file}: note: no cluster has instance pools; Tarmak rejects every command until they are added")


def _clusters_summary(outcomes: Sequence[ClusterOutcome[Subjects]], found: set[str | None]) -> str:
    def word(subjects: Subjects) -> str:
        assert subjects.installation is not None  # as `of_cluster` makes them
        return "with findings" if subjects.installation.cluster_id in found else "clean"

    return outcome_summary(outcomes, word, "clean")


def check_files(
    paths: Iterable[Path],
    *,
    all_clusters: bool,
    follow_links: bool = False,
    remedy: Callable[[Path], str] = lambda _: "",
    mode: FixMode | None = None,
) -> Checked:
    """Each tarmak.yaml once: with all of its clusters if it is among the files itself, else with those clusters whose
    mappings or settings are. A file that belongs to no tarmak.yaml is checked on its own. An error in one file does not
    end the check of the others.

    `remedy` returns a remedy for a path that is not a file, or an empty text.
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
        part = partial(_parts, files, all_clusters=all_clusters, follow_links=follow_links)
        config = files[0].config
        try:
            if config is None or mode is None:
                parts += part(None if mode is None else FixTurn(mode))
            else:
                parts += _in_turn(config, mode, part)
        except (FileError, PolicyRefused, ToolError) as error:
            parts.append(_failed(error))
    return Checked(
        tuple(finding for each in parts for finding in each.findings),
        tuple(finding for each in parts for finding in each.suppressed),
        tuple(error for each in parts for error in each.errors),
        {name: source for each in parts for name, source in each.sources.items()},
        why_unexamined=tuple(dict.fromkeys(text for each in parts for text in each.why_unexamined)),
        fixable=tuple(finding for each in parts for finding in each.fixable),
        documents={name: document for each in parts for name, document in each.documents.items()},
    )


def _identity(path: Path) -> str:
    """The same for the same file, but not for two links to a file: each has its own clusters' directories next to
    it."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _parts(
    files: Sequence[NamedFile], turn: FixTurn | None, *, all_clusters: bool, follow_links: bool
) -> list[Checked]:
    """For files that belong to one tarmak.yaml, or one file that belongs to none. With a turn, raises FileError."""
    path = files[0].config
    if path is None:
        why = _WHY_ALONE.get(files[0].kind, "it is not in a cluster's directory next to a tarmak.yaml")
        return [_alone(files[0], follow_links, why, turn)]
    try:
        config = turn.config(path) if turn is not None and path.is_file() else None
        if config is None:
            with types_offered(CommandLine(directory_option(path, os.environ))):
                config = TarmakConfig.load(path)
    except TarmakIamError as error:
        return [_failed(error)]
    every = all_clusters or any(each.kind is FileKind.CONFIG for each in files)
    wanted = {each.cluster for each in files}
    chosen = [
        each
        for each in config.selectable_clusters
        if every or each.cluster_name in wanted or _misplaces(path.parent, each, files, follow_links=follow_links)
    ]
    parts = []
    if chosen or every:
        parts.append(_checked(config, chosen, follow_links=follow_links, turn=turn))
    names = [each.cluster_name for each in config.selectable_clusters]
    for file in files:
        if file.cluster is not None and file.cluster not in names:
            remedy = did_you_mean(file.cluster, names)
            why = f"{path} has no cluster {file.cluster}{f'; {remedy}' if remedy else ''}"
            parts.append(_alone(file, follow_links, why, turn))
        elif file.kind is not FileKind.CONFIG and (file.cluster is None or file.path.name != file.kind.value):
            parts.append(_alone(file, follow_links, "it is not read as a file of a cluster", turn))
    return parts


def _misplaces(directory: Path, cluster: Cluster, files: Sequence[NamedFile], *, follow_links: bool) -> bool:
    """Whether one of the files is in a place where it could be mistaken for the cluster's."""
    found = misplaced_files(directory, cluster, follow_links=follow_links)
    misplaced = {_identity(each.path) for each in found}
    return any(_identity(each.path) in misplaced for each in files)


_WHY_ALONE = {
    FileKind.CONFIG: "the files of its clusters are not known",
    FileKind.DYNAMIC_FILE: "it is a dynamic file of the authenticator",
}


def _alone(file: NamedFile, follow_links: bool, why: str, turn: FixTurn | None) -> Checked:
    note(f"{file.path}: note: checked only by the rules that need no other file: {why}")
    if turn is not None and file.is_stream:
        note(f"{file.path}: note: nothing is fixed: stdin and pipes are only checked")
    try:
        data = file.read(follow_links=follow_links)
        if file.kind is FileKind.SETTINGS:
            parse_settings(data, str(file.path))
            return Checked()
        if file.kind is FileKind.CONFIG:
            return Checked.of(Subjects(TarmakConfig.parse(data, str(file.path))))
        if file.kind is FileKind.DYNAMIC_FILE:
            return Checked.of(Subjects(dynamic_file=Document.parse(data, str(file.path), json=True)))
        within = file.boundary(follow_links=follow_links)
        with quotes_offered(file.path, within, CommandLine().tarmak_iam("check", str(file.path))):
            if turn is None or file.is_stream:
                return Checked.of(Subjects(mappings=Mappings.parse(data, str(file.path))))
            own = FixTurn(turn.mode)
            mappings = own.mappings(file.path, within) or Mappings.load(file.path, within=within)
        return Checked.of(Subjects(mappings=mappings), turn=own, within=within)
    except FileChanged:
        raise
    except TarmakIamError as error:
        return _failed(error)


def _failed(error: TarmakIamError) -> Checked:
    print_cluster_error(error)
    return Checked(errors=(error,))
