"""Names and labels that the objects share."""

from __future__ import annotations

from tarmak_iam.installation import Installation

__all__ = ["NAME", "NAMESPACE", "SELECTOR", "labels"]

NAME = "aws-iam-authenticator"
NAMESPACE = "kube-system"
SELECTOR = {"k8s-app": NAME}
"""What Tarmak's documentation uses; a selector cannot be changed later, so nothing that varies is in it."""


def labels(installation: Installation) -> dict[str, str]:
    return {
        **SELECTOR,
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/version": str(installation.daemon_version),
        "app.kubernetes.io/managed-by": "tarmak-iam",
    }
