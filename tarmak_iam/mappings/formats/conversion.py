"""Files of any known format as mappings, and mappings as another backend reads them, saying what changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.render import Layout, block_lines
from tarmak_iam.errors import ConfigError, Place, unquoted_kubeconfig
from tarmak_iam.identity.backend_support import CRD, EKS_CONFIG_MAP, MOUNTED_FILE, Backend, backend_of
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.mappings.entries import MappingEntry, parse_principal
from tarmak_iam.mappings.formats import access_entries, authenticator_config, aws_auth, custom_resource, eksctl, kops
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, shown
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import PrincipalRefusal, Wanted
from tarmak_iam.text import shortened

_MOST_KEYS = 3


def describe_part(part: FilePart) -> str:
    """With its article, as in `a Deployment` or `an eksctl ClusterConfig without ...`."""
    kind = part.text("kind")
    if kind == "ClusterConfig" and part.text("apiVersion").startswith("eksctl.io/"):
        lacks = "" if eksctl.reads(part) else " without iamIdentityMappings or accessConfig.accessEntries"
        return f"an eksctl ClusterConfig{lacks}"
    if kind == "Cluster" and part.text("apiVersion").startswith("kops"):
        return f"a kops Cluster{'' if kops.reads(part) else ' without spec.authentication.aws'}"
    if kind:
        name, version = part.text("metadata", "name"), part.text("apiVersion")
        more = f" ({shown(name)})" if name else f" of {shown(version)}" if version else ""
        return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {shown(kind)}{more}"
    if isinstance(part.value, dict) and {"users", "contexts", "current-context"} & part.value.keys():
        return "a kubeconfig"
    if isinstance(part.value, dict):
        names = ", ".join(map(shown, list(part.value)[:_MOST_KEYS]))
        more = " and others" if len(part.value) > _MOST_KEYS else ""
        return f"a YAML mapping with the keys {names}{more}" if part.value else "an empty YAML mapping"
    if isinstance(part.value, list):
        return "a list without ARNs or accounts" if part.value else "an empty list"
    return "a single string" if isinstance(part.value, str) else "a single value"


class _Format(NamedTuple):
    title: str
    reads: Callable[[FilePart], bool] = lambda _: False
    read: Callable[[FilePart], Read] = lambda _: iter(())
    is_section: bool = False
    """Whether a top-level key may contain the entries, so that it may be in one of our files by mistake."""
    read_text: Callable[[bytes | str, str], Read | None] = lambda _data, _filename: None
    """Instead of the others, for a format that is not YAML: reads the whole file; None for a file of another format."""


# In the order of recognition: a ConfigMap with a config.yaml is not aws-auth, what the AWS CLI prints not eksctl's.
_FORMATS: Mapping[str, _Format] = {
    "authenticator": _Format(
        "a configuration of the authenticator", authenticator_config.reads, authenticator_config.read
    ),
    "aws-auth": _Format("an aws-auth ConfigMap", aws_auth.reads, aws_auth.read, is_section=True),
    "crd": _Format("IAMIdentityMapping objects", custom_resource.reads, custom_resource.read),
    "kops": _Format("a kops Cluster", kops.reads, kops.read, is_section=True),
    "access-entries": _Format("JSON of EKS access entries", access_entries.reads, access_entries.read),
    "eksctl": _Format("an eksctl ClusterConfig", eksctl.reads, eksctl.read, is_section=True),
}

FORMATS = {name: form.title for name, form in _FORMATS.items()}
"""The formats that `read_mappings` knows: titles by name, in the order of recognition."""

SECTIONS = tuple(name for name, form in _FORMATS.items() if form.is_section)
"""The names of the formats whose entries may be below a top-level key."""

_MOST_NAMED = 5
"""How many of a file's objects an error names."""


class Import(NamedTuple):
    """The contents of a file: the later of two `entries` for one principal is used. `formats` are the names of the
    formats found. `configuration` is the text of the authenticator's configuration if the file is nothing else."""

    formats: tuple[str, ...]
    entries: tuple[Wanted, ...]
    left_out: tuple[LeftOut, ...]
    configuration: str | None = None
    is_config_map: bool = False
    """Whether the file is, or begins with, a ConfigMap."""


