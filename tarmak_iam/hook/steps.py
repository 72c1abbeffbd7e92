"""What happens around tarmak, step by step, each imported when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tarmak_iam.effects import Loaded
from tarmak_iam.hook.kubectl import Kubectl
from tarmak_iam.hook.processes import Programs
from tarmak_iam.hook.state import STATE_NAME
from tarmak_iam.installation import Installation

if TYPE_CHECKING:
    from tarmak_iam.hook.apply import Applied
    from tarmak_iam.hook.kept import Kept, Report
    from tarmak_iam.hook.rollback import RolledBack

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
    from tarmak_iam.hook.access import cluster_kubeconfig

    return cluster_kubeconfig(programs, tarmak_options)


def _live(kubectl: Kubectl, installation: Installation) -> Loaded:
    from tarmak_iam.hook.live_mappings import read_live

    return read_live(kubectl).loaded(installation)


def _apply(
    installation: Installation, kubectl: Kubectl, state: Path, *, tell: Tell, begun: Callable[[], None]
) -> Applied:
    from tarmak_iam.hook.apply import apply

    return apply(installation, kubectl, state, tell=tell, begun=begun)


def _verify(installation: Installation, kubectl: Kubectl, *, tell: Tell) -> Verified:
    from tarmak_iam.hook.verify import verify

    return verify(installation, kubectl, tell=tell)


def _rollback(kubectl: Kubectl, state: Path, *, tell: Tell) -> RolledBack:
    from tarmak_iam.hook.rollback import rollback

    return rollback(kubectl, state, tell=tell)


def _keep(path: Path, **options: Any) -> Kept:
    from tarmak_iam.hook.kept import keep

    return keep(path, **options)


def _put_back(kept: Kept, **options: Any) -> Report:
    from tarmak_iam.hook.kept import put_back

    return put_back(kept, **options)


@dataclass(frozen=True, slots=True)
class Steps:
    """`access` gives an admin kubeconfig that works, `live` what callers get from the cluster now. `apply` takes an
    installation, a kubectl and the file for the state before, `verify` the first two, `rollback` the last two, and each
    of them `tell`; `apply` calls `begun` once that file is written, before its first change. All raise TarmakIamError.

    `keep` keeps the text of tarmak.yaml, raising it too, and `put_back` gives a report of what became of the file.
    """

    access: Callable[[Programs, Sequence[str]], Path] = _access
    live: Callable[[Kubectl, Installation], Loaded] = _live
    apply: Callable[..., Any] = _apply
    verify: Callable[..., Verified] = _verify
    rollback: Callable[..., Any] = _rollback
    keep: Callable[..., Any] = _keep
    put_back: Callable[..., Any] = _put_back
