"""What is told beside the objects that are given out: what `check` would say of their image, and what to know."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.cli.output import note
from tarmak_iam.emit import notes
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation

__all__ = ["note_objects"]


def note_objects(installation: Installation, left_out: Iterable[tuple[str, ConfigError]]) -> None:
    """A line for each emitter that was left out, each finding about image and Kubernetes, and each note."""
    from tarmak_iam.lint.image_rules import image_findings

    for name, error in left_out:
        note(f"{name} left out: {error}")
    for finding in image_findings(installation):
        note(f"{finding.severity}: {finding.text} [{finding.id}]")
    for text in notes(installation):
        note(f"note: {text}")
