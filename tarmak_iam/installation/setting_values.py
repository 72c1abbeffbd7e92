"""The values of settings: what each setting accepts beyond its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from tarmak_iam.aws.arn import ArnError, Principal, canonicalize
from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.images import Image, check_registry
from tarmak_iam.installation.setting_table import (
    MAX_INSTALL_HINT,
    REGISTRY,
    SETTINGS,
    AddonManagerMode,
    Exec,
    Rollback,
)
from tarmak_iam.text import quoted, shortened

# The path and the name of a role, as in the API reference of IAM.
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,64}\Z", re.ASCII)

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+\Z")
_GATE = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z", re.ASCII)
_MAJOR_AND_MINOR = re.compile(r"v?[0-9]+\.[0-9]", re.ASCII)


def valid_kubernetes_version(text: str) -> str:
    if parse_version(text) is None or not _MAJOR_AND_MINOR.match(text):
        raise ValueError(f"{quoted(text)} is not a valid Kubernetes version; use a version such as 1.12.9")
    return text


def _parsed_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    def valid(text: str) -> str:
        parse(text)
        return text

    return valid


_ROLE_EXAMPLE = "use an ARN such as arn:aws:iam::111122223333:role/Admin"


def valid_role(text: str) -> str:
    try:
        principal, _ = canonicalize(text)
    except ArnError as error:
        raise ValueError(f"{quoted(text)} is not the ARN of a role: {error}; {_ROLE_EXAMPLE}") from None
    if principal is not Principal.ROLE or not _PRINTABLE.match(text):
        raise ValueError(f"{quoted(text)} is not the ARN of a role; {_ROLE_EXAMPLE}")
    if not _ROLE.match(text):
        raise ValueError(f"{shortened(text)!r} is not the ARN of a role: its account, path or name is not valid in IAM")
    return text


def valid_profile(text: str) -> str:
    if not text.strip() or not _PRINTABLE.match(text):
        raise ValueError(f"{shortened(text)!r} is not a valid profile name")
    return text


def valid_install_hint(text: str) -> str:
    """kubectl prints it in an error, on a separate line."""
    if not text.strip() or not _PRINTABLE.match(text):
        raise ValueError(f"{text!r} is not a valid hint; use one line of printable text")
    if len(text) > MAX_INSTALL_HINT:
        raise ValueError(f"a hint can have at most {MAX_INSTALL_HINT} characters, but this one has {len(text)}")
    return text


def valid_backends(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(f"a backend is listed twice in {', '.join(names)}")
    return names


def valid_gates(gates: dict[str, bool]) -> dict[str, bool]:
    """All gates become one flag, in which a name with a comma or an equals sign would be read as several."""
    for name in gates:
        if not _GATE.match(name):
            raise ValueError(f"{shortened(name)!r} is not a valid name of a feature gate")
    return gates


CHOICES: Mapping[str, tuple[str, ...]] = {
    "backends": WRITABLE_BACKENDS,
    "exec": get_args(Exec),
    "addonManagerMode": get_args(AddonManagerMode),
    "rollback": get_args(Rollback),
}
"""The possible values of a setting, or of the items of its list, where they are fixed."""

DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(SETTINGS),
    REGISTRY: "public",
    "backends": ["MountedFile"],
    "featureGates": {},
    "exec": "aws-iam-authenticator",
    "rollback": "never",
}
"""None for a setting whose value comes from elsewhere if it is not set."""

VALIDATORS: Mapping[str, Callable[[Any], Any]] = {
    "image": _parsed_by(Image.parse),
    REGISTRY: _parsed_by(check_registry),
    "daemonVersion": _parsed_by(DaemonVersion.parse),
    "backends": valid_backends,
    "featureGates": valid_gates,
    "kubernetesVersion": valid_kubernetes_version,
    "kubectlVersion": valid_kubernetes_version,
    "installHint": valid_install_hint,
    "role": valid_role,
    "profile": valid_profile,
}
"""They return the value of the right type, or raise ValueError."""


def is_surely_valid(key: object, value: object) -> bool:
    """Whether the model of the settings accepts the value. If this returns False, the model decides, and says why."""
    if not isinstance(key, str) or key not in DEFAULTS:
        return False
    if value is None:
        return DEFAULTS[key] is None
    if key == "backends":
        is_typed = isinstance(value, list) and value != [] and all(name in CHOICES[key] for name in value)
    elif key == "featureGates":
        is_typed = isinstance(value, dict) and all(
            isinstance(name, str) and isinstance(on, bool) for name, on in value.items()
        )
    else:
        is_typed = type(value) is str and (key not in CHOICES or value in CHOICES[key])
    try:
        return is_typed and (key not in VALIDATORS or VALIDATORS[key](value) is value)
    except ValueError:
        return False
