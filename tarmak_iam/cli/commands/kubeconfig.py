"""kubeconfig: the kubeconfig for users, printed or merged into existing files."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import click

from tarmak_iam.cli.completion import files
from tarmak_iam.cli.console import log_variables, note, print_diff, print_json, print_payload, record_done
from tarmak_iam.cli.edits import in_turn
from tarmak_iam.cli.installation_notes import note_role, note_tunnel
from tarmak_iam.cli.options import dry_run_option, format_option, kubeconfig_options, option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import FileError, Place
from tarmak_iam.files.atomic import Replacement, make_directory, replace_files
from tarmak_iam.files.lock import lock_file_of
from tarmak_iam.files.read import read_file, read_if_present
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.kubeconfig.connection import authority_data, proxy_warning
from tarmak_iam.kubeconfig.file import KubeconfigFile, default_file, kubectl_files
from tarmak_iam.kubeconfig.merge import Merge, merge_kubeconfig
from tarmak_iam.kubeconfig.redacted_diff import redacted_diff


def _merge_into(paths: list[Path], wanted: Manifest, untouchable: list[Path], hint: str, **options: bool) -> bool:
    """Merges the entries into the files, writes all of them or none, and prints what has changed. Returns whether the
    cluster's entry contains a CA afterwards: one that was there stays. `hint` is about recovery access. Raises
    TarmakIamError, also for an untouchable file of the cluster: Tarmak's own kubeconfig gives recovery access."""
    existing = [read_if_present(path) for path in paths]
    before = [
        KubeconfigFile.new(str(path)) if data is None else KubeconfigFile.parse(data, str(path))
        for path, data in zip(paths, existing, strict=True)
    ]
    default = default_file([data is not None for data in existing])
    merge = merge_kubeconfig(before, wanted, default=default, force=options["force"], use=options["use"])
    real_paths = set(map(os.path.realpath, untouchable))
    writes = []
    for index, path in enumerate(paths):
        if merge.is_changed(index):
            if os.path.realpath(path) in real_paths:
                what = "this file belongs to the cluster itself; nothing was written"
                raise FileError(what, remedy="specify another FILE for --merge", place=Place(str(path)))
            writes.append(Replacement(path, merge.after[index].to_bytes(), existing[index], mode=0o600))
    for entry in merge.entries:
        if entry.change == "replaced":
            where = f"the {entry.kind} '{entry.name}' in {paths[entry.file]}"
            note(f"forced: {where} was not managed by tarmak-iam; {hint}")
    if not options["dry_run"]:
        for write in writes:
            if write.before is None:
                make_directory(write.path.parent, 0o700)
        replace_files(writes)
        record_done("wrote", *(write.path for write in writes))
    _print_merge(paths, merge, wanted, dry_run=options["dry_run"], as_json=options["as_json"])
    name = wanted["clusters"][0]["name"]
    stanzas = (KubeconfigFile.of(document).stanza("clusters", name) for document in merge.after)
    return any(stanza is not None and stanza.value.get("certificate-authority-data") for stanza in stanzas)


def _print_merge(paths: list[Path], merge: Merge, wanted: Manifest, *, dry_run: bool, as_json: bool) -> None:
    diffs = {}
    for index, (file, after) in enumerate(zip(merge.before, merge.after, strict=True)):
        if merge.is_changed(index):
            diffs[index] = redacted_diff(None if file.is_new else file.document, after, wanted)
    if as_json:
        entries = []
        for entry in merge.entries:
            file_name = str(paths[entry.file])
            entries.append({"kind": entry.kind, "name": entry.name, "change": entry.change, "file": file_name})
        context = None if merge.uses is None else str(paths[merge.uses])
        diff = "".join(diffs.values())
        print_json({"changed": bool(diffs), "entries": entries, "currentContext": context, "diff": diff})
    else:
        for diff in diffs.values():
            print_diff(diff)
    for index, path in enumerate(paths):
        _note_merged(merge, index, path, wanted, would_change=dry_run and index in diffs)
    if dry_run and diffs:
        note("dry run: nothing was written")


def _note_merged(merge: Merge, index: int, path: Path, wanted: Manifest, *, would_change: bool) -> None:
    """One line per kind of change to the file, unless it is only shown; a line `unchanged: ...` where nothing changed;
    and what to do about the file if it changes."""
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
        note(f"other users can read {path}, which may contain credentials: run `chmod 600 {path}`")
    if merge.after[index].next_document is not None:
        note(f"{path} contains several documents; kubectl reads only the first")


