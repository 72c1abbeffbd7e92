"""rollback: undoes changes that apply made, with kubectl; and lists them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from tarmak_iam.access.diff import effect_json
from tarmak_iam.cli.commands.apply import change_json, stale_pod_json, wait_options
from tarmak_iam.cli.console import aligned, note, print_json, print_line, record_done
from tarmak_iam.cli.options import access_options, format_option, option
from tarmak_iam.cli.session import Session, exclusive_access, pass_session
from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.hook.cluster.history import STATE_NAME, Revision, Status, read_history
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange, RollbackFailed, RolledBack
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.installation.admin_kubeconfig import examine_admin


def _print_history(revisions: tuple[Revision, ...], output: str) -> None:
    """The newest one last, as in kubectl."""
    made = []  # the changes; of a revision that was not completed, those that were planned
    for revision in revisions:
        is_over = revision.status in (Status.APPLIED, Status.UNDONE)
        shown = [changed for changed in revision.objects if changed.is_change and (changed.is_done or not is_over)]
        made.append((revision, [changed.change for changed in shown]))
    if output == "json":
        listed = [
            {
                "number": revision.number,
                "time": f"{revision.time:%Y-%m-%dT%H:%M:%SZ}",
                "status": str(revision.status),
                "cluster": revision.cluster,
                "release": revision.release or None,
                "changes": [change_json(change) for change in changes],
            }
            for revision, changes in made
        ]
        print_json({"changes": listed})
    elif not revisions:
        note("no changes: nothing was applied from this directory")
    else:
        *_, latest = dict.fromkeys(revision.cluster for revision in revisions)
        rows = [("CHANGE", "TIME", "STATUS", "OBJECTS")]
        for revision, changes in made:
            # Changes of a cluster that was created again since cannot be undone: it is another one.
            elsewhere = "" if revision.cluster == latest else " (of an earlier cluster)"
            rows.append((str(revision.number), revision.when, f"{revision.status}{elsewhere}", _summary(changes)))
        for line in aligned(rows):
            print_line(line)


def _summary(changes: list[ObjectChange]) -> str:
    """More than three objects of one kind are summarised by their number."""
    counts = Counter((change.action, change.kind) for change in changes)
    texts = []
    for (action, kind), count in counts.items():
        if count > 3:
            texts.append(f"{action} {count} objects of kind {kind}")
        else:
            texts += [change.text for change in changes if (change.action, change.kind) == (action, kind)]
    return ", ".join(texts)


@click.command(
    epilog="\b\nExamples:\n  tarmak-iam rollback\n  tarmak-iam rollback --list\n  tarmak-iam rollback --to 3 --dry-run"
)
@access_options
@option("--list", "List the changes that apply made, and change nothing.", "listing")
@option(
    "--to N", "Go back to the state after change N. Default: undo only the last change.", type=click.IntRange(min=0)
)
@option("--dry-run", "Only print what would change, and who could log in afterwards.")
@option("--state FILE", f"History file. Default: {STATE_NAME} of the cluster.", type=click.Path(path_type=Path))
@option("--force", "Undo even if others changed the same fields, or if a node could not run its pod.")
@wait_options
@format_option("text", "json")
@pass_session
def rollback(
    session: Session,
    listing: bool,
    to: int | None,
    dry_run: bool,
    state: Path | None,
    force: bool,
    wait: bool,
    timeout: float,
    output: str,
) -> None:
    """Undo the last change that `apply` made to the cluster.

    Fields that it set get their previous values, objects that it created are removed, and objects that it removed are
    created again. Later changes by others stay. A second run has nothing to undo; --to N goes further back.
    """
    if listing and to is not None:
        raise click.UsageError("--list cannot be combined with --to")
    if state is not None and not state.exists():
        raise SelectionError("history not found", remedy="check the path", place=Place(str(state)))
    config, cluster, files = session.selected()
    path, within = (state, None) if state else (files.home / STATE_NAME, files.within)

    def recovery_hint() -> str:
        """Without loading the installation, which reads the mappings: they may be what has to be rolled back."""
        return examine_admin(files.home, command_line=files.command_line, within=files.within).advice

    if listing:
        _print_history(read_history(path, within).revisions, output)
        return
    try:
        with exclusive_access(session, config, cluster, dry_run=dry_run) as kubectl:
            done = roll_back(
                kubectl,
                path,
                to=to,
                force=force,
                dry_run=dry_run,
                wait=timeout if wait else None,
                tell=note,
                within=within,
            )
    except RollbackFailed:
        note(recovery_hint())
        raise
    if done.changed and not dry_run:
        record_done("changed", f"the objects of {cluster.cluster_name}")
    _print_done(done, output, dry_run=dry_run)
    if dry_run:
        note("dry run: nothing was changed")
    elif any(removes_the_authenticator(change) for change in done.changes):
        note(f"IAM login is not possible now; {recovery_hint()}")
    if not done.undone:
        why = "the last change is already undone" if to is None else f"no change after change {to} is left to undo"
        further = files.command_line.tarmak_iam("rollback --list")
        note(f"unchanged: {why}; run `{further}` to see all changes")


def _print_done(done: RolledBack, output: str, *, dry_run: bool) -> None:
    if output == "json":
        later = done.access_after
        print_json(
            {
                "changed": done.changed,
                "dryRun": dry_run,
                "undone": list(done.undone),
                "changes": [change_json(change) for change in done.changes],
                "effects": [effect_json(effect) for effect in later.effects] if later else [],
                "afterwards": later
                and {"principals": later.principals, "admins": later.admins, "reason": later.reason},
                "rolledOut": done.rolled_out,
                "restartedPods": [stale_pod_json(pod) for pod in done.restarted],
            }
        )
    else:
        for change in done.changes:
            print_line(change.text)


def removes_the_authenticator(change: ObjectChange) -> bool:
    """A DaemonSet of a plugin answers no logins."""
    ours = ("DaemonSet", NAMESPACE, NAME)
    return change.action is ObjectAction.REMOVED and (change.kind, change.namespace, change.name) == ours
