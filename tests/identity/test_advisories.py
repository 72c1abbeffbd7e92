"""Security advisories: which releases have them, and which configurations are open to them."""

from __future__ import annotations

import pytest

from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.advisories import advisories_of, all_advisories
from tarmak_iam.identity.model import DaemonInput
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion, known_releases

REDIRECTS, DUPLICATES = "aws-iam-authenticator#341", "aws-iam-authenticator#469"
ACCESS_KEY, ARN, PREFIXES = "CVE-2022-2385", "aws-iam-authenticator#1046", "aws-iam-authenticator#1047"

ADMIN = """\
clusterID: dev
server:
  mapRoles:
  - {roleARN: arn:aws:iam::111122223333:role/Admin, username: admin, groups: ["system:masters"]}
"""
STRICT = f"{ADMIN}  dynamicfileUserIDStrict: true\n  dynamicfilepath: /etc/dynamic.json\n"
RESERVED = f"{ADMIN}  reservedPrefixConfig: [{{backendMode: CRD, usernamePrefixReserveList: [corp]}}]\n"
MODES = "  dynamicBackendModePath: /etc/modes\n"


def release(text: str) -> DaemonVersion:
    return DaemonVersion.parse(text)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v0.1.0", [REDIRECTS, DUPLICATES]),
        ("v0.4.0", [REDIRECTS, DUPLICATES]),
        ("v0.4.0-scratch", [REDIRECTS, DUPLICATES]),
        ("v0.5.1", [REDIRECTS, DUPLICATES]),
        ("v0.5.2", [DUPLICATES, ACCESS_KEY]),
        ("v0.5.8", [DUPLICATES, ACCESS_KEY]),
        ("v0.5.9", []),
        ("v0.5.14", []),
        ("v0.5.15", [PREFIXES]),
        ("v0.5.21", [PREFIXES]),
        ("v0.5.22", [ARN, PREFIXES]),
        ("v0.5.27", [ARN, PREFIXES]),
        ("v0.6.5", []),
        ("v0.6.6", [PREFIXES]),
        ("v0.6.14", [PREFIXES]),
        ("v0.6.15", [ARN, PREFIXES]),
        ("v0.6.31", [ARN, PREFIXES]),
        ("v0.7.16", [ARN, PREFIXES]),
        ("v0.7.17", []),
        ("v0.7.99", []),
    ],
)
def test_the_advisories_of_a_release(version: str, expected: list[str]) -> None:
    assert [advisory.id for advisory in advisories_of(release(version))] == expected


def test_no_release_from_the_fixed_one_on_has_the_flaw() -> None:
    for advisory in all_advisories():
        open_to_it = [version for version in known_releases() if advisory in advisories_of(version)]
        later = [version for version in known_releases() if version > max(open_to_it)]
        assert advisory.fixed == later[0]
        assert advisory.source.startswith("https://github.com/kubernetes-sigs/aws-iam-authenticator/")


def test_the_default_release_has_none() -> None:
    assert advisories_of(DEFAULT_RELEASE) == ()


def affected(advisory_id: str, config: str, version: str, *args: str, **files: str) -> bool | None:
    (advisory,) = (each for each in advisories_of(release(version)) if each.id == advisory_id)
    named = {f"{name}.json": text for name, text in files.items()}
    given = DaemonInput(config, version, args=args, files=named, is_carried=True)
    return advisory.affects(Authenticator.of(given))


@pytest.mark.parametrize("advisory_id", [REDIRECTS, DUPLICATES])
def test_what_affects_every_configuration(advisory_id: str) -> None:
    assert affected(advisory_id, ADMIN, "v0.4.0") is True
    assert affected(advisory_id, "server: {port: -1}", "v0.4.0") is True, "it does not start"


def test_an_access_key_in_a_name() -> None:
    assert affected(ACCESS_KEY, ADMIN, "v0.5.8") is False
    assert affected(ACCESS_KEY, ADMIN.replace("username: admin", "username: 'a:{{AccessKeyID}}'"), "v0.5.8") is True
    assert affected(ACCESS_KEY, ADMIN.replace("system:masters", "{{AccessKeyID}}"), "v0.5.8") is True
    assert affected(ACCESS_KEY, ADMIN.replace("username: admin", "username: '{{ AccessKeyID }}'"), "v0.5.8") is False
    users = ADMIN.replace("mapRoles", "mapUsers").replace("roleARN", "userARN").replace("role/", "user/")
    assert affected(ACCESS_KEY, users.replace("username: admin", "username: '{{AccessKeyID}}'"), "v0.5.8") is True


@pytest.mark.parametrize("backends", ["CRD", "MountedFile,EKSConfigMap"])
def test_objects_of_the_cluster_can_contain_an_access_key(backends: str) -> None:
    assert affected(ACCESS_KEY, ADMIN, "v0.5.8", f"--backend-mode={backends}") is None


def test_a_file_can_select_other_backends_while_it_runs() -> None:
    assert affected(PREFIXES, RESERVED + MODES, "v0.6.20") is None
    assert affected(PREFIXES, ADMIN + MODES, "v0.6.20") is False


def test_a_malformed_arn_with_a_unique_id() -> None:
    on = ("--backend-mode=MountedFile,DynamicFile",)
    file = '{"mapRoles": [{"userid": "AROA1", "rolearn": "%s", "username": "dev", "groups": []}]}'
    assert affected(ARN, ADMIN, "v0.7.16") is False, "no dynamic file"
    assert affected(ARN, STRICT.replace("true", "false"), "v0.7.16", *on) is False
    assert affected(ARN, STRICT, "v0.7.16", *on) is None, "the file is not known"
    for arn in ("garbage", "arn:azure:iam::111122223333:role/Dev", "ARN:aws:iam::111122223333:role/Dev"):
        assert affected(ARN, STRICT, "v0.7.16", *on, dynamic=file % arn) is True
    for arn in ("", "arn:aws:iam::111122223333:role/Dev", "arn:aws:iam::111122223333:role/team/Dev"):
        assert affected(ARN, STRICT, "v0.7.16", *on, dynamic=file % arn) is None, "it is read again when it changes"


def test_reserved_prefixes_of_cluster_objects() -> None:
    assert affected(PREFIXES, RESERVED, "v0.6.20", "--backend-mode=CRD") is True
    assert affected(PREFIXES, RESERVED, "v0.6.20", "--backend-mode=EKSConfigMap") is False
    assert affected(PREFIXES, RESERVED.replace("[corp]", "[]"), "v0.6.20", "--backend-mode=CRD") is False
    assert affected(PREFIXES, RESERVED, "v0.6.20") is False
    assert affected(PREFIXES, RESERVED.replace("CRD", "MountedFile"), "v0.6.20") is False


def test_a_configuration_that_does_not_start() -> None:
    broken = ADMIN.replace("username: admin", "username: '{{AccessKeyID}}'") + "  port: -1\n"
    assert affected(ACCESS_KEY, broken, "v0.5.8") is False
