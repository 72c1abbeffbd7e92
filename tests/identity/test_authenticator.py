"""What the recordings leave open: reasons, places, alternatives, versions between the recorded ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity import Answer, Authenticator, Identity, whois
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.releases import DaemonVersion

CONFIG = """\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin
    username: admin:{{SessionName}}
    groups: [system:masters]
  - roleARN: arn:aws:iam::111122223333:role/team/Pathed
    username: pathed
  mapUsers:
  - userARN: arn:aws:iam::111122223333:user/Alice
    username: alice
    groups: [dev]
  mapAccounts: ["444455556666"]
"""
ALICE = Identity("arn:aws:iam::111122223333:user/Alice", "111122223333", "AIDAEXAMPLE")


def ask(arn: str, config: str = CONFIG, **kwargs: object) -> Answer:
    return whois(config, identity_of(arn, "alice@example.com"), **kwargs)  # type: ignore[arg-type]  # passed on as given


def test_the_entry_that_matched_is_named_with_its_place() -> None:
    answer = ask("arn:aws:iam::111122223333:role/Admin", filename="map.yaml")
    assert (answer.username, answer.groups) == ("admin:alice-example.com", ["system:masters"])
    assert answer.reason == "the mapping for arn:aws:iam::111122223333:role/Admin matches"
    assert str(answer.place) == "map.yaml:4:5"


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        ("arn:aws:iam::111122223333:role/Nobody", "no mapping matches arn:aws:iam::111122223333:role/Nobody, and"),
        ("arn:aws:iam::999988887777:role/Admin", "is for the same name in another account"),
        (
            "arn:aws:iam::111122223333:role/team/Pathed",
            "which STS omits: map arn:aws:iam::111122223333:role/Pathed",
        ),
        ("arn:aws:iam::111122223333:user/eng/Alice", "the path of a user must match"),
        (
            "arn:aws-cn:iam::111122223333:role/Admin",
            "the caller is in partition aws-cn, but the authenticator is in partition aws",
        ),
    ],
)
def test_why_nobody_matched(arn: str, reason: str) -> None:
    answer = ask(arn)
    assert answer.started
    assert not answer.authenticated
    assert reason in answer.reason


def test_a_role_session_a_user_an_account_and_another_session() -> None:
    assert ask("arn:aws:sts::111122223333:assumed-role/Admin/bob").username == "admin:bob"
    assert ask("arn:aws:iam::111122223333:user/Alice").username == "alice"
    by_account = ask("arn:aws:iam::444455556666:role/Any")
    assert (by_account.username, by_account.groups) == ("arn:aws:iam::444455556666:role/Any", None)
    assert str(by_account.place) == "config.yaml:13:16"


def test_another_cluster_id_is_a_denial() -> None:
    answer = whois(CONFIG, ALICE, cluster_id="prod-blue")
    assert answer.started
    assert not answer.authenticated
    assert answer.reason == "the token is for the cluster ID 'prod-blue', but the configuration has 'dev-cluster'"


SSO = """\
clusterID: test
server:
  mapRoles:
  - rolearn: arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef
    username: exact
    groups: [a]
  - sso: {permissionSetName: Admin, accountID: "111122223333"}
    username: pattern
    groups: [b]
