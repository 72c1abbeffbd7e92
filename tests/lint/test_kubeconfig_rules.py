"""Rules about the kubeconfig that the settings make, and about the admin certificate in Tarmak's own."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.hook.apply_hook import findings_about
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Subjects, check, examine
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import ADMIN, CONFIG, ROLES, SSO
from tests.support.admin_certificates import (
    NO_CERTIFICATE,
    authority,
    certificate,
    encoded,
    key_pem,
    kubeconfig,
    logins,
    write,
)

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


SESSION = entry(OPS, username="ops:{{SessionName}}")


@pytest.mark.parametrize(
    ("mappings", "settings", "name"),
    [
        (ROLES + SESSION, {}, "ops:EKSGetTokenAuth"),
        (ROLES + SESSION, {"profile": "dev"}, "ops:EKSGetTokenAuth"),
        (ROLES + SESSION, {"role": OPS.replace("Ops", "team/Ops")}, "ops:EKSGetTokenAuth"),
        (ROLES + SESSION, {"backends": ["CRD"]}, "ops:EKSGetTokenAuth"),
        (ROLES + entry(OPS, username="ops:{{SessionNameRaw}}"), {}, "ops:EKSGetTokenAuth"),
        (ROLES + entry(OPS).replace("[ops]", "['team:{{SessionName}}']"), {}, "team:EKSGetTokenAuth"),
        (ROLES + SESSION, {"exec": "aws-iam-authenticator"}, ""),
        (ROLES + SESSION, {"exec": "tarmak-iam"}, ""),
        (ROLES + SESSION, {"role": None, "profile": "dev"}, ""),  # the profile names the session
        (ROLES + SESSION + entry(f"{OPS}2"), {"role": f"{OPS}2"}, ""),
        (ROLES + entry(OPS), {}, ""),
    ],
)
def test_everybody_gets_the_session_name_of_the_aws_cli(mappings: str, settings: dict[str, Any], name: str) -> None:
    made = installation(mappings, **{"role": OPS, "exec": "aws", **settings})
    messages = [each.finding.message for each in check(Subjects(None, None, made)) if each.finding.id == "IAM132"]
    expected = (
        f"everybody who uses the kubeconfig gets the name '{name}' from the mapping of {made.settings.role}: "
        "`aws eks get-token --role-arn` names every session EKSGetTokenAuth"
    )
    assert messages == ([expected] if name else [])


def test_a_hub_and_a_cluster_without_mappings_have_no_session_names() -> None:
    for made in (installation(None, role=OPS, exec="aws"), installation(ROLES + SESSION, HUB, role=OPS, exec="aws")):
        assert "IAM132" not in {each.finding.id for each in check(Subjects(None, None, made))}


def test_the_ways_out_of_the_session_name_of_the_aws_cli() -> None:
    (found,) = check(Subjects(None, None, installation(ROLES + SESSION, role=OPS, exec="aws")))
    assert found.finding.remedy == (
        "set role_arn and role_session_name in a profile in ~/.aws/config, and use it instead of the role: tarmak-iam "
        "settings unset role, or use another command, and give each user a "
        "session name with `kubeconfig --session-name`: tarmak-iam settings set exec aws-iam-authenticator"
    )


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
                "set a role in partition aws-cn: tarmak-iam settings set role ARN, or unset it: "
                "tarmak-iam settings unset role"
            ),
        ),
        (
            REGION.replace("cn-north-1", "us-iso-east-1"),
            {"role": None, "image": "example.com/x:v0.4.0"},
            "set an image of v0.7.18 or another release that supports us-iso-east-1",
        ),
        (
            REGION.replace("cn-north-1", "us-iso-east-1"),
            {"role": None, "image": "example.com/x:v0.4.0", "daemonVersion": "v0.4.0"},
            (
                "set an image of v0.7.18 or another release that supports us-iso-east-1, and unset daemonVersion: "
                "tarmak-iam settings unset daemonVersion"
            ),
        ),
    ],
)
def test_what_to_do_about_a_kubeconfig(config: str, settings: dict[str, Any], expected: str) -> None:
    made = installation(None, config, **{"role": OPS, **settings})
    (finding,) = (each.finding for each in check(Subjects(None, None, made)) if each.finding.id != "IAM131")
    assert finding.remedy == expected


def test_a_partition_in_which_the_release_knows_no_host() -> None:
    """IAM107 says it: no entry is in another partition, and admins have access once it is fixed."""
    config, mappings = REGION.replace("cn-north-1", "eu-isoe-west-1"), ROLES.replace("arn:aws:", "arn:aws-iso-e:")
    role = OPS.replace("arn:aws:", "arn:aws-iso-e:")
    assert "IAM107" in found(mappings, config, role=role, daemonVersion="v0.6.20")
    assert {"IAM023", "IAM084", "IAM087"}.isdisjoint(found(mappings, config, role=role, daemonVersion="v0.6.20"))
    no_admin = mappings.replace("system:masters", "dev")
    assert {"IAM084", "IAM107"} <= set(found(no_admin, config, role=role, daemonVersion="v0.6.20"))
    assert "IAM107" not in found(mappings, config, role=role, daemonVersion="v0.6.22")


def test_what_to_do_about_it() -> None:
    made = installation(ROLES, role=OPS.replace("Ops", "team/Ops"))
    (finding,) = check(Subjects(installation=made))
    assert finding.finding.text == (
        "the kubeconfig assumes arn:aws:iam::111122223333:role/team/Ops, which cannot log in: no mapping matches "
        "arn:aws:iam::111122223333:role/Ops, and account 111122223333 is not in mapAccounts; map the role: tarmak-iam "
        "map add arn:aws:iam::111122223333:role/Ops --username NAME --group GROUP, or set another role: tarmak-iam "
        "settings set role ARN"
    )
    made = installation(ROLES + entry(OPS, username="system:node:{{EC2PrivateDNSName}}"))
    (finding,) = check(Subjects(installation=made))
    assert finding.finding.remedy == "set another role: tarmak-iam settings set role ARN"


NOW = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: {current}
clusters:
- environment: dev
  metadata:
    name: cluster
- environment: prod
  metadata: {{name: hub}}
- environment: prod
  metadata: {{name: blue}}
environments:
- metadata: {{name: dev}}
  location: eu-west-1
- metadata: {{name: prod}}
  location: eu-west-1
"""
GOOD = certificate("2026-01-01", "2027-01-01")
RENEW = "run `tarmak clusters kubeconfig` for a new one"
REPLACE = f"move the kubeconfig away and {RENEW}"


