"""Comments that set findings aside: where they count, and what is said of those that do nothing."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.lint import Subjects, examine
from tests.lint.mapped import CONFIG, ROLES, places, report
from tests.support import Shell

ACCOUNT = "  mapAccounts: ['444455556666']"
WHY = "the sandbox account"


def outcome(text: str) -> tuple[list[str], list[str]]:
    found = report(text)
    return [each.finding.id for each in found.findings], [each.finding.id for each in found.suppressed]


@pytest.mark.parametrize(
    "lines",
    [
        [f"{ACCOUNT}  # tarmak-iam: ignore[IAM074] {WHY}"],
        [f"  # tarmak-iam: ignore[IAM074] {WHY}", ACCOUNT],
        [f"# tarmak-iam: ignore[IAM074] {WHY}", "  # one more line", "", ACCOUNT],
        ["  # before", f"  # tarmak-iam: ignore[IAM074] {WHY}", "  # behind", ACCOUNT],
        [f"  #tarmak-iam:ignore[IAM074]: {WHY}", ACCOUNT],
        [f"  # tarmak-iam: ignore[ iam074 , ] - {WHY}", ACCOUNT],
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_it_counts_for_its_line_and_the_one_below(lines: list[str], newline: str) -> None:
    text = ROLES + "\n".join(lines) + "\n"
    if "" in lines:
        assert outcome(text.replace("\n", newline)) == (["IAM095", "IAM074"], [])  # a blank line ends it
    else:
        assert outcome(text.replace("\n", newline)) == ([], ["IAM074"])


@pytest.mark.parametrize(
    "text",
    [
        f"x-note: '# tarmak-iam: ignore[IAM074] {WHY}'\n" + ROLES + ACCOUNT + "\n",
        f"x-note: |\n  # tarmak-iam: ignore[IAM074] {WHY}\n" + ROLES + ACCOUNT + "\n",
        f"x-note: a# tarmak-iam:ignore[IAM074] {WHY}\n" + ROLES + ACCOUNT + "\n",
        ROLES + f"{ACCOUNT[:-1]}, '# tarmak-iam: ignore[IAM074] x']\n",
    ],
)
def test_a_text_that_looks_like_a_comment_suppresses_nothing(text: str) -> None:
    found, suppressed = outcome(text)
    assert "IAM074" in found
    assert "IAM095" not in found
    assert suppressed == []


def test_several_rules_in_one_comment() -> None:
    entry = (
        "  - roleARN: arn:aws:iam::111122223333:role/Dev\n    {} username: '{{{{SessionName}}}}'\n    groups: [dev]\n"
    )
    both = entry.format("# tarmak-iam: ignore[IAM070, IAM073] the trust policy fixes it\n   ")
    assert outcome(ROLES + both) == (["IAM095"], ["IAM070"])
    assert places(ROLES + both) == ["5:5 IAM095"]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# tarmak-iam: ignore[IAM074]", (["IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM074] -", (["IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM074, IAM073]", (["IAM095", "IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM740] why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore[] why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore[IAM074 why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignored", (["IAM074"], [])),
        ("# see tarmak-iam: ignore[IAM074]", (["IAM074"], [])),
        ("# tarmak-iam: ignore[IAM021] why", (["IAM074"], [])),
    ],
)
def test_comments_that_say_too_little(comment: str, expected: tuple[list[str], list[str]]) -> None:
    config = CONFIG + "- environment: dev\n  metadata:\n    name: other\n"
    found = report(ROLES + f"  {comment}\n{ACCOUNT}\n", config)
    ids = [each.finding.id for each in found.findings], [each.finding.id for each in found.suppressed]
    if "IAM021" in comment:
        expected = (["IAM095", "IAM074"], [])  # of the mappings there is one file for each cluster
    assert ids == expected


def test_the_words_of_each() -> None:
    (unused,) = report(ROLES + "# tarmak-iam: ignore[IAM074] why\n").findings
    assert str(unused) == (
        "map.yaml:4:1: warning: there is no finding IAM074 in line 5, so the comment suppresses nothing; "
        "remove it, or put it right above the line of the finding [IAM095]"
    )
    (unknown,) = report(ROLES + "# tarmak-iam: ignore[IAM7O4] why\n").findings
    assert str(unknown) == (
        "map.yaml:4:1: warning: there is no rule IAM7O4, so the comment suppresses nothing; did you mean IAM074? "
        "[IAM097]"
    )
    reason, _ = report(ROLES + "# tarmak-iam: ignore[IAM074]\n").findings[::-1]
    assert "write the reason behind it: # tarmak-iam: ignore[IAM074] because ..." in str(reason)


def test_in_tarmak_yaml() -> None:
    text = CONFIG + "  note: x  # tarmak-iam: ignore[IAM030] for the auditors\n"
    found = examine(Subjects(TarmakConfig.parse(text)))
    assert (found.findings, [each.finding.id for each in found.suppressed]) == ((), ["IAM030"])


def test_one_file_does_not_speak_for_another() -> None:
    config = CONFIG + "  # tarmak-iam: ignore[IAM074] why\n  location: eu-west-1\n"
    found = report(ROLES + ACCOUNT + "\n", config)
    assert [each.finding.id for each in found.findings] == ["IAM095", "IAM074"]


def test_a_comment_about_another_cluster_is_left_alone() -> None:
    """Rules about installations see the chosen cluster only."""
    on = "  kubernetes:\n    apiServer:\n      amazon:\n        # tarmak-iam: ignore[IAM021] mapped next week\n"
    on += "        awsIAMAuthenticatorInit: true\n"
    other = CONFIG + "- environment: dev\n  metadata:\n    name: other\n" + on
    assert report(ROLES, other).findings == ()
    assert [each.finding.id for each in report(ROLES, CONFIG + on).findings] == ["IAM095"]
    assert [each.finding.id for each in report("", CONFIG + on).suppressed] == ["IAM021"]


def test_json_has_no_comments() -> None:
    text = (
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "note": "# tarmak-iam: ignore[IAM030] x", '
        '"clusters": []}'
    )
    found = examine(Subjects(TarmakConfig.parse(text)))
    assert ([each.finding.id for each in found.findings], found.suppressed) == (["IAM030"], ())


def test_the_command_counts_them(shell: Shell) -> None:
    home = shell.single / "dev-cluster"
    (home / "aws-iam-authenticator.yaml").write_text(ROLES + f"{ACCOUNT}  # tarmak-iam: ignore[IAM074] {WHY}\n")
    done = shell.dev("check")
    assert (done.out, done.err) == ("", "nothing to complain about, 1 ignored by comments\n")