_KUBECTLS = "\0"  # no file has this name


@click.command(
    epilog="\b\nExamples:\n  tarmak-iam kubeconfig --role arn:aws:iam::111122223333:role/Admin \\\n"
    "      > admin.kubeconfig\n"
    "  tarmak-iam kubeconfig --merge --use --alias dev\n"
    "  tarmak-iam kubeconfig --server https://api.dev.example.com \\\n"
    "      --certificate-authority ca.pem"
)
@kubeconfig_options
@option("--session-name NAME", "Name of the role session. Requires a role; not for --exec aws.")
@option("--server URL", "API server. Default: the public address, or as in Tarmak's kubeconfig.")
@option(
    "--certificate-authority FILE",
    "PEM file with the CA of the API server, which is embedded. Default: the CA in Tarmak's kubeconfig; with "
    "--server, if that does not exist, the CAs of the operating system.",
    shell_complete=files,
)
@option("--proxy-url URL", "Proxy for requests to the API server (kubectl 1.19 and later).")
@option("--alias NAME", "Name of the context. Default: the cluster and the name of the role.")
@option(
    "--merge [FILE]",
    "Add the entries to this kubeconfig, or update them there. Without FILE: the file that kubectl would "
    "change (KUBECONFIG, else ~/.kube/config).",
    "merge_into",
    shell_complete=files,
    is_flag=False,
    flag_value=_KUBECTLS,
)
@option("--use", "With --merge: make its context the current one.")
@option("--force", "With --merge: replace entries of the same name that tarmak-iam does not manage.")
@dry_run_option
@format_option("yaml", "json")
@pass_session
def kubeconfig(
    session: Session,
    /,
    server: str | None,
    certificate_authority: str | None,
    merge_into: str | None,
    use: bool,
    force: bool,
    dry_run: bool,
    output: str,
    **options: str | None,
) -> None:
    """Generate a kubeconfig for users who log in with AWS IAM.

    kubectl gets its tokens from `aws-iam-authenticator token`, or from another command (--exec). With --merge, the
    entries are written to an existing kubeconfig: other entries, comments and the current context stay unchanged, and
    entries that tarmak-iam does not manage are not shown.

    Server and CA are those of Tarmak's own kubeconfig; --server and --certificate-authority work without it.
    """
    config, cluster, cluster_files = session.selected()
    for name, path in (("--certificate-authority", certificate_authority), ("--merge", merge_into)):
        if path == "":
            raise click.UsageError(f"{name} '' is not a file name")
    authority = None if certificate_authority is None else read_file(Path(certificate_authority))
    if authority is not None:
        authority_data(authority, Place(str(certificate_authority)))  # raises ConfigError if kubectl could not use it
    connection = {name: options.pop(name) for name in ("proxy_url", "alias", "session_name")}
    reads_admin = server is None or authority is None
    installation = session.installation_of(config, cluster, options, with_admin=reads_admin)
    generated = client_kubeconfig(installation, server=server, certificate_authority=authority, **connection)
    if merge_into is None:
        given = [f"--{name}" for name, flag in (("use", use), ("force", force), ("dry-run", dry_run)) if flag]
        if given:
            raise click.UsageError(f"{given[0]} requires --merge")
        print_json(generated) if output == "json" else print_payload(yaml_bytes(generated))
        has_authority = "certificate-authority-data" in generated["clusters"][0]["cluster"]
    else:
        hint = installation.recovery_hint if force else ""
        log_variables("KUBECONFIG")
        paths = kubectl_files(os.environ) if merge_into == _KUBECTLS else [Path(merge_into)]
        untouchable = [path for path in (*cluster_files.own, config.path) if path]
        flags = {"force": force, "use": use, "dry_run": dry_run, "as_json": output == "json"}
        merge = partial(_merge_into, paths, generated, untouchable, hint, **flags)
        has_authority = merge() if dry_run else in_turn(lock_file_of(paths[0]), merge, "is editing this kubeconfig")
    note_role(installation)
    # Reasons why kubectl may not reach the API server: CAs of the operating system, an old kubectl, Tarmak's tunnel.
    if not has_authority:
        note(
            f"note: the kubeconfig contains no CA, since {installation.admin_path} does not exist: kubectl verifies "
            f"{server} with the CAs of the operating system; specify --certificate-authority FILE for another CA"
        )
    if connection["proxy_url"] and (warning := proxy_warning(installation.settings.kubectlVersion)):
        note(f"warning: {warning}")
    if server is None:
        note_tunnel(installation)
