"""config get, set, unset, append, patch: any key of tarmak.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.all_clusters import clusters_of, note_skipped
from tarmak_iam.cli.completion import files, key_paths, key_paths_or_values, list_paths
from tarmak_iam.cli.console import ExitCode, log, note, print_json, print_payload
from tarmak_iam.cli.edits import edits_tarmak_yaml, finish_config_edit, read_given
from tarmak_iam.cli.options import format_option, key_edit_options, option, root_option
from tarmak_iam.cli.parsing import CommandGroup, CommandOfValues
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster
from tarmak_iam.config.config import edit_clusters
from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.path_lookup import (
    APPEND_ONE,
    CLUSTER,
    UNSET,
    KeyPath,
    KeyStep,
    NoSuchItem,
    look_up,
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
    from tarmak_iam.config import ConfigEdits


@click.group(name="config", cls=CommandGroup)
def config() -> None:
    """See its page in the folder `help`."""


@config.command()
@click.argument("path", metavar="PATH", shell_complete=key_paths)
@root_option
@option("--effective")
@format_option("text", "json", "yaml")
@pass_session
def get(session: Session, path: str, root: bool, effective: bool, output: str) -> None:
    parsed = KeyPath.parse(path, root=root)
    before = session.config()
    base = Route() if parsed.is_absolute else session.cluster(before).route
    key = look_up(before.document, base, parsed)
    written = written_value(before.document, key)
    value = before.effective_value(key) if effective else written
    if value is UNSET:
        default = UNSET if effective else before.effective_value(key)
        why = ", and Tarmak's default is not known" if effective else ""
        if default is not UNSET:
            why = f"; Tarmak uses {_short_value(default)} (--effective)"
        note(f"{before.document.filename}: {parsed} is not set{why}")
        click.get_current_context().exit(ExitCode.FINDINGS)
    where = "Tarmak's default" if written is UNSET else before.document.position(key.route)
    log("%s: %s (%s)", parsed, _short_value(value), where)
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


class _KeysEdit:
    """An edit of keys with the options of `key_edit_options`, in the chosen clusters: none if all paths are absolute.
    `skips_missing`: an item of a list at the end of a path need not be there. Raises TarmakIamError."""

    def __init__(
        self,
        session: Session,
        options: dict[str, bool],
        texts: Sequence[str],
        *,
        skips_missing: bool = False,
        skips_hubs: bool = False,
    ) -> None:
        self.paths = tuple(KeyPath.parse(text, root=options["root"]) for text in texts)
        self.before, self.options, self.clusters = session.config(), options, list[Cluster]()
        relative = [path for path in self.paths if not path.is_absolute]
        if not options["all_clusters"]:
            self.clusters += [session.cluster(self.before)] if relative else []
            return
        if not relative:
            raise click.UsageError("--all-clusters requires a path that begins at a cluster")
        firsts = (path.steps[0] for path in relative if path.steps)
        skips_hubs = skips_hubs or any(isinstance(step, KeyStep) and step.name == "kubernetes" for step in firsts)
        lacking = list[tuple[Cluster, NoSuchItem]]()
        for cluster in clusters_of(self.before, session.environment, with_hubs=not skips_hubs):
            try:
                for path in relative:
                    look_up(self.before.document, cluster.route, path, unknown=True)
            except NoSuchItem as missing:
                if not (skips_missing and missing.is_last):
                    lacking.append((cluster, missing))
                    continue
            self.clusters.append(cluster)
        if not self.clusters:
            errors = [error for _, error in lacking]
            raise next((error for error in errors if error.remedy.startswith("did you mean")), errors[0])
        for cluster, error in lacking:
            note_skipped(self.before, cluster, f"{shortened(cluster.cluster_name)}: {error.what}")

    @property
    def bases(self) -> list[Route]:
        return [cluster.route for cluster in self.clusters] or [Route()]

    def is_of(self, path: KeyPath, cluster: Cluster | None) -> bool:
        """Whether an edit of the path is to be made with those of a cluster: that of an absolute path is made once."""
        return not path.is_absolute or cluster is None or cluster is self.clusters[-1]

    def finish(self, build: Callable[[ConfigEdits], ConfigEdits], unchanged: str) -> None:
        """Makes the edits on each cluster, together, and writes the result. A patch of items that other clusters have
        skips those that do not have them, unless it is enough for a new item."""
        with errors_for_the_command_line():
            edits = self.before.edit(force=self.options["force"], through_alias=self.options["through_alias"])
            after, clusters, skipped = edit_clusters(edits, self.clusters, build)
        for cluster, reason in skipped:
            note_skipped(self.before, cluster, reason)
        dry_run = self.options["dry_run"]
        finish_config_edit(self.before, after, clusters=clusters, unchanged=unchanged, dry_run=dry_run)


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
            edits = edits.set_text(path, text) if edit.is_of(path, edits.cluster) else edits
        return edits

    has = "already has this value" if len(typed) == 1 else "already have these values"
    edit.finish(build, f"{' and '.join(map(str, edit.paths))} {has}")


def _check_present(edit: _KeysEdit, expected: str | None, wanted: str) -> None:
    """Exits with 1 if the key of the first path has neither the expected value nor the wanted one."""
    from tarmak_iam.config.edit_checks import FORK
    from tarmak_iam.config.edits import typed_text

    document, path = edit.before.document, edit.paths[0]
    for base in edit.bases:
        with errors_for_the_command_line():
            key = look_up(document, base, path, unknown=edit.options["force"], advice=FORK)
            place = document.position(key.route)
            accepted = []
            for text, where in (() if expected is None else ((expected, "the value of --if: "),)) + ((wanted, ""),):
                try:
                    accepted.append(typed_text(key, text))
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


@config.command()
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
                missing.append(error.what if error.remedy == APPEND_ONE else error.message)
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
            edits = edits.append_text(edit.paths[0], text)
        return edits

    edit.finish(build, f"{edit.paths[0]} already has {'this item' if len(values) == 1 else 'these items'}")


@config.command()
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

    is_whole_file = options["root"]
    field = root_field() if is_whole_file else Field("struct", struct="Cluster")
    with errors_for_the_command_line():
        decode_value(given, mapping, field, Route())
        check_patch(given, field, () if is_whole_file else CLUSTER, force=options["force"])
    edit = _KeysEdit(session, options, ("/" if is_whole_file else ".",), skips_hubs="kubernetes" in given.shared_data)
    edit.finish(lambda edits: edits.patch(given.data, edit.paths[0]), f"it already has all values of {given.filename}")
