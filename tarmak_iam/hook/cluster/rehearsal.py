"""Tries the writes of a plan with the API server's dry run before anything is changed: a missing permission, or an
object that is not admitted, must not stop a run midway.
"""

from __future__ import annotations

from collections.abc import Sequence

from tarmak_iam.hook.cluster.crd_ready import defined_kind, group_kind, restorable
from tarmak_iam.hook.cluster.kubectl import NotAllowed, is_away, refusals_of
from tarmak_iam.hook.cluster.objects import Object, in_batches, last_applied, without_last_applied
from tarmak_iam.hook.cluster.results import ObjectAction, Step
from tarmak_iam.hook.cluster.server import Server, object_list, over
from tarmak_iam.hook.programs import Progress

_TOO_OLD = (
    "note: to try the changes first, kubectl 1.18 and Kubernetes 1.13 are needed: if a permission is missing, this "
    "stops midway"
)


def rehearse(server: Server, steps: Sequence[Step], tell: Progress) -> None:
    """Tries the changes. What needs another one first cannot be tried: objects of a kind that is defined or removed
    with them. For releases without dry runs, `tell` is called with a note.

    Raises NotAllowed with everything that would be refused, and ToolError where the API server cannot be asked.
    """
    changes = [step for step in steps if step.action is not ObjectAction.UNCHANGED]
    if not changes:
        return
    if server.client.is_below(1, 18) or server.version.is_below(1, 13):
        tell(_TOO_OLD)
        return
    refusals: list[str] = []
    for words, objects in _calls(server, changes).items():
        for batch in in_batches(objects, lambda obj: obj):
            done = server.kubectl.run(*words, "--dry-run=server", "-f", "-", text=object_list(batch))
            if done.code and is_away(done):
                raise server.kubectl.failure(done, words[0])
            refusals += refusals_of(done)
    if refusals:
        raise NotAllowed(refusals)


def _calls(server: Server, changes: Sequence[Step]) -> dict[tuple[str, ...], list[Object]]:
    """What kubectl is called with, without `--dry-run`, and the objects for it: as the writes themselves."""
    calls: dict[tuple[str, ...], list[Object]] = {}
    known = {defined_kind(step.live or step.then or {}) for step in changes}
    for ref, _, live, then, *_ in changes:
        if group_kind(live or then or {}) in known:
            continue
        if then is None:
            calls.setdefault(("delete", "-o", "name"), []).append(ref.stub)
            continue
        writing = ("create" if live is None else "replace", *server.manager_options, "-o", "json")
        calls.setdefault(writing, []).append(over(live, restorable(without_last_applied(then), live)))
        note = last_applied(then)
        if live is not None and note is not None:
            noting = ("apply", "set-last-applied", "--create-annotation=true", *ref.scope, "-o", "json")
            calls.setdefault(noting, []).append(note)
    return calls
