"""Rules about SSO entries, which match by a pattern: AWSReservedSSO_<permission set>_<suffix>."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.arn import PARTITIONS
from tarmak_iam.identity.aws_roles import SSO_ROLE_PREFIX, is_role_name, permission_set_like
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.model import Mapping as Role
from tarmak_iam.identity.reach import Flaw
from tarmak_iam.identity.viper import field_key, field_value
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins
from tarmak_iam.text import quoted, shortened

__all__ = ["SSO_RULES", "SSO_VERSION_RULES"]

_GATE = "SSORoleMatch"


def _partition(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        sso = entry.value("sso")
        if isinstance(sso, Mapping) and field_value(sso, "partition"):
            route = entry.at("sso") / field_key(sso, "partition")
            what = (
                "an SSO entry with a partition never matches, even with aws: the daemon leaves its pattern without one"
            )
            role = entry.listed.sso_role
            remedy = "remove the partition"
            if role is not None and role.partition != "aws" and role.partition in PARTITIONS:
                name = f"{SSO_ROLE_PREFIX}{permission_set_like(role.permission_set)}"
                remedy = (
                    f"map the role {shortened(name)}_... of {role.partition} by its ARN: SSO entries are for aws only"
                )
            yield rule.finding(Subject.MAPPINGS, route, for_admins(entry, what), remedy)


def _role_name(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The name of a role that is not whole, and one in the place of its permission set's."""
    for entry in entries_of(mappings).mapped:
        found, sso = entry.flaw if entry.listed.arn else None, entry.value("sso")
        if found is not None and found.flaw is Flaw.SSO_NAME:
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, for_admins(entry, found.what), found.remedy)
        name = str(field_value(sso, "permissionSetName") or "") if isinstance(sso, Mapping) else ""
        if is_role_name(name):
            route = entry.at("sso") / field_key(sso, "permissionSetName")
            what = f"{quoted(name)} is the name of a role, not of a permission set: the entry would never match"
            bare = permission_set_like(name)
            remedy = f'write "{shortened(bare)}"' if bare else "write the name of the permission set"
            yield rule.finding(Subject.MAPPINGS, route, for_admins(entry, what), remedy)


def _gate_is_off(rule: Rule, installation: Installation) -> Iterator[Finding]:
    mappings, version = installation.mappings, installation.daemon_version
    matches = version.has("sso: MountedFile backend matches by pattern")
    if matches and installation.settings.featureGates.get(_GATE):
        return
    for entry in entries_of(mappings).mapped if mappings else ():
        if entry.value("sso") is None or (matches and entry.listed.arn):  # with both the daemon does not start
            continue
        if matches:
            what = f"the SSO entry is ignored: the feature gate {_GATE} is off"
            remedy = installation.daemon.with_sso
        else:
            what = f"authenticator {version} has no SSO entries (v0.6.0, v0.6.1, v0.6.30 and later have)"
            remedy = "choose a newer image, or map the role AWSReservedSSO_... by its ARN without path"
        yield rule.finding(Subject.MAPPINGS, entry.at("sso"), for_admins(entry, what, installation), remedy)


def _overlap(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """Where a caller fits two entries the daemon takes one at random; the same gift twice does no harm."""
    config, mappings = installation.loaded.config, installation.mappings
    if config is None or mappings is None or _GATE not in config.gates:
        return
    routes = {entry.listed.route: entry.at("sso") for entry in entries_of(mappings).mapped}
    named = sorted(((name, role) for role in config.roles if (name := _name(role))), key=lambda each: each[0])
    names = [name for name, _ in named]
    for role in config.roles:
        start = _name(role) if role.sso else ""
        if not start:
            continue
        for name, other in named[bisect_left(names, start) : bisect_left(names, f"{start}\U0010ffff")]:
            if name != start and _gift(role) != _gift(other):
                yield rule.finding(Subject.MAPPINGS, routes[role.route], *_told(mappings, role, other))


def _name(role: Role) -> str:
    """By what a role entry is compared: the begin of a name for SSO, all of it for an ARN; empty for neither."""
    if role.sso is None:
        return to_lower(role.arn)
    account, permission_set = role.sso.account, role.sso.permission_set
    # An explicit partition leaves the daemon's pattern without one.
    return "" if role.sso.partition else to_lower(f"arn:aws:iam::{account}:role/awsreservedsso_{permission_set}_")


def _gift(role: Role) -> tuple[str, tuple[str, ...]]:
    return role.username, role.groups


def _told(mappings: Mappings, role: Role, other: Role) -> tuple[str, str]:
    assert role.sso
    line = mappings.document.position(other.route).line
    theirs = f"permission set {shortened(other.sso.permission_set)}" if other.sso else shortened(other.arn)
    what = f"permission set {shortened(role.sso.permission_set)} also fits {theirs} in line {line}"
    remedy = "give both the same username and groups, or rename one of the permission sets"
    return f"{what}: the daemon takes one of them at random", remedy


SSO_RULES = (
    Rule("IAM077", Severity.ERROR, Scope.MAPPINGS, "an SSO entry with a partition", _partition),
    Rule("IAM120", Severity.ERROR, Scope.MAPPINGS, "the name of an SSO role that is not whole", _role_name),
)

SSO_VERSION_RULES = (
    Rule("IAM082", Severity.ERROR, Scope.INSTALLATION, "an SSO entry that does not count", _gate_is_off),
    Rule("IAM083", Severity.ERROR, Scope.INSTALLATION, "two entries for one SSO role", _overlap),
)
