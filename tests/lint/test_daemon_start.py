"""Mappings with which the daemon would not start: a finding at what causes it, whose remedy says what to write."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.identity.authenticator import Authenticator
from tests.lint.mapped import CONFIG, ROLES, only, report
from tests.support import golden_json

NEW = "example.com/x:v0.7.18"
OLD = "example.com/x:v0.4.0"
DEV = "  - roleARN: arn:aws:iam::111122223333:role/Dev\n"
PARTITIONS = "aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc"
TEXT = "write a text; put it in quotes if it has braces or a colon"
BARE = "write it without brackets or a dash"
ENTRY = "write each entry as a mapping behind a dash, as in - roleARN: ARN"
BELOW = "write them indented below it, as KEY: VALUE without dashes"

CASES = [
    ("server:\n- mapRoles: []\n", "2:1", "server is a list, and its settings must be a mapping", BELOW),
    ("server: hello\n", "1:9", "server is a text, and its settings must be a mapping", BELOW),
    ("server: 5\n", "1:9", "server is a number, and its settings must be a mapping", BELOW),
    ("server: true\n", "1:9", "server is a boolean, and its settings must be a mapping", BELOW),
    (
        ROLES + "  partition: ''\n",
        "4:14",
        "server.partition '' is not known",
        f"remove server.partition, or write one of {PARTITIONS}",
    ),
    (
        ROLES + "  partition: [aws]\n",
        "4:14",
        "server.partition a list is not known",
        f"remove server.partition, or write one of {PARTITIONS}",
    ),
    (
        ROLES + "  address: localhost\n",
        "4:12",
        "server.address: 'localhost' is no IP address",
        "remove the key, or write 127.0.0.1",
    ),
    (
        ROLES + "  hostname: m\u00e4ster\n",
        "4:13",
        "server.hostname: a certificate can only name it in ASCII",
        "remove the key, or write localhost",
    ),
    (
        ROLES + "  port: 70000\n",
        "4:9",
        "server.port: '70000' is no port",
        "remove the key, or write a number from 1 to 65535",
    ),
    (
        ROLES + "  dynamicfilepath: /etc/map.json\n",
        "4:20",
        "the backend DynamicFile and server.dynamicfilepath only go together: DynamicFile is not among the backends",
        "remove server.dynamicfilepath",
    ),
    (
        "server:\n- roleARN: arn:aws:iam::111122223333:role/Dev\n  username: a\n",
        "2:1",
        "server is a list, and its settings must be a mapping",
        "put a line with mapRoles: below server, and indent it and the entries",
    ),
    (
        "server:\n- {userARN: arn:aws:iam::111122223333:user/Ann, username: a}\n",
        "2:1",
        "server is a list, and its settings must be a mapping",
        "put a line with mapUsers: below server, and indent it and the entries",
    ),
    (ROLES + DEV + "    username: [a]\n", "5:15", "username must be a text, not a list", BARE),
    (ROLES + DEV + "    username: {SessionName}\n", "5:15", "username must be a text, not a mapping", TEXT),
    (ROLES + DEV + "    username: a\n    groups: [a, [b]]\n", "6:17", "a group must be a text, not a list", BARE),
    (
        ROLES + DEV + "    username: a\n    groups:\n    - system:masters: \n",
        "7:7",
        "a group must be a text, not a mapping",
        TEXT,
    ),
    (ROLES + DEV + "    username: a\n    groups: {a: b}\n", "6:13", "a group must be a text, not a mapping", TEXT),
    (ROLES + DEV + "    username: a\n    userid: [a]\n", "6:13", "userid must be a text, not a list", BARE),
    (
        ROLES + "  reservedPrefixConfig: hello\n",
        "4:25",
        "server.reservedPrefixConfig: it must be a list of mappings",
        "write the keys backendMode and usernamePrefixReserveList behind a dash",
    ),
    (
        ROLES + "  reservedPrefixConfig:\n  - {backendMode: MountedFile, usernamePrefixReserveList: [[a]]}\n",
        "5:60",
        "a prefix must be a text, not a list",
        BARE,
    ),
    (
        ROLES + "  - {roleARN: 'arn:aws:IAM::111122223333:role/Dev', username: a}\n",
        "4:15",
        "'arn:aws:IAM::111122223333:role/Dev' is not taken as an ARN: the service is 'IAM', not iam or sts",
        "write arn:aws:iam::111122223333:role/Dev",
    ),
    (
        ROLES + "  - {roleARN: 'arn:aws:iam::111122223333:ROLE/Dev', username: a}\n",
        "4:15",
        "'arn:aws:iam::111122223333:ROLE/Dev' is not taken as an ARN: 'ROLE/Dev' is no role, user or root",
        "write arn:aws:iam::111122223333:role/Dev",
    ),
    (
        ROLES + DEV + "    username: a\n    sso: {accountID: '111122223333', permissionSetName: Dev}\n",
        "4:5",
        "a role mapping has both rolearn and sso",
        "write two entries, one with roleARN and one with sso",
    ),
    (
        ROLES + "  - {username: a, sso: {accountID: '111122223333', permissionSetName: 'a b'}}\n",
        "4:5",
        "sso.permissionSetName 'a b' is no name of a permission set",
        "write the name as IAM Identity Center has it: 1 to 32 letters, digits and +=,.@_-",
    ),
    (
        ROLES + "  - {username: a, sso: hello}\n",
        "4:24",
        "sso must be a mapping",
        "write sso: with the keys permissionSetName and accountID below it",
    ),
    (
        ROLES + "  - {username: a, sso: {accountID: '111122223333', permissionSetName: [a]}}\n",
        "4:71",
        "sso.permissionSetName must be a text, not a list",
        BARE,
    ),
    (
        "%YAML 1.2\n---\n" + ROLES,
        "3:1",
        "the configuration cannot be read: it has a %YAML directive other than 1.1",
        "remove the line with %YAML",
    ),
]


@pytest.mark.parametrize(("mappings", "where", "reason", "remedy"), CASES)
def test_the_cause_and_what_to_write(mappings: str, where: str, reason: str, remedy: str) -> None:
    assert only(mappings, image=NEW, featureGates={"SSORoleMatch": True}) == (
        f"{where} IAM022 authenticator v0.7.18 would not start: {reason}; the admin certificate was not examined; "
        f"{remedy}"
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("server:\n- mapRoles: []\n", "server:\n  mapRoles: []\n"),
        (ROLES + "  partition: ''\n", ROLES + "  partition: aws\n"),
        (ROLES + "  address: localhost\n", ROLES + "  address: 127.0.0.1\n"),
        (ROLES + DEV + "    username: {SessionName}\n", ROLES + DEV + "    username: '{SessionName}'\n"),
        (ROLES + DEV + "    username: [a]\n", ROLES + DEV + "    username: a\n"),
        (
            ROLES + "  - {roleARN: 'arn:aws:IAM::111122223333:role/Dev', username: a}\n",
            ROLES + DEV + "    username: a\n",
        ),
        (
            "server:\n  mapRoles:\n    roleARN: arn:aws:iam::111122223333:role/Dev\n    username: a\n",
            "server:\n  mapRoles:\n  - roleARN: arn:aws:iam::111122223333:role/Dev\n    username: a\n",
        ),
    ],
)
def test_what_the_remedy_says_starts(wrong: str, right: str) -> None:
    for version in ("v0.4.0", "v0.5.9", "v0.7.18"):
        assert Authenticator.load(f"clusterID: a\n{right}", version=version).failure is None
    failures = [Authenticator.load(f"clusterID: a\n{wrong}", version=each).failure for each in ("v0.4.0", "v0.7.18")]
    assert all(each is None or each.remedy for each in failures)
    assert any(failures)


def test_settings_at_the_top_are_what_it_needs_all_the_same() -> None:
    """Keys with a dot, as viper takes them."""
    partition, address = "server.partition: aws\n", "server.address: 127.0.0.1\n"
    for version, needed in (("v0.4.0", address), ("v0.7.18", partition + address)):
        text = f"clusterID: a\nserver: []\n{needed}"
        args = [] if version == "v0.4.0" else ["--backend-mode=MountedFile"]
        assert Authenticator.load(text, version=version, args=args).failure is None
    failure = Authenticator.load(f"clusterID: a\nserver: []\n{address}", version="v0.7.18").failure
    assert failure is not None
    assert failure.reason.startswith("server is a list")


def test_an_identity_that_is_no_text() -> None:
    found = only("clusterID: [a]\n" + ROLES)
    assert found.startswith("1:12 IAM020 clusterID is")
    assert found.endswith("write clusterID: dev-cluster")
    failure = Authenticator.load("clusterID: {a: b}\n" + ROLES).failure
    assert failure is not None
    assert failure.reason == "clusterID is a mapping"


def test_a_key_twice_has_its_own_place() -> None:
    failure = Authenticator.load("clusterID: a\nclusterID: b\n", version="v0.7.9").failure
    assert failure is not None
    assert (str(failure.place), failure.remedy) == ("config.yaml:2:1", "remove one of them")


RECORDED = [
    case
    for case in golden_json("authenticator/startup.json")
    if case["filename"] == "config.yaml" and not case["args"] and case["id"] not in ("no-clusterid", "empty-clusterid")
]
"""A clusterID that is missing is added, as in all that we make."""
CAUSES = {"IAM022", "IAM053", "IAM057", "IAM059", "IAM060"}


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: str(case["id"]))
def test_every_recorded_start(case: dict[str, Any]) -> None:
    """Where the real daemon ended, an error says why."""
    config = CONFIG.replace("name: cluster", "name: test").replace("dev", "a")
    for version, starts in case["started"].items():
        text = case["config"].replace("clusterID: test", "clusterID: a-test")
        try:
            found = report(text, config, image=f"example.com/x:{version}").findings
        except TarmakIamError:
            assert not starts
            continue
        causes = [each for each in found if each.finding.id in CAUSES]
        assert bool(causes) or starts, version
        assert not starts or all(each.finding.id != "IAM022" for each in causes)
        assert all(each.finding.remedy and each.place.line for each in causes)
