"""The ConfigMap aws-auth, which the backend EKSConfigMap watches."""

from __future__ import annotations

from tarmak_iam.emit.artifact import Emitter, Manifest
from tarmak_iam.emit.configmap import check_size
from tarmak_iam.emit.labels import labels
from tarmak_iam.installation import Installation

__all__ = ["AWS_AUTH", "aws_auth"]


def aws_auth(installation: Installation) -> tuple[Manifest, ...]:
    """None for other backends. Raises ConfigError as `Installation.delivery` does, and for one that is too large."""
    made = installation.delivery.aws_auth
    if made is None:
        return ()
    check_size(made["data"])
    return ({**made, "metadata": {**made["metadata"], "labels": labels(installation)}},)


AWS_AUTH = Emitter("aws-auth", objects=aws_auth)
