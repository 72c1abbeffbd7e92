"""What usernames and groups come to in RBAC, and what remedies for too many rights leave."""

from __future__ import annotations

import pytest

from tests.lint.mapped import ADMIN, DEV, ROLES, located, only, places

NO_CERTIFICATE = "the admin certificate was not examined"
NODE = "system:node:{{EC2PrivateDNSName}}"


def entry(groups: str, username: str = "dev") -> str:
    return f"  - roleARN: {DEV}\n    username: '{username}'\n    groups: {groups}\n"


@pytest.mark.parametrize(
    ("group", "near"),
    [
        ("system:master", "system:masters"),
        ("System:Masters", "system:masters"),
        ("SYSTEM:MASTERS", "system:masters"),
        ("system.masters", "system:masters"),
        ("system-masters", "system:masters"),
        ("system::masters", "system:masters"),
        ("systemmasters", "system:masters"),
        ("sytem:masters", "system:masters"),
        ("ystem:masters", "system:masters"),
        ("system:mastres", "system:masters"),
        ("system: masters", "system:masters"),
        ("masters", "system:masters"),
        ("Masters", "system:masters"),
        ("master", "system:masters"),
        ("system:monitorng", "system:monitoring"),
    ],
)
def test_nearly_one_of_kubernetes_own(group: str, near: str) -> None:
    found = only(ROLES + entry(f'["{group}"]'))
    assert found.startswith(
        f"6:14 IAM064 '{group}' is not a built-in group of Kubernetes: without a binding it grants nothing; "
    )
    assert found.endswith(f"did you mean {near}?")
    assert (NO_CERTIFICATE in found) == (near == "system:masters")


@pytest.mark.parametrize(
    ("group", "remedy"),
    [
        (
            "system:node",
            f"probably system:nodes is meant: write {NODE} as the username of nodes; for people, remove it",
        ),
        ("system:authenticate", "probably system:authenticated is meant: remove it"),
        ("system:bootstrapper", "probably system:bootstrappers is meant: remove it"),
    ],
)
def test_nearly_one_that_is_not_for_this_entry(group: str, remedy: str) -> None:
    assert only(ROLES + entry(f'["{group}"]')).endswith(f"; {remedy}")


@pytest.mark.parametrize(
    "group",
    [
        "dev",
        "developers",
        "admins",
        "admin",
        "cluster-admins",
        "cluster-operators",
        "k8s-masters",
        "webmasters",
        "headmasters",
        "system-monitoring",
        "systems",
        "nodes",
        "view",
        "edit",
        "system:monitoring",
        "kubeadm:cluster-admins",
    ],
)
def test_groups_of_operators(group: str) -> None:
    assert places(ROLES + entry(f'["{group}"]')) == []


@pytest.mark.parametrize(
    ("group", "what"),
    [
        ("cluster-admin", "'cluster-admin' is a Kubernetes ClusterRole, not a group: without a binding it gran"),
        ("ClusterAdmin", "'ClusterAdmin' looks like cluster-admin, which is a Kubernetes ClusterRole, not a group"),
        ("cluster_admin", "'cluster_admin' looks like cluster-admin, which is a Kubernetes ClusterRole, not a group"),
        ("system:node-proxier", "'system:node-proxier' is a Kubernetes ClusterRole, not a group"),
        ("system:kube-scheduler", "'system:kube-scheduler' is a Kubernetes username, not a group"),
        ("system:anonymous", "'system:anonymous' is a Kubernetes username, not a group"),
        ("system:serviceaccount:a:b", "'system:serviceaccount:a:b' is a Kubernetes username, not a group"),
        ("system:node:ip-10-0-0-1", "'system:node:ip-10-0-0-1' is a Kubernetes username, not a group"),
    ],
)
def test_the_name_of_something_else(group: str, what: str) -> None:
    assert only(ROLES + entry(f'["{group}"]')).startswith(f"6:14 IAM125 {what}")


