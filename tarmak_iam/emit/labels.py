"""Names and labels that the objects share."""

from __future__ import annotations

import hashlib
import re

from tarmak_iam.installation.installation import Installation

NAME = "aws-iam-authenticator"
NAMESPACE = "kube-system"
SELECTOR = {"k8s-app": NAME}
"""What Tarmak's documentation uses; a selector cannot be changed later, so nothing that varies is in it."""

ADDON_MANAGER_LABEL = "addonmanager.kubernetes.io/mode"

# Kubernetes' rule for a label's value, which need not be empty here.
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def object_labels(installation: Installation) -> dict[str, str]:
    """Of every object; with the addon manager's mode where the settings name one."""
    mode = installation.settings.addonManagerMode
    return pod_labels(installation) | ({ADDON_MANAGER_LABEL: mode} if mode else {})


def pod_labels(installation: Installation) -> dict[str, str]:
    """Of the pod's template: an addon manager has no business with pods, and another mode need not restart them."""
    return {
        **SELECTOR,
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/instance": label_value(installation.cluster_id),
        "app.kubernetes.io/version": str(installation.running_version),
        "app.kubernetes.io/component": "webhook",
        "app.kubernetes.io/part-of": "tarmak",
        "app.kubernetes.io/managed-by": "tarmak-iam",
    }


def label_value(text: str) -> str:
    """The text where it can be a label's value; else the part of it that can be, with a digest of all of it."""
    if _VALUE.match(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{_UNSAFE.sub('-', text)[:52].strip('._-')}-{digest}".lstrip("-")
