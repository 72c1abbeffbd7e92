"""The rule about the role that the daemon asks EC2 for an instance's name with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.arn import ArnError, Principal, canonicalize, parse_arn
from tarmak_iam.identity.reach import Flaw, misfit
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.identity.viper import as_text
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import way_in
from tarmak_iam.text import quoted

__all__ = ["DESCRIBING_ROLE", "DESCRIBING_ROLE_RULES"]

DESCRIBING_ROLE = "server.ec2DescribeInstancesRoleARN"

_FLAWS = {
    Flaw.BLANK: "it has blanks or control characters",
    Flaw.WILDCARD: "it has a wildcard, and STS assumes one role",
    Flaw.ACCOUNT: "an account must have 12 digits",
    Flaw.ASSUMED_ROLE: "it is a session of a role",
    Flaw.NAMELESS: "it names no role",
    Flaw.SHAPE: "no role has such an ARN",
    Flaw.LETTERS: "it has letters that are not ASCII",
}


def _cannot_be_assumed(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The daemon gives it to STS's AssumeRole as it is, so that a role's path belongs to it. From v0.5.0 on it ends
    where the text is no ARN at all (pkg/server/server.go of aws-iam-authenticator)."""
    mappings = installation.mappings
    value = entries_of(mappings).settings.get(DESCRIBING_ROLE) if mappings else None
    what = _problem(value, installation)
    if mappings is None or what is None:
        return
    remedy = (
        f"write one such as arn:{installation.partition}:iam::111122223333:role/NAME, or remove the key: Tarmak's "
        "masters may describe instances themselves"
    )
    route = entries_of(mappings).settings.route(DESCRIBING_ROLE)
    yield rule.finding(Subject.MAPPINGS, route, f"{DESCRIBING_ROLE} {what}", remedy)


def _problem(value: Any, installation: Installation) -> str | None:
    if isinstance(value, (list, dict)):
        return f"is a {'list' if isinstance(value, list) else 'mapping'}, which the authenticator ignores"
    text = "" if value is None else as_text(value)
    reason = _flaw(text, installation) if text else None
    if reason is None:
        return None
    what = f"is {quoted(text)}, not the ARN of a role: {reason}"
    if _ends_daemon(text, installation.daemon_version):
        return f"{what}; authenticator {installation.daemon_version} would not start; {way_in(installation)}"
    return what


def _flaw(text: str, installation: Installation) -> str | None:
    """What keeps STS from assuming it."""
    if text != text.strip():
        return _FLAWS[Flaw.BLANK]
    try:
        arn = parse_arn(text)
        principal, _ = canonicalize(text)
    except ArnError as error:
        return str(error)
    found = misfit(str(arn.without_path) if principal is Principal.ROLE else text)
    if found is not None:
        return _FLAWS.get(found.flaw, found.what)
    if principal is not Principal.ROLE:
        return f"it is a {principal}"
    if installation.region and arn.partition != installation.partition:
        return f"the partition is {quoted(arn.partition)}, and the cluster's is {quoted(installation.partition)}"
    return None


def _ends_daemon(text: str, version: DaemonVersion) -> bool:
    try:
        parse_arn(text)
    except ArnError:
        return version.known >= DaemonVersion(0, 5, 0)
    return False


DESCRIBING_ROLE_RULES = (
    Rule("IAM109", Severity.ERROR, Scope.INSTALLATION, "a role that cannot describe instances", _cannot_be_assumed),
)
