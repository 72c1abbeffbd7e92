"""CustomResourceDefinitions: which kinds they bring, and what one that is there already needs."""

from __future__ import annotations

from tarmak_iam.hook.cluster.objects import Object, Ref

__all__ = ["CRD", "GroupKind", "brought", "fitted", "group_kind", "restorable"]

CRD = "CustomResourceDefinition"

_UNKNOWN_FIELDS = "preserveUnknownFields"

GroupKind = tuple[str, str]
"""A kind and the group of the API that it is in, the group first."""


def brought(each: Object) -> GroupKind | None:
    """What a definition defines; None for any other object."""
    spec = each.get("spec") or {}
    return (str(spec["group"]), str(spec["names"]["kind"])) if each.get("kind") == CRD else None


def group_kind(each: Object) -> GroupKind:
    ref = Ref.of(each)
    return ref.group, ref.kind


def fitted(wanted: Object, live: Object | None) -> Object:
    """What to apply so that the one that is there becomes what is wanted.

    A definition that came as v1beta1 keeps unknown fields until somebody says otherwise. Where nobody has to, this is
    not said: the API server drops the default, and every later apply would find it missing.
    """
    if not _keeps_unknown_fields(live) or not _is_v1(wanted):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "preserveUnknownFields": False}}


def restorable(before: Object, live: Object | None) -> Object:
    """As it was before, as far as the API server takes it: v1 lets nobody begin to keep unknown fields (in every
    release that has it, apiextensions' validatePreserveUnknownFields)."""
    if not _is_v1(before) or not _keeps_unknown_fields(before) or _keeps_unknown_fields(live):
        return before
    return {**before, "spec": {key: value for key, value in before["spec"].items() if key != _UNKNOWN_FIELDS}}


def _is_v1(each: Object) -> bool:
    return each.get("kind") == CRD and each.get("apiVersion") == "apiextensions.k8s.io/v1"


def _keeps_unknown_fields(each: Object | None) -> bool:
    return bool(((each or {}).get("spec") or {}).get(_UNKNOWN_FIELDS))
