"""flags, manifests, kubeconfig, render: what is generated for a cluster and its users, printed or as files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli import options
from tarmak_iam.cli.all_clusters import ClusterOutcome, clusters_of, finish_all, for_each
from tarmak_iam.cli.completion import files
from tarmak_iam.cli.console import log_variables, note, print_diff, print_json, print_line, print_payload, record_done
from tarmak_iam.cli.edits import in_turn
from tarmak_iam.cli.session import Session, note_image, note_incomplete, pass_session
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit import notes
from tarmak_iam.emit import render as emit_all
from tarmak_iam.emit.directory import DirectoryPlan, FileAction, plan_directory, write_directory
from tarmak_iam.emit.emitters import objects as emit_objects
from tarmak_iam.emit.emitters import webhook_args, webhook_hieradata
from tarmak_iam.emit.kubeconfig import api_server, client_kubeconfig
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.files.atomic import Replacement, make_directory, replace_files
from tarmak_iam.files.lock import lock_file_of
from tarmak_iam.files.read import read_file, read_if_present
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.cluster_files import is_cluster_id
from tarmak_iam.kubeconfig.connection import authority_data, proxy_warning
from tarmak_iam.kubeconfig.merge import (
    KubeconfigFile,
    Merge,
    default_file,
    kubectl_files,
    merge_kubeconfig,
    redacted_diff,
)
from tarmak_iam.kubeconfig.ownership import is_tunnel

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.installation.installation import Installation


def _note_objects(installation: Installation, left_out: Iterable[tuple[str, ConfigError]]) -> None:
    """A line for each emitter that was skipped, each finding about the image or Kubernetes, and each note."""
    for name, error in left_out:
        note(f"{name} skipped: {error}")
    note_image(installation)
    for text in notes(installation):
        note(f"note: {text}")


def _note_role(installation: Installation) -> None:
    """A warning if no login would succeed with the role of the kubeconfig, or all its sessions have one name."""
    from tarmak_iam.identity.caller import identity_of
    from tarmak_iam.kubeconfig.exec_plugin import shared_session_flaw

    role = installation.settings.role
    if role is None or installation.mappings is None:
        return
    answer = installation.loaded.whois(identity_of(role))
    if answer.started and not answer.authenticated:
        note(f"warning: no login succeeds with this kubeconfig: {answer.reason}")
    if flaw := shared_session_flaw(installation):
        profile = "use --role '' and --profile NAME with a profile that has role_arn and role_session_name"
        other = "`kubeconfig --exec aws-iam-authenticator --session-name NAME`"
        note(f"warning: {flaw}; {profile} in ~/.aws/config, or {other} [IAM132]")


def _note_tunnel(installation: Installation) -> None:
    """A note if the kubeconfig works for ten minutes at a time."""
    server = api_server(installation)
    if server is not None and is_tunnel(server):
        reopen = f"run `{installation.command_line.tarmak('clusters kubeconfig')}` to open it again"
        what = f"{server} is a tunnel that Tarmak keeps open for 10 minutes"
        note(f"{what}; {reopen}, and if its port has changed, generate this kubeconfig again")


@click.command()
@options.format_option("args", "json", "hieradata")
@pass_session
def flags(session: Session, output: str) -> None:
    config = session.config()
    installation = session.installation_of(config, session.cluster(config))
    args = webhook_args(installation)
    if output == "json":
        print_json(dict(arg.removeprefix("--").split("=", 1) for arg in args))
    else:
        for line in args if output == "args" else webhook_hieradata(installation):
            print_line(line)
    if not args:
        why = "awsIAMAuthenticatorInit is off and authTokenWebhookFile is not set"
        why = "it is a hub, without masters" if installation.is_hub else why
        note(f"Tarmak sets no webhook flag for {installation.cluster_id}: {why}")


@click.command()
@options.object_options
@options.format_option("yaml", "json")
@pass_session
def manifests(session: Session, /, output: str, **overrides: Any) -> None:
    installation = session.installation(overrides)
    objects, left_out = emit_objects(installation)
    _note_objects(installation, left_out)
    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": objects})
    else:
        print_payload(b"---\n".join(yaml_bytes(manifest) for manifest in objects))


def _merge_into(
    paths: list[Path],
    existing: list[bytes | None],
    wanted: Manifest,
    untouchable: list[Path],
    hint: str,
    **options: bool,
) -> tuple[dict[str, Any], bool]:
    """Merges the entries into the files, all or none; `existing` is their content, before and after. Returns the merge
    as JSON, and whether the cluster has a CA. Raises TarmakIamError."""
    before = list[KubeconfigFile]()
    for name, data in zip(map(str, paths), existing, strict=True):
        before.append(KubeconfigFile.new(name) if data is None else KubeconfigFile.parse(data, name))
    default = default_file([data is not None for data in existing])
    merge = merge_kubeconfig(before, wanted, default=default, force=options["force"], use=options["use"])
    real_paths = set(map(os.path.realpath, untouchable))
    writes = []
    for index, path in enumerate(paths):
        if merge.is_changed(index):
            if os.path.realpath(path) in real_paths:
                what = "this file belongs to the cluster itself; nothing was written"
                raise FileError(what, remedy="specify another FILE for --merge", place=Place(str(path)))
            data, existing[index] = existing[index], merge.after[index].to_bytes()
            writes.append(Replacement(path, merge.after[index].to_bytes(), data, mode=0o600))
    for entry in merge.entries:
        if entry.change == "replaced":
            where = f"the {entry.kind} '{entry.name}' in {paths[entry.file]}"
            note(f"warning: forced: {where} was not managed by tarmak-iam", hint)
    if not options["dry_run"]:
        for write in writes:
            if write.before is None:
                make_directory(write.path.parent, 0o700)
        replace_files(writes)
        record_done("wrote", *(write.path for write in writes))
    shown = _print_merge(paths, merge, wanted, dry_run=options["dry_run"], as_json=options["as_json"])
    cluster = wanted["clusters"][0]["name"]
    stanzas = (KubeconfigFile.of(document).stanza("clusters", cluster) for document in merge.after)
    return shown, any(stanza is not None and stanza.value.get("certificate-authority-data") for stanza in stanzas)


def _print_merge(paths: list[Path], merge: Merge, wanted: Manifest, *, dry_run: bool, as_json: bool) -> dict[str, Any]:
    """Returns it as JSON."""
    diffs = {}
    for index, (file, after) in enumerate(zip(merge.before, merge.after, strict=True)):
        if merge.is_changed(index):
            diffs[index] = redacted_diff(None if file.is_new else file.document, after, wanted)
    for diff in diffs.values() if not as_json else ():
        print_diff(diff)
    for index, path in enumerate(paths):
        _note_merged(merge, index, path, wanted, would_change=dry_run and index in diffs)
    if dry_run and diffs:
        note("dry run: nothing was written")
    entries = []
    for entry in merge.entries:
        file_name = str(paths[entry.file])
        entries.append({"kind": entry.kind, "name": entry.name, "change": entry.change, "file": file_name})
    context = None if merge.uses is None else str(paths[merge.uses])
    return {"changed": bool(diffs), "entries": entries, "currentContext": context, "diff": "".join(diffs.values())}


def _note_merged(merge: Merge, index: int, path: Path, wanted: Manifest, *, would_change: bool) -> None:
    """A line per kind of change to the file, unless it is only shown, and what to do about the file."""
    entries = [entry for entry in merge.entries if entry.file == index and not would_change]
    is_unchanged = {entry.change for entry in entries} == {"unchanged"}
    for change in ("added", "updated", "replaced", "unchanged"):
        names = ", ".join(f"{entry.kind} {entry.name}" for entry in entries if entry.change == change)
        if names and (change != "unchanged" or is_unchanged):
            note(f"{change}{':' * is_unchanged} {names} {'to' if change == 'added' else 'in'} {path}")
    for entry in entries:
        if entry.kept_role is not None:
            note(f"the user {entry.name} keeps its role {entry.kept_role}; --role adds a separate user")
    if merge.uses == index and not would_change:
        note(f"set the current context to {wanted['current-context']} in {path}")
    if not merge.is_changed(index):
        return
    if path.exists() and path.stat().st_mode & 0o077:
        note(f"warning: other users can read {path}, which may contain credentials: run `chmod 600 {path}`")
    if merge.after[index].next_document is not None:
        note(f"{path} contains several documents; kubectl reads only the first")


_KUBECTLS = "\0"  # no file has this name


@click.command()
@options.kubeconfig_options
@options.option("--session-name NAME")
@options.option("--server URL")
@options.option("--certificate-authority FILE", shell_complete=files)
@options.option("--proxy-url URL")
@options.option("--alias NAME")
@options.all_clusters_option
@options.option("--merge [FILE]", "merge_into", shell_complete=files, is_flag=False, flag_value=_KUBECTLS)
@options.option("--use")
@options.option("--force")
@options.dry_run_option
@options.format_option("yaml", "json")
@pass_session
def kubeconfig(
    session: Session,
    /,
    server: str | None,
    certificate_authority: str | None,
    merge_into: str | None,
    all_clusters: bool,
    use: bool,
    force: bool,
    dry_run: bool,
    output: str,
    **options: str | None,
) -> None:
    _check_flags(merge_into, {"--all-clusters": all_clusters, "--use": use, "--force": force, "--dry-run": dry_run})
    single = {"--server": server, "--certificate-authority": certificate_authority, "--alias": options["alias"]}
    if given := [name for name, value in {**single, "--use": use}.items() if value and all_clusters]:
        raise click.UsageError(f"{given[0]} is for one cluster: use it without --all-clusters")
    authority = _read_authority(certificate_authority)
    config, proxy_url = session.config(), options.pop("proxy_url")
    connection = {"proxy_url": proxy_url, **{name: options.pop(name) for name in ("alias", "session_name")}}
    reads_admin = server is None or authority is None

    def generate(cluster: Cluster) -> tuple[Installation, Manifest]:
        check_masters(cluster)
        installation = session.installation_of(config, cluster, options, with_admin=reads_admin)
        values: dict[str, Any] = {"server": server, "certificate_authority": authority, **connection}
        return installation, client_kubeconfig(installation, **values)

    if merge_into is None:
        installation, generated = generate(session.cluster(config))
        print_json(generated) if output == "json" else print_payload(yaml_bytes(generated))
        has_authority = "certificate-authority-data" in generated["clusters"][0]["cluster"]
        _note_access(installation, server, proxy_url, has_authority=has_authority)
        return
    log_variables("KUBECONFIG")
    paths = kubectl_files(os.environ) if merge_into == _KUBECTLS else [Path(merge_into)]
    existing, untouchable = list[bytes | None](), _own_files(session, config)
    flags = {"force": force, "use": use, "dry_run": dry_run, "as_json": output == "json"}

    def merge(cluster: Cluster, _: object = None) -> dict[str, Any]:
        installation, generated = generate(cluster)
        hint = installation.recovery_hint if force else ""
        merged, has_authority = _merge_into(paths, existing, generated, untouchable, hint, **flags)
        _note_access(installation, server, proxy_url, has_authority=has_authority)
        return merged

    def merge_all() -> list[ClusterOutcome]:
        existing[:] = [read_if_present(path) for path in paths]
        if all_clusters:
            return list(for_each(clusters_of(config, session.environment), merge, "merging"))
        return [ClusterOutcome(cluster := session.cluster(config), merge(cluster))]

    outcomes = merge_all() if dry_run else in_turn(lock_file_of(paths[0]), merge_all, "is editing this kubeconfig")
    if all_clusters:
        words = {True: "would be merged" if dry_run else "merged", False: "unchanged"}
        finish_all(outcomes, dict, output, lambda merged: words[merged["changed"]], words[False], codes={})
    elif output == "json":
        print_json(outcomes[0].value)


def _check_flags(merge_into: str | None, flags: dict[str, bool]) -> None:
    if merge_into == "":
        raise click.UsageError("--merge '' is not a file name")
    if merge_into is None and (given := [name for name, flag in flags.items() if flag]):
        raise click.UsageError(f"{given[0]} requires --merge")


def _read_authority(path: str | None) -> bytes | None:
    if path == "":
        raise click.UsageError("--certificate-authority '' is not a file name")
    authority = None if path is None else read_file(Path(path))
    if authority is not None:
        authority_data(authority, Place(str(path)))  # raises ConfigError if kubectl could not use it
    return authority


def _note_access(installation: Installation, server: str | None, proxy_url: str | None, *, has_authority: bool) -> None:
    """Reasons why a login may fail, or why kubectl may not reach the API server: CAs of the operating system, an old
    kubectl, Tarmak's tunnel."""
    _note_role(installation)
    if not has_authority:
        why = f"since {installation.admin_path} does not exist: kubectl verifies {server}"
        remedy = "specify --certificate-authority FILE for another CA"
        note(f"note: the kubeconfig contains no CA, {why} with the CAs of the operating system; {remedy}")
    if proxy_url and (warning := proxy_warning(installation.settings.kubectlVersion)):
        note(f"warning: {warning}")
    if server is None:
        _note_tunnel(installation)


