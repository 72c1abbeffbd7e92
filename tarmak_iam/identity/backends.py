"""The backends of a configuration, loaded in the order in which the daemon uses them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from functools import cache, partial

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
from tarmak_iam.identity.crd import load_crd
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.dynamic_file import (
    has_odd_text,
    has_odd_times,
    load_dynamic_file,
    read_json_object,
    struct_values,
)
from tarmak_iam.identity.eks_configmap import load_eks_configmap
from tarmak_iam.identity.model import UNREAD_SSO, DaemonInput, DaemonNotStarted, Locate
from tarmak_iam.identity.mounted_file import load_mounted_file
from tarmak_iam.text import quoted


def load_tables(
    config: DaemonConfig, given: DaemonInput, place: Locate
) -> tuple[tuple[BackendTable, ...], tuple[str, ...]]:
    """The tables, and notes about them. Raises DaemonNotStarted.

    A path of the configuration is looked up in the files; every other file can contain objects of the cluster (the
    ConfigMap aws-auth, IAMIdentityMapping objects, lists of them). Where no file contains an object there is no
    cluster, and backends that need one end the process. `place` finds places in the configuration.
    """
    named = {_last(path) for path in (*config.paths.values(), config.backend_modes_file)}
    others = {name: text for name, text in given.files.items() if name not in named}
    dynamic = _last(config.paths[DYNAMIC_FILE.name])
    objects = cache(partial(_objects, others))
    mounted = cache(partial(load_mounted_file, config, place))
    loaders: dict[Backend, Callable[[], BackendTable]] = {
        MOUNTED_FILE: mounted,
        EKS_CONFIG_MAP: lambda: load_eks_configmap(config, objects()),
        CRD: lambda: load_crd(config, objects()),
        DYNAMIC_FILE: lambda: load_dynamic_file(config, given.files.get(dynamic), dynamic),
    }
    # A daemon that does not load the mounted file is not ended by an SSO mapping that it does not read.
    readable = tuple(role for role in config.roles if role.sso is not UNREAD_SSO)
    carried = cache(partial(load_mounted_file, config._replace(roles=readable), place))

    def load(name: str) -> BackendTable:
        backend = backend_of(name)
        if backend is not MOUNTED_FILE and given.is_carried and not backend.why_not_written:
            table = mounted() if MOUNTED_FILE.name in config.backends else carried()
            return _carried_by(table, backend, config.reserved_in(backend))
        if backend.reads is BackendSource.CLUSTER and not objects():
            raise DaemonNotStarted(f"the backend {backend.name} reads objects of the cluster, and none is given")
        return loaders[backend]()

    notes: list[str] = []
    tables = tuple(map(load, config.backends))
    later = _later_backends(config, given.files, notes)
    if later is not None:
        try:
            tables = tuple(map(load, later))
        except DaemonNotStarted as refusal:
            notes.append(f"the backend modes file is ignored: {refusal.reason}")
    used = [table.backend for table in tables]
    if all(backend_of(name).reads is not BackendSource.CLUSTER for name in (*used, *config.backends)):
        notes += [f"{name} is ignored: the backends are {', '.join(used)}" for name in sorted(others)]
    return tables, tuple(dict.fromkeys((*notes, *(note for table in tables for note in table.notes))))


def _carried_by(mounted: BackendTable, backend: Backend, reserved: tuple[str, ...]) -> BackendTable:
    """The table of a backend once the mappings of the mounted file are written to it; places stay those of the file."""
    table = replace(mounted, backend=backend.name, is_carried=True, reserved_prefixes=reserved)
    if not backend.carries("sso"):
        table = replace(table, patterns=())
    if not backend.carries("account"):
        table = replace(table, accounts=frozenset(), uncarried_accounts=mounted.accounts)
    return table


def _objects(files: AnyMapping[str, str]) -> list[ClusterObject]:
    """Of every file that the configuration does not name. Raises DaemonNotStarted for one that cannot be read."""
    try:
        return [item for name, text in files.items() for item in cluster_objects(text, name)]
    except ParseError as error:
        raise DaemonNotStarted(f"the objects of the cluster cannot be read: {error}") from None


def _later_backends(config: DaemonConfig, files: AnyMapping[str, str], notes: list[str]) -> list[str] | None:
    """The backends in the file at dynamicBackendModePath, which the daemon switches to; None where nothing changes."""
    name = _last(config.backend_modes_file)
    text = files.get(name) if config.backend_modes_file else None
    if text is None:
        return None
    try:
        file = read_json_object(text, name)
    except ParseError as error:
        notes.append(f"the backend modes file cannot be read and is ignored: {error}")
        return None
    if has_odd_times(file, config.version):
        notes.append("the backend modes file is ignored: LastUpdatedDateTime and Version must be strings")
        return None
    written = [value for _, value in struct_values(file, "backendMode") if value is not None]
    modes = written[-1] if written else ""
    if has_odd_text(file, "backendMode") or modes == " ".join(config.backends):
        return None
    names: list[str] = modes.split(" ")
    if not set(names) <= {*BACKEND_SPELLINGS}:
        notes.append(f"the backend modes file is ignored: {quoted(modes)} is not a list of backends")
        return None
    return names


def _last(path: str) -> str:
    return path.rpartition("/")[2]
