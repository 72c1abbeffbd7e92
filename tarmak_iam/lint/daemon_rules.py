"""Rules about the authenticator's own settings in the mappings file, and about the backends that we configure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tarmak_iam.aws.arn import is_account
from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document, nodes
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.identity.backend_support import (
    BACKEND_NAMES,
    BACKEND_SPELLINGS,
    CRD,
    MOUNTED_FILE,
    backend_of,
    current_name,
)
from tarmak_iam.identity.releases import server_keys
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.viper import ViperSettings, as_texts, field_key, field_value
from tarmak_iam.installation.backend_payloads import API_SERVER_KEYS, NotCarried
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.authenticator_keys import ENTRY_KEYS, ENTRY_LISTS, LISTS
from tarmak_iam.lint.entries import WrittenEntry, account_of, entries_of
from tarmak_iam.lint.fix import Fix, removed, written
from tarmak_iam.lint.rule import DYNAMIC_FILE, INSTALLATION, MAPPINGS, Rule
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import closest, did_you_mean, quoted, shortened

_MODES = "server.backendMode"
_SCRUBBED = "server.scrubbedAccounts"
_RESERVED = "server.reservedPrefixConfig"
_SETTING = "the backends are a setting in tarmak-iam.yaml"


@MAPPINGS.error("IAM075", "unknown-backend", "an unknown backend")
def unknown_backend(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    settings = entries_of(mappings).settings
    # The right spelling would be ignored too, unless tarmak-iam.yaml names the same backends: see IAM088.
    remedy, modes = f"remove {_MODES}: {_SETTING}", settings.route(_MODES)
    stops = "without --backend-mode, the authenticator does not start from v0.5.0 on"
    named: list[tuple[str, Route, str, str, Fix | None]] = [
        (*item, stops, remedy, removed(modes, remedy, is_safe=True)) for item in _items(modes, settings.get(_MODES))
    ]
    for item, route in _reserved_items(settings):
        if mode := str(field_value(item, "backendMode") or ""):
            names = f"write {', '.join(BACKEND_NAMES[:-1])} or {BACKEND_NAMES[-1]}"
            remedy, near = did_you_mean(mode, BACKEND_NAMES) or names, closest(mode, BACKEND_NAMES)
            at_mode = route / field_key(item, "backendMode")
            fix = written(at_mode, near, f"write {near}") if near else None
            named.append((mode, at_mode, "the prefixes are not reserved", remedy, fix))
    for name, route, effect, remedy, fix in named:
        if name not in BACKEND_SPELLINGS:
            what = f"unknown backend {quoted(name)} (names are case-sensitive): {effect}"
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, fix=fix)


def _items(route: Route, value: Any) -> list[tuple[str, Route]]:
    """The items of a list, or the words of a single string, each with its route."""
    is_list = isinstance(value, list)
    return [(text, route / index if is_list else route) for index, text in enumerate(as_texts(value))]


def _reserved_items(settings: ViperSettings) -> list[tuple[Mapping[Any, Any], Route]]:
    """The mappings in the list of reserved prefixes, each with its route."""
    reserved, route = settings.get(_RESERVED), settings.route(_RESERVED)
    items = enumerate(reserved if isinstance(reserved, list) else ())
    return [(item, route / index) for index, item in items if isinstance(item, Mapping)]


@MAPPINGS.warning("IAM076", "scrubbed-account", "an account in scrubbedAccounts")
def scrubbed_account(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    entries = entries_of(mappings)
    scrubbed = _items(entries.settings.route(_SCRUBBED), entries.settings.get(_SCRUBBED))
    mapped = {account for entry in entries.entries if (account := _account_of(entry))} if scrubbed else set()
    for account, route in scrubbed:
        if not is_account(account):
            continue  # another rule reports it
        what = f"the ARN and IDs of callers from account {account} are scrubbed: the audit log has only their username"
        remedy = "check that the usernames of its entries distinguish people, and then suppress this finding"
        if account not in mapped:
            what, remedy = f"no entry belongs to account {account}, so there is nothing to scrub", "remove it"
        yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _account_of(entry: WrittenEntry) -> str:
    if entry.is_account or not entry.listed.arn:
        return entry.listed.arn or entry.listed.sso.partition("/")[0]
    return account_of(entry.listed.arn)


@INSTALLATION.error("IAM081", "reserved-prefix", "a username with a reserved prefix")
def reserved_prefix(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, tables = installation.mappings, installation.loaded.tables
    # Only the first backend that supports the kind of entry decides.
    first = {
        kind: next((table for table in tables if backend_of(table.backend).carries(kind)), None)
        for kind in ("role", "user", "sso")
    }
    for entry in entries_of(mappings).mapped:
        table, username = first[entry.listed.principal_kind], entry.listed.username
        reserved = table.reserved_prefixes if table else ()
        prefix = next((prefix for prefix in reserved if prefix and username.startswith(prefix)), None)
        if prefix is not None:
            what = f"the username {quoted(username)} begins with the reserved prefix {quoted(prefix)}"
            what += ": the authenticator denies every login with it"
            remedy = "choose another username, or remove the prefix from server.reservedPrefixConfig"
            yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, remedy, locks_out=entry.is_admin)


@INSTALLATION.warning("IAM086", "unsupported-daemon-setting", "a setting that this authenticator release ignores")
def unsupported_daemon_setting(rule: Rule, installation: Installation) -> Iterator[Finding]:
    settings, version = entries_of(installation.mappings).settings, installation.daemon_version
    for key in (f"server.{name}" for name in server_keys()):
        if settings.get(key) is not None and not version.has_key(key):
            what = f"authenticator {version} does not know {key}, and ignores it"
            remedy = "choose another image, or remove it"
            yield rule.finding(Subject.MAPPINGS, settings.route(key), what, remedy, at=At.KEY)


@INSTALLATION.error("IAM087", "daemon-partition", "an authenticator configured for another partition")
def daemon_partition(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The manifests set the partition only if it is not `aws`, so the file can change it. A release that knows no host
    of the cluster's own partition does not support its region (IAM107)."""
    daemon, mappings = installation.loaded.config, installation.mappings
    partition = installation.partition
    if mappings is None or daemon is None or daemon.partition == partition:
        return
    if not accepts_tokens_of(partition, daemon.partition, daemon.version):
        what = f"the authenticator accepts only tokens of partition {daemon.partition}"
        what += f", but the cluster is in partition {partition}"
        route = entries_of(mappings).settings.route("server.partition")
        fix = removed(route, "remove server.partition: the manifests set the partition of the cluster")
        yield rule.finding(Subject.MAPPINGS, route, what, "remove server.partition", locks_out=True, fix=fix)


