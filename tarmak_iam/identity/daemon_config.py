"""The daemon's configuration: file and flags, read as the given release reads them, or why it would not start; and
where it listens and keeps its files.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from tarmak_iam.aws.arn import ArnError, parse_arn
from tarmak_iam.document import Document
from tarmak_iam.identity.backend_support import (
    BACKEND_SPELLINGS,
    BACKENDS,
    MOUNTED_FILE,
    Backend,
    BackendSource,
    current_name,
)
from tarmak_iam.identity.flags import DaemonFlags, parse_flags
from tarmak_iam.identity.model import DaemonNotStarted, IdentityMapping, SsoRole
from tarmak_iam.identity.releases import SSO_GATE, DaemonVersion, ReleaseFeature, server_partitions
from tarmak_iam.identity.viper import (
    Item,
    ViperSettings,
    as_boolean,
    as_integer,
    as_text,
    as_texts,
    field_spellings,
    field_value,
    load_config,
    lowers_lists,
    possible_items,
    take_each,
    weak_list,
    weak_text,
)
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_PORTS = range(65536)
_WITH_PATH = tuple(each for each in BACKENDS if each.path_key)

_SSO_FIELDS = ("PermissionSetName", "AccountID", "Partition")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """All of it that decides who a caller becomes. `backends` are in the order they are asked."""

    version: DaemonVersion
    cluster_id: str
    partition: str
    backends: tuple[str, ...]
    roles: tuple[IdentityMapping, ...]
    users: tuple[IdentityMapping, ...]
    accounts: tuple[str, ...]
    scrubbed: frozenset[str]
    reserved_prefixes: AnyMapping[str, tuple[str, ...]]
    """By backend: what a username that it gives must not begin with."""
    gates: frozenset[str]
    paths: AnyMapping[str, str] = field(default_factory=dict)
    """By backend: the path of the file that it reads."""
    user_id_strict: bool = False
    """Whether the dynamic file is asked by the caller's unique id."""
    backend_modes_file: str = ""
    """Path of a file that overrides the backends while the daemon runs."""
    notes: tuple[str, ...] = ()
    """What of its entries the daemon takes at random, and what may stop it."""
    is_complete: bool = True
    """Whether every way in which it may take them was looked at."""

    def reserves_for(self, backend: Backend) -> bool:
        """Whether it looks at a backend's reserved prefixes at all: some releases do for files only."""
        of_files = backend.reads is not BackendSource.CLUSTER
        return of_files or self.version.has(ReleaseFeature.PREFIXES_IN_ALL_BACKENDS)

    def reserved_in(self, backend: Backend) -> tuple[str, ...]:
        """The prefixes that count for a backend."""
        return self.reserved_prefixes.get(backend.name, ()) if self.reserves_for(backend) else ()

    def matches_sso(self, backend: Backend) -> bool:
        """Whether a backend looks at SSO entries."""
        return SSO_GATE in self.gates and backend.sso is not None and self.version.has(backend.sso)


def read_daemon_config(file: Any, version: DaemonVersion, flags: DaemonFlags) -> DaemonConfig:
    """`file` is what `load_config` gives. Raises NotStarted where the process would end."""
    lowers = lowers_lists(version)
    settings = ViperSettings(file, flags.values, _mapping_defaults(version), null_shadows=not lowers)
    return _DaemonConfigReader(
        settings, version, splits=not version.has_viper("v1.0.0 (Gopkg.lock)"), lowers=lowers
    ).read(flags)


def _mapping_defaults(version: DaemonVersion) -> dict[str, Any]:
    """The flags' defaults that an absent key takes."""
    defaults: dict[str, Any] = {"server.address": "127.0.0.1", "server.partition": "aws"}
    if version.has(ReleaseFeature.BACKENDS_BY_FILE):
        defaults["server.backendMode"] = ["MountedFile"]
    elif version.has(ReleaseFeature.BACKENDS_BY_FIRST_NAMES):
        defaults["server.backendMode"] = ["CRD", "ConfigMap", "File"]
    return defaults


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "mapping"


