"""Rules about AWS principals: ARNs, accounts, SSO entries, and the role that describes instances."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from tarmak_iam.aws.arn import (
    PARTITIONS,
    SSO_ROLE_PREFIX,
    ArnError,
    Principal,
    canonicalize,
    is_account,
    is_role_name,
    parse_arn,
    permission_set_like,
)
from tarmak_iam.aws.arn_flaws import (
    ArnFlaw,
    FlawKind,
    account_remedy,
    account_shape,
    arn_flaw,
    canonical_text,
    sound_kind,
)
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.daemon_config import DESCRIBING_BURST, DESCRIBING_ROLE
from tarmak_iam.identity.model import IdentityMapping as Role
from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature
from tarmak_iam.identity.templates import PRIVATE_DNS
from tarmak_iam.identity.viper import as_text, as_texts
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix, removed, written
from tarmak_iam.lint.messages import EXITS, node_at
from tarmak_iam.lint.rule import INSTALLATION, MAPPINGS, Rule
from tarmak_iam.lint.shape_rules import is_list_text, is_reported_elsewhere
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_KINDS = {
    "IAM010": (
        *(FlawKind.NO_ARN, FlawKind.NO_PRINCIPAL, FlawKind.BLANK, FlawKind.NAMELESS),
        *(FlawKind.SHAPE, FlawKind.LETTERS),
    ),
    "IAM050": (FlawKind.PATH,),
    "IAM051": (FlawKind.WILDCARD,),
    "IAM052": (FlawKind.PARTITION,),
    "IAM053": (FlawKind.ACCOUNT,),
    "IAM055": (FlawKind.ASSUMED_ROLE,),
    "IAM120": (FlawKind.SSO_NAME,),
    "IAM121": (FlawKind.SERVICE_LINKED,),
}
"""The flaws of an ARN that each rule is about."""


def _flawed(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry, flaw in entries_of(mappings).flawed:
        if flaw.kind in _KINDS[rule.id]:
            likely = _with_partition_of_others(mappings, entry, flaw)
            if not likely and flaw.kind is FlawKind.BLANK:
                likely = flaw.likely_arn or ""
            remedy = f"write {shortened(likely)}" if likely else flaw.remedy
            remedy, locks_out = _joining_remedy(mappings, entry, flaw) or remedy, entry.is_admin
            fix = partial(_with_likely_arn, mappings, entry, flaw) if rule.id in _WITH_FIX else None
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, flaw.what, remedy, locks_out=locks_out, fix=fix)


_WITH_FIX = ("IAM010", "IAM050", "IAM052", "IAM053", "IAM055")


def _with_likely_arn(mappings: Mappings, entry: WrittenEntry, flaw: ArnFlaw) -> Fix | None:
    """The ARN that was meant, if it is known and not mapped yet. It then matches more callers than before."""
    arn = _with_partition_of_others(mappings, entry, flaw) or flaw.likely_arn
    if arn is None or flaw.kind is FlawKind.LETTERS or _joining_remedy(mappings, entry, flaw):
        return None
    again = arn_flaw(arn)
    if again is not None and again.kind is not FlawKind.SSO_NAME:
        return None
    more = ", which matches every role of that name in the account" if flaw.kind is FlawKind.PATH else ""
    is_safe = flaw.kind is FlawKind.ASSUMED_ROLE
    return written(entry.at_arn, arn, f"write {shortened(arn)}{more}", is_safe=is_safe)


def _with_partition_of_others(mappings: Mappings, entry: WrittenEntry, flaw: ArnFlaw) -> str:
    """The ARN in the partition that all other entries are in, if its own is unknown; else empty."""
    if flaw.kind is not FlawKind.PARTITION:
        return ""
    sound = (other.listed.arn for other in entries_of(mappings).mapped if other.listed.arn and other.flaw is None)
    partitions = {parse_arn(to_lower(arn)).partition for arn in sound}
    arn = parse_arn(to_lower(entry.listed.arn)[:4] + entry.listed.arn[4:])._replace(partition="".join(partitions))
    return str(arn) if len(partitions) == 1 and arn_flaw(str(arn)) is None else ""


def _joining_remedy(mappings: Mappings, entry: WrittenEntry, flaw: ArnFlaw) -> str:
    """The remedy where another entry maps the ARN that was meant, so a correction would map it twice; else empty."""
    if flaw.likely_arn is None or flaw.kind is FlawKind.LETTERS:
        return ""
    key = canonical_text(flaw.likely_arn)
    candidates = entries_of(mappings).by_arn.get(key, [])
    here = next((number for number, other in candidates if other is entry), -1)
    for number, other in candidates:
        # Of two with a flaw the later one joins the other.
        arn = other.flaw.likely_arn if other.flaw is not None and number < here else other.listed.arn
        if other is not entry and arn and canonical_text(arn) == key:
            already = f"already mapped in line {mappings.document.position(other.listed.route).line}"
            return f"{shortened(flaw.likely_arn)} is {already}: add the groups there, and remove this entry"
    return ""


@MAPPINGS.error("IAM010", "invalid-arn", "an ARN that is invalid, or that no caller has")
def invalid_arn(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """ARNs with a flaw that has no separate rule, and entries without a principal."""
    yield from _flawed(rule, mappings)
    for entry in entries_of(mappings).mapped:
        key = entry.arn_key
        if not (entry.listed.arn or entry.value("sso") is not None or is_reported_elsewhere(mappings, entry, key)):
            what = f"the entry has no {key}, so it never matches, and authenticator v0.5.0 and later does not start"
            remedy = f"add {key}, or remove the entry"
            yield rule.finding(Subject.MAPPINGS, entry.at(key), what, remedy, locks_out=entry.is_admin)


role_path = MAPPINGS.error("IAM050", "role-path", "a role ARN with its path")(_flawed)
arn_wildcard = MAPPINGS.error("IAM051", "arn-wildcard", "a wildcard in an ARN")(_flawed)
unknown_partition = MAPPINGS.error("IAM052", "unknown-partition", "an ARN with an unknown partition")(_flawed)
assumed_role_arn = MAPPINGS.error("IAM055", "assumed-role-arn", "the ARN of one session of a role")(_flawed)
service_linked_role = MAPPINGS.error("IAM121", "service-linked-role", "a service-linked role")(_flawed)


def principal_text(principal: Principal) -> str:
    """The kind of a principal, as messages call it."""
    return "root user" if principal is Principal.ROOT else str(principal)


@MAPPINGS.warning("IAM056", "root-or-federated-user", "a root or federated user")
def root_or_federated_user(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        arn = entry.listed.arn
        if not arn or sound_kind(arn) is not None or entry.flaw is not None:
            continue  # roles and users are the sound ones
        if entry.principal is Principal.ROOT:
            what = "is the root user, which should have no access keys (here :root does not mean the whole account)"
            remedy = "map a role instead, and let people assume it"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, f"{shortened(arn)} {what}", remedy)
        elif entry.principal is Principal.FEDERATED_USER:
            what = f"{shortened(arn)} is a federated user: the caller of GetFederationToken chooses that name"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, "map the role that people assume instead")


class _Account(NamedTuple):
    """An account that is not part of an ARN: in mapAccounts, in scrubbedAccounts or below `sso`. `text` is what the
    authenticator reads. `meant`: the account in the file, where YAML reads its 12 digits as another number
    (`is_misread`), or the one that a number with 11 digits probably means; any one of 11 digits in quotes may be
    missing. `shares_text`: whether it is one of several in one string."""

    text: str
    route: Route
    where: str
    consequence: str
    ends_daemon: bool
    meant: str
    is_misread: bool
    shares_text: bool


def _accounts(mappings: Mappings) -> Iterator[_Account]:
    """Releases with SSO entries check their accounts, and the other releases from v0.5.0 on reject the entries
    (startup.json of the recordings)."""
    entries, places = entries_of(mappings), list[tuple[str, Route, str]]()
    value, counts = entries.settings.get("server.mapAccounts"), Counter[Route]()
    if not (isinstance(value, str) and is_list_text("mapAccounts", value)):  # another finding (IAM060)
        listed = [entry.listed for entry in entries.entries if entry.is_account]
        places += [(account.arn, account.route, "the account") for account in listed]
        counts.update(account.route for account in listed)
    for entry in entries.with_sso:
        account, route = entry.in_sso("accountID")
        if account is not None:
            places.append((entry.listed.sso.partition("/")[0], route, "sso.accountID"))
    scrubbed, route = entries.settings.get("server.scrubbedAccounts"), entries.settings.route("server.scrubbedAccounts")
    for index, text in enumerate(as_texts(scrubbed)):
        places.append((text, route / index if isinstance(scrubbed, list) else route, "the scrubbed account"))
    for text, route, where in places:
        node, ends_daemon = node_at(mappings.document, route), where == "sso.accountID"
        digits = node.text if isinstance(node, Scalar) and node.style == "plain" and node.tag is None else ""
        bare = digits.replace("_", "")
        is_misread = is_account(bare) and not is_account(text)
        lost_zero = f"0{digits}" if len(digits) == 11 and is_account(f"0{digits}") and digits == text else ""
        effect, meant = f"so {EXITS}" if ends_daemon else "so it never matches", bare if is_misread else lost_zero
        shares_text = where == "the account" and counts[route] > 1
        yield _Account(text, route, where, effect, ends_daemon, meant, is_misread, shares_text)


@MAPPINGS.error("IAM053", "account-digits", "an account that does not have 12 digits")
def account_digits(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    yield from _flawed(rule, mappings)
    for account in _accounts(mappings):
        if is_account(account.text) or account.meant:
            continue
        what = f"{account.where} {quoted(account.text)} {account_shape(account.text)}, {account.consequence}"
        parts = [part for part in re.split(r"[,\s]+", account.text) if part]
        bare = re.sub(r"[\s.-]", "", account.text)
        remedy = f'write "{bare}"' if is_account(bare) else account_remedy(account.text)
        if account.shares_text:
            remedy = "write the accounts as a list, each with its 12 digits in quotes"
        elif len(parts) > 1 and all(map(is_account, parts)):
            listed = ", ".join(f'"{part}"' for part in parts)
            remedy = f"write a list: [{listed}]"
        node = node_at(mappings.document, account.route)
        text = node.text if isinstance(node, Scalar) else ""
        bare = re.sub(r"[\s.-]", "", text)
        fix = written(account.route, bare) if bare != text and is_account(bare) else None
        yield rule.finding(Subject.MAPPINGS, account.route, what, remedy, locks_out=account.ends_daemon, fix=fix)


@MAPPINGS.error("IAM054", "account-leading-zero", "an account that lost its leading zero")
def account_leading_zero(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for account in (account for account in _accounts(mappings) if account.meant):
        detail = "it probably lost its leading zero when it was handled as a number"
        what = f"{account.where} {quoted(account.text)} has 11 digits, {account.consequence}"
        remedy, fix = f'{account_remedy(account.text)}; if it begins with a zero, write "{account.meant}"', None
        if account.is_misread:
            text = getattr(node_at(mappings.document, account.route), "text", "")
            what = f"{account.where} {shortened(text)} is read as the number {shortened(account.text)}"
            what, remedy, detail = f"{what}, {account.consequence}", f'put it in quotes: "{account.meant}"', ""
            fix = written(account.route, account.meant, f'put the account in quotes: "{account.meant}"')
        locks_out = account.ends_daemon
        finding = rule.finding(Subject.MAPPINGS, account.route, what, remedy, locks_out=locks_out, fix=fix)
        yield replace(finding, detail=detail)


@MAPPINGS.error("IAM077", "sso-partition", "an SSO entry with a partition")
def sso_partition(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped_sso:
        partition, route = entry.in_sso("partition")
        if partition:
            what = "an SSO entry with a partition never matches, even with aws"
            why = "the authenticator then builds a pattern without any partition"
            role, remedy = entry.listed.sso_role, "remove the partition"
            # Without the partition the entry is for `aws`; one for another partition must be an ARN.
            fix = removed(route, "remove the partition: the entry is then for aws") if role is not None else None
            if role is not None and role.partition != "aws" and role.partition in PARTITIONS:
                fix, name = None, shortened(f"{SSO_ROLE_PREFIX}{permission_set_like(role.permission_set)}")
                remedy = f"map the role {name}_... of {role.partition} by its ARN: SSO entries work in aws only"
            what, locks_out = f"{what}: {why}", entry.is_admin
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=locks_out, fix=fix)


@MAPPINGS.error("IAM120", "sso-role-name", "an incomplete name of an SSO role")
def sso_role_name(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """An incomplete role name in an ARN, and a role name instead of the name of its permission set."""
    yield from _flawed(rule, mappings)
    for entry in entries_of(mappings).mapped_sso:
        permission_set, route = entry.in_sso("permissionSetName")
        name = str(permission_set or "")
        if is_role_name(name):
            what = f"{quoted(name)} is the name of a role, not of a permission set: the entry never matches"
            bare = permission_set_like(name)
            remedy = f'write "{shortened(bare)}"' if bare else "write the name of the permission set"
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=entry.is_admin)


@INSTALLATION.error("IAM082", "sso-unsupported", "an SSO entry that is ignored or not supported")
def sso_unsupported(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, version = installation.mappings, installation.daemon_version
    matches = version.has(ReleaseFeature.SSO_IN_MOUNTED_FILE)
    if matches and installation.settings.featureGates.get(SSO_GATE):
        return
    for entry in entries_of(mappings).mapped_sso:
        if matches and entry.listed.arn:  # with both the authenticator does not start
            continue
        if matches:
            what = f"the SSO entry is ignored: the feature gate {SSO_GATE} is off"
            remedy = f"enable it: {installation.daemon.with_sso}"
        else:
            what = f"authenticator {version} does not support SSO entries (v0.6.0, v0.6.1, v0.6.30 and later do)"
            remedy = "use a newer image, or map the role AWSReservedSSO_... by its ARN without the path"
        yield rule.finding(Subject.MAPPINGS, entry.at("sso"), what, remedy, locks_out=entry.is_admin)


@INSTALLATION.error("IAM083", "sso-overlap", "two entries that match the same SSO role")
def sso_overlap(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """If a caller matches two entries, the authenticator uses one at random. No finding where both have the same
    username and groups."""
    config, mappings = installation.loaded.config, installation.mappings
    if config is None or mappings is None or SSO_GATE not in config.gates:
        return
    routes = {entry.listed.route: entry.at("sso") for entry in entries_of(mappings).mapped}
    named = sorted(((name, role) for role in config.roles if (name := _name(role))), key=lambda pair: pair[0])
    names = [name for name, _ in named]
    for role in config.roles:
        start, permission_set = (_name(role), role.sso.permission_set) if role.sso else ("", "")
        for name, other in named[bisect_left(names, start) : bisect_left(names, f"{start}\U0010ffff")] if start else ():
            if name == start or (role.username, role.groups) == (other.username, other.groups):
                continue
            line = mappings.document.position(other.route).line
            matched = f"permission set {shortened(other.sso.permission_set)}" if other.sso else shortened(other.arn)
            what = f"permission set {shortened(permission_set)} also matches {matched} in line {line}"
            effect = "the authenticator uses one of the two entries at random"
            remedy = "give both the same username and groups, or rename one of the permission sets"
            yield rule.finding(Subject.MAPPINGS, routes[role.route], f"{what}: {effect}", remedy)


def _name(role: Role) -> str:
    """What the authenticator compares with the caller, in lower case: the start of the ARN for an SSO entry, the whole
    ARN for others; empty where an entry never matches."""
    if role.sso is None:
        return to_lower(role.arn)
    account, permission_set = role.sso.account, role.sso.permission_set
    # With an explicit partition, the authenticator's pattern has none.
    return "" if role.sso.partition else to_lower(f"arn:aws:iam::{account}:role/awsreservedsso_{permission_set}_")


_FLAWS = {
    FlawKind.BLANK: "it contains whitespace or control characters",
    FlawKind.WILDCARD: "it contains a wildcard, but STS assumes one role",
    FlawKind.ACCOUNT: "an account must have 12 digits",
    FlawKind.ASSUMED_ROLE: "it is a session of a role",
    FlawKind.NAMELESS: "it does not name a role",
    FlawKind.SHAPE: "no role has such an ARN",
    FlawKind.LETTERS: "it contains letters that are not ASCII",
}


@INSTALLATION.error("IAM109", "describe-instances-role", "a role that cannot describe instances")
def describe_instances_role(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The authenticator passes it unchanged to STS's AssumeRole, so the path of the role is required. In v0.5.0 and
    later the authenticator exits where the string is not an ARN (pkg/server/server.go of aws-iam-authenticator)."""
    settings, version = entries_of(installation.mappings).settings, installation.daemon_version
    value, ends_daemon, what = settings.get(DESCRIBING_ROLE), False, ""
    if isinstance(value, (list, dict)):
        what = f"is a {'list' if isinstance(value, list) else 'YAML mapping'}, which the authenticator ignores"
    elif (text := "" if value is None else as_text(value)) and (reason := _flaw(text, installation)):
        what = f"is {quoted(text)}, not the ARN of a role: {reason}"
        ends_daemon = version.has(ReleaseFeature.DESCRIBING_ROLE_PARSED)
        with contextlib.suppress(ArnError):
            parse_arn(text)
            ends_daemon = False
        what += f"; authenticator {version} does not start" if ends_daemon else ""
    if what:
        remedy = f"write the ARN of a role, such as arn:{installation.partition}:iam::111122223333:role/NAME"
        remedy += ", or remove the key: Tarmak's masters may describe instances themselves"
        route = settings.route(DESCRIBING_ROLE)
        yield rule.finding(Subject.MAPPINGS, route, f"{DESCRIBING_ROLE} {what}", remedy, locks_out=ends_daemon)


