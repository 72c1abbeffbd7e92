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


def test_the_effects_come_after_the_diff(shell: Shell) -> None:
    add_admin(shell)
    file = mappings(shell)
    done = shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    assert done.out == (
        f"--- {file}\n+++ {file}\n@@ -7,3 +7,7 @@\n"
        '     username: "admin:{{SessionName}}"\n     groups:\n     - system:masters\n'
        f"+  - roleARN: {DEV}\n+    username: dev\n+    groups:\n+    - dev\n"
        f"{DEV}: can log in as dev with group dev\n"
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
            "text": f"{DEV}: can log in as dev with group dev",
        }
    ]
    again = shell.dev(*command)
    assert json.loads(again.out) == {"changed": False, "effects": []}
    assert again.err == f"unchanged: {DEV} already has this mapping\n"


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
    assert forced.err.startswith(f"forced: the last mapping to system:masters would be lost ({ADMIN}); {found}\n")
    assert "loses system:masters" in forced.out


def test_node_roles_and_own_access_stay_unless_forced(shell: Shell) -> None:
    add_admin(shell)
    shell.dev("map", "add", NODE, "--username", "system:node:{{EC2PrivateDNSName}}", "--group", "system:nodes")
    refused = shell.dev("map", "remove", NODE, code=2)
    assert refused.err.startswith(f"error: the nodes of {NODE} could no longer join; nothing was changed; use --force")
    shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    me = ["--me", "arn:aws:sts::111122223333:assumed-role/Dev/alice"]
    refused = shell.dev("map", "remove", DEV, *me, code=2)
    assert refused.err.startswith(f"error: your own access would change: {DEV}: can no longer log in; loses dev; ")
    assert "is not a valid ARN of a caller" in shell.dev("map", "remove", DEV, "--me", "alice", code=2).err
    other = shell.dev("map", "remove", DEV, "--me", f"{ACCOUNT}:user/eve", "--dry-run")
    assert other.err.startswith(f"{ACCOUNT}:user/eve is not mapped yet, so --me protects nothing\n")
    shell.dev("map", "remove", DEV, *me, "--force")


def test_a_path(shell: Shell) -> None:
    command = ["map", "add", f"{ACCOUNT}:role/team/Dev", "--username", "dev"]
    assert shell.dev(*command, code=2).err == (
        f"error: {ACCOUNT}:role/team/Dev never matches: STS omits the path of a role; map {DEV} instead "
        "(it matches every role of that name), or use --strip-path\n"
    )
    stripped = shell.dev(*command, "--strip-path")
    assert f"+  - roleARN: {DEV}\n" in stripped.out
    assert stripped.err.startswith(f"note: {ACCOUNT}:role/team/Dev is mapped as {DEV}: STS omits the path of a role")
    assert shell.dev(*command, "--strip-path").err.endswith(f"unchanged: {DEV} already has this mapping\n")


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


def test_another_partition_and_a_broken_file(shell: Shell) -> None:
    china = shell.dev("map", "add", "arn:aws-cn:iam::111122223333:role/Dev", "--username", "d", code=2)
    assert "is in partition aws-cn, but the cluster is in partition aws: it never matches" in china.err
    file = mappings(shell)
    file.write_text("clusterID: dev-cluster\nserver:\n  mapRoles:\n  - {roleARN: nonsense, username: x}\n")
    broken = shell.dev("map", "add", DEV, "--username", "d", code=2)
    assert broken.err.startswith(
        f"{file}:4:5: error: authenticator v0.7.18 would not start: 'nonsense' is not accepted as an ARN"
    )
    kept = file.read_text()
    file.write_text(f"{kept}  - {{roleARN: {DEV}, username: d}}\n")
    still = shell.dev("map", "remove", DEV)
    assert still.err.startswith("authenticator v0.7.18 still does not start: 'nonsense' is not accepted as an ARN")
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


