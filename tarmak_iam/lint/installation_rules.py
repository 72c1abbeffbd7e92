"""Rules about a whole installation, and about its files in the wrong place."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from tarmak_iam.aws.arn import PARTITIONS
from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.config.api_server import authenticator_init_route
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.daemon_config import DEFAULT_PORT
from tarmak_iam.identity.releases import NEWEST_READ
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.templates import can_become
from tarmak_iam.installation.backend_payloads import MAX_CONFIGMAP
from tarmak_iam.installation.cluster_files import MisplacedFile
from tarmak_iam.installation.installation import ADD_ADMIN, Installation
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.fix import written
from tarmak_iam.lint.messages import scalar_by_release
from tarmak_iam.lint.rule import INSTALLATION, Implication, Rule
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_REACHED_BY_LOCALHOST = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104  # values of a configuration


_MAP_LIST = re.compile(r"\bmap(Roles|Users|Accounts)\b", re.IGNORECASE)
_Mappings = Mappings | None


def _are_lists_unread(_: Finding, __: Finding, mappings: _Mappings) -> bool:
    """Whether there are entries after the document that the authenticator reads, which could take effect in it."""
    place = mappings.document.next_document if mappings else None
    rest = mappings.document.text.splitlines()[place.line - 1 :] if mappings and place and place.line else []
    return any(_MAP_LIST.search(line) for line in rest)


def _leads(outer: Route, inner: Route) -> bool:
    """Whether `outer` is `inner` or above it; without the occurrences of keys, which rules need not give."""
    return inner.plain[: len(outer)] == outer.plain


def _has_admins(_: Finding, __: Finding, mappings: _Mappings) -> bool:
    return any(entry.is_admin for entry in entries_of(mappings).mapped)


def _is_admin_lost(_: Finding, cause: Finding, mappings: _Mappings) -> bool:
    """An entry has system:masters, but the cause keeps it from taking effect."""
    is_error = cause.subject is Subject.MAPPINGS and cause.severity is Severity.ERROR
    admins = (entry for entry in entries_of(mappings).mapped if entry.is_admin)
    return is_error and any(_leads(entry.listed.route, cause.route) for entry in admins)


def _was_to_be_admin(_: Finding, cause: Finding, __: _Mappings) -> bool:
    """A group was meant to be system:masters."""
    return ADMINS in cause.text and any(fold(to_lower(str(step))) == "groups" for step in cause.route.plain)


def _with_stop(finding: Finding, cause: Finding) -> Finding:
    """One value that never matches is less than an authenticator that does not start: that is a lock-out."""
    if "does not start" in cause.what:
        return cause
    return replace(cause, consequence=finding.what.partition(": ")[0], recovery=finding.recovery)


_LIST_SHAPES = ("split-entry", "mappings-not-a-list")
_KEYS = ("misplaced-mapping-key", "duplicate-mapping-key")
_OF_VALUES = (
    *("invalid-arn", "cluster-id-mismatch", "entry-partition", "unknown-partition", "account-digits"),
    *("account-leading-zero", *_KEYS, "mappings-as-text", "cluster-id-not-text", "sso-unsupported"),
    "describe-instances-role",
)
_OF_GROUPS = (
    *("groups-as-text", "misspelt-group", "whitespace-in-name", "joined-groups", "stray-characters"),
    *("lookalike-letters", "role-as-group", "trailing-punctuation"),
)

_ENTRIES_UNREAD = Implication(("mappings-second-document",), _are_lists_unread)

# Findings that explain why a file with entries has none for the authenticator.
_HIDE_ENTRIES = (
    _ENTRIES_UNREAD,
    # The authenticator does not start, because the value of `server` is not a YAML mapping and so has no entries.
    Implication(
        ("daemon-does-not-start",), lambda _, cause, __: [str(step).lower() for step in cause.route.plain] == ["server"]
    ),
    Implication(("misplaced-mapping-key",), lambda _, cause, __: cause.hides_entries),
    Implication(("mappings-as-text", *_LIST_SHAPES)),
)

# Findings that explain why the authenticator does not start. They are at or below the value that it stops at. A file
# that it cannot read has no such value, and an entry that a dash splits in two is two items of the list.
_STOP_DAEMON = (
    Implication(("duplicate-mapping-key",), lambda finding, _, __: not len(finding.route)),
    Implication(_OF_VALUES, lambda stop, why, _: bool(stop.route) and _leads(stop.route, why.route), adds=_with_stop),
    Implication(_LIST_SHAPES, lambda stop, cause, _: bool(stop.route) and _leads(stop.route.parent, cause.route)),
)

_HIDE_ADMINS = (
    _ENTRIES_UNREAD,
    Implication(("daemon-partition",)),  # once that is fixed, an admin's entry takes effect
    Implication(("unsupported-daemon-region",), _has_admins),
    Implication(
        (*_KEYS, *_LIST_SHAPES), lambda _, __, mappings: mappings is not None and ADMINS in mappings.document.text
    ),
    Implication(_OF_GROUPS, _was_to_be_admin),
    # Another entry may replace an admin's.
    Implication(("duplicate-principal",), _has_admins),
    Implication((), _is_admin_lost),
)


@INSTALLATION.error("IAM020", "cluster-id-mismatch", "clusterID is not the ID of the cluster")
def cluster_id_mismatch(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings = installation.mappings
    if mappings is None or mappings.cluster_id in (None, "", installation.cluster_id):
        return
    if scalar_by_release(mappings.document, mappings.cluster_id_route)[1]:
        return  # a number, which IAM063 reports
    value = mappings.cluster_id
    shown = {list: "a list", dict: "a YAML mapping"}.get(type(value), quoted(value))
    what = f"clusterID is {shown}, but the ID of this cluster is {quoted(installation.cluster_id)}"
    what += ": the authenticator rejects every token"
    remedy, route = f"set clusterID: {installation.cluster_id}", mappings.cluster_id_route
    fix = written(route, installation.cluster_id, f"{remedy}, so that tokens for this cluster are accepted")
    yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=True, fix=fix)


@INSTALLATION.warning(
    "IAM021", "no-mappings", "IAM login is enabled, but no principal is mapped", implied_by=_HIDE_ENTRIES
)
def no_mappings(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """IAM login without mappings: the API server asks an authenticator that does not run, or denies every caller."""
    entries = installation.mappings.entries if installation.mappings else ()
    if not entries and installation.cluster.authenticator_init and not installation.is_hub:
        what = f"awsIAMAuthenticatorInit is on for {installation.cluster_id}, but no principal is mapped"
        remedy = f"map an admin role: {installation.command(ADD_ADMIN)}"
        unread = next((file for file in installation.misplaced_files if file.name == MAPPINGS_NAME), None)
        if unread is not None:
            remedy = f"move {unread.path} to where it is read [IAM098], or {remedy}"
        yield rule.finding(Subject.CONFIG, authenticator_init_route(installation.cluster), what, remedy, locks_out=True)


@INSTALLATION.error("IAM022", "daemon-does-not-start", "the authenticator does not start", implied_by=_STOP_DAEMON)
def daemon_does_not_start(rule: Rule, installation: Installation) -> Iterator[Finding]:
    failure = installation.loaded.failure if installation.mappings else None
    if failure is not None:
        what = f"authenticator {installation.daemon_version} does not start: {failure.reason}"
        route = failure.route or Route()
        for entry in entries_of(installation.mappings).mapped:  # the ARN, where the authenticator rejects it
            if entry.listed.route == failure.route and quoted(entry.listed.arn) in failure.reason:
                route = entry.at_arn
        remedy = failure.remedy or "fix it before you apply the mappings"
        finding = rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=True)
        yield replace(finding, place=failure.place if failure.route is None else None)


@INSTALLATION.error("IAM023", "entry-partition", "an entry in another partition")
def entry_partition(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """A token is a request to STS in the caller's partition; the authenticator accepts only its own partition."""
    mappings, version, home = installation.mappings, installation.daemon_version, installation.partition
    refused = {name for name in PARTITIONS if name != home and not accepts_tokens_of(name, home, version)}
    for entry in entries_of(mappings).mapped:
        arn = entry.listed.arn
        partition = arn.split(":", 2)[1] if arn.count(":") >= 5 else home
        if partition in refused:
            what = f"{shortened(arn)} is in partition {partition}, but the cluster is in partition {home}"
            meant = arn.replace(f"arn:{partition}:", f"arn:{home}:", 1)
            remedy = f"did you mean {shortened(meant)}? If not, remove the entry: no caller can log in with it"
            what += ": it never matches"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedy, locks_out=entry.is_admin)


