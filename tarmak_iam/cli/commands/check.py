"""check: the findings about tarmak.yaml, mappings and settings: of one cluster, of all, or of the files given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.all_clusters import ClusterOutcome, ReportProgress, for_each, outcome_summary, print_cluster_error
from tarmak_iam.cli.console import note, working
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.formats import CheckReport, FindingResult, RuleDescription
from tarmak_iam.cli.formats.output import FORMATS, errors_reported, fail_on_option, findings_output_option, is_failing
from tarmak_iam.cli.formats.text import severity_summary
from tarmak_iam.cli.options import all_clusters_option, file_arguments
from tarmak_iam.cli.parsing import cluster_remedy
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.command_line import CommandLine
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.instance_pools import lists_pools
from tarmak_iam.config.locate import CONFIG_NAME, directory_option
from tarmak_iam.document import Document
from tarmak_iam.document.files import Boundary, read_file, read_if_present
from tarmak_iam.document.go_case import to_lower
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, FileError, Place, SelectionError, TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.misplaced_files import intended_name, misplaced_files
from tarmak_iam.installation.settings import SETTINGS_NAME, parse_settings
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Located, Subjects, all_rules, examine
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.suggestions import closest, did_you_mean
from tarmak_iam.text import shortened


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam check -o json --fail-on error\n"
    "  tarmak-iam check --all-clusters -o sarif > tarmak-iam.sarif\n"
    "  tarmak-iam check tarmak.yaml dev-cluster/aws-iam-authenticator.yaml"
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(), callback=file_arguments)
@all_clusters_option
@findings_output_option
@fail_on_option
@pass_session
@click.pass_context
def check(
    context: click.Context, session: Session, files: tuple[Path, ...], all_clusters: bool, output: str, fail_on: str
) -> None:
    """Find errors and lock-outs before they reach the cluster.

    Without FILE: checks tarmak.yaml, and the mappings and settings of the current cluster, or with --all-clusters of
    every cluster. With FILE: a tarmak.yaml is checked with all of its clusters, mappings or settings with their
    cluster. A mappings file without a tarmak.yaml is checked on its own.

    Exits with 0 if there are no findings, 1 if there are, and 2 if a file cannot be read. A comment suppresses findings
    by ID or name, on the same line or above their entry, list or file:

    \b
    # tarmak-iam: ignore[account-mapping] only our sandbox account
    """
    if files and (session.directory or session.cluster_name):
        remedy = cluster_remedy(context, map(str, files)) or "remove -c and --cluster"
        raise click.UsageError(f"FILE selects directory and cluster itself; {remedy}", context)
    with errors_reported(output):
        if files:
            checked = check_files(
                files,
                all_clusters=all_clusters,
                follow_links=session.follow_links,
                remedy=lambda path: _cluster_of(path, context),
            )
        else:
            checked = check_every(session) if all_clusters else check_chosen(session)
    for why in checked.why_unexamined:
        note(f"note: admin certificates were not checked: {why}")
    FORMATS[output].print_report(_report(checked))
    if output != "json":
        note(checked.summary)
    if checked.errors:
        context.exit(ExitCode.ERROR)
    if is_failing((each.finding.severity for each in checked.findings), fail_on):
        context.exit(ExitCode.FINDINGS)


def _cluster_of(path: Path, context: click.Context) -> str:
    """The remedy for a FILE that is the name of a cluster, or its directory next to tarmak.yaml; empty for others."""
    directory = path.parent
    if path.is_dir() and (directory / CONFIG_NAME).is_file():
        line = CommandLine(directory_option(directory, os.environ), path.name)
        return f"did you mean `{line.tarmak_iam('check')}`?"
    return cluster_remedy(context, [str(path)])


_SYSTEM = ("/dev", "/proc")
"""The directories of `/dev/stdin` and of a shell's `<(...)`."""


class FileKind(Enum):
    CONFIG = CONFIG_NAME
    MAPPINGS = MAPPINGS_NAME
    SETTINGS = SETTINGS_NAME


