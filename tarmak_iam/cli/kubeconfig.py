"""kubeconfig: what the people who log in get, printed or merged into what they have."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tarmak_iam.cli.completing import files
from tarmak_iam.cli.console import format_option, note, print_json, print_payload
from tarmak_iam.cli.edit import dry_run_option
from tarmak_iam.cli.editing import in_turn
from tarmak_iam.cli.kubeconfig_files import kubectl_files
from tarmak_iam.cli.kubeconfig_plan import Plan
from tarmak_iam.cli.notes import note_role
from tarmak_iam.cli.overrides import kubeconfig_options
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.cli.verbosity import log_variables
from tarmak_iam.document.file_lock import lock_file_of
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.emit.kubeconfig import api_server, client_kubeconfig, is_tunnel
from tarmak_iam.installation import Installation

__all__ = ["kubeconfig", "note_tunnel"]

_KUBECTLS = "\0"  # no file has this name


@click.command(
    epilog="\b\nExamples:\n  tarmak-iam kubeconfig --role arn:aws:iam::111122223333:role/Admin \\\n"
    "      > admin.kubeconfig\n"
    "  tarmak-iam kubeconfig --merge --use"
)
@kubeconfig_options
@click.option(
    "--merge",
    "merge_into",
    metavar="[FILE]",
    shell_complete=files,
    is_flag=False,
    flag_value=_KUBECTLS,
    help="Add it to this kubeconfig, or bring it up to date there. Without FILE: where kubectl would, KUBECONFIG or "
    "~/.kube/config.",
)
@click.option("--use", is_flag=True, help="With --merge: make its context the current one.")
@click.option("--force", is_flag=True, help="With --merge: replace entries of the same name that are not ours.")
@dry_run_option
@format_option("yaml", "json")
@pass_session
def kubeconfig(
    session: Session,
    /,
    merge_into: str | None,
    use: bool,
    force: bool,
    dry_run: bool,
    output: str,
    **login: str | None,
) -> None:
    """A kubeconfig that gets its tokens from `aws-iam-authenticator token`, or another command (--exec).

    With --merge it goes into an existing one: other entries, comments and the current context stay as they are,
    and what is not ours is not shown.
    """
    config = session.config()
    cluster = session.cluster(config)
    installation = session.installation_of(config, cluster, login, with_admin=True)
    made = client_kubeconfig(installation)
    if merge_into is None:
        for name, given in (("--use", use), ("--force", force), ("--dry-run", dry_run)):
            if given:
                raise click.UsageError(f"{name} needs --merge")
        if output == "json":
            print_json(made)
        else:
            print_payload(yaml_bytes(made))
    else:
        own = [path for path in (*session.files(config, cluster).own, config.path) if path]
        if not merge_into:
            raise click.UsageError("--merge '' names no file")
        log_variables("KUBECONFIG")
        paths = kubectl_files(os.environ) if merge_into == _KUBECTLS else [Path(merge_into)]

        def merge() -> None:
            plan = Plan.of(paths, made, force=force, use=use)
            plan.check(own, installation.way_in if force else "")
            if not dry_run:
                plan.write()
            plan.show(dry_run=dry_run, as_json=output == "json")

        if dry_run:
            merge()
        else:
            in_turn(lock_file_of(paths[0]), merge, "is editing this kubeconfig")
    note_role(installation)
    note_tunnel(installation)


def note_tunnel(installation: Installation) -> None:
    """Says so where the kubeconfig of an installation works for ten minutes at a time."""
    server = api_server(installation)
    if server is not None and is_tunnel(server):
        reopen = installation.command_line.tarmak("clusters kubeconfig")
        note(
            f"{server} is a tunnel that Tarmak keeps open for 10 minutes: "
            f"`{reopen}` opens it again, and if its port has changed, make this kubeconfig again"
        )
