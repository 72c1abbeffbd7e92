"""settings show, get, set, unset: tarmak-iam's settings file of a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import click

from tarmak_iam.cli.completion import setting_keys, setting_values, settings_in_file
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line
from tarmak_iam.cli.edits import edits_cluster_files, finish_edit
from tarmak_iam.cli.options import dry_run_option, format_option
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, note_image, note_misplaced, pass_session
from tarmak_iam.document import Document
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS
from tarmak_iam.installation.settings import (
    SettingError,
    check_key,
    parse_settings,
    typed_value,
    value_text,
    written_route,
)
from tarmak_iam.routes import Route

_HEADER = "# Settings of tarmak-iam for this cluster; `tarmak-iam settings show` lists them all.\n"


@click.group(cls=CommandGroup)
def settings() -> None:
    """See its page in the folder `help`."""


@settings.command(short_help="Show all settings with their values.")
@format_option("text", "json")
@pass_session
def show(session: Session, output: str) -> None:
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
    help="Set a setting to a value.\n\n\b\n" + "\n".join(_LINES),
    epilog="\b\nExamples:\n  tarmak-iam settings set profile my-profile\n"
    "  tarmak-iam settings set backends MountedFile,EKSConfigMap",
)
@click.argument("key", metavar="KEY", shell_complete=setting_keys)
@click.argument("value", metavar="VALUE", shell_complete=setting_values)
@dry_run_option
@pass_session
@edits_cluster_files
def set_(session: Session, key: str, value: str, dry_run: bool) -> None:
    typed = typed_value(key, value)
    after = _edit(session, dry_run, key, lambda document, at: document.set(at, typed), f"{key} already has this value")
    if key == REGISTRY and after.has(("image",)):
        note(f"{REGISTRY} is ignored while image is set; remove image: {session.command('settings unset image')}")


@settings.command()
@click.argument("key", metavar="KEY", shell_complete=settings_in_file)
@dry_run_option
@pass_session
@edits_cluster_files
def unset(session: Session, key: str, dry_run: bool) -> None:
    check_key(key)

    def remove(document: Document, at: Route) -> Document:
        return document.remove(at) if document.has(at) else document

    _edit(session, dry_run, key, remove, f"{key} is not set")


def _edit(
    session: Session, dry_run: bool, key: str, edit: Callable[[Document, Route], Document], unchanged: str
) -> Document:
    """The file after the edit. `edit` is called with the file and the route of the setting."""
    from tarmak_iam.installation.installation import Installation

    config, cluster, files = session.selected()
    path, before = files.settings_path, files.settings_document()
    start = before or Document.parse(_HEADER, str(path), json=False)
    after = edit(start, written_route(start, (key,)))
    chosen, _ = parse_settings(after.to_bytes(), after.filename)
    if after is start:
        note(f"unchanged: {unchanged}")
    else:
        finish_edit(before, after, lambda: files.write(path, after, before), dry_run=dry_run, done=f"wrote {path}")
        note_misplaced(files, cluster, Subject.SETTINGS)
    # What the release of the settings is open to, and what it does not support. That is not an error: the user may be
    # changing several settings, one at a time.
    mappings = None
    with contextlib.suppress(TarmakIamError):  # which is an error of the commands that need the mappings
        mappings = files.mappings()
    try:
        note_image(Installation.of(config, cluster, mappings, chosen), only="IAM131")
    except SettingError as error:
        note(f"warning: these settings do not fit together yet: {error.message}")
    return after
