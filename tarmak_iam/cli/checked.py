"""What `check` finds and fixes: in tarmak.yaml and the files of one cluster, of all, or in the files given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tarmak_iam.cli.all_clusters import FAILED, for_each, outcome_counts, print_cluster_error
from tarmak_iam.cli.console import note, print_diff, record_done, working
from tarmak_iam.cli.named_files import FileKind, NamedFile, named_file
from tarmak_iam.cli.session import Session, repair_offered
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.instance_pools import lists_pools
from tarmak_iam.config.type_repairs import Repair, RepairedFile
from tarmak_iam.document import Document
from tarmak_iam.errors import FileChanged, FileError, PolicyRefused, SelectionError, TarmakIamError, ToolError
from tarmak_iam.files.atomic import Replacement, replace_files
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles, misplaced_files
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint import Located, Report, Subjects, examine
from tarmak_iam.lint.config_rules import unselected
from tarmak_iam.lint.trust_rules import trust_lines
from tarmak_iam.mappings import mappings_file
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import CommandLine, brief_list, did_you_mean, shortened

if TYPE_CHECKING:
    from tarmak_iam.lint.fixing import FixableFinding, FixOutcome

_Result = TypeVar("_Result")


class Checked(NamedTuple):
    """The findings, those suppressed by comments, the errors (already printed) for what could not be checked, and the
    documents of the files by name. `why_unexamined`: the reasons why admin certificates were not checked. `fixable` are
    the findings that can be fixed; `fixed` is the number of those that were, or would be. `is_complete`: whether a
    cluster was selected, so that mappings and settings were checked. `scope` ends the summary. `trust`: what the trust
    policies of the mapped roles say, a line for each."""

    findings: tuple[Located, ...] = ()
    suppressed: tuple[Located, ...] = ()
    errors: tuple[TarmakIamError, ...] = ()
    why_unexamined: tuple[str, ...] = ()
    fixable: tuple[FixableFinding, ...] = ()
    fixed: int = 0
    documents: Mapping[str, Document] = {}
    is_complete: bool = True
    scope: str = ""
    trust: tuple[str, ...] = ()


class Fixes(NamedTuple):
    """What `check` does about findings that can be fixed in the files of one tarmak.yaml: `is_dry` only shows it. Files
    that cannot be used as they are, are repaired as they are read, and written with the fixes: `repaired` has them by
    name. Each attempt begins with none."""

    is_unsafe: bool
    is_dry: bool
    repaired: dict[str, RepairedFile]

    def config(self, path: Path) -> TarmakConfig | None:
        """The tarmak.yaml that `TarmakConfig.load` would read, with its values in the types that Tarmak requires. None
        if Tarmak can read the file, or could not read it then either. Tarmak uses nothing of such a file, so that this
        is a safe fix, unless it disables IAM login. Raises FileError."""
        loaded = TarmakConfig.load_repaired(path) if path.is_file() else None
        if loaded is None or loaded[1].is_safe or self.is_unsafe:
            return self._recorded(loaded)
        for repair in loaded[1].repairs:
            if not repair.is_safe:
                note(f"{repair.place}: not fixed: {repair.title}; it disables IAM login: this requires --unsafe-fixes")
        return None

    def mappings(self, path: Path, within: Boundary) -> Mappings | None:
        """Those with templates in quotes, an unsafe fix: before, the authenticator does not start. Else None."""
        try:
            return self._recorded(mappings_file.load_repaired(path, within)) if self.is_unsafe else None
        except FileError:
            return None

    def _recorded(self, loaded: tuple[_Result, RepairedFile] | None) -> _Result | None:
        if loaded is not None:
            self.repaired[loaded[1].after.filename] = loaded[1]
        return loaded and loaded[0]


@dataclass(frozen=True, slots=True)
class _RepairedClusterFiles(ClusterFiles):
    repaired: Mappings | None = None

    def mappings(self) -> Mappings | None:
        return self.repaired


def check_session(session: Session, *, all_clusters: bool, fixes: Fixes | None = None) -> Checked:
    """tarmak.yaml, and the files of the selected cluster or of all. Raises TarmakIamError."""
    path = session.path()

    def checked(fixes: Fixes | None) -> Checked:
        config = _load(session, path, fixes)
        if not all_clusters:
            return _check_chosen(session, config, fixes)
        return _check_clusters(session, config, config.clusters_in(session.environment), fixes, counts=True)

    return checked(fixes) if path is None else _in_turn(path, fixes, checked)


def _load(session: Session, path: Path | None, fixes: Fixes | None) -> TarmakConfig:
    """That of the session, which is at `path` if it exists, repaired by the fixes."""
    return (fixes.config(path) if fixes is not None and path is not None else None) or session.config()


def _in_turn(path: Path, fixes: Fixes | None, check: Callable[[Fixes | None], _Result]) -> _Result:
    if fixes is None or fixes.is_dry:
        return check(fixes)
    from tarmak_iam.cli.edits import in_turn_of_cluster_files, in_turn_of_config

    return in_turn_of_config(path, lambda: in_turn_of_cluster_files(path, lambda: check(fixes._replace(repaired={}))))


def _check_chosen(session: Session, config: TarmakConfig, fixes: Fixes | None) -> Checked:
    _note_missing_pools(config)
    try:
        cluster = session.cluster(config)
    except SelectionError as error:
        if session.cluster_name or session.default:
            raise
        checked = _examined(Subjects(config), fixes=fixes)
        more = [Located(finding, config.document.position(finding.route)) for finding in unselected(config)]
        if not more:
            why = error.what if checked.findings else error.message  # a finding has the remedy
            note(f"mappings and settings were not checked: {why}")
        return checked._replace(findings=(*more, *checked.findings), is_complete=False)
    name, count = cluster.cluster_name, len(config.selectable_clusters)
    with working(f"reading {shortened(name)}"):
        subjects = _subjects_of(session, config, cluster, fixes)
    checked = _examined(subjects, fixes=fixes)
    if count == 1:
        return checked
    what = f"mappings and settings were checked for {name} only"
    if cluster.is_hub:
        what = f"{name} is a hub, so no mappings and settings were checked"
    return checked._replace(scope=f"; {what} (use --all-clusters to check all {count} clusters)")


def _subjects_of(session: Session, config: TarmakConfig, cluster: Cluster, fixes: Fixes | None) -> Subjects:
    files = session.files(config, cluster)
    mappings = None if fixes is None else fixes.mappings(files.mappings_path, files.within)
    if mappings is not None:
        base = (files.directory, files.cluster_name, files.follow_links, files.command_line)
        files = _RepairedClusterFiles(*base, mappings)
    with repair_offered(files.command_line.tarmak_iam("check"), files.mappings_path, files.within):
        subjects = Subjects.of_cluster(config, cluster, files)
    return replace(subjects, trust_policies=session.trust_policies)


def _check_clusters(
    session: Session, config: TarmakConfig, clusters: Sequence[Cluster], fixes: Fixes | None, *, counts: bool = False
) -> Checked:
    """With `counts`, the scope of the result says how many clusters have findings."""
    _note_missing_pools(config)
    outcomes = list(for_each(clusters, lambda cluster, _: _subjects_of(session, config, cluster, fixes), "reading"))
    errors = tuple(outcome.error for outcome in outcomes if outcome.error)
    subjects = [outcome.value for outcome in outcomes if not outcome.error] or [Subjects(config)]
    checked = _examined(*subjects, fixes=fixes)._replace(errors=errors)
    if not counts or not outcomes:
        return checked
    words = {name: "with findings" for located in checked.findings for name in (located.cluster, *located.shared_by)}
    states = ((outcome.name, FAILED if outcome.error else words.get(outcome.name, "clean")) for outcome in outcomes)
    return checked._replace(scope=f", {outcome_counts([*states], 'clean')}")


def _note_missing_pools(config: TarmakConfig) -> None:
    """An incomplete configuration, as in an example, is checked as it is; the note says that it is incomplete."""
    if config.clusters and not lists_pools(config):
        file = config.document.filename
        note(f"{file}: note: no cluster has instance pools; Tarmak rejects every command until they are added")


def _examined(*subjects: Subjects, fixes: Fixes | None = None, within: Boundary | None = None) -> Checked:
    """Makes the `fixes` first, if any; `within` as in `_fix_and_write`. Raises TarmakIamError."""
    with working(f"checking {len(subjects)} clusters" if len(subjects) > 1 else "checking"):
        report = examine(*subjects)
    fixable: tuple[FixableFinding, ...] = ()
    fixed = 0
    if fixes is not None:
        outcome = _fix_and_write(subjects, report, fixes, within)
        subjects, report, fixable = outcome.after, outcome.report, outcome.fixable
        fixed = len(outcome.fixed) + sum(len(file.repairs) for file in fixes.repaired.values())
    elif report.findings:
        from tarmak_iam.lint.fixing import fixable_findings

        fixable = fixable_findings(report, *subjects)
    texts = (part.text_of(subject) for part in subjects for subject in Subject)
    installations = (part.installation for part in subjects if part.installation and not part.installation.is_hub)
    # Each reason once: it is usually the same for all clusters, such as a package that is not installed.
    why = dict.fromkeys(installation.admin_access.why_not_examined for installation in installations)
    documents = {text.filename: text for text in texts if text}
    trust = tuple(dict.fromkeys(line for part in subjects for line in trust_lines(part.trusted)))
    why_unexamined = tuple(filter(None, why))
    return Checked(report.findings, report.suppressed, (), why_unexamined, fixable, fixed, documents, trust=trust)


def check_files(session: Session, paths: Iterable[Path], *, all_clusters: bool, fixes: Fixes | None = None) -> Checked:
    """Each tarmak.yaml once, with all clusters or those of the files; others alone. Errors do not end it."""
    parts: list[Checked] = []
    groups: dict[str, list[NamedFile]] = {}
    for path in paths:
        try:
            named = named_file(path, follow_links=session.follow_links)
        except TarmakIamError as error:
            parts.append(_failed(error))
        else:
            groups.setdefault(_identity(named.config or named.path), []).append(named)
    for files in groups.values():
        config = files[0].config
        try:
            if config is None:
                parts.append(_check_alone(files[0], session, fixes))
            else:
                of_file = session._replace(directory=config, cluster_name=None, source="FILE")
                parts += _in_turn(config, fixes, partial(_check_group, of_file, config, files, all_clusters))
        except (FileError, PolicyRefused, ToolError) as error:
            parts.append(_failed(error))
    whole = Checked()
    for part in parts:
        findings, suppressed = whole.findings + part.findings, whole.suppressed + part.suppressed
        errors, fixable = whole.errors + part.errors, whole.fixable + part.fixable
        why = tuple(dict.fromkeys(whole.why_unexamined + part.why_unexamined))
        documents = {**whole.documents, **part.documents}
        fixed, trust = whole.fixed + part.fixed, tuple(dict.fromkeys(whole.trust + part.trust))
        whole = Checked(findings, suppressed, errors, why, fixable, fixed, documents, trust=trust)
    return whole


def _identity(path: Path) -> str:
    """The same for two names of a file, but not for two links to it, next to which other files are."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _check_group(
    session: Session, path: Path, files: Sequence[NamedFile], all_clusters: bool, fixes: Fixes | None
) -> list[Checked]:
    """For files that belong to the tarmak.yaml at `path`. With `fixes`, raises FileError."""
    try:
        config = _load(session, path, fixes)
    except TarmakIamError as error:
        return [_failed(error)]
    every = all_clusters or any(file.kind is FileKind.CONFIG for file in files)
    wanted, places = {file.cluster for file in files}, {_identity(file.path) for file in files}

    def is_wanted(cluster: Cluster) -> bool:
        """Also if one of the files is in a place where it could be mistaken for the cluster's."""
        misplaced = misplaced_files(path.parent, cluster, follow_links=session.follow_links)
        return cluster.cluster_name in wanted or not places.isdisjoint(_identity(file.path) for file in misplaced)

    chosen = [cluster for cluster in config.clusters_in(session.environment) if every or is_wanted(cluster)]
    parts = [_check_clusters(session, config, chosen, fixes)] if chosen or every else []
    names = [cluster.cluster_name for cluster in config.selectable_clusters]
    for file in files:
        if file.cluster is not None and file.cluster not in names:
            remedy = did_you_mean(file.cluster, names)
            why = f"{path} has no cluster {file.cluster}{f'; {remedy}' if remedy else ''}"
            parts.append(_check_alone(file, session, fixes, why))
        elif file.kind is not FileKind.CONFIG and (file.cluster is None or file.path.name != file.kind.value):
            parts.append(_check_alone(file, session, fixes, "it is not read as a file of a cluster"))
    return parts


