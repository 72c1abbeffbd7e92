"""What happens around tarmak, step by step, each imported when its turn comes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tarmak_iam.effects import Loaded
from tarmak_iam.hook.kubectl import Kubectl
from tarmak_iam.hook.processes import Programs
from tarmak_iam.installation import Installation

__all__ = ["STATE_NAME", "Steps", "Verified"]

STATE_NAME = "tarmak-iam.state.json"
"""In the cluster's directory: what `rollback` restores."""


class Verified(Protocol):
    """`account`: what was found, in plain sentences, and what is in the way where it is not `ok`."""

    @property
    def ok(self) -> bool: ...

    @property
    def account(self) -> tuple[str, ...]: ...


def _late(module: str, name: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(f"tarmak_iam.hook.{module}"), name)(*args, **options)

    return call


def _live(kubectl: Kubectl, installation: Installation) -> Loaded:
    found: Loaded = _late("live_mappings", "read_live")(kubectl).loaded(installation)
    return found


_access = _late("access", "cluster_kubeconfig")
_apply = _late("apply", "apply")
_verify = _late("verify", "verify")
_rollback = _late("rollback", "rollback")
_keep = _late("kept", "keep")
_put_back = _late("kept", "put_back")


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