"""


def test_the_exact_entry_is_the_answer_where_the_daemon_picks_at_random() -> None:
    arn = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef"
    answer = ask(arn, SSO, args=["--feature-gates=SSORoleMatch=true"])
    assert answer.username == "exact"
    assert [other.username for other in answer.alternatives] == ["pattern"]
    assert ask(arn, SSO).alternatives == ()


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("clusterID: test\nserver: [\n", False),
        ("- a\n", False),
        ("", False),
        ("clusterID: test\nserver:\n  mapRoles: [null]\n", False),
        ("clusterID: [test]\n", False),
        ("clusterID: test\nserver: {mapRoles: {}}\n", True),
        ("clusterID: test\n---\nclusterID: [\n", True),
    ],
)
def test_a_broken_configuration_is_an_answer_not_an_error(text: str, starts: bool) -> None:
    answer = whois(text, ALICE)
    assert answer.started is starts
    assert answer.reason


@pytest.mark.parametrize(
    ("version", "starts"),
    [
        ("v0.5.7", False),
        ("v0.6.0", True),
        ("v0.6.1", True),
        ("v0.6.2", False),
        ("v0.6.29", False),
        ("v0.6.30", True),
        ("v0.7.18", True),
        ("v0.9.0", True),
    ],
)
def test_features_come_and_go_between_the_lines(version: str, starts: bool) -> None:
    assert whois(SSO, ALICE, version=version, args=["--feature-gates=SSORoleMatch=true"]).started is starts


def test_versions_in_the_spelling_of_images() -> None:
    assert str(DaemonVersion.parse("v0.6.20-eks-1-30-7")) == "v0.6.20"
    assert str(DaemonVersion.parse("v0.4.0-scratch")) == "v0.4.0"
    assert whois(CONFIG, ALICE, version="v0.6.20-eks-1-30-7").username == "alice"
    newer = whois(CONFIG, ALICE, version="v0.8.1")
    assert newer.username == "alice"
    assert newer.notes == (
        (
            "v0.8.1 is newer than v0.7.21, the newest known release (v0.7.18 is the newest whose source was read); "
            "this is the answer of v0.7.18"
        ),
    )
    assert whois(CONFIG, ALICE, version="latest").started is False


@pytest.mark.parametrize(
    ("args", "starts"),
    [
        (["server", "--port=1", "-i", "other"], True),
        (["--port", "x"], False),
        (["--unknown"], False),
        (["-i"], False),
        (["--kubeconfig-pregenerated=maybe"], False),
        (["--backend-mode=MountedFile,CRD", "--", "--unknown"], False),
        (["--feature-gates=AllAlpha=true"], True),
        (["--feature-gates=Nothing=true"], False),
        (["--feature-gates=SSORoleMatch"], False),
        (["--help"], False),
    ],
)
def test_the_daemons_own_flags(args: list[str], starts: bool) -> None:
    assert (Authenticator.load(CONFIG, args=args).failure is None) is starts


def test_reserved_prefixes_keep_mappings_out() -> None:
    text = CONFIG + '  reservedPrefixConfig:\n  - backendMode: MountedFile\n    usernamePrefixReserveList: ["ali"]\n'
    answer = whois(text, ALICE)
    assert not answer.authenticated
    assert "begins with the reserved prefix 'ali'" in answer.reason
    assert whois(text, ALICE, version="v0.5.9").username == "alice"


@given(st.text(max_size=80), st.text(max_size=40))
def test_nothing_raises_and_nobody_gets_in_unnamed(text: str, arn: str) -> None:
    answer = whois(text, Identity(arn, "111122223333", "AIDA"))
    assert not answer.authenticated


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(
    st.lists(st.tuples(st.sampled_from(["role", "user"]), NAMES), max_size=4), st.sampled_from(["role", "user"]), NAMES
)
def test_only_who_is_named_gets_in(mapped: list[tuple[str, str]], kind: str, name: str) -> None:
    entries = [f"  - {{roleARN: 'arn:aws:iam::111122223333:{k}/{n}', username: u, groups: [g]}}" for k, n in mapped]
    text = "clusterID: test\nserver:\n  mapRoles:\n" + "\n".join(entries) + "\n"
    answer = whois(text, identity_of(f"arn:aws:iam::111122223333:{kind}/{name}"))
    assert answer.authenticated == ((kind, name.lower()) in [(k, n.lower()) for k, n in mapped])


@pytest.mark.parametrize(
    ("entry", "version", "username", "groups"),
    [
        # yaml.v3 lets a mapping's own keys win over a merge, yaml.v2 the later one
        ("username: a\n    groups: [own]\n    <<: {groups: [merged]}", "v0.7.9", "a", ["own"]),
        ("username: a\n    groups: [own]\n    <<: {groups: [merged]}", "v0.6.20", "a", ["merged"]),
        # viper writes a key with capitals over the lower-cased one
        ("Username: a\n    username: b", "v0.6.20", "a", None),
        ("username: b\n    UserName: a", "v0.7.9", "a", None),
        # yaml.v2 reads 12e4 as a float from 2.2.3 on
        ("username: 12e4", "v0.4.0", "12e4", None),
        ("username: 12e4", "v0.6.20", "120000", None),
        ("username: 1.0e-7", "v0.7.9", "0.0000001", None),
    ],
)
def test_an_entry_as_each_release_reads_it(entry: str, version: str, username: str, groups: list[str] | None) -> None:
    text = f"clusterID: test\nserver:\n  mapUsers:\n  - userARN: {ALICE.arn}\n    {entry}\n"
    answer = whois(text, ALICE, version=version)
    assert (answer.username, answer.groups) == (username, groups)


@pytest.mark.parametrize(
    ("lines", "starts"),
    [
        ("server: {port: 99999}", False),
        ("server: {port: '-1'}", False),
        ("server: {port: nonsense}", True),
        ("server: {ec2DescribeInstancesRoleARN: nonsense}", False),
        ("server: {address: 'fe80::1%lo'}", False),
        ("server: {hostname: é}", False),
        ("server: {mapRoles: [{rolearn: 'arn:aws:iam::1:role/A', username: a, userid: []}]}", False),
        ("server: {reservedPrefixConfig: [a]}", False),
        ("server: {mapUsers: [{userarn: 'arn:aws:iam::1:user/A', username: 2019-06-01}]}", False),
        ("server: {}\nserver: {}", False),
    ],
)
def test_what_ends_the_process(lines: str, starts: bool) -> None:
    assert whois(f"clusterID: test\n{lines}\n", ALICE).started is starts


def test_a_dotted_key_at_the_top_wins() -> None:
    text = f"clusterID: test\nserver.mapUsers: [{{userARN: '{ALICE.arn}', username: a}}]\nserver: {{mapUsers: []}}\n"
    answer = whois(text, ALICE)
    assert answer.username == "a"
    assert str(answer.place) == "config.yaml:2:19"


def test_formats_by_extension() -> None:
    text = '{"clusterID": "test", "server": {"mapAccounts": ["1"]}, "server": {"mapAccounts": [111122223333]}}'
    assert whois(text, ALICE, filename="config.json").authenticated
    for name in ("config.YAML", "config.toml", "config"):
        assert not whois(CONFIG, ALICE, filename=name).started
    assert not whois("\ufeff" + text, ALICE, filename="config.json").started
    assert not whois("%YAML 1.2\n---\nclusterID: test\n", ALICE).started


@pytest.mark.parametrize(
    ("flags", "username"),
    [
        (["SSORoleMatch=true", "AllAlpha=false"], "pattern"),
        (["AllAlpha=false", "AllAlpha=true"], None),
        (["AllAlpha=false,SSORoleMatch=true"], "pattern"),
    ],
)
def test_all_alpha_fills_only_what_nobody_named(flags: list[str], username: str | None) -> None:
    arn = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_ffffffffffffffff"
    assert ask(arn, SSO, args=[f"--feature-gates={flag}" for flag in flags]).username == username


@pytest.mark.parametrize(("version", "session"), [("v0.6.0", False), ("v0.6.1", False), ("v0.6.2", True)])
def test_users_that_are_compared_one_by_one(version: str, session: bool) -> None:
    """v0.6.0 and v0.6.1 compare the ARN as it is written, without case: a session of a role is nobody's."""
    text = "clusterID: test\nserver:\n  mapUsers:\n  - {userarn: 'arn:aws:iam::111122223333:user/ALICE', username: a}\n"
    assert whois(text, ALICE, version=version).username == "a"
    text += "  - {userarn: 'arn:aws:sts::111122223333:assumed-role/Dev/x', username: dev}\n"
    assert ask("arn:aws:iam::111122223333:role/Dev", text, version=version).authenticated is session


