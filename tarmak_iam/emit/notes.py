"""What should be known of the objects that are given out, beside what they say themselves."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.emit.artifact import Manifest
from tarmak_iam.emit.aws_auth import aws_auth
from tarmak_iam.emit.client_side_apply import fits_client_side_apply
from tarmak_iam.emit.configmap import configmap
from tarmak_iam.emit.objects import described, key_of
from tarmak_iam.installation import Installation

__all__ = ["notes"]


def notes(installation: Installation) -> tuple[str, ...]:
    """Raises ConfigError as `Installation.delivery` does, and for mappings that are too large for a ConfigMap."""
    return tuple(_notes(installation))


def _notes(installation: Installation) -> Iterator[str]:
    yield from map(str, installation.delivery.notes)
    apply = installation.command("apply")
    if "CRD" in installation.daemon.backends:
        yield (
            "`kubectl apply` takes the IAMIdentityMapping objects only once their CustomResourceDefinition is there: "
            f"where it is new, apply that first, or use `{apply}`, which waits for it"
        )
        yield (
            "an entry that is taken out stays in the cluster as an object, and lets its principal in, until somebody "
            "deletes it: kubectl delete iamidentitymappings NAME"
        )
    server_side = "" if installation.kubernetes.is_below(1, 16) else ", and so does `kubectl apply --server-side`"
    for each in _config_maps(installation):
        if not fits_client_side_apply(each):
            yield (
                f"{described(key_of(each))} is too large for `kubectl apply`, which keeps a copy of it in an "
                f"annotation of at most 262,144 bytes: `{apply}` takes it{server_side}"
            )


def _config_maps(installation: Installation) -> Iterator[Manifest]:
    """Those with mappings: no other object grows with them."""
    if installation.mappings is not None:
        yield configmap(installation)
    yield from aws_auth(installation)
