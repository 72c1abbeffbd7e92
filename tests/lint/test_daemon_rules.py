"""The daemon's own settings, SSO entries and the size of it all."""

from __future__ import annotations

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
        ("[mountedfile]", "4:17 IAM075 there is no backend 'mountedfile', and the spelling counts: a daemon without"),
        ("[MountedFile, EksConfigMap]", "4:30 IAM075 there is no backend 'EksConfigMap', and the spelling counts"),
        ("MountedFile,CRD", "4:16 IAM075 there is no backend 'MountedFile,CRD', and the spelling counts"),
        ("[MountedFile, CRD]", "4:16 IAM088 server.backendMode does not count: the manifests give --backend-mode=Moun"),
        ("[]", "4:16 IAM088 server.backendMode does not count"),
        ("[File, MountedFile]", "4:16 IAM088 server.backendMode does not count"),
    ],
)
def test_backends(value: str, expected: str) -> None:
    assert only(ROLES + f"  backendMode: {value}\n").startswith(expected)


@pytest.mark.parametrize("value", ["[MountedFile]", "MountedFile", "[File]"])
def test_backends_as_the_manifests_give_them(value: str) -> None:
    assert places(ROLES + f"  backendMode: {value}\n") == []


def test_what_to_do_about_a_backend() -> None:
    remove = "; remove server.backendMode: the settings name the backends"
    assert only(ROLES + "  backendMode: [eksconfigmap]\n").endswith(remove)  # the right spelling would be IAM088
    assert only(ROLES + "  backendMode: [etcd]\n").endswith(remove)
    reserved = "  reservedPrefixConfig:\n  - backendMode: %s\n    usernamePrefixReserveList: [x]\n"
    assert only(ROLES + reserved % "Mountedfile").startswith("5:18 IAM075 there is no backend 'Mountedfile'")
    assert only(ROLES + reserved % "Mountedfile").endswith("; did you mean MountedFile?")
    assert only(ROLES + reserved % "etcd").endswith("; write MountedFile, EKSConfigMap, CRD or DynamicFile")


def test_a_scrubbed_account() -> None:
    assert only(ROLES + "  scrubbedAccounts: ['111122223333']\n").startswith(
        "4:22 IAM076 callers of account 111122223333"
    )
    assert only(ROLES + "  scrubbedAccounts: ['444455556666']\n").startswith(
        "4:22 IAM076 no entry is of the account 4444"
    )
    assert places(ROLES + "  scrubbedAccounts: []\n") == []


def test_a_reserved_prefix() -> None:
    reserved = "  reservedPrefixConfig:\n  - backendMode: MountedFile\n    usernamePrefixReserveList: [%s]\n"
    assert only(ROLES + reserved % "adm").startswith(
        "3:65 IAM081 the username 'admin' begins with the reserved prefix 'adm': nobody gets it; the admin certificat"
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
        "4:14 IAM087 the daemon would take tokens of the partition aws-"
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
        "4:10 IAM083 permission set Dev also fits permission set Dev_Extra in line 7: the daemon takes one of them at"
    )


def test_what_does_not_fit_into_a_configmap() -> None:
    limit = 1024 * 1024
    text = "clusterID: dev-cluster\nserver:\n  mapRoles:\n" + ADMIN
    fits = text + "#" * (limit - len(text) - 1) + "\n"
    assert places(fits) == []
    assert only(fits + "#").startswith(
        "1:1 IAM085 the mappings have 1,048,577 bytes, and a ConfigMap takes 1,048,576; "
    )
    assert places((fits + "#").replace("dev-cluster\n", "dev-cluster\r\n", 1)) == ["1:1 IAM085"]


def test_another_cluster_id_hides_nothing_else() -> None:
    assert places("clusterID: prod-blue\n" + ROLES + f"  - {{roleARN: '{DEV}'}}\n") == ["1:12 IAM020", "5:5 IAM069"]


def test_what_ends_the_daemon_is_told_where_its_cause_is_ignored() -> None:
    entry = "  - roleARN: x  # tarmak-iam: ignore[IAM010] soon\n    username: dev\n    groups: [dev]\n"
    assert places(ROLES + entry) == ["4:14 IAM022"]
    assert [each.finding.id for each in report(ROLES + entry, CONFIG).suppressed] == ["IAM010"]


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
