"""What plain apply makes of an object, worked out here: for API servers that cannot be asked without changing it."""

from __future__ import annotations

from typing import Any

from tarmak_iam.hook.cluster.objects import Object

__all__ = ["overlaid"]


def overlaid(live: Object, wanted: Object, last: Object | None) -> Object:
    """The live object with what is wanted laid over it; what was applied last, and is not wanted, goes.

    Lists of named things (containers, volumes) are matched by name, as a strategic merge does; other lists are
    replaced. An approximation: `apply` itself asks kubectl.
    """
    merged: Object = _merged(live, wanted, last or {})
    return merged


def _merged(live: Any, wanted: Any, last: Any) -> Any:
    if isinstance(live, dict) and isinstance(wanted, dict):
        gone = set(last) - set(wanted) if isinstance(last, dict) else set()
        result = {key: value for key, value in live.items() if key not in gone}
        for key, value in wanted.items():
            before = last.get(key) if isinstance(last, dict) else None
            result[key] = _merged(live[key], value, before) if key in live else value
        return result
    if isinstance(live, list) and isinstance(wanted, list) and _are_named(live) and _are_named(wanted):
        known = {each["name"]: each for each in live}
        earlier = {each["name"]: each for each in last} if isinstance(last, list) and _are_named(last) else {}
        return [_merged(known.get(each["name"], {}), each, earlier.get(each["name"])) for each in wanted]
    return wanted


def _are_named(items: list[Any]) -> bool:
    return all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in items)
