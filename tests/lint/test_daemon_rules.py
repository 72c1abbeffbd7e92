"""Rules about the daemon's own settings in a mappings file, and about the backends of the settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lint.mapped import ADMIN, CONFIG, DEV, ROLES, SSO, only, places, report


def sso(name: str, user: str = "dev", more: str = "") -> str:
    return (
        f"  - sso: {{accountID: '111122223333', permissionSetName: {name}{more}}}\n"
        f"    username: {user}\n    groups: [{user}]\n"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[mountedfile]", "4:17 IAM075 unknown backend 'mountedfile' (names are case-sensitive): without --backend"),
        ("[MountedFile, EksConfigMap]", "4:30 IAM075 unknown backend 'EksConfigMap' (names are case-sensitive)"),
        ("MountedFile,CRD", "4:16 IAM075 unknown backend 'MountedFile,CRD' (names are case-sensitive)"),
        ("[MountedFile, CRD]", "4:16 IAM088 server.backendMode is ignored: the manifests set --backend-mode=Mounted"),
        ("[]", "4:16 IAM088 server.backendMode is ignored"),
        ("[File, MountedFile]", "4:16 IAM088 server.backendMode is ignored"),
    ],
)
def test_backends(value: str, expected: str) -> None:
    assert only(ROLES + f"  backendMode: {value}\n").startswith(expected)


@pytest.mark.parametrize("value", ["[MountedFile]", "MountedFile", "[File]"])
def test_backends_as_the_manifests_give_them(value: str) -> None:
    assert places(ROLES + f"  backendMode: {value}\n") == []


def test_what_to_do_about_a_backend() -> None:
    remove = "; remove server.backendMode: the backends are a setting in tarmak-iam.yaml"
    assert only(ROLES + "  backendMode: [eksconfigmap]\n").endswith(remove)  # the right spelling would be IAM088
    assert only(ROLES + "  backendMode: [etcd]\n").endswith(remove)
    reserved = "  reservedPrefixConfig:\n  - backendMode: %s\n    usernamePrefixReserveList: [x]\n"
    assert only(ROLES + reserved % "Mountedfile").startswith(
        "5:18 IAM075 unknown backend 'Mountedfile' (names are case-sensitive): the prefixes are not reserved; did you"
    )
    assert only(ROLES + reserved % "Mountedfile").endswith("; did you mean MountedFile?")
    assert only(ROLES + reserved % "etcd").endswith("; write MountedFile, EKSConfigMap, CRD or DynamicFile")


def test_a_scrubbed_account() -> None:
    assert only(ROLES + "  scrubbedAccounts: ['111122223333']\n").startswith(
        "4:22 IAM076 the ARN and IDs of callers from account 111122223333"
    )
    assert only(ROLES + "  scrubbedAccounts: ['444455556666']\n").startswith(
        "4:22 IAM076 no entry belongs to account 4444"
    )
    assert places(ROLES + "  scrubbedAccounts: []\n") == []


def test_a_reserved_prefix() -> None:
    reserved = "  reservedPrefixConfig:\n  - backendMode: MountedFile\n    usernamePrefixReserveList: [%s]\n"
    assert only(ROLES + reserved % "adm").startswith(
        "3:65 IAM081 the username 'admin' begins with the reserved prefix 'adm': the authenticator denies every login"
    )
    assert places(ROLES + reserved % "corp") == []
    assert places(ROLES + reserved % "adm", daemonVersion="v0.6.5") == ["4:3 IAM086"]


def test_a_setting_of_another_release() -> None:
    assert places(ROLES + "  scrubbedAccounts: ['111122223333']\n", daemonVersion="v0.4.0") == [
        "4:3 IAM086",
        "4:22 IAM076",
    ]
    assert places(ROLES + "  stateDir: /var/aws-iam-authenticator\n", daemonVersion="v0.4.0") == []


def test_the_partition_of_the_daemon() -> None:
    assert only(ROLES + "  partition: aws-cn\n").startswith(
        "4:14 IAM087 the authenticator accepts only tokens of partition aws-cn"
    )
    assert places(ROLES + "  partition: aws\n") == []
    assert places(ROLES + "  partition: aws-us-gov\n", daemonVersion="v0.7.9") == []  # one domain


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (SSO, []),
        ({"daemonVersion": "v0.7.9"}, ["4:10 IAM082"]),
        ({"daemonVersion": "v0.7.9", "featureGates": {"SSORoleMatch": False}}, ["4:10 IAM082"]),
        ({"daemonVersion": "v0.6.30", "featureGates": {"SSORoleMatch": True}}, []),
        ({"daemonVersion": "v0.6.20"}, ["4:10 IAM082"]),
        ({"daemonVersion": "v0.5.9"}, ["4:10 IAM082"]),
        ({"daemonVersion": "v0.4.0"}, ["4:10 IAM082"]),
    ],
)
def test_an_sso_entry_and_its_gate(settings: dict[str, object], expected: list[str]) -> None:
    assert places(ROLES + sso("Dev"), **settings) == expected


def test_an_sso_entry_with_an_arn_of_its_own() -> None:
    both = sso("Dev").replace("  - ", f"  - roleARN: {DEV}\n    ")
    assert places(ROLES + both, daemonVersion="v0.6.20") == ["5:10 IAM082"]
    assert places(ROLES + both, **SSO) == ["4:5 IAM022"]


def test_an_sso_entry_with_a_partition() -> None:
    assert places(ROLES + sso("Dev", more=", partition: aws"), **SSO) == ["4:73 IAM077"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (sso("Dev") + sso("Dev_Extra", "extra"), ["4:10 IAM083"]),
        (sso("dev") + sso("DEV_EXTRA", "extra"), ["4:10 IAM083"]),
        (sso("Dev") + sso("Dev_Extra"), []),  # the same for both
        (sso("Dev") + sso("Developer", "extra"), []),
        (sso("Dev") + sso("Dev_Extra", "extra").replace("1111", "4444"), []),
        (
            sso("Dev")
            + "  - {roleARN: 'arn:aws:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcdef', username: x}\n",
            ["4:10 IAM083"],
        ),
        (
            sso("Dev")
            + "  - {roleARN: 'arn:aws:iam::111122223333:role/AWSReservedSSO_Ops_0123456789abcdef', username: x}\n",
            [],
        ),
    ],
)
def test_two_entries_for_one_sso_role(entries: str, expected: list[str]) -> None:
    assert places(ROLES + entries, **SSO) == expected


def test_the_overlap_tells_which() -> None:
    assert only(ROLES + sso("Dev") + sso("Dev_Extra", "extra"), **SSO).startswith(
        "4:10 IAM083 permission set Dev also matches permission set Dev_Extra in line 7: the authenticator uses one"
    )


def test_what_does_not_fit_into_a_configmap() -> None:
    limit = 1024 * 1024
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + ADMIN
    fits = text + "#" * (limit - len(text) - 1) + "\n"
    assert places(fits) == []
    assert only(fits + "#").startswith(
        "1:1 IAM085 the mappings are 1,048,577 bytes, but a ConfigMap holds at most 1,048,576; "
    )
    assert places((fits + "#").replace("dev-cluster\n", "dev-cluster\r\n", 1)) == ["1:1 IAM085"]


def test_another_cluster_id_hides_nothing_else() -> None:
    assert places("clusterID: prod-blue\n" + ROLES + f"  - {{roleARN: '{DEV}'}}\n") == ["1:12 IAM020", "5:5 IAM069"]


def test_what_ends_the_daemon_is_told_where_its_cause_is_ignored() -> None:
    entry = "  - roleARN: x  # tarmak-iam: ignore[IAM010] soon\n    username: dev\n    groups: [dev]\n"
    assert places(ROLES + entry) == ["4:14 IAM022"]
    assert [each.finding.id for each in report(ROLES + entry, CONFIG).suppressed] == ["IAM010"]


@pytest.mark.thorough
def test_what_does_not_fit_depends_on_the_backends() -> None:
    """Custom resources are objects of their own; aws-auth has the entries in another spelling."""
    head = f"clusterID: dev-cluster\nserver:\n  mapRoles:\n{ADMIN}"
    entry = ADMIN.replace("Admin", "Other").replace("system:masters", "dev")
    text = head + entry.replace("admin", "x" * 1024 * 1024)
    assert places(text, backends=["CRD"]) == []
    for backends in (["MountedFile"], ["EKSConfigMap"]):
        assert places(text, backends=backends) == ["1:1 IAM085"]
    text = head + entry.replace("admin", f"""'{'"' * 600 * 1024}'""")
    assert places(text) == []
    assert places(text, backends=["EKSConfigMap"]) == ["1:1 IAM085"]


