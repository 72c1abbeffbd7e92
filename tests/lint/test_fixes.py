"""The fixes of each rule beyond the example on its page: what is written, and where there is no fix."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.lint.fixed import fixable, fixed, outcome
from tests.lint.remedies import CONFIG_NAME

DEV = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
DEV += "- environment: dev\n  metadata:\n    name: cluster\n"
IAM = "arn:aws:iam::111122223333"
ADMIN = f"server:\n  mapRoles:\n  - roleARN: {IAM}:role/Admin\n    username: admin\n    groups: ['system:masters']\n"


def entry(arn: str, username: str = "dev", groups: str = "[dev]") -> str:
    return f"  - roleARN: {arn}\n    username: {username}\n    groups: {groups}\n"


def of_config(text: str, *, unsafe: bool = True) -> str:
    """The lines after those of the cluster, after the fixes."""
    return str(fixed({CONFIG_NAME: DEV + text}, unsafe=unsafe)[CONFIG_NAME]).removeprefix(DEV)


def of_mappings(text: str, *, unsafe: bool = True) -> str:
    """The lines after the admin's entry, after the fixes."""
    return str(fixed({MAPPINGS_NAME: ADMIN + text}, unsafe=unsafe)[MAPPINGS_NAME]).removeprefix(ADMIN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # renamed where they are, with comments and quotes
        ("  # where\n  Location: eu-west-1  # ireland\n", "  # where\n  location: eu-west-1  # ireland\n"),
        ('  "Location": eu-west-1\n', '  "location": eu-west-1\n'),
        ("  kubernetes: {Version: 1.12.9}\n", "  kubernetes: {version: 1.12.9}\n"),
        # moved to their place, with everything below them
        (
            "  apiServer:   # misplaced\n    # open\n    public: true\n  kubernetes:\n    version: 1.12.9\n",
            "  kubernetes:\n    version: 1.12.9\n    apiServer:   # misplaced\n      # open\n      public: true\n",
        ),
        (
            "  apiServer:\n    amazon:\n      awsIamAuthenticatorInit: false\n",
            "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: false\n",
        ),
        # with a value that Tarmak would reject or misread then
        ("  kubernetes: {Version: v1.12.9}\n", "  kubernetes: {version: 1.12.9}\n"),
        ("  Kubernetes:\n    Version: v1.12.9  # x\n", "  kubernetes:\n    version: 1.12.9  # x\n"),
        # a misspelt key below a misspelt one
        ("  Kubernetes:\n    Version: 1.12.9\n", "  kubernetes:\n    version: 1.12.9\n"),
    ],
)
def test_keys_of_tarmak_yaml(before: str, after: str) -> None:
    assert of_config(before) == after
    assert of_config(before, unsafe=False) == before


