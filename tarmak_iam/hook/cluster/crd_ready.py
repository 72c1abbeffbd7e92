"""CustomResourceDefinitions: which kinds they define, how an existing one is updated, and waiting until the kind is
served.
"""

from __future__ import annotations

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_unserved
from tarmak_iam.hook.cluster.objects import Object, Ref

CRD = "CustomResourceDefinition"
_UNKNOWN_FIELDS = "preserveUnknownFields"
GroupKind = tuple[str, str]
"""API group and kind."""


def defined_kind(obj: Object) -> GroupKind | None:
    """The kind that a definition defines; None for any other object."""
    spec = obj.get("spec") or {}
    return (str(spec["group"]), str(spec["names"]["kind"])) if obj.get("kind") == CRD else None


def group_kind(obj: Object) -> GroupKind:
    ref = Ref.of(obj)
    return ref.group, ref.kind


def fitted(wanted: Object, live: Object | None) -> Object:
    """The object to apply so that the live object becomes the wanted one.

    A definition that was created as v1beta1 preserves unknown fields until `preserveUnknownFields` is set to false. It
    is set only where that is needed: the API server drops the default, and every later apply would find it missing.
    """
    if not _keeps_unknown_fields(live) or not _is_v1(wanted):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "preserveUnknownFields": False}}


def restorable(before: Object, live: Object | None) -> Object:
    """The object as it was before, as far as the API server accepts it: v1 rejects a change of preserveUnknownFields
    to true (in every release that has v1: apiextensions' validatePreserveUnknownFields)."""
    if not _is_v1(before) or not _keeps_unknown_fields(before) or _keeps_unknown_fields(live):
        return before
    return {**before, "spec": {key: value for key, value in before["spec"].items() if key != _UNKNOWN_FIELDS}}


def _is_v1(obj: Object) -> bool:
    return obj.get("kind") == CRD and obj.get("apiVersion") == "apiextensions.k8s.io/v1"


def _keeps_unknown_fields(crd: Object | None) -> bool:
    return bool(((crd or {}).get("spec") or {}).get(_UNKNOWN_FIELDS))


_SECONDS = 60.0
_PAUSE = 0.5


def wait_until_established(kubectl: Kubectl, ref: Ref) -> None:
    """Waits until a CustomResourceDefinition has the condition Established, and kubectl finds its kind: the API server
    publishes the kind a moment later. Raises ToolError with the API server's reason after a minute.
    """
    deadline = kubectl.clock() + _SECONDS
    while True:
        crd = kubectl.json("get", ref.resource, ref.name)
        conditions = {item.get("type", ""): item for item in (crd.get("status") or {}).get("conditions") or ()}
        if conditions.get("Established", {}).get("status") == "True":
            done = kubectl.run("get", f"{crd['spec']['names']['plural']}.{crd['spec']['group']}", "-o", "name")
            if done.code == 0 or not is_unserved(done):  # the call that creates the objects reports another refusal
                return
        if kubectl.clock() + _PAUSE > deadline:
            refused: Object = next((item for item in conditions.values() if item.get("status") == "False"), {})
            why = refused.get("message") or refused.get("reason") or "no reason given"
            raise ToolError(f"{ref} is not served after {_SECONDS:.0f} seconds: {why}")
        kubectl.sleep(_PAUSE)
