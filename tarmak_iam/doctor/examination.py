"""Checks the webhook's files offline: certificate and key, names, CA, URL, expiry, modes, flag and cluster IDs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from tarmak_iam.doctor.checks import CHECKS, FINDERS, Diagnosis
from tarmak_iam.doctor.file_tree import INIT_UNIT, UNIT, FileTree
from tarmak_iam.doctor.inspected_files import inspect
from tarmak_iam.installation.installation import Installation
from tarmak_iam.pki.webhook_files import CERTIFICATE, EXPIRES_WITHIN, KEY

_SEVERITIES = {check.id: check.severity for check in CHECKS}
_CONFIG = "tarmak.yaml"


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of `examine_tree`. `seen` and `unseen` name the kinds of files that were found and not found."""

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
    is the cluster to compare with. Raises nothing: a broken file is a diagnosis."""
    files = inspect(tree, now, expires_within, installation)
    problems = sorted((problem for find in FINDERS for problem in find(files)), key=itemgetter(0))
    is_there = {
        CERTIFICATE: tree.certificate,
        KEY: tree.key,
        "webhook kubeconfig": tree.webhooks or None,
        **({UNIT: tree.unit, INIT_UNIT: tree.init_unit} if tree.is_master else {"flags.txt": tree.flags}),
        "authenticator configuration": files.configurations or None,
        "DaemonSet": files.daemons or None,
        "client kubeconfig": files.clients or None,
        **({_CONFIG: installation} if installation is not None else {}),
    }
    return Examination(
        tuple(Diagnosis(check, _SEVERITIES[check], place, what, remedy) for check, place, what, remedy in problems),
        tuple(name for name, content in is_there.items() if content is not None),
        tuple(name for name, content in is_there.items() if content is None),
    )
