"""The webhook's certificate, key and kubeconfig: made as the authenticator's `init` makes them, and examined.

Pure functions on bytes and values. The names are imported when they are first used: making and examining needs
`cryptography`, from the extra `webhook`, and without it they raise TarmakIamError.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.pki.diagnosis import Check, Diagnosis
    from tarmak_iam.pki.doctor import CHECKS, Report, examine
    from tarmak_iam.pki.kubeconfig import webhook_kubeconfig
    from tarmak_iam.pki.names import ServerNames
    from tarmak_iam.pki.pair import Pair, make_pair
    from tarmak_iam.pki.preparation import Existing, Prepared, prepare
    from tarmak_iam.pki.tree import Tree, read_tree

__all__ = [
    "CHECKS",
    "Check",
    "Diagnosis",
    "Existing",
    "Pair",
    "Prepared",
    "Report",
    "ServerNames",
    "Tree",
    "examine",
    "make_pair",
    "prepare",
    "read_tree",
    "webhook_kubeconfig",
]

_HOMES = {
    "CHECKS": "doctor",
    "Check": "diagnosis",
    "Diagnosis": "diagnosis",
    "Existing": "preparation",
    "Pair": "pair",
    "Prepared": "preparation",
    "Report": "doctor",
    "ServerNames": "names",
    "Tree": "tree",
    "examine": "doctor",
    "make_pair": "pair",
    "prepare": "preparation",
    "read_tree": "tree",
    "webhook_kubeconfig": "kubeconfig",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