def subjects(tmp_path: Path, name: str = "dev-cluster", config: str = FILE, mappings: str | None = None) -> Subjects:
    path = tmp_path / "tarmak.yaml"
    path.write_text(config.format(current="dev-cluster"))
    read = TarmakConfig.load(tmp_path)
    people = None if mappings is None else Mappings.parse(mappings)
    return Subjects(read, people, Installation.of(read, read.cluster(name), people, now=NOW))


def as_text(located: Located, tmp_path: Path) -> str:
    finding = located.finding
    text = f"{located.place} {finding.severity} {finding.id} {finding.message}; {finding.remedy}"
    return text.replace(f"{tmp_path}/", "").replace(f" -c {tmp_path}", "")


def problems(tmp_path: Path, name: str = "dev-cluster", config: str = FILE) -> list[str]:
    return [as_text(each, tmp_path) for each in check(subjects(tmp_path, name, config))]


def reached(tmp_path: Path, name: str = "dev-cluster") -> None:
    """As Tarmak leaves the directory once instances are there."""
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "ssh_known_hosts").write_text("10.99.0.1 ecdsa-sha2-nistp256 AAAA\n")


def test_a_certificate_that_is_a_way_back(tmp_path: Path) -> None:
    write(tmp_path / "dev-cluster", kubeconfig(logins(GOOD)))
    reached(tmp_path)
    assert problems(tmp_path) == []


def test_a_kubeconfig_that_is_missing_where_tarmak_was(tmp_path: Path) -> None:
    assert problems(tmp_path) == []  # a checkout in CI, or nothing applied yet
    reached(tmp_path)
    assert problems(tmp_path) == [
        (
            "tarmak.yaml:5:3 warning IAM110 dev-cluster/kubeconfig does not exist, but Tarmak has connected to the "
            f"cluster from this directory; {RENEW}"
        )
    ]


