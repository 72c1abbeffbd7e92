"""An object that is being deleted stays until everybody who has a finalizer on it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Index, Object, Ref

__all__ = ["is_going", "wait_until_gone"]

_SECONDS = 60.0
_PAUSE = 0.5

Read = Callable[[Sequence[Object]], Sequence[Object]]
"""The objects that are there, as they are, of those that are asked for."""


def is_going(each: Object) -> bool:
    """Whether it is deleted, and waits for its finalizers."""
    return bool((each.get("metadata") or {}).get("deletionTimestamp"))


def wait_until_gone(kubectl: Kubectl, read: Read, refs: Sequence[Ref], seconds: float = _SECONDS) -> None:
    """Waits for objects that are being deleted: what is written to one of them goes with it.

    One that somebody makes anew meanwhile is another one. Raises ToolError, naming the finalizers of the first, where
    that takes longer than `seconds`.
    """
    deadline = kubectl.clock() + seconds
    left = list(refs)
    while left:
        going = Index(each for each in read([ref.stub for ref in left]) if is_going(each))
        left = [ref for ref in left if going.get(ref) is not None]
        if left and kubectl.clock() + _PAUSE > deadline:
            raise _overdue(going.get(left[0]) or {}, len(left), seconds)
        if left:
            kubectl.sleep(_PAUSE)


def _overdue(each: Object, count: int, seconds: float) -> ToolError:
    finalizers = ", ".join(map(str, (each.get("metadata") or {}).get("finalizers") or ()))
    named = f"{Ref.of(each)} is" if count == 1 else f"{Ref.of(each)} and {count - 1} more are"
    waits = f": {'it' if count == 1 else 'the first'} waits for {finalizers}" if finalizers else ""
    return ToolError(
        f"{named} still being deleted after {seconds:.0f} seconds{waits}",
        remedy="run the same command again once it is gone",
    )
