"""map list, add, remove, import, convert, diff: the mappings of a cluster."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tarmak_iam.access.lockout import has_admin
from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.cli.all_clusters import ReportProgress, clusters_of, finish_all, for_each, with_mappings
from tarmak_iam.cli.completion import files, principals
from tarmak_iam.cli.console import ExitCode, note, print_json, print_payload, print_rows, working
from tarmak_iam.cli.edits import edits_cluster_files, read_import
from tarmak_iam.cli.mapping_edits import MappingsEdit, edit_mappings
from tarmak_iam.cli.options import (
    access_options,
    all_clusters_option,
    format_option,
    mappings_edit_options,
    option,
    strip_path_option,
)
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, place_json
from tarmak_iam.identity.backend_support import CRD, MOUNTED_FILE, WRITABLE_BACKENDS
from tarmak_iam.installation.installation import ADD_ADMIN, Installation
from tarmak_iam.lint.edit_guard import EditKind
from tarmak_iam.mappings.entries import MappingEntry, check_principal, closest_principal, principal_key
from tarmak_iam.mappings.formats import FORMATS, Import, convert_mappings
from tarmak_iam.mappings.groups import ADMINS, joined_groups
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import MergeAction, MergeOutcome, Wanted
from tarmak_iam.text import did_you_mean, shortened


@click.group(name="map", cls=CommandGroup)
def map_() -> None:
    """See its page in the folder `help`."""


*_TITLES, _LAST_TITLE = (FORMATS[name] for name in sorted(FORMATS, key=lambda name: name not in ("aws-auth", "crd")))
_IMPORT_HELP = f"""Import mappings from FILE: {", ".join(_TITLES)} or {_LAST_TITLE}, as a file or as printed by kubectl.
Use - for FILE to read from stdin.

