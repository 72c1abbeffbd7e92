"""The backends of a configuration, loaded in the order in which the daemon uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import field, replace
from functools import cached_property

from tarmak_iam.errors import ParseError
from tarmak_iam.identity.backend_support import (
    BACKEND_SPELLINGS,
    CRD,
    DYNAMIC_FILE,
    EKS_CONFIG_MAP,
    MOUNTED_FILE,
    Backend,
    BackendSource,
    backend_of,
)
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.cluster_objects import ClusterObject, cluster_objects
from tarmak_iam.identity.crd import load_crd, watched_identity_mappings
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.dynamic_file import has_odd_times, load_dynamic_file, read_json_object
from tarmak_iam.identity.eks_configmap import find_aws_auth, load_eks_configmap
from tarmak_iam.identity.model import UNREAD_SSO, DaemonInput, DaemonNotStarted, Locate
from tarmak_iam.identity.mounted_file import load_mounted_file
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import quoted


def carried_by(mounted: BackendTable, backend: Backend, config: DaemonConfig) -> BackendTable:
    """The table of a backend once the mappings of the mounted file are written to it; places stay those of the file."""
    table = replace(mounted, backend=backend.name, is_carried=True, reserved_prefixes=config.reserved_in(backend))
    if not backend.carries("sso"):
        table = replace(table, patterns=())
    if not backend.carries("account"):
        table = replace(table, accounts=frozenset(), uncarried_accounts=mounted.accounts)
    return table


def load_tables(
    config: DaemonConfig, given: DaemonInput, place: Locate
) -> tuple[tuple[BackendTable, ...], tuple[str, ...]]:
    """The tables, and notes about them. Raises DaemonNotStarted.

    A path of the configuration is looked up in the files; every other file can contain objects of the cluster (the
    ConfigMap aws-auth, IAMIdentityMapping objects, lists of them). Where no file contains an object there is no
    cluster, and backends that need one end the process. `place` finds places in the configuration.
    """
    loader = _BackendLoader(config, given, place)
    tables = loader.tables(config.backends)
    later = loader.later_backends()
    if later is not None:
        try:
            tables = loader.tables(later)
        except DaemonNotStarted as refusal:
            loader.notes.append(f"the backend modes file is ignored: {refusal.reason}")
    loader.note_unread(tables)
    return tables, tuple(dict.fromkeys((*loader.notes, *(note for table in tables for note in table.notes))))


@dataclass
class _BackendLoader:
    config: DaemonConfig
    given: DaemonInput
    place: Locate
    notes: list[str] = field(default_factory=list)

    def tables(self, backends: Iterable[str]) -> tuple[BackendTable, ...]:
        return tuple(self._table(backend_of(name)) for name in backends)

    def _table(self, backend: Backend) -> BackendTable:
        if backend is not MOUNTED_FILE and self.given.is_carried and not backend.why_not_written:
            return carried_by(self.carried, backend, self.config)
        if backend.reads is BackendSource.CLUSTER and not self.objects:
            raise DaemonNotStarted(f"the backend {backend.name} reads objects of the cluster, and none is given")
        return _LOADERS[backend](self)

    def of_file(self, backend: Backend, load: Callable[[DaemonConfig, str | None, str], BackendTable]) -> BackendTable:
        name = _last(self.config.paths[backend.name])
        return load(self.config, self.given.files.get(name), name)

    @cached_property
    def mounted(self) -> BackendTable:
        """The mappings of the configuration itself. Raises DaemonNotStarted."""
        return load_mounted_file(self.config, self.place)

    @cached_property
    def carried(self) -> BackendTable:
        """As `mounted`; a daemon that does not load it itself is not ended by an SSO mapping that it does not read."""
        if MOUNTED_FILE.name in self.config.backends:
            return self.mounted
        roles = tuple(role for role in self.config.roles if role.sso is not UNREAD_SSO)
        return load_mounted_file(replace(self.config, roles=roles), self.place)

    @cached_property
    def objects(self) -> list[ClusterObject]:
        """Of every file that the configuration does not name. Raises DaemonNotStarted for one that cannot be read."""
        found: list[ClusterObject] = []
        for name, text in self._others.items():
            try:
                found += cluster_objects(text, name)
            except ParseError as error:
                raise DaemonNotStarted(f"the objects of the cluster cannot be read: {error}") from None
        return found

    @property
    def _others(self) -> dict[str, str]:
        """The files that the configuration does not name."""
        own = {_last(path) for path in (*self.config.paths.values(), self.config.backend_modes_file)}
        return {name: text for name, text in self.given.files.items() if name not in own}

    def note_unread(self, tables: Iterable[BackendTable]) -> None:
        asked = [table.backend for table in tables]
        if all(backend_of(name).reads is not BackendSource.CLUSTER for name in (*asked, *self.config.backends)):
            for name in sorted(self._others):
                self.notes.append(f"{name} is ignored: the backends are {', '.join(asked)}")

    def later_backends(self) -> tuple[str, ...] | None:
        """The backends in the file at dynamicBackendModePath, which the daemon switches to; None where nothing
        changes."""
        path = self.config.backend_modes_file
        text = self.given.files.get(_last(path)) if path else None
        if text is None:
            return None
        try:
            file = read_json_object(text, _last(path))
        except ParseError as error:
            self.notes.append(f"the backend modes file cannot be read and is ignored: {error}")
            return None
        if has_odd_times(file, self.config.version):
            self.notes.append("the backend modes file is ignored: LastUpdatedDateTime and Version must be strings")
            return None
        written = [value for _, value in file.values("backendMode") if value is not None]
        modes = written[-1] if written else ""
        if file.has_odd_text("backendMode") or modes == " ".join(self.config.backends):
            return None
        names = modes.split(" ")
        if not set(names) <= {*BACKEND_SPELLINGS}:
            self.notes.append(f"the backend modes file is ignored: {quoted(modes)} is not a list of backends")
            return None
        return tuple(names)


_LOADERS: AnyMapping[Backend, Callable[[_BackendLoader], BackendTable]] = {
    MOUNTED_FILE: lambda loader: loader.mounted,
    EKS_CONFIG_MAP: lambda loader: load_eks_configmap(loader.config, find_aws_auth(loader.objects)),
    CRD: lambda loader: load_crd(loader.config, watched_identity_mappings(loader.objects)),
    DYNAMIC_FILE: lambda loader: loader.of_file(DYNAMIC_FILE, load_dynamic_file),
}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
