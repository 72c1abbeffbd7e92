"""What happens around tarmak, step by step, each imported when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.effects import Loaded
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.processes import Programs
from tarmak_iam.hook.telling import Tell
from tarmak_iam.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.changes import Applied, RolledBack
    from tarmak_iam.hook.login.verify import Verified
    from tarmak_iam.hook.tarmak.kept import KeptFile, Report

__all__ = ["Steps"]


def _access(programs: Programs, tarmak_options: Sequence[str], program: str) -> Path:
    from tarmak_iam.hook.tarmak.kubeconfig import cluster_kubeconfig

    return cluster_kubeconfig(programs, tarmak_options, program)


def _live(kubectl: Kubectl, installation: Installation) -> Loaded:
    from tarmak_iam.hook.cluster.mappings import read_live

    return read_live(kubectl).loaded(installation)


def _apply(
    installation: Installation,
    kubectl: Kubectl,
    state: Path,
    *,
    tell: Tell,
    begun: Callable[[], None],
    within: Boundary,
) -> Applied:
    from tarmak_iam.hook.cluster.apply import apply

    return apply(installation, kubectl, state, tell=tell, begun=begun, within=within)


def _verify(installation: Installation, kubectl: Kubectl, *, tell: Tell) -> Verified:
    from tarmak_iam.hook.login.verify import verify

    return verify(installation, kubectl, tell=tell)


def _rollback(kubectl: Kubectl, state: Path, *, tell: Tell, within: Boundary) -> RolledBack:
    from tarmak_iam.hook.cluster.rollback import rollback

    return rollback(kubectl, state, tell=tell, within=within)


def _keep(path: Path, **options: Any) -> KeptFile:
    from tarmak_iam.hook.tarmak.kept import keep

    return keep(path, **options)


def _put_back(kept: KeptFile, **options: Any) -> Report:
    from tarmak_iam.hook.tarmak.kept import put_back

    return put_back(kept, **options)


@dataclass(frozen=True, slots=True)
class Steps:
    """`access` gives an admin kubeconfig that works, by a tarmak's options and its name; `live` what callers get from
    the cluster now. `apply` takes an installation, a kubectl and the file for the state before, `verify` the first two,
    `rollback` the last two, and each of them `tell`; no link may lead that file out of the boundary `within`. `apply`
    calls `begun` once the file is written, before its first change. All raise TarmakIamError.

    `keep` keeps the text of tarmak.yaml, raising it too, and `put_back` gives a report of what became of the file.
    """

    access: Callable[[Programs, Sequence[str], str], Path] = _access
    live: Callable[[Kubectl, Installation], Loaded] = _live
    apply: Callable[..., Applied] = _apply
    verify: Callable[..., Verified] = _verify
    rollback: Callable[..., RolledBack] = _rollback
    keep: Callable[..., KeptFile] = _keep
    put_back: Callable[..., Report] = _put_back
