"""The content of the files that doctor checks, parsed once."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.doctor.file_tree import FLAG, FileTree, FoundFile, Unit, Word, command_option, parse_unit
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, ParseError, Place, unquoted
from tarmak_iam.identity.cluster_objects import objects_in, place_within
from tarmak_iam.identity.daemon_config import ServerSettings, read_server_settings
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.admin_kubeconfig import named_item
from tarmak_iam.installation.backend_payloads import CONFIG_KEY
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.exec_plugin import ExecArguments
from tarmak_iam.pki.certificates import Certificate, PrivateKey, Unreadable, read_certificate, read_key
from tarmak_iam.pki.pem import PemBlock, is_certificate, is_key, read_pem
from tarmak_iam.routes import Route
from tarmak_iam.text import PLAIN, CommandLine


class Broken(NamedTuple):
    """A file that cannot be read, or a configuration that the authenticator cannot read."""

    place: Place
    message: str


class Configuration(NamedTuple):
    """A configuration of the authenticator. `id_place`: the place of its cluster ID, or where it would be."""

    document: Document
    place: Place
    id_place: Place


class DaemonContainer(NamedTuple):
    """A container that runs the server. `state_path` is the path of its state directory on the host, "" if unknown;
    `user` is None if the image decides, which is never root; `is_prepared`: init containers run before it."""

    place: Place
    version: DaemonVersion
    args: tuple[str, ...]
    state_path: str
    cluster_id: str
    user: int | None
    is_prepared: bool


class Client(NamedTuple):
    """A user of a kubeconfig that gets tokens for this cluster ID."""

    place: Place
    cluster_id: str


T = TypeVar("T")
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


class WebhookKubeconfig(NamedTuple):
    """`path` is that on a master. `problem` says why the API server finds no cluster in it, at `place`. `server_name`:
    what the certificate is checked for, if it is not the host of the URL. `ca`: the trusted certificates."""

    path: str
    file: FoundFile
    place: Place
    problem: str = ""
    server: str = ""
    server_place: Place | None = None
    server_name: str = ""
    is_insecure: bool = False
    ca: tuple[PemBlock, ...] | None = None
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


@dataclass(frozen=True, slots=True)
class PemFile(Generic[T]):
    """`wanted` are the blocks of the right type, of which the first is used; `others` do not belong in the file.
    `problem`: why the first block cannot be used; `content`: its content."""

    file: FoundFile
    wanted: tuple[PemBlock, ...]
    others: tuple[PemBlock, ...]
    problem: str = ""
    content: T | None = None

    @property
    def place(self) -> Place:
        return self.file.at(self.wanted[0].line if self.wanted else None)


def _read_pem_file(
    file: FoundFile | None, is_wanted: Callable[[PemBlock], bool], read: Callable[[bytes], T]
) -> PemFile[T] | None:
    """None for a file that does not exist or cannot be read."""
    if file is None or file.data is None:
        return None
    blocks = read_pem(file.data)
    wanted, others = tuple(filter(is_wanted, blocks)), tuple(block for block in blocks if not is_wanted(block))
    if wanted and is_key(wanted[0]) and wanted[0].is_encrypted:
        return PemFile(file, wanted, others, "it is encrypted, and the authenticator cannot decrypt it")
    try:
        return PemFile(file, wanted, others, content=read(wanted[0].data) if wanted else None)
    except Unreadable as error:
        return PemFile(file, wanted, others, str(error))


@dataclass(frozen=True, slots=True)
class InspectedFiles:
    """`installation`: the cluster of tarmak.yaml, if one is selected. `webhook_flag`: the path of the API server's
    webhook kubeconfig, and the file that contains it: its unit, else flags.txt, whose path is `rendered_flag`.
    `broken`: also configurations that the authenticator cannot read. `server`: the settings in its configuration and
    flags, else in the cluster's mappings file; None if there is neither."""

    tree: FileTree
    now: datetime
    expires_within: int
    installation: Installation | None
    certificate_file: PemFile[Certificate] | None
    key_file: PemFile[PrivateKey] | None
    certificate: Certificate | None
    key: PrivateKey | None
    webhooks: tuple[WebhookKubeconfig, ...]
    unit: Unit | None
    init_unit: Unit | None
    webhook_flag: tuple[FoundFile, Word] | None
    rendered_flag: tuple[FoundFile, Word] | None
    daemons: tuple[DaemonContainer, ...]
    clients: tuple[Client, ...]
    configurations: tuple[tuple[Configuration, ServerSettings], ...]
    broken: tuple[Broken, ...]
    server: ServerSettings | None

    @property
    def command_line(self) -> CommandLine:
        """Formats commands for the selected cluster."""
        return self.installation.command_line if self.installation else PLAIN

    @property
    def apply_command(self) -> str:
        return self.command_line.tarmak("clusters apply")


def inspect(tree: FileTree, now: datetime, expires_within: int, installation: Installation | None) -> InspectedFiles:
    units = (file if file is not None and file.data is not None else None for file in (tree.unit, tree.init_unit))
    unit, init_unit = (parse_unit(file) if file else None for file in units)
    rendered: tuple[FoundFile, Word] | None = None
    if tree.flags is not None and tree.flags.data is not None:
        lines = enumerate(tree.flags.text.splitlines(), 1)
        word = command_option([Word(line.strip(), number) for number, line in lines], FLAG)
        rendered = (tree.flags, word) if word else None
    flag = rendered
    if unit is not None:
        word = unit.option(FLAG)
        flag = (unit.file, word) if word else None
    objects = [content for file in tree.objects for content in objects_in_file(file)]
    daemons = tuple(content for content in objects if isinstance(content, DaemonContainer))
    broken = [content for content in objects if isinstance(content, Broken)]
    # The release of the DaemonSet, else of the settings, else of the default image.
    version = daemons[0].version if daemons else installation.daemon_version if installation else DEFAULT_RELEASE
    configurations = [content for content in objects if isinstance(content, Configuration)]
    readable: list[tuple[Configuration, ServerSettings]] = []
    for configuration in configurations:
        try:
            readable.append((configuration, read_server_settings(configuration.document, version)))
        except DaemonNotStarted as stop:
            broken.append(Broken(configuration.place, f"authenticator {version} does not start: {stop.reason}"))
    document = configurations[0].document if configurations else None
    if document is None and installation is not None and installation.mappings is not None:
        document = installation.mappings.document
    server: ServerSettings | None = None
    with contextlib.suppress(DaemonNotStarted):
        if document is not None or daemons:
            server = read_server_settings(document, version, daemons[0].args if daemons else ())
    certificate_file = _read_pem_file(tree.certificate, is_certificate, read_certificate)
    key_file = _read_pem_file(tree.key, is_key, read_key)
    certificate = certificate_file.content if certificate_file else None
    key = key_file.content if key_file else None
    webhooks = tuple(parse_webhook_kubeconfig(path, file) for path, file in tree.webhooks)
    clients = tuple(content for content in objects if isinstance(content, Client))
    of_master = (certificate_file, key_file, certificate, key, webhooks, unit, init_unit, flag, rendered)
    of_objects = (daemons, clients, tuple(readable), tuple(broken), server)
    return InspectedFiles(tree, now, expires_within, installation, *of_master, *of_objects)