class _DaemonConfigReader:
    def __init__(self, settings: ViperSettings, version: DaemonVersion, *, splits: bool, lowers: bool) -> None:
        self._settings = settings
        self._version = version
        self._splits = splits
        self._lowers = lowers
        self._has_sso = version.has(ReleaseFeature.SSO_ENTRIES)
        self._has_user_id = version.has(ReleaseFeature.USER_IDS)
        self._notes: list[str] = []
        self._is_complete = True

    def read(self, flags: DaemonFlags) -> DaemonConfig:
        settings, version = self._settings, self._version
        self._check_server()
        roles, users = self._mappings("role"), self._mappings("user")
        accounts = self._texts("server.mapAccounts")
        cluster_id = as_text(settings.get("clusterID"))
        if not cluster_id:
            is_text = not isinstance(settings.get("clusterID"), (list, AnyMapping))
            what = f"clusterID is {'empty or missing' if is_text else self._shown('clusterID')}"
            raise DaemonNotStarted(
                what, settings.route("clusterID"), remedy="write clusterID: and the name of the cluster"
            )
        partition = as_text(settings.get("server.partition"))
        if version.has_key("server.partition") and partition not in server_partitions(version):
            known = ", ".join(server_partitions(version))
            remedy = f"remove server.partition, or write one of {known}"
            what = f"server.partition {self._shown('server.partition')} is not known"
            raise DaemonNotStarted(what, settings.route("server.partition"), remedy=remedy)
        self._check_process()
        scrubbed: list[str] = self._optional("server.scrubbedAccounts", as_texts, [])
        return DaemonConfig(
            version=version,
            cluster_id=cluster_id,
            partition=partition,
            backends=self._backends(),
            roles=roles,
            users=users,
            accounts=accounts,
            scrubbed=frozenset(scrubbed),
            reserved_prefixes=self._reserved(),
            gates=flags.gates,
            paths={each.name: self._path(each) for each in _WITH_PATH},
            user_id_strict=self._optional("server.dynamicfileUserIDStrict", as_boolean, False),
            backend_modes_file=self._optional("server.dynamicBackendModePath", as_text, "").strip(),
            notes=tuple(dict.fromkeys(self._notes)),
            is_complete=self._is_complete,
        )

    def _path(self, backend: Backend) -> str:
        """Of the file that it reads; empty for none."""
        return self._optional(backend.path_key, as_text, "")

    def _optional(self, key: str, read: Callable[[Any], T], absent: T) -> T:
        """A key that only some releases have."""
        return read(self._settings.get(key)) if self._version.has_key(key) else absent

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
            what = f"{self._shown('server.address')} is no IP address"
            self._stop("server.address", what, "remove the key, or write 127.0.0.1")
        if not self._text("server.hostname").isascii():
            what = "a certificate can only name it in ASCII"
            self._stop("server.hostname", what, "remove the key, or write localhost")
        if as_integer(self._settings.get("server.port")) not in _PORTS:
            what = f"{self._shown('server.port')} is no port"
            self._stop("server.port", what, "remove the key, or write a number from 1 to 65535")
        role = self._text("server.ec2DescribeInstancesRoleARN")
        try:
            if role and self._version.has(ReleaseFeature.DESCRIBING_ROLE_PARSED):
                parse_arn(role)
        except ArnError as error:
            remedy = "remove the key, or write the ARN of a role"
            self._stop("server.ec2DescribeInstancesRoleARN", f"{quoted(role)} is no ARN: {error}", remedy)

    def _text(self, key: str) -> str:
        return as_text(self._settings.get(key))

    def _shown(self, key: str) -> str:
        """A value as a message names it: the daemon takes a list or a mapping for an empty text."""
        value = self._settings.get(key)
        return f"a {_kind(value)}" if isinstance(value, (list, AnyMapping)) else quoted(as_text(value))

    def _stop(self, key: str, what: str, remedy: str) -> NoReturn:
        raise DaemonNotStarted(f"{key}: {what}", self._settings.route(key), remedy=remedy)

    def _check_server(self) -> None:
        """With anything but a mapping there, the daemon has no defaults either, and stops at the first that it needs:
        the partition, else the address."""
        server = self._settings.get("server")
        if server is None or isinstance(server, AnyMapping):
            return
        wanted = [key for key in ("server.partition",) if self._version.has_key(key)]
        # `server.address: 127.0.0.1` at the top, or a flag, is what it needs all the same.
        if any(self._settings.get(key) is None for key in (*wanted, "server.address")):
            what = f"server is a {_kind(server)}, and its settings must be a mapping"
            remedy = "write them indented below it, as KEY: VALUE without dashes"
            lists = _lists_of(server if isinstance(server, list) else [])
            if len(lists) == 1:
                remedy = f"put a line with {lists.pop()}: below server, and indent it and the entries"
            raise DaemonNotStarted(what, self._settings.route("server"), remedy=remedy)

    def _backends(self) -> tuple[str, ...]:
        if not self._version.has_key("server.backendMode"):
            return (MOUNTED_FILE.name,)
        modes, route = as_texts(self._settings.get("server.backendMode")), self._settings.route("server.backendMode")
        known = [mode for mode in BACKEND_SPELLINGS if self._version.accepts_backend(mode)]
        for mode in modes:
            if mode not in known:
                what = f"backend-mode {quoted(mode)} is not valid for this version (it knows {', '.join(known)})"
                raise DaemonNotStarted(what, route, remedy=f"write one of {', '.join(known)}")
        if len(set(modes)) != len(modes):
            raise DaemonNotStarted("backend-mode has duplicates", route, remedy="name each backend once")
        if not modes:
            what = "at least one backend-mode must be given"
            raise DaemonNotStarted(what, route, remedy="remove the key, or write [MountedFile]")
        for backend in _WITH_PATH:
            name, key, has_path = backend.name, backend.path_key, bool(self._path(backend))
            what = f"the backend {name} and {key} only go together"
            if has_path and name not in modes:
                what = f"{what}: {name} is not among the backends"
                raise DaemonNotStarted(what, self._settings.route(key), remedy=f"remove {key}")
            if not has_path and name in modes:
                raise DaemonNotStarted(f"{what}: there is no path", route, remedy=f"add {key}")
        return tuple(map(current_name, modes))

    def _mappings(self, kind: str) -> tuple[IdentityMapping, ...]:
        key = f"server.map{kind.capitalize()}s"
        base, value = self._settings.route(key), self._settings.get(key)
        mappings = []
        for item, index in weak_list(value, splits=self._splits):
            route = base if index is None else base / index
            if index is None and isinstance(item, AnyMapping) and not self._splits:
                what = f"{key} must be a list"  # v0.4.0; later versions take a list of one
                raise DaemonNotStarted(what, route, remedy=f"write a dash before {kind}ARN")
            if item is not None and not isinstance(item, AnyMapping):
                what = f"{key} must be a list of mappings, not {shortened(repr(item))}"
                remedy = f"write each entry as a mapping behind a dash, as in - {kind}ARN: ARN"
                raise DaemonNotStarted(what, route, remedy=remedy)
            mappings.append(self._mapping(kind, item or {}, route))
        return tuple(mappings)

    def _mapping(self, kind: str, item: Item, route: Route) -> IdentityMapping:
        """With all that the entry may be, where keys differ in case only. Raises NotStarted if none can be read."""
        fields = (f"{kind.capitalize()}ARN", "Username", "Groups", "UserId", *(("SSO",) if kind == "role" else ()))
        possible = self._possible(item, fields, _SSO_FIELDS if kind == "role" else ())
        read, stops = take_each(possible, lambda each: self._possible_mapping(kind, each, route))
        self._notes += stops
        first, *others = dict.fromkeys(read)
        return replace(first, others=tuple(others)) if others else first

    def _possible(self, item: Item, fields: Iterable[str], inner: Iterable[str] = ()) -> tuple[Item, ...]:
        possible = possible_items(item, fields, lowers=self._lowers, inner=inner)
        self._notes += possible.notes
        self._is_complete = self._is_complete and possible.is_complete
        return possible.items

    def _possible_mapping(self, kind: str, item: Item, route: Route) -> IdentityMapping:
        if self._has_user_id:
            self._text_of(item, "UserId", "userid", route)  # not used for mounted files, but read
        return IdentityMapping(
            kind=kind,
            arn=self._text_of(item, f"{kind.capitalize()}ARN", f"{kind}ARN", route),
            username=self._text_of(item, "Username", "username", route),
            groups=self._texts_of(self._value(item, "Groups"), "a group", self._at(item, "Groups", route)),
            route=route,
            sso=self._sso(item, route) if kind == "role" else None,
        )

    def _text_of(self, item: Item, field: str, name: str, route: Route) -> str:
        return weak_text(self._value(item, field), name, self._at(item, field, route))

    def _texts_of(self, value: Any, name: str, route: Route) -> tuple[str, ...]:
        """A list of texts, each with its own place."""
        listed = weak_list(value, splits=self._splits)
        return tuple(weak_text(each, name, route if index is None else route / index) for each, index in listed)

    def _at(self, item: Item, field: str, route: Route) -> Route:
        """The way to a field in the spelling that counts."""
        return route / next(iter(field_spellings(item, field, lowers=self._lowers)), field)

    def _value(self, item: Item, field: str) -> Any:
        return field_value(item, field, lowers=self._lowers)

    def _sso(self, item: Item, route: Route) -> SsoRole | None:
        sso = self._value(item, "SSO")
        if sso is not None and not self._has_sso:
            if not self._value(item, "RoleARN") and not self._version.has(ReleaseFeature.INVALID_ARN_LEFT_OUT):
                what = f"{self._version} has no SSO entries (v0.6.0, v0.6.1, v0.6.30 and later have)"
                raise DaemonNotStarted(what, route, remedy="choose a newer image, or map the role by its ARN")
            return None
        if sso is None:
            return None
        if not isinstance(sso, AnyMapping):
            remedy = "write sso: with the keys permissionSetName and accountID below it"
            raise DaemonNotStarted("sso must be a mapping", self._at(item, "SSO", route), remedy=remedy)
        names, own = ("permissionSetName", "accountID", "partition"), self._at(item, "SSO", route)
        return SsoRole(*(self._text_of(sso, f, f"sso.{n}", own) for f, n in zip(_SSO_FIELDS, names, strict=True)))

    def _texts(self, key: str) -> tuple[str, ...]:
        return self._texts_of(self._settings.get(key), "an account", self._settings.route(key))

    def _reserved(self) -> dict[str, tuple[str, ...]]:
        """By backend; of two entries for one the last counts."""
        key = "server.reservedPrefixConfig"
        if not self._version.has_key(key):
            return {}
        reserved: dict[str, tuple[str, ...]] = {}
        for item, index in weak_list(self._settings.get(key), splits=self._splits):
            if item is None:
                continue
            if not isinstance(item, AnyMapping):
                remedy = "write the keys backendMode and usernamePrefixReserveList behind a dash"
                self._stop(key, "it must be a list of mappings", remedy)
            route = self._settings.route(key)
            reserved.update(self._reserved_by(item, route if index is None else route / index))
        return reserved

    def _reserved_by(self, item: Item, route: Route) -> dict[str, tuple[str, ...]]:
        """By backend; where the daemon takes one of several keys, only what it reserves whichever it takes."""
        read = []
        for each in self._possible(item, ("BackendMode", "UsernamePrefixReserveList")):
            backend = self._text_of(each, "BackendMode", "backendMode", route)
            listed = self._value(each, "UsernamePrefixReserveList")
            own = self._at(each, "UsernamePrefixReserveList", route)
            read.append((backend, self._texts_of(listed, "a prefix", own)))
        backend, prefixes = read[0]
        always = (prefix for prefix in prefixes if all(prefix in each and backend == name for name, each in read))
        return {backend: tuple(always)}


