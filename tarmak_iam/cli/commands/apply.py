"""apply, diff, rollback: the objects of the live cluster, with kubectl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tarmak_iam.access.diff import effect_json, effects
from tarmak_iam.access.lockout import principal_refusal
from tarmak_iam.cli import options
from tarmak_iam.cli.all_clusters import ReportProgress, clusters_of, finish_all, for_each
from tarmak_iam.cli.commands.verify import Login, finish_login, login_json, try_login
from tarmak_iam.cli.console import ExitCode, aligned, note, print_diff, print_json, print_line, record_done
from tarmak_iam.cli.edits import read_import
from tarmak_iam.cli.session import Session, exclusive_access, kubectl_of, note_image, pass_session
from tarmak_iam.emit import manifests
from tarmak_iam.emit.artifact import NAME, NAMESPACE
from tarmak_iam.errors import Place, SelectionError
from tarmak_iam.hook.apply_hook import refuse_errors
from tarmak_iam.hook.cluster import results
from tarmak_iam.hook.cluster.apply import LiveDiff, apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.history import STATE_NAME, Revision, Status, read_history
from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS, Kubectl
from tarmak_iam.hook.cluster.pods import StalePod
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.login.admin import uses_admin_kubeconfig, verify_admin
from tarmak_iam.installation.admin_kubeconfig import examine_admin
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.setting_table import REGISTRY
from tarmak_iam.lint import Subjects
from tarmak_iam.mappings.formats import as_mappings

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster

wait_options = options.all_of(
    options.option("--wait/--no-wait", default=True),
    options.seconds_option("How long to wait for the rollout, and then again for the restarts.", ROLLOUT_SECONDS),
)


def change_json(change: results.ObjectChange) -> dict[str, str]:
    return {"action": str(change.action), "kind": change.kind, "namespace": change.namespace, "name": change.name}


def stale_pod_json(stale: StalePod) -> dict[str, str]:
    ref = stale.pod.ref
    return {"namespace": ref.namespace, "name": ref.name, "node": stale.pod.node, "reason": stale.reason}


@click.command()
@options.access_options
@options.object_options
@options.option("--dry-run", type=click.Choice(["client", "server"]), is_flag=False, flag_value="client")
@options.option("--no-check")
@options.option("--force")
@wait_options
@options.option("--verify", "verifies")
@options.login_options
@options.format_option("text", "json")
@pass_session
def apply(session: Session, /, wait: bool, timeout: float, output: str, **more: Any) -> None:
    dry_run: Literal["client", "server"] | None = more.pop("dry_run")
    no_check, force, verifies = (more.pop(name) for name in ("no_check", "force", "verifies"))
    if verifies and dry_run:
        raise click.UsageError("--verify cannot be combined with --dry-run, which applies nothing")
    given = [name for name in ("role", "profile") if more[name] is not None]
    if given and not verifies:
        raise click.UsageError(f"--{given[0]} requires --verify")
    config, cluster, files = session.selected()
    installation = session.installation_of(config, cluster, more)
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
    except results.ApplyFailed as error:
        error.recovery = installation.recovery_hint
        raise
    if done.changed and not dry_run:
        record_done("changed", f"the objects of {cluster.cluster_name}")
    login = _print_applied(installation, done, output, dry_run, kubectl if verifies else None)
    for text in done.notes:
        note(f"note: {text}")
    if dry_run:
        note("dry run: nothing was changed")
        return
    if done.state:
        restore = installation.command("rollback")
        note(f"the previous objects are saved in {done.state}; run `{restore}` to restore them")
    state = "applied" if done.changed else "unchanged"
    if login is None:
        note(f"{state}, not verified; run `{installation.command('verify', *session.access)}` to verify a login")
    else:
        finish_login(login, installation, session.access, is_text=output == "text")
        note(f"{state} and verified")


def _print_applied(
    installation: Installation, done: results.Applied, output: str, dry_run: str | None, kubectl: Kubectl | None
) -> Login | None:
    """Tries a login with the `kubectl`, if any, and returns it. As text, what was applied is printed before."""
    if output == "text":
        for change in done.changes:
            print_line(change.planned_text if dry_run else change.text)
        for effect in done.effects:
            print_line(effect.text)
    login = None if kubectl is None else try_login(installation, kubectl)
    if kubectl is not None and uses_admin_kubeconfig(installation, kubectl) and installation.admin_access.gives_access:
        admin = verify_admin(installation, kubectl)
        note(admin.what if admin.ok else f"warning: {admin.what}; {admin.remedy}")
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
    return login


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


def _summary(changes: list[results.ObjectChange]) -> str:
    """More than three objects of one kind are summarised by their number."""
    counts = Counter((change.action, change.kind) for change in changes)
    texts = []
    for (action, kind), count in counts.items():
        if count > 3:
            texts.append(f"{action} {count} objects of kind {kind}")
        else:
            texts += [change.text for change in changes if (change.action, change.kind) == (action, kind)]
    return ", ".join(texts)


@click.command()
@options.access_options
@options.option("--list", "listing")
@options.option("--to N", type=options.WHOLE_NUMBER)
@options.option("--dry-run")
@options.option(
    "--state FILE", about=f"History file. Default: {STATE_NAME} of the cluster.", type=click.Path(path_type=Path)
)
@options.option("--force")
@wait_options
@options.format_option("text", "json")
@pass_session
def rollback(
    session: Session, /, listing: bool, to: int | None, state: Path | None, wait: bool, timeout: float, **more: Any
) -> None:
    output, dry_run = more.pop("output"), more["dry_run"]
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
            limit = timeout if wait else None
            done = roll_back(kubectl, path, to=to, wait=limit, tell=note, within=within, **more)
    except results.RollbackFailed as error:
        error.recovery = recovery_hint()
        raise
    if done.changed and not dry_run:
        record_done("changed", f"the objects of {cluster.cluster_name}")
    _print_done(done, output, dry_run=dry_run)
    if dry_run:
        note("dry run: nothing was changed")
    elif any(removes_the_authenticator(change) for change in done.changes):
        note("warning: IAM login is not possible now", recovery_hint())
    if not done.undone:
        why = "the last change is already undone" if to is None else f"all changes after change {to} are already undone"
        further = files.command_line.tarmak_iam("rollback --list")
        note(f"unchanged: {why}; run `{further}` to see all changes")


def _print_done(done: results.RolledBack, output: str, *, dry_run: bool) -> None:
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
            print_line(change.planned_text if dry_run else change.text)


def removes_the_authenticator(change: results.ObjectChange) -> bool:
    """A DaemonSet of a plugin answers no logins."""
    ours = ("DaemonSet", NAMESPACE, NAME)
    return change.action is results.ObjectAction.REMOVED and (change.kind, change.namespace, change.name) == ours


_UP_TO_DATE = "up to date"
_NO_DIFFERENCES = "no differences: the cluster is up to date"


@click.command()
@options.option("--from FILE", "file")
@options.daemon_version_option
@options.all_clusters_option
@options.access_options
@options.seconds_option("How long to wait for each answer of the API server, at least 5 seconds.", ANSWER_SECONDS)
@options.object_options
@options.format_option("text", "json")
@pass_session
def diff(
    session: Session, /, file: str | None, timeout: float, all_clusters: bool, output: str, **overrides: Any
) -> None:
    release: str | None = overrides.pop("daemon_version")
    if release is not None:
        others = (file, all_clusters, *session.access, overrides["image"], overrides[REGISTRY])
        _diff_release(session, release, output, overrides, is_alone=not any(others))
        return
    if file is not None and session.access:
        raise click.UsageError("--from compares with a file: use it without --kubeconfig and --context")
    if all_clusters and (file is not None or session.access):
        raise click.UsageError("--all-clusters cannot be combined with --from, --kubeconfig or --context")

    def live(installation: Installation, tell: ReportProgress = note) -> LiveDiff:
        manifests(installation)  # as in `apply`: tarmak is asked for a kubeconfig only if the objects can be generated
        return live_diff(installation, kubectl_of(session, installation.cluster_id, tell, seconds=timeout))

    if all_clusters:
        _diff_all(session, live, output, overrides)
        return
    installation = session.installation(overrides)
    differences = live(installation) if file is None else _compared_with(installation, file)
    if output == "json":
        print_json(_differences_json(differences, with_objects=file is None))
    else:
        _print_differences(differences)
    for text in differences.notes:
        note(f"note: {text}")
    if differences.changed:
        click.get_current_context().exit(ExitCode.FINDINGS)
    note("no differences: access stays the same" if file else _NO_DIFFERENCES)


def _compared_with(installation: Installation, file: str) -> LiveDiff:
    imported = read_import(file, None)
    mappings, left_out = as_mappings(imported, installation.cluster_id, file, principal_refusal(installation))
    for entry in left_out:
        note(f"note: {entry}")
    return LiveDiff((), effects(replace(installation, mappings=mappings), installation), ())


def _diff_release(session: Session, release: str, output: str, overrides: dict[str, Any], *, is_alone: bool) -> None:
    if not is_alone:
        what = "--daemon-version compares releases without the cluster: use it without --from, --all-clusters, "
        raise click.UsageError(f"{what}--kubeconfig, --context, --image and --registry")
    from tarmak_iam.cli.release_diff import print_release_change, release_change_json
    from tarmak_iam.emit.release_change import release_change

    change = release_change(session.installation(overrides), release)
    if output == "json":
        print_json(release_change_json(change))
    else:
        print_release_change(change)
    if change.changed:
        click.get_current_context().exit(ExitCode.FINDINGS)
    result = "are not known to differ" if change.before.unread or change.after.unread else "give the same access"
    note(f"no differences: authenticator {change.before} and {change.after} {result}")


def _diff_all(session: Session, live: Callable[..., LiveDiff], output: str, overrides: dict[str, Any]) -> None:
    config = session.config()

    def compare(cluster: Cluster, tell: ReportProgress) -> LiveDiff:
        return live(session.installation_of(config, cluster, overrides), tell)

    outcomes = []
    for outcome in for_each(clusters_of(config, session.environment), compare, "comparing"):
        outcomes.append(outcome)
        if outcome.error:
            continue
        if not outcome.value.changed:
            note(f"{outcome.name}: {_NO_DIFFERENCES}")
        elif output == "json":
            note(f"{outcome.name}:")
        else:
            print_line(f"{outcome.name}:")
            _print_differences(outcome.value)
        for text in outcome.value.notes:
            note(f"note: {text}")

    as_json = partial(_differences_json, with_objects=True)
    finish_all(outcomes, as_json, output, lambda result: "different" if result.changed else _UP_TO_DATE, _UP_TO_DATE)


def _print_differences(differences: LiveDiff) -> None:
    for changed in differences.objects:
        print_line(changed.change.planned_text)
        print_diff(changed.text)
    for effect in differences.effects:
        print_line(effect.text)
    for pod in differences.stale_pods:
        print_line(pod.text)
    if differences.missing_pods:
        print_line(differences.missing_text)
    for group in differences.unbound:
        note(f"warning: {group.text}")


def _differences_json(differences: LiveDiff, *, with_objects: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "changed": differences.changed,
        "effects": [effect_json(effect) for effect in differences.effects],
    }
    if not with_objects:
        return shown
    return {
        **shown,
        "objects": [{**change_json(entry.change), "diff": entry.text} for entry in differences.objects],
        "unboundGroups": [{"group": name.group, "principals": list(name.principals)} for name in differences.unbound],
        "stalePods": [stale_pod_json(pod) for pod in differences.stale_pods],
        "missingPods": differences.missing_pods,
        "notes": list(differences.notes),
    }
