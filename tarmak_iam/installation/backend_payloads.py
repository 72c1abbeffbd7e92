"""The authenticator according to the settings, and what its backends read: its configuration and objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, EditRefused, Place
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS, MOUNTED_FILE, Backend, BackendSource, backend_of
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import DaemonInput, DaemonNotStarted, Grant, Identity
from tarmak_iam.identity.releases import SSO_GATE, DaemonVersion, ReleaseFeature, spans_text
from tarmak_iam.identity.viper import ViperSettings
from tarmak_iam.installation.settings import SettingError
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.mappings.formats.conversion import backend_objects, deciding
from tarmak_iam.mappings.formats.foreign_file import LeftOut
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.text import PLAIN, CommandLine, shortened

CONFIG_KEY = "config.yaml"
"""The key of the configuration in the authenticator's ConfigMap, and so the name of the file in the pod."""

MAX_CONFIGMAP = 1024 * 1024
"""Maximum size of all values of a ConfigMap in bytes, which the API server enforces."""

API_SERVER_KEYS = ("server.kubeconfig", "server.master")
# NEL too: the authenticator reads it as a line end, and kustomize would replace it with a blank.
_LINE_END = re.compile(r"\r\n|[\r\x85]")
_UNMAPPED = "arn:{partition}:iam::{account}:user/this-user-is-not-mapped"
Manifest = dict[str, Any]
"""A Kubernetes object as plain data."""


class Daemon(NamedTuple):
    """`backends` are in the order in which they are read; `gates` are the feature gates in the settings."""

    version: DaemonVersion
    backends: tuple[str, ...]
    gates: Mapping[str, bool]
    partition: str
    command_line: CommandLine = PLAIN
    """How to write commands that work on its cluster."""

    @property
    def args(self) -> tuple[str, ...]:
        """The flags that affect who a caller becomes. Raises ConfigError for backends that it does not support."""
        args, has_backends = [], self.version.has_flag("server --backend-mode")
        if not has_backends and self.asks_cluster:
            what = f"authenticator {self.version} does not support backends: it reads only its file, but the setting "
            what += f"backends is {','.join(self.backends)}"
            remedy = "use another image, or set backends to MountedFile"
            raise SettingError(what, setting="backends", remedy=remedy)
        if self.gates:
            args.append(f"--feature-gates={_flag_value(self.gates)}")
        if self.partition != "aws" and self.version.has_flag("server --partition"):
            args.append(f"--partition={self.partition}")
        if has_backends:
            # As the release spells them.
            is_first = not self.version.accepts_backend(MOUNTED_FILE.name)
            names = [backend_of(name).first_name if is_first else name for name in self.backends]
            args.append(f"--backend-mode={','.join(names)}")
        return tuple(args)

    def check(self) -> None:
        """Raises ConfigError for settings with which this release would not start."""
        try:
            parse_flags(self.args, self.version)
        except DaemonNotStarted as stop:
            what = f"authenticator {self.version} would not start with the settings: {stop.reason}"
            remedy = "change featureGates, or image and daemonVersion"
            raise SettingError(what, setting="featureGates", remedy=remedy) from None

    @property
    def of_file(self) -> Daemon:
        """The same authenticator with MountedFile as its only backend."""
        return self._replace(backends=(MOUNTED_FILE.name,))

    @property
    def asks_cluster(self) -> bool:
        """Whether it reads objects of the cluster, which requires a service account."""
        return any(backend_of(name).reads is BackendSource.CLUSTER for name in self.backends)

    @property
    def looks_at_sso(self) -> bool:
        return SSO_GATE in parse_flags(self.args, self.version).gates

    def unsupported_reason(self, kind: str) -> str:
        """Why no backend supports principals of a kind (`role`, `user`, `account` or `sso`); "" if one does."""
        why = [backend_of(name).cannot_carry.get(kind, "") for name in self.backends]
        return f"the backend {', '.join(self.backends)} {why[0]}" if all(why) else ""

    @property
    def with_file(self) -> str:
        """The command that adds MountedFile, which supports all kinds of principals."""
        backends = ",".join((*self.backends, MOUNTED_FILE.name))
        return f"add MountedFile: {self.command_line.tarmak_iam('settings set backends', backends)}"

    @property
    def with_sso(self) -> str:
        """The command that enables SSO entries, with the other gates unchanged."""
        return self.command_line.tarmak_iam("settings set featureGates", _flag_value({**self.gates, SSO_GATE: True}))


