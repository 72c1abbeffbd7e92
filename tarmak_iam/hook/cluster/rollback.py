"""Restores what a cluster had before an apply, from the file that it kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.emit.ordering import in_apply_order
from tarmak_iam.errors import EditRefused, TarmakIamError, ToolError
from tarmak_iam.hook.cluster.changes import Action, Change, RolledBack
from tarmak_iam.hook.cluster.established import wait_until_established
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref, digest, meant
from tarmak_iam.hook.cluster.restart import roll_out_and_restart
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.cluster.server import CRD, Server
from tarmak_iam.hook.cluster.state import KeptObject, State
from tarmak_iam.hook.telling import Tell, silent

__all__ = ["RollbackFailed", "rollback"]


class RollbackFailed(ToolError):
    """It stopped midway, and says what was done and what was not."""


def rollback(
    kubectl: Kubectl,
    state: Path,
    *,
    force: bool = False,
    wait: float | None = ROLLOUT_SECONDS,
    tell: Tell = silent,
    within: Boundary | None = None,
) -> RolledBack:
    """Makes, puts back or removes each object that the last apply touched, so that it is as before. A second run
    finds nothing to do; the file stays. No link may lead it out of the boundary `within`.

    Raises SelectionError where there is no such file; ConfigError for one that is none, or another cluster's;
    EditRefused, nothing changed, for objects that somebody has changed since, unless `force`; ToolError;
    RollbackFailed from the first change on.
    """
    kept = State.load(state, within)
    server = Server.of(kubectl)
    _check_cluster(server, kept, state)
    found = server.read(_stubs(kept))
    pairs = [(each, each.ref.among(found)) for each in kept.objects]
    if not force:
        _refuse_changed(kept, pairs)
    run = _Run(server, tell)
    with run.telling([each.ref for each in kept.objects]):
        run.put_back(pairs)
        refs = [each.ref for each, _ in pairs if each.before is not None and each.ref.kind == "DaemonSet"]
        rolled_out, notes = roll_out_and_restart(server, refs, wait, tell)
        for note in notes:
            tell(note)
        run.remove(pairs)
        if not kept.settled:
            replace(kept, settled=True).write(state, within)
    return RolledBack(tuple(run.done.values()), rolled_out)


def _check_cluster(server: Server, kept: State, path: Path) -> None:
    if server.identity() != kept.cluster:
        raise EditRefused(
            f"{path} was kept of another cluster; nothing was changed",
            remedy="name the kubeconfig of that cluster, or its state with --state",
        )


def _refuse_changed(kept: State, pairs: Sequence[tuple[KeptObject, Object | None]]) -> None:
    """What an unfinished apply left is not known, so there is nothing to compare with."""
    changed = [each.ref for each, live in pairs if kept.settled and not _is_known(each, live)]
    if changed:
        raise EditRefused(
            f"{', '.join(map(str, changed))} {'was' if len(changed) == 1 else 'were'} changed since by somebody else; "
            "nothing was changed",
            remedy="--force restores what was before all the same",
        )


def _is_known(each: KeptObject, live: Object | None) -> bool:
    """As the apply left it, or as it was before."""
    if live is None:
        return True
    return digest(live) in (each.after, digest(each.before) if each.before is not None else None)


class _Run:
    def __init__(self, server: Server, tell: Tell) -> None:
        self._server, self._tell = server, tell
        self.done: dict[Ref, Change] = {}

    def put_back(self, pairs: Sequence[tuple[KeptObject, Object | None]]) -> None:
        found = [live for _, live in pairs if live is not None]
        foreign = {each.ref for each, _ in pairs if not each.is_ours}
        for before in in_apply_order(each.before for each, _ in pairs if each.before is not None):
            ref = Ref.of(before)
            live = ref.among(found)
            if live is not None and meant(live) == meant(before):
                self._note(Action.UNCHANGED, ref)
                continue
            self._tell(f"restoring {ref}")
            self._server.put_back(before, live, is_ours=not any(ref.is_same(each) for each in foreign))
            if ref.kind == CRD:
                wait_until_established(self._server.kubectl, ref)
            self._note(Action.CREATED if live is None else Action.CONFIGURED, ref)

    def remove(self, pairs: Sequence[tuple[KeptObject, Object | None]]) -> None:
        made_since = [live for each, live in pairs if each.before is None and live is not None]
        for each in reversed(in_apply_order(made_since)):
            ref = Ref.of(each)
            if ref.kind == CRD and self._server.others(each):
                self._tell(f"{ref} stays: objects of it are not ours")
                continue
            self._tell(f"removing {ref}")
            self._server.remove(ref)
            self._note(Action.REMOVED, ref)

    @contextmanager
    def telling(self, refs: Sequence[Ref]) -> Iterator[None]:
        """Nothing that is half done goes unmentioned."""
        try:
            yield
        except TarmakIamError as error:
            raise self._failure(error, refs) from None
        except KeyboardInterrupt:
            self._tell(self._failure(ToolError("interrupted"), refs).message)
            raise

    def _failure(self, error: TarmakIamError, refs: Sequence[Ref]) -> RollbackFailed:
        done = ", ".join(each.text for each in self.done.values() if each.action is not Action.UNCHANGED)
        left = ", ".join(str(ref) for ref in refs if ref not in self.done)
        parts = [str(error), f"restored: {done or 'nothing'}", *([f"not yet looked after: {left}"] if left else [])]
        return RollbackFailed("; ".join(parts), remedy="run rollback again")

    def _note(self, action: Action, ref: Ref) -> None:
        self.done[ref] = Change.of(action, ref)


def _stubs(kept: State) -> list[Object]:
    """Those of one kind together."""
    return in_apply_order(each.ref.stub for each in kept.objects)
