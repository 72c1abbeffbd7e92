"""Notes on stderr with an answer: on objects and images, misplaced files, and the role and tunnel of a kubeconfig."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.cli.console import note
from tarmak_iam.config import Cluster
from tarmak_iam.emit import notes
from tarmak_iam.emit.kubeconfig import api_server
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.misplaced_files import misplaced_files
from tarmak_iam.kubeconfig.ownership import is_tunnel


def note_objects(installation: Installation, left_out: Iterable[tuple[str, ConfigError]]) -> None:
    """A line for each emitter that was left out, each finding about image and Kubernetes, and each note."""
    for name, error in left_out:
        note(f"{name} left out: {error}")
    note_image(installation)
    for text in notes(installation):
        note(f"note: {text}")


def note_image(installation: Installation) -> None:
    """A warning for each finding about the image and the Kubernetes of the manifests, which are made all the same."""
    from tarmak_iam.lint.image_rules import image_findings

    for finding in image_findings(installation):
        note(f"warning: {finding.text} [{finding.id}]")


def note_misplaced(files: ClusterFiles, cluster: Cluster, subject: Subject) -> None:
    """A warning for each file of a kind that is not read where it is: somebody may have edited that one."""
    from tarmak_iam.lint.installation_rules import misplaced_findings

    misplaced = misplaced_files(files.directory, cluster, follow_links=files.follow_links)
    for finding in misplaced_findings(misplaced, cluster.cluster_name):
        if finding.subject is subject:
            note(f"{finding.place}: warning: {finding.text} [{finding.id}]")


def note_role(installation: Installation) -> None:
    """A warning where the role of the kubeconfig is nobody's in the mappings, so that no login would succeed."""
    from tarmak_iam.identity.caller import identity_of

    role = installation.settings.role
    if role is None or installation.mappings is None:
        return
    answer = installation.loaded.whois(identity_of(role))
    if answer.started and not answer.authenticated:
        note(f"warning: nobody would be let in with this kubeconfig: {answer.reason}")


def note_tunnel(installation: Installation) -> None:
    """Says so where the kubeconfig of an installation works for ten minutes at a time."""
    server = api_server(installation)
    if server is not None and is_tunnel(server):
        reopen = installation.command_line.tarmak("clusters kubeconfig")
        note(
            f"{server} is a tunnel that Tarmak keeps open for 10 minutes: "
            f"`{reopen}` opens it again, and if its port has changed, make this kubeconfig again"
        )