def _flag_value(gates: Mapping[str, bool]) -> str:
    return ",".join(f"{name}={str(on).lower()}" for name, on in sorted(gates.items()))


class NotCarried(ConfigError):
    """The backends cannot contain the mappings so that each principal gets the username and groups in the file."""


class BackendPayloads(NamedTuple):
    """`config` is the text of the configuration; `by_backend` contains the objects that the backends read in the
    cluster. `notes` are about entries that are left out and have no effect anyway."""

    config: str
    by_backend: Mapping[Backend, tuple[Manifest, ...]] = MappingProxyType({})
    notes: tuple[LeftOut, ...] = ()

    @property
    def largest(self) -> int:
        """Size of the largest ConfigMap in bytes."""
        maps = [manifest["data"] for manifest in self.objects if manifest["kind"] == "ConfigMap"]
        return max(map(configmap_size, ({CONFIG_KEY: self.config}, *maps)))

    @property
    def objects(self) -> tuple[Manifest, ...]:
        return tuple(chain.from_iterable(self.by_backend.values()))


def configmap_size(data: Mapping[str, str]) -> int:
    """The size of a ConfigMap's data in bytes, comparable with MAX_CONFIGMAP."""
    return sum(len(text.encode()) for text in data.values())


def make_payloads(mappings: Mappings, daemon: Daemon, cluster_id: str) -> BackendPayloads:
    """The mappings for all backends of the authenticator, with which every principal gets the same username and groups
    as with the mappings file alone: raises NotCarried where the authenticator would give another answer, and
    ConfigError for entries that it does not support, and where it would not start."""
    document = mappings.with_cluster_id(cluster_id).document
    # Places are those in the unchanged file: the cluster ID is added at its end.
    reasons, looks_at_sso = {kind: daemon.unsupported_reason(kind) for kind in ("account", "sso")}, daemon.looks_at_sso
    notes: list[LeftOut] = []
    for entry in mappings.entries:
        kind = entry.principal_kind
        if kind == "sso" and not looks_at_sso:
            notes.append(_unseen(entry.principal, mappings.document.position(entry.route), daemon))
        elif why := reasons.get(kind):
            what = f"account {shortened(entry.arn)}" if kind == "account" else shortened(entry.principal)
            place = mappings.document.position(entry.route)
            raise ConfigError(f"{what}: {why}", remedy=daemon.with_file, place=place)
    by_file = _load(_lf(document), daemon.of_file, mappings.document.filename)
    if by_file.failure is not None:
        what = f"authenticator {daemon.version} would not start: {by_file.failure.reason}"
        raise ConfigError(what, remedy=by_file.failure.remedy or "fix the mappings file", place=by_file.failure.place)
    if not by_file.is_complete:
        what = "it is impossible to determine who can log in: keys differ only in case, in too many combinations"
        raise ConfigError(what, remedy="write each key of the mappings file only once", place=document.position(()))
    if not daemon.asks_cluster:
        return BackendPayloads(_lf(document), notes=tuple(notes))
    settings = ViperSettings(mappings.document.data, {}, {})
    for key in API_SERVER_KEYS:  # with either key, the authenticator does not use the address and token of its pod
        if settings.get(key):
            what = f"{key} makes the authenticator use another API server, for which it has no credentials"
            remedy = "remove it: in the cluster, the authenticator uses its service account"
            raise ConfigError(what, remedy=remedy, place=mappings.document.position(settings.route(key)))
    if MOUNTED_FILE.name not in daemon.backends:
        document = _without_lists(document)
    entries, lost = deciding(mappings, daemon.version)
    backends = [backend for backend in ENTRY_OBJECTS if backend.name in daemon.backends]
    made = BackendPayloads(
        config=_lf(document),
        by_backend={backend: backend_objects(backend, entries) for backend in backends},
        notes=(*notes, *(note for note in lost if not note.is_shadowed)),
    )
    _prove(mappings, by_file, made, daemon)
    return made


