"""Reads the Kubernetes objects and kubeconfigs in a directory: the authenticator's configuration and flags, the cluster
IDs of the clients, and the webhook that the API server calls.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.doctor.file_tree import FoundFile
from tarmak_iam.document import Document
from tarmak_iam.document.tree import place_within
from tarmak_iam.errors import ConfigError, ParseError, Place, unquoted
from tarmak_iam.identity.cluster_objects import objects_in
from tarmak_iam.identity.daemon_config import ServerSettings
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.backend_payloads import CONFIG_KEY
from tarmak_iam.kubeconfig.exec_arguments import ExecArguments
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.pki.pem import PemBlock, is_certificate, read_pem
from tarmak_iam.routes import Path, Route


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be read, or a configuration that the authenticator cannot read."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration of the authenticator, as a file or in a ConfigMap."""

    document: Document
    place: Place
    id_place: Place
    """The place of its cluster ID, or where it would be."""


@dataclass(frozen=True, slots=True)
class DaemonContainer:
    """A container that runs the server. `state_path` is the path of its state directory on the host, "" if unknown;
    `user` is None if the image decides, which is never root; `is_prepared`: init containers run before it."""

    place: Place
    version: DaemonVersion
    args: tuple[str, ...]
    state_path: str
    cluster_id: str
    user: int | None
    is_prepared: bool


@dataclass(frozen=True, slots=True)
class Client:
    """A user of a kubeconfig that gets tokens for this cluster ID."""

    place: Place
    cluster_id: str


Read = Broken | Configuration | DaemonContainer | Client


def objects_in_file(found: FoundFile) -> Iterator[Read]:
    """Everything in a file that belongs to the authenticator. Never fails."""
    if found.data is None:
        yield Broken(found.place, found.problem)
        return
    try:
        with unquoted("the file"):  # it may be a kubeconfig, or a Secret
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
        place = error.place or Place(document.filename)
        yield Broken(place_within(document.source, document.node(route), place), error.what)
        return
    yield from _configuration(document, route, inner)


def _configuration(document: Document, route: Route, inner: Document) -> Iterator[Read]:
    keys = inner.data if isinstance(inner.data, dict) else {}
    key = next((each for each in keys if isinstance(each, str) and to_lower(each) == "clusterid"), None)
    within = inner.position((key,)) if key is not None else inner.position(())
    place = within if inner is document else place_within(document.source, document.node(route), within)
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
    except DaemonNotStarted as stop:
        return Broken(place, f"authenticator {version} does not start: {stop.reason}")
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
    """The path on the host of a directory of the container; "" if no hostPath is mounted there."""
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


@dataclass(frozen=True, slots=True)
class WebhookKubeconfig:
    """`problem` says why the API server finds no cluster in it, at `place`; all other fields are empty then."""

    path: str
    """The path on a master."""
    found: FoundFile
    place: Place
    problem: str = ""
    server: str = ""
    server_place: Place | None = None
    server_name: str = ""
    """The name that the certificate is checked for, if it is not the host of the URL."""
    is_insecure: bool = False
    ca: tuple[PemBlock, ...] | None = None
    """The trusted certificates; None if there is no certificate-authority-data."""
    ca_place: Place | None = None
    ca_file: str = ""

    @property
    def url(self) -> SplitResult | None:
        """None if it is not a URL."""
        try:
            url = urlsplit(self.server)
            _ = url.port
        except ValueError:
            return None
        return url if url.hostname else None

    @property
    def port(self) -> int:
        """The port of the URL, else that of https."""
        url = self.url
        return (url.port if url else None) or 443

    @property
    def host(self) -> str:
        url = self.url
        return (url.hostname or "") if url else ""


def parse_webhook_kubeconfig(path: str, found: FoundFile) -> WebhookKubeconfig:
    """Never fails: see `WebhookKubeconfig.problem`."""
    if found.data is None:
        return WebhookKubeconfig(path, found, found.place, found.problem)
    try:
        with unquoted():
            document = Document.parse(found.data, found.path)
            plain = document.data
    except ParseError as error:
        return WebhookKubeconfig(path, found, error.place or found.place, error.what)
    if not isinstance(plain, dict):
        return WebhookKubeconfig(
            path, found, found.at(1), "it is not a kubeconfig" if found.data.strip() else "it is empty"
        )
    return _parsed(path, found, document, plain)


def _parsed(path: str, found: FoundFile, document: Document, plain: dict[str, Any]) -> WebhookKubeconfig:
    for key in ("clusters", "contexts", "users"):
        if _has_name_twice(plain.get(key)):
            return WebhookKubeconfig(path, found, document.position((key,)), f"two of its {key} have the same name")
    current = plain.get("current-context")
    if not current:
        return WebhookKubeconfig(path, found, document.position(()), "it has no current-context")
    _, context = _named(plain, "contexts", "context", current)
    if context is None:
        where = document.position(("current-context",))
        return WebhookKubeconfig(path, found, where, "its current-context does not exist")
    index, cluster = _named(plain, "clusters", "cluster", context.get("cluster"))
    if cluster is None:
        where = document.position(("contexts",))
        return WebhookKubeconfig(path, found, where, "the cluster of its current context does not exist")
    route: Path = ("clusters", index, "cluster")
    data = cluster.get("certificate-authority-data")
    ca_place = document.position((*route, "certificate-authority-data"))
    return WebhookKubeconfig(
        path,
        found,
        document.position(route),
        server=_text(cluster.get("server")),
        server_place=document.position((*route, "server")),
        server_name=_text(cluster.get("tls-server-name")),
        is_insecure=cluster.get("insecure-skip-tls-verify") is True,
        ca=_certificates(data) if data else None,
        ca_place=ca_place,
        ca_file=_text(cluster.get("certificate-authority")),
    )


def _named(plain: dict[str, Any], key: str, inner: str, name: Any) -> tuple[int, dict[str, Any] | None]:
    items = plain.get(key)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        content = item.get(inner) if isinstance(item, dict) and item.get("name") == name else None
        if isinstance(content, dict):
            return index, content
    return 0, None


def _has_name_twice(items: Any) -> bool:
    """Whether a name is used twice, which the client library rejects."""
    names = [str(item.get("name")) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return len(set(names)) < len(names)


def _certificates(data: Any) -> tuple[PemBlock, ...]:
    """Empty if the data are not base64 or contain no certificate."""
    try:
        decoded = base64.b64decode(str(data).replace("\r", "").replace("\n", ""), validate=True)  # Go skips no spaces
    except (binascii.Error, ValueError):
        return ()
    return tuple(filter(is_certificate, read_pem(decoded)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
