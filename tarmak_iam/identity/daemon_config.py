"""The daemon's configuration: file and flags, read as the given version reads them, or why it would not start."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import walk
from tarmak_iam.document.scalars import resolve_v2, resolve_v3
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.flags import Flags, parse_flags
from tarmak_iam.identity.model import Mapping, SsoRole
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.versions import DaemonVersion, known_partitions
from tarmak_iam.identity.viper import Settings, as_text, lookup, texts, weak_list, weak_text
from tarmak_iam.routes import Route

__all__ = ["BACKENDS", "DEPRECATED", "DaemonConfig", "read_daemon_config"]

BACKENDS = ("MountedFile", "EKSConfigMap", "CRD", "DynamicFile")
DEPRECATED = {"File": "MountedFile", "ConfigMap": "EKSConfigMap"}
_YAML_EXTENSIONS = ("yaml", "yml")
_OTHER_EXTENSIONS = ("toml", "properties", "props", "prop", "hcl", "env", "dotenv", "ini", "tfvars")


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """All of it that decides who a caller becomes. `backends` are in the order they are asked."""

    version: DaemonVersion
    cluster_id: str
    partition: str
    backends: tuple[str, ...]
    roles: tuple[Mapping, ...]
    users: tuple[Mapping, ...]
    accounts: tuple[str, ...]
    scrubbed: frozenset[str]
    reserved_prefixes: tuple[str, ...]
    gates: frozenset[str]


def read_daemon_config(
    text: str, filename: str, version: DaemonVersion, args: Iterable[str]
) -> tuple[DaemonConfig, Document]:
    """Raises NotStarted where the process would end."""
    flags = parse_flags(args, version)
    document = _parse(text, filename)
    data = _load(document, version)
    settings = Settings(data, flags.values, _defaults(version))
    reader = _Reader(settings, version, splits=not version.has("viper v1.0.0 (Gopkg.lock)"))
    config = reader.read(flags)
    return config, document


def _parse(text: str, filename: str) -> Document:
    extension = filename.rpartition(".")[2].lower() if "." in filename.rpartition("/")[2] else ""
    if extension == "json":
        json: bool | None = True
    elif extension in _YAML_EXTENSIONS:
        json = False
    elif extension in _OTHER_EXTENSIONS:
        raise NotStarted(f"a .{extension} configuration is not supported here; use YAML")
    else:
        raise NotStarted(f"the file name '{filename}' has no extension that the daemon knows (.yaml, .yml, .json)")
    try:
        return Document.parse(text, filename, json=json)
    except ParseError as error:
        raise NotStarted(f"the configuration cannot be read: {error}") from None


def _load(document: Document, version: DaemonVersion) -> Any:
    if document.is_json:
        return document.data
    newer = _reads_yaml_v3(version)
    try:
        data = document.resolved(resolve_v3 if newer else resolve_v2)
    except ParseError as error:
        raise NotStarted(f"the configuration cannot be read: {error}") from None
    if data is not None and not isinstance(data, dict):
        raise NotStarted("the configuration is no mapping")
    if newer:
        _refuse_duplicates(document)
    return data


def _reads_yaml_v3(version: DaemonVersion) -> bool:
    """viper changed from yaml.v2 to yaml.v3: `yes` is a text there, and a duplicate key an error."""
    return any(version.has(f"viper {tag}") for tag in ("v1.19.0", "v1.20.1", "v1.21.0"))


def _refuse_duplicates(document: Document) -> None:
    for node in walk(document.root) if document.root else ():
        for entry in node.entries if isinstance(node, MappingNode) else ():
            if entry.occurrence and not entry.is_merge:
                place = document.place(entry.key)
                raise NotStarted(
                    f"the key '{entry.text}' is there twice (line {place.line}), which this version refuses"
                )


def _defaults(version: DaemonVersion) -> dict[str, Any]:
    """The flags' defaults that an absent key takes."""
    defaults: dict[str, Any] = {"server.address": "127.0.0.1", "server.partition": "aws"}
    if version.has("default backendMode [MountedFile]"):
        defaults["server.backendMode"] = ["MountedFile"]
    elif version.has("default backendMode [CRD,ConfigMap,File]"):
        defaults["server.backendMode"] = ["CRD", "ConfigMap", "File"]
    return defaults