@pytest.mark.parametrize(
    "text",
    [
        "  kubernetes:\n    version: 1.12.9\n    Version: 1.13.0\n",  # it is set already
        "  kubernetes: {apiServer: {public: false}}\n  apiServer:\n    public: true\n",
        "  nonsense: true\n",  # no key is like it
        "  regon: eu-west-1\n",
    ],
)
def test_keys_of_tarmak_yaml_that_stay(text: str) -> None:
    assert of_config(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  kubernetes:\n    version: 1.12.9  # old\n    version: 1.13.0\n",
            "  kubernetes:\n    # version: 1.12.9  # old\n    version: 1.13.0\n",
        ),
        ("  location: a\n  location: a\n  project: x\n", "  location: a\n  project: x\n"),
        ("  location: a  # keep\n  location: a\n", "  # location: a  # keep\n  location: a\n"),
        (
            "  kubernetes:\n    apiServer:\n      # open\n\n      public: true\n    apiServer: {}\n",
            "  kubernetes:\n    # apiServer:\n    #   # open\n\n    #   public: true\n    apiServer: {}\n",
        ),
        # several, and one of another key between them
        (
            "  location: a\n  location: b\n  cloudId: x\n  location: c\n",
            "  # location: a\n  # location: b\n  cloudId: x\n  location: c\n",
        ),
        # on the line of a dash nothing can be a comment
        ("  instancePools:\n  - size: a\n    size: b\n", "  instancePools:\n  - size: b\n"),
        ("  kubernetes: {version: 1.12.9, version: 1.13.0}\n", "  kubernetes: {version: 1.12.9, version: 1.13.0}\n"),
        (
            "  description: |\n    text\n  location: a\n  location: b\n",
            "  description: |\n    text\n  # location: a\n  location: b\n",
        ),
    ],
)
def test_duplicates_in_tarmak_yaml(before: str, after: str) -> None:
    assert of_config(before, unsafe=False) == after


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # another merge key, and an own key that has the same value
        (
            "  <<: {location: a}\n  <<: {location: b}\n",
            "  <<: {location: a}\n  <<: {location: b}\n",
        ),
        ("  location: a\n  <<: {location: b}\n", "  # location: a\n  <<: {location: b}\n"),
    ],
)
def test_keys_that_a_merge_key_overrides(before: str, after: str) -> None:
    assert of_config(before, unsafe=False) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\n# more\nx: y\n", "# ---\n# # more\n# x: y\n"),
        ("---\n...\n--- |\n text\n\nend\n", None),
        ("x: y\n", None),  # the first document ends early: something else was meant
    ],
)
def test_what_comes_after_the_first_document(before: str, after: str | None) -> None:
    whole = DEV if after is not None or before.startswith("---") else DEV.replace("\n", "\n  ").removesuffix("  ")
    whole = f"  {whole}" if whole is not DEV else whole
    made = fixed({CONFIG_NAME: whole + before})[CONFIG_NAME]
    if after is not None:
        assert made == whole + after
    elif before.startswith("---"):
        assert all(line.startswith("#") or not line for line in made.removeprefix(whole).splitlines())
    else:
        assert made == whole + before


@pytest.mark.parametrize(
    ("logs", "after"),
    [
        ("internalELBAccessLogs: {interval: 60}", None),
        (
            "internalELBAccessLogs: {enabled: false, interval: 40}",
            "internalELBAccessLogs: {enabled: false, interval: 60}",
        ),
        (
            "internalELBAccessLogs: {enabled: false, interval: 1}",
            "internalELBAccessLogs: {enabled: false, interval: 5}",
        ),
        ("publicELBAccessLogs: {bucket: x}", None),
    ],
)
def test_access_logs(logs: str, after: str | None) -> None:
    head = "  kubernetes:\n    apiServer:\n      allowCIDRs: [10.0.0.0/8]\n"
    own = "      amazon:\n        awsIAMAuthenticatorInit: false\n"
    line = f"        {logs}\n"
    assert of_config(head + own + line, unsafe=False) == head + own + (f"        {after}\n" if after else "")


@pytest.mark.parametrize(
    ("comments", "left"),
    [
        ("# Access logs\n", ""),
        ("# ELB access logs\n        # for the auditors\n", ""),
        ("# ---- Access logs ----\n", ""),
        # not directly above it
        ("# Access logs\n\n", "# Access logs\n\n"),
        ("# Access logs\n\n        # for the auditors\n", "# Access logs\n\n"),
    ],
)
def test_headings_of_access_logs(comments: str, left: str) -> None:
    """The comment lines directly above the block go with it."""
    head = "  kubernetes:\n    apiServer:\n      allowCIDRs: [10.0.0.0/8]\n      amazon:\n"
    block, init = "        publicELBAccessLogs: {bucket: x}\n", "        awsIAMAuthenticatorInit: true\n"
    before = f"{head}        {comments}{block}{init}"
    after = f"{head}        {left}{init}" if left else head + init
    assert of_config(before, unsafe=False) == after.replace("\n        \n", "\n\n")
    (found,) = outcome({CONFIG_NAME: DEV + before}).fixed
    texts = tuple(each.strip() for each in comments.removeprefix(left).splitlines())
    assert found.removed_comments == texts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (entry(f"{IAM}:role/Dev/", "a"), entry(f"{IAM}:role/Dev", "a")),
        (entry(f'"{IAM}:role/Dev "  # x'), entry(f'"{IAM}:role/Dev"  # x')),
        (entry(f"{IAM}:role/a/b/Dev"), entry(f"{IAM}:role/Dev")),
        (entry("arn:aws:iam::1111-2222-3333:role/Dev"), entry(f"{IAM}:role/Dev")),
        (entry(f"{IAM}:roles/Dev"), entry(f"{IAM}:role/Dev")),
    ],
)
def test_arns(before: str, after: str) -> None:
    assert of_mappings(before) == after
    assert of_mappings(before, unsafe=False) == before