def _lists_of(items: list[Any]) -> set[str]:
    """Which lists the items are entries of."""
    by_key = {"rolearn": "mapRoles", "userarn": "mapUsers"}
    keys = (str(key).lower() for item in items if isinstance(item, AnyMapping) for key in item)
    return {by_key[key] for key in keys if key in by_key}


DEFAULT_PORT = 21362

DEFAULT_STATE_DIR = "/var/aws-iam-authenticator"
"""Working directory of Tarmak's init unit too."""


# Of the flags of `server`, and of `init`, whose host name the server reads too.
_SERVER_DEFAULTS: dict[str, Any] = {
    "server.address": "127.0.0.1",
    "server.hostname": "localhost",
    "server.port": DEFAULT_PORT,
    "server.stateDir": DEFAULT_STATE_DIR,
}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """As the daemon takes them, checked by nobody yet."""

    cluster_id: str = ""
    hostname: str = _SERVER_DEFAULTS["server.hostname"]
    address: str = _SERVER_DEFAULTS["server.address"]
    port: int = DEFAULT_PORT
    state_dir: str = DEFAULT_STATE_DIR


def read_server_settings(document: Document | None, version: DaemonVersion, args: Iterable[str] = ()) -> ServerSettings:
    """From the configuration (None: there is none) and the daemon's flags; its mappings are not looked at, as `init`
    does not. Raises NotStarted for a file or flag that the version cannot read."""
    settings = ViperSettings(
        load_config(document, version) if document else None,
        parse_flags(args, version).values,
        _SERVER_DEFAULTS,
        null_shadows=not lowers_lists(version),
    )
    return ServerSettings(
        cluster_id=as_text(settings.get("clusterID")),
        hostname=as_text(settings.get("server.hostname")),
        address=as_text(settings.get("server.address")),
        port=as_integer(settings.get("server.port")),
        state_dir=as_text(settings.get("server.stateDir")),
    )