class _Reader:
    def __init__(self, settings: Settings, version: DaemonVersion, *, splits: bool) -> None:
        self._settings = settings
        self._version = version
        self._splits = splits

    def read(self, flags: Flags) -> DaemonConfig:
        settings, version = self._settings, self._version
        roles, users = self._mappings("role"), self._mappings("user")
        accounts = self._texts("server.mapAccounts")
        cluster_id = as_text(settings.get("clusterID"))
        if not cluster_id:
            raise NotStarted("clusterID is empty or missing", settings.route("clusterID"))
        partition = as_text(settings.get("server.partition"))
        if version.has("config key server.partition") and partition not in known_partitions(version):
            raise NotStarted(f"server.partition '{partition}' is not known", settings.route("server.partition"))
        self._check_address()
        scrubbed = (
            texts(settings.get("server.scrubbedAccounts")) if version.has("config key server.scrubbedAccounts") else []
        )
        return DaemonConfig(
            version=version,
            cluster_id=cluster_id,
            partition=partition,
            backends=self._backends(),
            roles=roles,
            users=users,
            accounts=tuple(accounts),
            scrubbed=frozenset(scrubbed),
            reserved_prefixes=self._reserved(),
            gates=flags.gates,
        )

    def _check_address(self) -> None:
        """The certificate that is made at the first start names this address, so it must be one."""
        address = as_text(self._settings.get("server.address"))
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise NotStarted(
                f"server.address '{address}' is no IP address", self._settings.route("server.address")
            ) from None

    def _backends(self) -> tuple[str, ...]:
        if not self._version.has("config key server.backendMode"):
            return ("MountedFile",)
        modes, route = texts(self._settings.get("server.backendMode")), self._settings.route("server.backendMode")
        known = [mode for mode in (*BACKENDS, *DEPRECATED) if self._version.has(f"backendMode {mode} accepted")]
        for mode in modes:
            if mode not in known:
                raise NotStarted(
                    f"backend-mode '{mode}' is not valid for this version (it knows {', '.join(known)})", route
                )
        if len(set(modes)) != len(modes):
            raise NotStarted("backend-mode has duplicates", route)
        if not modes:
            raise NotStarted("at least one backend-mode must be given", route)
        has_path = bool(as_text(self._settings.get("server.dynamicfilepath"))) and self._version.has(
            "config key server.dynamicfilepath"
        )
        if ("DynamicFile" in modes) != has_path:
            raise NotStarted("the backend DynamicFile and server.dynamicfilepath only go together", route)
        return tuple(DEPRECATED.get(mode, mode) for mode in modes)

    def _mappings(self, kind: str) -> tuple[Mapping, ...]:
        key = f"server.map{kind.capitalize()}s"
        base, value = self._settings.route(key), self._settings.get(key)
        mappings = []
        for item, index in weak_list(value, splits=self._splits):
            route = base if index is None else base / index
            if item is not None and not isinstance(item, AnyMapping):
                raise NotStarted(f"{key} must be a list of mappings, not {item!r}", route)
            mappings.append(self._mapping(kind, item or {}, route))
        return tuple(mappings)

    def _mapping(self, kind: str, item: AnyMapping[Any, Any], route: Route) -> Mapping:
        groups = [
            weak_text(group, "a group", route) for group, _ in weak_list(lookup(item, "groups"), splits=self._splits)
        ]
        return Mapping(
            kind=kind,
            arn=weak_text(lookup(item, f"{kind}arn"), f"{kind}ARN", route),
            username=weak_text(lookup(item, "username"), "username", route),
            groups=tuple(groups),
            route=route,
            sso=self._sso(item, route) if kind == "role" else None,
        )

    def _sso(self, item: AnyMapping[Any, Any], route: Route) -> SsoRole | None:
        sso = lookup(item, "sso")
        if sso is None or not self._version.has("sso: field in RoleMapping"):
            return None
        if not isinstance(sso, AnyMapping):
            raise NotStarted("sso must be a mapping", route)
        read = {
            name: weak_text(lookup(sso, name), f"sso.{name}", route)
            for name in ("permissionSetName", "accountID", "partition")
        }
        return SsoRole(read["permissionSetName"], read["accountID"], read["partition"])

    def _texts(self, key: str) -> list[str]:
        route = self._settings.route(key)
        return [
            weak_text(item, "an account", route) for item, _ in weak_list(self._settings.get(key), splits=self._splits)
        ]

    def _reserved(self) -> tuple[str, ...]:
        """Username prefixes that mappings of the mounted file must not give."""
        key = "server.reservedPrefixConfig"
        if not self._version.has(f"config key {key}"):
            return ()
        prefixes: list[str] = []
        for item, _ in weak_list(self._settings.get(key), splits=self._splits):
            if (
                isinstance(item, AnyMapping)
                and weak_text(lookup(item, "backendMode"), "backendMode", Route()) == "MountedFile"
            ):
                listed = weak_list(lookup(item, "usernamePrefixReserveList"), splits=self._splits)
                prefixes = [weak_text(prefix, "a prefix", Route()) for prefix, _ in listed]
        return tuple(prefixes)
