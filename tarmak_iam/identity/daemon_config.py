"""The daemon's configuration: file and flags, read as the given version reads them, or why it would not start."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from tarmak_iam.identity.arn import ArnError, parse_arn
from tarmak_iam.identity.config_file import lowers_lists
from tarmak_iam.identity.flags import Flags
from tarmak_iam.identity.key_choices import Item, may_stop, possible_items
from tarmak_iam.identity.model import Mapping, SsoRole
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.versions import DaemonVersion, server_partitions
from tarmak_iam.identity.viper import (
    Settings,
    as_boolean,
    as_integer,
    as_text,
    field_value,
    texts,
    weak_list,
    weak_text,
)
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["BACKENDS", "DEPRECATED", "DaemonConfig", "read_daemon_config"]

BACKENDS = ("MountedFile", "EKSConfigMap", "CRD", "DynamicFile")
DEPRECATED = {"File": "MountedFile", "ConfigMap": "EKSConfigMap"}
_PORTS = range(65536)
_SSO_FIELDS = ("PermissionSetName", "AccountID", "Partition")
_RESERVES_ALL = "reservedPrefixConfig counts for EKSConfigMap and CRD"

T = TypeVar("T")


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
    reserved_prefixes: AnyMapping[str, tuple[str, ...]]
    """By backend: what a username that it gives must not begin with."""
    gates: frozenset[str]
    dynamic_file: str = ""
    """Path of the file that the backend DynamicFile reads."""
    user_id_strict: bool = False
    """Whether the dynamic file is asked by the caller's unique id."""
    backend_modes_file: str = ""
    """Path of a file that overrides the backends while the daemon runs."""
    notes: tuple[str, ...] = ()
    """What of its entries the daemon takes at random, and what may stop it."""
    is_complete: bool = True
    """Whether every way in which it may take them was looked at."""

    def reserved_in(self, backend: str) -> tuple[str, ...]:
        """The prefixes that count for a backend: some releases look at them for files only."""
        of_files = backend in ("MountedFile", "DynamicFile")
        return self.reserved_prefixes.get(backend, ()) if of_files or self.version.has(_RESERVES_ALL) else ()


def read_daemon_config(file: Any, version: DaemonVersion, flags: Flags) -> DaemonConfig:
    """`file` is what `load_config` gives. Raises NotStarted where the process would end."""
    lowers = lowers_lists(version)
    settings = Settings(file, flags.values, _defaults(version), null_shadows=not lowers)
    return _Reader(settings, version, splits=not version.has("viper v1.0.0 (Gopkg.lock)"), lowers=lowers).read(flags)


def _defaults(version: DaemonVersion) -> dict[str, Any]:
    """The flags' defaults that an absent key takes."""
    defaults: dict[str, Any] = {"server.address": "127.0.0.1", "server.partition": "aws"}
    if version.has("default backendMode [MountedFile]"):
        defaults["server.backendMode"] = ["MountedFile"]
    elif version.has("default backendMode [CRD,ConfigMap,File]"):
        defaults["server.backendMode"] = ["CRD", "ConfigMap", "File"]
    return defaults