def _own_files(session: Session, config: TarmakConfig) -> list[Path]:
    """Never to be overwritten, above all the admin certificates."""
    clusters = [cluster for cluster in config.clusters if is_cluster_id(cluster.cluster_name)]
    files = [path for cluster in clusters for path in session.files(config, cluster).own]
    return [*files, *([config.path] if config.path else [])]


_DONE = {
    FileAction.WRITE: "wrote",
    FileAction.UNCHANGED: "unchanged",
    FileAction.RESTRICT: "restricted",
    FileAction.REMOVE: "removed",
    FileAction.KEEP: "kept",
}
_DRY = "dry run: nothing was written"
_UNWRITTEN = (FileAction.UNCHANGED, FileAction.KEEP)


class _RenderedCluster(NamedTuple):
    """The files of a cluster in their directory, and the emitters that were skipped."""

    installation: Installation
    plan: DirectoryPlan
    left_out: list[tuple[str, ConfigError]]


@click.command()
@options.output_dir_option("the files")
@options.all_clusters_option
@options.object_options
@options.kubeconfig_options
@options.dry_run_option
@options.option("--force")
@options.format_option("text", "json")
@pass_session
def render(
    session: Session, /, output_dir: Path, all_clusters: bool, dry_run: bool, force: bool, output: str, **overrides: Any
) -> None:
    config = session.config()
    own_files = _own_files(session, config)

    def make(cluster: Cluster, directory: Path) -> _RenderedCluster:
        installation = session.installation_of(config, cluster, overrides, with_admin=True)
        artifacts, left_out = emit_all(installation)
        planned = plan_directory(directory, artifacts, installation.cluster_id, force=force, untouchable=own_files)
        note_incomplete(directory, "run it without --dry-run to complete it" if dry_run else "this run completes it")
        if not dry_run:
            write_directory(planned)
            for step in planned.steps:
                if step.action not in _UNWRITTEN:
                    record_done(_DONE[step.action], step.path)
        return _RenderedCluster(installation, planned, left_out)

    if all_clusters:
        outcomes = []
        directories = {
            cluster: output_dir / cluster.cluster_name for cluster in clusters_of(config, session.environment)
        }
        for outcome in for_each([*directories], lambda cluster, _: make(cluster, directories[cluster]), "rendering"):
            outcomes.append(outcome)
            if not outcome.error:
                note(f"{outcome.name}:")
                _print_files(outcome.value, output, dry_run=dry_run)
        if dry_run:
            note(_DRY)
        done = "could be rendered" if dry_run else "rendered"
        finish_all(outcomes, partial(_as_json, dry_run=dry_run), output, lambda _: done, done)
        return
    check_masters(cluster := session.cluster(config))
    made = make(cluster, output_dir)
    if output == "json":
        print_json(_as_json(made, dry_run=dry_run))
    _print_files(made, output, dry_run=dry_run, says_dry=dry_run)


