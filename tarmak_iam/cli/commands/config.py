"""config get, set, unset, append, patch: any key of tarmak.yaml."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.all_clusters import note_skipped, selectable_clusters
from tarmak_iam.cli.completion import files, key_paths, key_paths_or_values, list_paths
from tarmak_iam.cli.console import log, note, print_json, print_payload
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.file_edits import edits_tarmak_yaml, note_other_readings
from tarmak_iam.cli.options import all_clusters_edit_option, dry_run_option, format_option, with_options
from tarmak_iam.cli.parsing import CommandGroup, cluster_suggested, unexpected_argument
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.value_arguments import ACCEPTS_DASHES, refuse_options
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.key_paths import KeyPath, KeyStep
from tarmak_iam.config.key_values import UNSET, effective_value, written_value
from tarmak_iam.config.patches import RefusedItems
from tarmak_iam.config.path_lookup import APPEND_ONE, CLUSTER, FoundKey, NoSuchItem, look_up
from tarmak_iam.config.tarmak_types import Field, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.anchors import IN_PYTHON
from tarmak_iam.document.files import read_file
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.render import Layout, block_lines, flow_text, scalar_text
from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.errors import ConfigError, SelectionError, TarmakIamError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.text import escaped, quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.edits import ConfigEdits


@click.group(
    name="config",
    cls=CommandGroup,
    aliases={"show": "get", "add": "append", "remove": "unset", "delete": "unset", "rm": "unset", "merge": "patch"},
    epilog="\b\nExamples:\n"
    "  tarmak-iam config get kubernetes.version\n"
    "  tarmak-iam config set 'instancePools[worker].maxCount' 9\n"
    "  tarmak-iam config get '/environments[dev].location'",
)
def config() -> None:
    """Get and edit any key of tarmak.yaml. Comments and layout stay as they are.

    A path begins at the cluster: kubernetes.version. With a leading / it begins at the root of the file:
    /currentCluster. An item of a list is chosen by its name, by one of its keys, or by its index:
    instancePools[worker], instancePools[type=worker], instancePools[0], instancePools[-1]. Put a key that contains
    dots in quotes.
    """


_root_option = click.option("--root", is_flag=True, help="Begin all paths at the root of the file, with or without /.")

_EDIT_OPTIONS = (
    _root_option,
    all_clusters_edit_option,
    click.option("--force", is_flag=True, help="Also write keys that only a fork of Tarmak knows."),
    click.option(
        "--through-alias",
        is_flag=True,
        help="Change a value that is shared through an alias or a merge key (<<) at its anchor, and so every use.",
    ),
    dry_run_option,
)


@dataclass(frozen=True, slots=True)
class _EditOptions:
    root: bool
    all_clusters: bool
    force: bool
    through_alias: bool
    dry_run: bool


def _edit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return with_options(command, _EDIT_OPTIONS)


@config.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam config get 'instancePools[worker].maxCount'\n"
    "  tarmak-iam config get --effective kubernetes.podCIDR\n"
    "  tarmak-iam config get . -o json"
)
@click.argument("path", metavar="PATH", shell_complete=key_paths)
@_root_option
@click.option(
    "--effective",
    is_flag=True,
    help="Print what Tarmak uses: its default for a key that is not set, if known.",
)
@format_option("text", "json", "yaml")
@pass_session
def get(session: Session, path: str, root: bool, effective: bool, output: str) -> None:
    """Print the value of a key as it is written in tarmak.yaml. `.` is the whole cluster, `/` the whole file.

    Exits with 1 if the key is not set. -v also prints the line of the value.
    """
    with cluster_suggested(path, "PATH"):
        parsed = KeyPath.parse(path, root=root)
    before = session.config()
    base = Route() if parsed.is_absolute else session.cluster(before).route
    with cluster_suggested(path, "PATH"):
        found = look_up(before.document, base, parsed)
    written = written_value(before.document, found)
    value = effective_value(before.file, found) if effective else written
    if value is UNSET:
        note(f"{before.document.filename}: {parsed} is not set{_default(before, found, effective=effective)}")
        click.get_current_context().exit(ExitCode.FINDINGS)
    where = "Tarmak's default" if written is UNSET else before.document.position(found.route)
    log("%s: %s (%s)", parsed, _short(value), where)
    _print_value(value, output)


def _default(before: TarmakConfig, found: Any, *, effective: bool) -> str:
    if effective:
        return ", and Tarmak's default is not known"
    default = effective_value(before.file, found)
    if default is UNSET:
        return ""
    return f"; Tarmak uses {_short(default)} (--effective)"


def _short(value: Any) -> str:
    return shortened(flow_text(value, Layout()))


def _print_value(value: Any, output: str) -> None:
    if output == "json":
        print_json(value)
    elif isinstance(value, (dict, list)) and value:
        layout = Layout(step=2, dash=0, item=2, quote="double")
        print_payload("".join(f"{line}\n" for line in block_lines(value, layout)))
    elif isinstance(value, str) and output == "text":
        print_payload(f"{escaped(value)}\n")
    else:
        print_payload(f"{flow_text(value, Layout()) if isinstance(value, (dict, list)) else scalar_text(value)}\n")


@config.command(
    name="set",
    context_settings=ACCEPTS_DASHES,
    epilog="\b\nExamples:\n"
    "  tarmak-iam config set kubernetes.version 1.14.10\n"
    "  tarmak-iam config set environment dev metadata.name blue\n"
    "  tarmak-iam config set kubernetes.apiServer.allowCIDRs '[192.0.2.0/24]'\n"
    "  tarmak-iam config set kubernetes.version 1.14.10 --all-clusters\n"
    "  tarmak-iam config set kubernetes.version 1.14.10 --if 1.14.9",
)
@click.argument(
    "pairs",
    nargs=-1,
    required=True,
    metavar="PATH VALUE [PATH VALUE]...",
    shell_complete=key_paths_or_values,
    callback=refuse_options,
)
@click.option("--if", "expected", metavar="VALUE", help="Only if the key has that value; else exit with 1.")
@click.option("--if-unset", "if_unset", is_flag=True, help="Only if the key is not set; else exit with 1.")
@_edit_options
@pass_session
@edits_tarmak_yaml
def set_(session: Session, pairs: tuple[str, ...], expected: str | None, if_unset: bool, **options: bool) -> None:
    """Set keys of tarmak.yaml. Missing parents are created.

    A VALUE is read by the type of its key: a string as it is, a list or mapping in YAML or JSON. If Tarmak would reject
    or ignore the result, nothing is written. Several keys are set and validated together.
    """
    if len(pairs) % 2:
        KeyPath.parse(pairs[-1])  # which says what to write instead of KEY=VALUE
        raise click.UsageError(
            unexpected_argument(click.get_current_context(), pairs[:1]) or f"no value given for {pairs[-1]}"
        )
    if (expected is not None or if_unset) and len(pairs) > 2:
        raise click.UsageError(f"--if{'-unset' if if_unset else ''} requires a single PATH VALUE")
    if expected is not None and if_unset:
        raise click.UsageError("--if and --if-unset exclude each other")
    edit = _KeysEdit.of(session, _EditOptions(**options), pairs[::2])
    typed = list(zip(edit.paths, pairs[1::2], strict=True))
    if expected is not None or if_unset:
        edit.check_present(expected, pairs[1])

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path, text in typed:
            edits = edits.set_text(path, text) if edit.is_of(path, edits.cluster) else edits
        return edits

    has = "already has this value" if len(typed) == 1 else "already have these values"
    after = edit.finish(build, f"{' and '.join(map(str, edit.paths))} {has}")
    for route in edit.routes(after):
        note_other_readings(after.document, route)


@config.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam config unset kubernetes.apiServer.oidc\n"
    "  tarmak-iam config unset 'kubernetes.apiServer.allowCIDRs[0.0.0.0/0]'"
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=key_paths)
@_edit_options
@pass_session
@edits_tarmak_yaml
def unset(session: Session, paths: tuple[str, ...], **options: bool) -> None:
    """Remove keys, or items of lists, with the comments that are about them. Parents that become empty are removed too,
    except items of lists.

    What is not there is removed already; a key that Tarmak does not know is taken for a slip then, except with --force.
    """
    edit = _KeysEdit.of(session, _EditOptions(**options), paths, skips_missing=True)
    present = {path: edit.bases_with(path) for path in edit.paths}

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path in edit.paths:
            base = edits.cluster.route if edits.cluster is not None else Route()
            is_elsewhere = not path.is_absolute and bool(present[path]) and base not in present[path]
            if edit.is_of(path, edits.cluster) and not is_elsewhere:  # a key of another cluster is no slip
                edits = edits.unset(path)
        return edits

    edit.finish(build, "; ".join(dict.fromkeys(edit.missing())))


@config.command(
    context_settings=ACCEPTS_DASHES,
    epilog="\b\nExamples:\n"
    "  tarmak-iam config append kubernetes.apiServer.allowCIDRs 192.0.2.0/24\n"
    "  tarmak-iam config append 'instancePools[worker].labels' \\\n      '{key: team, value: blue}'",
)
@click.argument("path", metavar="PATH", shell_complete=list_paths, callback=refuse_options)
@click.argument("values", nargs=-1, required=True, metavar="VALUE...", callback=refuse_options)
@_edit_options
@pass_session
@edits_tarmak_yaml
def append(session: Session, path: str, values: tuple[str, ...], **options: bool) -> None:
    """Add items to the end of a list, in the style of its other items. The list is created if it is missing.

    An item that is in the list already is not added again.
    """
    edit = _KeysEdit.of(session, _EditOptions(**options), (path,))

    def build(edits: ConfigEdits) -> ConfigEdits:
        for text in values:
            edits = edits.append_text(edit.paths[0], text)
        return edits

    edit.finish(build, f"{edit.paths[0]} already has {'this item' if len(values) == 1 else 'these items'}")


@config.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam config patch changes.yaml --dry-run\n"
    "  echo 'kubernetes: {version: 1.14.10}' | tarmak-iam config patch -"
)
@click.argument("file", metavar="FILE", shell_complete=files)
@_edit_options
@pass_session
def patch(session: Session, /, file: str, **options: bool) -> None:
    """Merge a YAML or JSON mapping from FILE into the cluster, or with --root into the whole file. Use - for FILE to
    read from stdin.

    Mappings are merged; null removes a key; items of lists are found by their names, and added if there is none; every
    other value replaces the old one.
    """
    with cluster_suggested(file, "FILE"):
        given = _read_patch(file)  # before the lock: stdin may take its time
    _patch(session, given, **options)


@edits_tarmak_yaml
def _patch(session: Session, given: Document, **options: bool) -> None:
    chosen = _EditOptions(**options)
    field = root_field() if chosen.root else Field("struct", struct="Cluster")
    from tarmak_iam.config.edit_checks import check_patch

    assert given.root is not None  # a mapping
    with _errors_for_the_command_line(given.filename):
        decode_value(given, given.root, field, Route())
        check_patch(given, field, () if chosen.root else CLUSTER, force=chosen.force)
    whole = "/" if chosen.root else "."
    edit = _KeysEdit.of(session, chosen, (whole,), skips_hubs="kubernetes" in given.shared_data)
    edit.finish(lambda edits: edits.patch(given.data, edit.paths[0]), f"it already has all values of {given.filename}")


def _read_patch(file: str) -> Document:
    if file == "-":
        document = Document.parse(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    else:
        document = Document.parse(read_file(Path(file)), file)
    if not isinstance(document.root, Mapping):
        remedy = "write keys and their values, as in kubernetes: {version: 1.14.10}"
        raise ConfigError("the patch is not a mapping", remedy=remedy, place=document.position(()))
    if document.next_document is not None:
        raise ConfigError(
            "the patch has a second document", remedy="use one patch at a time", place=document.next_document
        )
    return document


@dataclass(frozen=True, slots=True)
class _KeysEdit:
    """An edit of the chosen clusters; none are chosen if all paths are absolute."""

    before: TarmakConfig
    clusters: tuple[Cluster, ...]
    paths: tuple[KeyPath, ...]
    options: _EditOptions

    @classmethod
    def of(
        cls,
        session: Session,
        options: _EditOptions,
        texts: Sequence[str],
        *,
        skips_missing: bool = False,
        skips_hubs: bool = False,
    ) -> _KeysEdit:
        """Raises TarmakIamError."""
        with cluster_suggested(texts[0], "PATH"):
            paths = tuple(KeyPath.parse(text, root=options.root) for text in texts)
        before = session.config()
        if all(path.is_absolute for path in paths):
            if options.all_clusters:
                raise click.UsageError("--all-clusters requires a path that begins at a cluster")
            return cls(before, (), paths, options)
        if not options.all_clusters:
            return cls(before, (session.cluster(before),), paths, options)
        relative = [path for path in paths if not path.is_absolute]
        skips_hubs = skips_hubs or any(_is_of_kubernetes(path) for path in relative)
        clusters = _clusters_with(before, relative, skips_missing=skips_missing, skips_hubs=skips_hubs)
        if not clusters:
            raise SelectionError("no cluster with masters found", place=before.document.position(("clusters",)))
        return cls(before, clusters, paths, options)

    def finish(self, build: Callable[[ConfigEdits], ConfigEdits], unchanged: str) -> TarmakConfig:
        """Makes the edits on each cluster, together, and writes the result."""
        from tarmak_iam.cli.config_edits import finish_config_edit

        with _errors_for_the_command_line(str(self.paths[0].text)):
            after, clusters = self._applied(build, self.clusters)
        finish_config_edit(self.before, after, clusters=clusters, unchanged=unchanged, dry_run=self.options.dry_run)
        return after

    def _applied(
        self, build: Callable[[ConfigEdits], ConfigEdits], clusters: tuple[Cluster, ...]
    ) -> tuple[TarmakConfig, tuple[Cluster, ...]]:
        """The edited configuration, and the clusters that were edited: a patch of items that other clusters have skips
        those that do not have them, unless it is enough for a new item."""
        edits = self.before.edit(force=self.options.force, through_alias=self.options.through_alias)
        for cluster in clusters or (None,):
            edits = build(edits.on(cluster))
        try:
            return edits.apply(), clusters
        except RefusedItems as error:
            skipped = {each: item for each in clusters for item in error.items if each.route.leads_to(item.route)}
            left = tuple(each for each in clusters if each not in skipped)
            if not left or any(error.count(item) >= len(clusters) for item in error.items):
                raise
            for each, item in skipped.items():
                reason = f"{shortened(each.cluster_name)}: {item.where} has no item {quoted(item.name)}"
                note_skipped(self.before, each, reason)
        return self._applied(build, left)

    def is_of(self, path: KeyPath, cluster: Cluster | None) -> bool:
        """Whether an edit of the path is to be made with those of a cluster: that of an absolute path is made once."""
        return not path.is_absolute or cluster is None or cluster is self.clusters[-1]

    def bases_with(self, path: KeyPath) -> list[Route]:
        """The bases below which the path is in the file."""
        found = []
        for base in self._bases:
            with suppress(SelectionError):
                if look_up(self.before.document, base, path, unknown=True).node is not None:
                    found.append(base)
        return found

    def check_present(self, expected: str | None, wanted: str) -> None:
        """Exits with 1 if the key of the first path has another value than the expected one, and than the wanted one:
        then it is set already."""
        for base in self._bases:
            found, accepted = self._accepted(base, expected, wanted)
            value = written_value(self.before.document, found)
            if any(same(value, each) for each in accepted) or (value is UNSET and expected is None):
                continue
            present = "is not set" if value is UNSET else f"is {_short(value)}"
            what = "" if expected is None else f", not {_short(accepted[0])}"
            place = self.before.document.position(found.route)
            note(f"{place}: {self.paths[0]} {present}{what}; nothing was written")
            click.get_current_context().exit(ExitCode.FINDINGS)

    def _accepted(self, base: Route, expected: str | None, wanted: str) -> tuple[FoundKey, list[Any]]:
        """The key of the first path, and the values that it may have before the edit. Raises TarmakIamError."""
        from tarmak_iam.config.edit_checks import FORK
        from tarmak_iam.config.edits import typed_text

        with _errors_for_the_command_line(str(self.paths[0].text)):
            found = look_up(self.before.document, base, self.paths[0], unknown=self.options.force, advice=FORK)
            accepted = []
            for text, what in ((expected, "the value of --if: "), (wanted, "")):
                try:
                    accepted += [] if text is None else [typed_text(found, text)]
                except ConfigError as error:
                    remedy = error.remedy
                    if what and text == "":
                        remedy = "for a key that is not set, use --if-unset"
                    place = self.before.document.position(found.route)
                    raise ConfigError(f"{what}{error.what}", remedy=remedy, place=place) from None
            return found, accepted

    def routes(self, after: TarmakConfig) -> Iterator[Route]:
        """The routes of the paths after the edit, except of items that have another name then."""
        for base in self._bases:
            for path in self.paths:
                with suppress(SelectionError):
                    yield look_up(after.document, base, path, unknown=True).route

    def missing(self) -> Iterator[str]:
        """For each path why nothing is there, if that is so."""
        for base in self._bases:
            for path in self.paths:
                try:
                    look_up(self.before.document, base, path, unknown=True)
                except NoSuchItem as error:
                    yield error.what if error.remedy == APPEND_ONE else error.message
                except SelectionError:
                    continue  # reported by the edit itself
                else:
                    yield f"{path} is not set"

    @property
    def _bases(self) -> list[Route]:
        return [cluster.route for cluster in self.clusters] or [Route()]


def _clusters_with(
    before: TarmakConfig, paths: Sequence[KeyPath], *, skips_missing: bool, skips_hubs: bool
) -> tuple[Cluster, ...]:
    """The clusters that have every item of a list that the paths name; a note is printed for each of the others.
    `skips_missing`: an item at the end of a path need not be there. Raises NoSuchItem if no cluster has them."""
    chosen: list[Cluster] = []
    skipped: list[tuple[Cluster, str]] = []
    errors: list[NoSuchItem] = []
    for cluster in selectable_clusters(before):
        name = shortened(cluster.cluster_name)
        if cluster.is_hub and skips_hubs:
            skipped.append((cluster, f"{name} is a hub: it has no masters"))
            continue
        try:
            _check_items(before, cluster, paths, skips_missing=skips_missing)
        except NoSuchItem as missing:
            errors.append(missing)
            skipped.append((cluster, f"{name}: {missing.what}"))
        else:
            chosen.append(cluster)
    if not chosen and errors:
        raise next((each for each in errors if each.remedy.startswith("did you mean")), errors[0])
    for cluster, reason in skipped:
        note_skipped(before, cluster, reason)
    return tuple(chosen)


def _check_items(before: TarmakConfig, cluster: Cluster, paths: Sequence[KeyPath], *, skips_missing: bool) -> None:
    for path in paths:
        try:
            look_up(before.document, cluster.route, path, unknown=True)
        except NoSuchItem as missing:
            if not (skips_missing and missing.is_last):
                raise


def _is_of_kubernetes(path: KeyPath) -> bool:
    first = path.steps[0] if path.steps else None
    return isinstance(first, KeyStep) and first.name == "kubernetes"


@contextmanager
def _errors_for_the_command_line(word: str) -> Iterator[None]:
    try:
        with cluster_suggested(word, "PATH"):
            yield
    except TarmakIamError as error:
        error.remedy = error.remedy.replace(IN_PYTHON, "(--through-alias)").replace(" (in Python: force=True)", "")
        raise
