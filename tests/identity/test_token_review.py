"""The token review: every reason word for word."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import identity_of, read_caller
from tarmak_iam.identity.model import IdentityMapping, no_place
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.token_review import no_match
from tarmak_iam.routes import Route
from tests.support.token_reviews import GATE, ROLE, USER, VIEW, ask, aws_auth, roles, sso, users

NOBODY = f"no mapping matches {ROLE}/Admin, and account 111122223333 is not in mapAccounts"
NO_VIEW = f"no mapping matches {VIEW}, and account 111122223333 is not in mapAccounts"


@pytest.mark.parametrize(
    ("arn", "server", "username", "reason"),
    [
        (f"{ROLE}/Admin", roles(f"{ROLE}/Admin"), "u0", f"the mapping for {ROLE}/Admin matches"),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin", f"{ROLE}/ADMIN"),
            "u1",
            f"the mapping for {ROLE}/ADMIN matches (the last of 2 mappings for it; the others are ignored)",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin", f"{ROLE}/ADMIN", f"{ROLE}/Admin"),
            "u2",
            f"the mapping for {ROLE}/Admin matches (the last of 3 mappings for it; the others are ignored)",
        ),
        (
            f"{ROLE}/Admin",
            {**roles(f"{ROLE}/Admin"), **users(f"{ROLE}/Admin")},
            "u0",
            (
                f"the mapping for {ROLE}/Admin matches (one of 2 mappings for it; roles are checked "
                "before users, and the last role takes effect)"
            ),
        ),
        (
            f"{ROLE}/Admin",
            {**roles(f"{ROLE}/Admin"), **users(f"{USER}/Admin")},
            "u0",
            f"the mapping for {ROLE}/Admin matches",
        ),
        (
            f"{USER}/Al",
            users(f"{USER}/Al", f"{USER}/al"),
            "u1",
            f"the mapping for {USER}/al matches (the last of 2 mappings for it; the others are ignored)",
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
    reason = f"the SSO mapping of permission set {permission_set} in account 111122223333 matches"
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
            "; the mapping for arn:aws:iam::999988887777:role/Admin is for the same name in another account",
            "mapRoles[1]",
        ),
        (
            f"{ROLE}/Admin",
            roles("arn:aws:iam::999988887777:user/Admin"),
            (
                "; the mapping for arn:aws:iam::999988887777:user/Admin is for another kind of principal with "
                "the same name"
            ),
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/team/Admin"),
            f"; the mapping for {ROLE}/team/Admin has a path, which STS omits: map {ROLE}/Admin instead",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles("arn:aws-cn:iam::111122223333:role/Admin"),
            "; the mapping for arn:aws-cn:iam::111122223333:role/Admin is for another partition",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin "),
            f"; the mapping for '{ROLE}/Admin ' contains an extra space or slash, so it does not match",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/Admin/"),
            f"; the mapping for '{ROLE}/Admin/' contains an extra space or slash, so it does not match",
            "mapRoles[0]",
        ),
        (
            f"{ROLE}/Admin",
            roles(f"{ROLE}/ADM?N"),
            f"; the mapping for {ROLE}/ADM?N contains a wildcard, and wildcards are compared literally",
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
        (sso(), (), "; its SSO mapping requires the feature gate SSORoleMatch"),
        (sso("view"), (), "; its SSO mapping requires the feature gate SSORoleMatch"),
        (
            sso(account="999988887777"),
            (GATE,),
            "; the SSO mapping of permission set View is for account 999988887777",
        ),
        (
            sso(partition="aws"),
            (GATE,),
            "; its SSO mapping sets a partition, and such a mapping never matches: remove the partition",
        ),
    ],
)
def test_why_an_sso_entry_does_not_match(server: dict[str, Any], args: tuple[str, ...], hint: str) -> None:
    answer = ask(VIEW, server, *args)
    assert (answer.authenticated, answer.reason) == (False, NO_VIEW + hint)


def test_a_users_path_counts() -> None:
    answer = ask(f"{USER}/eng/Al", users(f"{USER}/Al"))
    assert answer.reason == (
        f"no mapping matches {USER}/eng/Al, and account 111122223333 is not in mapAccounts; "
        f"the mapping for {USER}/Al has another path, and the path of a user must match"
    )


@pytest.mark.parametrize(
    ("server", "arn", "reason"),
    [
        (
            sso(),
            VIEW,
            f"{NO_VIEW}; the backend CRD does not support its SSO mapping: add the backend MountedFile",
        ),
        (
            {"mapAccounts": ["111122223333"]},
            f"{ROLE}/Admin",
            (
                f"no mapping matches {ROLE}/Admin, and the backend CRD does not support accounts: "
                "account 111122223333 is in mapAccounts of the file, so add the backend MountedFile"
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
        (["12345678901"], "012345678901", "'12345678901', but accounts are compared as strings: write '012345678901'"),
        (
            ["1111-2222-3333"],
            "111122223333",
            "'1111-2222-3333', but accounts are compared as strings: write '111122223333'",
        ),
        # what YAML 1.1 makes of 012345670123
        (["1402433619"], "012345670123", "'1402433619', but accounts are compared as strings: write '012345670123'"),
    ],
)
def test_accounts_that_are_not_compared_as_numbers(accounts: list[str], caller: str, hint: str) -> None:
    answer = ask(f"arn:aws:iam::{caller}:role/Admin", {"mapAccounts": accounts})
    assert answer.reason == (
        f"no mapping matches arn:aws:iam::{caller}:role/Admin, and account {caller} is not in mapAccounts; "
        f"mapAccounts contains {hint} in quotes"
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
        f"no mapping matches {arn}, and account 111122223333 is not in mapAccounts; "
        "its mapping in the configuration file is ignored: MountedFile is not in the list of backends"
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
            (
                f"the mapping for {ROLE}/Admin matches; its mapping in EKSConfigMap is ignored, because "
                "MountedFile comes first"
            ),
        ),
        (
            "EKSConfigMap,MountedFile",
            roles(f"{ROLE}/Admin"),
            "c0",
            (
                f"the mapping for {ROLE}/Admin matches; its mapping in MountedFile is ignored, because "
                "EKSConfigMap comes first"
            ),
        ),
        ("EKSConfigMap,MountedFile", roles(f"{ROLE}/X"), "c0", f"the mapping for {ROLE}/Admin matches"),
        (
            "EKSConfigMap,MountedFile",
            {"mapAccounts": ["111122223333"]},
            "c0",
            (
                f"the mapping for {ROLE}/Admin matches; its mapping in MountedFile is ignored, because "
                "EKSConfigMap comes first"
            ),
        ),
        (
            "MountedFile,EKSConfigMap",
            {"mapAccounts": ["111122223333"]},
            f"{ROLE}/Admin",
            (
                "account 111122223333 is in mapAccounts: the username is the ARN, without groups; "
                "its mapping in EKSConfigMap is ignored, because MountedFile comes first"
            ),
        ),
        ("MountedFile,EKSConfigMap", {}, "c0", f"the mapping for {ROLE}/Admin matches"),
    ],
)
def test_what_a_later_backend_has_is_not_asked(modes: str, server: dict[str, Any], username: str, behind: str) -> None:
    answer = ask(f"{ROLE}/Admin", server, f"--backend-mode={modes}", c_yaml=aws_auth(f"{ROLE}/Admin"))
    assert (answer.username, answer.reason) == (username, behind)


def test_one_file_that_is_carried_by_two_backends_stands_behind_nobody() -> None:
    server = roles(f"{ROLE}/Admin")
    answer = ask(f"{ROLE}/Admin", server, "--backend-mode=EKSConfigMap,MountedFile", is_carried=True)
    assert answer.reason == f"the mapping for {ROLE}/Admin matches"


STRICT: dict[str, Any] = {"dynamicfilepath": "d.json", "dynamicfileUserIDStrict": True}


@pytest.mark.parametrize(
    ("arn", "user_id", "version", "reason"),
    [
        ("role/Admin", "AROAOLD", "v0.7.9", "the mapping with the unique ID AROAOLD matches"),
        ("role/team/Admin", "AROAOLD", "v0.7.9", "the mapping with the unique ID AROAOLD matches"),
        (
            "role/Admin",
            "AROANEW",
            "v0.7.9",
            (
                f"{NOBODY}; the mapping for {ROLE}/Admin has the unique ID AROAOLD, the caller has AROANEW: "
                "DynamicFile compares unique IDs, and a role that was deleted and created again has a new one"
            ),
        ),
        (
            "role/team/Admin",
            "AROANEW",
            "v0.7.9",
            (
                f"{NOBODY}; the mapping for {ROLE}/team/Admin has the unique ID AROAOLD, the caller has AROANEW: "
                "DynamicFile compares unique IDs, and a role that was deleted and created again has a new one"
            ),
        ),
        (
            "user/Admin",
            "AROAOLD",
            "v0.7.9",
            f"{NOBODY}; the mapping with the unique ID AROAOLD is for {USER}/Admin",
        ),
        ("user/Other", "AROAOLD", "v0.7.9", f"{NOBODY}; the mapping with the unique ID AROAOLD is for {USER}/Other"),
        ("user/Admin", "AROANEW", "v0.7.9", NOBODY),
        (
            "role/Admin",
            "AROAOLD",
            "v0.5.21",
            f"{NOBODY}; the mapping for {ROLE}/Admin has the caller's unique ID, but its ARN does not match",
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
    caller = read_caller(identity_of(arn), DaemonVersion.parse("v0.7.9"))
    mapping = IdentityMapping("role", written, "a", (), Route.of(("x",)))
    denial = no_match(caller, config, (BackendTable("CRD", {}, {}, no_place, written=(mapping,)),))
    return denial.reason.partition("mapAccounts; ")[2]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (
            f"{ROLE}/ADMIN",
            f"this release compares the mapping for {ROLE}/ADMIN case-sensitively: write it in lower case",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/Admin/x",
            (
                "the backend CRD compares the mapping for arn:aws:sts::111122223333:assumed-role/Admin/x "
                "as it is written: "
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
        f"the mapping for {ROLE}/{kelvin}ing contains letters that this release does not treat as those of {ROLE}/King"
    )
