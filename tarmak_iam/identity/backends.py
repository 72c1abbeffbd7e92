"""The backends of a configuration, loaded in the order in which the authenticator uses them; MountedFile (mapRoles,
mapUsers and mapAccounts of the configuration itself) and CRD (IAMIdentityMapping objects, found by the canonical ARN
that the authenticator writes into their status) are here, the others in modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from functools import cache, partial

from tarmak_iam.aws.arn import ArnError, canonicalize
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.identity.backend_support import (
    BACKEND_SPELLINGS,
    CRD,
    CRD_GROUP,
    DYNAMIC_FILE,
    EKS_CONFIG_MAP,
    MOUNTED_FILE,
    Backend,
    BackendSource,
    backend_of,
)
from tarmak_iam.identity.backend_table import (
    NOBODY,
    BackendTable,
    Found,
    arn_like_pattern,
    check_role_mapping,
    compared_one_by_one,
    sso_pattern,
)
from tarmak_iam.identity.cluster_objects import ClusterObject, cluster_objects
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.dynamic_file import (
    has_odd_text,
    has_odd_times,
    load_dynamic_file,
    read_json_object,
    struct_values,
)
from tarmak_iam.identity.eks_configmap import load_eks_configmap
from tarmak_iam.identity.go_decoding import JsonMappings
from tarmak_iam.identity.model import UNREAD_SSO, DaemonInput, DaemonNotStarted, IdentityMapping, Locate
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature, known_partitions
from tarmak_iam.identity.viper import take_each
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened


def load_tables(
    config: DaemonConfig, given: DaemonInput, place: Locate
) -> tuple[tuple[BackendTable, ...], tuple[str, ...]]:
    """The tables, and notes about them. Raises DaemonNotStarted. A path of the configuration is looked up in the files;
    every other file can contain objects of the cluster (the ConfigMap aws-auth, IAMIdentityMapping objects, lists of
    them). Where no file contains an object there is no cluster, and backends that need one end the process. `place`
    finds places in the configuration."""
    named = {_last(path) for path in (*config.paths.values(), config.backend_modes_file)}
    others = {name: text for name, text in given.files.items() if name not in named}
    dynamic = _last(config.paths[DYNAMIC_FILE.name])
    mounted = cache(partial(load_mounted_file, config, place))
    objects = cache(partial(_objects, others))
    loaders: dict[Backend, Callable[[], BackendTable]] = {
        MOUNTED_FILE: mounted,
        EKS_CONFIG_MAP: lambda: load_eks_configmap(config, objects()),
        CRD: lambda: load_crd(config, objects()),
        DYNAMIC_FILE: lambda: load_dynamic_file(config, given.files.get(dynamic), dynamic),
    }
    # An authenticator that does not load the mounted file is not ended by an SSO mapping that it does not read.
    readable = tuple(role for role in config.roles if role.sso is not UNREAD_SSO)
    carried = cache(partial(load_mounted_file, config._replace(roles=readable), place))

    def load(name: str) -> BackendTable:
        backend = backend_of(name)
        if backend is not MOUNTED_FILE and given.is_carried and not backend.why_not_written:
            # What the mappings of the mounted file become once they are written to it; places stay those of the file.
            table = mounted() if MOUNTED_FILE.name in config.backends else carried()
            reserved = config.reserved_in(backend)
            table = replace(table, backend=backend.name, is_carried=True, reserved_prefixes=reserved)
            if not backend.carries("sso"):
                table = replace(table, patterns=())
            if not backend.carries("account"):
                table = replace(table, accounts=frozenset(), uncarried_accounts=table.accounts)
            return table
        if backend.reads is BackendSource.CLUSTER and not objects():
            raise DaemonNotStarted(f"the backend {backend.name} reads objects of the cluster, but no objects are given")
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


def _objects(files: AnyMapping[str, str]) -> list[ClusterObject]:
    """Of every file that the configuration does not name. Raises DaemonNotStarted for one that cannot be read."""
    try:
        return [item for name, text in files.items() for item in cluster_objects(text, name)]
    except ParseError as error:
        raise DaemonNotStarted(f"the objects of the cluster cannot be read: {error}") from None


def _later_backends(config: DaemonConfig, files: AnyMapping[str, str], notes: list[str]) -> list[str] | None:
    """The backends in the file at dynamicBackendModePath, which the authenticator uses then; None for no change."""
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


def load_mounted_file(config: DaemonConfig, place: Locate) -> BackendTable:
    """Raises DaemonNotStarted for a mapping that ends the process. `place` finds places in the configuration."""
    version = config.version
    notes: list[str] = []
    stored: dict[str, dict[str, Found]] = {"role": {}, "sso": {}, "user": {}}
    for entry in (*config.roles, *config.users):
        # The readings that do not end the process, under every key that the authenticator can read the entry as; of two
        # entries with one key the last takes effect.
        readings, stops = take_each(entry.possible, lambda reading: (_stored_key(reading, version), reading))
        notes += stops
        by_key: dict[tuple[str, str], list[IdentityMapping]] = {}
        for key, reading in readings:
            if key is not None:
                by_key.setdefault(("sso" if reading.sso else entry.kind, key), []).append(reading)
        for (kind, key), mappings in by_key.items():
            rest = stored[kind].get(key, NOBODY) if len(mappings) < len(readings) else ()
            stored[kind][key] = (*mappings, *rest)
    roles, users, folds = stored["role"], stored["user"], version.has(ReleaseFeature.EQUAL_FOLD)
    # v0.7.7 and later compare roles one by one, case-insensitively; v0.6.0 and v0.6.1 compare users one by one.
    if folds and not all(role is None or role.arn.isascii() for possible in roles.values() for role in possible):
        partitions = known_partitions(version)
        roles = compared_one_by_one(roles.values(), lambda role: fold(canonicalize(role.arn, partitions)[1]))
    if version.has(ReleaseFeature.USER_ARN_AS_WRITTEN):
        users = compared_one_by_one(users.values(), lambda user: to_lower(user.arn))
    sso = stored["sso"] if config.matches_sso(MOUNTED_FILE) else {}
    return BackendTable(
        backend=MOUNTED_FILE.name,
        roles=roles,
        users=users,
        patterns=tuple((arn_like_pattern(text), possible) for text, possible in sso.items()),
        accounts=frozenset(config.accounts),
        accounts_route=Route.of(("server", "mapAccounts")),
        reserved_prefixes=config.reserved_in(MOUNTED_FILE),
        folds_roles=folds,
        place=place,
        written=tuple(reading for entry in (*config.roles, *config.users) for reading in entry.possible),
        notes=tuple(notes),
    )


def _stored_key(mapping: IdentityMapping, version: DaemonVersion) -> str | None:
    """What a release stores a mapping under: the ARN, or the pattern of an SSO mapping; None: it is skipped. Raises
    DaemonNotStarted."""
    validates = version.has(ReleaseFeature.CHECKS_ENTRIES)
    if mapping.kind == "user":
        if validates and not mapping.arn:
            what = "a user mapping has no userarn"
            raise DaemonNotStarted(what, mapping.route, remedy="add userARN, or remove the mapping")
        as_written = version.has(ReleaseFeature.USER_ARN_AS_WRITTEN)
        return _canonical_or_none(mapping, mapping.arn if as_written else to_lower(mapping.arn), version)
    if mapping.sso is UNREAD_SSO:
        what = f"{version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
        raise DaemonNotStarted(what, mapping.route, remedy="use a newer image, or map the role by its ARN")
    if validates:
        check_role_mapping(mapping, version)
    if mapping.sso is not None:
        return sso_pattern(mapping.sso)
    if version.has(ReleaseFeature.ROLE_ARN_NOT_PARSED):
        return to_lower(mapping.arn)
    if version.has(ReleaseFeature.ROLE_ARN_AS_WRITTEN):
        return to_lower(_canonical_or_none(mapping, mapping.arn, version) or "")
    return _canonical_or_none(mapping, to_lower(mapping.arn), version)


def _canonical_or_none(mapping: IdentityMapping, text: str, version: DaemonVersion) -> str | None:
    """None for an ARN that v0.4.0 logs and skips; later releases end."""
    try:
        return canonicalize(text, known_partitions(version))[1]
    except ArnError as error:
        if version.has(ReleaseFeature.INVALID_ARN_IGNORED):
            return None
        what = f"{quoted(mapping.arn)} is not accepted as an ARN: {error}"
        raise DaemonNotStarted(what, mapping.route, remedy=_arn_remedy(mapping, version)) from None


def _arn_remedy(mapping: IdentityMapping, version: DaemonVersion) -> str:
    """Only the name of a role or user can have capitals where a release reads ARNs as written."""
    head, colon, resource = mapping.arn.rpartition(":")
    kind, slash, name = resource.partition("/")
    lower = f"{to_lower(head)}{colon}{to_lower(kind)}{slash}{name}"
    example = f"write the ARN of a {mapping.kind}, such as arn:aws:iam::111122223333:{mapping.kind}/NAME"
    try:
        canonicalize(lower, known_partitions(version))
    except ArnError:
        return example
    return f"write {shortened(lower)}" if lower != mapping.arn else example


def load_crd(config: DaemonConfig, objects: Iterable[ClusterObject]) -> BackendTable:
    """Objects with the same ARN are used in random order; accounts are not supported."""
    named = {
        item.name: item
        for item in objects
        if item.kind == "IAMIdentityMapping"
        and str(item.data.get("apiVersion", "")).partition("/")[0] in ("", CRD_GROUP)
    }
    # Ordered by name; of two objects with one name the later one is what the cluster ends up with.
    watched = [named[name] for name in sorted(named)]
    partitions = known_partitions(config.version)
    roles: dict[str, Found] = {}
    written = []
    for index, item in enumerate(watched):
        # Only the documented spelling of keys is read in an object of the cluster.
        spec = item.field("spec")
        fields = {"rolearn": spec.get("arn"), "username": spec.get("username"), "groups": spec.get("groups")}
        (mapping,) = JsonMappings(has_sso=False).mappings("role", (Route(), [fields]))
        mapping = mapping._replace(route=Route((index,)))
        written.append(mapping)
        # The controller writes the canonical form of spec.arn into the status; it leaves what it cannot canonicalise.
        try:
            key = canonicalize(to_lower(str(spec.get("arn"))), partitions)[1]
        except ArnError:
            key = str(item.field("status").get("canonicalARN") or "")
        if key:
            roles[key] = (*roles.get(key, ()), mapping)

    def place(route: Route | None) -> Place | None:
        step = route.steps[0] if route is not None and route.steps else None
        return watched[step].place(("spec",)) if isinstance(step, int) else None

    return BackendTable(
        backend=CRD.name,
        roles=roles,
        users={},
        place=place,
        written=tuple(written),
        reserved_prefixes=config.reserved_in(CRD),
    )