def _check_alone(file: NamedFile, session: Session, fixes: Fixes | None, why: str = "") -> Checked:
    if not why:
        why = "it is not in a cluster's directory next to a tarmak.yaml"
        why = "it is a dynamic file of the authenticator" if file.kind is FileKind.DYNAMIC_FILE else why
        why = "the files of its clusters are not known" if file.kind is FileKind.CONFIG else why
    note(f"{file.path}: note: checked only by the rules that need no other file: {why}")
    if fixes is not None and file.is_stream:
        note(f"{file.path}: note: nothing is fixed: stdin and pipes are only checked")
    name, within = str(file.path), file.boundary(follow_links=session.follow_links)
    try:
        data = file.read(follow_links=session.follow_links)
        if file.kind is FileKind.SETTINGS:
            parse_settings(data, name)
            return Checked()
        if file.kind is FileKind.CONFIG:
            return _examined(Subjects(TarmakConfig.parse(data, name)))
        if file.kind is FileKind.DYNAMIC_FILE:
            return _examined(Subjects(dynamic_file=Document.parse(data, name, json=True)))
        with repair_offered(CommandLine().tarmak_iam("check", name), file.path, within):
            if fixes is None or file.is_stream:
                alone = Subjects(mappings=Mappings.parse(data, name), trust_policies=session.trust_policies)
                return _examined(alone)
            fixes = fixes._replace(repaired={})
            mappings = fixes.mappings(file.path, within) or Mappings.load(file.path, within=within)
        alone = Subjects(mappings=mappings, trust_policies=session.trust_policies)
        return _examined(alone, fixes=fixes, within=within)
    except FileChanged:
        raise
    except TarmakIamError as error:
        return _failed(error)


