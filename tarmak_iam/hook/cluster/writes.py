"""The writes of a running apply or rollback: what was done to each object, removals, and an end midway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.crd_ready import CRD
from tarmak_iam.hook.cluster.objects import MANAGER, Ref, in_batches
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange, Step
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress


class Writes:
    """`done`: what was done to each object, in this order. `begun`: the objects whose write was sent."""

    def __init__(self, server: Server, tell: Progress) -> None:
        self.server, self._tell = server, tell
        self.done: dict[Ref, ObjectChange] = {}
        self.begun: set[Ref] = set()

    @property
    def changes(self) -> tuple[ObjectChange, ...]:
        return tuple(self.done.values())

    def note(self, action: ObjectAction, ref: Ref) -> None:
        self.done[ref] = ObjectChange.of(action, ref)

    def begin(self, verb: str, refs: list[Ref]) -> None:
        """Says what is done to objects of one kind now."""
        self._tell(f"{verb} {refs[0] if len(refs) == 1 else f'{len(refs)} objects of kind {refs[0].kind}'}")
        self.begun.update(refs)

    def remove(self, removals: Iterable[Step]) -> Iterator[list[Ref]]:
        """Removes the objects in the given order, and yields those of each call. A definition is kept if others have
        created objects of its kind in the meantime."""
        for batch in in_batches(removals, lambda step: step.live or {}, is_of_one_kind=True):
            refs = []
            for step in batch:
                if step.ref.kind == CRD and self.server.others(step.live or {}):
                    self._tell(f"note: kept {step.ref}: it has objects that are not managed by {MANAGER}")
                    self.note(ObjectAction.UNCHANGED, step.ref)
                else:
                    refs.append(step.ref)
            if refs:
                self.begin("removing", refs)
                self.server.remove(*refs)
                for ref in refs:
                    self.note(ObjectAction.REMOVED, ref)
                yield refs

    @contextmanager
    def reporting(self, failure: Callable[[TarmakIamError], ToolError]) -> Iterator[None]:
        """An error is raised as `failure` converts it; after Ctrl-C a line says the same."""
        try:
            yield
        except TarmakIamError as error:
            raise failure(error) from None
        except KeyboardInterrupt:
            self._tell(failure(ToolError("interrupted")).message)
            raise
