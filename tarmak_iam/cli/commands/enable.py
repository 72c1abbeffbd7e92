"""enable, disable: awsIAMAuthenticatorInit in tarmak.yaml."""

from __future__ import annotations

import click

from tarmak_iam.cli.console import note
from tarmak_iam.cli.file_edits import edits_tarmak_yaml, finish_edit
from tarmak_iam.cli.options import dry_run_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.text import shortened


@click.command(epilog="\b\nExample: tarmak-iam --current-cluster dev-cluster enable --dry-run")
@dry_run_option
@pass_session
@edits_tarmak_yaml
def enable(session: Session, dry_run: bool) -> None:
    """Switch the authenticator on: awsIAMAuthenticatorInit of the current cluster.

    Prints the lines that change in tarmak.yaml; every other byte stays.
    """
    config = session.config()
    cluster = session.cluster(config)
    _finish(config, config.enable_authenticator(cluster.cluster_name), cluster, dry_run, "on")


@click.command(epilog="\b\nExample: tarmak-iam --current-cluster dev-cluster disable")
@dry_run_option
@pass_session
@edits_tarmak_yaml
def disable(session: Session, dry_run: bool) -> None:
    """Switch it off again.

    The key goes, and so do parents that are empty without it; a key with a comment of its own becomes false.
    """
    config = session.config()
    cluster = session.cluster(config)
    _finish(config, config.disable_authenticator(cluster.cluster_name), cluster, dry_run, "off")


def _finish(before: TarmakConfig, after: TarmakConfig, cluster: Cluster, dry_run: bool, state: str) -> None:
    if after is before:
        note(f"unchanged: the authenticator is {state} for {shortened(cluster.cluster_name)}")
        return
    apply = before.command_line(cluster).tarmak("clusters apply")
    done = f"the authenticator is {state} for {shortened(cluster.cluster_name)}; `{apply}` brings it to the masters"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
