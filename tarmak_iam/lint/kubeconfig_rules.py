"""Rules about the kubeconfig that the settings make: whether anybody could log in with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tarmak_iam.exec_plugin import exec_problems
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.installation import Installation
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.routes import Route

__all__ = ["KUBECONFIG_RULES"]


def _about(setting: str) -> Callable[[Rule, Installation], Iterator[Finding]]:
    """The check for the problem that one setting makes."""

    def check(rule: Rule, installation: Installation) -> Iterator[Finding]:
        for at_fault, problem in () if installation.is_hub else exec_problems(installation):
            if at_fault == setting:
                yield rule.finding(Subject.SETTINGS, Route.of((setting,)), problem.what, problem.remedy)

    return check


KUBECONFIG_RULES = (
    Rule("IAM105", Severity.ERROR, Scope.INSTALLATION, "a kubectl that runs no command", _about("kubectlVersion")),
    Rule("IAM106", Severity.ERROR, Scope.INSTALLATION, "a role of another partition to log in with", _about("role")),
    Rule("IAM107", Severity.ERROR, Scope.INSTALLATION, "a daemon that refuses its own region", _about("image")),
)