def test_what_to_write_for_the_role_of_admins() -> None:
    found = only(ROLES + entry("[cluster-admin]"))
    assert NO_CERTIFICATE in found
    assert found.endswith('; write "system:masters", or bind a group of that name and then suppress this finding')
    assert only(ROLES + entry("['system:masters', cluster-admin]")).endswith("; remove it")
    assert only(ROLES + entry("['system:kube-proxy']")).endswith("; remove it")
    assert places("server:\n  mapRoles:\n" + entry("[cluster-admin]")) == ["5:14 IAM125"]


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("system:authenticated", "every user who logs in is in 'system:authenticated': it grants the entry nothing"),
        ("system:unauthenticated", "'system:unauthenticated' is the group of requests without credentials: every"),
        ("system:serviceaccounts", "'system:serviceaccounts' grants what is bound to the service accounts of all name"),
        (
            "system:serviceaccounts:kube-system",
            (
                "'system:serviceaccounts:kube-system' grants what is bound to the service accounts of the namespace "
                "kube-system, including privileged pods; use your own group, bind what it needs, and remove it"
            ),
        ),
        (
            "system:serviceaccounts:ci",
            "'system:serviceaccounts:ci' grants what is bound to the service accounts of the namespace ci; use",
        ),
        ("system:bootstrappers", "'system:bootstrappers' may request the certificate of any node, but 'dev' is a"),
        ("system:bootstrappers:kubeadm:default-node-token", "'system:bootstrappers:kubeadm:default-node-token' may"),
        ("system:nodes", "'system:nodes' is the group of nodes, but 'dev' is not the username of a node; write system"),
        (
            "system:admins",
            "Kubernetes reserves groups that begin with system:, and has no group 'system:admins'; write",
        ),
    ],
)
def test_a_group_that_kubernetes_gives_itself(group: str, said: str) -> None:
    assert only(ROLES + entry(f'["{group}"]')).startswith(f"6:14 IAM126 {said}")


@pytest.mark.parametrize(
    ("username", "groups"),
    [
        (NODE, '["system:nodes", "system:bootstrappers"]'),
        ("system:node:ip-10-0-0-1", '["system:nodes"]'),
        ("system:bootstrap:abcdef", '["system:bootstrappers"]'),
        # As in the authenticator's own README.
        ("aws:{{AccountID}}:instance:{{SessionName}}", '["system:bootstrappers", "aws:instances"]'),
    ],
)
def test_entries_of_nodes(username: str, groups: str) -> None:
    assert [each for each in places(ROLES + entry(groups, username)) if each.endswith("IAM126")] == []


def test_several_groups_in_one_text() -> None:
    assert only(ROLES + entry("['dev;ops']")).startswith("6:14 IAM114 the group 'dev;ops' contains a semicolon, but")
    blanks = only(ROLES + entry("['system:masters dev']"))
    assert blanks.startswith("6:14 IAM114 the group 'system:masters dev' contains spaces, but the authenticator reads")
    assert blanks.endswith("write each group as a separate item: [system:masters, dev]")
    assert only(ROLES + entry("""["'dev', 'ops'"]""")).endswith(": [dev, ops]")
    assert only(ROLES + entry("['[dev, ops]']")).endswith(": [dev, ops]")
    assert only(ROLES + entry("['dev, @ops']")).endswith(': [dev, "@ops"]')


def test_what_the_parts_of_a_text_are_is_said_at_once() -> None:
    assert places(ROLES + entry("['dev, system:master']")) == ["6:14 IAM064", "6:14 IAM114"]
    text = "server:\n  mapRoles:\n" + ADMIN + entry("['dev, system:kube-proxy']")
    assert places(text) == ["6:14 IAM114", "6:14 IAM125"]


def test_only_what_was_to_be_system_masters_hides_that_nobody_is_an_admin() -> None:
    alone = "server:\n  mapRoles:\n"
    assert places(alone + entry("['system:master']")) == ["5:14 IAM064"]
    assert places(alone + entry("['system:monitorng']")) == ["2:3 IAM084", "5:14 IAM064"]
    assert places(alone + entry("[' dev']")) == ["2:3 IAM084", "5:14 IAM078"]
    assert places(alone + entry("[' system:masters']")) == ["5:14 IAM078"]


def test_a_group_whose_dash_is_missing() -> None:
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n    groups:\n    - Domain Users\n      ops\n    - web\n"
    assert only(text) == (
        "7:7 IAM114 the group 'Domain Users ops' contains lines without a dash, but the authenticator reads it as one "
        "group; write each group as a separate item: [Domain Users, ops]"
    )
    assert places(text.replace("Domain Users\n      ops", "'Domain Users\n      ops'")) == []
    assert places(text.replace("Domain Users\n      ops", "Domain Users ops")) == []


ANN = "arn:aws:iam::111122223333:user/Ann"


def named(username: str, groups: str = "[dev]") -> str:
    return f"  - roleARN: {DEV}\n    username: '{username}'\n    groups: {groups}\n"


