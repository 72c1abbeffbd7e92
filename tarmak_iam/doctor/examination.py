"""Checks the webhook's files offline: certificate and key, names, CA, URL, expiry, modes, flag and cluster IDs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tarmak_iam.doctor.diagnosis import EXPIRES_WITHIN, Check, Diagnosis
from tarmak_iam.doctor.file_tree import FileTree
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.kubernetes_checks import ID_CHECKS, WEBHOOK_CHECKS
from tarmak_iam.doctor.master_checks import MASTER_CHECKS
from tarmak_iam.doctor.pair_checks import FILE_CHECKS, PAIR_CHECKS
from tarmak_iam.doctor.systemd_units import INIT_UNIT, UNIT
from tarmak_iam.installation.installation import Installation
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY

CHECKS: tuple[Check, ...] = (*FILE_CHECKS, *PAIR_CHECKS, *WEBHOOK_CHECKS, *MASTER_CHECKS, *ID_CHECKS)
"""All checks of `examine_tree`; docs/doctor.md has a paragraph about each."""

_CONFIG = "tarmak.yaml"


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of `examine_tree`. `seen` and `unseen` name the kinds of files that were found and not found: without
    any files, there are no diagnoses either."""

    diagnoses: tuple[Diagnosis, ...]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def saw_anything(self) -> bool:
        """Whether the directory itself contains any files of the authenticator."""
        return bool(self.diagnoses or set(self.seen) - {_CONFIG})


def examine_tree(
    tree: FileTree, *, now: datetime, expires_within: int = EXPIRES_WITHIN, installation: Installation | None = None
) -> Examination:
    """Runs every check on the files that were read. `now` has a time zone, `expires_within` is in days; `installation`
    is the cluster of tarmak.yaml to compare with. Raises nothing: a broken file is a diagnosis."""
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
    yield "authenticator configuration", bool(evidence.configurations)
    yield "DaemonSet", bool(evidence.daemons)
    yield "client kubeconfig", bool(evidence.clients)
    if evidence.installation is not None:
        yield _CONFIG, True
