"""No principal is shown with less than the API server would allow: rights of every caller, alternatives, and rights
that are chosen at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.lint import examine
from tarmak_iam.report import AccessReview
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.page import page
from tarmak_iam.report.json_format import review_json
from tarmak_iam.report.live_cluster import ask_cluster
from tarmak_iam.report.model import ReviewedPrincipal
from tarmak_iam.report.rbac import Rbac, privilege_of
from tarmak_iam.report.review import ReviewedCluster, put_together, review_cluster
from tarmak_iam.report.text_format import as_lines
from tests.report.test_rbac import EVERYTHING, TABLES, binding, role, rule
from tests.support.fake_cluster import Cluster, failed
from tests.support.report_pages import read
from tests.support.reviews import ACCOUNT, CONFIG, NO_GIT, installation, subjects

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
DEV = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}/Dev', username: dev, groups: [developers]}}\n"
SSO: dict[str, Any] = {
    "image": "public.example.com/aws-iam-authenticator:v0.7.9",
    "daemonVersion": "v0.7.9",
    "featureGates": {"SSORoleMatch": True},
}


def asked(
    mappings: str, *objects: dict[str, Any], config: str = CONFIG, server: str = "v1.30.1", **settings: Any
) -> AccessReview:
    """The review of one cluster with these objects. `server`: the release of its API server."""
    cluster = Cluster(server=server)
    for each in objects:
        cluster.add(each)
    made = installation(mappings, config, **settings)
    found = subjects(made, config)
    report = examine(found)
    review = ask_cluster(review_cluster(found, report, NO_GIT), made, cluster.kubectl())
    return put_together(review.files[0].path, [ReviewedCluster(review, made.loaded)], report, NO_GIT)


def principals(review: AccessReview) -> tuple[ReviewedPrincipal, ...]:
    (cluster,) = review.clusters
    return cluster.principals


ADMIN_ROLE = role("admin", EVERYTHING)
READER = role("reader", rule("get secrets"))


@pytest.mark.parametrize("case", TABLES["everyone"], ids=lambda case: f"{case['subject']} {case['to']}")
def test_every_principal_has_the_rights_of_every_caller(case: dict[str, str]) -> None:
    subject, privilege, because = case["subject"], case["privilege"], case["because"]
    review = asked(DEV, ADMIN_ROLE, READER, binding("all", case["to"], subject))
    (dev,) = principals(review)
    assert (str(dev.privilege), dev.because) == (privilege, (f"ClusterRoleBinding all: {because}",))
    assert dev.rights == ()
    lines = list(as_lines(review))
    assert "    may      no more than every caller: no binding names its username or groups" in lines
    assert f"    {privilege:<9}ClusterRoleBinding all: {because}" in lines
    (shown,) = review_json(review)["clusters"][0]["live"]["everyone"]
    assert (shown["subjectKind"], shown["subject"], shown["privilege"]) == (*subject.split(":", 1), privilege)
    assert subject.split(":", 1)[1] in read(page(review)).text


def test_a_binding_for_every_caller_is_printed_once() -> None:
    info = binding("info", "info", "Group:system:authenticated", "Group:system:unauthenticated")
    review = asked(DEV, role("info", {"nonResourceURLs": ["/version"], "verbs": ["get"]}), info)
    lines = [line for line in as_lines(review) if "every caller" in line]
    assert lines == [
        "    may      no more than every caller: no binding names its username or groups",
        "  every caller may get on /version (ClusterRoleBinding info, ClusterRole info), without a login",
    ]
    starter = binding("b", "starter", "Group:system:authenticated", namespace="pay")
    lines = [line for line in as_lines(asked(DEV, role("starter", rule("create pods")), starter)) if "note" in line]
    assert lines == ["  note: every caller, by RoleBinding pay/b: starts pods in pay"]


@pytest.mark.parametrize(
    ("subject", "username", "groups", "expected"),
    [
        ("Group:system:authenticated", "dev", [], Privilege.ADMIN),
        ("Group:system:authenticated", "dev", ["system:authenticated"], Privilege.ADMIN),
        # authenticated_group_adder.go adds no group to these, nor those of a service account to its username.
        ("Group:system:authenticated", "dev", ["system:unauthenticated"], Privilege.NONE),
        ("Group:system:authenticated", "system:anonymous", [], Privilege.NONE),
        ("Group:system:serviceaccounts", "system:serviceaccount:ci:bot", [], Privilege.NONE),
        ("Group:system:serviceaccounts:ci", "system:serviceaccount:ci:bot", [], Privilege.NONE),
        ("Group:system:serviceaccounts:ci", "dev", ["system:serviceaccounts:ci"], Privilege.ADMIN),
        # A session name has no @ unless it is raw.
        ("User:alice@example.com", "{{SessionName}}", [], Privilege.NONE),
        ("User:alice@example.com", "{{SessionNameRaw}}", [], Privilege.ADMIN),
    ],
)
def test_which_rights_a_login_has(subject: str, username: str, groups: list[str], expected: Privilege) -> None:
    rbac = Rbac([ADMIN_ROLE, binding("all", "admin", subject)])
    assert privilege_of(username, groups, rbac.rights_of(username, groups))[0] is expected


OVERLAP = (
    "server:\n"
    "  mapRoles:\n"
    f"  - {{sso: {{permissionSetName: Dev, accountID: '{ACCOUNT}'}}, username: dev, groups: [GROUP]}}\n"
    f"  - {{sso: {{permissionSetName: Dev_Ops, accountID: '{ACCOUNT}'}}, username: nobody, groups: [nobody]}}\n"
)


@pytest.mark.parametrize(
    ("group", "objects", "because"),
    [
        ("'system:masters'", [], "group system:masters"),
        ("ops", [ADMIN_ROLE, binding("b", "admin", "Group:ops")], "ClusterRoleBinding b: everything"),
        ("ops", [ADMIN_ROLE, binding("b", "admin", "User:dev")], "ClusterRoleBinding b: everything"),
    ],
)
def test_the_most_privileged_of_what_it_may_get_counts(group: str, objects: list[dict[str, Any]], because: str) -> None:
    review = asked(OVERLAP.replace("GROUP", group), *objects, **SSO)
    _, ops = principals(review)
    assert (ops.principal, ops.identity.username) == (f"{ACCOUNT}/Dev_Ops", "nobody")
    assert (ops.privilege, ops.because) == (Privilege.ADMIN, (because,))
    assert [each.cells[0] and each.cells[0].privilege for each in review.rows] == [Privilege.ADMIN, Privilege.ADMIN]
    may = [line for line in as_lines(review) if line.startswith("    may") and "everything" in line]
    assert len(may) == (2 if objects else 0)
    # Groups of alternatives are listed too.
    (cluster,) = review.clusters
    subjects = {each.name: each.principals for each in cluster.subjects}
    assert subjects[group.strip("'")] == (f"sso:{ACCOUNT}/Dev", f"sso:{ACCOUNT}/Dev_Ops")
    assert subjects["nobody"] == (f"sso:{ACCOUNT}/Dev_Ops",)


def test_groups_by_chance_are_unbound_too() -> None:
    by_chance = DEV.replace("groups: [developers]", "Groups: [ops], GROUPS: [developers]")
    (cluster,) = asked(by_chance).clusters
    assert sorted(cluster.unbound) == ["developers", "ops"]


def test_who_gets_in_by_an_account_has_the_rights_of_its_own_arn() -> None:
    """In the table of all clusters too, where it is named in another one."""
    mappings = f"server: {{mapAccounts: ['{ACCOUNT}']}}\n"
    objects = (ADMIN_ROLE, binding("b", "admin", f"User:{ROLE}/Dev"))
    review = asked(mappings, *objects)
    (account,) = principals(review)
    because = f"ClusterRoleBinding b: everything for the user {ROLE}/Dev"
    assert (account.privilege, account.because) == (Privilege.ADMIN, (because,))
    first = asked(DEV)
    reviewed = [
        ReviewedCluster(first.clusters[0], installation(DEV).loaded),
        ReviewedCluster(review.clusters[0], installation(mappings).loaded),
    ]
    row = put_together(review.config, reviewed, examine(subjects(installation(DEV))), NO_GIT).rows[0]
    assert row.principal == f"{ROLE}/Dev"
    assert [cell and (cell.privilege, cell.is_named) for cell in row.cells] == [
        (Privilege.NONE, True),
        (Privilege.ADMIN, False),
    ]


WRITER = role("writer", rule("create iamidentitymappings iamauthenticator.k8s.aws"))
WRITES = binding("b", "writer", "Group:developers")
APPROVER = role("a", rule("update certificatesigningrequests/approval certificates.k8s.io"))
DAEMON = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "aws-iam-authenticator", "namespace": "kube-system"},
    "spec": {"template": {"spec": {"containers": [{"name": "aws-iam-authenticator", "args": ["server"]}]}}},
}


def daemon(*args: str) -> dict[str, Any]:
    container = {"name": "aws-iam-authenticator", "image": "example.org/a:v0.6.20", "args": ["server", *args]}
    return DAEMON | {"spec": {"template": {"spec": {"containers": [container]}}}}


@pytest.mark.parametrize(
    ("objects", "settings", "expected"),
    [
        # No daemon that is known: it may be any backend's.
        ([], {}, Privilege.ADMIN),
        ([daemon("--backend-mode=CRD")], {}, Privilege.ADMIN),
        ([daemon("--backend-mode=MountedFile")], {}, Privilege.NONE),
        ([daemon("--backend-mode=MountedFile")], {"backends": ["CRD"]}, Privilege.ADMIN),
        # It would not start.
        ([daemon("--backend-mode=Nonsense")], {}, Privilege.ADMIN),
    ],
)
def test_who_writes_the_mappings_by_the_backends_of_the_cluster(
    objects: list[dict[str, Any]], settings: dict[str, Any], expected: Privilege
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "aws-iam-authenticator", "namespace": "kube-system"},
        "data": {"config.yaml": "clusterID: dev-cluster\n"},
    }
    (dev,) = principals(asked(DEV, WRITER, WRITES, config, *objects, **settings))
    assert dev.privilege is expected


@pytest.mark.parametrize(
    ("objects", "is_refused", "expected"),
    [
        # Any backend may be in use where the objects cannot be read, and an API server that does not say its release
        # may be an old one.
        ([WRITER, WRITES, daemon("--backend-mode=MountedFile")], lambda args: args[1].startswith("daemonset"), "admin"),
        ([APPROVER, binding("b", "a", "Group:developers")], lambda args: args[0] == "version", "elevated"),
    ],
)
def test_what_cannot_be_read_is_no_reason_for_less(objects: list[Any], is_refused: Any, expected: str) -> None:
    cluster = Cluster()
    for each in objects:
        cluster.add(each)
    cluster.fault = lambda args: failed("Forbidden") if is_refused(args) else None
    made = installation(DEV)
    review = ask_cluster(review_cluster(subjects(made), examine(subjects(made)), NO_GIT), made, cluster.kubectl())
    assert bool(review.live_error) is (expected == "admin")
    assert [str(each.privilege) for each in review.principals] == [expected]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v1.12.9", Privilege.ELEVATED), ("v1.18.0", Privilege.NONE)],
)
def test_an_approver_needs_the_signer_from_kubernetes_1_18_on(version: str, expected: Privilege) -> None:
    (dev,) = principals(asked(DEV, APPROVER, binding("b", "a", "Group:developers"), server=version))
    assert dev.privilege is expected


def test_notes_and_the_group_of_every_resource_are_in_every_form() -> None:
    starter = binding("b", "starter", "Group:developers", namespace="pay")
    lister = binding("c", "lister", "Group:developers")
    review = asked(DEV, role("starter", rule("create pods")), starter, role("lister", rule("list *")), lister)
    lines = list(as_lines(review))
    assert "    note     RoleBinding pay/b: starts pods in pay" in lines
    assert any("may      list on every resource of the core group (" in line for line in lines)
    shown = {each["binding"]["name"]: each for each in review_json(review)["clusters"][0]["principals"][0]["rights"]}
    started = shown["b"]
    assert (started["privilege"], started["risks"], started["notes"]) == ("none", [], ["starts pods in pay"])
    (listed,) = shown["c"]["rules"]
    assert (listed["apiGroups"], listed["resources"]) == ([""], ["*."])
    html = read(page(review))
    badges = [each.text for each in html.named("span") if each.attributes.get("class") == "badge note"]
    assert "Starts pods" in badges
    assert "every resource of the core group" in html.text


REQUESTS = [(*words, Privilege(least)) for *words, least in TABLES["requests"]]
"""As in rights.yaml."""
VERBS = ["*", "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind"]
RESOURCES = ["*", "*/exec", "*/proxy", *sorted({each[2] for each in REQUESTS} - {"*"})]
GROUPS = ["*", "", "apps", "iamauthenticator.k8s.aws", "rbac.authorization.k8s.io"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


RULES = st.fixed_dictionaries(
    {"verbs": some(VERBS), "apiGroups": some(GROUPS), "resources": some(RESOURCES)},
    optional={"resourceNames": some(["web", "tls", "aws-auth", "other"])},
)
SUBJECTS = ["User:u", "User:dev", "Group:a", "Group:system:authenticated", "Group:system:unauthenticated"]
BINDINGS = st.tuples(
    st.sampled_from(["", "", "pay", "kube-system"]),
    st.sampled_from([*SUBJECTS, "Group:other", "ServiceAccount:pay:bot"]),
    st.lists(RULES, max_size=2),
)


def objects_of(bindings: list[Any]) -> Iterator[dict[str, Any]]:
    for number, (namespace, subject, rules) in enumerate(bindings):
        yield role(f"r{number}", *rules)
        yield binding(f"b{number}", f"r{number}", subject, namespace=namespace)


def allowed(bindings: list[Any], names: set[str], request: Any) -> bool:
    """As Kubernetes's RBAC decides it, written down once more."""
    verb, group, resource, name, namespace, _ = request
    for where, subject, rules in bindings:
        if where not in ("", namespace) or subject not in names:
            continue
        for each in rules:
            wild = f"*/{resource.split('/')[1]}" if "/" in resource else resource
            if (
                {"*", verb} & set(each["verbs"])
                and {"*", group} & set(each["apiGroups"])
                and {"*", resource, wild} & set(each["resources"])
                and name in each.get("resourceNames", [name])
            ):
                return True
    return False


