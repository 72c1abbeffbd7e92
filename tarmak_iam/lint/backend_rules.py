"""Rules about the backends that the settings choose: what they carry, and what they need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from tarmak_iam.daemon import kind_of
from tarmak_iam.delivery import API_SERVER_KEYS, NotCarried
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.carrying import CARRYING, carries
from tarmak_iam.identity.daemon_config import RESERVES_ALL, DaemonConfig
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.viper import field_key, field_value
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins, way_in
from tarmak_iam.text import shortened

__all__ = ["BACKEND_RULES"]

_RESERVED = "server.reservedPrefixConfig"


def _uncarried(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, mappings = installation.daemon, installation.mappings
    reasons = {kind: daemon.uncarried(kind) for kind in ("account", "sso")}
    for entry in entries_of(mappings).entries if mappings and any(reasons.values()) else ():
        why = reasons.get(kind_of(entry.listed))
        if why:
            name = f"account {shortened(entry.listed.arn)}" if entry.is_account else entry.name
            what = for_admins(entry, f"{name}: {why}, so it lets nobody in", installation)
            route = entry.listed.route if entry.is_account else entry.at("sso")
            yield rule.finding(Subject.MAPPINGS, route, what, daemon.with_file)
    if mappings and daemon.asks_cluster:
        yield from _unproven(rule, installation)


def _unproven(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """What shows only when all is made and read again; what keeps it from being made is told by others."""
    try:
        _ = installation.delivery
    except NotCarried as error:
        found = rule.finding(Subject.MAPPINGS, ("server",), error.what, error.remedy)
        yield replace(found, place=error.place)
    except ConfigError:
        return


def _impossible(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, mappings = installation.daemon, installation.mappings
    with contextlib.suppress(ConfigError):  # a version that cannot be read has a finding of its own
        reason = installation.missing_for_backends
        if reason:
            others = ",".join(each for each in daemon.backends if each != "CRD") or "MountedFile"
            remedy = f"choose other backends: {installation.command('settings set backends', others)}"
            yield rule.finding(Subject.SETTINGS, ("backends",), reason[0], remedy)
    settings = entries_of(mappings).settings if mappings and daemon.asks_cluster else None
    for key in API_SERVER_KEYS if settings else ():
        assert settings
        if settings.get(key):
            what = f"{key} sends the daemon to an API server that it has no credentials for; {way_in(installation)}"
            remedy = "remove it: in the cluster it uses its service account"
            yield rule.finding(Subject.MAPPINGS, settings.route(key), what, remedy, at=At.KEY)


def _idle_prefixes(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, mappings = installation.loaded.config, installation.mappings
    if daemon is None or mappings is None or not daemon.version.has(f"config key {_RESERVED}"):
        return
    settings = entries_of(mappings).settings
    items = settings.get(_RESERVED)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        name = field_value(item, "backendMode") if isinstance(item, Mapping) else None
        told = _why_idle(str(name), daemon, mappings) if name in (*CARRYING, "DynamicFile") else None
        if told is not None:
            key = field_key(item, "backendMode")
            yield rule.finding(Subject.MAPPINGS, settings.route(_RESERVED) / index / key, *told)


def _why_idle(name: str, daemon: DaemonConfig, mappings: Mappings) -> tuple[str, str] | None:
    """Why the prefixes of a backend count for nobody, and what to do about it."""
    if name not in daemon.backends:
        what = f"no prefix is reserved for {name}: the backends are {', '.join(daemon.backends)}"
        return what, _reserve_for(daemon.backends, daemon)
    if not daemon.reserved_in(name) and daemon.reserved_prefixes.get(name):
        what = f"authenticator {daemon.version} does not look at the prefixes of {name}"
        return (
            what,
            "remove it, or choose an image of v0.7.17 or later, which then refuses usernames with these prefixes",
        )
    kinds = {kind_of(entry) for entry in mappings.entries} - {"account"}
    before = daemon.backends[: daemon.backends.index(name)]
    if before and all(any(carries(backend, kind) for backend in before) for kind in kinds):
        what = f"no username is refused for the prefixes of {name}: {before[0]} has the same entries and is asked first"
        return what, _reserve_for(before, daemon)
    return None


def _reserve_for(backends: Iterable[str], daemon: DaemonConfig) -> str:
    """What counts takes access from those whose username has the prefix, which somebody has to want."""
    files = ("MountedFile", "DynamicFile")
    name = next((each for each in backends if each in files or daemon.version.has(RESERVES_ALL)), None)
    return f"remove it, or name {name}: usernames with these prefixes are then refused" if name else "remove it"


BACKEND_RULES = (
    Rule("IAM090", Severity.ERROR, Scope.INSTALLATION, "entries that the backends do not carry", _uncarried),
    Rule("IAM091", Severity.ERROR, Scope.INSTALLATION, "a backend that cannot work here", _impossible),
    Rule("IAM092", Severity.WARNING, Scope.INSTALLATION, "reserved prefixes that do not count", _idle_prefixes),
)
