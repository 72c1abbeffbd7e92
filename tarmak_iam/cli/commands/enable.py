"""enable, disable: the key awsIAMAuthenticatorInit in tarmak.yaml."""

from __future__ import annotations

from collections.abc import Callable

import click

from tarmak_iam.cli.console import note
from tarmak_iam.cli.edits import edits_tarmak_yaml, finish_edit
from tarmak_iam.cli.options import dry_run_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import authenticator_init_route
from tarmak_iam.config.removals import reads_differently
from tarmak_iam.text import shortened


@click.command()
@dry_run_option
@pass_session
@edits_tarmak_yaml
def enable(session: Session, dry_run: bool) -> None:
    _edit(session, TarmakConfig.enable_authenticator, dry_run=dry_run)


@click.command()
@dry_run_option
@pass_session
@edits_tarmak_yaml
def disable(session: Session, dry_run: bool) -> None:
    _edit(session, TarmakConfig.disable_authenticator, dry_run=dry_run)


def _edit(session: Session, edit: Callable[[TarmakConfig, str], TarmakConfig], *, dry_run: bool) -> None:
    before = session.config()
    cluster = session.cluster(before)
    after = edit(before, cluster.cluster_name)
    enabled = after.clusters[cluster.index].authenticator_init
    result = f"awsIAMAuthenticatorInit is {'on' if enabled else 'off'} for {shortened(cluster.cluster_name)}"
    if after is before:
        note(f"unchanged: {result}")
        route, value = authenticator_init_route(cluster), str(enabled).lower()
        if reads_differently(before.document, route):
            command = session.command(f"set awsIAMAuthenticatorInit {value}")
            what = f"note: other readers of YAML do not read {value} here"
            note(f"{before.document.position(route)}: {what}; write {value}: {command}")
        return
    apply = before.command_line(cluster).tarmak("clusters apply")
    done = f"{result}; run `{apply}` to roll it out to the masters"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
