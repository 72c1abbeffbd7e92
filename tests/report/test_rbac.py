"""The rights that bindings grant, in words; which of them lead to more rights, in which namespace; and their
privilege."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tarmak_iam.report.escalations import ClusterFacts, Privilege
from tarmak_iam.report.rbac import BindingRights, PolicyRule, Rbac, privilege_of
from tarmak_iam.report.text_format import right_text

TABLES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("rights.yaml"))
CERTIFICATES = "certificates.k8s.io"
GROUP = "rbac.authorization.k8s.io"
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
READING = {"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]}


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}


def binding(name: str, to: str, *subjects: str, namespace: str = "", kind: str = "ClusterRole") -> dict[str, Any]:
    """A subject is `Group:name`, `User:name` or `ServiceAccount:namespace:name`."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"kind": kind, "name": to},
        "subjects": [subject(*each.split(":", 1)) for each in subjects],
    }


def subject(kind: str, name: str) -> dict[str, str]:
    if kind == "ServiceAccount":
        namespace, _, name = name.partition(":")
        return {"kind": kind, "namespace": namespace, "name": name}
    return {"kind": kind, "name": name}


def rule(words: str) -> dict[str, Any]:
    """As in rights.yaml."""
    verbs, resources, *others = (word.split(",") for word in words.split())
    groups, *names = others or (["core"],)
    made = {"verbs": verbs, "resources": resources, "apiGroups": ["" if each == "core" else each for each in groups]}
    return made | ({"resourceNames": names[0]} if names else {})


def right(*rules: str, namespace: str = "", facts: ClusterFacts | None = None) -> BindingRights:
    objects = [role("r", *map(rule, rules)), binding("b", "r", "Group:a", namespace=namespace)]
    (found,) = Rbac(objects, facts).of("Group", "a")
    return found


def shown(case: Any) -> str:
    return str(case.get("may") or case.get("name") or case.get("username"))


OBJECTS = [
    role("cluster-admin", EVERYTHING),
    role("view", READING),
    role("view", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, namespace="pay"),
    binding("admins", "cluster-admin", "Group:admins", "User:root"),
    binding("readers", "view", "Group:readers", "Group:readers"),
    binding("own", "view", "Group:readers", namespace="pay", kind="Role"),
    binding("shared", "view", "User:dev:alice", namespace="pay"),
    binding("dangling", "gone", "Group:readers", namespace="ops"),
    binding("robots", "view", "ServiceAccount:ci:runner"),
    binding("nobody", "view"),
]


@pytest.mark.parametrize("case", TABLES["names"], ids=shown)
def test_what_a_name_may_do(case: dict[str, Any]) -> None:
    assert [right_text(each) for each in Rbac(OBJECTS).of(case["kind"], case["name"])] == case["may"]


@pytest.mark.parametrize("case", TABLES["logins"], ids=shown)
def test_the_privilege(case: dict[str, Any]) -> None:
    """A session name has no colon, so that alone it is never one of Kubernetes's groups."""
    rbac, username, groups = Rbac(OBJECTS), case["username"], case["groups"]
    rights = [*rbac.of("User", username), *(right for group in groups for right in rbac.of("Group", group))]
    assert privilege_of(username, groups, rights) == (Privilege(case["privilege"]), tuple(case["because"]))


@pytest.mark.parametrize(("username", "privilege"), TABLES["usernames"].items())
def test_usernames_that_kubernetes_itself_binds(username: str, privilege: str) -> None:
    assert str(privilege_of(username, [])[0]) == privilege


@pytest.mark.parametrize("case", TABLES["rights"], ids=shown)
def test_what_leads_to_more(case: dict[str, Any]) -> None:
    found = right(*case["may"], namespace=case.get("in", ""))
    assert (str(found.privilege), list(found.risks)) == (case.get("privilege", "none"), case.get("risks", []))
    if "notes" in case:
        assert list(found.notes) == case["notes"]


@pytest.mark.parametrize("case", TABLES["backends"], ids=shown)
def test_it_depends_on_the_backends(case: dict[str, Any]) -> None:
    backends = None if case["backends"] is None else tuple(case["backends"])
    facts = ClusterFacts(backends, ("aws-iam-authenticator", "own-config"))
    assert str(right(case["may"], facts=facts).privilege) == case["privilege"]


