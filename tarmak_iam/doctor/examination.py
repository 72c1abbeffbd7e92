"""Examines the webhook's files offline: pair, names, CA, URL, expiry, modes, flag and cluster ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tarmak_iam.doctor.diagnosis import EXPIRES_WITHIN, Check, Diagnosis
from tarmak_iam.doctor.file_tree import FileTree
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.kubernetes_checks import ID_CHECKS, WEBHOOK_CHECKS
from tarmak_iam.doctor.master_checks import MASTER_CHECKS
from tarmak_iam.doctor.pair_checks import FILE_CHECKS, PAIR_CHECKS
from tarmak_iam.doctor.systemd_units import INIT_UNIT, UNIT
from tarmak_iam.installation.installation import Installation
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY

CHECKS: tuple[Check, ...] = (*FILE_CHECKS, *PAIR_CHECKS, *WEBHOOK_CHECKS, *MASTER_CHECKS, *ID_CHECKS)
"""All that `examine` looks for; docs/doctor.md has a paragraph on each."""

_CONFIG = "tarmak.yaml"


@dataclass(frozen=True, slots=True)
class Examination:
    """`seen` and `unseen` name what was there to look at and what was not; nothing seen is no clean bill."""

    diagnoses: tuple[Diagnosis, ...]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def saw_anything(self) -> bool:
        """Whether anything of the authenticator's was in the directory itself."""
        return bool(self.diagnoses or set(self.seen) - {_CONFIG})


def examine_tree(
    tree: FileTree, *, now: datetime, expires_within: int = EXPIRES_WITHIN, installation: Installation | None = None
) -> Examination:
    """Runs every check on what was read. `now` is aware, `expires_within` in days; `installation` is what
    tarmak.yaml says of the cluster, to compare with. Nothing raises: what is broken is a diagnosis."""
    evidence = InspectedFiles(tree, now, expires_within, installation)
    diagnoses = tuple(diagnosis for check in CHECKS for diagnosis in check.run(evidence))
    looked_for = list(_looked_for(evidence))
    return Examination(
        diagnoses,
        tuple(name for name, is_there in looked_for if is_there),
        tuple(name for name, is_there in looked_for if not is_there),
    )


def _looked_for(evidence: InspectedFiles) -> Iterator[tuple[str, bool]]:
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