@INSTALLATION.error("IAM085", "configmap-size", "the mappings do not fit into a ConfigMap")
def configmap_size(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The largest ConfigMap that the mappings become; the file where it is the ConfigMap's content, or where no
    payloads can be generated from it."""
    mappings, size = installation.mappings, 0
    if mappings is not None:
        size = len(mappings.document.text.replace("\r\n", "\n").encode())
        size += 0 if mappings.cluster_id else len(f"clusterID: {installation.cluster_id}\n")
    if installation.daemon.asks_cluster:
        with contextlib.suppress(ConfigError):
            size = installation.payloads.largest
    if size > MAX_CONFIGMAP:
        what = f"the mappings are {size:,} bytes, but a ConfigMap holds at most {MAX_CONFIGMAP:,}"
        remedy = "map the roles that people assume, not each person"
        yield rule.finding(Subject.MAPPINGS, Route(), what, remedy, locks_out=True)


@INSTALLATION.error("IAM093", "daemon-address", "the authenticator listens where the API server does not call it")
def daemon_address(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """Tarmak's init unit passes no configuration and no flags to `init`: the API server calls the default address."""
    mappings = installation.mappings
    if mappings is None or not installation.cluster.authenticator_init or installation.loaded.failure is not None:
        return
    server, settings = installation.server, entries_of(mappings).settings
    webhook = installation.command("webhook --output-dir DIR")
    remedy = f"remove the key, or create your own webhook file ({webhook}) and set awsIAMAuthenticatorInit to false"
    called = f"Tarmak configures the API server to call localhost:{DEFAULT_PORT}"
    if server.port != DEFAULT_PORT:
        what = f"the authenticator listens on port {server.port}, but {called}"
        yield rule.finding(Subject.MAPPINGS, settings.route("server.port"), what, remedy, locks_out=True)
    if server.address not in _REACHED_BY_LOCALHOST:
        what = f"the authenticator listens on {server.address}, but {called}"
        yield rule.finding(Subject.MAPPINGS, settings.route("server.address"), what, remedy, locks_out=True)


@INSTALLATION.warning(
    "IAM024", "unknown-daemon-release", "a release of the authenticator that tarmak-iam does not know"
)
def unknown_daemon_release(rule: Rule, installation: Installation) -> Iterator[Finding]:
    version = installation.daemon_version
    if version.unread:
        what = f"authenticator {version} {version.unread}: tarmak-iam assumes that it behaves like {version.known}"
        remedy = "check its release notes and then suppress this finding"
        if version < NEWEST_READ:  # an older release has flaws that this one may not have
            remedy = f"use {NEWEST_READ}, or {remedy}"
        chosen = installation.settings.chosen
        key = "daemonVersion" if "daemonVersion" in chosen else "image"  # the default is known
        yield rule.finding(Subject.SETTINGS, Route.of((key,)), what, remedy)


@INSTALLATION.warning("IAM084", "no-admin", "no mapping to system:masters", implied_by=_HIDE_ADMINS)
def no_admin(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """No finding where no principal is mapped (IAM021), or where the authenticator does not start (IAM022)."""
    mappings, daemon = installation.mappings, installation.loaded
    if mappings is None or daemon.config is None or not mappings.entries:
        return
    # Whether a group is, or can become by a session name, system:masters. Many entries have the same groups.
    may_be = lru_cache(maxsize=1024)(lambda group: can_become(group, ADMINS))
    for grant in daemon.grants:
        if grant.is_sure and not any(map(may_be, grant.groups)):
            continue
        for possible in (grant,) if grant.is_sure else (grant, *daemon.alternatives(grant)):
            is_session = ":user/" not in possible.principal  # users have no session name
            if any(group == ADMINS or (is_session and may_be(group)) for group in possible.groups):
                return
    settings = entries_of(mappings).settings
    keys = [key for key in ("server.mapRoles", "server.mapUsers", "server.mapAccounts") if settings.get(key)]
    what = f"no mapping grants {ADMINS}: no admin can log in with IAM"
    remedy = f"map an admin role: {installation.command(ADD_ADMIN)}"
    route = settings.route(keys[0] if keys else "server")
    yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY, locks_out=True)


_KINDS = {Subject.MAPPINGS: "mappings", Subject.SETTINGS: "settings"}


def misplaced_findings(files: Iterable[MisplacedFile], cluster_id: str) -> list[Finding]:
    """The findings about the misplaced files of a cluster, independent of its other files."""
    return [_finding(misplaced_file, file, cluster_id) for file in files]


@INSTALLATION.warning("IAM098", "misplaced-file", "a mappings or settings file that is not read")
def misplaced_file(rule: Rule, installation: Installation) -> Iterator[Finding]:
    for file in installation.misplaced_files:
        yield _finding(rule, file, installation.cluster_id)


def _finding(rule: Rule, file: MisplacedFile, cluster_id: str) -> Finding:
    """With the same text for all clusters that the file may belong to, so that it is reported once."""
    kind, places = _KINDS[Subject(file.name)], file.read_from
    if not places:
        what = f"these {kind} have no effect: {shortened(cluster_id)} is a hub, which has no API server"
        remedy = "move the file to the directory of the cluster that it is for, or remove it"
    elif len(places) > 1:
        what = f"this file is not read: the {kind} of a cluster are read from {file.name} in its own directory"
        remedy = f"move it to the directory of its cluster: {' or '.join(map(str, places))}"
    else:
        what = f"this file is not read: the {kind} of the cluster are read from {places[0]}"
        remedy = "move what should take effect into that file, and remove this one"
    if len(places) == 1 and not places[0].exists():
        target = places[0]
        move = shlex.join(("mv", str(file.path), str(target)))
        if not target.parent.is_dir():
            move = f"{shlex.join(('mkdir', '-p', str(target.parent)))} && {move}"
        remedy = f"if it belongs to {cluster_id}, move it: {move}" if file.is_guess else f"move it: {move}"
    return replace(rule.finding(Subject(file.name), Route(), what, remedy), place=Place(str(file.path)))
