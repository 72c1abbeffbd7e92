"""What is told beside an answer: of objects that are given out, and of the role that a kubeconfig logs in with."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.cli.console import note
from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster
from tarmak_iam.emit import notes
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Subject
from tarmak_iam.installation import Installation
from tarmak_iam.misplaced_files import misplaced_files

__all__ = ["note_image", "note_misplaced", "note_objects", "note_role"]


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
    from tarmak_iam.lint.file_place_rules import misplaced_findings

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