@pytest.mark.parametrize("case", TABLES["words"], ids=shown)
def test_the_group_is_named(case: dict[str, Any]) -> None:
    found = right(case["may"], namespace=case.get("in", ""))
    assert found.rules is not None
    assert [each.text for each in found.rules] == [case["text"]]


APPROVAL = f"update certificatesigningrequests/approval {CERTIFICATES}"


@pytest.mark.parametrize("case", TABLES["rules"], ids=lambda case: str(case["text"]))
def test_a_rule_in_words(case: dict[str, Any]) -> None:
    assert PolicyRule.of(case["rule"]).text == case["text"]
    (granted,) = Rbac([role("r", case["rule"]), binding("b", "r", "Group:a")]).of("Group", "a")
    assert len(granted.risks) > 3 if case["risks"] == "many" else list(granted.risks) == case["risks"]


def test_two_bindings_together_lead_to_more() -> None:
    objects = [
        role("approver", rule(APPROVAL)),
        role("signer", rule(f"approve signers {CERTIFICATES}")),
        binding("one", "approver", "Group:a"),
        binding("two", "signer", "User:u", "Group:b"),
        binding("three", "signer", "Group:c", namespace="pay"),
    ]
    rbac = Rbac(objects)
    because = ("ClusterRoleBinding one and ClusterRoleBinding two: approves certificates",)
    assert privilege_of("u", ["a"], rbac.rights_of("u", ["a"])) == (Privilege.ELEVATED, because)
    assert privilege_of("v", ["a"], rbac.rights_of("v", ["a"])) == (Privilege.NONE, ())
    assert privilege_of("v", ["a", "c"], rbac.rights_of("v", ["a", "c"])) == (Privilege.NONE, ())
    assert privilege_of("u", [], rbac.rights_of("u", [])) == (Privilege.NONE, ())


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("pay", (Privilege.ELEVATED, ("RoleBinding pay/b: everything in a namespace in pay",))),
        (
            "kube-system",
            (
                Privilege.ADMIN,
                ("RoleBinding kube-system/b: everything in a namespace in kube-system, where the authenticator runs",),
            ),
        ),
        ("", (Privilege.ADMIN, ("ClusterRoleBinding b: everything",))),
    ],
)
def test_everything_of_a_namespace(namespace: str, expected: tuple[Privilege, tuple[str, ...]]) -> None:
    rbac = Rbac([role("r", EVERYTHING), binding("b", "r", "Group:a", namespace=namespace)])
    assert privilege_of("u", ["a"], rbac.of("Group", "a")) == expected


@pytest.mark.parametrize("case", TABLES["starters"], ids=lambda case: str(case["bindings"]))
def test_who_starts_pods_is_any_service_account_there(case: dict[str, Any]) -> None:
    roles = [role("admin", EVERYTHING), role("view", rule("get pods")), role("starter", rule("create pods"))]
    others = [text.split(", ") for text in case["bindings"]]
    bound = [
        binding(f"b{at}", to, subject, namespace="".join(where)) for at, (to, subject, *where) in enumerate(others)
    ]
    (found,) = Rbac([*roles, binding("dev", "starter", "Group:devs", namespace="pay"), *bound]).of("Group", "devs")
    if "as" in case:
        because = (f"RoleBinding pay/dev: starts pods in pay as {case['as']}",)
        assert privilege_of("u", ["devs"], [found]) == (Privilege.ELEVATED, because)
    else:
        assert (found.privilege, found.notes) == (Privilege.NONE, ("starts pods in pay",))


@pytest.mark.parametrize(
    "given",
    [
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
        rule("get nodes"),
        rule("* * iamauthenticator.k8s.aws x") | {"apiGroups": []},
    ],
)
def test_a_role_binding_gives_nothing_of_it(given: dict[str, Any]) -> None:
    rbac = Rbac([role("r", given), binding("b", "r", "Group:a", namespace="pay")])
    (found,) = rbac.of("Group", "a")
    assert (found.rules, found.escalations) == ((), ())


def test_an_empty_name_is_that_of_a_request_without_one() -> None:
    made = {"verbs": ["create"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["web", ""]}
    objects = [role("r", made), binding("b", "r", "Group:a")]
    (found,) = Rbac(objects).of("Group", "a")
    assert found.risks == ("starts pods",)
