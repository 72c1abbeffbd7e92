"""Labels and taints of instance pools that Tarmak refuses where it writes the nodes' configuration.

Sources: Labels and validTaints in pkg/tarmak/instance_pool/instance_pool.go, and Kubernetes's own validation of labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tarmak_iam.config.effective import Issue
from tarmak_iam.text import quoted

__all__ = ["label_issues"]

_LABEL_TEXT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z", re.ASCII)
_TAINT_KEY = re.compile(r"[a-zA-Z0-9][\w.-]*/?[\w.-]*[a-zA-Z0-9]\Z", re.ASCII)
_TAINT_VALUE = re.compile(r"[a-zA-Z0-9][\w.-]*[a-zA-Z0-9]\Z", re.ASCII)
# Tarmak's expression is anchored at one end of one alternative only.
_EFFECT = re.compile(r"\APreferNoSchedule|NoSchedule|NoExecute\Z", re.ASCII)


def label_issues(pool: Mapping[str, Any]) -> Iterator[Issue]:
    """The labels and taints of one pool, with paths below it."""
    for index, label in enumerate(pool.get("labels") or ()):
        yield from _below(("labels", index), label, _label_flaws(label or {}))
    for index, taint in enumerate(pool.get("taints") or ()):
        yield from _below(("taints", index), taint, _taint_flaws(taint or {}))


def _below(path: tuple[str | int, ...], item: Any, flaws: Iterator[Issue]) -> Iterator[Issue]:
    if item is None:
        yield path, f"{path[0]} has a null item, and Tarmak panics", "remove it"
        return
    for below, what, remedy in flaws:
        yield (*path, *below), what, remedy


def _label_flaws(label: Mapping[str, Any]) -> Iterator[Issue]:
    key, value = str(label.get("key") or ""), str(label.get("value") or "")
    if not _is_qualified_name(key):
        yield ("key",), f"{quoted(key)} is not a valid label key", "write it as in team or example.com/team"
    if value and not _LABEL_TEXT.match(value):
        yield (
            ("value",),
            f"{quoted(value)} is not a valid label value",
            "use up to 63 letters, digits, '-', '_' and '.'",
        )


def _taint_flaws(taint: Mapping[str, Any]) -> Iterator[Issue]:
    key, value = str(taint.get("key") or ""), str(taint.get("value") or "")
    effect = str(taint.get("effect") or "")
    if not _TAINT_KEY.match(key):
        yield ("key",), f"{quoted(key)} is not a valid taint key", "write it as in dedicated or example.com/dedicated"
    if value and not _TAINT_VALUE.match(value):
        yield (
            ("value",),
            f"Tarmak refuses the taint value {quoted(value)}",
            "use two or more letters, digits, '-', '_' and '.'",
        )
    if not _EFFECT.search(effect):
        yield ("effect",), f"{quoted(effect)} is not a taint effect", "write NoSchedule, PreferNoSchedule or NoExecute"


def _is_qualified_name(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= 253 and _SUBDOMAIN.match(prefix)):
        return False
    return _LABEL_TEXT.match(name) is not None
