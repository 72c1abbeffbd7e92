"""The payloads for a daemon: its configuration, and the objects that its other backends read in the cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document import Document, Remove
from tarmak_iam.document.nodes import Mapping, dereference
from tarmak_iam.errors import ConfigError, EditRefused, Place
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS, MOUNTED_FILE, Backend
from tarmak_iam.identity.model import DaemonInput, Grant, Identity
from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature, spans_text
from tarmak_iam.identity.viper import ViperSettings
from tarmak_iam.installation.daemon import Daemon
from tarmak_iam.mappings.entries import listed_entries
from tarmak_iam.mappings.formats import LeftOut, Shadowed, backend_objects, deciding
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.mappings.principals import SSO_PREFIX
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import shortened

CONFIG_KEY = "config.yaml"
"""The key of the configuration in the daemon's ConfigMap, and so the name of the file in the pod."""

MAX_CONFIGMAP = 1024 * 1024
"""Maximum size of all values of a ConfigMap in bytes, which the API server enforces."""

_LISTS = ("maproles", "mapusers", "mapaccounts")
API_SERVER_KEYS = ("server.kubeconfig", "server.master")
# NEL too: the daemon reads it as a line end, and kustomize would replace it with a blank.
_LINE_END = re.compile(r"\r\n|[\r\x85]")
_UNMAPPED = "arn:{partition}:iam::{account}:user/this-user-is-not-mapped"

Manifest = dict[str, Any]
"""A Kubernetes object as plain data."""


class NotCarried(ConfigError):
    """The backends cannot contain the mappings so that each principal gets the username and groups in the file."""


class BackendPayloads(NamedTuple):
    """`config` is the text of the configuration; `by_backend` contains the objects that the backends read in the
    cluster. `notes` are about entries that are left out and have no effect anyway."""

    config: str
    by_backend: AnyMapping[Backend, tuple[Manifest, ...]] = MappingProxyType({})
    notes: tuple[LeftOut, ...] = ()

    @property
    def largest(self) -> int:
        """Size of the largest ConfigMap in bytes."""
        maps = (
            {CONFIG_KEY: self.config},
            *(manifest["data"] for manifest in self.objects if manifest["kind"] == "ConfigMap"),
        )
        return max(map(configmap_size, maps))

    @property
    def objects(self) -> tuple[Manifest, ...]:
        return tuple(chain.from_iterable(self.by_backend.values()))


def configmap_size(data: AnyMapping[str, str]) -> int:
    """The size of a ConfigMap's data in bytes, comparable with MAX_CONFIGMAP."""
    return sum(len(text.encode()) for text in data.values())


def make_payloads(mappings: Mappings, daemon: Daemon, cluster_id: str) -> BackendPayloads:
    """The mappings for all backends of the daemon.

    Checks that every principal gets the same username and groups as with the mappings file alone. Raises ConfigError
    for entries that the release, the feature gates or the backends do not support, and where the daemon would not
    start; NotCarried where it would give another answer.
    """
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
    for key in API_SERVER_KEYS:  # with either key, the daemon uses neither the address nor the token that a pod has
        if settings.get(key):
            what = f"{key} makes the authenticator use another API server, for which it has no credentials"
            remedy = "remove it: in the cluster, the authenticator uses its service account"
            raise ConfigError(what, remedy=remedy, place=mappings.document.position(settings.route(key)))
    if MOUNTED_FILE.name not in daemon.backends:
        document = _without_lists(document)
    entries, lost = deciding(mappings, daemon.version)
    made = BackendPayloads(
        config=_lf(document),
        by_backend={
            backend: backend_objects(backend, entries) for backend in ENTRY_OBJECTS if backend.name in daemon.backends
        },
        notes=(*notes, *(note for note in lost if not isinstance(note, Shadowed))),
    )
    _prove(mappings, by_file, made, daemon)
    return made


def _unseen(principal: str, place: Place, daemon: Daemon) -> LeftOut:
    """The note on an SSO entry whose feature gate is set to false. Raises ConfigError where it is not set to false."""
    if not daemon.version.has(ReleaseFeature.SSO_GATE):
        raise ConfigError(
            f"{shortened(principal)} requires a release with the feature gate {SSO_GATE}: "
            f"{spans_text(ReleaseFeature.SSO_GATE)}, not {daemon.version}",
            remedy="use another image, or map the ARN of the AWSReservedSSO role",
            place=place,
        )
    if daemon.gates.get(SSO_GATE) is not False:
        what = f"the authenticator ignores {shortened(principal)} without the feature gate {SSO_GATE}"
        remedy = f"enable it: {daemon.with_sso}; to ignore the entry on purpose, set it to false"
        raise ConfigError(what, remedy=remedy, place=place)
    return LeftOut(f"{shortened(principal)} is ignored: the feature gate {SSO_GATE} is off", place)


