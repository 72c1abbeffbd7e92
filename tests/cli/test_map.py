"""map add, remove and list: the diff and its effects, guards, and every wrong turn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.admin_certificates import NO_CERTIFICATE, certificate, logins
from tests.admin_certificates import kubeconfig as admin_kubeconfig
from tests.support import Shell

ACCOUNT = "arn:aws:iam::111122223333"
ADMIN, DEV, NODE = f"{ACCOUNT}:role/Admin", f"{ACCOUNT}:role/Dev", f"{ACCOUNT}:role/Node"


def mappings(shell: Shell) -> Path:
    return shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"


def kubeconfig(shell: Shell) -> Path:
    return shell.single / "dev-cluster" / "kubeconfig"


def add_admin(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "admin:{{SessionName}}", "--group", "system:masters")


def test_the_effects_come_after_the_diff(shell: Shell) -> None:
    add_admin(shell)
    file = mappings(shell)
    done = shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    assert done.out == (
        f"--- {file}\n+++ {file}\n@@ -7,3 +7,7 @@\n"
        '     username: "admin:{{SessionName}}"\n     groups:\n     - system:masters\n'
        f"+  - roleARN: {DEV}\n+    username: dev\n+    groups:\n+    - dev\n"
        f"{DEV}: can log in, as dev with group dev\n"
    )
    assert done.err == f"wrote {file}\n"
    assert shell.dev("map", "add", DEV, "--username", "d").out.endswith(f"\n{DEV}: becomes d (was dev)\n")
    assert shell.dev("map", "remove", DEV).out.endswith(f"\n{DEV}: can no longer log in; loses dev\n")


def test_as_json(shell: Shell) -> None:
    add_admin(shell)
    command = ["map", "add", DEV, "--username", "dev", "--group", "dev", "-o", "json"]
    dry = shell.dev(*command, "--dry-run")
    assert dry.err == "dry run: nothing was written\n"
    assert DEV not in mappings(shell).read_text()
    shown = json.loads(shell.dev(*command).out)
    assert shown["changed"] is True
    assert shown["diff"].endswith(f"+  - roleARN: {DEV}\n+    username: dev\n+    groups:\n+    - dev\n")
    assert shown["effects"] == [
        {
            "principal": DEV,
            "kind": "arn",
            "before": None,
            "after": "dev",
            "gained": ["dev"],
            "lost": [],
            "text": f"{DEV}: can log in, as dev with group dev",
        }
    ]
    again = shell.dev(*command)
    assert json.loads(again.out) == {"changed": False, "effects": []}
    assert again.err == f"unchanged: {DEV} is mapped like that\n"


RENEW = "run `tarmak clusters kubeconfig` for a new one"


@pytest.mark.parametrize(
    ("admin", "found"),
    [
        (
            admin_kubeconfig(logins(certificate())),
            "the admin certificate in PATH is valid until 2990-01-01 and in system:masters",
        ),
        (None, f"no way back was found: PATH does not exist; {RENEW}"),
        (
            admin_kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))),
            f"no way back was found: the admin certificate in PATH expired on 2020-01-01; {RENEW}",
        ),
        (
            admin_kubeconfig(logins(certificate(organizations=("dev",)))),
            (
                "no way back was found: the admin certificate in PATH is valid until 2990-01-01, but not in "
                f"system:masters; move the kubeconfig away and {RENEW}"
            ),
        ),
        (admin_kubeconfig(), f"{NO_CERTIFICATE.format('PATH')}; {RENEW}"),
    ],
    ids=["valid", "missing", "expired", "of no admin", "without a certificate"],
)
@pytest.mark.parametrize("command", [["remove", ADMIN], ["add", ADMIN, "--username", "admin", "--group", "dev"]])
def test_the_last_admin_stays_unless_forced(shell: Shell, command: list[str], admin: str | None, found: str) -> None:
    add_admin(shell)
    kubeconfig(shell).unlink() if admin is None else kubeconfig(shell).write_text(admin)
    found = found.replace("PATH", str(kubeconfig(shell)))
    before = mappings(shell).read_bytes()
    refused = shell.dev("map", *command, code=2)
    assert (refused.out, refused.err) == (
        "",
        (
            f"error: the last way into system:masters would be lost ({ADMIN}); nothing was changed; use --force to do "
            f"it anyway; {found}\n"
        ),
    )
    shell.dev("map", *command, "--dry-run", code=2)
    assert mappings(shell).read_bytes() == before
    forced = shell.dev("map", *command, "--force")
    assert forced.err.startswith(f"forced: the last way into system:masters would be lost ({ADMIN}); {found}\n")
    assert "loses system:masters" in forced.out


def test_nodes_and_oneself(shell: Shell) -> None:
    add_admin(shell)
    shell.dev("map", "add", NODE, "--username", "system:node:{{EC2PrivateDNSName}}", "--group", "system:nodes")
    refused = shell.dev("map", "remove", NODE, code=2)
    assert refused.err.startswith(f"error: the nodes of {NODE} could no longer join; nothing was changed; use --force")
    shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    me = ["--me", "arn:aws:sts::111122223333:assumed-role/Dev/alice"]
    refused = shell.dev("map", "remove", DEV, *me, code=2)
    assert refused.err.startswith(f"error: your own access would change: {DEV}: can no longer log in; loses dev; ")
    assert "is no ARN of a caller" in shell.dev("map", "remove", DEV, "--me", "alice", code=2).err
    other = shell.dev("map", "remove", DEV, "--me", f"{ACCOUNT}:user/eve", "--dry-run")
    assert other.err.startswith(f"nothing maps {ACCOUNT}:user/eve so far, so --me has nothing to protect\n")
    shell.dev("map", "remove", DEV, *me, "--force")


def test_a_path(shell: Shell) -> None:
    command = ["map", "add", f"{ACCOUNT}:role/team/Dev", "--username", "dev"]
    assert shell.dev(*command, code=2).err == (
        f"error: {ACCOUNT}:role/team/Dev would never match: STS leaves the path of a role out; map {DEV} instead "
        "(it then means every role of that name), or give --strip-path\n"
    )
    stripped = shell.dev(*command, "--strip-path")
    assert f"+  - roleARN: {DEV}\n" in stripped.out
    assert stripped.err.startswith(f"note: {ACCOUNT}:role/team/Dev is mapped as {DEV}: STS leaves a role's path out")
    assert shell.dev(*command, "--strip-path").err.endswith(f"unchanged: {DEV} is mapped like that\n")


def test_permission_sets(shell: Shell) -> None:
    command = ["map", "add", "sso:111122223333/Dev", "--username", "dev:{{SessionName}}", "--group", "dev"]
    shell.dev("settings", "set", "daemonVersion", "v0.6.20")
    assert shell.dev(*command, code=2).err.startswith(
        "error: sso:111122223333/Dev: authenticator v0.6.20 has no SSO entries, which are in v0.6.0 to v0.6.1, "
        "v0.6.30 to v0.6.31, v0.7.1 and later; map the ARN of the AWSReservedSSO role, "
        f"or take a newer release: tarmak-iam -c {shell.single} settings set daemonVersion v0.7.18\n"
    )
    shell.dev("settings", "set", "image", "registry.example.com/authenticator:v0.6.20")
    assert shell.dev(*command, code=2).err.endswith("or set another image\n")
    shell.dev("settings", "unset", "image")
    shell.dev("settings", "unset", "daemonVersion")
    assert shell.dev(*command, code=2).err.endswith(
        f"switch it on first: tarmak-iam -c {shell.single} settings set featureGates SSORoleMatch=true\n"
    )
    assert not mappings(shell).exists()
    shell.dev("settings", "set", "featureGates", "SSORoleMatch=true")
    done = shell.dev(*command)
    assert done.out.endswith("\nsso:111122223333/Dev: can log in, as dev:{{SessionName}} with group dev\n")
    assert "partition" not in mappings(shell).read_text()
    assert shell.dev("map", "list").out == "role\tsso:111122223333/Dev\tdev:{{SessionName}}\tdev\n"
    assert json.loads(shell.dev("map", "list", "-o", "json").out) == [
        {"kind": "role", "arn": "", "username": "dev:{{SessionName}}", "groups": ["dev"], "sso": "111122223333/Dev"}
    ]
    reserved = f"{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
    noted = shell.dev("map", "add", reserved, "--username", "dev")
    assert "note: the suffix 0123456789abcdef is another one after the last assignment" in noted.err
    assert shell.dev("map", "remove", "sso:111122223333/Dev").code == 0
    shell.dev("map", "remove", reserved)
    assert shell.dev("map", "list").out == ""


def test_another_partition_and_a_broken_file(shell: Shell) -> None:
    china = shell.dev("map", "add", "arn:aws-cn:iam::111122223333:role/Dev", "--username", "d", code=2)
    assert "is of the partition aws-cn, the cluster of aws: it never matches" in china.err
    file = mappings(shell)
    file.write_text("clusterID: dev-cluster\nserver:\n  mapRoles:\n  - {roleARN: nonsense, username: x}\n")
    broken = shell.dev("map", "add", DEV, "--username", "d", code=2)
    assert broken.err.startswith(
        f"{file}:4:5: error: authenticator v0.7.18 would not start: 'nonsense' is not taken as an ARN"
    )
    kept = file.read_text()
    file.write_text(f"{kept}  - {{roleARN: {DEV}, username: d}}\n")
    still = shell.dev("map", "remove", DEV)
    assert still.err.startswith("authenticator v0.7.18 would still not start: 'nonsense' is not taken as an ARN")
    assert file.read_text() == kept
    mended = shell.dev("map", "remove", "nonsense")
    assert mended.out.endswith("\nthe authenticator: starts again\n")


def test_windows_line_ends_and_a_foreign_cluster_id(shell: Shell) -> None:
    file = mappings(shell)
    file.write_bytes(b"clusterID: other\r\nserver:\r\n  mapRoles: []\r\n")
    shell.dev("map", "add", DEV, "--username", "dev")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") == 6
    shell.dev("map", "remove", DEV)
    assert file.read_bytes() == b"clusterID: other\r\nserver:\r\n  mapRoles: []\r\n"


def test_what_is_not_there(shell: Shell) -> None:
    assert shell.dev("map", "remove", DEV).err == f"unchanged: nothing maps {DEV}\n"
    assert not mappings(shell).exists()
    shell.dev("map", "add", DEV, "--username", "dev")
    near = shell.dev("map", "remove", f"{ACCOUNT}:role/team/Dev")
    assert near.err == f"unchanged: nothing maps {ACCOUNT}:role/team/Dev, but {DEV} is mapped\n"
    assert shell.dev("map", "remove", "", code=2).err.startswith("error: the ARN is empty")
    assert shell.dev("map", "add", DEV, code=2).err == "error: the username is empty; give one with --username\n"


def test_a_slip_is_told_where_it_is_made(shell: Shell) -> None:
    arn = "arn:aws:iam::111122223333:role/Second"
    shell.run("-c", shell.single, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    added = shell.run("-c", shell.single, "map", "add", arn, "--username", "second", "--group", "system:master")
    assert "Kubernetes knows no group 'system:master'" in added.err
    assert added.err.count("[IAM") == 1
    again = shell.run("-c", shell.single, "map", "add", f"{arn}2", "--username", "third", "--group", "third")
    assert "[IAM" not in again.err