def test_what_is_not_mapped(shell: Shell) -> None:
    assert shell.dev("map", "remove", DEV, code=1).err == f"error: {DEV} is not mapped\n"
    assert shell.dev("map", "remove", DEV, "--if-exists").err == f"unchanged: {DEV} is not mapped\n"
    assert not mappings(shell).exists()
    shell.dev("map", "add", DEV, "--username", "dev")
    path = f"{ACCOUNT}:role/team/Dev"
    near = shell.dev("map", "remove", path, code=1)
    assert (near.out, near.err) == ("", f"error: {path} is not mapped; did you mean {DEV}?\n")
    shown = shell.dev("map", "remove", path, "-o", "json", code=1)
    assert json.loads(shown.out) == {"changed": False, "effects": []}
    assert shown.err == near.err
    assert shell.dev("map", "remove", path, "--dry-run", code=1).err == near.err
    quiet = shell.dev("map", "remove", path, "--if-exists", "-o", "json")
    assert (json.loads(quiet.out), quiet.err.partition(":")[0]) == ({"changed": False, "effects": []}, "unchanged")
    assert DEV in mappings(shell).read_text()


@pytest.mark.parametrize(
    ("principal", "message"),
    [
        ("", "the ARN is empty; specify the ARN or account of the entry to remove"),
        ("Dev", f"'Dev' is not the ARN of a role or user: it does not begin with 'arn:'; did you mean {DEV}?"),
        ("11112222333", "'11112222333' is not a valid account ID; write all 12 digits; "),
        ("111122223333/Dev", "'111122223333/Dev' is not the ARN of a role or user: "),
        ("sso:1/Dev", "the account '1' of sso:1/Dev must have 12 digits; "),
        ("arn:aws:s3:::bucket", "'arn:aws:s3:::bucket' is not the ARN of a role or user: "),
        (
            "arn:asw:iam::111122223333:role/Dev",
            "'arn:asw:iam::111122223333:role/Dev' is not the ARN of a role or user: unknown partition 'asw'",
        ),
    ],
)
def test_what_is_no_principal_is_an_error_of_usage(shell: Shell, principal: str, message: str) -> None:
    shell.dev("map", "add", DEV, "--username", "dev")
    for more in ([], ["--if-exists"], ["-o", "json"]):
        refused = shell.dev("map", "remove", principal, *more, code=2)
        assert (refused.out, refused.err[: len(message) + 7]) == ("", f"error: {message}")


def test_an_entry_that_is_no_arn_can_be_removed(shell: Shell) -> None:
    mappings(shell).write_text("server: {mapRoles: [{roleARN: nonsense, username: a}]}\n")
    shell.dev("map", "remove", "nonsense")


def test_an_existing_entry_keeps_what_is_not_named(shell: Shell) -> None:
    new = shell.dev("map", "add", DEV, "--group", "dev", code=2)
    assert new.err == "error: --username is required for roles and users\n"
    empty = shell.dev("map", "add", DEV, "--username", "", code=2)
    assert empty.err == "error: the username is empty; specify a username with --username\n"
    shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    assert shell.dev("map", "add", DEV, "--group", "ops").out.endswith(f"\n{DEV}: gains ops\n")
    assert shell.dev("map", "add", DEV, "--group", "ops").err == f"unchanged: {DEV} already has this mapping\n"
    assert shell.dev("map", "add", DEV).err == f"unchanged: {DEV} already has this mapping\n"
    shell.dev("map", "add", DEV, "--username", "d")
    assert shell.dev("map", "list").out == f"role\t{DEV}\td\tdev,ops\n"
    replaced = shell.dev("map", "add", DEV, "--group", "dev", "--group", "dev", "--replace-groups")
    assert replaced.out.endswith(f"\n{DEV}: loses ops\n")
    shell.dev("map", "add", DEV, "--replace-groups")
    assert shell.dev("map", "list").out == f"role\t{DEV}\td\n"
    assert shell.dev("map", "add", DEV, "--replace-groups").err.startswith("unchanged: ")
    shell.dev("map", "add", "111122223333")
    assert shell.dev("map", "add", "111122223333", "--group", "x", code=2).err.startswith("error: an account has no")


@pytest.mark.parametrize(
    ("group", "flags"),
    [
        ("dev,ops", "--group dev --group ops"),
        ("dev, my ops,", "--group dev --group 'my ops'"),
        (",", "--group GROUP"),
    ],
)
def test_one_group_for_each_option(shell: Shell, group: str, flags: str) -> None:
    refused = shell.dev("map", "add", DEV, "--username", "dev", "--group", "a", "--group", group, code=2)
    assert refused.err == (
        f"error: --group accepts one group, and '{group}' contains a comma; use {flags} "
        "(see tarmak-iam map add --help)\n"
    )
    assert not mappings(shell).exists()