def _failed(error: TarmakIamError) -> Checked:
    print_cluster_error(error)
    return Checked(errors=(error,))


def _fix_and_write(subjects: Sequence[Subjects], report: Report, fixes: Fixes, within: Boundary | None) -> FixOutcome:
    """Fixes what can be fixed of the report and writes the files that change, all or none of them, or only shows it.
    `within` is the boundary of a mappings file without a cluster.

    Raises TarmakIamError: PolicyRefused if a repair could lock users out, and FileChanged if another program has
    changed a file meanwhile."""
    from tarmak_iam.lint.fix_effects import before_repairs, lock_outs
    from tarmak_iam.lint.fixing import fix_findings

    with working("fixing"):
        outcome = fix_findings(*subjects, unsafe=fixes.is_unsafe, report=report)
    config = outcome.before[0].config
    repaired = fixes.repaired.get(config.document.filename) if config is not None else None
    repairs = repaired.repairs if repaired is not None else ()
    disabling = [repair for repair in repairs if not repair.is_safe]
    lost = tuple(lock_outs(before_repairs(outcome.before, disabling), outcome.after)) if disabling else ()
    if lost:
        what = f"IAM login would be disabled, if it is enabled now: {'; '.join(lost)}; nothing was changed"
        raise PolicyRefused(what, remedy="if that is wanted, write false without quotes", place=disabling[0].place)
    changed = []
    for old, new in outcome.documents:
        file = fixes.repaired.get(new.filename)
        before = file.before if file else old.text
        changed += [(before, new)] if before != new.text else []
    if not fixes.is_dry:
        # Of a repaired file that clusters share through links, each name has the same text.
        replaced = {os.path.realpath(new.filename): _replacement(outcome, text, new, within) for text, new in changed}
        replace_files(replaced.values())
        record_done("wrote", *(document.filename for _, document in changed))
    word = "would be fixed" if fixes.is_dry else "fixed"
    for text, document in changed:
        if fixes.is_dry:
            print_diff(unified_diff(text, document.text, document.filename))
        file = fixes.repaired.get(document.filename)
        lines = [f"{repair.place}: {word}: {repair.title}" for repair in (file.repairs if file else ())]
        lines += [fixed.line_of(word) for fixed in outcome.fixed if fixed.filename == document.filename]
        for line in dict.fromkeys(lines):
            note(line)
    for dropped in outcome.dropped:
        note(dropped.line_before if fixes.is_dry else dropped.line)
    for line in _effects(outcome, fixes, repairs):
        note(f"effect: {line}")
    return outcome