def _without_lists(document: Document) -> Document:
    """The configuration without the lists, which the daemon would not read. Raises NotCarried."""
    remedy = "write mapRoles, mapUsers and mapAccounts as keys of server, without aliases and merges"
    try:
        left = document.edit(*(Remove(route, prune=True) for route in reversed([*_lists(document)])))
    except EditRefused as refusal:
        what = f"the lists cannot be removed from the configuration: {refusal.what}"
        raise NotCarried(what, remedy=remedy, place=refusal.place) from None
    for entry in listed_entries(ViperSettings(left.data, {}, {})):
        what = f"{shortened(entry.principal) or 'an entry'} cannot be removed from the configuration"
        raise NotCarried(what, remedy=remedy, place=document.position(("server",)))
    return left


def _lists(document: Document) -> Iterator[Route]:
    """All lists in file order, in all spellings, duplicates too."""
    root = document.root
    for entry in root.entries if isinstance(root, Mapping) else ():
        name, route = to_lower(entry.text or ""), Route((Key(entry.text or "", entry.occurrence),))
        server = dereference(entry.value)
        if name.startswith("server.") and name.removeprefix("server.") in _LISTS:
            yield route
        elif name == "server" and isinstance(server, Mapping):
            for inner in server.entries:
                if to_lower(inner.text or "") in _LISTS:
                    yield route / Key(inner.text or "", inner.occurrence)


def _prove(mappings: Mappings, by_file: Authenticator, made: BackendPayloads, daemon: Daemon) -> None:
    """Raises NotCarried where a principal would get another username or other groups than with the file alone."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": made.objects})
    read = _load(made.config, daemon, MAPPINGS_NAME, {"objects.json": listed})
    names = ",".join(daemon.backends)
    if read.failure is not None:
        what = f"authenticator {daemon.version} would not start with the backends {names}: {read.failure.reason}"
        raise NotCarried(what, remedy="use other backends")
    for grant in {grant.key: grant for grant in (*read.grants, *by_file.grants)}.values():
        if set(map(_result, by_file.possible_grants(grant))) != set(map(_result, read.possible_grants(grant))):
            principal = f"{SSO_PREFIX}{grant.principal}" if grant.kind == "sso" else grant.principal
            entries = mappings.matching(principal)
            raise NotCarried(
                f"the backends {names} would map {shortened(principal)} to {_described(read.grant(grant))}, "
                f"but the mappings file maps it to {_described(by_file.grant(grant))}",
                remedy="write the entry so that it has only one meaning, or use only the backend MountedFile",
                place=mappings.document.position(entries[-1].route) if entries else None,
            )
    # A caller that matches no entry logs in by the account, or not at all.
    accounts = {grant.principal for grant in by_file.grants if grant.kind == "account"}
    for account in (*sorted(accounts), "000000000000"):
        caller = Identity(_UNMAPPED.format(partition=daemon.partition, account=account), account, "AIDA")
        expected, answer = (
            (review.authenticated, review.username, review.groups)
            for review in (by_file.whois(caller), read.whois(caller))
        )
        if answer != expected:
            raise NotCarried(
                f"for a caller in account {account} that matches no entry, the backends {names} "
                "would give another answer than the mappings file",
                remedy="use only the backend MountedFile",
            )


def _load(text: str, daemon: Daemon, shown_as: str, files: dict[str, str] | None = None) -> Authenticator:
    return Authenticator.of(
        DaemonInput(
            text,
            version=str(daemon.version),
            args=daemon.args,
            files=files or {},
            filename=MAPPINGS_NAME,
            shown_as=shown_as,
        )
    )


def _lf(document: Document) -> str:
    return _LINE_END.sub("\n", document.text)


def _result(grant: Grant | None) -> tuple[str, tuple[str, ...]] | None:
    return (grant.username, grant.groups) if grant else None


def _described(grant: Grant | None) -> str:
    if grant is None:
        return "no user"
    groups = f"with the groups {', '.join(map(shortened, grant.groups))}" if grant.groups else "without groups"
    maybe = "" if grant.is_sure else " (at random)"
    name = repr(shortened(grant.username)) if grant.username else "an empty username"
    return f"{name} {groups}{maybe}"