def test_an_unknown_template_stays_and_is_told() -> None:
    text = f"clusterID: test\nserver:\n  mapUsers:\n  - {{userARN: '{ALICE.arn}', username: 'u:{{{{sessionname}}}}'}}\n"
    answer = whois(text, ALICE)
    assert answer.username == "u:{{sessionname}}"
    assert answer.reason.endswith("; this release does not replace {{sessionname}}")


@pytest.mark.parametrize(
    ("entry", "account", "reason"),
    [
        ("mapRoles: [{rolearn: 'arn:aws:iam::1:role/*', username: x}]", "1", "contains a wildcard, and"),
        ("mapUsers: [{userarn: 'arn:aws:iam::1:user/Admin', username: x}]", "1", "another kind of principal"),
        (
            "mapRoles: [{rolearn: 'arn:aws:iam::1:role/Admin ', username: x}]",
            "1",
            "contains an extra space or slash, so it does not match",
        ),
        ("mapAccounts: [12345678901]", "012345678901", "write '012345678901' in quotes"),
        ("mapAccounts: [012345670123]", "012345670123", "write '012345670123' in quotes"),
        ("mapAccounts: ['1111-2222-3333']", "111122223333", "write '111122223333' in quotes"),
    ],
)
def test_what_would_have_matched(entry: str, account: str, reason: str) -> None:
    answer = ask(f"arn:aws:iam::{account}:role/Admin", f"clusterID: test\nserver:\n  {entry}\n")
    assert not answer.authenticated
    assert reason in answer.reason
    assert answer.place is not None
    assert answer.place.line == 3


def test_duplicates_are_told() -> None:
    text = CONFIG.replace(
        "  mapUsers:\n", "  - {roleARN: 'arn:aws:iam::111122223333:role/admin', username: b}\n  mapUsers:\n"
    )
    answer = ask("arn:aws:iam::111122223333:role/Admin", text)
    assert answer.username == "b"
    assert answer.reason.endswith("matches (the last of 2 mappings for it; the others are ignored)")
