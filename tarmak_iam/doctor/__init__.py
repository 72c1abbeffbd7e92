"""Examines a master's files offline: the webhook's certificate, key and kubeconfig, units, and manifests.

Pure functions on bytes and values. The names are imported when they are first used: examining needs `cryptography`,
from the extra `webhook`, and without it they raise TarmakIamError.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tarmak_iam.doctor.diagnosis import Check, Diagnosis
    from tarmak_iam.doctor.examination import CHECKS, Examination, examine_tree
    from tarmak_iam.doctor.file_tree import FileTree, read_tree

__all__ = [
    "CHECKS",
    "Check",
    "Diagnosis",
    "Examination",
    "FileTree",
    "examine_tree",
    "read_tree",
]

_HOMES = {
    "CHECKS": "examination",
    "Check": "diagnosis",
    "Diagnosis": "diagnosis",
    "Examination": "examination",
    "FileTree": "file_tree",
    "examine_tree": "examination",
    "read_tree": "file_tree",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
