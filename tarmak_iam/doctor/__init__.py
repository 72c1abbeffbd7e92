"""Checks a master's files offline: the webhook's certificate, key and kubeconfig, systemd units, and manifests.

Pure functions on bytes and values. The names are imported when they are first used, because some need `cryptography`
(the extra `webhook`); without it, they raise TarmakIamError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.doctor.checks import CHECKS, Check, Diagnosis
    from tarmak_iam.doctor.examination import Examination, examine_tree
    from tarmak_iam.doctor.file_tree import FileTree, read_tree
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            ".checks": "CHECKS Check Diagnosis",
            ".examination": "Examination examine_tree",
            ".file_tree": "FileTree read_tree",
        },
    )

__all__ = ["CHECKS", "Check", "Diagnosis", "Examination", "FileTree", "examine_tree", "read_tree"]
