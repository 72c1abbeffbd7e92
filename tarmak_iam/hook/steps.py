"""What happens around tarmak, step by step, each imported when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tarmak_iam.effects import Loaded
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.state import STATE_NAME
from tarmak_iam.hook.processes import Programs
from tarmak_iam.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.apply import Applied
    from tarmak_iam.hook.cluster.rollback import RolledBack
    from tarmak_iam.hook.tarmak.kept import Kept, Report

__all__ = ["STATE_NAME", "Steps", "Verified"]

Tell = Callable[[str], None]
"""Takes a line about what is going on."""


class Verified(Protocol):
    """`account`: what was found, in plain sentences, and what is in the way where it is not `ok`."""

    @property
    def ok(self) -> bool: ...

    @property
    def account(self) -> tuple[str, ...]: ...


def _access(programs: Programs, tarmak_options: Sequence[str] = ()) -> Path:
    from tarmak_iam.hook.tarmak.kubeconfig import cluster_kubeconfig

    return cluster_kubeconfig(programs, tarmak_options)


def _live(kubectl: Kubectl, installation: Installation) -> Loaded:
    from tarmak_iam.hook.cluster.mappings import read_live

    return read_live(kubectl).loaded(installation)


def _apply(installation: Installation, kubectl: Kubectl, state: Path, *, tell: Tell) -> Applied:
    from tarmak_iam.hook.cluster.apply import apply

    return apply(installation, kubectl, state, tell=tell)


def _verify(installation: Installation, kubectl: Kubectl, *, tell: Tell) -> Verified:
    from tarmak_iam.hook.login.verify import verify

    return verify(installation, kubectl, tell=tell)


def _rollback(kubectl: Kubectl, state: Path, *, tell: Tell) -> RolledBack:
    from tarmak_iam.hook.cluster.rollback import rollback

    return rollback(kubectl, state, tell=tell)


def _keep(path: Path, **options: Any) -> Kept:
    from tarmak_iam.hook.tarmak.kept import keep

    return keep(path, **options)


def _put_back(kept: Kept, **options: Any) -> Report:
    from tarmak_iam.hook.tarmak.kept import put_back

    return put_back(kept, **options)


@dataclass(frozen=True, slots=True)
class Steps:
    """`access` gives an admin kubeconfig that works, `live` what callers get from the cluster now. `apply` takes an
    installation, a kubectl and the file for the state before, `verify` the first two, `rollback` the last two, and each
    of them `tell`. All raise TarmakIamError.

    `keep` keeps the text of tarmak.yaml, raising it too, and `put_back` gives a report of what became of the file.
    """

    access: Callable[[Programs, Sequence[str]], Path] = _access
    live: Callable[[Kubectl, Installation], Loaded] = _live
    apply: Callable[..., Any] = _apply
    verify: Callable[..., Verified] = _verify
    rollback: Callable[..., Any] = _rollback
    keep: Callable[..., Any] = _keep
    put_back: Callable[..., Any] = _put_back
