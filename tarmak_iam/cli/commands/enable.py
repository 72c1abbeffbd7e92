"""enable, disable: the key awsIAMAuthenticatorInit in tarmak.yaml."""

from __future__ import annotations

import click

from tarmak_iam.cli.console import note
from tarmak_iam.cli.file_edits import edits_tarmak_yaml, finish_edit, note_other_readings
from tarmak_iam.cli.options import dry_run_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.section_edits import authenticator_init_route
from tarmak_iam.text import shortened


@click.command(epilog="\b\nExample: tarmak-iam --cluster dev-cluster enable --dry-run")
@dry_run_option
@pass_session
@edits_tarmak_yaml
def enable(session: Session, dry_run: bool) -> None:
    """Enable IAM login for a cluster: set awsIAMAuthenticatorInit in tarmak.yaml to true.

    Prints the changed lines of tarmak.yaml. Every other byte of the file stays as it is.
    """
    config = session.config()
    cluster = session.cluster(config)
    _finish(config, config.enable_authenticator(cluster.cluster_name), cluster, dry_run, "on")


@click.command(epilog="\b\nExample: tarmak-iam --cluster dev-cluster disable")
@dry_run_option
@pass_session
@edits_tarmak_yaml
def disable(session: Session, dry_run: bool) -> None:
    """Disable IAM login for a cluster: remove awsIAMAuthenticatorInit from tarmak.yaml.

    Parents that become empty are removed too. If the key has its own comment, it is set to false instead.
    """
    config = session.config()
    cluster = session.cluster(config)
    _finish(config, config.disable_authenticator(cluster.cluster_name), cluster, dry_run, "off")


def _finish(before: TarmakConfig, after: TarmakConfig, cluster: Cluster, dry_run: bool, state: str) -> None:
    result = f"awsIAMAuthenticatorInit is {state} for {shortened(cluster.cluster_name)}"
    if after is before:
        note(f"unchanged: {result}")
        note_other_readings(before.document, authenticator_init_route(cluster))
        return
    apply = before.command_line(cluster).tarmak("clusters apply")
    done = f"{result}; run `{apply}` to roll it out to the masters"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
