"""Examines the webhook's files offline: pair, names, CA, URL, expiry, modes, flag and cluster ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tarmak_iam.installation import Installation
from tarmak_iam.pki.diagnosis import Check, Diagnosis
from tarmak_iam.pki.evidence import Evidence
from tarmak_iam.pki.file_checks import FILE_CHECKS
from tarmak_iam.pki.id_checks import ID_CHECKS
from tarmak_iam.pki.layout import CERTIFICATE, EXPIRES_WITHIN, INIT_UNIT, KEY, UNIT
from tarmak_iam.pki.master_checks import MASTER_CHECKS
from tarmak_iam.pki.pair_checks import PAIR_CHECKS
from tarmak_iam.pki.tree import Tree
from tarmak_iam.pki.webhook_checks import WEBHOOK_CHECKS

__all__ = ["CHECKS", "Report", "examine"]

CHECKS: tuple[Check, ...] = (*FILE_CHECKS, *PAIR_CHECKS, *WEBHOOK_CHECKS, *MASTER_CHECKS, *ID_CHECKS)
"""All that `examine` looks for; docs/doctor.md has a paragraph on each."""

_CONFIG = "tarmak.yaml"


@dataclass(frozen=True, slots=True)
class Report:
    """`seen` and `unseen` name what was there to look at and what was not; nothing seen is no clean bill."""

    diagnoses: tuple[Diagnosis, ...]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def saw_anything(self) -> bool:
        """Whether anything of the authenticator's was in the directory itself."""
        return bool(self.diagnoses or set(self.seen) - {_CONFIG})


def examine(
    tree: Tree, *, now: datetime, expires_within: int = EXPIRES_WITHIN, installation: Installation | None = None
) -> Report:
    """Runs every check on what was read. `now` is aware, `expires_within` in days; `installation` is what
    tarmak.yaml says of the cluster, to compare with. Nothing raises: what is broken is a diagnosis."""
    evidence = Evidence(tree, now, expires_within, installation)
    diagnoses = tuple(diagnosis for check in CHECKS for diagnosis in check.run(evidence))
    looked_for = list(_looked_for(evidence))
    return Report(
        diagnoses,
        tuple(name for name, is_there in looked_for if is_there),
        tuple(name for name, is_there in looked_for if not is_there),
    )


def _looked_for(evidence: Evidence) -> Iterator[tuple[str, bool]]:
    tree = evidence.tree
    yield CERTIFICATE, tree.certificate is not None
    yield KEY, tree.key is not None
    yield "webhook kubeconfig", bool(tree.webhooks)
    if tree.is_master:
        yield UNIT, tree.unit is not None
        yield INIT_UNIT, tree.init_unit is not None
    else:
        yield "flags.txt", tree.flags is not None
    yield "the daemon's configuration", bool(evidence.configurations)
    yield "DaemonSet", bool(evidence.daemons)
    yield "a client's kubeconfig", bool(evidence.clients)
    yield _CONFIG, evidence.installation is not None
