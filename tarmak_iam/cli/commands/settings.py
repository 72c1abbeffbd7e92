"""settings show, get, set, unset: tarmak-iam's settings file of a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from tarmak_iam.cli.all_clusters import ClusterOutcome, clusters_of, finish_all, for_each
from tarmak_iam.cli.completion import setting_keys, setting_pairs, settings_in_file
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line, print_rows
from tarmak_iam.cli.edits import edits_cluster_files, finish_edit
from tarmak_iam.cli.options import all_clusters_option, dry_run_option, format_option
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, note_image, note_misplaced, pass_session
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.document import Document, Remove
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS
from tarmak_iam.installation.settings import (
    SettingError,
    Settings,
    check_key,
    parse_settings,
    typed_value,
    value_text,
    written_route,
)

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.installation.cluster_files import ClusterFiles

_HEADER = "# Settings of tarmak-iam for this cluster; `tarmak-iam settings show` lists them all.\n"


@click.group(cls=CommandGroup)
def settings() -> None:
    """See its page in the folder `help`."""


@settings.command(short_help="Show all settings with their values.")
@all_clusters_option
@format_option("text", "json")
@pass_session
def show(session: Session, all_clusters: bool, output: str) -> None:
    if all_clusters:
        config = session.config()
        chosen = clusters_of(config, session.environment)
        outcomes = [
            *for_each(chosen, lambda cluster, _: session.files(config, cluster).settings().effective, "reading")
        ]
        if output == "text":
            known = [(outcome.name, outcome.value.items()) for outcome in outcomes if not outcome.error]
            rows = [(name, key, value_text(value) or "-") for name, values in known for key, value in values]
            print_rows(("CLUSTER", "SETTING", "VALUE"), rows)
        finish_all(outcomes, lambda values: {"settings": values}, output, lambda _: "read", "read")
        return
    values = session.selected()[2].settings().effective
    if output == "json":
        print_json(values)
    else:
        for key, value in values.items():
            print_line(f"{key}: {value_text(value) or '-'}")


@settings.command(short_help="Print the value of a setting.")
@click.argument("key", metavar="KEY", shell_complete=setting_keys)
@format_option("text", "json")
@pass_session
def get(session: Session, key: str, output: str) -> None:
    check_key(key)
    value = session.selected()[2].settings().effective[key]
    if value in (None, {}):
        note(f"{key} is not set")
        click.get_current_context().exit(ExitCode.FINDINGS)
    if output == "json":
        print_json(value)
    else:
        print_line(value_text(value))


_LINES = [f"{key:<19}{setting.short}".replace("\n", "\n" + " " * 19) for key, setting in SETTINGS.items()]


@settings.command(
    name="set",
    help="Set settings to values.\n\n\b\n" + "\n".join(_LINES),
)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY VALUE [KEY VALUE]...", shell_complete=setting_pairs)
@all_clusters_option
@dry_run_option
@pass_session
@edits_cluster_files
def set_(session: Session, pairs: tuple[str, ...], all_clusters: bool, dry_run: bool) -> None:
    if len(pairs) % 2:
        key, equals, value = pairs[-1].partition("=")
        run = f": run `{session.command('settings set', *pairs[:-1], key, value)}`" if equals else ""
        raise click.UsageError(f"no value given for {pairs[-1]}{run}")
    typed = {key: typed_value(key, text) for key, text in zip(pairs[::2], pairs[1::2], strict=True)}

    def put(document: Document) -> Document:
        for key, value in typed.items():
            document = document.set(written_route(document, (key,)), value)
        return document

    has = "already has this value" if len(typed) == 1 else "already have these values"
    edited = _edit(session, put, f"{' and '.join(typed)} {has}", all_clusters=all_clusters, dry_run=dry_run)
    for files, document in edited if REGISTRY in typed else ():
        if document.has(("image",)):
            command = files.command_line.tarmak_iam("settings unset image")
            note(f"{REGISTRY} is ignored while image is set; remove image: {command}")


@settings.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=settings_in_file)
@all_clusters_option
@dry_run_option
@pass_session
@edits_cluster_files
def unset(session: Session, keys: tuple[str, ...], all_clusters: bool, dry_run: bool) -> None:
    for key in keys:
        check_key(key)

    def remove(document: Document) -> Document:
        routes = [written_route(document, (key,)) for key in dict.fromkeys(keys)]
        return document.edit(*[Remove(route) for route in routes if document.has(route)])

    unchanged = f"{' and '.join(keys)} {'is' if len(keys) == 1 else 'are'} not set"
    _edit(session, remove, unchanged, all_clusters=all_clusters, dry_run=dry_run)


class _Planned(NamedTuple):
    """An edit of one file, which is not written yet. `before` is None for a new file."""

    files: ClusterFiles
    before: Document | None
    after: Document
    settings: Settings
    is_changed: bool


def _edit(
    session: Session, edit: Callable[[Document], Document], unchanged: str, *, all_clusters: bool, dry_run: bool
) -> list[tuple[ClusterFiles, Document]]:
    """Edits the settings of the chosen clusters: all files are checked before one is written. A file without any
    setting is removed, unless it has comments of its own. Returns the files."""
    config = session.config()

    def plan(cluster: Cluster, _: object = None) -> _Planned:
        files = session.files(config, cluster)
        before, path = files.settings_document(), str(files.settings_path)
        start = before or Document.parse(_HEADER, path, json=False)
        after = edit(start)
        if before is not None and after.text.replace(_HEADER, "").strip() in ("", "{}"):
            after = Document.parse("", path, json=False)
        return _Planned(files, before, after, parse_settings(after.to_bytes(), path)[0], after is not start)

    if all_clusters:
        outcomes = [*for_each(clusters_of(config, session.environment), plan, "checking")]
    else:
        check_masters(cluster := session.cluster(config))
        outcomes = [ClusterOutcome(cluster, plan(cluster))]
    made: list[tuple[Cluster, _Planned]] = [
        (outcome.cluster, outcome.value) for outcome in outcomes if not outcome.error
    ]
    for cluster, planned in made:
        files, after, path = planned.files, planned.after, planned.files.settings_path
        if planned.is_changed:
            done = f"wrote {path}" if after.text else f"removed {path}: no setting is left"
            write = partial(files.write, path, after, planned.before)
            finish_edit(planned.before, after, write, dry_run=dry_run, done=done)
            note_misplaced(files, cluster, Subject.SETTINGS)
        elif not all_clusters:
            note(f"unchanged: {unchanged}")
        _note_conflicts(config, cluster, planned)
    if all_clusters:
        changed = "would be changed" if dry_run else "changed"
        finish_all(outcomes, dict, "text", lambda part: changed if part.is_changed else "unchanged", "unchanged", {})
    return [(planned.files, planned.after) for _, planned in made]


def _note_conflicts(config: TarmakConfig, cluster: Cluster, planned: _Planned) -> None:
    """What the release of the settings is open to, and what it does not support. That is not an error: the user may be
    changing several settings, one at a time."""
    from tarmak_iam.installation.installation import Installation

    mappings = None
    with contextlib.suppress(TarmakIamError):  # which is an error of the commands that need the mappings
        mappings = planned.files.mappings()
    try:
        note_image(Installation.of(config, cluster, mappings, planned.settings), only="IAM131")
    except SettingError as error:
        note(f"warning: incomplete settings: {error.message}")