@given(st.lists(BINDINGS, max_size=4), st.sampled_from(["u", "{{SessionName}}"]))
def test_nothing_that_is_allowed_is_understated(bindings: list[Any], username: str) -> None:
    rbac = Rbac(objects_of(bindings))
    privilege, because = privilege_of(username, ["a"], rbac.rights_of(username, ["a"]))
    names = {*SUBJECTS} if "{" in username else {*SUBJECTS} - {"User:dev"}
    for request in REQUESTS:
        if allowed(bindings, names, request):
            assert privilege.rank <= request[-1].rank, request
    assert bool(because) is (privilege is not Privilege.NONE)


@given(st.lists(BINDINGS, max_size=4), BINDINGS)
def test_another_binding_never_lowers_a_privilege(bindings: list[Any], another: Any) -> None:
    before, after = (Rbac(objects_of(each)) for each in (bindings, [*bindings, another]))
    for username, groups in (("u", ["a"]), ("{{SessionName}}", []), ("v", ["{{SessionName}}"])):
        less, more = (privilege_of(username, groups, rbac.rights_of(username, groups))[0] for rbac in (before, after))
        assert more.rank <= less.rank
        fewer = privilege_of(username, [], after.rights_of(username, []))[0]  # nor does another group
        assert more.rank <= fewer.rank


@given(st.lists(BINDINGS, max_size=4))
def test_the_privilege_of_a_right_is_that_of_its_holder(bindings: list[Any]) -> None:
    rbac = Rbac(objects_of(bindings))
    for right in rbac.of("Group", "a"):
        assert privilege_of("v", ["a"], [right])[0] is right.privilege
