"""What another release of the authenticator would change: who can log in, the objects, and the known security flaws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.access.diff import DAEMON, Effect, Loaded, Standings, changes, effects
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.artifact import NAME
from tarmak_iam.emit.emitters import manifests
from tarmak_iam.emit.kubernetes_objects import MANIFEST_CHECKSUM, ObjectKey, object_key, object_text
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.identity.advisories import Advisory, advisories_of
from tarmak_iam.identity.releases import DaemonVersion, published_tags, server_keys
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.images import Image
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import override

_OF_EVERY_RELEASE = ("app.kubernetes.io/version", MANIFEST_CHECKSUM)
_VERBS = {"created": "create", "configured": "change", "removed": "remove"}
__all__ = ["Flaw", "KeyChange", "ObjectDifference", "ReleaseChange", "release_change"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A security advisory to which the cluster is open; without `is_certain`, only if the configuration has what the
    advisory calls undecided."""

    advisory: Advisory
    is_certain: bool

    @property
    def text(self) -> str:
        condition = "" if self.is_certain else f" (if {self.advisory.undecided})"
        return f"{self.advisory.id}{condition}: {self.advisory.effect}"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of the mappings file that only one of the two releases reads: the new one if it `is_read`."""

    key: str
    is_read: bool
    place: Place

    @property
    def text(self) -> str:
        return f"{self.place}: {self.key} would {'be read' if self.is_read else 'no longer be read'}"


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """A Kubernetes object that would be `created`, `configured` or `removed`; `diff` is of its YAML."""

    key: ObjectKey
    action: str
    diff: str

    @property
    def text(self) -> str:
        return f"would {_VERBS[self.action]} {object_text(self.key)}"


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """The differences between the release in use (`before`) and another one (`after`). `failure`: why the other one
    cannot run with the settings, or why its objects cannot be generated. Then only the effects are compared.

    `flags` are those of the authenticator in the DaemonSet, as `+ --flag=value` and `- --flag=value`. `closed` and
    `opened` are the flaws that only one of them has. `command` changes the settings."""

    before: DaemonVersion
    after: DaemonVersion
    command: str
    failure: str = ""
    effects: tuple[Effect, ...] = ()
    flags: tuple[str, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    objects: tuple[ObjectDifference, ...] = ()
    closed: tuple[Flaw, ...] = ()
    opened: tuple[Flaw, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return any((self.failure, self.effects, self.flags, self.keys, self.objects, self.closed, self.opened))

    @property
    def starts(self) -> bool:
        """Whether the authenticator starts with the other release."""
        return not any(effect.kind == DAEMON and effect.reason for effect in self.effects)


def release_change(installation: Installation, release: str) -> ReleaseChange:
    """Compares the release in use with another one, newer or older, without a cluster. Raises ConfigError for a text
    that is not a release, for a hub, and if the objects of the release in use cannot be generated."""
    version, present = DaemonVersion.parse(release), manifests(installation)
    edits, notes = _edits(installation, release)
    settings = override(installation.settings, edits)
    other = replace(installation, settings=settings, daemon_version=settings.daemon_version)
    notes += [other.release_conflict] if other.release_conflict else []
    notes += [f"authenticator {version} {version.unread}"] if version.unread else []
    words = [word for edit in edits.items() for word in edit]
    change = ReleaseChange(
        installation.daemon_version, version, installation.command("settings set", *words), notes=tuple(notes)
    )
    try:
        other.daemon.check()
    except ConfigError as error:
        start = Effect("the authenticator", DAEMON, reason=error.what)
        lost = changes(Loaded.of(installation).standings, Standings(()))
        return replace(change, failure=error.what, effects=(start, *lost))
    change = replace(change, effects=effects(installation, other))
    try:
        objects = manifests(other)
    except ConfigError as error:
        return replace(change, failure=error.what)
    open_before, open_after = _flaws(installation), _flaws(other)
    return replace(
        change,
        flags=tuple(_flags(present, objects)),
        keys=tuple(_keys(installation, version)),
        objects=tuple(_differences(present, objects)),
        closed=tuple(flaw for name, flaw in open_before.items() if name not in open_after),
        opened=tuple(flaw for name, flaw in open_after.items() if name not in open_before),
    )


def _edits(installation: Installation, release: str) -> tuple[dict[str, str], list[str]]:
    """The settings that choose the release, and checks for the user. An image that is set keeps its repository."""
    settings, version = installation.settings, DaemonVersion.parse(release)
    name = release.strip() if "-eks-" in release else str(version)
    if settings.image is None:
        return {"daemonVersion": name}, []
    image = Image.parse(settings.image)
    try:
        DaemonVersion.parse(image.tag)
    except ConfigError:
        return {"daemonVersion": name}, [f"also set image: {settings.image} stays, and its tag names no release"]
    if image.digest:
        return {"daemonVersion": name}, [f"also set image: {settings.image} stays, because of its digest"]
    tag = published_tags().get(version, name) if "-eks-" in image.tag else name
    edits = {"image": f"{image.name}:{tag}"} | ({"daemonVersion": name} if settings.daemonVersion else {})
    return edits, [f"check that the image {edits['image']} exists"]


def _flaws(installation: Installation) -> dict[str, Flaw]:
    exposures = (
        (advisory, advisory.affects(installation.loaded)) for advisory in advisories_of(installation.daemon_version)
    )
    return {advisory.id: Flaw(advisory, bool(affected)) for advisory, affected in exposures if affected is not False}


def _flags(before: list[Manifest], after: list[Manifest]) -> Iterator[str]:
    old, new = (_container_args(objects) for objects in (before, after))
    yield from (f"- {flag}" for flag in old if flag not in new)
    yield from (f"+ {flag}" for flag in new if flag not in old)


def _container_args(objects: list[Manifest]) -> list[str]:
    sets = (made for made in objects if made["kind"] == "DaemonSet" and made["metadata"]["name"] == NAME)
    return [flag for made in sets for flag in made["spec"]["template"]["spec"]["containers"][0]["args"]]


def _keys(installation: Installation, version: DaemonVersion) -> Iterator[KeyChange]:
    if installation.mappings is None:
        return
    document = installation.mappings.document
    known = {key.lower(): key for key in server_keys()}  # viper ignores the case of keys
    for written in (document.data or {}).get("server") or ():
        key = known.get(str(written).lower())
        was, now = (key and release.has_key(f"server.{key}") for release in (installation.daemon_version, version))
        if was != now:
            yield KeyChange(f"server.{written}", bool(now), document.position(("server", written)))


def _differences(before: list[Manifest], after: list[Manifest]) -> Iterator[ObjectDifference]:
    """In apply order; objects that would be removed are first. Labels of the release and checksums are left out."""
    old, new = (
        {object_key(made): yaml_bytes(_without_release(made)).decode() for made in objects}
        for objects in (before, after)
    )
    for key in (*(key for key in old if key not in new), *new):
        text = unified_diff(old.get(key, ""), new.get(key, ""), object_text(key))
        if text:
            yield ObjectDifference(
                key, "created" if key not in old else "removed" if key not in new else "configured", text
            )


def _without_release(value: Any) -> Any:
    """A part of an object without what differs in every object of another release."""
    if isinstance(value, dict):
        return {key: _without_release(child) for key, child in value.items() if key not in _OF_EVERY_RELEASE}
    return [_without_release(child) for child in value] if isinstance(value, list) else value
