"""What fixes say, and texts that no case of tests/lint/cases can show: other line ends, and none at the end."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.lint.files import CONFIG_NAME, fixable, fixed, outcome

DEV = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
DEV += "- environment: dev\n  metadata:\n    name: cluster\n"
IAM = "arn:aws:iam::111122223333"
ADMIN = f"server:\n  mapRoles:\n  - roleARN: {IAM}:role/Admin\n    username: admin\n    groups: ['system:masters']\n"


def entry(arn: str, username: str = "dev", groups: str = "[dev]") -> str:
    return f"  - roleARN: {arn}\n    username: {username}\n    groups: {groups}\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_ends_stay(end: str) -> None:
    text = f"{DEV}  location: a\n  location: b\n---\nx: y".replace("\n", end)
    after = f"{DEV}  # location: a\n  location: b\n# ---\n# x: y".replace("\n", end)
    assert fixed({CONFIG_NAME: text})[CONFIG_NAME] == after


def test_a_json_file() -> None:
    head = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", '
    text = head + '"clusters": [{"Location": "a", "cloudId": "x", "cloudId": "y"}]}'
    made = outcome({CONFIG_NAME: text}, unsafe=True)
    assert [after.text for _, after in made.changed] == [text.replace("Location", "location")]
    assert made.fixable == ()


def test_a_heading_goes_with_its_block() -> None:
    """The comment lines directly above it; the fix names them."""
    head = "  kubernetes:\n    apiServer:\n      allowCIDRs: [10.0.0.0/8]\n      amazon:\n        # ours\n\n"
    block, init = "        publicELBAccessLogs: {bucket: x}\n", "        awsIAMAuthenticatorInit: true\n"
    made = outcome({CONFIG_NAME: f"{DEV}{head}        # ELB access logs\n        # for the auditors\n{block}{init}"})
    assert [new.text for _, new in made.changed] == [DEV + head + init]
    assert [each.removed_comments for each in made.fixed] == [("# ELB access logs", "# for the auditors")]


def test_a_duplicate_key_with_a_comment_becomes_a_comment() -> None:
    files = {MAPPINGS_NAME: f"{ADMIN}    groups: ['system:masters']  # why\n"}
    made = outcome(files, unsafe=True)
    assert [each.fix.title for each in made.fixed] == ["make this 'groups' a comment: it is already in line 5"]
    assert [new.text for _, new in made.changed] == [f"{ADMIN}    # groups: ['system:masters']  # why\n"]


def test_entries_that_only_some_releases_take_for_one_stay() -> None:
    """U+017F is an s to those that ignore case as Go's EqualFold does."""
    text = ADMIN + entry(f"{IAM}:role/DevOps") + entry(f"{IAM}:role/DevOp\u017f")
    assert fixable({MAPPINGS_NAME: text}) == ()
    found = fixable({MAPPINGS_NAME: text + entry(f"{IAM}:role/devops")})
    assert [each.fix.title for each in found] == ["remove the entry in line 6: the one in line 12 takes effect"]


@pytest.mark.parametrize("groups", ["'\u201cdev\u201d,ops'", "' dev,ops'", "'system:master,ops'"])
def test_no_name_is_written_over_the_other_groups_of_a_string(groups: str) -> None:
    files = {MAPPINGS_NAME: ADMIN + entry(f"{IAM}:role/Dev", groups=groups)}
    assert [each.located.finding.id for each in fixable(files)] == ["IAM061"]


def test_a_comment_goes_in_one_fix() -> None:
    text = "  # tarmak-iam: ignore[IAM070, IAM073, IAM999] the trust policy\n  # fixes it\n  mapUsers: []\n"
    title = "remove the comment: it suppresses nothing"
    made = outcome({MAPPINGS_NAME: ADMIN + text})
    assert [each.line_of("fixed") for each in made.fixed] == [
        f"{MAPPINGS_NAME}:6:3: fixed: {title} [{rule_id}]" for rule_id in ("IAM095", "IAM095", "IAM097")
    ]


def test_a_wrong_cluster_id_is_not_a_safe_fix() -> None:
    """Access is compared without the cluster's ID, but with the right one everybody gains access."""
    (found,) = fixable({MAPPINGS_NAME: f"clusterID: other-x\n{ADMIN}"})
    assert not found.is_safe
