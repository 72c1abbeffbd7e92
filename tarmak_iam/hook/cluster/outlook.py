"""Who can log in once a cluster's objects are others: what a rollback says before it acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tarmak_iam.effects import Effect, Standings, changes, effects
from tarmak_iam.errors import ToolError
from tarmak_iam.guards import is_admin
from tarmak_iam.hook.cluster.kubectl import Kubectl, items_of
from tarmak_iam.hook.cluster.mappings import LiveMappings, read_live
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.stale_pods import DAEMONSET
from tarmak_iam.hook.cluster.undo import UndoStep
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.groups import ADMINS

__all__ = ["Outlook", "outlook"]

_READ = ("DaemonSet", "ConfigMap", "IAMIdentityMapping")
"""The authenticator's."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there will be: `principals` who can log in and how many of them are `admins`, None where that is not known,
    `reason` why nobody can or why it is not; `effects` on each of them, against what the cluster gives now."""

    principals: int | None
    admins: int | None
    reason: str = ""
    effects: tuple[Effect, ...] = ()

    @property
    def text(self) -> str:
        """One line."""
        if self.principals is None:
            return f"who can log in with IAM afterwards is not known: {self.reason}"
        if not self.principals:
            return f"afterwards nobody can log in with IAM: {self.reason}"
        return f"afterwards {_many(self.principals)} can log in with IAM, {self.admins} of them in {ADMINS}"


def outlook(server: Server, steps: Sequence[UndoStep]) -> Outlook:
    """By the objects as they will be; what may not be read is not known, and keeps nobody from going back."""
    try:
        now = read_live(server.kubectl)
        then = _replaced(server.kubectl, now, steps)
    except ToolError as error:
        return Outlook(None, None, str(error))
    unknown = _unknown(then)
    if unknown:
        return Outlook(None, None, unknown)
    before, after = _running(now), _running(then)
    grants = Standings.of_daemon(after).grants if after is not None else ()
    changed = _effects(before, after)
    admins = sum(map(is_admin, grants))
    return Outlook(len(grants), admins, _why_nobody(then, after) if not grants else "", changed)


def _replaced(kubectl: Kubectl, now: LiveMappings, steps: Sequence[UndoStep]) -> LiveMappings:
    """With what the steps leave in the place of what they find."""
    ends = [(each.ref, each.then) for each in steps if each.ref.kind in _READ]
    daemonset = next((then for ref, then in ends if ref.is_same(DAEMONSET)), now.daemonset)
    touched = {(ref.key, ref.namespace) for ref, _ in ends}
    objects = [each for each in now.objects if (Ref.of(each).key, Ref.of(each).namespace) not in touched]
    objects += [then for ref, then in ends if then is not None and ref.kind != "DaemonSet"]
    found = LiveMappings(daemonset, tuple(objects))
    # The DaemonSet of before may have read another ConfigMap.
    named = found.config_map
    if named is None or named.among(objects) is not None or (named.key, named.namespace) in touched:
        return found
    done = kubectl.check("get", named.resource, named.name, *named.scope, "--ignore-not-found", "-o", "json")
    return LiveMappings(daemonset, (*objects, *items_of(done)))


def _running(found: LiveMappings) -> Authenticator | None:
    """None where none runs: there is no DaemonSet, or its pods wait for a ConfigMap that is not there."""
    if found.daemonset is None or found.config_map is None or found.config_map.among(found.objects) is None:
        return None
    return found.running()


def _unknown(found: LiveMappings) -> str:
    if found.daemonset is not None and found.config_map is None:
        return f"{DAEMONSET} has its configuration not from a ConfigMap"
    return ""


def _why_nobody(found: LiveMappings, authenticator: Authenticator | None) -> str:
    if found.daemonset is None:
        return f"there is no {DAEMONSET}"
    if authenticator is None:
        return f"{DAEMONSET} waits for {found.config_map}, which is not there"
    failure = authenticator.failure
    return "nobody is mapped" if failure is None else f"the authenticator does not start: {failure.reason}"


def _effects(before: Authenticator | None, after: Authenticator | None) -> tuple[Effect, ...]:
    if before is not None and after is not None:
        return effects(before, after)
    old, new = (Standings(()) if each is None else Standings.of_daemon(each) for each in (before, after))
    return tuple(changes(old, new))


def _many(number: int) -> str:
    return f"{number} principal{'' if number == 1 else 's'}"
