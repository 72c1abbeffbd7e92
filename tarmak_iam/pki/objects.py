"""What the objects in a directory tell: the daemon's configuration and flags, and the clients' cluster ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarmak_iam.delivery import CONFIG_KEY
from tarmak_iam.document import Document
from tarmak_iam.document.embedded import place_within
from tarmak_iam.errors import ConfigError, ParseError, Place
from tarmak_iam.exec_arguments import ExecArguments
from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.objects import objects_in
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.server_settings import ServerSettings
from tarmak_iam.identity.versions import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.pki.tree import Found
from tarmak_iam.routes import Route

__all__ = ["Broken", "Client", "Configuration", "DaemonContainer", "read_objects"]


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be read, or a configuration that the daemon cannot."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A daemon's configuration, by itself or in a ConfigMap."""

    document: Document
    place: Place
    id_place: Place
    """Of its cluster id, or where that would be."""


@dataclass(frozen=True, slots=True)
class DaemonContainer:
    """A container that runs the server. `state_path` is where its state directory is on the host, "" if unknown;
    `user` is None where the image decides, which is never root; `is_prepared`: init containers run before."""

    place: Place
    version: DaemonVersion
    args: tuple[str, ...]
    state_path: str
    cluster_id: str
    user: int | None
    is_prepared: bool


@dataclass(frozen=True, slots=True)
class Client:
    """A kubeconfig's user that gets its tokens for a cluster id."""

    place: Place
    cluster_id: str


Read = Broken | Configuration | DaemonContainer | Client


def read_objects(found: Found) -> Iterator[Read]:
    """Everything of the authenticator's in a file; never fails."""
    if found.data is None:
        yield Broken(found.place, found.problem)
        return
    try:
        documents = Document.parse_all(found.data, found.path)
    except ParseError as error:
        yield Broken(error.place or found.place, error.what)
        return
    for document in documents:
        yield from _in_document(document)


def _in_document(document: Document) -> Iterator[Read]:
    plain = document.data
    if isinstance(plain, dict) and plain.get("kind") is None:
        if any(isinstance(key, str) and to_lower(key) == "clusterid" for key in plain):
            yield from _configuration(document, Route(), document)
        yield from _clients(document, Route(), plain)
    for each in objects_in(document):
        if each.kind == "ConfigMap":
            text = each.field("data").get(CONFIG_KEY)
            if isinstance(text, str):
                yield from _embedded(document, each.route / "data" / CONFIG_KEY, text)
        elif each.kind == "Config":
            yield from _clients(document, each.route, each.data)
        else:
            yield from _daemons(document, each.route, each.data)


def _embedded(document: Document, route: Route, text: str) -> Iterator[Read]:
    try:
        inner = Document.parse(text, document.filename, json=False)
    except ParseError as error:
        yield Broken(place_within(document, route, error.place or Place(document.filename)), error.what)
        return
    yield from _configuration(document, route, inner)


def _configuration(document: Document, route: Route, inner: Document) -> Iterator[Read]:
    keys = inner.data if isinstance(inner.data, dict) else {}
    key = next((each for each in keys if isinstance(each, str) and to_lower(each) == "clusterid"), None)
    within = inner.position((key,)) if key is not None else inner.position(())
    place = within if inner is document else place_within(document, route, within)
    yield Configuration(inner, document.position(route), place)


def _daemons(document: Document, route: Route, plain: Mapping[str, Any]) -> Iterator[Read]:
    spec, at = plain, route
    for step in ("spec", "template", "spec"):
        if isinstance(spec.get(step), dict) and "containers" not in spec:
            spec, at = spec[step], at / step
    containers = spec.get("containers")
    for index, container in enumerate(containers if isinstance(containers, list) else ()):
        if not isinstance(container, dict):
            continue
        words = [each for key in ("command", "args") for each in _texts(container.get(key))]
        image = str(container.get("image") or "")
        if "server" in words and any("aws-iam-authenticator" in each for each in (image, *words[:1])):
            place = document.position(at / "containers" / index / "args")
            yield _daemon(place, words, image, spec, container)


def _daemon(place: Place, words: list[str], image: str, spec: Mapping[str, Any], container: Mapping[str, Any]) -> Read:
    try:
        version = DaemonVersion.parse(image.partition("@")[0].rpartition(":")[2])
    except ConfigError:
        version = DEFAULT_RELEASE
    try:
        flags = parse_flags(words, version).values
    except NotStarted as stop:
        return Broken(place, f"authenticator {version} would not start: {stop.reason}")
    state_dir = str(flags.get("server.stateDir", ServerSettings().state_dir))
    users = [_member(each, "securityContext").get("runAsUser") for each in (container, spec)]
    return DaemonContainer(
        place,
        version,
        tuple(words),
        _host_path(spec, container, state_dir),
        str(flags.get("clusterID", "")),
        next((user for user in users if isinstance(user, int)), None),
        bool(spec.get("initContainers")),
    )


def _host_path(spec: Mapping[str, Any], container: Mapping[str, Any], path: str) -> str:
    """Where a directory of the container is on the host; "" where no hostPath is mounted there."""
    mounts = _mappings(container.get("volumeMounts"))
    names = {
        str(each.get("name")) for each in mounts if str(each.get("mountPath") or "").rstrip("/") == path.rstrip("/")
    }
    volumes = [each for each in _mappings(spec.get("volumes")) if str(each.get("name")) in names]
    return next((str(_member(each, "hostPath").get("path") or "").rstrip("/") for each in volumes), "")


def _clients(document: Document, route: Route, plain: Mapping[str, Any]) -> Iterator[Read]:
    for index, user in enumerate(plain["users"] if isinstance(plain.get("users"), list) else ()):
        arguments = ExecArguments.of(_member(_member(user, "user"), "exec"))
        cluster_id = arguments.options.get("cluster") if arguments else None
        if cluster_id is not None:
            yield Client(document.position(route / "users" / index / "user" / "exec" / "args"), cluster_id)


def _member(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
