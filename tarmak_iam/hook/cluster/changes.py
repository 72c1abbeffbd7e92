"""What became of the objects of a cluster: by an apply, one that ended midway, and a rollback."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.effects import Effect
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.text import brief_list

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.outlook import Outlook
    from tarmak_iam.hook.cluster.stale_pods import StalePod

__all__ = ["Action", "Applied", "ApplyFailed", "Change", "RollbackFailed", "RolledBack"]


class Action(str, Enum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    REMOVED = "removed"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Change:
    """What became, or would become, of one object; `namespace` is empty for one of the whole cluster."""

    action: Action
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, action: Action, ref: Ref) -> Change:
        return cls(action, ref.kind, ref.namespace, ref.name)

    @property
    def named(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"

    @property
    def text(self) -> str:
        return f"{self.action} {self.named}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each object, in the order in which it did.

    `state` is the file with what was there before, None where nothing changed (an older file is then left alone).
    `rolled_out`: whether the DaemonSet runs everywhere with this; None where nobody waited for it.
    """

    changes: tuple[Change, ...]
    state: Path | None = None
    rolled_out: bool | None = None
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    """On principals, against what the cluster's daemon gave before."""
    restarted: tuple[StalePod, ...] = ()
    """Pods that ran another configuration."""

    @property
    def changed(self) -> bool:
        return any(change.action is not Action.UNCHANGED for change in self.changes)


class ApplyFailed(ToolError):
    """It stopped midway: `applied` tells what was done, `left` what was not; `state` is for `rollback`."""

    def __init__(
        self, reason: TarmakIamError, applied: Applied, left: tuple[Ref, ...], unknown: tuple[Ref, ...]
    ) -> None:
        done = [change.text for change in applied.changes if change.action is not Action.UNCHANGED]
        parts = [str(reason), f"done: {brief_list(done) or 'nothing'}"]
        if unknown:
            parts.append(f"not known: {brief_list(unknown)}")
        if left:
            parts.append(f"not done: {brief_list(left)}")
        # Where nothing is kept of it, a rollback would undo an earlier change.
        restores = ", or rollback, which restores what was there before" if applied.state is not None else ""
        super().__init__("; ".join(parts), remedy=f"run apply again{restores}")
        self.reason, self.applied, self.left, self.unknown = reason, applied, left, unknown
        self.state = applied.state


class RollbackFailed(ToolError):
    """It stopped midway, and says what was done and what was not."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What became of each object: created, configured (put back as it was), removed or unchanged.

    `undone` are the numbers of the changes; none where the newest one was undone already. `outlook`: who can log in
    afterwards, None where there was nothing to undo. `restarted`: pods that ran another configuration.
    """

    changes: tuple[Change, ...]
    rolled_out: bool | None = None
    undone: tuple[int, ...] = ()
    outlook: Outlook | None = None
    restarted: tuple[StalePod, ...] = ()

    @property
    def changed(self) -> bool:
        return any(change.action is not Action.UNCHANGED for change in self.changes)
