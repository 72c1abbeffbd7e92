"""The authenticator's configuration: file and flags as a release reads them, or why it would not start; and where it
listens and stores its files.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, TypeVar

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
from tarmak_iam.identity.model import UNREAD_SSO, DaemonNotStarted, IdentityMapping, SsoRole
from tarmak_iam.identity.releases import SSO_GATE, DaemonVersion, ReleaseFeature, server_partitions
from tarmak_iam.identity.viper import (
    Item,
    ViperSettings,
    as_boolean,
    as_integer,
    as_text,
    as_texts,
    field_spellings,
    field_values,
    has_doubles,
    load_config,
    lowers_lists,
    possible_items,
    take_each,
    weak_list,
    weak_text,
)
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_WITH_PATH = tuple(backend for backend in BACKENDS if backend.path_key)

_FIELDS = {
    "role": ("RoleARN", "Username", "Groups", "UserId", "SSO"),
    "user": ("UserARN", "Username", "Groups", "UserId"),
}

_SSO_FIELDS = {"PermissionSetName": "permissionSetName", "AccountID": "accountID", "Partition": "partition"}
DESCRIBING_ROLE = "server.ec2DescribeInstancesRoleARN"
DESCRIBING_BURST = "server.ec2DescribeInstancesBurst"
T = TypeVar("T")


class DaemonConfig(NamedTuple):
    """The settings that decide who a caller becomes. `backends` are in the order in which they are used."""

    version: DaemonVersion
    cluster_id: str
    partition: str
    backends: tuple[str, ...]
    roles: tuple[IdentityMapping, ...]
    users: tuple[IdentityMapping, ...]
    accounts: tuple[str, ...]
    scrubbed: frozenset[str]
    reserved_prefixes: AnyMapping[str, tuple[str, ...]]
    """By backend: prefixes that its usernames must not begin with."""
    gates: frozenset[str]
    paths: AnyMapping[str, str] = MappingProxyType({})
    """By backend: the path of the file that it reads."""
    user_id_strict: bool = False
    """Whether the dynamic file is searched by the caller's unique ID."""
    backend_modes_file: str = ""
    """Path of a file that overrides the backends while the authenticator runs."""
    ec2_crash: str = ""
    """Why the process ends when it queries EC2 for {{EC2PrivateDNSName}}; empty where it does not."""
    notes: tuple[str, ...] = ()
    """Which keys the authenticator picks at random, and what can stop it."""
    is_complete: bool = True
    """Whether every possible reading of them was checked."""

    def reserves_for(self, backend: Backend) -> bool:
        """Whether it checks the reserved prefixes of a backend: some releases do for files only."""
        is_of_file = backend.reads is not BackendSource.CLUSTER
        return is_of_file or self.version.has(ReleaseFeature.PREFIXES_IN_ALL_BACKENDS)

    def reserved_in(self, backend: Backend) -> tuple[str, ...]:
        """The reserved prefixes of a backend that take effect."""
        return self.reserved_prefixes.get(backend.name, ()) if self.reserves_for(backend) else ()

    def matches_sso(self, backend: Backend) -> bool:
        """Whether a backend matches SSO mappings."""
        return SSO_GATE in self.gates and backend.sso is not None and self.version.has(backend.sso)


def read_daemon_config(file: Any, version: DaemonVersion, flags: DaemonFlags) -> DaemonConfig:
    """`file` is what `load_config` returns. Raises DaemonNotStarted where the process would end."""
    # The flags' defaults that an absent key takes.
    defaults: dict[str, Any] = {
        "server.address": _SERVER_DEFAULTS["server.address"],
        "server.partition": "aws",
        "server.ec2DescribeInstancesQps": 15,
        DESCRIBING_BURST: 5,
    }
    if version.has(ReleaseFeature.BACKENDS_BY_FILE):
        defaults["server.backendMode"] = ["MountedFile"]
    elif version.has(ReleaseFeature.BACKENDS_BY_FIRST_NAMES):
        defaults["server.backendMode"] = ["CRD", "ConfigMap", "File"]
    settings = ViperSettings(file, flags.values, defaults, null_shadows=not lowers_lists(version))
    return _DaemonConfigReader(settings, version).read(flags)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "mapping"