@INSTALLATION.warning("IAM088", "overridden-backends", "a server.backendMode that is ignored")
def overridden_backends(rule: Rule, installation: Installation) -> Iterator[Finding]:
    settings = entries_of(installation.mappings).settings
    if not installation.daemon_version.has_flag("server --backend-mode"):
        return
    modes = [*map(current_name, as_texts(settings.get(_MODES)))]
    known = all(mode in BACKEND_NAMES for mode in modes)
    if settings.get(_MODES) is not None and known and modes != list(installation.settings.backends):
        backends = ",".join(installation.settings.backends)
        what = f"server.backendMode is ignored: the manifests set --backend-mode={backends}"
        fix = removed(settings.route(_MODES), f"remove {_MODES}: {_SETTING}", is_safe=True)
        yield rule.finding(Subject.MAPPINGS, settings.route(_MODES), what, f"remove it: {_SETTING}", fix=fix)


@INSTALLATION.error("IAM090", "entry-not-in-backend", "an entry that the backends do not support")
def entry_not_in_backend(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, mappings = installation.daemon, installation.mappings
    reasons = {kind: daemon.unsupported_reason(kind) for kind in ("account", "sso")}
    for entry in entries_of(mappings).entries if any(reasons.values()) else ():
        why = reasons.get(entry.listed.principal_kind)
        if why:
            name = f"account {shortened(entry.listed.arn)}" if entry.is_account else entry.name
            what = f"{name}: {why}, so the entry gives no access"
            route = entry.listed.route if entry.is_account else entry.at("sso")
            yield rule.finding(Subject.MAPPINGS, route, what, daemon.with_file, locks_out=entry.is_admin)
    if mappings and daemon.asks_cluster:
        # What shows only when all payloads are created and read again. Other rules report what prevents creating them.
        try:
            _ = installation.payloads
        except NotCarried as error:
            yield replace(rule.finding(Subject.MAPPINGS, ("server",), error.what, error.remedy), place=error.place)
        except ConfigError:
            return


@INSTALLATION.error("IAM091", "backend-unavailable", "a backend that cannot work in this cluster")
def backend_unavailable(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, settings = installation.daemon, entries_of(installation.mappings).settings
    with contextlib.suppress(ConfigError):  # an invalid version has its own finding
        reason = installation.missing_for_backends
        if reason:
            others = ",".join(name for name in daemon.backends if name != CRD.name) or MOUNTED_FILE.name
            remedy = f"choose other backends: {installation.command('settings set backends', others)}"
            yield rule.finding(Subject.SETTINGS, ("backends",), reason[0], remedy)
    for key in API_SERVER_KEYS if daemon.asks_cluster else ():
        if settings.get(key):
            what = f"{key} points the authenticator to an API server for which it has no credentials"
            remedy = "remove it: in the cluster the authenticator uses its service account"
            yield rule.finding(Subject.MAPPINGS, settings.route(key), what, remedy, at=At.KEY, locks_out=True)


@INSTALLATION.warning("IAM092", "unused-reserved-prefix", "reserved prefixes that have no effect")
def unused_reserved_prefix(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """A prefix that takes effect removes access from usernames with it, and the remedy says so."""
    daemon, mappings = installation.loaded.config, installation.mappings
    if daemon is None or mappings is None or not daemon.version.has_key(_RESERVED):
        return
    settings, kinds = entries_of(mappings).settings, {entry.principal_kind for entry in mappings.entries} - {"account"}
    for item, route in _reserved_items(settings):
        name = field_value(item, "backendMode")
        if name not in BACKEND_NAMES:
            continue
        deciding, why = daemon.backends, f"the backends are {', '.join(daemon.backends)}"
        if name in daemon.backends:
            deciding = daemon.backends[: daemon.backends.index(name)]
            if not deciding or not all(any(backend_of(other).carries(kind) for other in deciding) for kind in kinds):
                continue
            why = f"{deciding[0]} has the same entries and is checked first"
        other = next((backend for backend in deciding if daemon.reserves_for(backend_of(backend))), None)
        instead = f", or set its backendMode to {other}, which denies logins with these prefixes" if other else ""
        what = f"the reserved prefixes of {name} have no effect: {why}"
        at_mode = route / field_key(item, "backendMode")
        yield rule.finding(Subject.MAPPINGS, at_mode, what, f"remove the item{instead}")


_FIELDS = set(map(fold, (*LISTS, *ENTRY_KEYS, "permissionSetName", "accountID", "partition")))
"""Of the structs that a dynamic file is decoded into, as `fold` has them."""


@DYNAMIC_FILE.error("IAM129", "duplicate-dynamic-key", "a duplicate key in a dynamic file")
def duplicate_dynamic_key(rule: Rule, file: Document) -> Iterator[Finding]:
    for key, route, first in _same_fields(file.root, Route()):
        line = file.position(first, at_key=True).line
        lost, remedy = "uses the last value", f"keep this one or the one in line {line}, and remove the other"
        if fold(key.text) in map(fold, ENTRY_LISTS):
            lost = "merges both lists: an entry without username or groups gets those of another entry"
            remedy = f"move its entries to the end of the list in line {line}, and remove this key"
        what = f"duplicate key {quoted(key.text)}, already in line {line}: the authenticator {lost}"
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY)


def _same_fields(node: nodes.Node | None, route: Route) -> Iterator[tuple[Key, Route, Route]]:
    """Keys that encoding/json takes for a field that is there already, with their routes and that of the first."""
    for index, item in enumerate(node.items if isinstance(node, nodes.Sequence) else ()):
        yield from _same_fields(item, route / index)
    first: dict[str, Route] = {}
    for entry in node.entries if isinstance(node, nodes.Mapping) else ():
        key = Key(entry.text or "", entry.occurrence)
        name, here = fold(key.text), route / key
        if name in _FIELDS:
            if name in first:
                yield key, here, first[name]
            first.setdefault(name, here)
            yield from _same_fields(entry.value, here)
