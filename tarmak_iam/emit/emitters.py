"""The emitters that are there: the built-in ones, and those of installed distributions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tarmak_iam.emit.artifact import Artifact, Emitter, Manifest, yaml_bytes
from tarmak_iam.emit.aws_auth import AWS_AUTH
from tarmak_iam.emit.configmap import CONFIGMAP
from tarmak_iam.emit.crd import CRD
from tarmak_iam.emit.daemonset import DAEMONSET
from tarmak_iam.emit.flags import FLAGS
from tarmak_iam.emit.identity_mappings import IDENTITY_MAPPINGS
from tarmak_iam.emit.kubeconfig import KUBECONFIG
from tarmak_iam.emit.ordering import in_apply_order
from tarmak_iam.emit.rbac import RBAC
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation
from tarmak_iam.plugins import OWN, Brought, brought, check_unique

__all__ = ["EMITTERS", "GROUP", "load_emitters", "manifests", "render"]

GROUP = "tarmak_iam.emitters"
"""The entry-point group; each of its entry points is an `Emitter`."""

EMITTERS = (FLAGS, CRD, RBAC, CONFIGMAP, AWS_AUTH, IDENTITY_MAPPINGS, DAEMONSET, KUBECONFIG)

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def load_emitters() -> tuple[Emitter, ...]:
    """The built-in emitters, then those of installed distributions by the names of their entry points.

    Raises ConfigError, naming the distributions, where one cannot be loaded, is no Emitter, or has another's name.
    """
    found = [Brought(emitter, OWN) for emitter in EMITTERS] + brought(GROUP, Emitter)
    check_unique("emitter", [(each.value.name, each.origin) for each in found])
    return tuple(each.value for each in found)


def manifests(installation: Installation) -> list[Manifest]:
    """The Kubernetes objects, in apply order. Raises ConfigError, also where two are the same object."""
    installation.check_masters()
    return in_apply_order(_objects(installation, load_emitters()))


def render(installation: Installation) -> tuple[list[Artifact], list[tuple[str, ConfigError]]]:
    """All artifacts, and what was left out with the reason. Raises ConfigError."""
    installation.check_masters()
    emitters = load_emitters()
    files: list[Artifact] = []
    left_out: list[tuple[str, ConfigError]] = []
    there: list[Emitter] = []
    for emitter in emitters:
        reason = emitter.missing(installation)
        if reason is not None:
            left_out.append((emitter.name, reason))
        else:
            files += emitter.files(installation)
            there.append(emitter)
    objects = in_apply_order(_objects(installation, there))
    return [*files, *(Artifact(file_name(each), yaml_bytes(each)) for each in objects)], left_out


def file_name(manifest: Manifest) -> str:
    """`daemonset.yaml` for what bears our own name, else `configmap-aws-auth.yaml`."""
    kind, name = str(manifest["kind"]).lower(), str(manifest["metadata"]["name"])
    return f"{kind}.yaml" if name == "aws-iam-authenticator" else f"{kind}-{_UNSAFE.sub('-', name)}.yaml"


def _objects(installation: Installation, emitters: Iterable[Emitter]) -> list[Manifest]:
    return [each for emitter in emitters for each in emitter.objects(installation)]
