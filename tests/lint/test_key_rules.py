"""Keys that the authenticator does not read: who loses access by them, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ADMIN, CONFIG, DEV, ROLES, SSO, located, only, places

HEAD = "clusterID: dev-cluster\n"
EXITS = "authenticator v0.5.0 and later does not start, and IAM login is not possible: "
ENTRY = f"  - roleARN: {DEV}\n    username: dev\n    groups: [dev]\n"
ON = "  kubernetes: {apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n"

EXITING = {
    "arn": f"  - {{arn: '{DEV}', username: dev, groups: [dev]}}\n",
    "role_arn": f"  - {{role_arn: '{DEV}', username: dev, groups: [dev]}}\n",
    "userARN": f"  - {{userARN: '{DEV}', username: dev, groups: [dev]}}\n",
    "a user": f"  mapUsers:\n  - {{arn: '{DEV}', username: dev, groups: [dev]}}\n",
    "sso": "  - {permissionSetName: Dev, accountID: '111122223333', username: dev, groups: [dev]}\n",
    "several": f"  - {{roleARNs: ['{DEV}'], username: dev, groups: [dev]}}\n",
    "no ARN": "  - {role: Dev, username: dev, groups: [dev]}\n",
    "a dash": f"  - roleARN: {DEV}\n    username: dev\n  - groups: [dev]\n",
}


@pytest.mark.parametrize("case", EXITING)
def test_an_entry_without_a_principal_ends_every_release_from_v0_5_0_on(case: str) -> None:
    text = ROLES + EXITING[case]
    assert only(text).split(" ", 2)[2].startswith(EXITS)
    for version in known_releases():
        loaded = Authenticator.load(HEAD + text, version=str(version))
        assert (loaded.config is None) is (version >= DaemonVersion(0, 5, 0))


@pytest.mark.parametrize(
    "text",
    [
        ROLES + f"  - {DEV}\n",
        ROLES + ENTRY.replace("[dev]", "") + "  - dev\n",
        ROLES + "  - [dev]\n",
        f"server:\n  mapRoles:\n    Dev: {{roleARN: '{DEV}', username: dev}}\n",
    ],
)
def test_a_list_of_something_else_ends_every_release(text: str) -> None:
    assert " IAM116 the authenticator does not start, and IAM login is not possible: " in only(text)
    for version in known_releases():
        assert Authenticator.load(HEAD + text, version=str(version)).config is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # who is mapped there
        (ROLES + "  people:\n" + ADMIN, "4:3 IAM057"),
        (ROLES + f"admins: ['{DEV}']\n", "4:1 IAM057"),
        (ROLES + f"data:\n  mapRoles: |\n    - rolearn: {DEV}\n      username: dev\n", "4:1 IAM057"),
        # whom nobody misses
        (ROLES + f"notes: see {DEV}\n", "4:1 IAM058"),
        (ROLES + "people: []\n", "4:1 IAM058"),
        (ROLES + "groups: [dev]\n", "4:1 IAM058"),
        ("groups: [dev]\n" + ROLES, "1:1 IAM058"),
        (ROLES + f"  - {{roleARN: '{DEV}', arn: '{DEV}', username: dev}}\n", "4:53 IAM058"),
        (ROLES + f"  - {{roleARN: '{DEV}', username: dev, user: ann}}\n", "4:68 IAM058"),
        (ROLES + f"  - {{roleARN: '{DEV}', username: dev, groups: [a], group: []}}\n", "4:81 IAM058"),
        # what is lost beside the same key
        (ROLES + f"  - {{roleARN: '{DEV}', arn: '{DEV}2', username: dev}}\n", "4:53 IAM057"),
        (ROLES + f"  - {{roleARN: '{DEV}', username: dev, groups: [a], group: [b]}}\n", "4:81 IAM057"),
    ],
)
def test_only_what_somebody_misses_is_an_error(text: str, expected: str) -> None:
    assert places(text) == [expected]


def test_an_arn_beside_sso_is_not_made_the_principal() -> None:
    """With both the daemon does not start."""
    entry = f"  - {{sso: {{accountID: '111122223333', permissionSetName: Dev}}, arn: '{DEV}', username: dev}}\n"
    assert only(ROLES + entry, **SSO).endswith("make it a separate entry, with its username and groups, or remove it")
    both = ROLES + entry.replace(" arn:", " roleARN:")
    assert Authenticator.load(HEAD + both, version="v0.7.9").config is None


def test_groups_are_not_given_to_an_entry_that_has_others() -> None:
    found = only(ROLES + ENTRY + "  groups: ['system:masters']\n")
    assert found.endswith("; move it to the entry that it belongs to, or remove it")


def test_an_anchor_that_is_used_is_not_to_be_removed() -> None:
    text = "base: &base {username: dev, groups: [dev]}\n" + ROLES + f"  - {{<<: *base, roleARN: '{DEV}'}}\n"
    assert only(text).endswith("; prefix its name with x-: x-base")
    assert only(text.replace("<<: *base", "username: dev")).endswith("; remove it, or make it a comment")


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (f"  - {{roleARN: '{DEV}', user: dev}}\n", "so arn:aws:iam::111122223333:role/Dev has no username; did you"),
        (f"  - {{roleARN: '{DEV}', username: dev, group: [d]}}\n", "role/Dev has no groups; did you mean groups?"),
        (
            f"  - {{roleARN: '{DEV}', username: dev, group: ['system:masters']}}\n",
            "role/Dev has no groups; the admin certificate was not examined; did you mean groups?",
        ),
    ],
)
def test_what_an_entry_loses(text: str, lost: str) -> None:
    assert lost in only(ROLES + text)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            f"  - {{roleARN: '{DEV}', kubernetes: {{username: dev, groups: [dev]}}}}\n",
            (
                "4:53 IAM057 the authenticator ignores 'kubernetes' in mapRoles, and groups and username below it; "
                "move the keys below 'kubernetes' up one level, and remove 'kubernetes'"
            ),
        ),
        (
            f"  - {{principal: {{arn: '{DEV}'}}, username: dev}}\n",
            (
                f"4:6 IAM057 {EXITS}the authenticator ignores 'principal' in mapRoles; the admin certificate was not "
                "examined; move the keys below 'principal' up one level, and remove 'principal'"
            ),
        ),
        (
            f"  - {{roleARN: '{DEV}', username: dev, extra: {{username: x}}}}\n",
            (
                "4:68 IAM058 the authenticator does not know the key 'extra' in mapRoles, and ignores it; remove it, "
                "or make it a comment"
            ),
        ),
    ],
)
def test_keys_of_an_entry_below_a_key_that_there_is_not(entry: str, expected: str) -> None:
    assert only(ROLES + entry) == expected


def test_an_sso_entry_without_its_keys_ends_the_daemon() -> None:
    entry = "  - {sso: {accountID: '111122223333', name: Dev}, username: dev}\n"
    assert only(ROLES + entry, **SSO) == (
        f"4:39 IAM057 {EXITS}the authenticator ignores 'name' in sso; the admin certificate was not examined; "
        "did you mean permissionSetName?"
    )
    for version in known_releases():
        loaded = Authenticator.load(HEAD + ROLES + entry, version=str(version))
        assert (loaded.config is None) is (version >= DaemonVersion(0, 5, 0))


def found(text: str) -> list[str]:
    config = TarmakConfig.parse(CONFIG + ON)
    people = Mappings.parse(text)
    made = Installation.of(config, config.clusters[0], people)
    return sorted(each.finding.id for each in check(Subjects(config, people, made)) if each.finding.id > "IAM020")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cluster_id: dev-cluster\n", ["IAM021", "IAM057"]),  # it hides nobody
        ("mapRoles:\n" + ADMIN, ["IAM057"]),
        ("server:\n  mapRoles:\n" + ENTRY + "  scrubedAccounts: []\n", ["IAM057", "IAM084"]),
        ("server:\n  mapRoles:\n" + ENTRY + "  people:\n" + ADMIN, ["IAM057"]),
        ("server:\n  mapRoles:\n" + ENTRY + ADMIN.replace("groups:", "group:"), ["IAM057"]),
    ],
)
def test_a_key_hides_only_the_admins_that_it_has(text: str, expected: list[str]) -> None:
    assert [each for each in found(text) if each in ("IAM021", "IAM057", "IAM059", "IAM084")] == expected


@given(
    st.sampled_from(["roleARN", "username", "groups", "mapRoles", "server"]),
    st.sampled_from(["swap", "drop", "double", "dash", "capitals"]),
    st.integers(0, 20),
)
def test_a_misspelt_key_is_found_wherever_its_letters_are_wrong(key: str, mistake: str, at: int) -> None:
    at %= len(key) - 1
    wrong = {
        "swap": key[:at] + key[at + 1] + key[at] + key[at + 2 :],
        "drop": key[:at] + key[at + 1 :],
        "double": key[:at] + key[at] + key[at:],
        "dash": f"{key[: at + 1]}_{key[at + 1 :]}",
        "capitals": key.upper(),
    }[mistake]
    text = (ROLES + ENTRY).replace(f"{key}:", f"{wrong}:", 1)
    rules = [each.finding.id for each in located(text)]
    assert rules == ([] if wrong.lower() == key.lower() else ["IAM057"])
    if rules:
        assert only(text).endswith(f"did you mean {key}?")