Existing mappings of other principals are unchanged; a mapping of the same principal is updated. Exits with 1 if an
entry with the group system:masters cannot be imported, or if no mapping to system:masters exists afterwards; the other
entries are imported.
"""


@map_.command(
    name="import",
    help=_IMPORT_HELP,
    short_help="Import mappings from another tool's file.",
    epilog="\b\nExamples:\n"
    "  kubectl -n kube-system get configmap aws-auth -o yaml |\n"
    "      tarmak-iam map import -\n"
    "  tarmak-iam map import cluster.yaml --from kops --dry-run",
)
@click.argument("file", metavar="FILE", shell_complete=files)
@option("--from", "form", type=click.Choice(["auto", *FORMATS]), default="auto")
@strip_path_option
@mappings_edit_options
@pass_session
def import_(session: Session, /, file: str, form: str, strip_path: bool, **options: Any) -> None:
    imported = read_import(file, None if form == "auto" else form)  # before the lock: stdin may take its time
    _import(session, imported, file, strip_path, **options)


@edits_cluster_files
def _import(session: Session, imported: Import, file: str, strip_path: bool, **options: Any) -> None:
    def plan(edit: MappingsEdit) -> None:
        path = edit.files.mappings_path
        if file != "-" and os.path.realpath(file) == os.path.realpath(path):
            if not options["all_clusters"]:  # else it is copied to the others
                remedy = "move it to another path first, then import it"
                raise ConfigError(f"{file} is the mappings file itself", remedy=remedy)
            edit.plan(edit.before, EditKind.IMPORT, entries=[], leftOut=[])
            return
        after, outcomes = edit.merge(imported.entries, strip_path=strip_path)
        _note_imported(imported, outcomes, edit.tell, dry_run=options["dry_run"])
        entries = []
        for outcome in outcomes:
            item = {"principal": outcome.principal, "action": str(outcome.action), **place_json(outcome.wanted.place)}
            entries.append(
                {**item, "reason": outcome.error.message if outcome.error else "", "notes": [*outcome.notes]}
            )
        left_out = [{"what": skipped.what, **place_json(skipped.place)} for skipped in imported.left_out]
        lost = [*_lost_admins(imported, outcomes, replace(edit.installation, mappings=after))]
        edit.plan(after, EditKind.IMPORT, lost, entries=entries, leftOut=left_out)

    unchanged = f"unchanged: all importable entries of {file} are already mapped"
    edit_mappings(session, options, plan, lambda _: unchanged)


def _note_imported(
    imported: Import, outcomes: Sequence[MergeOutcome], tell: Callable[[str], None], *, dry_run: bool
) -> None:
    planned = {MergeAction.ADDED: "would add", MergeAction.UPDATED: "would update"} if dry_run else {}
    for outcome in outcomes:
        place = f"{outcome.wanted.place}: " if outcome.wanted.place else ""
        principal, why = shortened(outcome.principal), outcome.error.message if outcome.error else ""
        named = "" if outcome.error and principal in why else f" {principal}"
        action = planned.get(outcome.action, outcome.action)
        tell(f"{place}{'warning: ' if outcome.error else ''}{action}{named}{f': {why}' if outcome.error else ''}")
        for text in outcome.notes:
            tell(f"{place}note: {text}")
    for skipped in imported.left_out:
        tell(f"{f'{skipped.place}: ' if skipped.place else ''}warning: skipped: {skipped.what}")
    counts = Counter(outcome.action for outcome in outcomes)
    parts = [f"{counts[kind]} {'would be ' * (kind in planned)}{kind}" for kind in MergeAction if counts[kind]]
    tell(f"{', '.join(imported.formats)}: {', '.join(parts) or 'no entries'}")


def _lost_admins(imported: Import, outcomes: Sequence[MergeOutcome], after: Installation) -> Iterator[str]:
    """An error for each entry of system:masters that was not imported, and one if nobody is mapped to it then."""
    mapped = {entry.key for entry in after.mappings.entries if ADMINS in entry.groups} if after.mappings else set()
    of_admins = [outcome for outcome in outcomes if ADMINS in (outcome.wanted.groups or ())]
    left_out = [(skipped.place, skipped.admin) for skipped in imported.left_out if skipped.admin]
    failed = [outcome for outcome in of_admins if outcome.error and principal_key(outcome.principal) not in mapped]
    for place, principal in [*((outcome.wanted.place, outcome.principal) for outcome in failed), *left_out]:
        at = f"{place}: " if place else ""
        yield f"{at}error: {shortened(principal)} is mapped to {ADMINS} in the file, and was not imported"
    if not has_admin(after):
        names = [*(outcome.principal for outcome in of_admins), *(principal for _, principal in left_out)]
        listed = ", ".join(map(shortened, dict.fromkeys(names)))
        remedy = f"the file contains {listed}" if listed else f"map an admin: {after.command(ADD_ADMIN)}"
        yield f"error: no principal is mapped to {ADMINS} after the import; {remedy}"


ACCESS_ENTRIES, AUTHENTICATION_CONFIG, OIDC = "access-entries", "authentication-config", "oidc"
_FORMATS_OF_BACKENDS, _FORMATS_OF_EKS = ("yaml", "json"), ("json", "aws-cli", "terraform", "cloudformation", "eksctl")
_OPTIONS = {
    ACCESS_ENTRIES: ("policies", "arns", "eks_cluster", "rbac_file", "force"),
    AUTHENTICATION_CONFIG: ("issuers", "audience", "kubernetes_version", "force"),
    OIDC: ("issuers", "audience", "force"),
}
"""Those with which a format is used, besides -o."""


@map_.command(short_help="Print the mappings in the format of a backend, of EKS or of Kubernetes itself.")
@option("--to", "backend", type=click.Choice([*WRITABLE_BACKENDS, *_OPTIONS]), required=True)
@option("-o --output", type=click.Choice(list(dict.fromkeys((*_FORMATS_OF_BACKENDS, *_FORMATS_OF_EKS)))))
@option("--policy GROUP=POLICY[:NAMESPACE,...]", "policies", multiple=True)
@option("--arns FILE", shell_complete=files)
@option("--eks-cluster NAME", default="")
@option("--with-rbac FILE", "rbac_file", type=click.Path(path_type=Path), shell_complete=files)
@option("--issuer ACCOUNT=URL", "issuers", multiple=True)
@option("--audience TEXT", default="")
@option("--kubernetes-version VERSION", default="")
@option("--force")
@access_options
@pass_session
def convert(session: Session, /, backend: str, output: str | None, **options: Any) -> None:
    formats = _FORMATS_OF_EKS if backend == ACCESS_ENTRIES else _FORMATS_OF_BACKENDS
    output = output or formats[0]
    if output not in formats:
        raise click.UsageError(f"--to {backend} is printed as {', '.join(formats)}, not as {output}")
    others = any(value for name, value in options.items() if name not in _OPTIONS.get(backend, ()))
    if others or (backend != ACCESS_ENTRIES and session.access):
        known = [parameter.opts[-1] for parameter in convert.params if parameter.name in _OPTIONS.get(backend, ())]
        raise click.UsageError(f"--to {backend} is used with {', '.join(('-o', *known))} only")
    installation = session.installation()
    if installation.mappings is None:
        command = installation.command("map add ARN --username NAME --group GROUP")
        raise ConfigError(f"{installation.cluster_id} has no mappings file", remedy=f"add a mapping first: {command}")
    if backend == ACCESS_ENTRIES:
        from tarmak_iam.cli.eks import print_access_entries

        print_access_entries(session, installation, output, options)
        return
    if backend in _OPTIONS:
        from tarmak_iam.cli.oidc import print_oidc

        print_oidc(installation, output, options, is_section=backend == OIDC)
        return
    mappings = installation.mappings
    if backend == MOUNTED_FILE.name:  # the only one that has it
        mappings = mappings.with_cluster_id(installation.cluster_id)
    with working("converting the mappings"):
        converted = convert_mappings(mappings, backend, installation.daemon_version)
    for text in converted.left_out:
        note(f"note: {text}")
    if output == "json":
        items = list(converted.objects)
        print_json({"apiVersion": "v1", "kind": "List", "items": items} if backend == CRD.name else items[0])
    else:
        print_payload(b"---\n".join(map(yaml_bytes, converted.objects)))


@map_.command(short_help="Compare the mappings with EKS access entries.")
@click.argument("file", metavar="FILE", shell_complete=files)
@format_option("text", "json")
@pass_session
def diff(session: Session, file: str, output: str) -> None:
    from tarmak_iam.cli.eks import print_eks_differences

    if print_eks_differences(session.installation(), file, output):
        click.get_current_context().exit(ExitCode.FINDINGS)


@map_.command(name="list", short_help="List the mappings.")
@all_clusters_option
@format_option("text", "json")
@pass_session
def list_(session: Session, all_clusters: bool, output: str) -> None:
    if all_clusters:
        _list_all(session, output)
        return
    with working("reading the mappings"):
        mappings_file = session.selected()[2].mappings()
        entries = mappings_file.entries if mappings_file else ()
    if output == "json":
        print_json(list(map(_entry_json, entries)))
    else:
        print_rows(_COLUMNS, map(_row, entries))
    if not entries:
        note("no mappings: IAM login is not possible")


def _list_all(session: Session, output: str) -> None:
    config = session.config()

    def read(cluster: Cluster, _: ReportProgress) -> tuple[MappingEntry, ...] | None:
        mappings = session.files(config, cluster).mappings()
        return mappings.entries if mappings is not None else None

    outcomes = list(with_mappings(config, for_each(clusters_of(config, session.environment), read, "reading")))
    if output == "text":
        rows = [(outcome.name, *_row(entry)) for outcome in outcomes for entry in outcome.value or ()]
        print_rows(("CLUSTER", *_COLUMNS), rows)

    def as_json(entries: Sequence[MappingEntry]) -> dict[str, object]:
        return {"mappings": list(map(_entry_json, entries))}

    some = "with mappings"
    finish_all(outcomes, as_json, output, lambda entries: some if entries else "without", some, codes={})


_COLUMNS = ("KIND", "PRINCIPAL", "USERNAME", "GROUPS")


def _row(entry: MappingEntry) -> tuple[str, ...]:
    return entry.kind, entry.principal or "-", entry.username, ",".join(entry.groups)


def _entry_json(entry: MappingEntry) -> dict[str, object]:
    """`arn` is empty for an account and for an SSO role, which have `account` and `sso` instead."""
    account, arn = (entry.arn, "") if entry.kind == "account" else ("", entry.arn)
    item = {"kind": entry.kind, "arn": arn, "username": entry.username, "groups": list(entry.groups)}
    also = {"account": account, "sso": entry.sso, "userid": entry.user_id}
    return {**item, **{key: text for key, text in also.items() if text}}


def separate_groups(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Without duplicates. Raises UsageError for several groups in one --group."""
    for text in value:
        parts = joined_groups(text)
        if parts is not None:
            flags = " ".join(f"--group {shlex.quote(part)}" for part in parts) or "--group GROUP"
            what = "contains a comma" if "," in text else "contains several"
            raise click.UsageError(f"--group accepts one group, and '{text}' {what}; use {flags}")
    return tuple(dict.fromkeys(value))