def _flaw(text: str, installation: Installation) -> str | None:
    """Why STS cannot assume it; None where it can."""
    if text != text.strip():
        return _FLAWS[FlawKind.BLANK]
    try:
        arn = parse_arn(text)
        principal, _ = canonicalize(text)
    except ArnError as error:
        return str(error)
    flaw = arn_flaw(str(arn.without_path) if principal is Principal.ROLE else text)
    if flaw is not None:
        return _FLAWS.get(flaw.kind, flaw.what)
    if principal is not Principal.ROLE:
        return f"it is a {principal_text(principal)}"
    if installation.region and arn.partition != installation.partition:
        return f"it is in partition {arn.partition}, but the cluster is in partition {installation.partition}"
    return None


@INSTALLATION.error("IAM130", "describe-instances-burst", "a burst with which the authenticator crashes")
def describe_instances_burst(rule: Rule, installation: Installation) -> Iterator[Finding]:
    daemon, entries = installation.loaded.config, entries_of(installation.mappings)
    if daemon is not None and daemon.ec2_crash and entries.with_part((PRIVATE_DNS,)):
        what = f"{daemon.ec2_crash}, and it does for entries with {PRIVATE_DNS}"
        remedy = "remove the key: the default is 5"
        yield rule.finding(Subject.MAPPINGS, entries.settings.route(DESCRIBING_BURST), what, remedy, locks_out=True)