def test_a_kubeconfig_whose_credentials_were_taken_out(tmp_path: Path) -> None:
    write(tmp_path / "dev-cluster", kubeconfig())
    assert problems(tmp_path) == []
    reached(tmp_path)
    assert problems(tmp_path) == [
        (
            "tarmak.yaml:5:3 warning IAM110 the current context of dev-cluster/kubeconfig has no client certificate, "
            f"but Tarmak has connected to the cluster from this directory; {RENEW}"
        )
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))),
            f"the admin certificate in dev-cluster/kubeconfig expired on 2020-01-01; {RENEW}",
        ),
        (
            kubeconfig(logins(certificate("2030-01-01", "2031-01-01"))),
            (
                "the admin certificate in dev-cluster/kubeconfig is not valid before 2030-01-01; "
                "check the clock of this machine"
            ),
        ),
        (
            kubeconfig(logins(GOOD, key_pem("another"))),
            f"the key in dev-cluster/kubeconfig does not belong to the admin certificate; {REPLACE}",
        ),
        (
            kubeconfig("token: abc"),
            (
                "the current context of dev-cluster/kubeconfig has no client certificate: its user logs in with a "
                f"token; {RENEW}"
            ),
        ),
        (
            kubeconfig(logins(GOOD), ca=authority("another")),
            f"the admin certificate in dev-cluster/kubeconfig is not signed by the CA in the same file; {REPLACE}",
        ),
        (
            "users: [",
            (
                "the admin certificate in dev-cluster/kubeconfig cannot be read: it is not a kubeconfig that kubectl "
                f"can read; {REPLACE}"
            ),
        ),
    ],
)
def test_a_certificate_that_lets_nobody_in(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path / "dev-cluster", text)
    assert problems(tmp_path) == [f"tarmak.yaml:5:3 error IAM111 {expected}"]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-03-02T12:00:00", "expires on 2026-03-02, in less than a day"),
        ("2026-03-03T12:00:00", "expires on 2026-03-03, in 1 day"),
        ("2026-04-01T09:29:59", "expires on 2026-04-01, in 29 days"),
        ("2026-04-01T09:30:00", ""),
    ],
)
def test_a_certificate_that_expires_soon(tmp_path: Path, until: str, expected: str) -> None:
    write(tmp_path / "dev-cluster", kubeconfig(logins(certificate("2025-04-01", until))))
    what = f"tarmak.yaml:5:3 warning IAM112 the admin certificate in dev-cluster/kubeconfig {expected}; {REPLACE}"
    assert problems(tmp_path) == ([what] if expected else [])


def test_a_certificate_of_no_admin(tmp_path: Path) -> None:
    write(tmp_path / "dev-cluster", kubeconfig(logins(certificate("2026-01-01", "2027-01-01", ("dev",)))))
    assert problems(tmp_path) == [
        (
            "tarmak.yaml:5:3 warning IAM113 the admin certificate in dev-cluster/kubeconfig is not in the group "
            f"system:masters; {REPLACE}"
        )
    ]


def test_what_is_not_examined_is_no_finding(tmp_path: Path) -> None:
    user = f"client-certificate: /etc/hosts, client-key-data: {encoded(key_pem())}"
    write(tmp_path / "dev-cluster", kubeconfig(user))
    reached(tmp_path)
    assert problems(tmp_path) == []


def test_a_hub_has_no_kubeconfig(tmp_path: Path) -> None:
    reached(tmp_path, "prod-hub")
    assert problems(tmp_path, "prod-hub") == []


def test_another_cluster_than_the_current_one(tmp_path: Path) -> None:
    reached(tmp_path, "prod-blue")
    assert problems(tmp_path, "prod-blue") == [
        (
            "tarmak.yaml:10:3 warning IAM110 prod-blue/kubeconfig does not exist, but Tarmak has connected to the "
            "cluster from this directory; run `tarmak --current-cluster prod-blue clusters kubeconfig` for a new one"
        )
    ]


def test_a_comment_sets_it_aside(tmp_path: Path) -> None:
    write(tmp_path / "dev-cluster", kubeconfig("token: abc"))
    comment = "# tarmak-iam: ignore[IAM111] our admins use a token\n- environment: dev"
    report = examine(subjects(tmp_path, config=FILE.replace("- environment: dev", comment, 1)))
    assert report.findings == ()
    assert [(each.finding.id, each.reason) for each in report.suppressed] == [("IAM111", "our admins use a token")]


def test_it_keeps_nobody_from_applying(tmp_path: Path) -> None:
    """Nothing of the kubeconfig is applied, and tarmak, which is asked for it, renews it."""
    write(tmp_path / "dev-cluster", kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))))
    about = subjects(tmp_path)
    assert [each.finding.id for each in check(about)] == ["IAM111"]
    assert about.installation is not None
    assert findings_about(about.installation.cluster, about) == ()


ADMIN_TYPO = """\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin
    username: admin
    groups: ["system:master"]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            kubeconfig(logins(GOOD)),
            "recovery access: the admin certificate in PATH is valid until 2027-01-01 and in system:masters",
        ),
        (None, "no recovery access: PATH does not exist"),
        (kubeconfig(), NO_CERTIFICATE.format("PATH")),
    ],
)
def test_rules_about_the_mappings_say_what_was_found(tmp_path: Path, text: str | None, expected: str) -> None:
    if text is not None:
        write(tmp_path / "dev-cluster", text)
    messages = [each.finding.message for each in check(subjects(tmp_path, mappings=ADMIN_TYPO))]
    path = str(tmp_path / "dev-cluster" / "kubeconfig")
    assert messages == [
        "'system:master' is not a built-in group of Kubernetes: without a binding it grants nothing; "
        + expected.replace("PATH", path)
    ]


def test_mappings_alone_do_not_say_where_the_kubeconfig_is() -> None:
    (finding,) = check(Subjects(mappings=Mappings.parse(ADMIN_TYPO)))
    assert finding.finding.message == (
        "'system:master' is not a built-in group of Kubernetes: without a binding it grants nothing; "
        "the admin certificate was not examined"
    )
