"""schema: the JSON Schemas of tarmak.yaml, its sections, mappings and settings, and the comment that names one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

import click

from tarmak_iam.cli.completion import schemas
from tarmak_iam.cli.console import note, print_diff, print_payload, record_done
from tarmak_iam.cli.edits import edits_cluster_files, edits_tarmak_yaml
from tarmak_iam.cli.options import dry_run_option, option, output_dir_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.schema import WHOLE_FILE, Schema, file_schema, schema_text, section_schema
from tarmak_iam.config.section_keys import load_sections, section_named
from tarmak_iam.document import Document
from tarmak_iam.errors import SelectionError
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_file, read_if_present
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.lint.file_schemas import mappings_schema, settings_schema
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tarmak_iam.text import did_you_mean

_MODELINE = r"#+\s*yaml-language-server\s*:\s*\$schema=\S*.*"

_OF_FILES = {
    "tarmak.yaml": (WHOLE_FILE, "tarmak.schema.json"),
    MAPPINGS_NAME: ("mappings", "mappings.schema.json"),
    SETTINGS_NAME: ("settings", "settings.schema.json"),
}
"""File that the schema is for -> its NAME on the command line, and its file name."""


@click.command()
@click.argument("name", metavar="[NAME]", required=False, shell_complete=schemas)
@output_dir_option("the schemas of all three files", required=False)
@option("--modeline", "with_modelines")
@dry_run_option
@pass_session
def schema(session: Session, name: str | None, output_dir: Path | None, with_modelines: bool, dry_run: bool) -> None:
    if output_dir is None:
        if with_modelines or dry_run:
            raise click.UsageError("--modeline and --dry-run require --output-dir")
        print_payload(schema_text(_schema_named(name or AMAZON.name)))
        return
    if name is not None:
        raise click.UsageError("--output-dir writes the schemas of all files; remove NAME")
    within = Boundary(output_dir, session.follow_links)
    if with_modelines:
        _write_with_modelines(session, within, dry_run=dry_run)
    else:
        _write_schemas(within, dry_run=dry_run)
    if dry_run:
        note("dry run: nothing was written")


def _schema_named(name: str) -> Schema:
    """Raises SelectionError for an unknown schema."""
    if name in ("tarmak", WHOLE_FILE):
        return file_schema(load_sections())
    if name in ("mappings", MAPPINGS_NAME):
        return mappings_schema()
    if name in ("settings", SETTINGS_NAME):
        return settings_schema()
    sections = [section.name for section in load_sections()]
    if name not in sections:
        names = [*sections, *(called for called, _ in _OF_FILES.values())]
        raise SelectionError(f"unknown schema '{name}'", remedy=did_you_mean(name, names, "choose one of"))
    return section_schema(section_named(name))


def _write_schemas(within: Boundary, *, dry_run: bool) -> None:
    if not dry_run:
        make_directory(within.directory, 0o755)
    for called, filename in _OF_FILES.values():
        path, data = within.directory / filename, schema_text(_schema_named(called)).encode()
        before = read_if_present(path, within)
        if before == data:
            note(f"unchanged {path}")
            continue
        if not dry_run:
            replace_file(path, data, expected=before, within=within)
            record_done("wrote", path)
        note(f"{'would write' if dry_run else 'wrote'} {path}")


@edits_tarmak_yaml
@edits_cluster_files
def _write_with_modelines(session: Session, within: Boundary, *, dry_run: bool) -> None:
    config = session.config()
    assert config.path is not None  # it is loaded from a file
    paths: list[tuple[Path, ClusterFiles | None]] = [(config.path, None)]
    for cluster in config.selectable_clusters:
        if is_cluster_id(cluster.cluster_name):
            files = session.files(config, cluster)
            paths += [(files.mappings_path, files), (files.settings_path, files)]
    # All of them before anything is written: nothing changes if one of them is not valid YAML.
    edits = []
    for path, of_cluster in paths:
        data = read_if_present(path, of_cluster.within) if of_cluster else read_file(path)
        if data is None:
            continue
        before = Document.parse(data, str(path))
        _, filename = _OF_FILES.get(path.name, _OF_FILES["tarmak.yaml"])
        # From the file to the schema, as the language server reads it: relative, and without blanks.
        reference = os.path.relpath(os.path.realpath(within.directory / filename), os.path.realpath(path.parent))
        edits.append((path, before, with_modeline(before, modeline(quote(os.fsencode(reference)))), of_cluster))
    _write_schemas(within, dry_run=dry_run)
    for path, before, after, of_cluster in edits:
        if before.is_json:
            note(f"{path} is JSON, which has no comments; name the schema in the editor's settings")
            continue
        if after is before:
            note(f"unchanged {path}")
            continue
        if not dry_run:
            if of_cluster:
                of_cluster.write(path, after, before)
            else:
                replace_file(path, after.to_bytes(), expected=before.to_bytes())
            record_done("wrote", path)
        print_diff(unified_diff(before.text, after.text, after.filename))


def modeline(reference: str) -> str:
    return f"# yaml-language-server: $schema={reference}"


def with_modeline(document: Document, line: str) -> Document:
    """With this line first, or instead of its modeline. The same object if nothing changes, and for JSON."""
    if document.is_json:
        return document
    source = document.source
    for comment in document.comments:
        if re.fullmatch(_MODELINE, comment.text):
            text = source.text[: comment.span.start] + line + source.text[comment.span.end :]
            break
    else:
        text = f"{line}{source.newline_near(0)}{source.text}"
    if text == source.text:
        return document
    edited = Document.parse(source.with_text(text).encode(), document.filename, json=False)
    assert edited.data == document.data  # a comment is not data
    return edited