ACCOUNTS = "  # tarmak-iam: ignore[IAM074] a sandbox\n  mapAccounts: ['111122223333']\n"
DEV_SSO = "  - {sso: {permissionSetName: Dev, accountID: '111122223333'}, username: dev, groups: [dev]}\n"
RESERVED = "  reservedPrefixConfig: [{backendMode: %s, usernamePrefixReserveList: ['corp:']}]\n"


def test_accounts_and_sso_entries_of_objects_alone() -> None:
    told = only(ROLES + ACCOUNTS, backends=["CRD"])
    assert told == (
        "5:17 IAM090 account 111122223333: the backend CRD does not support accounts, so the entry gives no access; "
        "add MountedFile: tarmak-iam settings set backends CRD,MountedFile"
    )
    told = only(ROLES + DEV_SSO, backends=["CRD"], **SSO)
    assert told.startswith(
        "4:11 IAM090 permission set 111122223333/Dev: the backend CRD does not support SSO entries, so the entry"
    )


@pytest.mark.parametrize("backends", [["CRD", "EKSConfigMap"], ["MountedFile"], ["EKSConfigMap"]])
def test_one_backend_that_carries_it_is_enough(backends: list[str]) -> None:
    assert places(ROLES + DEV_SSO + ACCOUNTS, backends=backends, **SSO) == []