@dataclass(frozen=True, slots=True)
class NamedFile:
    """`config` is the tarmak.yaml that the file belongs to, None if there is none. `cluster` is the name of the file's
    directory, which is that of a cluster; None for tarmak.yaml itself and for files next to it. `data` is what was read
    already: a pipe can be read only once."""

    path: Path
    kind: FileKind
    config: Path | None
    cluster: str | None = None
    data: bytes | None = field(default=None, repr=False)

    def read(self, *, follow_links: bool) -> bytes:
        """Raises FileError, also for a link that leads out of the directory of its tarmak.yaml, or, without a
        tarmak.yaml, out of its own directory."""
        if self.data is not None:
            return self.data
        if self.config is None or self.cluster is None:
            return _read_alone(self.path, follow_links=follow_links)
        boundary = Boundary(self.config.parent, follow_links)
        data = read_if_present(self.config.parent / self.cluster / self.path.name, boundary)
        if data is None:
            raise _missing(self.path)
        return data


def named_file(path: Path, *, follow_links: bool = False) -> NamedFile:
    """Recognised by its name, else by its content; a directory means its tarmak.yaml. `follow_links` as in `Boundary`.

    Raises TarmakIamError for a file that does not exist, or is not of any of these kinds.
    """
    path = _config_in(path) if path.is_dir() else path
    kind = next((each for each in FileKind if each.value in (path.name, _intended(path))), None)
    found = NamedFile(path, kind, *_owner(path)) if kind and kind is not FileKind.CONFIG else None
    if not path.exists():
        if found is not None:  # a broken link may lead out of the directory: that error comes first
            found.read(follow_links=follow_links)
        raise _missing(path)
    if found is not None:
        return found
    if kind is FileKind.CONFIG:
        return NamedFile(path, kind, path)
    data = _read_alone(path, follow_links=follow_links)
    kind = _by_content(data, path)
    if kind is FileKind.CONFIG:
        return NamedFile(path, kind, path) if path.is_file() else NamedFile(path, kind, None, data=data)
    return NamedFile(path, kind, None, _absolute(path).parent.name, data)


def _intended(path: Path) -> str | None:
    """The file name that a misspelt one stands for, if the file is in one of Tarmak's directories."""
    return intended_name(path.name) if _owner(path)[0] else None


def _owner(path: Path) -> tuple[Path | None, str | None]:
    """The tarmak.yaml one directory up, and the name of the file's directory; else the tarmak.yaml next to the file,
    where it would not be read."""
    home = _absolute(path).parent
    config = home.parent / CONFIG_NAME
    name: str | None = home.name
    if not config.is_file() and (home / CONFIG_NAME).is_file():
        config, name = home / CONFIG_NAME, None
    shown = config if path.is_absolute() else Path(os.path.relpath(config))
    return shown if config.is_file() else None, name


def _absolute(path: Path) -> Path:
    """Without `..`: after a link it is not the directory that the path suggests. Other links are not followed."""
    parts = path.absolute().parts
    end = max((number for number, part in enumerate(parts, 1) if part == os.pardir), default=0)
    return Path(os.path.realpath(Path(*parts[:end])), *parts[end:]) if end else Path(*parts)


def _config_in(directory: Path) -> Path:
    if (directory / CONFIG_NAME).exists():
        return directory / CONFIG_NAME
    raise FileError(f"this directory has no {CONFIG_NAME}", remedy="specify a file", place=Place(str(directory)))


def _missing(path: Path) -> FileError:
    if path.is_symlink():
        remedy = f"the link points to {os.readlink(path)}"
    else:
        near = closest(path.name, _names_in_directory_of(path))
        remedy = f"did you mean {path.parent / near}?" if near else "check the path"
    return FileError("file not found", remedy=remedy, place=Place(str(path)))


def _names_in_directory_of(path: Path) -> Iterable[str]:
    try:
        return sorted(os.listdir(path.parent))
    except OSError:
        return ()


def _read_alone(path: Path, *, follow_links: bool) -> bytes:
    """A link in a pull request could point to any file of the machine that checks it. Links of the system itself, such
    as /dev/stdin, were typed by the user."""
    parent = Path(os.path.realpath(path.parent))
    if path.is_symlink() and not any(parent.is_relative_to(each) for each in _SYSTEM):
        Boundary(path.parent, follow_links).resolve(path)
    return read_file(path)


