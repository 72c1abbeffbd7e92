"""An object that is being deleted stays until everybody who has a finalizer on it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref

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

    One that somebody makes anew meanwhile is another one. Raises ToolError, naming the finalizers, where that takes
    longer than `seconds`.
    """
    deadline = kubectl.clock() + seconds
    left = [ref.stub for ref in refs]
    while left:
        going = [each for each in read(left) if is_going(each)]
        if going and kubectl.clock() + _PAUSE > deadline:
            raise _overdue(going[0], len(going), seconds)
        if going:
            kubectl.sleep(_PAUSE)
        left = [Ref.of(each).stub for each in going]


def _overdue(each: Object, count: int, seconds: float) -> ToolError:
    finalizers = (each.get("metadata") or {}).get("finalizers") or ()
    more = f" and {count - 1} more" if count > 1 else ""
    verb = "is" if count == 1 else "are"
    kept_by = f": it waits for {', '.join(map(str, finalizers))}" if finalizers else ""
    return ToolError(
        f"{Ref.of(each)}{more} {verb} still being deleted after {seconds:.0f} seconds{kept_by}",
        remedy="run the same command again once it is gone",
    )
