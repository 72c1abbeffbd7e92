"""The symbolic names of rules: unique, usable in comments, and with what implies what."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Severity
from tarmak_iam.lint import RULES, Rule, Scope, all_rules
from tarmak_iam.lint.check import GROUP
from tests.lint.mapped import ROLES, report
from tests.support import bring_plugins

ACCOUNT = ROLES + '  mapAccounts: ["444455556666"] # tarmak-iam: ignore['
UNUSED = "so the comment suppresses nothing"
WITHOUT_REASON = "the comment gives no reason why the finding is suppressed"
NAMES = [each.name for each in all_rules()]


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert [each for each in NAMES if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)+", each)] == []


def test_what_implies_a_finding_is_a_rule() -> None:
    causes = [name for rule in RULES for by in rule.implied_by for name in by.causes]
    assert len(causes) > 30
    assert set(causes) <= set(NAMES)


@pytest.mark.parametrize("other", ["account-mapping", "Account-Mapping"])
def test_the_name_of_a_plugins_rule_is_its_own(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    def nothing(*_: Any) -> Any:
        return iter(())

    bring_plugins(monkeypatch, GROUP, Rule("ACME001", Severity.ERROR, Scope.MAPPINGS, "a", nothing, name=other))
    with pytest.raises(ConfigError, match=r"both tarmak-iam and package0 provide the rule account-mapping"):
        all_rules()


@pytest.mark.parametrize(
    "brackets",
    ["account-mapping", "Account-Mapping", "IAM070, account-mapping", "account-mapping,IAM074"],
)
def test_a_comment_may_name_a_rule(brackets: str) -> None:
    found = report(f"{ACCOUNT}{brackets}] the sandbox\n")
    assert [each.finding.id for each in found.suppressed] == ["IAM074"]
    assert [each.finding.id for each in found.findings] == (["IAM095"] if "IAM070" in brackets else [])


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (
            "account-maping] the sandbox",
            f"unknown rule account-maping, {UNUSED}; did you mean account-mapping?",
        ),
        (
            "built-in-group] the sandbox",
            f"built-in-group has no finding on this line, {UNUSED}; remove the comment",
        ),
        (
            "account-mapping, built-in-group] the sandbox",
            f"built-in-group has no finding on this line, {UNUSED}; remove built-in-group from the brackets",
        ),
        (
            "account-mapping]",
            f"{WITHOUT_REASON}; write the reason after the brackets: # tarmak-iam: ignore[account-mapping] because ...",
        ),
    ],
)
def test_messages_repeat_the_name(comment: str, expected: str) -> None:
    texts = [each.finding.text for each in report(f"{ACCOUNT}{comment}\n").findings if each.finding.id != "IAM074"]
    assert texts == [expected]
