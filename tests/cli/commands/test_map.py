"""map add, remove and list: the diff and its effects, guards, and every wrong turn."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support import Shell
from tests.support.admin_certificates import NO_CERTIFICATE, certificate, logins
from tests.support.admin_certificates import kubeconfig as admin_kubeconfig
from tests.support.terminal import on_terminal

ACCOUNT = "arn:aws:iam::111122223333"
ADMIN, DEV, NODE = f"{ACCOUNT}:role/Admin", f"{ACCOUNT}:role/Dev", f"{ACCOUNT}:role/Node"


def mappings(shell: Shell) -> Path:
    return shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"


def kubeconfig(shell: Shell) -> Path:
    return shell.single / "dev-cluster" / "kubeconfig"


def add_admin(shell: Shell) -> None:
    shell.dev("map", "add", ADMIN, "--username", "admin:{{SessionName}}", "--group", "system:masters")


RENEW = "run `tarmak -c DIR clusters kubeconfig` for a new one"


@pytest.mark.parametrize(
    ("admin", "found"),
    [
        (
            admin_kubeconfig(logins(certificate())),
            "recovery access: the admin certificate in PATH is valid until 2990-01-01 and in system:masters",
        ),
        (None, f"no recovery access: PATH does not exist; {RENEW}"),
        (
            admin_kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))),
            f"no recovery access: the admin certificate in PATH expired on 2020-01-01; {RENEW}",
        ),
        (
            admin_kubeconfig(logins(certificate(organizations=("dev",)))),
            (
                "no recovery access: the admin certificate in PATH is valid until 2990-01-01, but not in "
                f"system:masters; move the kubeconfig away and {RENEW}"
            ),
        ),
        (admin_kubeconfig(), f"{NO_CERTIFICATE.format('PATH')}; {RENEW}"),
    ],
    ids=["valid", "missing", "expired", "of no admin", "without a certificate"],
)
@pytest.mark.parametrize(
    "command",
    [
        ["remove", ADMIN],
        ["add", ADMIN, "--username", "admin", "--group", "dev", "--replace-groups"],
        ["add", ADMIN, "--replace-groups"],
    ],
)
def test_the_last_admin_stays_unless_forced(shell: Shell, command: list[str], admin: str | None, found: str) -> None:
    add_admin(shell)
    kubeconfig(shell).unlink() if admin is None else kubeconfig(shell).write_text(admin)
    found = found.replace("PATH", str(kubeconfig(shell))).replace("DIR", str(shell.single))
    before = mappings(shell).read_bytes()
    refused = shell.dev("map", *command, code=2)
    assert (refused.out, refused.err) == (
        "",
        (
            f"error: the last mapping to system:masters would be lost ({ADMIN}); nothing was changed; use --force to "
            f"do it anyway; {found}\n"
        ),
    )
    shell.dev("map", *command, "--dry-run", code=2)
    assert mappings(shell).read_bytes() == before
    forced = shell.dev("map", *command, "--force")
    assert forced.err.startswith(
        f"warning: forced: the last mapping to system:masters would be lost ({ADMIN}); {found}\n"
    )
    assert "loses system:masters" in forced.out


def test_permission_sets(shell: Shell) -> None:
    command = ["map", "add", "sso:111122223333/Dev", "--username", "dev:{{SessionName}}", "--group", "dev"]
    shell.dev("settings", "set", "daemonVersion", "v0.6.20")
    assert shell.dev(*command, code=2).err.startswith(
        "error: sso:111122223333/Dev: authenticator v0.6.20 does not support SSO entries, which require v0.6.0 to "
        "v0.6.1, v0.6.30 to v0.6.31, v0.7.1 and later; map the ARN of the AWSReservedSSO role, "
        f"or use a newer release: tarmak-iam -c {shell.single} settings set daemonVersion v0.7.18\n"
    )
    shell.dev("settings", "set", "image", "registry.example.com/authenticator:v0.6.20")
    assert shell.dev(*command, code=2).err.endswith("or use another image\n")
    shell.dev("settings", "unset", "image")
    shell.dev("settings", "unset", "daemonVersion")
    assert shell.dev(*command, code=2).err.endswith(
        f"enable it first: tarmak-iam -c {shell.single} settings set featureGates SSORoleMatch=true\n"
    )
    assert not mappings(shell).exists()
    shell.dev("settings", "set", "featureGates", "SSORoleMatch=true")
    done = shell.dev(*command)
    assert done.out.endswith("\nsso:111122223333/Dev: can log in as dev:{{SessionName}} with group dev\n")
    assert "partition" not in mappings(shell).read_text()
    assert shell.dev("map", "list").out == "role\tsso:111122223333/Dev\tdev:{{SessionName}}\tdev\n"
    assert json.loads(shell.dev("map", "list", "-o", "json").out) == [
        {"kind": "role", "arn": "", "username": "dev:{{SessionName}}", "groups": ["dev"], "sso": "111122223333/Dev"}
    ]
    reserved = f"{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
    clash = shell.dev("map", "add", reserved, "--username", "dev", code=2)
    assert "the authenticator uses one of the two entries at random" in clash.err
    assert clash.err.endswith(" [IAM083]; nothing was changed; use --force to write it anyway\n")
    noted = shell.dev("map", "add", reserved, "--username", "dev", "--force")
    assert "note: the suffix 0123456789abcdef changes if all assignments" in noted.err
    assert shell.dev("map", "remove", "sso:111122223333/Dev").code == 0
    shell.dev("map", "remove", reserved)
    assert shell.dev("map", "list").out == ""


def test_windows_line_ends_and_a_foreign_cluster_id(shell: Shell) -> None:
    file = mappings(shell)
    file.write_bytes(b"clusterID: other\r\nserver:\r\n  mapRoles: []\r\n")
    shell.dev("map", "add", DEV, "--username", "dev")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") == 6
    shell.dev("map", "remove", DEV)
    assert file.read_bytes() == b"clusterID: other\r\nserver:\r\n  mapRoles: []\r\n"


LISTED = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: {ACCOUNT}:role/Admin, username: admin, groups: [system:masters, ops]}}
  - {{roleARN: {ACCOUNT}:role/Wörk漢, username: a, groups: []}}
  mapUsers:
  - {{userARN: {ACCOUNT}:user/Alice, username: alice, groups: [dev]}}
  mapAccounts: ["444455556666"]
"""


def test_the_list_on_a_terminal(shell: Shell, tmp_path: Path) -> None:
    mappings(shell).write_text(LISTED)
    command = [sys.executable, "-m", "tarmak_iam", "-c", str(shell.single), "map", "list"]
    environment = {**os.environ, "TERM": "xterm", "PYTHONUTF8": "1"}
    assert on_terminal(command, environment, tmp_path).splitlines() == [
        "KIND      PRINCIPAL                               USERNAME   GROUPS",
        f"role      {ACCOUNT}:role/Admin    admin      system:masters,ops",
        f"role      {ACCOUNT}:role/Wörk漢   a          -",
        f"user      {ACCOUNT}:user/Alice    alice      dev",
        "account   444455556666                            -          -",
    ]
    mappings(shell).write_text("clusterID: dev-cluster\n")
    assert on_terminal(command, environment, tmp_path).splitlines() == ["no mappings: IAM login is not possible"]