@map_.command(short_help="Map a role, a user, an SSO permission set or an account.")
@click.argument("principal", metavar="ARN", shell_complete=principals)
@option("--username NAME")
@option("--group GROUP", "groups", multiple=True, callback=separate_groups)
@option("--replace-groups")
@strip_path_option
@mappings_edit_options
@pass_session
@edits_cluster_files
def add(
    session: Session, /, principal: str, username: str | None, groups: tuple[str, ...], strip_path: bool, **options: Any
) -> None:
    replace_groups = options.pop("replace_groups")
    chosen = groups if groups or replace_groups else None
    wanted = Wanted(with_plain_account(principal), username, chosen, adds_groups=not replace_groups)

    mapped = wanted.principal

    def plan(edit: MappingsEdit) -> None:
        nonlocal mapped
        after, (outcome,) = edit.merge([wanted], strip_path=strip_path)
        if outcome.error is not None:
            raise outcome.error
        for text in outcome.notes:
            edit.tell(f"note: {text}")
        mapped = outcome.principal
        edit.plan(after, EditKind.ADD)

    edit_mappings(session, options, plan, lambda _: f"unchanged: {mapped} already has this mapping")


@map_.command(short_help="Remove the mapping of a principal, or groups from it.")
@click.argument("principal", metavar="ARN", shell_complete=principals)
@option("--group GROUP", "groups", multiple=True, callback=separate_groups)
@option("--if-exists")
@mappings_edit_options
@pass_session
@edits_cluster_files
def remove(session: Session, principal: str, groups: tuple[str, ...], if_exists: bool, **options: Any) -> None:
    def plan(edit: MappingsEdit) -> None:
        with working("removing the mapping"):
            after = edit.before.remove(principal, groups or None)
        edit.plan(after, EditKind.REMOVE)

    def unchanged(edits: Sequence[MappingsEdit]) -> str:
        what = _missing(principal, groups, [edit.before for edit in edits])
        return f"unchanged: {what}" if if_exists else f"error: {what}"

    edit_mappings(session, options, plan, unchanged, if_exists=if_exists)


def _missing(principal: str, groups: Sequence[str], files: Sequence[Mappings]) -> str:
    """Why nothing is removed from the files. Raises ConfigError for a text that is not a principal."""
    plain = with_plain_account(principal)
    matching = [entry for mappings in files for entry in mappings.matching(principal)]
    if matching:
        present = list(dict.fromkeys(group for entry in matching for group in entry.groups))
        suggestion = did_you_mean(groups[0], present, "its groups are")
        return f"{plain} is not mapped to {' or '.join(groups)}; {suggestion or 'it has no groups'}"
    meant = closest_principal(plain, [entry.principal for mappings in files for entry in mappings.entries])
    suggestion = f"did you mean {meant}?" if meant else ""
    try:
        check_principal(plain)
    except ConfigError as error:
        error.remedy = suggestion or error.remedy
        raise
    return f"{plain} is not mapped{suggestion and '; ' + suggestion}"
