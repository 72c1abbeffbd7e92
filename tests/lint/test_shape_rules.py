"""Keys that the daemon does not read, and values that it reads otherwise than they look."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ADMIN, CONFIG, DEV, ROLES, only, places, report

EXITS = "authenticator v0.5.0 and later does not start, and IAM login is not possible: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "mapRoles:\n" + ADMIN,
            (
                "1:1 IAM057 the authenticator ignores 'mapRoles' at the top level, and the principals mapped there "
                "have no access; the "
            ),
        ),
        (
            "Server:\n  map_roles:\n" + ADMIN,
            (
                "2:3 IAM057 the authenticator ignores 'map_roles' in server, and the principals mapped there have no "
                "access; the admin"
            ),
        ),
        (
            "serve:\n  mapRoles:\n" + ADMIN,
            "1:1 IAM057 the authenticator ignores 'serve' at the top level, and the principals mapped there have no",
        ),
        (ROLES + "  clusterID: dev-cluster\n", "4:3 IAM057 the authenticator ignores 'clusterID' in server; "),
        (ROLES + "cluster_id: dev-cluster\n", "4:1 IAM057 "),
        (
            ROLES + "  roles: []\n",
            "4:3 IAM058 the authenticator does not know the key 'roles' in server, and ignores it; mapRoles",
        ),
        (
            ROLES + f"  - {{role_arn: '{DEV}', username: dev}}\n",
            "4:6 IAM057 "
            + EXITS
            + "the entry has no roleARN, and the authenticator ignores 'role_arn' in mapRoles; the",
        ),
        (
            ROLES + f"  - {{arn: '{DEV}', username: dev}}\n",
            "4:6 IAM057 " + EXITS + "the entry has no roleARN, and the authenticator ignores 'arn' in mapRoles; the",
        ),
        (
            ROLES + f"  - {{userARN: '{DEV}', username: dev}}\n",
            "4:6 IAM057 "
            + EXITS
            + "the entry has no roleARN, and the authenticator ignores 'userARN' in mapRoles; the",
        ),
        (
            ROLES + f"  - {{roleARN: '{DEV}', user: dev}}\n",
            f"4:53 IAM057 the authenticator ignores 'user' in mapRoles, so {DEV} has no username; did you",
        ),
        (
            ROLES + f"  - {{roleARN: '{DEV}', username: dev, group: [d]}}\n",
            f"4:68 IAM057 the authenticator ignores 'group' in mapRoles, so {DEV} has no groups; did you mean groups?",
        ),
        (
            ROLES + f"  - {{roleARN: '{DEV}', username: dev, note: x}}\n",
            "4:68 IAM058 the authenticator does not know the key 'not",
        ),
        (
            ROLES + "  scrubedAccounts: []\n",
            "4:3 IAM057 the authenticator ignores 'scrubedAccounts' in server; did you mean scrubbedAccounts?",
        ),
        (
            ROLES + "  logLevel: debug\n",
            "4:3 IAM058 the authenticator does not know the key 'logLevel' in server, and ignores it;",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\ndata: {mapRoles: ''}\n",
            "2:1 IAM057 this is the file of another tool: the authenticator ignores all of it, and no principal",
        ),
    ],
)
def test_a_key_that_is_not_read(text: str, expected: str) -> None:
    assert only(text).startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "x-notes: {any: thing}\n" + ROLES,
        "clusterid: dev-cluster\n" + ROLES.replace("server", "SERVER").replace("mapRoles", "maproles"),
        "server.mapRoles:\n" + ADMIN,
        ROLES + f"  - {{roleARN: '{DEV}', username: dev, groups: [dev], userid: x, x-note: ask Ann}}\n",
        "x-base: &base {username: dev, groups: [dev]}\n" + ROLES + f"  - {{<<: *base, roleARN: '{DEV}'}}\n",
        ROLES + "  port: 21362\n  stateDir: /var/aws-iam-authenticator\n  address: 127.0.0.1\n",
        ROLES + "defaultRole: arn:aws:iam::111122223333:role/Admin\n",
    ],
)
def test_a_key_that_is_read(text: str) -> None:
    assert places(text) == []


def test_what_is_below_an_anchor_is_told_where_it_is_written() -> None:
    entry = f"  - &dev {{roleARN: '{DEV}', username: dev, note: x}}\n"
    assert places(ROLES + entry) == ["4:73 IAM058"]


def test_keys_that_are_there_twice() -> None:
    twice = ROLES + "  mapRoles: []\n"
    assert places(twice) == ["4:3 IAM059"]
    assert places(twice, daemonVersion="v0.7.9") == ["4:3 IAM059"]
    assert "duplicate key 'mapRoles', already in line 2: authenticator v0.6.30 and later does" in only(twice)
    assert "'maproles' is already set in line 2, as 'mapRoles'; the authenticator uses one of" in only(
        twice.replace("  mapRoles: []", "  maproles: []")
    )
    assert "the authenticator uses one of them: 'mapRoles'; the" in only(
        twice.replace("  mapRoles: []", "  maproles: []")
    )
    assert "the authenticator uses one of them at random at each start; the" in only(
        twice.replace("  mapRoles: []", "  MapRoles: []")
    )
    assert places("x-a: {b: 1, b: 2}\n" + ROLES) == ["1:13 IAM059"]
    assert places(ROLES + f"  - {{roleARN: '{DEV}', rolearn: '{DEV}', username: dev}}\n") == ["4:53 IAM059"]
    field = only(ROLES + f"  - {{roleARN: '{DEV}', rolearn: '{DEV}', username: dev}}\n")
    assert "one of them: one at random at each start before v0.6.30, 'roleARN' in v0.6.30 and later; the" in field
    odd = only(ROLES + f"  - {{roleARN: '{DEV}', u\u017fername: dev, username: dev}}\n")
    assert "'username' is already set in line 4, as 'u\u017fername'; the authenticator uses one of them at r" in odd


@pytest.mark.parametrize(
    ("keys", "which"),
    [
        ("groups: [a], Groups: [b]", ": 'Groups'"),
        (
            "groups: [a], Groups: [b], GROUPS: [c]",
            ": 'Groups' before v0.6.30, one at random at each start in v0.6.30 and later",
        ),
        ("groups: [a], gROUPS: [b], GROUPS: [c]", " at random at each start"),
        ("groups: [a], gROUPS: [b]", ": one at random at each start before v0.6.30, 'gROUPS' in v0.6.30 and later"),
    ],
)
def test_which_of_several_spellings_counts(keys: str, which: str) -> None:
    text = f"server:\n  mapRoles:\n  - {{roleARN: '{DEV}', username: dev, {keys}}}\n"
    said = [each.finding.message for each in report(text).findings if each.finding.id == "IAM059"]
    assert len(said) == keys.count(",")
    assert all(f"the authenticator uses one of them{which}; the admin certificate" in each for each in said)


def test_which_of_three_lists_counts() -> None:
    text = "server:\n  mapRoles: []\n  maproles: []\n  MAPROLES: []\n"
    said = [each.finding.message for each in report(text).findings if each.finding.id == "IAM059"]
    assert len(said) == 2
    assert all("the authenticator uses one of them at random at each start; the" in each for each in said)


def test_keys_that_go_takes_for_the_documented_ones() -> None:
    odd = f"  - {{u\u017fername: dev, roleARN: '{DEV}', group\u017f: [dev]}}\n"
    assert places("\ufeff" + ROLES + odd) == places(ROLES + odd) == []
    # viper lowers its own keys only, and U+017F stays then.
    assert places(ROLES + "  mapU\u017fers: []\n") == ["4:3 IAM057"]


def test_letters_that_are_taken_for_ascii_ones() -> None:
    odd = DEV.replace("Dev", "DevOp\u017f")
    found = only(ROLES + f"  - {{roleARN: '{odd}', username: dev}}\n")
    ops = DEV.replace("Dev", "DevOps")
    assert f"IAM010 {odd} has letters that are not ASCII, and some releases treat it as {ops}" in found
    same = f"  - {{roleARN: '{odd}', username: dev}}\n  - {{roleARN: '{ops}', username: ops}}\n"
    assert places(ROLES + same) == ["4:15 IAM010", "5:15 IAM011"]
    assert places(ROLES + same.replace("\u017f", "s")) == ["5:15 IAM011"]
    assert places(ROLES + same.replace("Op", "\u00f6p")) == ["4:15 IAM010", "5:15 IAM010", "5:15 IAM011"]


def test_a_list_as_a_text() -> None:
    text = "server:\n  mapRoles: |\n    - rolearn: arn:aws:iam::111122223333:role/Admin\n      username: a\n"
    for version in ("v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9"):
        assert places(text, daemonVersion=version) == ["2:13 IAM060"]
    assert places("server: {mapRoles: ''}\n") == []


def test_groups_as_a_text() -> None:
    entry = f"  - roleARN: {DEV}\n    username: dev\n    groups: "
    assert only(ROLES + entry + "dev\n").startswith(
        "6:13 IAM061 groups is a string, not a list: the authenticator reads it as the"
    )
    assert only(ROLES + entry + "dev,ops\n").startswith(
        "6:13 IAM061 groups is a string, not a list: authenticator v0.4.0 reads it as one"
    )
    assert places(ROLES + entry + "dev, ops\n") == ["6:13 IAM061", "6:13 IAM078"]
    assert places(ROLES + entry + "''\n") == places(ROLES + entry + "\n") == []


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("[dev, 'dev,ops']", ["6:19 IAM114"]),
        ("['dev, ops', 'a,b']", ["6:14 IAM114", "6:26 IAM114"]),
        ("['system:masters,dev']", ["6:14 IAM114"]),
        ("['dev,']", ["6:14 IAM114"]),
        ("[',']", ["6:14 IAM114"]),
        ("['cn=ops,dc=example']", []),
        ("['cn=ops,dev']", ["6:14 IAM114"]),
        ("'dev,ops'", ["6:13 IAM061"]),
    ],
)
def test_several_groups_in_one_text(groups: str, expected: list[str]) -> None:
    assert places(ROLES + f"  - roleARN: {DEV}\n    username: dev\n    groups: {groups}\n") == expected


@pytest.mark.parametrize(
    ("lines", "shown", "listed"),
    [
        ("      -dev\n", "-dev", "[dev]"),
        ("      -dev\n      -ops\n", "-dev -ops", "[dev, ops]"),
        ("      -dev\n      - ops\n", "-dev - ops", "[dev, ops]"),
        ("      -team-a\n      -Team B\n", "-team-a -Team B", "[team-a, Team B]"),
    ],
)
def test_a_dash_without_a_blank_in_the_list_of_groups(lines: str, shown: str, listed: str) -> None:
    assert only(f"{ROLES}  - roleARN: {DEV}\n    username: dev\n    groups:\n{lines}") == (
        "7:7 IAM061 groups is a string, not a list, because a dash has no space after it: the authenticator reads "
        f"it as the one group '{shown}'; write a list: {listed}"
    )


def test_a_dash_without_a_blank_before_the_group_of_admins_has_one_finding() -> None:
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n    groups:\n      -system:masters\n"
    assert places(text) == ["7:7 IAM061"]


def test_a_second_dash_without_a_blank() -> None:
    text = f"{ROLES}  - roleARN: {DEV}\n    username: dev\n    groups:\n    - dev\n      -ops\n"
    assert only(text).endswith("write each group as a separate item: [dev, ops]")


@pytest.mark.parametrize(
    ("groups", "expected"), [("dev,ops", ["IAM084", "IAM114"]), ("system:masters,dev", ["IAM114"])]
)
def test_several_groups_in_one_text_hide_only_the_admin_among_them(groups: str, expected: list[str]) -> None:
    text = f"server:\n  mapRoles:\n  - roleARN: {DEV}\n    username: dev\n    groups: ['{groups}']\n"
    config = TarmakConfig.parse(
        "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\n"
        "clusters: [{environment: dev, metadata: {name: cluster}}]\n"
        "environments: [{metadata: {name: dev}, location: eu-west-1}]\n"
    )
    mappings = Mappings.parse(text)
    made = Installation.of(config, config.clusters[0], mappings)
    found = check(Subjects(config, mappings, made))
    assert sorted(each.finding.id for each in found if each.finding.subject is Subject.MAPPINGS) == expected


def test_what_is_said_of_several_groups_in_one_text() -> None:
    text = ROLES + f"  - roleARN: {DEV}\n    username: dev\n    groups: "
    assert only(text + "['dev, ops']\n") == (
        "6:14 IAM114 the group 'dev, ops' contains a comma, but the authenticator reads it as one group; "
        "write each group as a separate item: [dev, ops]"
    )
    assert "; the admin certificate was not examined; " in only(text + "['system:masters,x']\n")
    assert only(text + "[',']\n").endswith("; remove it")


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        (
            "yes",
            "5:15 IAM062 the username yes is not a string: the authenticator reads '1' or 'yes', depending on its",
        ),
        (
            "0123",
            "5:15 IAM062 the username 0123 is not a string: the authenticator reads '83'; put it in quotes: \"0123\"",
        ),
        (
            "true",
            "5:15 IAM062 the username true is not a string: the authenticator reads '1'; put it in quotes: \"true\"",
        ),
        (
            "1e3",
            "5:15 IAM062 the username 1e3 is not a string: the authenticator reads '1e3' or '1000', depending on its",
        ),
    ],
)
def test_a_name_that_is_no_text(username: str, expected: str) -> None:
    assert only(ROLES + f"  - roleARN: {DEV}\n    username: {username}\n    groups: [dev]\n").startswith(expected)


def test_a_name_that_is_a_date() -> None:
    found = only(ROLES + f"  - roleARN: {DEV}\n    username: 2019-06-01\n    groups: [dev]\n", image="x:v0.6.20")
    assert found.startswith(
        "5:15 IAM062 the username 2019-06-01 is not a string: the authenticator reads '2019-06-01' or a date, dep"
    )


@pytest.mark.parametrize("username", ["123", "'yes'", '"0123"', "!!str yes", "dev"])
def test_a_name_that_is_read_as_it_is_written(username: str) -> None:
    assert places(ROLES + f"  - roleARN: {DEV}\n    username: {username}\n    groups: [dev]\n") == []


def test_a_group_that_is_no_text() -> None:
    assert places(ROLES + f"  - roleARN: {DEV}\n    username: dev\n    groups: [dev, no, 5]\n") == ["6:19 IAM062"]


def test_a_cluster_id_that_is_no_text() -> None:
    assert only("clusterID: 1e-3\n" + ROLES).startswith(
        "1:12 IAM063 clusterID 1e-3 is not a string: the authenticator reads '0.001'"
    )
    assert places("clusterID: 12\n" + ROLES) == ["1:12 IAM020"]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("system:master", ["6:14 IAM064"]),
        ("System:Masters", ["6:14 IAM064"]),
        ("system:bootstrapper", ["6:14 IAM064"]),
        ("systems:nodes", ["6:14 IAM064"]),
        ("system:masters", []),
        ("system:serviceaccounts:kube-system", ["6:14 IAM126"]),
        ("system:bootstrappers:kubeadm:default-node-token", ["6:14 IAM126"]),
        ("masters", ["6:14 IAM064"]),
        ("dev", []),
    ],
)
def test_groups_that_look_like_kubernetes_own(group: str, expected: list[str]) -> None:
    assert places(ROLES + f"  - roleARN: {DEV}\n    username: dev\n    groups: ['{group}']\n") == expected


def test_blanks() -> None:
    entry = ROLES + f"  - roleARN: {DEV}\n    username: ' dev'\n    groups: ['', 'a b', 'c ', \"d\\n\"]\n"
    assert places(entry) == ["5:15 IAM078", "6:14 IAM078", "6:25 IAM078", "6:31 IAM078"]
    assert only("server:\n  mapRoles:\n" + ADMIN.replace("'system:masters'", "'system:masters '")).endswith(
        'the admin certificate was not examined; write "system:masters"'
    )


def test_without_a_username() -> None:
    told = only(ROLES + f"  - roleARN: {DEV}\n")
    assert told.startswith(
        f"4:5 IAM069 {DEV} has no username: authenticator v0.4.0 denies its callers, later releases "
    )
    assert places(ROLES + f"  - roleARN: {DEV}\n    username: ' '\n") == ["5:15 IAM069"]
    assert places(ROLES + f"  - roleARN: {DEV}\n    username:\n") == ["5:14 IAM069"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "  clusterID: dev-cluster\n" + ROLES,
            (
                "2:1 IAM079 the authenticator stops reading here, without an error: this line is indented less than "
                "the first key; "
            ),
        ),
        (
            "{clusterID: dev-cluster}\n" + ROLES,
            "2:1 IAM079 the authenticator stops reading here, without an error: the document is already complete; ",
        ),
    ],
)
def test_a_file_whose_rest_is_not_read(text: str, expected: str) -> None:
    """Nobody is mapped then, whatever follows."""
    assert Authenticator.load(text).grants == ()
    assert only(text).startswith(expected)


def test_the_first_key_in_the_column_of_the_others_is_read() -> None:
    text = "clusterID: dev-cluster\n" + ROLES
    assert [each.username for each in Authenticator.load(text).grants] == ["admin"]
    assert places(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  clusterID: dev-cluster\n" + ROLES, ["IAM079"]),
        ("clusterID: dev-cluster\n---\n" + ROLES, ["IAM079"]),
        (ROLES.replace("system:masters", "view") + "---\n" + ROLES, ["IAM079"]),
        # what is not read has no entries either
        ("  clusterID: dev-cluster\nserver: {}\n", ["IAM021", "IAM079"]),
        (ROLES.replace("system:masters", "view") + "---\nserver: {}\n", ["IAM079", "IAM084"]),
    ],
)
def test_no_finding_about_missing_mappings_if_the_entries_are_not_read(text: str, expected: list[str]) -> None:
    enabled = "  kubernetes: {version: 1.12.9, apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n"
    assert sorted(each.finding.id for each in report(text, CONFIG + enabled).findings) == expected
