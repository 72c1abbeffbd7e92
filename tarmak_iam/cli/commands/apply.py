"""apply: applies what `manifests` shows to the live cluster, with kubectl."""

from __future__ import annotations

from typing import Any, Literal

import click

from tarmak_iam.access.diff import effect_json
from tarmak_iam.cli.console import note, print_json, print_line, record_done
from tarmak_iam.cli.installation_notes import note_image
from tarmak_iam.cli.live_cluster import (
    Login,
    change_json,
    finish_login,
    login_json,
    print_changes,
    stale_pod_json,
    timeout_option,
    try_login,
    wait_option,
)
from tarmak_iam.cli.options import access_options, format_option, object_options, option, profile_option, role_option
from tarmak_iam.cli.session import Session, exclusive_access, pass_session
from tarmak_iam.emit import manifests
from tarmak_iam.hook.apply_hook import refuse_errors
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects


@click.command(epilog="\b\nExamples:\n  tarmak-iam apply --dry-run=server\n  tarmak-iam apply --verify")
@access_options
@object_options
@option(
    "--dry-run",
    "Change nothing. client (the default value) only reads; server: the API server checks the objects.",
    type=click.Choice(["client", "server"]),
    is_flag=False,
    flag_value="client",
)
@option("--no-check", "Apply even if `check` finds errors.")
@option("--force", "Overwrite objects and fields that others manage; apply even if the last admin loses access.")
@wait_option
@timeout_option
@option("--verify", "Then verify a login, as `verify` does; exit code 4 if you are not mapped.")
@role_option
@profile_option
@format_option("text", "json")
@pass_session
def apply(
    session: Session,
    /,
    dry_run: Literal["client", "server"] | None,
    no_check: bool,
    force: bool,
    wait: bool,
    timeout: float,
    verify: bool,
    output: str,
    **overrides: Any,
) -> None:
    """Apply what `manifests` shows to the cluster.

    The objects are applied server-side, with the field manager tarmak-iam. Only objects that are managed by tarmak-iam
    are changed; those that are no longer generated are removed last. The previous objects are saved in
    tarmak-iam.state.json, next to the mappings, for `rollback`. Then pods that do not run the cluster's configuration
    are restarted one by one, even if `apply` changed nothing. With --no-wait a pod that is ready is restarted only if
    it is the only one.

    That the objects are applied does not mean that a login works: --verify logs in, as --role if that is specified.
    """
    if verify and dry_run:
        raise click.UsageError("--verify cannot be combined with --dry-run, which applies nothing")
    for name in ("role", "profile"):
        if overrides[name] is not None and not verify:
            raise click.UsageError(f"--{name} is for the login of --verify: add --verify")
    config, cluster, files = session.selected()
    installation = session.installation_of(config, cluster, overrides)
    if not no_check:
        refuse_errors(cluster, Subjects(config, installation.mappings, installation, files.settings_document()))
    manifests(installation)  # report errors in the objects before asking tarmak, which may take minutes
    note_image(installation)
    try:
        with exclusive_access(session, config, cluster, dry_run=dry_run is not None) as kubectl:
            done = apply_to_cluster(
                installation,
                kubectl,
                files.home / STATE_NAME,
                dry_run=dry_run,
                force=force,
                wait=timeout if wait else None,
                tell=note,
                within=files.within,
            )
    except ApplyFailed:
        note(installation.recovery_hint)
        raise
    if done.changed and not dry_run:
        record_done("changed", f"the objects of {cluster.cluster_name}")
    if output == "text":
        print_changes(done.changes)
        for effect in done.effects:
            print_line(effect.text)
    login = try_login(installation, kubectl) if verify else None
    if output == "json":
        print_json(
            {
                "changed": done.changed,
                "dryRun": dry_run,
                "changes": [change_json(change) for change in done.changes],
                "effects": [effect_json(effect) for effect in done.effects],
                "rolledOut": done.rolled_out,
                "restartedPods": [stale_pod_json(pod) for pod in done.restarted],
                "state": str(done.state) if done.state else None,
                "notes": [*done.notes],
                "verified": login_json(login),
            }
        )
    _note_state(installation, done, dry_run, login, session.access, is_text=output == "text")


def _note_state(
    installation: Installation,
    done: Applied,
    dry_run: str | None,
    login: Login | None,
    access: tuple[str, ...],
    *,
    is_text: bool,
) -> None:
    for text in done.notes:
        note(f"note: {text}")
    if dry_run:
        note("dry run: nothing was changed")
        return
    if done.state:
        note(
            f"the previous objects are saved in {done.state}; run `{installation.command('rollback')}` to restore them"
        )
    state = "applied" if done.changed else "unchanged"
    if login is None:
        note(f"{state}, not verified; run `{installation.command('verify', *access)}` to verify a login")
    else:
        finish_login(login, installation, access, is_text=is_text)
        note(f"{state} and verified")
