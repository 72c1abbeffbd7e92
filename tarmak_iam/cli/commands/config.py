"""config get, set, unset, append, patch: any key of tarmak.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.all_clusters import clusters_of, note_skipped
from tarmak_iam.cli.completion import files, key_paths, key_paths_or_values, list_paths
from tarmak_iam.cli.console import ExitCode, log, note, print_json, print_payload, print_rows
from tarmak_iam.cli.edits import edits_tarmak_yaml, finish_config_edit, read_given
from tarmak_iam.cli.options import all_clusters_option, format_option, key_edit_options, option, root_option
from tarmak_iam.cli.parsing import CommandGroup, CommandOfValues
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster
from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.key_paths import EachStep, KeyPath, KeyStep, joined
from tarmak_iam.config.path_lookup import (
    CLUSTER,
    UNSET,
    FoundKey,
    NoSuchItem,
    from_home,
    look_up,
    look_up_each,
    written_value,
)
from tarmak_iam.config.tarmak_types import Field, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.render import Layout, block_lines, flow_text, scalar_text
from tarmak_iam.document.shared import IN_PYTHON
from tarmak_iam.errors import ConfigError, SelectionError, TarmakIamError
from tarmak_iam.routes import Route
from tarmak_iam.text import escaped, shortened

if TYPE_CHECKING:
    from tarmak_iam.config import ConfigEdits, TarmakConfig


@click.group(name="config", cls=CommandGroup)
def config() -> None:
    """See its page in the folder `help`."""


@config.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=key_paths)
@root_option
@all_clusters_option
@option("--effective")
@format_option("text", "json", "yaml")
@pass_session
def get(session: Session, paths: tuple[str, ...], root: bool, all_clusters: bool, effective: bool, output: str) -> None:
    config, parsed = session.config(), [KeyPath.parse(path, root=root) for path in paths]
    clusters: Sequence[Cluster | None] = _clusters_with(session, config, parsed, all_clusters=all_clusters) or (None,)
    rows: list[tuple[str, str, Any]] = []
    for cluster in clusters:
        name, base = (cluster.cluster_name, cluster.route) if cluster else ("", Route())
        keys = [key for path in parsed for key in look_up_each(config.document, base, path)]
        whose = f"{shortened(name)}: " if all_clusters else ""
        rows += [(name, str(key.path), _value(config, key, whose, effective=effective)) for key in keys]
    is_complete = all(value is not UNSET for _, _, value in rows)
    if not all_clusters and len(parsed) == 1 and EachStep() not in parsed[0].steps:
        if is_complete:
            _print_value(rows[0][2], output)
    elif output == "text":
        cells = [(name, path, "-" if value is UNSET else flow_text(value, Layout())) for name, path, value in rows]
        print_rows(("CLUSTER", "PATH", "VALUE")[not all_clusters :], [row[not all_clusters :] for row in cells])
    else:
        values: dict[str, dict[str, Any]] = {name: {} for name, _, _ in rows}
        for name, path, value in rows:
            values[name][path] = None if value is UNSET else value
        by_cluster = [{"cluster": name, "values": found} for name, found in values.items()]
        _print_value(by_cluster if all_clusters else by_cluster[0]["values"], output)
    click.get_current_context().exit(ExitCode.OK if is_complete else ExitCode.FINDINGS)


def _value(config: TarmakConfig, key: FoundKey, whose: str, *, effective: bool) -> Any:
    """The value of a key. UNSET if it has none, which is noted."""
    written = written_value(config.document, key)
    value = config.effective_value(key) if effective else written
    if value is UNSET:
        default = UNSET if effective else config.effective_value(key)
        why = ", and Tarmak's default is not known" if effective else ""
        if default is not UNSET:
            why = f"; Tarmak uses {_short_value(default)} (--effective)"
        note(f"{config.document.filename}: {whose}{key.path} is not set{why}")
    else:
        where = "Tarmak's default" if written is UNSET else config.document.position(key.route)
        log("%s: %s (%s)", key.path, _short_value(value), where)
    return value


def _print_value(value: Any, output: str) -> None:
    if output == "json":
        print_json(value)
    elif isinstance(value, (dict, list)):
        lines = block_lines(value, Layout()) if value else [flow_text(value, Layout())]
        print_payload("".join(f"{line}\n" for line in lines))
    else:
        print_payload(f"{escaped(value) if isinstance(value, str) and output == 'text' else scalar_text(value)}\n")


def _short_value(value: Any) -> str:
    """In one line, for messages."""
    return shortened(flow_text(value, Layout()))


def _clusters_with(
    session: Session,
    config: TarmakConfig,
    paths: Iterable[KeyPath],
    *,
    all_clusters: bool,
    skips_missing: bool = False,
) -> list[Cluster]:
    """The chosen clusters that have the items of lists that the paths name; none if all paths are absolute. The other
    clusters are noted. `skips_missing`: an item at the end of a path need not be there. Raises TarmakIamError."""
    relative = [path for path in paths if not path.is_absolute]
    if not all_clusters:
        return [session.cluster(config)] if relative else []
    if not relative:
        raise click.UsageError("--all-clusters requires a path that begins at a cluster")
    homes = [joined(from_home(config.document, Route(), path).steps) for path in relative]
    skips_hubs = any(re.match(r'"?kubernetes\b', home) for home in homes)
    clusters, lacking = list[Cluster](), list[tuple[Cluster, NoSuchItem]]()
    for cluster in clusters_of(config, session.environment, with_hubs=not skips_hubs):
        try:
            for path in relative:
                look_up_each(config.document, cluster.route, path, unknown=True)
        except NoSuchItem as missing:
            if not (skips_missing and missing.is_last):
                lacking.append((cluster, missing))
                continue
        clusters.append(cluster)
    if not clusters:
        errors = [error for _, error in lacking]
        raise next((error for error in errors if error.meant), errors[0])
    for cluster, error in lacking:
        note_skipped(config, cluster, f"{shortened(cluster.cluster_name)}: {error.what}")
    return clusters


class _KeysEdit:
    """An edit of keys with the options of `key_edit_options`, in the chosen clusters that have the `items`. Raises as
    `_clusters_with`."""

    def __init__(
        self,
        session: Session,
        options: dict[str, bool],
        texts: Sequence[str],
        items: Sequence[KeyPath] = (),
        **skips: bool,
    ) -> None:
        self.paths = tuple(KeyPath.parse(text, root=options["root"]) for text in texts)
        self.before, self.options, paths = session.config(), options, [*self.paths, *items]
        self.clusters = _clusters_with(session, self.before, paths, all_clusters=options["all_clusters"], **skips)

    @property
    def bases(self) -> list[Route]:
        return [cluster.route for cluster in self.clusters] or [Route()]

    def is_of(self, path: KeyPath, cluster: Cluster | None) -> bool:
        """Whether an edit of the path is to be made with those of a cluster: that of an absolute path is made once."""
        return not path.is_absolute or cluster is None or cluster is self.clusters[-1]

    def finish(self, build: Callable[[ConfigEdits], ConfigEdits], unchanged: str) -> None:
        """Makes the edits on each cluster, together, and writes the result."""
        with errors_for_the_command_line():
            edits = self.before.edit(force=self.options["force"], through_alias=self.options["through_alias"])
            for cluster in self.clusters or (None,):
                edits = build(edits.on(cluster))
            after = edits.apply()
        dry_run = self.options["dry_run"]
        finish_config_edit(self.before, after, clusters=self.clusters, unchanged=unchanged, dry_run=dry_run)


@contextmanager
def errors_for_the_command_line() -> Iterator[None]:
    """Remedies name options, not parameters of Python."""
    try:
        yield
    except TarmakIamError as error:
        error.remedy = error.remedy.replace(IN_PYTHON, "(--through-alias)").replace(" (in Python: force=True)", "")
        raise


@config.command(name="set", cls=CommandOfValues)
@click.argument(
    "pairs", nargs=-1, required=True, metavar="PATH VALUE [PATH VALUE]...", shell_complete=key_paths_or_values
)
@option("--if VALUE", "expected")
@option("--if-unset", "if_unset")
@key_edit_options
@pass_session
@edits_tarmak_yaml
def set_(session: Session, pairs: tuple[str, ...], expected: str | None, if_unset: bool, **options: bool) -> None:
    if len(pairs) % 2:
        KeyPath.parse(pairs[-1])  # which says what to write instead of KEY=VALUE
        raise click.UsageError(f"no value given for {pairs[-1]}")
    if (expected is not None or if_unset) and len(pairs) > 2:
        raise click.UsageError(f"--if{'-unset' if if_unset else ''} requires a single PATH VALUE")
    if expected is not None and if_unset:
        raise click.UsageError("--if and --if-unset exclude each other")
    edit = _KeysEdit(session, options, pairs[::2])
    typed = list(zip(edit.paths, pairs[1::2], strict=True))
    if expected is not None or if_unset:
        _check_present(edit, expected, pairs[1])

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path, text in typed:
            edits = edits.set(path, text, is_text=True) if edit.is_of(path, edits.cluster) else edits
        return edits

    has = "already has this value" if len(typed) == 1 else "already have these values"
    edit.finish(build, f"{' and '.join(map(str, edit.paths))} {has}")


def _check_present(edit: _KeysEdit, expected: str | None, wanted: str) -> None:
    """Exits with 1 if the key of the first path has neither the expected value nor the wanted one."""
    from tarmak_iam.config.edit_checks import FORK
    from tarmak_iam.config.edits import checked_for

    document, path = edit.before.document, edit.paths[0]
    for base in edit.bases:
        with errors_for_the_command_line():
            key = look_up(document, base, path, unknown=edit.options["force"], advice=FORK)
            place = document.position(key.route)
            accepted = []
            for text, where in (() if expected is None else ((expected, "the value of --if: "),)) + ((wanted, ""),):
                try:
                    accepted.append(checked_for(key, text, is_text=True))
                except ConfigError as error:
                    remedy = "for a key that is not set, use --if-unset" if where and not text else error.remedy
                    raise ConfigError(f"{where}{error.what}", remedy=remedy, place=place) from None
        value = written_value(document, key)
        if any(same(value, other) for other in accepted) or (value is UNSET and expected is None):
            continue
        present = "is not set" if value is UNSET else f"is {_short_value(value)}"
        what = "" if expected is None else f", not {_short_value(accepted[0])}"
        note(f"{place}: {path} {present}{what}; nothing was written")
        click.get_current_context().exit(ExitCode.FINDINGS)


@config.command(short_help="Remove keys, or items of lists, with their comments.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=key_paths)
@key_edit_options
@pass_session
@edits_tarmak_yaml
def unset(session: Session, paths: tuple[str, ...], **options: bool) -> None:
    edit = _KeysEdit(session, options, paths, skips_missing=True)
    present: dict[KeyPath, list[Route]] = {path: [] for path in edit.paths}
    missing = []  # for each path why nothing is there, if that is so
    for base in edit.bases:
        for path in edit.paths:
            try:
                node = look_up(edit.before.document, base, path, unknown=True).node
            except NoSuchItem as error:
                missing.append(error.message)
            except SelectionError:
                continue  # reported by the edit itself
            else:
                missing.append(f"{path} is not set")
                present[path] += [base] if node is not None else []

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path in edit.paths:
            base = edits.cluster.route if edits.cluster is not None else Route()
            is_elsewhere = bool(present[path]) and base not in present[path]
            if edit.is_of(path, edits.cluster) and not is_elsewhere:  # a key of another cluster is no slip
                edits = edits.unset(path)
        return edits

    edit.finish(build, "; ".join(dict.fromkeys(missing)))


@config.command(cls=CommandOfValues)
@click.argument("path", metavar="PATH", shell_complete=list_paths)
@click.argument("values", nargs=-1, required=True, metavar="VALUE...")
@key_edit_options
@pass_session
@edits_tarmak_yaml
def append(session: Session, path: str, values: tuple[str, ...], **options: bool) -> None:
    edit = _KeysEdit(session, options, (path,))

    def build(edits: ConfigEdits) -> ConfigEdits:
        for text in values:
            edits = edits.append(edit.paths[0], text, is_text=True)
        return edits

    edit.finish(build, f"{edit.paths[0]} already has {'this item' if len(values) == 1 else 'these items'}")


@config.command(short_help="Merge a YAML or JSON mapping into a cluster or the file.")
@click.argument("file", metavar="FILE", shell_complete=files)
@key_edit_options
@pass_session
def patch(session: Session, /, file: str, **options: bool) -> None:
    given = Document.parse(*read_given(file))  # before the lock: stdin may take its time
    if not isinstance(given.root, Mapping):
        remedy = "write keys and their values, as in kubernetes: {version: 1.14.10}"
        raise ConfigError("the patch is not a mapping", remedy=remedy, place=given.position(()))
    if (second := given.next_document) is not None:
        raise ConfigError("the patch has a second document", remedy="use one patch at a time", place=second)
    _patch(session, given, given.root, **options)


@edits_tarmak_yaml
def _patch(session: Session, given: Document, mapping: Mapping, **options: bool) -> None:
    from tarmak_iam.config.edit_checks import check_patch
    from tarmak_iam.config.edits import named_items

    is_whole_file = options["root"]
    field = root_field() if is_whole_file else Field("struct", struct="Cluster")
    with errors_for_the_command_line():
        decode_value(given, mapping, field, Route())
        check_patch(given, field, () if is_whole_file else CLUSTER, force=options["force"])
    items = [KeyPath("", (KeyStep(str(key)),)) for key in given.shared_data] if options["all_clusters"] else []
    for path in named_items(given.shared_data, field) if items else ():
        config = session.config()  # a cluster without an item that others have is skipped
        items += [path] if any(_has(config, cluster, path) for cluster in config.selectable_clusters) else []
    edit = _KeysEdit(session, options, ("/" if is_whole_file else ".",), items)
    edit.finish(lambda edits: edits.patch(given.data, edit.paths[0]), f"it already has all values of {given.filename}")


def _has(config: TarmakConfig, cluster: Cluster, path: KeyPath) -> bool:
    with suppress(SelectionError):
        return look_up(config.document, cluster.route, path).is_set
    return False