@pytest.mark.parametrize(
    "text",
    [
        entry(f"{IAM}:policy/Dev"),
        entry(f"{IAM}:role/*"),
        entry("arn:aws:iam::11112222333:role/Dev"),  # any digit may be missing
        entry(f"{IAM}:role/team/Admin"),  # it is mapped already
        entry(f"{IAM}:role/\u212aube"),  # some releases treat it as another principal
        "  mapAccounts: [11112222333]\n",
        "  mapAccounts: ['1111']\n",
    ],
)
def test_principals_that_stay(text: str) -> None:
    assert of_mappings(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  mapAccounts: [012345678901]\n", "  mapAccounts: ['012345678901']\n"),
        ('  mapAccounts: ["0123-4567-8901"]\n', '  mapAccounts: ["012345678901"]\n'),
    ],
)
def test_accounts(before: str, after: str) -> None:
    assert of_mappings(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # the last one takes effect
        (
            entry(f"{IAM}:role/Dev", groups="[a]") + entry(f"{IAM}:role/dev", groups="[b]"),
            entry(f"{IAM}:role/dev", groups="[b]"),
        ),
        (
            entry(f"{IAM}:role/Dev", groups="[a]") * 3,
            entry(f"{IAM}:role/Dev", groups="[a]"),
        ),
        # roles are searched before users
        (
            entry(f"{IAM}:user/ann") + f"  mapUsers:\n  - userARN: {IAM}:user/ann\n    username: b\n    groups: [b]\n",
            entry(f"{IAM}:user/ann") + "  mapUsers: []\n",
        ),
    ],
)
def test_principals_that_are_mapped_twice(before: str, after: str) -> None:
    assert of_mappings(before, unsafe=False) == after


def test_an_admin_that_another_entry_replaces_stays() -> None:
    """Which of them was meant is not certain."""
    text = entry(f"{IAM}:role/admin", groups="[dev]")
    assert of_mappings(text + entry(f"{IAM}:role/Other", groups="['system:masters']")) == text + entry(
        f"{IAM}:role/Other", groups="['system:masters']"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (entry(f"{IAM}:role/Dev", groups='"a,b"'), entry(f"{IAM}:role/Dev", groups="[a, b]")),
        (
            entry(f"{IAM}:role/Dev", username="'dev:{{sessionname}}'"),
            entry(f"{IAM}:role/Dev", username="'dev:{{SessionName}}'"),
        ),
        (entry(f"{IAM}:role/Dev", username='" dev"'), entry(f"{IAM}:role/Dev", username='"dev"')),
        (entry(f"{IAM}:role/Dev", groups="[a, 'b;c', d]  # x"), entry(f"{IAM}:role/Dev", groups="[a, b, c, d]  # x")),
        (entry(f"{IAM}:role/Dev", groups="[system:master]"), entry(f"{IAM}:role/Dev", groups="['system:masters']")),
    ],
)
def test_names(before: str, after: str) -> None:
    assert of_mappings(before) == after


