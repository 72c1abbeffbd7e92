"""CustomResourceDefinitions: which kinds they bring, and what one that is there already needs."""

from __future__ import annotations

from tarmak_iam.hook.cluster.objects import Object, Ref

__all__ = ["CRD", "GroupKind", "brought", "fitted", "group_kind"]

CRD = "CustomResourceDefinition"

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

    A definition that came as v1beta1 keeps unknown fields, and the API server refuses a schema of v1 until somebody
    says otherwise. Where nobody has to, this is not said: the API server drops the default, and every later apply
    would find it missing.
    """
    if live is None or wanted.get("kind") != CRD or wanted["apiVersion"] != "apiextensions.k8s.io/v1":
        return wanted
    if not (live.get("spec") or {}).get("preserveUnknownFields"):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "preserveUnknownFields": False}}
