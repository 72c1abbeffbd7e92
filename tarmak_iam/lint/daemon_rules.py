"""Rules about the daemon's own settings in a mappings file: backends, partition, prefixes, scrubbed accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tarmak_iam.daemon import kind_of
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.arn import ArnError, is_account, parse_arn
from tarmak_iam.identity.carrying import carries
from tarmak_iam.identity.daemon_config import BACKENDS, DEPRECATED
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.sts import accepts_tokens_of
from tarmak_iam.identity.versions import server_keys
from tarmak_iam.identity.viper import field_key, field_value, texts
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins, way_in
from tarmak_iam.near import did_you_mean
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

__all__ = ["DAEMON_RULES", "DAEMON_VERSION_RULES"]

_MODES = "server.backendMode"
_SCRUBBED = "server.scrubbedAccounts"
_KINDS = ("role", "user", "sso")
_RESERVED = "server.reservedPrefixConfig"


def _backend_spelling(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    settings = entries_of(mappings).settings
    # With the right spelling it would not count either, unless it is what the settings say: see IAM088.
    remedy = f"remove {_MODES}: the settings name the backends"
    named = [(*each, remedy) for each in _items(settings.route(_MODES), settings.get(_MODES))]
    reserved = settings.get(_RESERVED)
    for index, item in enumerate(reserved if isinstance(reserved, list) else []):
        if isinstance(item, Mapping) and (mode := str(field_value(item, "backendMode") or "")):
            remedy = did_you_mean(mode, BACKENDS) or f"write {_any_of(BACKENDS)}"
            named.append((mode, settings.route(_RESERVED) / index / field_key(item, "backendMode"), remedy))
    for name, route, remedy in named:
        if name not in (*BACKENDS, *DEPRECATED):
            what = (
                f"there is no backend {quoted(name)}, and the spelling counts: a daemon "
                "without --backend-mode does not start"
            )
            yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _any_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _items(route: Route, value: Any) -> list[tuple[str, Route]]:
    """The texts of a list, or of one text split at blanks, each with the way to it."""
    single = not isinstance(value, list)
    return [(text, route if single else route / index) for index, text in enumerate(texts(value))]


def _scrubbed(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    entries = entries_of(mappings)
    mapped = {account for entry in entries.entries if (account := _account_of(entry))}
    for account, route in _items(entries.settings.route(_SCRUBBED), entries.settings.get(_SCRUBBED)):
        if not is_account(account):
            continue  # which another rule tells
        what = f"callers of account {account} log in without their ARN and ids: the audit log tells the username alone"
        remedy = "see that the usernames of its entries tell people apart, and then ignore this"
        if account not in mapped:
            what, remedy = f"no entry is of the account {account}, so there is nothing to scrub", "remove it"
        yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def _account_of(entry: Entry) -> str:
    if entry.is_account:
        return entry.listed.arn
    if not entry.listed.arn:
        return entry.listed.sso.partition("/")[0]
    try:
        return parse_arn(entry.listed.arn).account
    except ArnError:
        return ""


def _reserved_prefix(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, tables = installation.mappings, installation.loaded.tables
    # The first backend that has the entry decides, whatever the next one would say.
    first = {kind: next((each for each in tables if carries(each.backend, kind)), None) for kind in _KINDS}
    for entry in entries_of(mappings).mapped if mappings else ():
        table, username = first[kind_of(entry.listed)], entry.listed.username
        reserved = table.reserved_prefixes if table else ()
        prefix = next((each for each in reserved if each and username.startswith(each)), None)
        if prefix is not None:
            what = (
                f"the username {quoted(entry.listed.username)} begins with the reserved "
                f"prefix {quoted(prefix)}: nobody gets it"
            )
            remedy = "choose another username, or take the prefix out of server.reservedPrefixConfig"
            yield rule.finding(Subject.MAPPINGS, entry.at("username"), for_admins(entry, what, installation), remedy)


def _newer_key(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, version = installation.mappings, installation.daemon_version
    settings = entries_of(mappings).settings if mappings else None
    for key in server_keys() if settings else ():
        assert settings
        if settings.get(f"server.{key}") is not None and not version.has(f"config key server.{key}"):
            what = f"authenticator {version} does not know server.{key}, and ignores it"
            yield rule.finding(
                Subject.MAPPINGS, settings.route(f"server.{key}"), what, "choose another image, or remove it", at=At.KEY
            )


def _other_partition(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The manifests name the partition only where it is not `aws`, so the file can change it."""
    daemon, mappings = installation.loaded.config, installation.mappings
    own = installation.partition
    if mappings and daemon and not accepts_tokens_of(own, daemon.partition, daemon.version):
        what = f"the daemon would take tokens of the partition {daemon.partition} only, and the cluster is of {own}"
        route = entries_of(mappings).settings.route("server.partition")
        yield rule.finding(Subject.MAPPINGS, route, f"{what}; {way_in(installation)}", "remove server.partition")


def _overridden_backends(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings = installation.mappings
    settings = entries_of(mappings).settings if mappings else None
    if settings is None or not installation.daemon_version.has("flag server --backend-mode"):
        return
    written = [DEPRECATED.get(mode, mode) for mode in texts(settings.get(_MODES))]
    known = all(mode in BACKENDS for mode in written)
    if settings.get(_MODES) is not None and known and written != list(installation.settings.backends):
        own = ",".join(installation.settings.backends)
        what = f"server.backendMode does not count: the manifests give --backend-mode={own}"
        yield rule.finding(Subject.MAPPINGS, settings.route(_MODES), what, "remove it: the settings name the backends")


DAEMON_RULES = (
    Rule("IAM075", Severity.ERROR, Scope.MAPPINGS, "a backend that there is not", _backend_spelling),
    Rule("IAM076", Severity.WARNING, Scope.MAPPINGS, "a scrubbed account", _scrubbed),
)

DAEMON_VERSION_RULES = (
    Rule("IAM081", Severity.ERROR, Scope.INSTALLATION, "a username with a reserved prefix", _reserved_prefix),
    Rule("IAM086", Severity.WARNING, Scope.INSTALLATION, "a setting that this daemon does not know", _newer_key),
    Rule("IAM087", Severity.ERROR, Scope.INSTALLATION, "a daemon of another partition", _other_partition),
    Rule("IAM088", Severity.WARNING, Scope.INSTALLATION, "backends that do not count", _overridden_backends),
)