@pytest.mark.parametrize(
    "text",
    [
        entry(f"{IAM}:role/Dev", username="'{{sessionname}}'"),  # needs a prefix
        entry(f"{IAM}:role/Dev", username="'dev:{{nonsense}}'"),
        entry(f"{IAM}:role/Dev", groups="['dev:{{sessionname}}']"),  # does not belong in groups
        entry(f"{IAM}:role/Dev", username="'<name>'"),
        entry(f"{IAM}:role/Dev", groups="['  ']"),
    ],
)
def test_names_that_stay(text: str) -> None:
    assert of_mappings(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"  - rolearn_: {IAM}:role/Dev  # devs\n    user-name: dev\n    Group: [dev]\n",
            f"  - roleARN: {IAM}:role/Dev  # devs\n    username: dev\n    groups: [dev]\n",
        ),
        (
            f"mapUsers:  # people\n# first\n- userARN: {IAM}:user/x\n  username: x\n  groups: [x]\n",
            f"  mapUsers:  # people\n  # first\n  - userARN: {IAM}:user/x\n    username: x\n    groups: [x]\n",
        ),
        (
            f"  - roleARN: {IAM}:role/Dev  # a\n  - username: dev  # b\n    groups: [dev]\n",
            f"  - roleARN: {IAM}:role/Dev  # a\n    username: dev  # b\n    groups: [dev]\n",
        ),
        (
            f"  - roleARN: {IAM}:role/Dev\n    username: dev\n    groups:\n  - dev\n  - ops\n",
            f"  - roleARN: {IAM}:role/Dev\n    username: dev\n    groups: [dev, ops]\n",
        ),
        ("  -\n", ""),
    ],
)
def test_keys_and_shapes_of_mappings(before: str, after: str) -> None:
    assert of_mappings(before) == after


@pytest.mark.parametrize(
    "text",
    [
        f"  - roleARN: {IAM}:role/Dev\n    permissionSetName: x\n    username: dev\n    groups: [dev]\n",
        f"  - userARN: {IAM}:user/x\n    username: x\n    groups: [x]\n",  # belongs into the other list
        "  mapUsers: |\n    - userARN: x  # why\n      username: x\n",  # a comment would be lost
        "  mapUsers: text\n",
        entry(f"{IAM}:role/Dev") + f"    roleARN: {IAM}:role/Ops\n    username: ops\n    groups: [ops]\n",
    ],
)
def test_keys_and_shapes_that_stay(text: str) -> None:
    assert of_mappings(text) == text


USER_A = f"  - userARN: {IAM}:user/a\n    username: a\n    groups: [a]\n"
USER_B = f"  - userARN: {IAM}:user/b\n    username: b\n    groups: [b]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (entry(f"{IAM}:role/Dev") + "    username: dev\n", entry(f"{IAM}:role/Dev")),
        (
            f"  mapUsers:\n{USER_A}  mapUsers:  # more\n{USER_B}",
            f"  mapUsers:  # more\n{USER_A}{USER_B}",
        ),
    ],
)
def test_duplicate_keys_of_mappings(before: str, after: str) -> None:
    assert of_mappings(before) == after


def test_a_duplicate_key_with_a_comment_becomes_a_comment() -> None:
    files = {MAPPINGS_NAME: f"{ADMIN}    groups: ['system:masters']  # why\n"}
    made = outcome(files, unsafe=True)
    assert [each.fix.title for each in made.fixed] == ["make this 'groups' a comment: it is already in line 5"]
    assert [new.text for _, new in made.changed] == [f"{ADMIN}    # groups: ['system:masters']  # why\n"]


