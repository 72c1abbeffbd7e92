"""Rules about kubeconfigs: the admin certificate in Tarmak's own, and the one that is generated from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from tarmak_iam.aws.arn import Arn, ArnError, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text
from tarmak_iam.aws.regions import sts_host
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.backend_support import CRD
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Answer
from tarmak_iam.identity.releases import DEFAULT_RELEASE
from tarmak_iam.identity.sts_verification import Verifier, host_refusal
from tarmak_iam.installation.admin_kubeconfig import AdminState
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.exec_plugin import exec_problems, shared_session_flaw
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.rule import INSTALLATION, Implication, Rule
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.routes import Route

EXPIRES_WITHIN = timedelta(days=30)
_UNUSABLE = frozenset(AdminState) - {AdminState.MISSING, AdminState.NOT_EXAMINED, AdminState.VALID}


def _admin_certificate(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """At the cluster in tarmak.yaml, because Tarmak would drop a comment in the kubeconfig."""
    access = installation.admin_access
    # A kubeconfig without credentials is one from which they were removed to share it.
    has_credentials = access.state is not AdminState.MISSING and access.has_credentials
    is_valid, problems = access.state is AdminState.VALID, dict[str, tuple[str, str]]()
    if access.has_known_hosts and not has_credentials:
        # None in a directory from which Tarmak has not connected to an instance, such as a checkout in CI, or before
        # the first apply: no kubeconfig is needed there.
        what = f"{access.what}, but Tarmak has connected to the cluster from this directory"
        problems["IAM110"] = what, access.remedy
    if access.state in _UNUSABLE and has_credentials:
        problems["IAM111"] = access.what, access.remedy
    left = access.not_after - (installation.now or datetime.now(timezone.utc)) if access.not_after else EXPIRES_WITHIN
    if is_valid and access.not_after is not None and left < EXPIRES_WITHIN:
        when = f"in {left.days} day{'s' if left.days > 1 else ''}" if left.days else "in less than a day"
        what = f"the admin certificate in {access.path} expires on {access.not_after:%Y-%m-%d}, {when}"
        problems["IAM112"] = what, access.replacement
    if is_valid and not access.is_admin:
        what = f"the admin certificate in {access.path} is not in the group {ADMINS}"
        problems["IAM113"] = what, access.replacement
    if rule.id in problems and not installation.is_hub:
        yield rule.finding(Subject.CONFIG, installation.cluster.route, *problems[rule.id])


# About this machine: apply sends no certificate to the cluster, and Tarmak requests a new one for the user who applies.
admin_certificate_missing = INSTALLATION.warning(
    "IAM110", "admin-certificate-missing", "no admin certificate", concerns_apply=False
)(_admin_certificate)
admin_certificate_invalid = INSTALLATION.error(
    "IAM111", "admin-certificate-invalid", "an admin certificate that is not usable", concerns_apply=False
)(_admin_certificate)
admin_certificate_expires = INSTALLATION.warning(
    "IAM112", "admin-certificate-expires", "an admin certificate that expires soon", concerns_apply=False
)(_admin_certificate)
admin_certificate_not_admin = INSTALLATION.warning(
    "IAM113", "admin-certificate-not-admin", "an admin certificate without system:masters", concerns_apply=False
)(_admin_certificate)


@INSTALLATION.error("IAM105", "kubectl-too-old", "a kubectl without exec credential plugins")
def kubectl_too_old(rule: Rule, installation: Installation) -> Iterator[Finding]:
    for what, _ in _caused_by("kubectlVersion", installation):
        remedy = f"use kubectl 1.11 or later: {installation.command('settings unset kubectlVersion')}"
        yield rule.finding(Subject.SETTINGS, ("kubectlVersion",), what, remedy)


@INSTALLATION.error("IAM106", "kubeconfig-role-partition", "a kubeconfig role in another partition")
def kubeconfig_role_partition(rule: Rule, installation: Installation) -> Iterator[Finding]:
    for what, _ in _caused_by("role", installation):
        to_set, to_unset = installation.command("settings set role ARN"), installation.command("settings unset role")
        remedy = f"set a role in partition {installation.partition}: {to_set}, or unset it: {to_unset}"
        yield rule.finding(Subject.SETTINGS, ("role",), what, remedy)


@INSTALLATION.error(
    "IAM107", "unsupported-daemon-region", "a release of the authenticator that does not support the region"
)
def unsupported_daemon_region(rule: Rule, installation: Installation) -> Iterator[Finding]:
    for what, otherwise in _caused_by("image", installation):
        remedy, region = otherwise, installation.region
        # If not, only an unknown release helps.
        if host_refusal(sts_host(region), Verifier(DEFAULT_RELEASE, installation.partition, region)) is None:
            remedy = f"set an image of {DEFAULT_RELEASE} or another release that supports {region}"
            if installation.settings.daemonVersion is not None:
                unset = installation.command("settings unset daemonVersion")
                remedy = f"{remedy}, and unset daemonVersion: {unset}"
        yield rule.finding(Subject.SETTINGS, ("image",), what, remedy)


def _caused_by(setting: str, installation: Installation) -> list[tuple[str, str]]:
    """What keeps the kubeconfig from working because of one setting, and the remedy, as `kubeconfig` says it."""
    problems = () if installation.is_hub else exec_problems(installation)
    return [(problem.what, problem.remedy) for at_fault, problem in problems if at_fault == setting]


_UNREAD = ("misplaced-mapping-key", "duplicate-mapping-key", "mappings-as-text", "split-entry", "mappings-not-a-list")
_UNMAPPED_SINCE = Implication((*_UNREAD, "no-mappings"))
"""Findings that explain why the entry of a principal has no effect."""


@INSTALLATION.warning(
    "IAM108", "kubeconfig-role-unmapped", "a kubeconfig role that is not mapped", implied_by=(_UNMAPPED_SINCE,)
)
def kubeconfig_role_unmapped(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """`kubeconfig` warns of this too. Not with the backend CRD: other users can create IAMIdentityMapping objects, so
    the mappings file does not contain all mappings."""
    role, mappings = installation.settings.role, installation.mappings
    if role is None or mappings is None or installation.is_hub or CRD.name in installation.daemon.backends:
        return
    answer = installation.loaded.whois(identity_of(role))
    if not answer.started or answer.authenticated or _is_reported(installation, parse_arn(role), answer):
        return
    what = f"the kubeconfig assumes {role}, which cannot log in: {answer.reason}"
    arn, remedy = parse_arn(role).without_path, f"set another role: {installation.command('settings set role ARN')}"
    if canonical_text(str(arn)) not in {canonical_text(entry.listed.arn) for entry in entries_of(mappings).mapped}:
        add = installation.command(f"map add {arn} --username NAME --group GROUP")
        remedy = f"map the role: {add}, or {remedy}"
    yield rule.finding(Subject.SETTINGS, Route.of(("role",)), what, remedy)


@INSTALLATION.warning("IAM132", "shared-session-name", "a kubeconfig that gives all users the same session name")
def shared_session_name(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """`kubeconfig` warns of this too."""
    flaw = shared_session_flaw(installation)
    if flaw:
        unset, other = map(installation.command, ("settings unset role", "settings set exec aws-iam-authenticator"))
        remedy = "set role_arn and role_session_name in a profile in ~/.aws/config, and use it instead of the role: "
        remedy += f"{unset}, or use another command, and give each user a session name with "
        remedy += f"`kubeconfig --session-name`: {other}"
        yield rule.finding(Subject.SETTINGS, Route.of(("exec",)), flaw, remedy)


def _is_reported(installation: Installation, role: Arn, answer: Answer) -> bool:
    """Whether another rule reports the cause: the ID of the cluster, a partition, or a flaw in the role's entry. An
    account that takes no effect is flawed too; a role entry without a flaw is for another role, or for instances."""
    mappings, daemon = installation.mappings, installation.loaded.config
    if mappings is None or mappings.cluster_id not in (None, "", installation.cluster_id):
        return True
    if installation.region and role.partition != installation.partition:
        return True
    if daemon is not None and daemon.partition != installation.partition:
        return True
    if answer.route is None:
        return False
    entry = next((entry for entry in entries_of(mappings).mapped if entry.listed.route == answer.route), None)
    if entry is None:
        return True
    if entry.listed.sso and not entry.listed.arn:
        return entry.listed.sso.partition("/")[0] == role.account
    reserved = (prefix for table in installation.loaded.tables for prefix in table.reserved_prefixes)
    if entry.flaw is not None or any(map(entry.listed.username.startswith, reserved)):
        return True
    try:
        return parse_arn(entry.listed.arn).partition != role.partition
    except ArnError:
        return True
