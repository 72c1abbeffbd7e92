"""map import and convert: other tools' files in, other backends' objects out."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.completing import files
from tarmak_iam.cli.console import format_option, note, print_json, print_payload
from tarmak_iam.cli.editing import edits_cluster_files
from tarmak_iam.cli.mapping_change import Change, Options, change_options, strip_path_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.files import read_file
from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.errors import ConfigError, Place, place_json
from tarmak_iam.guards import has_admin, principal_refusal
from tarmak_iam.identity.formats import CONVERTIBLE, FORMATS, Import, read_mappings
from tarmak_iam.identity.formats import convert as convert_mappings
from tarmak_iam.identity.groups import ADMINS
from tarmak_iam.identity.merging import Action, Outcome
from tarmak_iam.identity.principals import key_of
from tarmak_iam.installation import Installation
from tarmak_iam.text import shortened

__all__ = ["convert", "import_", "read_foreign"]


@click.command(
    name="import",
    short_help="Bring in the entries of another tool's file.",
    epilog="\b\nExamples:\n"
    "  kubectl -n kube-system get configmap aws-auth -o yaml |\n"
    "      tarmak-iam map import -\n"
    "  tarmak-iam map import cluster.yaml --from kops --dry-run",
)
@click.argument("file", metavar="FILE", shell_complete=files)
@click.option(
    "--from", "form", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True, help="Format of FILE."
)
@strip_path_option
@change_options
@pass_session
def import_(
    session: Session,
    file: str,
    form: str,
    strip_path: bool,
    me: str | None,
    force: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Bring in what FILE maps: an aws-auth ConfigMap, IAMIdentityMapping objects, a configuration of the
    authenticator, a kops Cluster or an eksctl ClusterConfig, as text or as kubectl prints them. FILE may be - for
    stdin.

    What is there and not in FILE stays; an entry for the same principal is brought up to date. Exits with 1 where an
    entry of system:masters cannot be taken, or where nobody is in system:masters afterwards; the rest is
    imported.
    """
    found = read_foreign(file, None if form == "auto" else form)  # stdin may take its time: nobody waits for it
    _bring_in(session, found, file, strip_path, me=me, force=force, dry_run=dry_run, output=output)


@edits_cluster_files
def _bring_in(session: Session, found: Import, file: str, strip_path: bool, **options: Any) -> None:
    change = Change.of(session)
    if file != "-" and os.path.realpath(file) == os.path.realpath(change.files.mappings_path):
        raise ConfigError(f"{file} is the mappings file itself", remedy="move it elsewhere first, and import it then")
    refuse = principal_refusal(change.before)
    after, outcomes = change.start.merge(found.entries, strip_path=strip_path, refuse=refuse)
    _report(found, outcomes)
    more = {"entries": [_outcome_json(each) for each in outcomes], "leftOut": _left_out_json(found)}
    unchanged = f"all that can be taken from {file} is there"
    change.finish(after, Options(**options), unchanged=unchanged, with_findings=True, more=more)
    lost = [*_lost_admins(found, outcomes, replace(change.before, mappings=after))]
    for text in lost:
        note(text)
    if lost:
        click.get_current_context().exit(1)


def _lost_admins(found: Import, outcomes: tuple[Outcome, ...], after: Installation) -> Iterator[str]:
    """A line for each entry of system:masters that is not taken, and one where nobody is in it afterwards."""
    mapped = {entry.key for entry in after.mappings.entries if ADMINS in entry.groups} if after.mappings else set()
    names = []
    for each in outcomes:
        if ADMINS in (each.wanted.groups or ()):
            names.append(each.principal)
            if each.error is not None and key_of(each.principal) not in mapped:
                yield _lost(each.wanted.place, each.principal)
    for left_out in found.left_out:
        if left_out.admin:
            names.append(left_out.admin)
            yield _lost(left_out.place, left_out.admin)
    if not has_admin(after):
        listed = ", ".join(map(shortened, dict.fromkeys(names)))
        remedy = f"the file has {listed}" if names else f"map an admin: {after.admin_command}"
        yield f"error: nobody is in {ADMINS} after the import; {remedy}"


def _lost(place: Place | None, principal: str) -> str:
    at = f"{place}: " if place else ""
    return f"{at}error: {shortened(principal)} is in {ADMINS} there, and was not imported"


@click.command(
    short_help="Show the mappings as another backend reads them.",
    epilog="\b\nExample: tarmak-iam map convert --to CRD | kubectl apply -f -",
)
@click.option(
    "--to", "backend", type=click.Choice(CONVERTIBLE), required=True, help="Backend, in the daemon's spelling."
)
@format_option("yaml", "json")
@pass_session
def convert(session: Session, backend: str, output: str) -> None:
    """Show the mappings as the configuration (MountedFile), the ConfigMap aws-auth (EKSConfigMap) or
    IAMIdentityMapping objects (CRD). What cannot be carried over is told on stderr.
    """
    installation = session.installation()
    if installation.mappings is None:
        raise ConfigError(
            f"{installation.cluster_id} has no mappings file",
            remedy=f"map someone first: {installation.map_command}",
        )
    mappings = installation.mappings
    if backend == "MountedFile":  # the only one that has it
        mappings = mappings.with_cluster_id(installation.cluster_id)
    made = convert_mappings(mappings, backend, installation.daemon_version)
    for each in made.left_out:
        note(f"note: {each}")
    if output == "json":
        single = backend != "CRD"
        print_json(made.objects[0] if single else {"apiVersion": "v1", "kind": "List", "items": list(made.objects)})
    else:
        print_payload(b"---\n".join(map(yaml_bytes, made.objects)))


def read_foreign(file: str, form: str | None) -> Import:
    """A file's mappings; `-` is stdin. Raises TarmakIamError."""
    if file == "-":
        return read_mappings(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>", form)
    return read_mappings(read_file(Path(file)), file, form)


def _report(found: Import, outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        place = f"{outcome.wanted.place}: " if outcome.wanted.place else ""
        note(f"{place}{_told(outcome)}")
        for text in outcome.notes:
            note(f"{place}note: {text}")
    for left_out in found.left_out:
        note(f"{left_out.place}: left out: {left_out.what}" if left_out.place else f"left out: {left_out.what}")
    counts = Counter(outcome.action for outcome in outcomes)
    told = [f"{counts[action]} {action}" for action in Action if counts[action]]
    note(f"{', '.join(found.formats)}: {', '.join(told) or 'no entries'}")


def _told(outcome: Outcome) -> str:
    principal = shortened(outcome.principal)
    if outcome.error is None:
        return f"{outcome.action} {principal}"
    why = outcome.error.message
    return f"{outcome.action}: {why}" if principal in why else f"{outcome.action} {principal}: {why}"


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "principal": outcome.principal,
        "action": str(outcome.action),
        **place_json(outcome.wanted.place),
        "reason": outcome.error.message if outcome.error else "",
        "notes": list(outcome.notes),
    }


def _left_out_json(found: Import) -> list[dict[str, Any]]:
    return [{"what": each.what, **place_json(each.place)} for each in found.left_out]
