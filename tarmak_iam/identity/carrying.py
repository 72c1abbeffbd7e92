"""What each backend can carry of the entries of a mappings file, which is written to all that are chosen."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.table import Table

__all__ = ["CARRYING", "carried_by", "carries"]

CARRYING = ("MountedFile", "EKSConfigMap", "CRD")
"""The backends that a mappings file can be written to."""

_NOT_BY_OBJECTS = ("account", "sso")


def carries(backend: str, kind: str) -> bool:
    """`kind` is that of a principal: `role`, `user`, `account` or `sso`.

    An IAMIdentityMapping object is for one ARN (pkg/mapper/crd).
    """
    return backend != "CRD" or kind not in _NOT_BY_OBJECTS


def carried_by(mounted: Table, backend: str, config: DaemonConfig) -> Table:
    """The table that a backend has once the mounted file's entries are written to it; places stay the file's."""
    table = replace(mounted, backend=backend, is_carried=True, reserved_prefixes=config.reserved_in(backend))
    if not carries(backend, "sso"):
        table = replace(table, patterns=())
    if not carries(backend, "account"):
        table = replace(table, accounts=frozenset(), uncarried_accounts=mounted.accounts)
    return table
