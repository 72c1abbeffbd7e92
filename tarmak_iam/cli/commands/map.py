"""map list, add, remove, import, convert, diff: the mappings of a cluster."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tarmak_iam.access.lockout import has_admin, principal_refusal
from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.cli.completion import files, principals
from tarmak_iam.cli.console import ExitCode, note, print_json, print_payload, print_rows, working
from tarmak_iam.cli.edits import edits_cluster_files, finish_edit, read_import
from tarmak_iam.cli.options import access_options, format_option, mappings_edit_options, option, strip_path_option
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, note_misplaced, pass_session
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, place_json
from tarmak_iam.findings import Subject
from tarmak_iam.identity.backend_support import CRD, MOUNTED_FILE, WRITABLE_BACKENDS
from tarmak_iam.installation.installation import ADD_ADMIN, Installation
from tarmak_iam.lint.edit_guard import EditKind, guarded_edit
from tarmak_iam.mappings.entries import check_principal, closest_principal, principal_key
from tarmak_iam.mappings.formats import FORMATS, Import, convert_mappings
from tarmak_iam.mappings.groups import ADMINS, joined_groups
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import MergeAction, MergeOutcome, Wanted
from tarmak_iam.text import shortened


@click.group(name="map", cls=CommandGroup)
def map_() -> None:
    """See its page in the folder `help`."""


class _MappingsEdit:
    """Of the selected cluster, with the options of `mappings_edit_options`. Raises TarmakIamError."""

    def __init__(self, session: Session, options: dict[str, Any]) -> None:
        config, cluster, self.files = session.selected()
        with working("reading the mappings"):
            self.before = session.installation_of(config, cluster)
        self.mappings = self.before.mappings or self.files.mappings_or_new()
        self.options = options

    def merge(self, wanted: Sequence[Wanted], *, strip_path: bool) -> tuple[Mappings, tuple[MergeOutcome, ...]]:
        with working("mapping the principals"):
            return self.mappings.merge(wanted, strip_path=strip_path, refuse=principal_refusal(self.before))

    def finish(self, after: Mappings, kind: EditKind, *, unchanged: str, **more: Any) -> None:
        """Guards against lock-outs, writes the file, and prints diff, effects and new findings. `more` is added to the
        output of -o json. Raises TarmakIamError before anything is written."""
        me, force, dry_run, output = (self.options[name] for name in ("me", "force", "dry_run", "output"))
        if after is self.mappings:
            note(unchanged)
            if output == "json":
                print_json({"changed": False, "effects": [], **more})
            return
        with working("checking the mappings"):
            effects = guarded_edit(self.before, after, kind, me=me, force=force, tell=note)
        document = self.before.mappings.document if self.before.mappings else None
        done, json = f"wrote {self.files.mappings_path}", more if output == "json" else None
        finish_edit(document, after.document, after.save, dry_run=dry_run, done=done, effects=effects, json=json)
        for text in effects.lines:
            note(text)
        note_misplaced(self.files, self.before.cluster, Subject.MAPPINGS)


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
    change = _MappingsEdit(session, options)
    if file != "-" and os.path.realpath(file) == os.path.realpath(change.files.mappings_path):
        raise ConfigError(f"{file} is the mappings file itself", remedy="move it to another path first, then import it")
    after, outcomes = change.merge(imported.entries, strip_path=strip_path)
    for outcome in outcomes:
        place = f"{outcome.wanted.place}: " if outcome.wanted.place else ""
        principal, why = shortened(outcome.principal), outcome.error.message if outcome.error else ""
        named = "" if outcome.error and principal in why else f" {principal}"
        note(f"{place}{outcome.action}{named}{f': {why}' if outcome.error else ''}")
        for text in outcome.notes:
            note(f"{place}note: {text}")
    for skipped in imported.left_out:
        note(f"{skipped.place}: skipped: {skipped.what}" if skipped.place else f"skipped: {skipped.what}")
    counts = Counter(outcome.action for outcome in outcomes)
    parts = [f"{counts[action]} {action}" for action in MergeAction if counts[action]]
    note(f"{', '.join(imported.formats)}: {', '.join(parts) or 'no entries'}")
    entries = []
    for outcome in outcomes:
        item = {"principal": outcome.principal, "action": str(outcome.action), **place_json(outcome.wanted.place)}
        entries.append({**item, "reason": outcome.error.message if outcome.error else "", "notes": [*outcome.notes]})
    left_out = [{"what": skipped.what, **place_json(skipped.place)} for skipped in imported.left_out]
    unchanged = f"unchanged: all importable entries of {file} are already mapped"
    change.finish(after, EditKind.IMPORT, unchanged=unchanged, entries=entries, leftOut=left_out)
    if lost := [*_lost_admins(imported, outcomes, replace(change.before, mappings=after))]:
        for text in lost:
            note(text)
        click.get_current_context().exit(ExitCode.FINDINGS)


def _lost_admins(imported: Import, outcomes: tuple[MergeOutcome, ...], after: Installation) -> Iterator[str]:
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
@format_option("text", "json")
@pass_session
def list_(session: Session, output: str) -> None:
    with working("reading the mappings"):
        mappings_file = session.selected()[2].mappings()
        entries = mappings_file.entries if mappings_file else ()
    if output == "json":
        # `arn` is empty for an account and for an SSO role, which have `account` and `sso` instead.
        items = []
        for entry in entries:
            account, arn = (entry.arn, "") if entry.kind == "account" else ("", entry.arn)
            item = {"kind": entry.kind, "arn": arn, "username": entry.username, "groups": list(entry.groups)}
            also = {"account": account, "sso": entry.sso, "userid": entry.user_id}
            items.append({**item, **{key: text for key, text in also.items() if text}})
        print_json(items)
    else:
        rows = [(entry.kind, entry.principal or "-", entry.username, ",".join(entry.groups)) for entry in entries]
        print_rows(("KIND", "PRINCIPAL", "USERNAME", "GROUPS"), rows)
    if not entries:
        note("no mappings: IAM login is not possible")


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
    change = _MappingsEdit(session, options)
    chosen = groups if groups or replace_groups else None
    wanted = Wanted(with_plain_account(principal), username, chosen, adds_groups=not replace_groups)
    after, (outcome,) = change.merge([wanted], strip_path=strip_path)
    if outcome.error is not None:
        raise outcome.error
    for text in outcome.notes:
        note(f"note: {text}")
    change.finish(after, EditKind.ADD, unchanged=f"unchanged: {outcome.principal} already has this mapping")


@map_.command(short_help="Remove the mapping of a principal.")
@click.argument("principal", metavar="ARN", shell_complete=principals)
@option("--if-exists")
@mappings_edit_options
@pass_session
@edits_cluster_files
def remove(session: Session, principal: str, if_exists: bool, **options: Any) -> None:
    change = _MappingsEdit(session, options)
    with working("removing the mapping"):
        after = change.mappings.remove(principal)
    plain = with_plain_account(principal)
    meant = closest_principal(plain, [entry.principal for entry in change.mappings.entries])
    suggestion = f"did you mean {meant}?" if meant else ""
    is_missing = after is change.mappings
    if is_missing:
        try:
            check_principal(plain)
        except ConfigError as error:
            error.remedy = suggestion or error.remedy
            raise
    missing = f"{plain} is not mapped{suggestion and '; ' + suggestion}"
    change.finish(after, EditKind.REMOVE, unchanged=f"unchanged: {missing}" if if_exists else f"error: {missing}")
    if is_missing and not if_exists:
        click.get_current_context().exit(ExitCode.FINDINGS)