@pytest.mark.parametrize(
    ("username", "groups", "remedy"),
    [
        ("dev:{{sessionname}}", "[dev]", "did you mean {{SessionName}}?"),
        ("dev:{{accountid}}", "['system:masters']", "did you mean {{AccountID}}?"),
        ("{{sessionname}}", "[dev]", 'write "dev:{{SessionName}}"'),
        ("{{email}}", "[dev]", 'write "dev:{{SessionNameRaw}}"'),
        ("system:{{sessionname}}", "[dev]", 'write "dev:{{SessionName}}"'),
        ("eks:{{sessionname}}", "[dev]", 'write "dev:{{SessionName}}"'),
        ("system:node:{{sessionname}}", "['system:nodes']", f'write "{NODE}"'),
        ("dev:{{sessionname}}", "['system:masters']", "write a fixed username: {{SessionName}} is not for admins"),
        (
            "x:{{EC2PrivateDnsName}}",
            "['system:masters']",
            "write a fixed username: {{EC2PrivateDNSName}} is not for admins",
        ),
        ("dev:[[SessionName]]", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:<SessionName>", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:%sessionname%", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:$SessionName", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev", "['x-{{sessionname}}']", "write a fixed group: {{SessionName}} is not for groups"),
    ],
)
def test_an_unknown_template(username: str, groups: str, remedy: str) -> None:
    found = located(ROLES + named(username, groups))
    assert [each.finding.remedy for each in found if each.finding.id == "IAM065"] == [remedy]


def test_an_unknown_template_of_a_user() -> None:
    text = f"{ROLES}  mapUsers:\n  - {{userARN: '{ANN}', username: 'x:{{{{sessionname}}}}', groups: [dev]}}\n"
    assert only(text).endswith("; write a fixed username: {{SessionName}} is not for a user")


def test_a_username_that_the_caller_chooses() -> None:
    assert only(ROLES + named("{{SessionName}}")).endswith('; add a fixed prefix: write "dev:{{SessionName}}"')
    ignored = "  # tarmak-iam: ignore[IAM070] the trust policy requires it"
    admin = only(ROLES + named("{{SessionName}}", "['system:masters']"))
    assert admin.endswith(
        '; write "admin:{{SessionName}}", require sts:RoleSessionName in the role\'s trust policy, and then suppress '
        "this finding"
    )
    done = named("admin:{{SessionName}}", "['system:masters']").replace("}}'\n", f"}}}}'{ignored}\n", 1)
    assert places(ROLES + done) == []


@pytest.mark.parametrize(
    ("username", "groups", "people"),
    [
        ("system:{{SessionName}}", "[dev]", 'write "dev:{{SessionName}}"'),
        ("eks:{{SessionName}}", "[dev]", 'write "dev:{{SessionName}}"'),
        ("system:node:{{SessionName}}", "[dev]", "remove system:"),
        (
            "system:node:{{SessionName}}",
            "['system:nodes']",
            "remove system: and the group system:nodes",
        ),
    ],
)
def test_a_reserved_username_that_the_caller_chooses(username: str, groups: str, people: str) -> None:
    found = only(ROLES + named(username, groups))
    assert found.endswith(f'; write "{NODE}" for nodes; for people, {people}')
    prefix = username.partition(":")[0]
    fixed = username.removeprefix(f"{prefix}:") if "remove" in people else "dev:{{SessionName}}"
    assert places(ROLES + named(fixed)) == []


@pytest.mark.parametrize(
    ("username", "what"),
    [
        ("system:kube-controller-manager", "is reserved by Kubernetes: it reads every Secret and issues tokens of"),
        (
            "system:masters",
            "is the name of a group: as a username it grants nothing; write your own username here, and system:masters",
        ),
        ("system:anonymous", "is reserved by Kubernetes: it is everyone who sends no credentials"),
        (
            "system:serviceaccount:kube-system:deployer",
            "is that of the service account kube-system:deployer: the entry gains what is bound to it",
        ),
        ("system:node:ip-10-0-0-1", "is that of the node ip-10-0-0-1: with the group system:nodes the entry may"),
        (
            "system:serviceaccount:kube-system",
            "is reserved by Kubernetes: it may have permissions that you do not know of",
        ),
        ("eks:node-manager", "is reserved by EKS: it may have permissions that you do not know of"),
    ],
)
def test_a_reserved_username(username: str, what: str) -> None:
    assert only(ROLES + named(username)).startswith(f"5:15 IAM073 the username '{username}' {what}")
