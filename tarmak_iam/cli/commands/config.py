"""config get, set, unset, append, patch: any key of tarmak.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.completion import files, key_paths, key_paths_or_values, list_paths
from tarmak_iam.cli.console import log, note, print_json, print_payload
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.file_edits import edits_tarmak_yaml, read_given
from tarmak_iam.cli.keys_edit import (
    EditOptions,
    KeysEdit,
    edit_options,
    errors_for_the_command_line,
    root_option,
    short_value,
)
from tarmak_iam.cli.options import format_option
from tarmak_iam.cli.parsing import CommandGroup, cluster_suggested, unexpected_argument
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.value_arguments import ACCEPTS_DASHES, refuse_options
from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.decode import decode_value
from tarmak_iam.config.key_paths import KeyPath
from tarmak_iam.config.key_values import UNSET, effective_value, written_value
from tarmak_iam.config.path_lookup import CLUSTER, look_up
from tarmak_iam.config.tarmak_types import Field, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.document.render import Layout, block_lines, flow_text, scalar_text
from tarmak_iam.errors import ConfigError
from tarmak_iam.routes import Route
from tarmak_iam.text import escaped

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


@config.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam config get 'instancePools[worker].maxCount'\n"
    "  tarmak-iam config get --effective kubernetes.podCIDR\n"
    "  tarmak-iam config get . -o json"
)
@click.argument("path", metavar="PATH", shell_complete=key_paths)
@root_option
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
    log("%s: %s (%s)", parsed, short_value(value), where)
    _print_value(value, output)


def _default(before: TarmakConfig, found: Any, *, effective: bool) -> str:
    if effective:
        return ", and Tarmak's default is not known"
    default = effective_value(before.file, found)
    if default is UNSET:
        return ""
    return f"; Tarmak uses {short_value(default)} (--effective)"


def _print_value(value: Any, output: str) -> None:
    if output == "json":
        print_json(value)
    elif isinstance(value, (dict, list)) and value:
        layout = Layout()
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
@edit_options
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
    edit = KeysEdit.of(session, EditOptions(**options), pairs[::2])
    typed = list(zip(edit.paths, pairs[1::2], strict=True))
    if expected is not None or if_unset:
        edit.check_present(expected, pairs[1])

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path, text in typed:
            edits = edits.set_text(path, text) if edit.is_of(path, edits.cluster) else edits
        return edits

    has = "already has this value" if len(typed) == 1 else "already have these values"
    edit.finish(build, f"{' and '.join(map(str, edit.paths))} {has}")


@config.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam config unset kubernetes.apiServer.oidc\n"
    "  tarmak-iam config unset 'kubernetes.apiServer.allowCIDRs[0.0.0.0/0]'"
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=key_paths)
@edit_options
@pass_session
@edits_tarmak_yaml
def unset(session: Session, paths: tuple[str, ...], **options: bool) -> None:
    """Remove keys, or items of lists, with the comments that are about them. Parents that become empty are removed too,
    except items of lists.

    What is not there is removed already; a key that Tarmak does not know is taken for a slip then, except with --force.
    """
    edit = KeysEdit.of(session, EditOptions(**options), paths, skips_missing=True)
    present = {path: edit.bases_with(path) for path in edit.paths}

    def build(edits: ConfigEdits) -> ConfigEdits:
        for path in edit.paths:
            base = edits.cluster.route if edits.cluster is not None else Route()
            is_elsewhere = bool(present[path]) and base not in present[path]
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
@edit_options
@pass_session
@edits_tarmak_yaml
def append(session: Session, path: str, values: tuple[str, ...], **options: bool) -> None:
    """Add items to the end of a list, in the style of its other items. The list is created if it is missing.

    An item that is in the list already is not added again.
    """
    edit = KeysEdit.of(session, EditOptions(**options), (path,))

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
@edit_options
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
    chosen = EditOptions(**options)
    field = root_field() if chosen.root else Field("struct", struct="Cluster")
    from tarmak_iam.config.edit_checks import check_patch

    assert given.root is not None  # a mapping
    with errors_for_the_command_line(given.filename):
        decode_value(given, given.root, field, Route())
        check_patch(given, field, () if chosen.root else CLUSTER, force=chosen.force)
    whole = "/" if chosen.root else "."
    edit = KeysEdit.of(session, chosen, (whole,), skips_hubs="kubernetes" in given.shared_data)
    edit.finish(lambda edits: edits.patch(given.data, edit.paths[0]), f"it already has all values of {given.filename}")


def _read_patch(file: str) -> Document:
    document = Document.parse(*read_given(file))
    if not isinstance(document.root, Mapping):
        remedy = "write keys and their values, as in kubernetes: {version: 1.14.10}"
        raise ConfigError("the patch is not a mapping", remedy=remedy, place=document.position(()))
    if document.next_document is not None:
        raise ConfigError(
            "the patch has a second document", remedy="use one patch at a time", place=document.next_document
        )
    return document