@pytest.mark.parametrize("group", ["", "  "])
def test_a_group_that_is_empty(shell: Shell, group: str) -> None:
    refused = shell.dev("map", "add", DEV, "--username", "dev", "--group", group, code=2)
    assert refused.err == "error: a group is empty; write its name, or remove it\n"


def test_a_distinguished_name_is_one_group(shell: Shell) -> None:
    added = shell.dev("map", "add", DEV, "--username", "dev", "--group", "cn=ops,dc=example")
    assert "IAM114" not in added.err
    assert shell.dev("map", "list", "-o", "json").out.count('"cn=ops,dc=example"') == 1


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (["--username", "dev:{{Sesion}}"], "IAM065"),
        (["--username", "dev "], "IAM078"),
        (["--username", "dev", "--group", "dev "], "IAM078"),
        (["--username", "{{SessionName}}", "--group", "{{SessionName}}"], "IAM072"),
    ],
)
def test_what_check_calls_an_error_is_not_mapped(shell: Shell, options: list[str], rule: str) -> None:
    add_admin(shell)
    before = mappings(shell).read_bytes()
    refused = shell.dev("map", "add", DEV, *options, code=2)
    assert refused.out == ""
    assert f" [{rule}]" in refused.err
    assert refused.err.endswith("; nothing was changed; use --force to write it anyway\n")
    assert shell.dev("map", "add", DEV, *options, "--dry-run", "-o", "json", code=2).err == refused.err
    assert mappings(shell).read_bytes() == before
    assert f"[{rule}]" in shell.dev("map", "add", DEV, *options, "--force").err
    assert shell.dev("map", "add", DEV, *options).err.startswith("unchanged: ")


def test_errors_that_were_there_before_keep_nobody_out(shell: Shell) -> None:
    """Also where their message has another line in it afterwards, as that of a duplicate."""
    mappings(shell).write_text(
        f"server:\n  mapRoles:\n  - {{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}\n  mapUsers:\n"
        f"  - {{userARN: '{ACCOUNT}:user/al', username: '{{{{Nonsense}}}}'}}\n"
        f"  - {{userARN: '{ACCOUNT}:user/al', username: al}}\n"
    )
    found = shell.dev("check", code=1).out
    assert "is already mapped in line 5" in found
    added = shell.dev("map", "add", DEV, "--username", "dev")
    assert "[IAM" not in added.err.replace("[IAM084]", "")
    lines = added.out.count("\n+ ")
    assert f"is already mapped in line {5 + lines}" in shell.dev("check", code=1).out
    mappings(shell).write_text(mappings(shell).read_text().replace("server:\n", "server:\n\n\n"))
    again = shell.dev("map", "add", f"{ACCOUNT}:user/bo", "--username", "bo{{Nonsense}}", code=2)
    assert "[IAM065]" in again.err