def _unseen(principal: str, place: Place, daemon: Daemon) -> LeftOut:
    """The note on an SSO entry whose feature gate is set to false. Raises ConfigError where it is not set to false."""
    if not daemon.version.has(ReleaseFeature.SSO_GATE):
        what = f"{shortened(principal)} requires a release with the feature gate {SSO_GATE}: "
        what += f"{spans_text(ReleaseFeature.SSO_GATE)}, not {daemon.version}"
        remedy = "use another image, or map the ARN of the AWSReservedSSO role"
        raise ConfigError(what, remedy=remedy, place=place)
    if daemon.gates.get(SSO_GATE) is not False:
        what = f"the authenticator ignores {shortened(principal)} without the feature gate {SSO_GATE}"
        remedy = f"enable it: {daemon.with_sso}; to ignore the entry on purpose, set it to false"
        raise ConfigError(what, remedy=remedy, place=place)
    return LeftOut(f"{shortened(principal)} is ignored: the feature gate {SSO_GATE} is off", place)


def _without_lists(document: Document) -> Document:
    """The configuration without the lists, in all spellings, which would not be read. Raises NotCarried."""
    left = document
    for key in ("server.mapRoles", "server.mapUsers", "server.mapAccounts"):
        try:
            while (settings := ViperSettings(left.data, {}, {})).get(key) is not None:
                left = left.remove(settings.route(key), prune=True)
        except EditRefused as refusal:
            what = f"the lists cannot be removed from the configuration: {refusal.what}"
            remedy = "write mapRoles, mapUsers and mapAccounts as keys of server, without aliases and merges"
            place = document.position(settings.route(key)) if left is not document else refusal.place
            raise NotCarried(what, remedy=remedy, place=place) from None
    return left


def _prove(mappings: Mappings, by_file: Authenticator, made: BackendPayloads, daemon: Daemon) -> None:
    """Raises NotCarried where a principal would get another username or other groups than with the file alone."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": made.objects})
    read = _load(made.config, daemon, MAPPINGS_NAME, {"objects.json": listed})
    names = ",".join(daemon.backends)
    if read.failure is not None:
        what = f"authenticator {daemon.version} would not start with the backends {names}: {read.failure.reason}"
        raise NotCarried(what, remedy="use other backends")
    for grant in {grant.key: grant for grant in (*read.grants, *by_file.grants)}.values():
        possible = [
            {(other.username, other.groups) if other else None for other in daemon_reads.possible_grants(grant)}
            for daemon_reads in (by_file, read)
        ]
        if possible[0] != possible[1]:
            principal = f"{SSO_PREFIX}{grant.principal}" if grant.kind == "sso" else grant.principal
            entries = mappings.matching(principal)
            what = f"the backends {names} would map {shortened(principal)} to {_described(read.grant(grant))}, "
            what += f"but the mappings file maps it to {_described(by_file.grant(grant))}"
            remedy = "write the entry so that it has only one meaning, or use only the backend MountedFile"
            place = mappings.document.position(entries[-1].route) if entries else None
            raise NotCarried(what, remedy=remedy, place=place)
    # A caller that matches no entry logs in by the account, or not at all.
    accounts = {grant.principal for grant in by_file.grants if grant.kind == "account"}
    for account in (*sorted(accounts), "000000000000"):
        caller = Identity(_UNMAPPED.format(partition=daemon.partition, account=account), account, "AIDA")
        reviews = by_file.whois(caller), read.whois(caller)
        if len({(review.authenticated, review.username, review.groups) for review in reviews}) > 1:
            what = f"for a caller in account {account} that matches no entry, the backends {names}"
            what = f"{what} would give another answer than the mappings file"
            raise NotCarried(what, remedy="use only the backend MountedFile")


def _load(text: str, daemon: Daemon, shown_as: str, files: dict[str, str] | None = None) -> Authenticator:
    version, files = str(daemon.version), files or {}
    return Authenticator.of(
        DaemonInput(text, version, args=daemon.args, files=files, filename=MAPPINGS_NAME, shown_as=shown_as)
    )


def _lf(document: Document) -> str:
    return _LINE_END.sub("\n", document.text)


def _described(grant: Grant | None) -> str:
    if grant is None:
        return "no user"
    groups = f"with the groups {', '.join(map(shortened, grant.groups))}" if grant.groups else "without groups"
    maybe = "" if grant.is_sure else " (at random)"
    name = repr(shortened(grant.username)) if grant.username else "an empty username"
    return f"{name} {groups}{maybe}"
