"""The token review: every reason word for word, and what else an answer has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import CallerReader, identity_of
from tarmak_iam.identity.model import DaemonInput, IdentityMapping, no_place
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.token_review import match_reason, no_match, unrendered_hint, with_alternatives
from tarmak_iam.routes import Route

ROLE = "arn:aws:iam::111122223333:role"
USER = "arn:aws:iam::111122223333:user"
VIEW = f"{ROLE}/AWSReservedSSO_View_0123456789abcdef"
NOBODY = f"no entry maps {ROLE}/Admin, and account 111122223333 is not in mapAccounts"
NO_VIEW = f"no entry maps {VIEW}, and account 111122223333 is not in mapAccounts"
GATE = "--feature-gates=SSORoleMatch=true"


def ask(
    arn: str,
    server: dict[str, Any],
    *args: str,
    user_id: str = "",
    cluster_id: str | None = None,
    version: str = "v0.7.9",
    is_carried: bool = False,
    **files: object,
) -> Answer:
    """`files` are JSON, named as they are but for the dot."""
    text = json.dumps({"clusterID": "test", "server": server})
    named = {name.replace("_", "."): json.dumps(content) for name, content in files.items()}
    given = DaemonInput(text, version, cluster_id, args, named, is_carried=is_carried)
    return Authenticator.of(given).whois(identity_of(arn, "s", user_id))


def roles(*arns: str) -> dict[str, Any]:
    return {"mapRoles": [{"rolearn": arn, "username": f"u{number}"} for number, arn in enumerate(arns)]}


def users(*arns: str) -> dict[str, Any]:
    return {"mapUsers": [{"userarn": arn, "username": f"u{number}"} for number, arn in enumerate(arns)]}


def sso(permission_set: str = "View", account: str = "111122223333", **more: str) -> dict[str, Any]:
    matcher = {"permissionSetName": permission_set, "accountID": account, **more}
    return {"mapRoles": [{"sso": matcher, "username": "v"}]}


def aws_auth(*arns: str) -> dict[str, Any]:
    entries = [{"rolearn": arn, "username": f"c{number}"} for number, arn in enumerate(arns)]
    data = {"mapRoles": json.dumps(entries)}
    return {"kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": data}


@pytest.mark.parametrize(
    ("arn", "server", "username", "reason"),
    [
        (f"{ROLE}/Admin", roles(f"{ROLE}/Admin"), "u0", f"the entry for {ROLE}/Admin matches"),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin", f"{ROLE}/ADMIN"),
            "u1",
            f"the entry for {ROLE}/ADMIN matches (the last of 2 for it: the others do not count)",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin", f"{ROLE}/ADMIN", f"{ROLE}/Admin"),
            "u2",
            f"the entry for {ROLE}/Admin matches (the last of 3 for it: the others do not count)",
        ),
        (
            f"{ROLE}/Admin",
            {**roles(f"{ROLE}/Admin"), **users(f"{ROLE}/Admin")},
            "u0",
            f"the entry for {ROLE}/Admin matches (one of 2 for it: the last role counts, roles before users)",
        ),
        (
            f"{ROLE}/Admin",
            {**roles(f"{ROLE}/Admin"), **users(f"{USER}/Admin")},
            "u0",
            f"the entry for {ROLE}/Admin matches",
        ),
        (
            f"{USER}/Al",
            users(f"{USER}/Al", f"{USER}/al"),
            "u1",
            f"the entry for {USER}/al matches (the last of 2 for it: the others do not count)",
        ),
        (
            f"{ROLE}/Admin",
            {"mapAccounts": ["111122223333"]},
            f"{ROLE}/Admin",
            "account 111122223333 is in mapAccounts: the username is the ARN, without groups",
        ),
    ],
)
def test_why_an_entry_matches(arn: str, server: dict[str, Any], username: str, reason: str) -> None:
    answer = ask(arn, server)
    assert (answer.authenticated, answer.username, answer.groups) == (True, username, None)
    assert answer.reason == reason


@pytest.mark.parametrize("permission_set", ["View", "view"])
def test_why_an_sso_entry_matches(permission_set: str) -> None:
    reason = f"the SSO entry for permission set {permission_set} of account 111122223333 matches"
    answer = ask(VIEW, sso(permission_set), GATE)
    assert (answer.username, answer.reason) == ("v", reason)


@pytest.mark.parametrize(
    ("arn", "server", "hint", "entry"),
    [
        (f"{ROLE}/Admin", roles(f"{ROLE}/Nobody"), "", None),
        (f"{ROLE}/Admin", roles(f"{ROLE}/B*"), "", None),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/X", "arn:aws:iam::999988887777:role/Admin"),
            "; arn:aws:iam::999988887777:role/Admin is the same name in another account",
            "mapRoles[1]",
        ),
        (
            f"{ROLE}/Admin",
            roles("arn:aws:iam::999988887777:user/Admin"),
            "; arn:aws:iam::999988887777:user/Admin is another kind of principal of that name",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/team/Admin"),
            f"; the entry for {ROLE}/team/Admin has a path, which STS leaves out: map {ROLE}/Admin instead",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles("arn:aws-cn:iam::111122223333:role/Admin"),
            "; the entry for arn:aws-cn:iam::111122223333:role/Admin is of another partition",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin "),
            f"; the entry for '{ROLE}/Admin ' has blanks or a slash around its ARN, which count",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin/"),
            f"; the entry for '{ROLE}/Admin/' has blanks or a slash around its ARN, which count",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/ADM?N"),
            f"; the entry for {ROLE}/ADM?N has a wildcard, and wildcards are taken literally",
            "mapRoles[0]",
        ),
    ],
)
def test_why_nobody_matches(arn: str, server: dict[str, Any], hint: str, entry: str | None) -> None:
    answer = ask(arn, server)
    assert (answer.started, answer.authenticated, answer.reason) == (True, False, NOBODY + hint)
    assert (str(answer.route) if answer.route else None) == (f"server.{entry}" if entry else None)


@pytest.mark.parametrize(
    ("server", "args", "hint"),
    [
        (sso("Other"), (GATE,), ""),
        (sso("Other"), (), ""),
        (sso(), (), "; its SSO entry needs the feature gate SSORoleMatch"),
        (sso("view"), (), "; its SSO entry needs the feature gate SSORoleMatch"),
        (
            sso(account="999988887777"),
            (GATE,),
            "; the SSO entry for permission set View is for account 999988887777",
        ),
        (
            sso(partition="aws"),
            (GATE,),
            "; its SSO entry has a partition, and an entry with one never matches: leave it out",
        ),
    ],
)
def test_why_an_sso_entry_does_not_match(server: dict[str, Any], args: tuple[str, ...], hint: str) -> None:
    answer = ask(VIEW, server, *args)
    assert (answer.authenticated, answer.reason) == (False, NO_VIEW + hint)


def test_a_users_path_counts() -> None:
    answer = ask(f"{USER}/eng/Al", users(f"{USER}/Al"))
    assert answer.reason == (
        f"no entry maps {USER}/eng/Al, and account 111122223333 is not in mapAccounts; "
        f"the entry for {USER}/Al has another path: a user's path counts"
    )


@pytest.mark.parametrize(
    ("server", "arn", "reason"),
    [
        (
            sso(),
            VIEW,
            f"{NO_VIEW}; its SSO entry is not carried by the backend CRD: add MountedFile",
        ),
        (
            {"mapAccounts": ["111122223333"]},
            f"{ROLE}/Admin",
            (
                f"no entry maps {ROLE}/Admin, and the backend CRD admits no accounts: "
                "the file has account 111122223333 in mapAccounts, so add MountedFile"
            ),
        ),
        ({"mapAccounts": ["444455556666"]}, f"{ROLE}/Admin", NOBODY),
    ],
)
def test_what_a_backend_does_not_carry(server: dict[str, Any], arn: str, reason: str) -> None:
    answer = ask(arn, server, GATE, "--backend-mode=CRD", is_carried=True)
    assert (answer.authenticated, answer.reason) == (False, reason)


@pytest.mark.parametrize(
    ("accounts", "caller", "hint"),
    [
        (["12345678901"], "012345678901", "'12345678901', which is not compared as a number: write '012345678901'"),
        (
            ["1111-2222-3333"],
            "111122223333",
            "'1111-2222-3333', which is not compared as a number: write '111122223333'",
        ),
        # what YAML 1.1 makes of 012345670123
        (["1402433619"], "012345670123", "'1402433619', which is not compared as a number: write '012345670123'"),
    ],
)
def test_accounts_that_are_not_compared_as_numbers(accounts: list[str], caller: str, hint: str) -> None:
    answer = ask(f"arn:aws:iam::{caller}:role/Admin", {"mapAccounts": accounts})
    assert answer.reason == (
        f"no entry maps arn:aws:iam::{caller}:role/Admin, and account {caller} is not in mapAccounts; "
        f"mapAccounts has {hint} in quotes"
    )
    assert answer.route == Route.of(("server", "mapAccounts"))


def test_accounts_of_others_are_no_hint() -> None:
    assert ask(f"{ROLE}/Admin", {"mapAccounts": ["222233334444", "0000", "x"]}).reason == NOBODY


EMPTY = {"kind": "List", "apiVersion": "v1", "items": []}


@pytest.mark.parametrize(
    ("arn", "server", "route"),
    [
        (f"{ROLE}/Admin", roles(f"{ROLE}/X", f"{ROLE}/ADMIN"), "server.mapRoles[1]"),
        (f"{USER}/Al", users(f"{USER}/Al"), "server.mapUsers[0]"),
    ],
)
def test_the_configurations_entry_that_no_backend_asks(arn: str, server: dict[str, Any], route: str) -> None:
    answer = ask(arn, server, "--backend-mode=CRD", c_yaml=EMPTY)
    assert (answer.authenticated, str(answer.route)) == (False, route)
    assert answer.reason == (
        f"no entry maps {arn}, and account 111122223333 is not in mapAccounts; "
        "the configuration's own entry for it is not asked: MountedFile is not among the backends"
    )


def test_the_configurations_entries_for_others_are_no_hint() -> None:
    assert ask(f"{ROLE}/Admin", roles(f"{ROLE}/X"), "--backend-mode=CRD", c_yaml=EMPTY).reason == NOBODY


@pytest.mark.parametrize(
    ("modes", "server", "username", "behind"),
    [
        (
            "MountedFile,EKSConfigMap",
            roles(f"{ROLE}/Admin"),
            "u0",
            f"the entry for {ROLE}/Admin matches; what EKSConfigMap has for it is not asked, MountedFile comes first",
        ),
        (
            "EKSConfigMap,MountedFile",
            roles(f"{ROLE}/Admin"),
            "c0",
            f"the entry for {ROLE}/Admin matches; what MountedFile has for it is not asked, EKSConfigMap comes first",
        ),
        ("EKSConfigMap,MountedFile", roles(f"{ROLE}/X"), "c0", f"the entry for {ROLE}/Admin matches"),
        (
            "EKSConfigMap,MountedFile",
            {"mapAccounts": ["111122223333"]},
            "c0",
            f"the entry for {ROLE}/Admin matches; what MountedFile has for it is not asked, EKSConfigMap comes first",
        ),
        (
            "MountedFile,EKSConfigMap",
            {"mapAccounts": ["111122223333"]},
            f"{ROLE}/Admin",
            (
                "account 111122223333 is in mapAccounts: the username is the ARN, without groups; "
                "what EKSConfigMap has for it is not asked, MountedFile comes first"
            ),
        ),
        ("MountedFile,EKSConfigMap", {}, "c0", f"the entry for {ROLE}/Admin matches"),
    ],
)
def test_what_a_later_backend_has_is_not_asked(modes: str, server: dict[str, Any], username: str, behind: str) -> None:
    answer = ask(f"{ROLE}/Admin", server, f"--backend-mode={modes}", c_yaml=aws_auth(f"{ROLE}/Admin"))
    assert (answer.username, answer.reason) == (username, behind)


def test_one_file_that_is_carried_by_two_backends_stands_behind_nobody() -> None:
    server = roles(f"{ROLE}/Admin")
    answer = ask(f"{ROLE}/Admin", server, "--backend-mode=EKSConfigMap,MountedFile", is_carried=True)
    assert answer.reason == f"the entry for {ROLE}/Admin matches"


STRICT: dict[str, Any] = {"dynamicfilepath": "d.json", "dynamicfileUserIDStrict": True}


@pytest.mark.parametrize(
    ("arn", "user_id", "version", "reason"),
    [
        ("role/Admin", "AROAOLD", "v0.7.9", "the entry for the unique id AROAOLD matches"),
        ("role/team/Admin", "AROAOLD", "v0.7.9", "the entry for the unique id AROAOLD matches"),
        (
            "role/Admin",
            "AROANEW",
            "v0.7.9",
            (
                f"{NOBODY}; the entry for {ROLE}/Admin has the unique id AROAOLD, the caller AROANEW: "
                "DynamicFile asks for the id, and a role that was made anew has another one"
            ),
        ),
        (
            "role/team/Admin",
            "AROANEW",
            "v0.7.9",
            (
                f"{NOBODY}; the entry for {ROLE}/team/Admin has the unique id AROAOLD, the caller AROANEW: "
                "DynamicFile asks for the id, and a role that was made anew has another one"
            ),
        ),
        (
            "user/Admin",
            "AROAOLD",
            "v0.7.9",
            f"{NOBODY}; the entry for the unique id AROAOLD is for {USER}/Admin",
        ),
        ("user/Admin", "AROANEW", "v0.7.9", NOBODY),
        (
            "role/Admin",
            "AROAOLD",
            "v0.5.21",
            f"{NOBODY}; the entry for {ROLE}/Admin has the caller's unique id, but the ARN is not taken for the same",
        ),
    ],
)
def test_entries_by_unique_id(arn: str, user_id: str, version: str, reason: str) -> None:
    entry = {"rolearn": f"arn:aws:iam::111122223333:{arn}", "username": "a", "userid": "AROAOLD"}
    answer = ask(
        f"{ROLE}/Admin",
        STRICT,
        "--backend-mode=DynamicFile",
        user_id=user_id,
        version=version,
        d_json={"mapRoles": [entry], "mapUsers": [], "mapAccounts": []},
    )
    assert (answer.authenticated, answer.reason) == (not reason.startswith(NOBODY), reason)


def nobody_of(written: str, arn: str = f"{ROLE}/Admin") -> str:
    """The hint about an entry in a backend that did not find it."""
    config = Authenticator.load("clusterID: test\n").config
    assert config is not None
    caller = CallerReader(DaemonVersion.parse("v0.7.9")).read(identity_of(arn))
    mapping = IdentityMapping("role", written, "a", (), Route.of(("x",)))
    denial = no_match(caller, config, (BackendTable("CRD", {}, {}, no_place, written=(mapping,)),))
    return denial.reason.partition("mapAccounts; ")[2]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (
            f"{ROLE}/ADMIN",
            f"the entry for {ROLE}/ADMIN is compared with its capitals by this release: write it in lower case",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/Admin/x",
            (
                "the entry for arn:aws:sts::111122223333:assumed-role/Admin/x is compared as it is written by CRD: "
                f"map {ROLE}/Admin instead"
            ),
        ),
        ("nonsense/Admin", ""),
    ],
)
def test_entries_that_mean_the_caller_and_are_compared_otherwise(written: str, hint: str) -> None:
    assert nobody_of(written) == hint


def test_letters_that_fold_to_others() -> None:
    kelvin = "\N{KELVIN SIGN}"
    assert nobody_of(f"{ROLE}/{kelvin}ing", f"{ROLE}/King") == (
        f"the entry for {ROLE}/{kelvin}ing has letters that this release does not take for those of {ROLE}/King"
    )


def test_what_is_no_template_of_the_release() -> None:
    assert unrendered_hint("a:{{X}}:{{Y}}") == "; {{X}} is no template of this release and stays as it is"
    assert unrendered_hint("a:{{X") == ""
    server = {"mapUsers": [{"userarn": f"{USER}/Al", "username": "a:{{AccountID}}", "groups": ["{{AccountID}}"]}]}
    new, old = ask(f"{USER}/Al", server), ask(f"{USER}/Al", server, version="v0.4.0")
    assert (new.username, new.groups) == ("a:111122223333", ["111122223333"])
    assert (old.username, old.groups) == ("a:{{AccountID}}", ["{{AccountID}}"])
    assert new.reason == f"the entry for {USER}/Al matches"
    assert old.reason == f"{new.reason}; {{{{AccountID}}}} is no template of this release and stays as it is"


def test_a_template_that_cannot_be_rendered() -> None:
    server: dict[str, Any] = {"mapRoles": [{"rolearn": f"{ROLE}/Admin", "username": "{{EC2PrivateDNSName}}"}]}
    answer = ask(f"{ROLE}/Admin", server)
    assert (answer.authenticated, str(answer.place)) == (False, "config.yaml:1:47")
    assert answer.reason == (
        f"the entry for {ROLE}/Admin matches, but {{{{EC2PrivateDNSName}}}} needs a session name that is an "
        "instance id; it is 's'"
    )


@pytest.mark.parametrize(("prefixes", "is_reserved"), [(["zz", "adm"], True), (["", "dm"], False)])
def test_reserved_prefixes(prefixes: list[str], is_reserved: bool) -> None:
    server: dict[str, Any] = {
        "mapRoles": [{"rolearn": f"{ROLE}/Admin", "username": "adm:x"}],
        "reservedPrefixConfig": [{"backendMode": "MountedFile", "usernamePrefixReserveList": prefixes}],
    }
    answer = ask(f"{ROLE}/Admin", server)
    assert (answer.authenticated, str(answer.place)) == (not is_reserved, "config.yaml:1:47")
    but = ", but the username 'adm:x' begins with the reserved prefix 'adm'" if is_reserved else ""
    assert answer.reason == f"the entry for {ROLE}/Admin matches{but}"


def test_the_clusters_id_and_the_partition() -> None:
    server = roles(f"{ROLE}/Admin")
    assert ask(f"{ROLE}/Admin", server, cluster_id="test").username == "u0"
    denied = ask(f"{ROLE}/Admin", server, cluster_id="other")
    assert (denied.started, denied.authenticated, str(denied.place)) == (True, False, "config.yaml:1:15")
    assert denied.reason == "the token is for cluster id 'other', the configuration has 'test'"
    abroad = ask("arn:aws-cn:iam::111122223333:role/Admin", server)
    assert (abroad.authenticated, abroad.route) == (False, None)
    assert abroad.reason == "the caller is of the partition aws-cn, the daemon of aws"


ARN = "arn:aws:sts::111122223333:assumed-role/Admin/s"
BEFORE_0_6 = {
    "accessKeyId": ["AKIA1"],
    "arn": [ARN],
    "canonicalArn": [f"{ROLE}/Admin"],
    "sessionName": ["s"],
}


@pytest.mark.parametrize(
    ("version", "extra"),
    [
        ("v0.4.0", None),
        ("v0.5.9", BEFORE_0_6),
        ("v0.6.20", {**BEFORE_0_6, "principalId": ["AROAX"]}),
        (
            "v0.7.9",
            {
                **BEFORE_0_6,
                "principalId": ["AROAX"],
                "sigs.k8s.io/aws-iam-authenticator/principalId": ["AROAX"],
            },
        ),
    ],
)
def test_uid_and_extra(version: str, extra: dict[str, list[str]] | None) -> None:
    text = json.dumps({"clusterID": "test", "server": roles(f"{ROLE}/Admin")})
    answer = Authenticator.load(text, version=version).whois(Identity(ARN, "111122223333", "AROAX:s", "AKIA1"))
    assert (answer.uid, answer.extra) == ("aws-iam-authenticator:111122223333:AROAX", extra)


def test_a_scrubbed_account() -> None:
    answer = ask(f"{ROLE}/Admin", {**roles(f"{ROLE}/Admin"), "scrubbedAccounts": ["111122223333"]}, user_id="AROAX")
    assert (answer.uid, answer.extra) == ("aws-iam-authenticator:administrative:u0", None)


def test_alternatives_are_those_that_differ() -> None:
    one = Answer(started=True, authenticated=True, username="a", groups=["g"], reason="1")
    same = replace(one, reason="2")
    groups = replace(one, groups=None)
    other = replace(one, username="b", alternatives=(groups,))
    assert with_alternatives([one]) is one
    assert with_alternatives([one, same]) == one
    assert with_alternatives([one, other]) == replace(one, alternatives=(replace(other, alternatives=()), groups))
    assert with_alternatives([groups, replace(one, groups=[])]) == groups


def test_the_daemon_picks_one_of_those_that_match() -> None:
    server = {"mapRoles": [{"rolearn": VIEW, "username": "exact"}, *sso()["mapRoles"]]}
    answer = ask(VIEW, server, GATE)
    assert [(each.username, each.reason) for each in (answer, *answer.alternatives)] == [
        ("exact", f"the entry for {VIEW} matches"),
        ("v", "the SSO entry for permission set View of account 111122223333 matches"),
    ]


def crd(name: str, arn: str) -> dict[str, Any]:
    return {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": name},
        "spec": {"arn": arn, "username": name},
    }


def test_objects_for_one_arn() -> None:
    objects = {"apiVersion": "v1", "kind": "List", "items": [crd("a", f"{ROLE}/Admin"), crd("b", f"{ROLE}/admin")]}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=CRD", c_yaml=objects)
    assert [(each.username, each.reason) for each in (answer, *answer.alternatives)] == [
        ("a", f"the entry for {ROLE}/Admin matches (one of 2 objects for it: the daemon picks one at random)"),
        ("b", f"the entry for {ROLE}/admin matches (one of 2 objects for it: the daemon picks one at random)"),
    ]


def test_entries_of_a_file_that_match_at_random_are_no_objects() -> None:
    caller = CallerReader(DaemonVersion.parse("v0.7.9")).read(identity_of(f"{ROLE}/Admin"))
    first, second = (IdentityMapping("role", f"{ROLE}/Admin", "a", (), Route.of((number,))) for number in (0, 1))
    filed = {f"{ROLE}/admin": (first, second)}
    for backend, is_carried, text in [
        ("CRD", True, "one of 2 for it"),
        ("CRD", False, "one of 2 objects for it"),
        ("MountedFile", False, "one of 2 for it"),
    ]:
        table = BackendTable(backend, filed, {}, no_place, written=(first, second), is_carried=is_carried)
        assert match_reason(first, caller, table, (table,)) == (
            f"the entry for {ROLE}/Admin matches ({text}: the daemon picks one at random)"
        )


def test_places_are_those_of_the_backends_own_file() -> None:
    data = {"mapRoles": json.dumps([{"rolearn": "arn:aws:sts::111122223333:assumed-role/Admin/x", "username": "a"}])}
    auth = {"kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": data}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=EKSConfigMap", c_yaml=auth)
    assert (str(answer.place), str(answer.route)) == ("c.yaml:1:78", "data.mapRoles[0]")
    auth["data"] = {"mapAccounts": json.dumps(["1111-2222-3333"])}
    answer = ask(f"{ROLE}/Admin", {}, "--backend-mode=EKSConfigMap", c_yaml=auth)
    assert (str(answer.place), str(answer.route)) == ("c.yaml:1:81", "data.mapAccounts")
    answer = ask(f"{ROLE}/Admin", {"mapAccounts": ["111122223333"]}, "--backend-mode=CRD", is_carried=True)
    assert (str(answer.place), str(answer.route)) == ("config.yaml:1:49", "server.mapAccounts")


@pytest.mark.parametrize(
    ("kind", "folds_roles", "folds_users", "among"),
    [
        ("role", True, False, " (the last of 2 for it: the others do not count)"),
        ("role", False, True, ""),
        ("user", True, False, ""),
        ("user", False, True, " (the last of 2 for it: the others do not count)"),
    ],
)
def test_which_entries_a_release_takes_for_the_same(
    kind: str, folds_roles: bool, folds_users: bool, among: str
) -> None:
    caller = CallerReader(DaemonVersion.parse("v0.7.9")).read(identity_of(f"{ROLE}/Sam"))
    arns = (f"{ROLE}/Sam", f"{ROLE}/\N{LATIN SMALL LETTER LONG S}am", "x/Sam")
    written = tuple(IdentityMapping(kind, arn, "a", (), Route.of((number,))) for number, arn in enumerate(arns))
    table = BackendTable(
        "MountedFile", {}, {}, no_place, written=written, folds_roles=folds_roles, folds_users=folds_users
    )
    assert match_reason(written[0], caller, table, (table,)) == f"the entry for {ROLE}/Sam matches{among}"
