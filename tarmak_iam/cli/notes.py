"""What is told beside an answer: what `check` would say of the image that it names."""

from __future__ import annotations

from tarmak_iam.cli.output import note
from tarmak_iam.installation import Installation

__all__ = ["note_image"]


def note_image(installation: Installation) -> None:
    """A warning for each finding about the image and the Kubernetes of the manifests, which are made all the same."""
    from tarmak_iam.lint.image_rules import image_findings

    for finding in image_findings(installation):
        note(f"warning: {finding.text} [{finding.id}]")