def read_mappings(data: bytes | str, filename: str, form: str | None = None) -> Import:
    """`form` is one of FORMATS, None for any. Raises ParseError, and ConfigError if the file has no mappings."""
    candidates = _FORMATS if form is None else {form: _FORMATS[form]}
    for name, candidate in candidates.items():
        if (read := candidate.read_text(data, filename)) is not None:
            return _import((name,), read)
    met: list[tuple[str, FilePart]] = []
    others: list[FilePart] = []
    contents: list[Wanted | LeftOut] = []
    for part in _objects(data, filename):
        name = next((name for name, candidate in candidates.items() if candidate.reads(part)), "")
        if not name:
            others.append(part)
            kind = part.text("kind")
            what = f"the {shown(kind)} {shown(part.text('metadata', 'name'))}".rstrip() if kind else "this document"
            contents.append(LeftOut(f"{what} has no mappings", part.place))
        else:
            met.append((name, part))
            contents += candidates[name].read(part)
    if not met:
        raise _nothing(filename, others, form)
    is_alone = [name for name, _ in met] == ["authenticator"]
    configuration = authenticator_config.configuration(met[0][1]) if is_alone else None
    if configuration is not None and (configuration.route.steps or configuration.document.next_document is not None):
        configuration = None  # the file contains other documents: then the text is not the whole file
    text = configuration.document.text if configuration is not None else None
    formats = tuple(dict.fromkeys(name for name, _ in met))
    return _import(formats, contents, text, met[0][1].text("kind") == "ConfigMap")


def _import(
    formats: tuple[str, ...], read: Iterable[Wanted | LeftOut], text: str | None = None, is_config_map: bool = False
) -> Import:
    contents = [*read]
    entries = tuple(content for content in contents if isinstance(content, Wanted))
    left_out = tuple(content for content in contents if isinstance(content, LeftOut))
    return Import(formats, entries, left_out, text, is_config_map)


def _objects(data: bytes | str, filename: str) -> Iterator[FilePart]:
    """Every object in the documents of a file. Raises ParseError."""
    with unquoted_kubeconfig(data):
        documents = Document.parse_all(data, filename)
    for document in documents:
        part = FilePart(document.data, document)
        items = part.get("items") if part.text("kind").endswith("List") else None
        if items is not None:
            yield from items.items
        elif document.data is not None:
            yield part


def _nothing(filename: str, others: list[FilePart], form: str | None) -> ConfigError:
    wanted = "" if form is None else f" in the format {form}"
    remedy = f"specify a file in one of these formats: {', '.join(FORMATS)}" if form is None else "try --from auto"
    names = list(dict.fromkeys(map(describe_part, others)))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = f"it contains {', '.join(names[:_MOST_NAMED])}{more}" if others else "it is empty"
    if len(others) == 1:
        listed = f"this is {names[0]}"
    place = others[0].place if len(others) == 1 else Place(filename)
    return ConfigError(f"no mappings found{wanted}: {listed}", remedy=remedy, place=place)


class Conversion(NamedTuple):
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
    kept: list[Wanted] = []
    left_out = list(lost)
    if not version.accepts_backend(backend):
        left_out.append(LeftOut(f"authenticator {version} does not support the backend {backend}"))
    for key, route in authenticator_config.other_settings(mappings.document.data or {}):
        what = f"{shortened(key)} stays in the configuration of the authenticator"
        if to_lower(key) == "server.reservedprefixconfig":
            what += f", and its rules for MountedFile do not apply to {backend}"
        left_out.append(LeftOut(what, mappings.document.position(route, at_key=True)))
    for entry in decided:
        name, kind = shortened(entry.principal), parse_principal(entry.principal).kind
        if why := chosen.cannot_carry.get(kind):
            what = f"{'account ' if kind == 'account' else ''}{name}: the backend {backend} {why}"
            left_out.append(LeftOut(what if kind == "account" else f"{what}; map the role's ARN", entry.place))
        elif kind == "sso" and chosen.sso is not None and not version.has(chosen.sso):
            what = f"{name}: authenticator {version} does not support SSO entries in aws-auth"
            left_out.append(LeftOut(what, entry.place))
        else:
            kept.append(entry)
            if entry.user_id:
                left_out.append(LeftOut(f"{name}: userid is used by the backend DynamicFile only", entry.place))
    return Conversion(backend_objects(chosen, kept), tuple(left_out))


