"""Ways to more rights, with rules that give them and what a review should make of these.

A rule of an escalation is enough by any of its verbs, resources and API groups; of several rules each is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

__all__ = ["ESCALATIONS", "Escalation", "Rules"]

Rules = tuple[dict[str, Any], ...]

_ORDER = ("mappings", "cluster", "identities", "rbac", "secrets", "pods")
_LISTED = ("apiGroups", "resources", "verbs")


@dataclass(frozen=True)
class Escalation:
    name: str
    namespace: str
    """That of the RoleBinding; empty for a ClusterRoleBinding."""

    named_by: tuple[str, ...]
    privilege: str
    because: str
    """Why it is none, where it is."""

    rules: Rules

    @property
    def smallest(self) -> Iterator[Rules]:
        """The same with one verb, one resource and one API group in each rule: every one of these is enough."""
        yield from product(*map(_single, self.rules))

    @property
    def row(self) -> str:
        """As docs/reference/escalations.md lists it."""
        where = self.namespace.replace("team", "a namespace") or "the cluster"
        privilege = f"`{self.privilege}`" + (f": {self.because}" if self.because else "")
        return f"| {self.name} | {where} | {', '.join(self.named_by) or 'none of them'} | {privilege} |"


def _single(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for chosen in product(*(rule[key] for key in _LISTED)):
        yield rule | {key: [each] for key, each in zip(_LISTED, chosen, strict=True)}


def _read() -> Iterator[Escalation]:
    for name in _ORDER:
        for each in YAML(typ="safe").load(Path(__file__).with_name(f"{name}.yaml")):
            yield Escalation(
                each["escalation"],
                each.get("namespace", ""),
                tuple(each.get("named by", ())),
                each["privilege"],
                each.get("because", ""),
                tuple(each["rules"]),
            )


ESCALATIONS = tuple(_read())
