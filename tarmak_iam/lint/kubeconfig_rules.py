"""Rules about the kubeconfig that the settings make: whether anybody could log in with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tarmak_iam.exec_plugin import exec_problems
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.arn import Arn, ArnError, parse_arn
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Answer
from tarmak_iam.identity.reach import canonical_text
from tarmak_iam.identity.sts_hosts import Verifier, host_refusal, sts_host
from tarmak_iam.identity.versions import DEFAULT_RELEASE
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.routes import Route

__all__ = ["KUBECONFIG_RULES"]


def _about(setting: str) -> Callable[[Rule, Installation], Iterator[Finding]]:
    """The check for the problem that one setting makes."""

    def check(rule: Rule, installation: Installation) -> Iterator[Finding]:
        for at_fault, problem in () if installation.is_hub else exec_problems(installation):
            if at_fault == setting:
                remedy = _remedy(setting, installation) or problem.remedy
                yield rule.finding(Subject.SETTINGS, Route.of((setting,)), problem.what, remedy)

    return check


def _remedy(setting: str, installation: Installation) -> str:
    """What to type about it; empty where only another release helps that is not known here."""
    if setting == "kubectlVersion":
        return f"use kubectl 1.11 or later: {installation.command('settings unset kubectlVersion')}"
    if setting == "role":
        own, other = installation.command("settings set role ARN"), installation.command("settings unset role")
        return f"set a role of the partition {installation.partition}: {own}, or none: {other}"
    region, known = installation.region, DEFAULT_RELEASE
    if host_refusal(sts_host(region), Verifier(known, installation.partition, region)) is not None:
        return ""
    remedy = f"set an image of {known} or another release that knows {region}"
    if installation.settings.daemonVersion is None:
        return remedy
    return f"{remedy}, and take daemonVersion out: {installation.command('settings unset daemonVersion')}"


def _unmapped_role(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """What `kubeconfig` warns of too. IAMIdentityMapping objects can be made by others, so that with the backend CRD
    the mappings file does not say who is mapped."""
    role, mappings = installation.settings.role, installation.mappings
    if role is None or mappings is None or installation.is_hub or "CRD" in installation.daemon.backends:
        return
    answer = installation.loaded.whois(identity_of(role))
    if not answer.started or answer.authenticated or _is_reported(installation, parse_arn(role), answer):
        return
    what = f"nobody can log in with the kubeconfig, whose role is {role}: {answer.reason}"
    own, remedy = parse_arn(role).without_path, f"set another role: {installation.command('settings set role ARN')}"
    if all(canonical_text(each.listed.arn) != canonical_text(str(own)) for each in entries_of(mappings).mapped):
        add = installation.command(f"map add {own} --username NAME --group GROUP")
        remedy = f"map the role: {add}, or {remedy}"
    yield rule.finding(Subject.SETTINGS, Route.of(("role",)), what, remedy)


def _is_reported(installation: Installation, role: Arn, answer: Answer) -> bool:
    """Whether the cause is an error of another rule: of the cluster's id, of a partition, or of what is written for the
    role."""
    mappings, own = installation.mappings, installation.cluster_id
    if mappings is None or mappings.cluster_id not in (None, "", own):
        return True
    daemon = installation.loaded.config
    if installation.region and role.partition != installation.partition:
        return True
    if daemon is not None and daemon.partition != installation.partition:
        return True
    if answer.route is None:
        return False
    entry = next((each for each in entries_of(mappings).mapped if each.listed.route == answer.route), None)
    return entry is None or _is_flawed(entry, role, installation)


def _is_flawed(entry: Entry, role: Arn, installation: Installation) -> bool:
    """An account that does not count is flawed too; a role without a flaw is another one, or is for instances."""
    if entry.listed.sso and not entry.listed.arn:
        return entry.listed.sso.partition("/")[0] == role.account
    if entry.flaw is not None:
        return True
    if any(
        entry.listed.username.startswith(each)
        for table in installation.loaded.tables
        for each in table.reserved_prefixes
    ):
        return True
    try:
        return parse_arn(entry.listed.arn).partition != role.partition
    except ArnError:
        return True


KUBECONFIG_RULES = (
    Rule("IAM105", Severity.ERROR, Scope.INSTALLATION, "a kubectl that runs no command", _about("kubectlVersion")),
    Rule("IAM106", Severity.ERROR, Scope.INSTALLATION, "a role of another partition to log in with", _about("role")),
    Rule("IAM107", Severity.ERROR, Scope.INSTALLATION, "a daemon that refuses its own region", _about("image")),
    Rule("IAM108", Severity.WARNING, Scope.INSTALLATION, "a role to log in with that is not mapped", _unmapped_role),
)
