"""The token review: every reason word for word."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import CallerReader, identity_of
from tarmak_iam.identity.model import IdentityMapping, no_place
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.token_review import no_match
from tarmak_iam.routes import Route
from tests.support.token_reviews import GATE, ROLE, USER, VIEW, ask, aws_auth, roles, sso, users

NOBODY = f"no entry maps {ROLE}/Admin, and account 111122223333 is not in mapAccounts"
NO_VIEW = f"no entry maps {VIEW}, and account 111122223333 is not in mapAccounts"


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