def _by_content(text: bytes, path: Path) -> FileKind:
    data = Document.parse(text, str(path)).data
    top: dict[Any, Any] = data if isinstance(data, dict) else {}
    if str(top.get("apiVersion")).startswith("api.tarmak.io/"):
        return FileKind.CONFIG
    if {to_lower(str(key)) for key in top} & {"clusterid", "server"}:
        return FileKind.MAPPINGS
    raise ConfigError(
        "this is neither a tarmak.yaml nor a mappings file of the authenticator",
        remedy=f"specify a {CONFIG_NAME}, {MAPPINGS_NAME} or {SETTINGS_NAME}; `map import` reads other formats",
        place=Place(str(path)),
    )


@dataclass(frozen=True)
class Checked:
    """The findings, those suppressed by comments, the errors (already printed) for what could not be checked, and the
    sources of the files by name. `why_unexamined`: the reasons why admin certificates were not checked."""

    findings: tuple[Located, ...] = ()
    suppressed: tuple[Located, ...] = ()
    errors: tuple[TarmakIamError, ...] = ()
    sources: dict[str, Source] = field(default_factory=dict)
    clusters: str = ""
    scope: str = ""
    why_unexamined: tuple[str, ...] = ()

    @classmethod
    def of(cls, *subjects: Subjects, errors: tuple[TarmakIamError, ...] = ()) -> Checked:
        """Raises ConfigError if a plugin cannot be used, or fails."""
        with working(f"checking {len(subjects)} clusters" if len(subjects) > 1 else "checking"):
            report = examine(*subjects)
        documents = [document for each in subjects for subject in Subject if (document := each.text_of(subject))]
        sources = {each.filename: each.source for each in documents}
        return cls(report.findings, report.suppressed, errors, sources, why_unexamined=_unexamined(subjects))

    def line(self, place: Place) -> str:
        """The line of a place, empty if the place has none."""
        source = self.sources.get(place.filename)
        return source.line(place.line) if source and place.line is not None else ""

    @property
    def summary(self) -> str:
        parts = [severity_summary(each.finding.severity for each in self.findings)]
        if self.errors and not self.findings:
            parts = ["no findings in the other files" if self.sources else "nothing could be checked"]
        if self.suppressed:
            parts.append(f"{len(self.suppressed)} suppressed by comments")
        counted = ", ".join([*parts, self.clusters] if self.clusters else parts)
        return f"{counted}; {self.scope}" if self.scope else counted


def _unexamined(subjects: Iterable[Subjects]) -> tuple[str, ...]:
    """Each reason once: it is usually the same for all clusters, such as a package that is not installed."""
    made = (each.installation for each in subjects if each.installation and not each.installation.is_hub)
    found = (each.admin_access for each in made)
    return tuple(dict.fromkeys(each.why_not_examined for each in found if each.why_not_examined))


def check_chosen(session: Session) -> Checked:
    """tarmak.yaml, and the files of the selected cluster. Raises TarmakIamError."""
    config = session.config()
    _note_missing_pools(config)
    try:
        cluster = session.cluster(config)
    except SelectionError as error:
        if session.cluster_name:
            raise
        note(f"mappings and settings were not checked: {error.message}")
        return Checked.of(Subjects(config))
    with working(f"reading {shortened(cluster.cluster_name)}"):
        subjects = Subjects.of_cluster(config, cluster, session.files(config, cluster))
    checked = Checked.of(subjects)
    count = len(config.selectable_clusters)
    if count == 1:
        return checked
    name = cluster.cluster_name
    scope = f"mappings and settings were checked for {name} only (use --all-clusters to check all {count} clusters)"
    return replace(checked, scope=scope)


def check_every(session: Session) -> Checked:
    """tarmak.yaml, and the files of each cluster that can be selected; the other entries have findings. Raises
    TarmakIamError if tarmak.yaml cannot be read."""
    config = session.config()
    return _checked(config, config.selectable_clusters, follow_links=session.follow_links, with_tally=True)


