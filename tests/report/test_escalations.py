"""The escalations that other tools and Kubernetes's documentation describe, and the privilege that a review shows."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.report.rbac import Rbac, privilege_of
from tests.report.escalations import ESCALATIONS, Escalation, Rules


def privilege(rules: Rules, namespace: str, one_binding: bool = True) -> str:
    """Of the user `u` with the rules in one role, or with each rule in its own role."""
    roles = [rules] if one_binding else [(each,) for each in rules]
    objects: list[dict[str, Any]] = []
    for number, own in enumerate(roles):
        name = f"role-{number}"
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        objects += [
            {"kind": "ClusterRole", "metadata": {"name": name}, "rules": list(own)},
            {
                "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
                "metadata": metadata,
                "roleRef": {"kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "User", "name": "u"}],
            },
        ]
    return str(privilege_of("u", (), Rbac(objects).rights_of("u", ()))[0])


@pytest.mark.parametrize("case", ESCALATIONS, ids=lambda each: each.name)
def test_every_variant_has_that_privilege(case: Escalation) -> None:
    found = {privilege(rules, case.namespace, one) for rules in case.smallest for one in (True, False)}
    assert found == {case.privilege}
    assert privilege(case.rules, case.namespace) == case.privilege


COUNTED_ALONE = ("bind", "escalate", "impersonate")
"""Verbs that have no other use: the right to write roles and bindings, or to impersonate a user, may be granted in
another way at any time."""


@pytest.mark.parametrize("case", [each for each in ESCALATIONS if len(each.rules) > 1], ids=lambda each: each.name)
def test_of_several_rules_each_is_needed_unless_its_verb_has_no_other_use(case: Escalation) -> None:
    for left_out in case.rules:
        rest = tuple(rule for rule in case.rules if rule is not left_out)
        is_counted = case.privilege != "none" and any(verb in COUNTED_ALONE for rule in rest for verb in rule["verbs"])
        assert privilege(rest, case.namespace) == ("elevated" if is_counted else "none")