def _print_files(made: _RenderedCluster, output: str, *, dry_run: bool, says_dry: bool = False) -> None:
    """What was written as text, and notes; without the skipped artifacts for JSON, which contains them itself."""
    steps = made.plan.steps
    if output != "json":
        for step in steps:
            would = dry_run and step.action not in _UNWRITTEN
            print_line(f"{f'would {step.action.value}' if would else _DONE[step.action]} {step.path}")
        for step in steps:
            if step.action is FileAction.KEEP:
                why = "it was changed by hand since it was written"
                note(f"{step.path} is no longer generated, but was not removed: {why}")
        if says_dry:
            note(_DRY)
    _note_objects(made.installation, made.left_out if output != "json" else ())
    if any(step.action is FileAction.REMOVE and step.path.suffix == ".yaml" for step in steps):
        note("note: removing the file of an object does not delete the object from a cluster; use kubectl to delete it")
    if "kubeconfig" not in dict(made.left_out):
        _note_role(made.installation)
        _note_tunnel(made.installation)


def _as_json(made: _RenderedCluster, *, dry_run: bool) -> dict[str, object]:
    steps = made.plan.steps
    return {
        "cluster": made.installation.cluster_id,
        "directory": str(made.plan.directory),
        "dryRun": dry_run,
        "files": [{"name": step.path.name, "path": str(step.path), "action": step.action.value} for step in steps],
        "leftOut": [{"name": name, "reason": str(error)} for name, error in made.left_out],
    }
