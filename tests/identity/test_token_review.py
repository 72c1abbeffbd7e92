"""The token review: what an answer has besides what tests/identity/cases show, and tables that no file makes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import DaemonInput, IdentityMapping, no_place
from tarmak_iam.identity.token_review import TokenReviewer, with_alternatives
from tarmak_iam.routes import Route

ROLE = "arn:aws:iam::111122223333:role"
CONFIG = {"clusterID": "test", "server": {"mapRoles": [{"rolearn": f"{ROLE}/Admin", "username": "u0"}]}}
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
    answer = Authenticator.load(json.dumps(CONFIG), version=version).whois(
        Identity(ARN, "111122223333", "AROAX:s", "AKIA1")
    )
    assert (answer.uid, answer.extra) == ("aws-iam-authenticator:111122223333:AROAX", extra)


def test_a_scrubbed_account() -> None:
    text = json.dumps({**CONFIG, "server.scrubbedAccounts": ["111122223333"]})
    answer = Authenticator.load(text).whois(Identity(ARN, "111122223333", "AROAX:s"))
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


def review(table: BackendTable, arn: str = f"{ROLE}/Admin") -> str:
    """The reason."""
    config = Authenticator.load("clusterID: test\n", version="v0.7.9").config
    assert config is not None
    given = DaemonInput("", "v0.7.9")
    return TokenReviewer(config, (table,), given, (), no_place).review(identity_of(arn)).reason


@pytest.mark.parametrize(
    ("backend", "is_carried", "things"),
    [("CRD", True, "mappings"), ("CRD", False, "objects"), ("MountedFile", False, "mappings")],
)
def test_entries_of_a_file_that_match_at_random_are_no_objects(backend: str, is_carried: bool, things: str) -> None:
    first, second = (IdentityMapping("role", f"{ROLE}/Admin", "a", (), Route.of((number,))) for number in (0, 1))
    filed = {f"{ROLE}/admin": (first, second)}
    table = BackendTable(backend, filed, {}, no_place, written=(first, second), is_carried=is_carried)
    assert review(table) == (
        f"the mapping for {ROLE}/Admin matches (one of 2 {things} for it; the authenticator uses one at random)"
    )


@pytest.mark.parametrize(
    ("kind", "folds_roles", "folds_users", "among"),
    [
        ("role", True, False, " (the last of 2 mappings for it; the others are ignored)"),
        ("role", False, True, ""),
        ("user", True, False, ""),
        ("user", False, True, " (the last of 2 mappings for it; the others are ignored)"),
    ],
)
def test_which_entries_a_release_takes_for_the_same(
    kind: str, folds_roles: bool, folds_users: bool, among: str
) -> None:
    arns = (f"{ROLE}/Sam", f"{ROLE}/\N{LATIN SMALL LETTER LONG S}am", "x/Sam")
    written = tuple(IdentityMapping(kind, arn, "a", (), Route.of((number,))) for number, arn in enumerate(arns))
    filed = {f"{ROLE}/sam": (written[0],)}
    of_roles, of_users = (filed, {}) if kind == "role" else ({}, filed)
    table = BackendTable(
        "MountedFile", of_roles, of_users, no_place, written, folds_roles=folds_roles, folds_users=folds_users
    )
    assert review(table, f"{ROLE}/Sam") == f"the mapping for {ROLE}/Sam matches{among}"


@pytest.mark.parametrize(
    ("written", "name", "hint"),
    [
        (
            "ADMIN",
            "Admin",
            f"this release compares the mapping for {ROLE}/ADMIN case-sensitively: write it in lower case",
        ),
        (
            "\N{KELVIN SIGN}ing",
            "King",
            (
                f"the mapping for {ROLE}/\N{KELVIN SIGN}ing contains letters that are not equal in this release to "
                f"those of {ROLE}/King"
            ),
        ),
    ],
)
def test_entries_that_mean_the_caller_and_are_compared_otherwise(written: str, name: str, hint: str) -> None:
    mapping = IdentityMapping("role", f"{ROLE}/{written}", "a", (), Route.of(("x",)))
    table = BackendTable("CRD", {}, {}, no_place, written=(mapping,))
    assert review(table, f"{ROLE}/{name}").partition("mapAccounts; ")[2] == hint