def test_the_backends() -> None:
    reserved = "  reservedPrefixConfig:\n  - {backendMode: mountedFile, usernamePrefixReserveList: [x]}\n"
    assert of_mappings(f"  backendMode: [mountedfile, Crd]\n{reserved}") == reserved.replace(
        "mountedFile", "MountedFile"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# tarmak-iam: ignore[IAM070, IAM073] why\n", ""),
        (
            "  # tarmak-iam: ignore[IAM074, IAM070] why\n  mapAccounts: ['444455556666']\n",
            "  # tarmak-iam: ignore[IAM074] why\n  mapAccounts: ['444455556666']\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM7O4] why\n  mapAccounts: ['444455556666']\n",
            "  # tarmak-iam: ignore[IAM074] why\n  mapAccounts: ['444455556666']\n",
        ),
        ("  # tarmak-iam: ignore\n  mapUsers: []\n", "  mapUsers: []\n"),
        # whatever the lines below it say, they stay
        (
            "  # tarmak-iam: ignore[IAM070] the policy\n  # fixes the name\n  # of it\n  # The users\n  mapUsers: []\n",
            "  # fixes the name\n  # of it\n  # The users\n  mapUsers: []\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070] why.\n  # the users\n  mapUsers: []\n",
            "  # the users\n  mapUsers: []\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070] why\n    # the users\n  # username: x\n  mapUsers: []\n",
            "    # the users\n  # username: x\n  mapUsers: []\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070] why\n  # username: x\n  mapUsers: []\n",
            "  # username: x\n  mapUsers: []\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070] why\n\n  # the users\n  mapUsers: []\n",
            "\n  # the users\n  mapUsers: []\n",
        ),
        # all of its IDs go
        (
            "  # tarmak-iam: ignore[IAM070, IAM999] the trust policy\n  # fixes it\n  mapUsers: []\n",
            "  # fixes it\n  mapUsers: []\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070, IAM074] the trust policy\n  # fixes it\n  mapAccounts: ['444455556666']\n",
            "  # tarmak-iam: ignore[IAM074] the trust policy\n  # fixes it\n  mapAccounts: ['444455556666']\n",
        ),
        (
            "  # tarmak-iam: ignore[IAM070, IAM7O4] the trust policy\n  mapAccounts: ['444455556666']\n",
            "  # tarmak-iam: ignore[IAM074] the trust policy\n  mapAccounts: ['444455556666']\n",
        ),
    ],
)
def test_comments(before: str, after: str) -> None:
    assert of_mappings(before, unsafe=False) == after


def test_entries_that_only_some_releases_take_for_one_stay() -> None:
    """U+017F is an s to those that ignore case as Go's EqualFold does."""
    text = ADMIN + entry(f"{IAM}:role/DevOps") + entry(f"{IAM}:role/DevOp\u017f")
    assert fixable({MAPPINGS_NAME: text}) == ()
    found = fixable({MAPPINGS_NAME: text + entry(f"{IAM}:role/devops")})
    assert [each.fix.title for each in found] == ["remove the entry in line 6: that in line 12 takes effect"]


@pytest.mark.parametrize("groups", ["'\u201cdev\u201d,ops'", "' dev,ops'", "'system:master,ops'"])
def test_no_name_is_written_over_the_other_groups_of_a_string(groups: str) -> None:
    files = {MAPPINGS_NAME: ADMIN + entry(f"{IAM}:role/Dev", groups=groups)}
    assert [each.located.finding.id for each in fixable(files)] == ["IAM061"]


def test_a_comment_goes_in_one_fix() -> None:
    text = "  # tarmak-iam: ignore[IAM070, IAM073, IAM999] the trust policy\n  # fixes it\n  mapUsers: []\n"
    title = "remove the comment: it suppresses nothing"
    made = outcome({MAPPINGS_NAME: ADMIN + text})
    assert [each.line for each in made.fixed] == [
        f"{MAPPINGS_NAME}:6:3: fixed: {title} [{rule_id}]" for rule_id in ("IAM095", "IAM095", "IAM097")
    ]


def test_a_wrong_cluster_id_is_not_a_safe_fix() -> None:
    """Access is compared without the cluster's ID, but with the right one everybody gains access."""
    (found,) = fixable({MAPPINGS_NAME: f"clusterID: other-x\n{ADMIN}"})
    assert not found.is_safe
