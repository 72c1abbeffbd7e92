"""Custom resources can be made only once the API server serves their kind."""

from __future__ import annotations

from typing import Any

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_unserved
from tarmak_iam.hook.cluster.objects import Ref

__all__ = ["wait_until_established"]

_SECONDS = 60.0
_PAUSE = 0.5


def wait_until_established(kubectl: Kubectl, ref: Ref) -> None:
    """Waits until a CustomResourceDefinition has the condition Established, and kubectl finds its kind: the API server
    publishes that a moment later. Raises ToolError where that takes more than a minute, with the API server's reason.
    """
    deadline = kubectl.clock() + _SECONDS
    while True:
        crd = kubectl.json("get", ref.resource, ref.name)
        conditions = _conditions(crd)
        if conditions.get("Established", {}).get("status") == "True" and _is_served(kubectl, crd):
            return
        if kubectl.clock() + _PAUSE > deadline:
            refused = next((each for each in conditions.values() if each.get("status") == "False"), {})
            why = refused.get("message") or refused.get("reason") or "no reason given"
            raise ToolError(f"{ref} is not served after {_SECONDS:.0f} seconds: {why}")
        kubectl.sleep(_PAUSE)


def _is_served(kubectl: Kubectl, crd: dict[str, Any]) -> bool:
    """Where that is refused for another reason, whoever makes the objects will say so."""
    spec = crd["spec"]
    done = kubectl.run("get", f"{spec['names']['plural']}.{spec['group']}", "-o", "name")
    return done.code == 0 or not is_unserved(done)


def _conditions(crd: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each.get("type", ""): each for each in (crd.get("status") or {}).get("conditions") or ()}