class _Reader:
    def __init__(self, settings: Settings, version: DaemonVersion, *, splits: bool, lowers: bool) -> None:
        self._settings = settings
        self._version = version
        self._splits = splits
        self._lowers = lowers
        self._has_sso = version.has("sso: field in RoleMapping")
        self._has_user_id = version.has("userid field in RoleMapping/UserMapping")
        self._notes: list[str] = []
        self._is_complete = True

    def read(self, flags: Flags) -> DaemonConfig:
        settings, version = self._settings, self._version
        roles, users = self._mappings("role"), self._mappings("user")
        accounts = self._texts("server.mapAccounts")
        cluster_id = as_text(settings.get("clusterID"))
        if not cluster_id:
            raise NotStarted("clusterID is empty or missing", settings.route("clusterID"))
        partition = as_text(settings.get("server.partition"))
        if version.has("config key server.partition") and partition not in server_partitions(version):
            raise NotStarted(f"server.partition {quoted(partition)} is not known", settings.route("server.partition"))
        self._check_process()
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
            dynamic_file=self._optional("server.dynamicfilepath", as_text, ""),
            user_id_strict=self._optional("server.dynamicfileUserIDStrict", as_boolean, False),
            backend_modes_file=self._optional("server.dynamicBackendModePath", as_text, "").strip(),
            notes=tuple(dict.fromkeys(self._notes)),
            is_complete=self._is_complete,
        )

    def _optional(self, key: str, read: Callable[[Any], T], absent: T) -> T:
        """A key that only some releases have."""
        return read(self._settings.get(key)) if self._version.has(f"config key {key}") else absent

    def _check_process(self) -> None:
        """What ends the process before anybody is asked, and a file or flag decides.

        The certificate that is made at the first start names address and host name, so they must be valid.
        """
        address = self._text("server.address")
        try:
            if "%" in address:
                raise ValueError(address)
            ipaddress.ip_address(address)
        except ValueError:
            self._stop("server.address", f"{quoted(address)} is no IP address")
        if not self._text("server.hostname").isascii():
            self._stop("server.hostname", "a certificate can only name it in ASCII")
        if as_integer(self._settings.get("server.port")) not in _PORTS:
            self._stop("server.port", "it is no port")
        role = self._text("server.ec2DescribeInstancesRoleARN")
        try:
            if role and self._version.known >= DaemonVersion(0, 5, 0):
                parse_arn(role)
        except ArnError as error:
            self._stop("server.ec2DescribeInstancesRoleARN", f"{quoted(role)} is no ARN: {error}")

    def _text(self, key: str) -> str:
        return as_text(self._settings.get(key))

    def _stop(self, key: str, what: str) -> NoReturn:
        raise NotStarted(f"{key}: {what}", self._settings.route(key))

    def _backends(self) -> tuple[str, ...]:
        if not self._version.has("config key server.backendMode"):
            return ("MountedFile",)
        modes, route = texts(self._settings.get("server.backendMode")), self._settings.route("server.backendMode")
        known = [mode for mode in (*BACKENDS, *DEPRECATED) if self._version.has(f"backendMode {mode} accepted")]
        for mode in modes:
            if mode not in known:
                raise NotStarted(
                    f"backend-mode {quoted(mode)} is not valid for this version (it knows {', '.join(known)})", route
                )
        if len(set(modes)) != len(modes):
            raise NotStarted("backend-mode has duplicates", route)
        if not modes:
            raise NotStarted("at least one backend-mode must be given", route)
        has_path = bool(self._optional("server.dynamicfilepath", as_text, ""))
        if ("DynamicFile" in modes) != has_path:
            raise NotStarted("the backend DynamicFile and server.dynamicfilepath only go together", route)
        return tuple(DEPRECATED.get(mode, mode) for mode in modes)

    def _mappings(self, kind: str) -> tuple[Mapping, ...]:
        key = f"server.map{kind.capitalize()}s"
        base, value = self._settings.route(key), self._settings.get(key)
        mappings = []
        for item, index in weak_list(value, splits=self._splits):
            route = base if index is None else base / index
            if index is None and isinstance(item, AnyMapping) and not self._splits:
                raise NotStarted(f"{key} must be a list", route)  # v0.4.0; later versions take a list of one
            if item is not None and not isinstance(item, AnyMapping):
                raise NotStarted(f"{key} must be a list of mappings, not {shortened(repr(item))}", route)
            mappings.append(self._mapping(kind, item or {}, route))
        return tuple(mappings)

    def _mapping(self, kind: str, item: Item, route: Route) -> Mapping:
        """With all that the entry may be, where keys differ in case only. Raises NotStarted if none can be read."""
        fields = (f"{kind.capitalize()}ARN", "Username", "Groups", "UserId", *(("SSO",) if kind == "role" else ()))
        possible = self._possible(item, fields, _SSO_FIELDS if kind == "role" else ())
        read, stops = [], []
        for each in possible:
            try:
                read.append(self._possible_mapping(kind, each, route))
            except NotStarted as stop:
                stops.append(stop)
        if not read:
            raise stops[0]
        self._notes += map(may_stop, stops)
        first, *others = dict.fromkeys(read)
        return replace(first, others=tuple(others)) if others else first

    def _possible(self, item: Item, fields: Iterable[str], inner: Iterable[str] = ()) -> tuple[Item, ...]:
        possible = possible_items(item, fields, lowers=self._lowers, inner=inner)
        self._notes += possible.notes
        self._is_complete = self._is_complete and possible.is_complete
        return possible.items

    def _possible_mapping(self, kind: str, item: Item, route: Route) -> Mapping:
        if self._has_user_id:
            weak_text(self._value(item, "UserId"), "userid", route)  # not used for mounted files, but read
        groups = self._value(item, "Groups")
        return Mapping(
            kind=kind,
            arn=weak_text(self._value(item, f"{kind.capitalize()}ARN"), f"{kind}ARN", route),
            username=weak_text(self._value(item, "Username"), "username", route),
            groups=tuple(weak_text(group, "a group", route) for group, _ in weak_list(groups, splits=self._splits)),
            route=route,
            sso=self._sso(item, route) if kind == "role" else None,
        )

    def _value(self, item: Item, field: str) -> Any:
        return field_value(item, field, lowers=self._lowers)

    def _sso(self, item: Item, route: Route) -> SsoRole | None:
        sso = self._value(item, "SSO")
        if sso is not None and not self._has_sso:
            if not self._value(item, "RoleARN") and self._version.known >= DaemonVersion(0, 5, 0):
                raise NotStarted(f"{self._version} has no SSO entries (v0.6.0, v0.6.1, v0.6.30 and later have)", route)
            return None
        if sso is None:
            return None
        if not isinstance(sso, AnyMapping):
            raise NotStarted("sso must be a mapping", route)
        names = ("permissionSetName", "accountID", "partition")
        texts_ = (weak_text(self._value(sso, f), f"sso.{n}", route) for f, n in zip(_SSO_FIELDS, names, strict=True))
        return SsoRole(*texts_)

    def _texts(self, key: str) -> list[str]:
        route = self._settings.route(key)
        return [
            weak_text(item, "an account", route) for item, _ in weak_list(self._settings.get(key), splits=self._splits)
        ]

    def _reserved(self) -> dict[str, tuple[str, ...]]:
        """By backend; of two entries for one the last counts."""
        key = "server.reservedPrefixConfig"
        if not self._version.has(f"config key {key}"):
            return {}
        reserved: dict[str, tuple[str, ...]] = {}
        for item, _ in weak_list(self._settings.get(key), splits=self._splits):
            if item is None:
                continue
            if not isinstance(item, AnyMapping):
                self._stop(key, "it must be a list of mappings")
            reserved.update(self._reserved_by(item))
        return reserved

    def _reserved_by(self, item: Item) -> dict[str, tuple[str, ...]]:
        """By backend; where the daemon takes one of several keys, only what it reserves whichever it takes."""
        read = []
        for each in self._possible(item, ("BackendMode", "UsernamePrefixReserveList")):
            backend = weak_text(self._value(each, "BackendMode"), "backendMode", Route())
            listed = weak_list(self._value(each, "UsernamePrefixReserveList"), splits=self._splits)
            read.append((backend, tuple(weak_text(prefix, "a prefix", Route()) for prefix, _ in listed)))
        backend, prefixes = read[0]
        always = (prefix for prefix in prefixes if all(prefix in each and backend == name for name, each in read))
        return {backend: tuple(always)}
