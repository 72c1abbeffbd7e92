"""The results of an apply and of a rollback: what was done to each object; and the errors where one stopped midway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tarmak_iam.access.diff import Effect
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.objects import Object, Ref, comparable
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.text import TextEnum, brief_list

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.pods import StalePod


class ObjectAction(TextEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change that was or would be made to one object. `namespace` is empty for a cluster-scoped object."""

    action: ObjectAction
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, action: ObjectAction, ref: Ref) -> ObjectChange:
        return cls(action, ref.kind, ref.namespace, ref.name)

    @property
    def named(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"

    @property
    def text(self) -> str:
        return f"{self.action} {self.named}"


def action_on(live: Object | None, then: Object | None) -> ObjectAction:
    """What makes an object of a live one; None where it does not exist."""
    if live is then or (live and then and comparable(live) == comparable(then)):
        return ObjectAction.UNCHANGED
    return ObjectAction.CREATED if live is None else ObjectAction.REMOVED if then is None else ObjectAction.CONFIGURED


class Step(NamedTuple):
    """What is to be done with one object: as it is now, and as it will be; None where it does not exist. `wanted`: the
    manifest that is applied, empty in a rollback. `is_settled`: whether nothing is to be applied. `is_ours`: whether
    tarmak-iam manages the object afterwards."""

    ref: Ref
    action: ObjectAction
    live: Object | None
    then: Object | None
    is_settled: bool = False
    wanted: Object = {}  # noqa: RUF012
    is_ours: bool = True

    @property
    def change(self) -> ObjectChange:
        return ObjectChange.of(self.action, self.ref)


def is_any_change(changes: Iterable[ObjectChange]) -> bool:
    return any(change.action is not ObjectAction.UNCHANGED for change in changes)


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply: what was done to each object, in the order of the changes.

    `state` is the file with the previous objects, None where nothing changed (an older file is then left unchanged).
    `rolled_out`: whether the DaemonSet runs on every node with these objects; None where nothing was waited for.
    """

    changes: tuple[ObjectChange, ...]
    state: Path | None = None
    rolled_out: bool | None = None
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    """How the access of principals changed, compared with what the cluster's authenticator granted before."""
    restarted: tuple[StalePod, ...] = ()
    """Pods that ran another configuration, and were restarted."""

    @property
    def changed(self) -> bool:
        return is_any_change(self.changes)


@dataclass(frozen=True, slots=True)
class AccessAfter:
    """Access after a rollback: the number of `principals` who can log in and of `admins` among them, None where that is
    unknown; `reason`: why no principal can log in, or why it is unknown; `effects`: how their access changes, against
    what the cluster grants now."""

    principals: int | None
    admins: int | None
    reason: str = ""
    effects: tuple[Effect, ...] = ()

    @property
    def text(self) -> str:
        """One line."""
        if self.principals is None:
            return f"it is unknown who can log in with IAM afterwards: {self.reason}"
        if not self.principals:
            return f"afterwards IAM login is not possible: {self.reason}"
        many = f"{self.principals} principal{'' if self.principals == 1 else 's'}"
        return f"afterwards {many} can log in with IAM, {self.admins} of them in {ADMINS}"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The result of a rollback: whether each object was created, configured (restored), removed or unchanged.

    `undone`: the numbers of the changes, empty where the newest one was already undone. `access_after`: who can log in
    afterwards, None where there was nothing to undo. `restarted`: pods that ran another configuration.
    """

    changes: tuple[ObjectChange, ...]
    rolled_out: bool | None = None
    undone: tuple[int, ...] = ()
    access_after: AccessAfter | None = None
    restarted: tuple[StalePod, ...] = ()

    @property
    def changed(self) -> bool:
        return is_any_change(self.changes)


def stopped(
    reason: TarmakIamError, changes: Iterable[ObjectChange], left: Sequence[Ref], unknown: Sequence[Ref]
) -> str:
    """The message of a change that stopped midway."""
    done = brief_list(change.text for change in changes if change.action is not ObjectAction.UNCHANGED)
    parts = [str(reason), f"done: {done or 'nothing'}"]
    if unknown:
        parts.append(f"may have been written: {brief_list(unknown)}")
    if left:
        parts.append(f"not done: {brief_list(left)}")
    return "; ".join(parts)


class ApplyFailed(ToolError):
    """An apply stopped midway. `applied`: what was done; `left`: what was not; `unknown`: what may have been done, or
    may still be done; `state`: the history for `rollback`."""

    def __init__(self, reason: TarmakIamError, applied: Applied, left: Sequence[Ref], unknown: Sequence[Ref]) -> None:
        # Without a saved state, a rollback would undo an earlier change.
        restores = ", or run rollback to restore the previous objects" if applied.state is not None else ""
        super().__init__(stopped(reason, applied.changes, left, unknown), remedy=f"run apply again{restores}")
        self.applied, self.left, self.unknown = applied, tuple(left), tuple(unknown)
        self.state = applied.state


class RollbackFailed(ToolError):
    """A rollback stopped midway. The message says what was done and what was not."""
