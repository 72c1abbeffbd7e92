"""The types of a setting's value: what it may be, and what is said of anything else."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from tarmak_iam.config.versions import parse_version
from tarmak_iam.identity.arn import ArnError, Principal, canonicalize
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.images import Image, check_registry
from tarmak_iam.text import quoted, shortened

__all__ = [
    "MAX_INSTALL_HINT",
    "AddonManagerMode",
    "Backend",
    "Backends",
    "DaemonRelease",
    "Exec",
    "FeatureGates",
    "ImageName",
    "InstallHint",
    "KubernetesVersion",
    "ProfileName",
    "Registry",
    "RoleArn",
    "Rollback",
    "value_text",
]

MAX_INSTALL_HINT = 200
"""Characters of the setting installHint."""

Backend = Literal["MountedFile", "EKSConfigMap", "CRD"]
"""What the mappings can be written for. DynamicFile is a file on each master, which no object can bring there."""

Exec = Literal["aws-iam-authenticator", "tarmak-iam", "aws"]

Rollback = Literal["never", "failure", "unverified"]
"""When `run` restores what was there before without being asked."""

AddonManagerMode = Literal["EnsureExists", "Reconcile"]
"""Kubernetes' own two modes: made if it is missing, or put right whenever it differs."""

# What the API reference of IAM says of a role's path and name.
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,64}\Z", re.ASCII)
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+\Z")
_GATE = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z", re.ASCII)


def value_text(value: object) -> str:
    """A value as `settings set` takes it, empty where there is none."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={str(on).lower()}" for name, on in value.items())
    return "" if value is None else str(value)


def _image(text: str) -> str:
    Image.parse(text)
    return text


def _registry(text: str) -> str:
    check_registry(text)
    return text


def _daemon_version(text: str) -> str:
    DaemonVersion.parse(text)
    return text


def _kubernetes_version(text: str) -> str:
    if parse_version(text) is None:
        raise ValueError(f"{quoted(text)} is no Kubernetes version, write one such as 1.12.9")
    return text


def _role(text: str) -> str:
    try:
        principal, _ = canonicalize(text)
    except ArnError as error:
        raise ValueError(f"{quoted(text)} is no ARN of a role: {error}") from None
    if principal is not Principal.ROLE or not _PRINTABLE.match(text):
        raise ValueError(f"{quoted(text)} is no ARN of a role")
    if not _ROLE.match(text):
        raise ValueError(f"{shortened(text)!r} is no ARN of a role: IAM has no such account, path or name")
    return text


def _profile(text: str) -> str:
    if not text.strip() or not _PRINTABLE.match(text):
        raise ValueError(f"{shortened(text)!r} is no name of a profile")
    return text


def _install_hint(text: str) -> str:
    """kubectl prints it in an error, on a line of its own."""
    if not text.strip() or not _PRINTABLE.match(text):
        raise ValueError(f"{text!r} cannot be shown as a hint, write one line of printable text")
    if len(text) > MAX_INSTALL_HINT:
        raise ValueError(f"a hint has at most {MAX_INSTALL_HINT} characters, and this one has {len(text)}")
    return text


def _backends(names: list[Backend]) -> list[Backend]:
    if len(set(names)) < len(names):
        raise ValueError(f"a backend is named twice in {', '.join(names)}")
    return names


def _gates(gates: dict[str, bool]) -> dict[str, bool]:
    """They become one flag, in which a name with a comma or a sign of equality would be several."""
    for name in gates:
        if not _GATE.match(name):
            raise ValueError(f"{shortened(name)!r} is no name of a feature gate")
    return gates


ImageName = Annotated[str, AfterValidator(_image)]
Registry = Annotated[str, AfterValidator(_registry)]
DaemonRelease = Annotated[str, AfterValidator(_daemon_version)]
KubernetesVersion = Annotated[str, AfterValidator(_kubernetes_version)]
RoleArn = Annotated[str, AfterValidator(_role)]
InstallHint = Annotated[str, AfterValidator(_install_hint)]
ProfileName = Annotated[str, AfterValidator(_profile)]
Backends = Annotated[list[Backend], AfterValidator(_backends)]
FeatureGates = Annotated[dict[str, bool], AfterValidator(_gates)]