def _replacement(outcome: FixOutcome, before: str, after: Document, within: Boundary | None) -> Replacement:
    path = Path(after.filename)
    for subjects in outcome.after:
        if subjects.text_of(Subject.CONFIG) is after:
            within = None
        elif subjects.config and subjects.installation and any(subjects.text_of(kind) is after for kind in Subject):
            installation = subjects.installation
            files = ClusterFiles.of(subjects.config, installation.cluster, follow_links=installation.follow_links)
            path, within = files.home / path.name, files.within
    return Replacement(path, after.to_bytes(), after.source.encode(before), within=within)


def _effects(outcome: FixOutcome, fixes: Fixes, repairs: Sequence[Repair]) -> Iterator[str]:
    """Safe fixes have none. Of a repaired tarmak.yaml only IAM login is compared: Tarmak used nothing of it."""
    from tarmak_iam.lint.fix_effects import effect_lines
    from tarmak_iam.lint.fixing import shared_files

    texts = (subjects.text_of(Subject.MAPPINGS) for subjects in outcome.after)
    unreadable = [text.filename for text in texts if text is not None and text.filename in fixes.repaired]
    installations = (subjects.installation for subjects in outcome.after)
    checked = {installation.cluster.cluster_name for installation in installations if installation is not None}
    for name in unreadable:
        yield f"{name}: the authenticator can read the file{', and all of its entries take effect' if checked else ''}"
        others = [cluster for cluster in shared_files(outcome.after).get(name, ()) if cluster not in checked]
        if others:
            yield f"{name}: shared with {brief_list(others)}; access to them changes too, and was not checked"
    is_safe = all(fixed.is_safe for fixed in outcome.fixed) and all(repair.is_safe for repair in repairs)
    if unreadable or not is_safe:
        yield from effect_lines(outcome.before, outcome.after, unreadable, repairs)