def test_a_slip_is_told_where_it_is_made(shell: Shell) -> None:
    arn = "arn:aws:iam::111122223333:role/Second"
    shell.run("-c", shell.single, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    added = shell.run("-c", shell.single, "map", "add", arn, "--username", "second", "--group", "system:master")
    assert "'system:master' is not a built-in group of Kubernetes" in added.err
    assert added.err.count("[IAM") == 1
    again = shell.run("-c", shell.single, "map", "add", f"{arn}2", "--username", "third", "--group", "third")
    assert "[IAM" not in again.err


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


def test_the_list_in_a_pipe(shell: Shell) -> None:
    mappings(shell).write_text(LISTED)
    assert shell.dev("map", "list").out == (
        f"role\t{ACCOUNT}:role/Admin\tadmin\tsystem:masters,ops\n"
        f"role\t{ACCOUNT}:role/Wörk漢\ta\n"
        f"user\t{ACCOUNT}:user/Alice\talice\tdev\n"
        "account\t444455556666\n"
    )


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


def test_the_list_as_json(shell: Shell) -> None:
    mappings(shell).write_text(LISTED)
    role, _, user, account = json.loads(shell.dev("map", "list", "-o", "json").out)
    admin = {"kind": "role", "arn": f"{ACCOUNT}:role/Admin", "username": "admin", "groups": ["system:masters", "ops"]}
    assert role == admin
    assert user == {"kind": "user", "arn": f"{ACCOUNT}:user/Alice", "username": "alice", "groups": ["dev"]}
    assert account == {"kind": "account", "arn": "", "username": "", "groups": [], "account": "444455556666"}


@pytest.mark.parametrize(
    ("typed", "written", "options"),
    [
        ("1111-2222-3333", '+  - "111122223333"\n', ()),
        ("arn:aws:iam::1111-2222-3333:role/Dev", f"+  - roleARN: {DEV}\n", ("--username", "dev")),
        ("sso:1111-2222-3333/Dev", '+      accountID: "111122223333"\n', ("--username", "dev")),
    ],
)
def test_an_account_as_the_console_shows_it(shell: Shell, typed: str, written: str, options: tuple[str, ...]) -> None:
    """It is written as the 12 digits, and removed by either spelling."""
    shell.dev("settings", "set", "featureGates", "SSORoleMatch=true")
    add_admin(shell)
    before = mappings(shell).read_text()
    plain = typed.replace("1111-2222-3333", "111122223333")
    assert written in shell.dev("map", "add", typed, *options).out
    assert written.replace("+", "-", 1) in shell.dev("map", "remove", plain, "--dry-run").out
    assert written.replace("+", "-", 1) in shell.dev("map", "remove", typed).out
    assert mappings(shell).read_text().removesuffix("  mapAccounts: []\n") == before
    assert shell.dev("map", "remove", typed, code=1).err.startswith(f"error: {plain} is not mapped")


def test_an_entry_with_such_an_account_is_removed_alone(shell: Shell) -> None:
    """It matches nobody; the entry with the 12 digits does."""
    typed = "arn:aws:iam::1111-2222-3333:role/Dev"
    add_admin(shell)
    shell.dev("map", "add", DEV, "--username", "dev")
    with mappings(shell).open("a") as file:
        file.write(f"  - roleARN: {typed}\n    username: other\n    groups: []\n")
    shell.dev("map", "remove", typed)
    assert typed not in mappings(shell).read_text()
    assert DEV in mappings(shell).read_text()


def test_me_with_an_account_as_the_console_shows_it(shell: Shell) -> None:
    add_admin(shell)
    shell.dev("map", "add", DEV, "--username", "dev", "--group", "dev")
    me = "arn:aws:sts::1111-2222-3333:assumed-role/Dev/alice"
    refused = shell.dev("map", "remove", DEV, "--me", me, code=2)
    assert refused.err.startswith(f"error: your own access would change: {DEV}: can no longer log in; loses dev; ")


def test_such_an_account_in_a_file_is_not_imported(shell: Shell, tmp_path: Path) -> None:
    """It gives nobody access where it comes from, so it gives nobody access here."""
    add_admin(shell)
    file = tmp_path / "config.yaml"
    file.write_text(
        "server:\n  mapAccounts: [1111-2222-3333]\n  mapRoles:\n"
        "  - {roleARN: 'arn:aws:iam::1111-2222-3333:role/Dev', username: dev}\n"
        "  - {sso: {accountID: 1111-2222-3333, permissionSetName: Dev}, username: dev}\n"
    )
    before = mappings(shell).read_text()
    done = shell.dev("map", "import", file)
    assert [line.partition(": ")[2] for line in done.err.splitlines()[:3]] == [
        "skipped: '1111-2222-3333' is not a valid account ID; write \"111122223333\"",
        (
            "skipped: the account '1111-2222-3333' of arn:aws:iam::1111-2222-3333:role/Dev is not 12 digits, so it "
            "never matches; write arn:aws:iam::111122223333:role/Dev"
        ),
        (
            "skipped: the account '1111-2222-3333' of sso:1111-2222-3333/Dev must have 12 digits; "
            "write sso:111122223333/Dev"
        ),
    ]
    assert mappings(shell).read_text() == before