# For each backend that reads objects of the cluster.
_WRITERS: Mapping[Backend, Callable[[Iterable[Wanted]], Iterable[dict[str, Any]]]] = {
    EKS_CONFIG_MAP: lambda entries: (aws_auth.write(entries),),
    CRD: lambda entries: map(custom_resource.write, entries),
}


def backend_objects(backend: Backend, entries: Iterable[Wanted]) -> tuple[dict[str, Any], ...]:
    """The objects of the cluster from which a backend reads the entries, without those that it does not support."""
    carried = (entry for entry in entries if backend.carries(parse_principal(entry.principal).kind))
    return tuple(_WRITERS[backend](carried))


def deciding(mappings: Mappings, version: DaemonVersion) -> tuple[tuple[Wanted, ...], tuple[LeftOut, ...]]:
    """Every principal that a caller can have, once, with the entry that decides for it; and everything else."""
    entries = mappings.entries_read_by(version)
    deciders: dict[str, MappingEntry] = {}
    for entry in entries:  # roles before users; of equal entries the last one decides
        other = deciders.get(entry.key)
        if other is None or other.kind == entry.kind:
            deciders[entry.key] = entry
    decided: list[Wanted] = []
    left_out: list[LeftOut] = []
    for entry in entries:
        place, decider = mappings.document.position(entry.route), deciders[entry.key]
        if decider is not entry:
            line, name = mappings.document.position(decider.route).line, shortened(entry.principal) or "an entry"
            left_out.append(LeftOut(f"{name}: the entry in line {line} is used, not this one", place, is_shadowed=True))
        elif entry.sso_role is not None and not entry.arn and entry.sso_role.partition:
            what = f"{shortened(entry.principal)} has a partition, so it never matches"
            left_out.append(LeftOut(what, place))
        else:
            wanted = Wanted(entry.principal, entry.username, entry.groups, entry.user_id, place)
            outcome = effective(wanted)
            if isinstance(outcome, LeftOut):
                left_out.append(outcome)
                continue
            decided.append(outcome)
            if outcome != wanted:
                what = f"{shortened(wanted.principal)} matches every session of its role, so it is written as"
                left_out.append(LeftOut(f"{what} {shortened(outcome.principal)}", place))
    return tuple(decided), tuple(left_out)


def as_mappings(
    found: Import, cluster_id: str, filename: str, refuse: PrincipalRefusal | None = None
) -> tuple[Mappings, tuple[LeftOut, ...]]:
    """The access that a file gives where its own authenticator reads it, as mappings; and the parts that give no
    access, such as entries that `refuse` rejects. The authenticator's own format is not changed. Raises as `parse`."""
    if found.configuration is not None:
        return Mappings.parse(found.configuration, filename), ()
    kept: list[Wanted] = []
    left_out: list[LeftOut] = [*found.left_out]
    for wanted in found.entries:
        outcome = effective(wanted)
        if isinstance(outcome, Wanted) and outcome != wanted and "aws-auth" in found.formats:
            what = f"{shortened(wanted.principal)} never matches: the ARNs of aws-auth are compared as they are written"
            left_out.append(LeftOut(what, wanted.place))
        elif isinstance(outcome, LeftOut):
            left_out.append(outcome)
        elif refuse is not None and (error := refuse(parse_principal(outcome.principal))):
            left_out.append(LeftOut(error.message, wanted.place))
        else:
            kept.append(outcome)
    config = authenticator_config.write(kept, {"clusterID": cluster_id})
    return Mappings.parse("\n".join(block_lines(config, Layout())) + "\n", filename), tuple(left_out)


def effective(wanted: Wanted) -> Wanted | LeftOut:
    """With the principal that the authenticator compares; LeftOut for an entry that matches no caller."""
    principal = wanted.principal
    flaw = arn_flaw(principal) if principal.startswith("arn:") else None
    if flaw is not None and (flaw.kind is not FlawKind.ASSUMED_ROLE or flaw.likely_arn is None):
        return LeftOut(f"{flaw.what}; {flaw.remedy}", wanted.place)
    principal = flaw.likely_arn if flaw is not None and flaw.likely_arn else principal
    try:
        parse_principal(principal)
    except ConfigError as error:
        return LeftOut(error.message, wanted.place)
    return wanted if principal == wanted.principal else replace(wanted, principal=principal)