def test_the_way_in_is_told_for_admins() -> None:
    told = only(ROLES + DEV_SSO.replace("[dev]", "['system:masters']"), backends=["CRD"], **SSO)
    assert "; the admin certificate was not examined" in told


def test_what_shows_only_when_all_is_made() -> None:
    people = f"people: &people\n  mapRoles:\n{ADMIN}server: *people\n"
    assert places(people, backends=["CRD", "MountedFile"]) == places(people)
    found = [told for told in texts(people, backends=["CRD"]) if "IAM090" in told]
    assert len(found) == 1
    assert found[0].startswith("4:9 IAM090 the lists cannot be removed from the configuration: server is the alias")
    # The first releases compare this ARN as it is written, so that the file by itself lets nobody in.
    session = ROLES + "  - {roleARN: 'arn:aws:sts::111122223333:assumed-role/Dev/s', username: dev}\n"
    found = [told for told in texts(session, image="x:v0.6.1", backends=["EKSConfigMap"]) if "IAM090" in told]
    assert len(found) == 1
    assert found[0].startswith(
        "4:5 IAM090 the backends EKSConfigMap would map arn:aws:iam::111122223333:role/Dev to 'dev' without groups, but"
    )


@pytest.mark.parametrize("key", ["kubeconfig: /etc/kubernetes/admin.conf", "Master: https://10.0.0.1"])
def test_another_api_server(key: str) -> None:
    told = only(f"{ROLES}  {key}\n", backends=["EKSConfigMap", "MountedFile"])
    name = f"server.{key.partition(':')[0].lower()}"
    assert told.startswith(
        f"4:3 IAM091 {name} points the authenticator to an API server for which it has no credentials"
    )
    assert places(f"{ROLES}  {key}\n") == []
    assert places(f"{ROLES}  kubeconfig: ''\n", backends=["CRD"]) == []


def test_custom_resources_without_a_status() -> None:
    (only_one,) = report(ROLES, backends=["CRD"], kubernetesVersion="1.10.3").findings
    assert str(only_one).startswith(
        "tarmak-iam.yaml: error: the backend CRD requires Kubernetes 1.11, but dev-cluster has"
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
                "4:40 IAM092 the reserved prefixes of CRD have no effect: the backends are MountedFile; remove the "
                "item, or set its backendMode to MountedFile, which denies logins with these prefixes"
            ),
        ),
        ("DynamicFile", {}, "4:40 IAM092 the reserved prefixes of DynamicFile have no effect: the backends are"),
        ("CRD", {"backends": ["CRD"], "image": "x:v0.6.20"}, "None:None IAM131 authenticator v0.6.20 is affected by "),
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
    dev = DEV_SSO.replace("username: dev", "username: admin-dev").replace("x:v0.7.17", "")
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
