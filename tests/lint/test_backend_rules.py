"""What no backend carries, what a backend lacks, and reserved prefixes that nobody looks at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lint.mapped import ADMIN, CONFIG, ROLES, SSO, only, places, report

ACCOUNTS = "  # tarmak-iam: ignore[IAM074] a sandbox\n  mapAccounts: ['111122223333']\n"
DEV = "  - {sso: {permissionSetName: Dev, accountID: '111122223333'}, username: dev, groups: [dev]}\n"
RESERVED = "  reservedPrefixConfig: [{backendMode: %s, usernamePrefixReserveList: ['corp:']}]\n"


def test_accounts_and_sso_entries_of_objects_alone() -> None:
    told = only(ROLES + ACCOUNTS, backends=["CRD"])
    assert told == (
        "5:17 IAM090 account 111122223333: the backend CRD admits no accounts, so it lets nobody in; "
        "add MountedFile: tarmak-iam settings set backends CRD,MountedFile"
    )
    told = only(ROLES + DEV, backends=["CRD"], **SSO)
    assert told.startswith(
        "4:11 IAM090 permission set 111122223333/Dev: the backend CRD has no SSO entries, so it lets"
    )


@pytest.mark.parametrize("backends", [["CRD", "EKSConfigMap"], ["MountedFile"], ["EKSConfigMap"]])
def test_one_backend_that_carries_it_is_enough(backends: list[str]) -> None:
    assert places(ROLES + DEV + ACCOUNTS, backends=backends, **SSO) == []


def test_the_way_in_is_told_for_admins() -> None:
    told = only(ROLES + DEV.replace("[dev]", "['system:masters']"), backends=["CRD"], **SSO)
    assert "; the admin certificate was not examined" in told


def test_what_shows_only_when_all_is_made() -> None:
    people = f"people: &people\n  mapRoles:\n{ADMIN}server: *people\n"
    assert places(people, backends=["CRD", "MountedFile"]) == places(people)
    found = [told for told in texts(people, backends=["CRD"]) if "IAM090" in told]
    assert len(found) == 1
    assert found[0].startswith("4:9 IAM090 the lists cannot be taken out of the configuration: server is the alias")
    # The first releases compare this ARN as it is written, so that the file by itself lets nobody in.
    session = ROLES + "  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/Dev/s', username: dev}\n"
    found = [told for told in texts(session, image="x:v0.6.1", backends=["EKSConfigMap"]) if "IAM090" in told]
    assert len(found) == 1
    assert found[0].startswith(
        "4:5 IAM090 arn:aws:iam::111122223333:role/Dev would be 'dev' without groups by the backends EKSConfigMap, and"
    )


@pytest.mark.parametrize("key", ["kubeconfig: /etc/kubernetes/admin.conf", "Master: https://10.0.0.1"])
def test_another_api_server(key: str) -> None:
    told = only(f"{ROLES}  {key}\n", backends=["EKSConfigMap", "MountedFile"])
    name = f"server.{key.partition(':')[0].lower()}"
    assert told.startswith(
        f"4:3 IAM091 {name} sends the daemon to an API server that it has no credentials for; the ad"
    )
    assert places(f"{ROLES}  {key}\n") == []
    assert places(f"{ROLES}  kubeconfig: ''\n", backends=["CRD"]) == []


def test_custom_resources_without_a_status() -> None:
    (only_one,) = report(ROLES, backends=["CRD"], kubernetesVersion="1.10.3").findings
    assert str(only_one).startswith(
        "tarmak-iam.yaml: error: the backend CRD needs Kubernetes 1.11, and dev-cluster has"
    )
    for backends, others in ((["CRD"], "MountedFile"), (["CRD", "EKSConfigMap"], "EKSConfigMap")):
        (found,) = report(ROLES, backends=backends, kubernetesVersion="1.10.3").findings
        assert found.finding.remedy == f"choose other backends: tarmak-iam settings set backends {others}"
        assert report(ROLES, backends=[others], kubernetesVersion="1.10.3").findings == ()
    assert report(ROLES, backends=["CRD"], kubernetesVersion="1.11.0").findings == ()
    odd = report(ROLES, f"{CONFIG}  kubernetes: {{version: latest}}\n", backends=["CRD"]).findings
    assert "IAM091" not in {each.finding.id for each in odd}


@pytest.mark.parametrize(
    ("backend", "settings", "expected"),
    [
        ("MountedFile", {}, ""),
        (
            "CRD",
            {},
            (
                "4:40 IAM092 no prefix is reserved for CRD: the backends are MountedFile; remove it, or name "
                "MountedFile: usernames with these prefixes are then refused"
            ),
        ),
        ("DynamicFile", {}, "4:40 IAM092 no prefix is reserved for DynamicFile: the backends are MountedFile"),
        (
            "CRD",
            {"backends": ["CRD"], "daemonVersion": "v0.6.20"},
            (
                "4:40 IAM092 authenticator v0.6.20 does not look at the prefixes of CRD; remove it, or choose an image "
                "of v0.7.17 or later, which then refuses"
            ),
        ),
        ("CRD", {"backends": ["CRD"], "daemonVersion": "v0.7.17"}, ""),
    ],
)
def test_prefixes_that_nobody_looks_at(backend: str, settings: dict[str, Any], expected: str) -> None:
    found = [told for told in texts(ROLES + RESERVED % backend, **settings) if "IAM089" not in told]
    assert len(found) == bool(expected)
    assert not expected or found[0].startswith(expected)


def texts(mappings: str, **settings: Any) -> list[str]:
    found = report(mappings, **settings).findings
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in found]


def test_a_reserved_prefix_counts_where_the_first_backend_looks_at_it() -> None:
    reserved = "  reservedPrefixConfig: [{backendMode: %s, usernamePrefixReserveList: [adm]}]\n"
    of_file = ROLES + reserved % "MountedFile"
    assert places(of_file, backends=["MountedFile", "CRD"]) == ["3:65 IAM081"]
    # Another backend answers before, so that the entry would let somebody in after all.
    assert places(of_file, backends=["CRD", "MountedFile"]) == ["3:5 IAM090", "4:40 IAM092"]
    newer = {"image": "x:v0.7.17", "backends": ["EKSConfigMap"]}
    assert places(ROLES + reserved % "EKSConfigMap", **newer) == ["3:5 IAM090", "3:65 IAM081"]
    dev = DEV.replace("username: dev", "username: admin-dev").replace("x:v0.7.17", "")
    both = {"image": "x:v0.7.17", "featureGates": {"SSORoleMatch": True}, "backends": ["CRD", "EKSConfigMap"]}
    assert places(ROLES + dev + reserved % "EKSConfigMap", **both) == ["4:5 IAM090", "4:74 IAM081"]


@pytest.mark.parametrize(
    ("modes", "backends", "expected"),
    [
        ("[CRD, MountedFile]", ["CRD", "MountedFile"], []),
        ("[CRD, MountedFile]", ["MountedFile", "CRD"], ["4:16 IAM088"]),
        ("[ConfigMap]", ["EKSConfigMap"], []),
        ("[MountedFile]", ["EKSConfigMap"], ["4:16 IAM088"]),
    ],
)
def test_backends_that_the_file_names_too(modes: str, backends: list[str], expected: list[str]) -> None:
    assert places(f"{ROLES}  backendMode: {modes}\n", backends=backends) == expected
