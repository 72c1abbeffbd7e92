"""What remedies about templates and reserved names ask for is right as it is written, in the place of the finding."""

from __future__ import annotations

import pytest

from tests.lint.mapped import DEV, ROLES, located, only, places

ANN = "arn:aws:iam::111122223333:user/Ann"
NODE = "system:node:{{EC2PrivateDNSName}}"


def entry(username: str, groups: str = "[dev]") -> str:
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
        ("dev:{{sessionname}}", "['system:masters']", "write the username itself: {{SessionName}} is not for admins"),
        (
            "x:{{EC2PrivateDnsName}}",
            "['system:masters']",
            "write the username itself: {{EC2PrivateDNSName}} is not for admins",
        ),
        ("dev:[[SessionName]]", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:<SessionName>", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:%sessionname%", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev:$SessionName", "[dev]", 'write "dev:{{SessionName}}"'),
        ("dev", "['x-{{sessionname}}']", "write the group itself: {{SessionName}} is not for groups"),
    ],
)
def test_an_unknown_template(username: str, groups: str, remedy: str) -> None:
    found = located(ROLES + entry(username, groups))
    assert [each.finding.remedy for each in found if each.finding.id == "IAM065"] == [remedy]


def test_an_unknown_template_of_a_user() -> None:
    text = f"{ROLES}  mapUsers:\n  - {{userARN: '{ANN}', username: 'x:{{{{sessionname}}}}', groups: [dev]}}\n"
    assert only(text).endswith("; write the username itself: {{SessionName}} is not for a user")


def test_a_username_that_the_caller_chooses() -> None:
    assert only(ROLES + entry("{{SessionName}}")).endswith(
        '; put something fixed before it, as in "dev:{{SessionName}}"'
    )
    ignored = "  # tarmak-iam: ignore[IAM070] the trust policy requires it"
    admin = only(ROLES + entry("{{SessionName}}", "['system:masters']"))
    assert admin.endswith(
        '; write "admin:{{SessionName}}", require sts:RoleSessionName in the role\'s trust policy, and then ignore this'
    )
    done = entry("admin:{{SessionName}}", "['system:masters']").replace("}}'\n", f"}}}}'{ignored}\n", 1)
    assert places(ROLES + done) == []


@pytest.mark.parametrize(
    ("username", "groups", "people"),
    [
        ("system:{{SessionName}}", "[dev]", '"dev:{{SessionName}}" for people'),
        ("eks:{{SessionName}}", "[dev]", '"dev:{{SessionName}}" for people'),
        ("system:node:{{SessionName}}", "[dev]", "leave system: out for people"),
        (
            "system:node:{{SessionName}}",
            "['system:nodes']",
            "leave system: and the group system:nodes out for people",
        ),
    ],
)
def test_a_reserved_username_that_the_caller_chooses(username: str, groups: str, people: str) -> None:
    found = only(ROLES + entry(username, groups))
    assert found.endswith(f'; write "{NODE}" for nodes, and {people}')
    prefix = username.partition(":")[0]
    mended = username.removeprefix(f"{prefix}:") if "leave" in people else "dev:{{SessionName}}"
    assert places(ROLES + entry(mended)) == []


@pytest.mark.parametrize(
    ("username", "what"),
    [
        ("system:kube-controller-manager", "is one of Kubernetes's own: it reads every Secret and issues tokens of"),
        (
            "system:masters",
            "is the name of a group: as a username it gives nothing; write a name of your own here, and system:masters",
        ),
        ("system:anonymous", "is one of Kubernetes's own: it is everyone who sends no credentials"),
        (
            "system:serviceaccount:kube-system:deployer",
            "is that of the service account kube-system:deployer: the entry gets what is bound to it",
        ),
        ("system:node:ip-10-0-0-1", "is that of the node ip-10-0-0-1: with the group system:nodes the entry gets"),
        ("system:serviceaccount:kube-system", "is one of Kubernetes's own: what is bound to it is not yours to see"),
        ("eks:node-manager", "is one of EKS's own: what is bound to it is not yours to see"),
    ],
)
def test_a_reserved_username(username: str, what: str) -> None:
    assert only(ROLES + entry(username)).startswith(f"5:15 IAM073 the username '{username}' {what}")
