"""Changes of a cluster that are killed at every moment: what is there before each, and what is applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tarmak_iam.installation.installation import Installation
from tests.support.applied import NAME, READERS, made
from tests.support.installations import MAPPINGS
from tests.support.kill_points import RollingCluster, Seen, World
from tests.support.stale_pods import EVIL

__all__ = ["CHANGES", "SERVERS", "Case", "case_of", "world_in"]

SERVERS = ("v1.30.1", "v1.15.12")


@dataclass(frozen=True)
class Change:
    """`before` brings about what is there before; `wanted` are the overrides of what is applied then."""

    before: Callable[[World], object]
    mappings: str = MAPPINGS
    is_forced: bool = False
    wanted: tuple[tuple[str, Any], ...] = ()


def of(world: World, mappings: str = MAPPINGS, **overrides: Any) -> Installation:
    version = world.cluster.server.removeprefix("v")
    return replace(made(mappings, kubernetesVersion=version, **overrides), home=world.home)


def nothing(_: World) -> None:
    pass


def first(world: World, **overrides: Any) -> None:
    world.apply(of(world, **overrides))
    world.cluster.clock += 86400


def edited(world: World) -> None:
    """By hand, and taken in by every pod."""
    first(world)
    cluster = world.cluster
    found = cluster.get("ConfigMap", NAME)
    assert found is not None
    cluster.add({**found, "data": {"config.yaml": MAPPINGS + EVIL}}, "kubectl-edit")
    cluster.clock += 86400
    for name in list(cluster.daemons.pods):
        cluster.replace_pod(name)
    cluster.look()
    cluster.clock += 86400


CHANGES = {
    "first": Change(nothing),
    "mappings": Change(first, MAPPINGS + READERS),
    "hand-edit": Change(edited, is_forced=True),
    "image": Change(first, wanted=(("image", "example.org/other:v0.7.9"),)),
    "crd": Change(first, MAPPINGS + READERS, wanted=(("backends", ("CRD",)),)),
    "no-crd": Change(lambda world: first(world, backends=["CRD"]), MAPPINGS + READERS),
}


def world_in(directory: Path, server: str) -> World:
    """Without an object."""
    directory.mkdir()
    return World(directory, RollingCluster(server=server, client=server))


def wanted_of(world: World, change: Change) -> Installation:
    options = {key: list(value) if isinstance(value, tuple) else value for key, value in change.wanted}
    return of(world, change.mappings, **options)


@dataclass(frozen=True)
class Case:
    """A run that is killed: what there is before it and after it, and what is looked at in between."""

    wanted: Installation
    is_forced: bool
    before: Seen
    after: Seen
    numbers: int
    """How many changes the history has before it."""

    @property
    def admins(self) -> frozenset[str]:
        """Those who are mapped to system:masters on every node, before and after."""
        sides = (self.before.logins, self.after.logins)
        found = [frozenset.intersection(*logins.values()) for logins in sides if logins]
        both = frozenset.intersection(*found) if len(found) == 2 else frozenset()
        return frozenset(each for each in both if each.endswith("with system:masters"))

    def apply(self, world: World) -> None:
        world.apply(self.wanted, force=self.is_forced)


def case_of(world: World, change: Change) -> tuple[Case, Callable[[], World]]:
    change.before(world)
    wanted = wanted_of(world, change)
    before, numbers, start = world.seen, len(world.statuses), world.saved()
    world.apply(wanted, force=change.is_forced)
    return Case(wanted, change.is_forced, before, world.seen, numbers), start
