"""Reads the Kubernetes objects and kubeconfigs in a directory: the authenticator's configuration and flags, the cluster
IDs of the clients, and the webhook that the API server calls.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.doctor.file_tree import FoundFile
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, ParseError, Place, unquoted
from tarmak_iam.identity.cluster_objects import objects_in, place_within
from tarmak_iam.identity.daemon_config import ServerSettings
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.admin_kubeconfig import named_item
from tarmak_iam.installation.backend_payloads import CONFIG_KEY
from tarmak_iam.kubeconfig.exec_arguments import ExecArguments
from tarmak_iam.pki.pem import PemBlock, is_certificate, read_pem
from tarmak_iam.routes import Route


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


def objects_in_file(file: FoundFile) -> Iterator[Read]:
    """Everything in a file that belongs to the authenticator. Never fails."""
    if file.data is None:
        yield Broken(file.place, file.problem)
        return
    try:
        with unquoted("the file"):  # it may be a kubeconfig, or a Secret
            documents = Document.parse_all(file.data, file.path)
    except ParseError as error:
        yield Broken(error.place or file.place, error.what)
        return
    for document in documents:
        yield from _in_document(document)


def _in_document(document: Document) -> Iterator[Read]:
    content = document.data
    if isinstance(content, dict) and content.get("kind") is None:
        if _cluster_id_key(content) is not None:
            yield _configuration(document, Route(), document)
        yield from _clients(document, Route(), content)
    for manifest in objects_in(document):
        text = manifest.field("data").get(CONFIG_KEY) if manifest.kind == "ConfigMap" else None
        if isinstance(text, str):
            route = manifest.route / "data" / CONFIG_KEY
            try:
                yield _configuration(document, route, Document.parse(text, document.filename, json=False))
            except ParseError as error:
                place = error.place or Place(document.filename)
                yield Broken(place_within(document, route, place), error.what)
        elif manifest.kind == "Config":
            yield from _clients(document, manifest.route, manifest.data)
        elif manifest.kind != "ConfigMap":
            yield from _daemons(document, manifest.route, manifest.data)


def _cluster_id_key(content: Mapping[Any, Any]) -> str | None:
    return next((key for key in content if isinstance(key, str) and to_lower(key) == "clusterid"), None)


def _configuration(document: Document, route: Route, inner: Document) -> Configuration:
    key = _cluster_id_key(inner.data) if isinstance(inner.data, dict) else None
    within = inner.position(() if key is None else (key,))
    place = within if inner is document else place_within(document, route, within)
    return Configuration(inner, document.position(route), place)


def _daemons(document: Document, route: Route, content: Mapping[str, Any]) -> Iterator[Read]:
    spec, at = content, route
    for step in ("spec", "template", "spec"):
        if isinstance(spec.get(step), dict) and "containers" not in spec:
            spec, at = spec[step], at / step
    containers = spec.get("containers")
    for index, container in enumerate(containers if isinstance(containers, list) else ()):
        if not isinstance(container, dict):
            continue
        listed = [container.get(key) for key in ("command", "args")]
        words = [word for part in listed if isinstance(part, list) for word in part if isinstance(word, str)]
        image = str(container.get("image") or "")
        if "server" in words and any("aws-iam-authenticator" in text for text in (image, *words[:1])):
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
    state_dir = str(flags.get("server.stateDir", ServerSettings().state_dir)).rstrip("/")
    mounts = _mappings(container.get("volumeMounts"))
    names = {str(mount.get("name")) for mount in mounts if str(mount.get("mountPath") or "").rstrip("/") == state_dir}
    volumes = [volume for volume in _mappings(spec.get("volumes")) if str(volume.get("name")) in names]
    users = [_member(holder, "securityContext").get("runAsUser") for holder in (container, spec)]
    return DaemonContainer(
        place,
        version,
        tuple(words),
        next((str(_member(volume, "hostPath").get("path") or "").rstrip("/") for volume in volumes), ""),
        str(flags.get("clusterID", "")),
        next((user for user in users if isinstance(user, int)), None),
        bool(spec.get("initContainers")),
    )


def _clients(document: Document, route: Route, content: Mapping[str, Any]) -> Iterator[Read]:
    for index, user in enumerate(content["users"] if isinstance(content.get("users"), list) else ()):
        arguments = ExecArguments.of(_member(_member(user, "user"), "exec"))
        cluster_id = arguments.options.get("cluster") if arguments else None
        if cluster_id is not None:
            yield Client(document.position(route / "users" / index / "user" / "exec" / "args"), cluster_id)


def _member(value: Any, key: str) -> Mapping[str, Any]:
    content = value.get(key) if isinstance(value, dict) else None
    return content if isinstance(content, dict) else {}


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class WebhookKubeconfig:
    """`problem` says why the API server finds no cluster in it, at `place`; all other fields are empty then."""

    path: str
    """The path on a master."""
    file: FoundFile
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
        return (self.url.port if self.url else None) or 443

    @property
    def host(self) -> str:
        return (self.url.hostname if self.url else None) or ""


def parse_webhook_kubeconfig(path: str, file: FoundFile) -> WebhookKubeconfig:
    """Never fails: see `WebhookKubeconfig.problem`."""
    if file.data is None:
        return WebhookKubeconfig(path, file, file.place, file.problem)
    try:
        with unquoted():
            document = Document.parse(file.data, file.path)
            content = document.data
    except ParseError as error:
        return WebhookKubeconfig(path, file, error.place or file.place, error.what)
    if not isinstance(content, dict):
        problem = "it is not a kubeconfig" if file.data.strip() else "it is empty"
        return WebhookKubeconfig(path, file, file.at(1), problem)
    route, problem, cluster = _current_cluster(content)
    if problem:
        return WebhookKubeconfig(path, file, document.position(route), problem)
    data = cluster.get("certificate-authority-data")
    server, server_name, ca_file = (
        text if isinstance(text := cluster.get(key), str) else ""
        for key in ("server", "tls-server-name", "certificate-authority")
    )
    return WebhookKubeconfig(
        path,
        file,
        document.position(route),
        server=server,
        server_place=document.position((*route, "server")),
        server_name=server_name,
        is_insecure=cluster.get("insecure-skip-tls-verify") is True,
        ca=_certificates(data) if data else None,
        ca_place=document.position((*route, "certificate-authority-data")),
        ca_file=ca_file,
    )


def _current_cluster(content: dict[str, Any]) -> tuple[tuple[str | int, ...], str, dict[str, Any]]:
    """Route and content of the cluster of the current context; or the route of a problem, the problem, and {}."""
    for key in ("clusters", "contexts", "users"):
        names = [str(item.get("name")) for item in _mappings(content.get(key))]
        if len(set(names)) < len(names):  # the client library rejects it
            return (key,), f"two of its {key} have the same name", {}
    current = content.get("current-context")
    if not current:
        return (), "it has no current-context", {}
    _, context = named_item(content, "contexts", "context", current)
    if context is None:
        return ("current-context",), "its current-context does not exist", {}
    index, cluster = named_item(content, "clusters", "cluster", context.get("cluster"))
    if cluster is None:
        return ("contexts",), "the cluster of its current context does not exist", {}
    return ("clusters", index, "cluster"), "", cluster


def _certificates(data: Any) -> tuple[PemBlock, ...]:
    """Empty if the data are not base64 or contain no certificate."""
    try:
        decoded = base64.b64decode(str(data).replace("\r", "").replace("\n", ""), validate=True)  # Go skips no spaces
    except (binascii.Error, ValueError):
        return ()
    return tuple(filter(is_certificate, read_pem(decoded)))
