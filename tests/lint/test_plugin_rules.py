"""Rules of other distributions: beside the built-in ones, and told by their names where they fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint import Rule, Scope, Subjects, all_rules, check
from tarmak_iam.lint.check import GROUP
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support import bring_plugins

Bring = Callable[..., None]
SUBJECTS = Subjects(mappings=Mappings.parse("clusterID: dev-cluster\nserver:\n  mapAccounts: ['111122223333']\n"))


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Bring:
    return lambda *rules: bring_plugins(monkeypatch, GROUP, *rules)


def rule(function: Any, rule_id: str = "ACME001") -> Rule:
    return Rule(rule_id, Severity.ERROR, Scope.MAPPINGS, "no whole accounts", function)


def no_accounts(own: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in mappings.entries:
        if entry.kind == "account":
            yield own.finding(Subject.MAPPINGS, entry.route, f"all of {entry.arn} may log in", "map roles")


def found() -> list[str]:
    return [str(each) for each in check(SUBJECTS)]


def test_its_findings_have_positions(bring: Bring) -> None:
    bring(rule(no_accounts))
    line = "aws-iam-authenticator.yaml:3:17: error: all of 111122223333 may log in; map roles [ACME001]"
    assert line in found()
    assert all_rules()[-1].id == "ACME001"


def failing(*_: object) -> Any:
    raise KeyError("surprise")


def failing_late(*_: object) -> Iterator[Finding]:
    yield from ()
    raise KeyError("surprise")


def leaving(*_: object) -> Any:
    sys.exit(0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (failing, "the rule ACME001 of package0 has a bug: KeyError: 'surprise'; report it to the authors of the"),
        (failing_late, "the rule ACME001 of package0 has a bug: KeyError: 'surprise'"),
        (leaving, "the rule ACME001 of package0 has a bug: SystemExit: 0"),
        (lambda *_: None, "the rule ACME001 of package0 has a bug: TypeError"),
        (lambda *_: ["text"], "the rule ACME001 of package0 yields a str instead of a Finding; report it"),
    ],
)
def test_one_that_fails_is_told_as_such(bring: Bring, function: Any, message: str) -> None:
    bring(rule(function))
    with pytest.raises(ConfigError) as error:
        found()
    assert str(error.value).startswith(message)


def test_two_of_one_id(bring: Bring) -> None:
    bring(rule(no_accounts), rule(no_accounts))
    with pytest.raises(ConfigError, match="both package0 and package1 provide the rule ACME001"):
        found()
    bring(rule(no_accounts, "IAM050"))
    with pytest.raises(ConfigError, match="both tarmak-iam and package0 provide the rule IAM050"):
        found()


def test_a_bug_of_a_built_in_rule_is_no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["tarmak_iam.lint.check"]  # the package has a function of that name
    monkeypatch.setattr(module, "RULES", (rule(failing, "IAM000"),))
    with pytest.raises(KeyError):
        found()


@pytest.mark.parametrize("name", ["account-mapping", "Account-Mapping"])
def test_the_name_of_a_rule_is_its_own(bring: Bring, name: str) -> None:
    bring(replace(rule(no_accounts), name=name))
    with pytest.raises(ConfigError, match="both tarmak-iam and package0 provide the rule account-mapping"):
        all_rules()
