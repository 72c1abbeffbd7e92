"""The mappings of a cluster in the form that another backend reads, with a line for everything that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document.render import Layout, block_lines
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.backend_support import CRD, EKS_CONFIG_MAP, MOUNTED_FILE, Backend, backend_of
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.formats import authenticator_config, aws_auth, custom_resource
from tarmak_iam.mappings.formats.detect import Import
from tarmak_iam.mappings.formats.foreign_file import LeftOut, Shadowed
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import PrincipalRefusal, Wanted
from tarmak_iam.mappings.principals import parse_principal
from tarmak_iam.text import shortened


@dataclass(frozen=True, slots=True)
class Conversion:
    """`objects` are plain data: a configuration, or Kubernetes objects in the order of the file."""

    objects: tuple[dict[str, Any], ...]
    left_out: tuple[LeftOut, ...]
    """What is lost or has another meaning."""


def convert_mappings(mappings: Mappings, backend: str, version: DaemonVersion) -> Conversion:
    """`backend` is one of WRITABLE_BACKENDS. Every login gives the same result, except for what `left_out` lists."""
    chosen = backend_of(backend)
    decided, lost = deciding(mappings, version)
    if chosen is MOUNTED_FILE:
        return Conversion((authenticator_config.write(decided, mappings.document.data or {}),), lost)
    found = [*_of_backend(mappings, decided, chosen, version)]
    kept = tuple(each for each in found if isinstance(each, Wanted))
    left_out = (each for each in found if isinstance(each, LeftOut))
    return Conversion(backend_objects(chosen, kept), (*lost, *left_out))


# For each backend that reads objects of the cluster.
_WRITERS: Mapping[Backend, Callable[[Iterable[Wanted]], Iterable[dict[str, Any]]]] = {
    EKS_CONFIG_MAP: lambda entries: (aws_auth.write(entries),),
    CRD: lambda entries: map(custom_resource.write, entries),
}


def backend_objects(backend: Backend, entries: Iterable[Wanted]) -> tuple[dict[str, Any], ...]:
    """The objects of the cluster from which a backend reads the entries, without those that it does not support."""
    carried = (each for each in entries if backend.carries(parse_principal(each.principal).kind))
    return tuple(_WRITERS[backend](carried))


def deciding(mappings: Mappings, version: DaemonVersion) -> tuple[tuple[Wanted, ...], tuple[LeftOut, ...]]:
    """Every principal that a caller can have, once, with the entry that decides for it; and everything else."""
    found = list(_deciding(mappings, version))
    return (
        tuple(each for each in found if isinstance(each, Wanted)),
        tuple(each for each in found if isinstance(each, LeftOut)),
    )


def as_mappings(
    found: Import, cluster_id: str, filename: str, refuse: PrincipalRefusal | None = None
) -> tuple[Mappings, tuple[LeftOut, ...]]:
    """The access that a file gives where its own daemon reads it, as mappings; and the parts that give no access.

    A configuration of the authenticator is used unchanged. Entries that `refuse` rejects for this daemon are left out.
    Raises ParseError, and ConfigError for a configuration that is not a YAML mapping.
    """
    if found.configuration is not None:
        return Mappings.parse(found.configuration, filename), ()
    kept: list[Wanted] = []
    left_out: list[LeftOut] = [*found.left_out]
    for wanted in found.entries:
        each = effective(wanted)
        if isinstance(each, Wanted) and each != wanted and "aws-auth" in found.formats:
            each = LeftOut(
                f"{shortened(wanted.principal)} never matches: the ARNs of aws-auth are compared as they are written",
                wanted.place,
            )
        if isinstance(each, Wanted) and refuse is not None and (error := refuse(parse_principal(each.principal))):
            each = LeftOut(error.message, wanted.place)
        if isinstance(each, Wanted):
            kept.append(each)
        else:
            left_out.append(each)
    config = authenticator_config.write(kept, {"clusterID": cluster_id})
    return Mappings.parse("\n".join(block_lines(config, Layout())) + "\n", filename), tuple(left_out)


def _deciding(mappings: Mappings, version: DaemonVersion) -> Iterator[Wanted | LeftOut]:
    """Roles before users; of equal entries the last one decides."""
    entries = mappings.entries_read_by(version)
    decides: dict[str, MappingEntry] = {}
    for entry in entries:
        other = decides.get(entry.key)
        if other is None or other.kind == entry.kind:
            decides[entry.key] = entry
    for entry in entries:
        place = mappings.document.position(entry.route)
        decider = decides[entry.key]
        if decider is not entry:
            line = mappings.document.position(decider.route).line
            yield Shadowed(
                f"{shortened(entry.principal) or 'an entry'}: the entry in line {line} is used, not this one", place
            )
        elif entry.sso_role is not None and not entry.arn and entry.sso_role.partition:
            yield LeftOut(f"{shortened(entry.principal)} has a partition, so it never matches", place)
        else:
            wanted = Wanted(entry.principal, entry.username, entry.groups, entry.user_id, place)
            found = effective(wanted)
            if isinstance(found, Wanted) and found != wanted:
                what = (
                    f"{shortened(wanted.principal)} matches every session of its role, so "
                    f"it is written as {shortened(found.principal)}"
                )
                yield LeftOut(what, place)
            yield found


def effective(wanted: Wanted) -> Wanted | LeftOut:
    """An entry for the principal that the daemon compares: a session of a role is replaced by the role.

    LeftOut for an entry that matches no caller, or that the daemon rejects.
    """
    principal = wanted.principal
    flaw = arn_flaw(principal) if principal.startswith("arn:") else None
    if flaw is not None and (flaw.kind is not FlawKind.ASSUMED_ROLE or flaw.likely_arn is None):
        return LeftOut(f"{flaw.what}; {flaw.remedy}", wanted.place)
    try:
        parse_principal(principal if flaw is None or flaw.likely_arn is None else flaw.likely_arn)
    except ConfigError as error:
        return LeftOut(error.message, wanted.place)
    return wanted if flaw is None or flaw.likely_arn is None else replace(wanted, principal=flaw.likely_arn)


def _of_backend(
    mappings: Mappings, entries: Iterable[Wanted], backend: Backend, version: DaemonVersion
) -> Iterator[Wanted | LeftOut]:
    """The entries that a backend supports. It does not read the other settings of the configuration."""
    if not version.accepts_backend(backend.name):
        yield LeftOut(f"authenticator {version} does not support the backend {backend.name}")
    for key, route in authenticator_config.other_settings(mappings.document.data or {}):
        what = f"{shortened(key)} stays in the configuration of the authenticator"
        if to_lower(key) == "server.reservedprefixconfig":
            what += f", and its rules for MountedFile do not apply to {backend.name}"
        yield LeftOut(what, mappings.document.position(route, at_key=True))
    for entry in entries:
        name = shortened(entry.principal)
        if why := _why_lost(name, parse_principal(entry.principal).kind, backend, version):
            yield LeftOut(why, entry.place)
            continue
        if entry.user_id:
            yield LeftOut(f"{name}: userid is used by the backend DynamicFile only", entry.place)
        yield entry


def _why_lost(name: str, kind: str, backend: Backend, version: DaemonVersion) -> str:
    """Why a backend cannot have an entry of that kind; empty if it can."""
    why = backend.cannot_carry.get(kind)
    if why and kind == "account":
        return f"account {name}: the backend {backend.name} {why}"
    if why:
        return f"{name}: the backend {backend.name} {why}; map the role's ARN"
    if kind == "sso" and backend.sso is not None and not version.has(backend.sso):
        return f"{name}: authenticator {version} does not support SSO entries in aws-auth"
    return ""