def _checked(
    config: TarmakConfig, clusters: Sequence[Cluster], *, follow_links: bool, with_tally: bool = False
) -> Checked:
    def read(cluster: Cluster, _: ReportProgress) -> Subjects:
        return Subjects.of_cluster(config, cluster, ClusterFiles.of(config, cluster, follow_links=follow_links))

    _note_missing_pools(config)
    outcomes = list(for_each(clusters, read, "reading"))
    errors = tuple(each.error for each in outcomes if each.error)
    subjects = [each.value for each in outcomes if not each.error] or [Subjects(config)]
    checked = Checked.of(*subjects, errors=errors)
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
        parts += _parts(files, all_clusters=all_clusters, follow_links=follow_links)
    return Checked(
        tuple(finding for each in parts for finding in each.findings),
        tuple(finding for each in parts for finding in each.suppressed),
        tuple(error for each in parts for error in each.errors),
        {name: source for each in parts for name, source in each.sources.items()},
        why_unexamined=tuple(dict.fromkeys(text for each in parts for text in each.why_unexamined)),
    )


def _identity(path: Path) -> str:
    """The same for the same file, but not for two links to a file: each has its own clusters' directories next to
    it."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _parts(files: Sequence[NamedFile], *, all_clusters: bool, follow_links: bool) -> Iterator[Checked]:
    """For files that belong to one tarmak.yaml, or one file that belongs to none."""
    path = files[0].config
    if path is None:
        is_config = files[0].kind is FileKind.CONFIG
        why = "it is not a regular file" if is_config else "it is not in a cluster's directory next to a tarmak.yaml"
        yield _alone(files[0], follow_links, why)
        return
    try:
        config = TarmakConfig.load(path)
    except TarmakIamError as error:
        yield _failed(error)
        return
    every = all_clusters or any(each.kind is FileKind.CONFIG for each in files)
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
        elif file.kind is not FileKind.CONFIG and (file.cluster is None or file.path.name != file.kind.value):
            yield _alone(file, follow_links, "it is not read as a file of a cluster")


def _misplaces(directory: Path, cluster: Cluster, files: Sequence[NamedFile], *, follow_links: bool) -> bool:
    """Whether one of the files is in a place where it could be mistaken for the cluster's."""
    found = misplaced_files(directory, cluster, follow_links=follow_links)
    misplaced = {_identity(each.path) for each in found}
    return any(_identity(each.path) in misplaced for each in files)


def _alone(file: NamedFile, follow_links: bool, why: str) -> Checked:
    note(f"{file.path}: note: checked only by the rules that need no other file: {why}")
    try:
        data = file.read(follow_links=follow_links)
        if file.kind is FileKind.SETTINGS:
            parse_settings(data, str(file.path))
            return Checked()
        if file.kind is FileKind.CONFIG:
            return Checked.of(Subjects(TarmakConfig.parse(data, str(file.path))))
        return Checked.of(Subjects(mappings=Mappings.parse(data, str(file.path))))
    except TarmakIamError as error:
        return _failed(error)


def _failed(error: TarmakIamError) -> Checked:
    print_cluster_error(error)
    return Checked(errors=(error,))


def _report(checked: Checked) -> CheckReport:
    results = [_result(each) for each in checked.findings] + [_result(each, each.reason) for each in checked.suppressed]
    return CheckReport(tuple(results), _rule_descriptions, checked.errors, checked.line)


def _result(located: Located, suppression: str | None = None) -> FindingResult:
    steps = located.finding.route.plain
    keys = tuple(step for step in steps if isinstance(step, str))
    more = {
        "path": [_short_step(step) for step in steps],
        "cluster": None if located.cluster is None else shortened(located.cluster),
    }
    return FindingResult(located.finding, located.place, (located.cluster or "", *keys), suppression, more)


def _short_step(step: str | int) -> str | int:
    """A key may be very long, and does not help to find the place then."""
    return shortened(step) if isinstance(step, str) else step


def _rule_descriptions() -> tuple[RuleDescription, ...]:
    from tarmak_iam.lint.rule_docs import page_of

    pages = [(each, page_of(each.id)) for each in sorted(all_rules(), key=lambda rule: rule.id)]
    return tuple(
        RuleDescription(each.id, each.severity, each.summary, page, f"docs/rules/{each.id}.md" if page else "")
        for each, page in pages
    )
