"""Notes on stderr after an output: on objects and images, misplaced files, and the role and tunnel of a kubeconfig."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tarmak_iam.cli.console import note
from tarmak_iam.config import Cluster
from tarmak_iam.emit import notes
from tarmak_iam.emit.kubeconfig import api_server
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles, misplaced_files
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.ownership import is_tunnel


def note_objects(installation: Installation, left_out: Iterable[tuple[str, ConfigError]]) -> None:
    """A line for each emitter that was skipped, each finding about the image or Kubernetes, and each note."""
    for name, error in left_out:
        note(f"{name} skipped: {error}")
    note_image(installation)
    for text in notes(installation):
        note(f"note: {text}")


def note_image(installation: Installation, *, only: str = "") -> None:
    """A warning for each finding about image or Kubernetes version; `only`: of the rule with this ID."""
    from tarmak_iam.lint.image_rules import image_findings

    for finding in image_findings(installation):
        if only in ("", finding.id):
            note(f"warning: {finding.text} [{finding.id}]")


def note_misplaced(files: ClusterFiles, cluster: Cluster, subject: Subject) -> None:
    """A warning for each file of a kind that is in the wrong place, and so is not read: the user may have edited it."""
    from tarmak_iam.lint.installation_rules import misplaced_findings

    misplaced = misplaced_files(files.directory, cluster, follow_links=files.follow_links)
    for finding in misplaced_findings(misplaced, cluster.cluster_name):
        if finding.subject is subject:
            note(f"{finding.place}: warning: {finding.text} [{finding.id}]")


def note_incomplete(directory: Path, remedy: str = "run it again before you use the files") -> None:
    """A warning if a `render` to the directory was interrupted."""
    from tarmak_iam.emit.directory import is_incomplete

    if is_incomplete(directory):
        what = "a `render` to this directory was interrupted, so some files may be old and others new"
        note(f"{directory}: warning: {what}; {remedy}")


def note_role(installation: Installation) -> None:
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


def note_tunnel(installation: Installation) -> None:
    """A note if the kubeconfig works for ten minutes at a time."""
    server = api_server(installation)
    if server is not None and is_tunnel(server):
        reopen = f"run `{installation.command_line.tarmak('clusters kubeconfig')}` to open it again"
        what = f"{server} is a tunnel that Tarmak keeps open for 10 minutes"
        note(f"{what}; {reopen}, and if its port has changed, generate this kubeconfig again")