class _DaemonConfigReader:
    def __init__(self, settings: ViperSettings, version: DaemonVersion) -> None:
        self._settings = settings
        self._version = version
        self._splits = not version.has_viper("v1.0.0 (Gopkg.lock)")
        self._lowers = lowers_lists(version)
        self._notes: list[str] = []
        self._is_complete = True

    def read(self, flags: DaemonFlags) -> DaemonConfig:
        settings, version = self._settings, self._version
        self._check_server()
        roles, users = self._mappings("role"), self._mappings("user")
        route = settings.route("server.mapAccounts")
        accounts = self._texts_of(settings.get("server.mapAccounts"), route, "an account")
        cluster_id = self._text("clusterID")
        if not cluster_id:
            is_text = not isinstance(settings.get("clusterID"), (list, AnyMapping))
            what = f"clusterID is {'empty or missing' if is_text else self._shown('clusterID')}"
            raise DaemonNotStarted(what, settings.route("clusterID"), remedy="set clusterID to the name of the cluster")
        partition = self._text("server.partition")
        if version.has_key("server.partition") and partition not in server_partitions(version):
            known = ", ".join(server_partitions(version))
            remedy = f"remove server.partition, or set it to one of {known}"
            what = f"server.partition {self._shown('server.partition')} is unknown"
            raise DaemonNotStarted(what, settings.route("server.partition"), remedy=remedy)
        self._check_process()
        scrubbed: list[str] = self._optional("server.scrubbedAccounts", as_texts, [])
        paths = {backend.name: self._optional(backend.path_key, as_text, "") for backend in _WITH_PATH}
        as_bool = partial(as_boolean, of_any_number=version.has(ReleaseFeature.ANY_NUMBER_AS_BOOLEAN))
        return DaemonConfig(
            version=version,
            cluster_id=cluster_id,
            partition=partition,
            backends=self._backends(paths),
            roles=roles,
            users=users,
            accounts=accounts,
            scrubbed=frozenset(scrubbed),
            reserved_prefixes=self._reserved(),
            gates=flags.gates,
            paths=paths,
            user_id_strict=self._optional("server.dynamicfileUserIDStrict", as_bool, False),
            backend_modes_file=self._optional("server.dynamicBackendModePath", as_text, "").strip(),
            ec2_crash=self._ec2_crash(),
            notes=tuple(dict.fromkeys(self._notes)),
            is_complete=self._is_complete,
        )

    def _optional(self, key: str, read: Callable[[Any], T], absent: T) -> T:
        """The value of a key that only some releases read."""
        return read(self._settings.get(key)) if self._version.has_key(key) else absent

    def _check_process(self) -> None:
        """Settings that end the process at the start: the certificate created there contains address and host name."""
        address = self._text("server.address")
        try:
            if "%" in address:
                raise ValueError(address)
            ipaddress.ip_address(address)
        except ValueError:
            what = f"{self._shown('server.address')} is not a valid IP address"
            self._stop("server.address", what, "remove the key, or set it to 127.0.0.1")
        if not self._text("server.hostname").isascii():
            what = "must be ASCII, because it goes into a certificate"
            self._stop("server.hostname", what, "remove the key, or set it to localhost")
        if as_integer(self._settings.get("server.port")) not in range(65536):
            what = f"{self._shown('server.port')} is not a valid port"
            self._stop("server.port", what, "remove the key, or set it to a number from 1 to 65535")
        # The ARNs that it needs to ask EC2: it reads server.sourceARN only where there is such a role.
        for key, is_parsed in (
            (DESCRIBING_ROLE, self._version.has(ReleaseFeature.DESCRIBING_ROLE_PARSED)),
            ("server.sourceARN", bool(self._text(DESCRIBING_ROLE)) and self._version.has_key("server.sourceARN")),
        ):
            text = self._text(key)
            try:
                if text and is_parsed:
                    parse_arn(text)
            except ArnError as error:
                remedy = f"remove the key, or set it to the ARN of a {'role' if key == DESCRIBING_ROLE else 'cluster'}"
                self._stop(key, f"{quoted(text)} is not a valid ARN: {error}", remedy)

    def _ec2_crash(self) -> str:
        """Without a positive burst there is no rate-limited client, and the SDK v2 panics in a goroutine of its own
        when it assumes the role (pkg/httputil and pkg/ec2provider); SDK v1 uses its default client instead."""
        if not self._version.has(ReleaseFeature.EC2_BY_SDK_V2) or not self._text(DESCRIBING_ROLE):
            return ""
        qps, burst = (as_integer(self._settings.get(f"server.ec2DescribeInstances{name}")) for name in ("Qps", "Burst"))
        return f"{DESCRIBING_BURST} is {burst}: the authenticator crashes when it asks EC2" if qps and burst < 1 else ""

    def _text(self, key: str) -> str:
        return as_text(self._settings.get(key))

    def _shown(self, key: str) -> str:
        """A value as a message shows it: the authenticator reads a list or a mapping as an empty string."""
        value = self._settings.get(key)
        return f"a {_kind(value)}" if isinstance(value, (list, AnyMapping)) else quoted(as_text(value))

    def _stop(self, key: str, what: str, remedy: str) -> NoReturn:
        raise DaemonNotStarted(f"{key}: {what}", self._settings.route(key), remedy=remedy)

    def _check_server(self) -> None:
        """If `server` is not a mapping, the authenticator has no defaults either, and stops at the first one that it
        needs: the partition, else the address."""
        server = self._settings.get("server")
        if server is None or isinstance(server, AnyMapping):
            return
        needed = [key for key in ("server.partition",) if self._version.has_key(key)]
        # `server.address: 127.0.0.1` at the top level, or a flag, satisfies it too.
        if any(self._settings.get(key) is None for key in (*needed, "server.address")):
            what = f"server is a {_kind(server)}, but must be a YAML mapping"
            remedy = "write its settings indented below it, as KEY: VALUE without dashes"
            items = [item for item in (server if isinstance(server, list) else []) if isinstance(item, AnyMapping)]
            keys = {str(key).lower() for item in items for key in item}
            lists = [name for key, name in (("rolearn", "mapRoles"), ("userarn", "mapUsers")) if key in keys]
            if len(lists) == 1:
                remedy = f"add a line {lists[0]}: below server, and indent it and the list"
            raise DaemonNotStarted(what, self._settings.route("server"), remedy=remedy)

    def _backends(self, paths: dict[str, str]) -> tuple[str, ...]:
        if not self._version.has_key("server.backendMode"):
            return (MOUNTED_FILE.name,)
        modes, route = as_texts(self._settings.get("server.backendMode")), self._settings.route("server.backendMode")
        known = [mode for mode in BACKEND_SPELLINGS if self._version.accepts_backend(mode)]
        for mode in modes:
            if mode not in known:
                what = f"backend-mode {quoted(mode)} is unknown to this release (it accepts {', '.join(known)})"
                raise DaemonNotStarted(what, route, remedy=f"use one of {', '.join(known)}")
        if len(set(modes)) != len(modes):
            raise DaemonNotStarted("backend-mode contains duplicates", route, remedy="list each backend once")
        if not modes:
            remedy = "remove the key, or set it to [MountedFile]"
            raise DaemonNotStarted("backend-mode must contain at least one backend", route, remedy=remedy)
        for backend in _WITH_PATH:
            name, key, has_path = backend.name, backend.path_key, bool(paths[backend.name])
            what = f"the backend {name} and {key} must be set together"
            if has_path and name not in modes:
                what = f"{what}: {name} is not in the list of backends"
                raise DaemonNotStarted(what, self._settings.route(key), remedy=f"remove {key}")
            if not has_path and name in modes:
                raise DaemonNotStarted(f"{what}: no path is set", route, remedy=f"add {key}")
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
            if item is not None and type(item) is not dict and not isinstance(item, AnyMapping):
                what = f"{key} must be a list of YAML mappings, not {shortened(repr(item))}"
                remedy = f"begin each entry with a dash, as in - {kind}ARN: ARN"
                raise DaemonNotStarted(what, route, remedy=remedy)
            plain = self._plain_mapping(kind, item, route) if type(item) is dict else None
            mappings.append(plain or self._mapping(kind, item or {}, route))
        return tuple(mappings)

    def _plain_mapping(self, kind: str, item: Item, route: Route) -> IdentityMapping | None:
        """A mapping of strings only, which is what nearly all are: there is nothing to choose from, and nothing to
        convert. None for any other."""
        if has_doubles(item):
            return None
        arn, username, groups, *others = field_values(item, _FIELDS[kind], lowers=self._lowers)
        is_plain = (
            type(arn) is str and type(username) is str and type(groups) is list and others.count(None) == len(others)
        )
        if not is_plain or any(type(group) is not str for group in groups):
            return None
        return IdentityMapping(kind, arn, username, tuple(groups), route)

    def _mapping(self, kind: str, item: Item, route: Route) -> IdentityMapping:
        """With all that the entry can be read as, where keys differ in case only. Raises DaemonNotStarted if none is
        valid."""
        possible = self._possible(item, _FIELDS[kind], _SSO_FIELDS if kind == "role" else ())
        read, stops = take_each(possible, partial(self._possible_mapping, kind, route))
        self._notes += stops
        first, *others = dict.fromkeys(read)
        return first._replace(others=tuple(others)) if others else first

    def _possible(self, item: Item, fields: Iterable[str], inner: Iterable[str] = ()) -> tuple[Item, ...]:
        possible = possible_items(item, fields, lowers=self._lowers, inner=inner)
        self._notes += possible.notes
        self._is_complete = self._is_complete and possible.is_complete
        return possible.items

    def _possible_mapping(self, kind: str, route: Route, item: Item) -> IdentityMapping:
        if self._version.has(ReleaseFeature.USER_IDS):
            self._text_of(item, "UserId", "userid", route)  # not used for mounted files, but read
        return IdentityMapping(
            kind=kind,
            arn=self._text_of(item, f"{kind.capitalize()}ARN", f"{kind}ARN", route),
            username=self._text_of(item, "Username", "username", route),
            groups=self._texts_of(*self._member(item, "Groups", route), "a group"),
            route=route,
            sso=self._sso(item, route) if kind == "role" else None,
        )

    def _text_of(self, item: Item, field: str, name: str, route: Route) -> str:
        value, below = self._member(item, field, route)
        return weak_text(value, name, below)

    def _texts_of(self, value: Any, route: Route, name: str) -> tuple[str, ...]:
        """A list of strings, each with its own place."""
        listed = weak_list(value, splits=self._splits)
        return tuple(weak_text(item, name, route if index is None else route / index) for item, index in listed)

    def _member(self, item: Item, field: str, route: Route) -> tuple[Any, Route]:
        """The value of a field, and the route to it in the spelling that takes effect."""
        key = next(iter(field_spellings(item, field, lowers=self._lowers)), field)
        return item.get(key), route / key

    def _sso(self, item: Item, route: Route) -> SsoRole | None:
        sso, below = self._member(item, "SSO", route)
        if sso is None:
            return None
        if not self._version.has(ReleaseFeature.SSO_ENTRIES):
            is_skipped = self._version.has(ReleaseFeature.INVALID_ARN_IGNORED)
            return None if is_skipped or self._member(item, "RoleARN", route)[0] else UNREAD_SSO
        if not isinstance(sso, AnyMapping):
            remedy = "write sso: with the keys permissionSetName and accountID below it"
            raise DaemonNotStarted("sso must be a YAML mapping", below, remedy=remedy)
        return SsoRole(*(self._text_of(sso, field, f"sso.{name}", below) for field, name in _SSO_FIELDS.items()))

    def _reserved(self) -> dict[str, tuple[str, ...]]:
        """By backend; of two entries for one backend the last takes effect."""
        key = "server.reservedPrefixConfig"
        reserved: dict[str, tuple[str, ...]] = {}
        written = self._settings.get(key) if self._version.has_key(key) else None
        for item, index in weak_list(written, splits=self._splits):
            if item is None:
                continue
            if not isinstance(item, AnyMapping):
                remedy = "write a dash before the keys backendMode and usernamePrefixReserveList"
                self._stop(key, "must be a list of YAML mappings", remedy)
            route = self._settings.route(key) if index is None else self._settings.route(key) / index
            # Where the authenticator picks one of several keys, only the prefixes that all of them reserve.
            read = []
            for possible in self._possible(item, ("BackendMode", "UsernamePrefixReserveList")):
                backend = self._text_of(possible, "BackendMode", "backendMode", route)
                prefixes = self._texts_of(*self._member(possible, "UsernamePrefixReserveList", route), "a prefix")
                read.append((backend, prefixes))
            first, prefixes = read[0]
            reserved[first] = tuple(
                prefix for prefix in prefixes if all(prefix in others and first == name for name, others in read)
            )
        return reserved


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


class ServerSettings(NamedTuple):
    """As the authenticator reads them, not yet checked."""

    cluster_id: str = ""
    hostname: str = _SERVER_DEFAULTS["server.hostname"]
    address: str = _SERVER_DEFAULTS["server.address"]
    port: int = DEFAULT_PORT
    state_dir: str = DEFAULT_STATE_DIR


def read_server_settings(document: Document | None, version: DaemonVersion, args: Iterable[str] = ()) -> ServerSettings:
    """From the configuration (None: there is none) and the authenticator's flags. Its mappings are not read, as `init`
    does not read them. Raises DaemonNotStarted for a file or flag that the release cannot read."""
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
