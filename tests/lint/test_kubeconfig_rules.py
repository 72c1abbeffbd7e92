"""The role of the kubeconfig: reported where the mappings let nobody in with it, and where no other rule says why."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ADMIN, CONFIG, ROLES, SSO

OPS = "arn:aws:iam::111122223333:role/Ops"
RESERVED = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
DEV_SSO = "  - {sso: {permissionSetName: Dev, accountID: '111122223333'}, username: dev, groups: [dev]}\n"
ON = CONFIG + "  kubernetes: {apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}\n"
REGION = CONFIG + "environments:\n- metadata: {name: dev}\n  location: cn-north-1\n"
HUB = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata: {name: hub}
- environment: dev
  metadata: {name: cluster}
"""


def entry(arn: str, kind: str = "role", username: str = "ops") -> str:
    return f"  - {{{kind}ARN: '{arn}', username: '{username}', groups: [ops]}}\n"


def installation(mappings: str | None, config: str = CONFIG, **settings: Any) -> Installation:
    parsed = TarmakConfig.parse(config)
    people = None if mappings is None else Mappings.parse(mappings)
    return Installation.of(parsed, parsed.clusters[0], people, None, {"role": OPS, **settings})


def found(mappings: str | None, config: str = CONFIG, **settings: Any) -> list[str]:
    made = installation(mappings, config, **settings)
    subjects = Subjects(TarmakConfig.parse(config), made.mappings, made)
    return sorted({each.finding.id for each in check(subjects)})


@pytest.mark.parametrize(
    ("mappings", "settings"),
    [
        (ROLES + entry(OPS), {}),
        (ROLES + entry(OPS.lower()), {}),
        (ROLES + entry(OPS), {"role": OPS.replace("Ops", "team/Ops")}),
        (ROLES + entry(OPS), {"role": OPS.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("ROLE", "role")}),
        (ROLES + "  mapUsers:\n" + entry(OPS, "user"), {}),  # kinds are not compared
        (ROLES + DEV_SSO, {"role": RESERVED, **SSO}),
        (ROLES + entry(OPS), {"backends": ["EKSConfigMap"]}),
        (ROLES + "  mapAccounts: ['111122223333'] # tarmak-iam: ignore[IAM074] the sandbox\n", {}),
    ],
)
def test_a_role_that_is_let_in(mappings: str, settings: dict[str, Any]) -> None:
    assert found(mappings, **settings) == []
    made = installation(mappings, **settings)
    assert made.loaded.whois(identity_of(made.settings.role or "")).authenticated


@pytest.mark.parametrize(
    ("mappings", "settings"),
    [
        (ROLES, {}),
        ("server: {}\n", {}),
        (ROLES + entry(OPS.replace("111122223333", "444455556666")), {}),
        (ROLES + entry("arn:aws:iam::111122223333:role/Oops"), {}),
        (ROLES, {"backends": ["EKSConfigMap"]}),
        (ROLES + DEV_SSO.replace("111122223333", "444455556666"), {"role": RESERVED, **SSO}),
        (ROLES + entry(OPS, username="system:node:{{EC2PrivateDNSName}}"), {}),
        (ROLES + "  mapUsers:\n" + entry(OPS.replace(":role/", ":user/"), "user"), {}),
    ],
)
def test_a_role_that_nobody_maps(mappings: str, settings: dict[str, Any]) -> None:
    assert found(mappings, **settings)[-1] == "IAM108"
    made = installation(mappings, **settings)
    assert not made.loaded.whois(identity_of(made.settings.role or "")).authenticated


@pytest.mark.parametrize(
    ("mappings", "config", "settings", "expected"),
    [
        (None, ON, {}, ["IAM021"]),
        (None, CONFIG, {}, []),  # nothing has begun yet
        ("server: {}\n", ON, {}, ["IAM021"]),
        (ROLES + entry(OPS.replace("Ops", "team/Ops")), CONFIG, {}, ["IAM050"]),
        (ROLES + entry(f"{OPS} "), CONFIG, {}, ["IAM010"]),
        (f"clusterID: other\n{ROLES}", CONFIG, {}, ["IAM020"]),
        (ROLES, CONFIG, {"backends": ["CRD"]}, []),
        (ROLES, HUB, {}, []),
        (ROLES.replace("aws:", "aws-cn:"), REGION, {}, ["IAM106"]),
        ("server:\n  partition: aws-cn\n" + ROLES[8:], CONFIG, {}, ["IAM087"]),
        ("mapRoles:\n" + ADMIN, CONFIG, {}, ["IAM057"]),
        (ROLES + DEV_SSO, CONFIG, {"role": RESERVED, "daemonVersion": "v0.7.9"}, ["IAM082"]),
        (ROLES + "  mapAccounts: [11112222333]\n", CONFIG, {}, ["IAM054", "IAM108"]),
        (
            ROLES + "  mapAccounts: [11112222333]\n",
            CONFIG,
            {"role": OPS.replace("111122223333", "011112222333")},
            ["IAM054"],
        ),
        (
            ROLES
            + entry(OPS, username="corp:ops")
            + "  reservedPrefixConfig: [{backendMode: MountedFile, usernamePrefixReserveList: ['corp:']}]\n",
            CONFIG,
            {},
            ["IAM081"],
        ),
    ],
)
def test_what_another_rule_reports(
    mappings: str | None, config: str, settings: dict[str, Any], expected: list[str]
) -> None:
    assert found(mappings, config, **settings) == expected


@pytest.mark.parametrize(
    ("config", "settings", "expected"),
    [
        (
            CONFIG,
            {"kubectlVersion": "1.9.11"},
            "use kubectl 1.11 or later: tarmak-iam settings unset kubectlVersion",
        ),
        (
            REGION,
            {},
            (
                "set a role of the partition aws-cn: tarmak-iam settings set role ARN, or none: "
                "tarmak-iam settings unset role"
            ),
        ),
        (
            REGION.replace("cn-north-1", "us-iso-east-1"),
            {"role": None, "image": "example.com/x:v0.4.0"},
            "set an image of v0.7.18 or another release that knows us-iso-east-1",
        ),
        (
            REGION.replace("cn-north-1", "us-iso-east-1"),
            {"role": None, "image": "example.com/x:v0.4.0", "daemonVersion": "v0.4.0"},
            (
                "set an image of v0.7.18 or another release that knows us-iso-east-1, and take daemonVersion out: "
                "tarmak-iam settings unset daemonVersion"
            ),
        ),
    ],
)
def test_what_to_do_about_a_kubeconfig(config: str, settings: dict[str, Any], expected: str) -> None:
    made = installation(None, config, **{"role": OPS, **settings})
    (finding,) = (each.finding for each in check(Subjects(None, None, made)))
    assert finding.remedy == expected


def test_what_to_do_about_it() -> None:
    made = installation(ROLES, role=OPS.replace("Ops", "team/Ops"))
    (finding,) = check(Subjects(installation=made))
    assert finding.finding.text == (
        "nobody can log in with the kubeconfig, whose role is arn:aws:iam::111122223333:role/team/Ops: no entry maps "
        "arn:aws:iam::111122223333:role/Ops, and account 111122223333 is not in mapAccounts; map the role: tarmak-iam "
        "map add arn:aws:iam::111122223333:role/Ops --username NAME --group GROUP, or set another role: tarmak-iam "
        "settings set role ARN"
    )
    made = installation(ROLES + entry(OPS, username="system:node:{{EC2PrivateDNSName}}"))
    (finding,) = check(Subjects(installation=made))
    assert finding.finding.remedy == "set another role: tarmak-iam settings set role ARN"
