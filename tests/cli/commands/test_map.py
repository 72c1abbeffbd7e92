"""map remove of the last admin, with what is known of recovery access, and map list on a terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import Shell
from tests.support.admin_certificates import NO_CERTIFICATE, certificate, kubeconfig, logins
from tests.support.forks import TARMAK_IAM, write_program
from tests.support.terminal import on_terminal

ACCOUNT = "arn:aws:iam::111122223333"
ADMIN = f"{ACCOUNT}:role/Admin"
MAPPINGS = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: {ADMIN}, username: admin, groups: ["system:masters"]}}
"""
REMOVE = f"remove {ADMIN}"
REPLACE = f"add {ADMIN} --username admin --group dev --replace-groups"
RENEW = "run `tarmak -c DIR clusters kubeconfig` for a new one"


@pytest.mark.parametrize(
    ("command", "admin", "found"),
    [
        (
            REMOVE,
            kubeconfig(logins(certificate())),
            "recovery access: the admin certificate in PATH is valid until 2990-01-01 and in system:masters",
        ),
        (REPLACE, None, f"no recovery access: PATH does not exist; {RENEW}"),
        (
            f"add {ADMIN} --replace-groups",
            kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))),
            f"no recovery access: the admin certificate in PATH expired on 2020-01-01; {RENEW}",
        ),
        (
            REMOVE,
            kubeconfig(logins(certificate(organizations=("dev",)))),
            (
                "no recovery access: the admin certificate in PATH is valid until 2990-01-01, but not in "
                f"system:masters; move the kubeconfig away and {RENEW}"
            ),
        ),
        (REPLACE, kubeconfig(), f"{NO_CERTIFICATE.format('PATH')}; {RENEW}"),
    ],
    ids=["valid", "missing", "expired", "of no admin", "without a certificate"],
)
def test_the_last_admin_stays_unless_forced(shell: Shell, command: str, admin: str | None, found: str) -> None:
    mappings, path = (shell.single / "dev-cluster" / name for name in ("aws-iam-authenticator.yaml", "kubeconfig"))
    mappings.write_text(MAPPINGS)
    path.unlink() if admin is None else path.write_text(admin)
    found = found.replace("PATH", str(path)).replace("DIR", str(shell.single))
    lost = f"the last mapping to system:masters would be lost ({ADMIN})"
    for options in ([], ["--dry-run"]):
        refused = shell.dev("map", *command.split(), *options, code=2)
        what = f"error: {lost}; nothing was changed; use --force to do it anyway; {found}\n"
        assert (refused.out, refused.err) == ("", what)
    assert mappings.read_text() == MAPPINGS
    forced = shell.dev("map", *command.split(), "--force")
    assert forced.err.startswith(f"warning: forced: {lost}; {found}\n")
    assert "loses system:masters" in forced.out


LISTED = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: {ADMIN}, username: admin, groups: [system:masters, ops]}}
  - {{roleARN: {ACCOUNT}:role/Wörk漢, username: a, groups: []}}
  mapUsers:
  - {{userARN: {ACCOUNT}:user/Alice, username: alice, groups: [dev]}}
  mapAccounts: ["444455556666"]
"""


def test_the_list_on_a_terminal(shell: Shell, tmp_path: Path) -> None:
    mappings = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings.write_text(LISTED)
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)
    command = [str(tmp_path / "tarmak-iam"), "-c", str(shell.single), "map", "list"]
    environment = {**os.environ, "TERM": "xterm"}
    assert on_terminal(command, environment, tmp_path).splitlines() == [
        "KIND      PRINCIPAL                               USERNAME   GROUPS",
        f"role      {ACCOUNT}:role/Admin    admin      system:masters,ops",
        f"role      {ACCOUNT}:role/Wörk漢   a          -",
        f"user      {ACCOUNT}:user/Alice    alice      dev",
        "account   444455556666                            -          -",
    ]
    mappings.write_text("clusterID: dev-cluster\n")
    assert on_terminal(command, environment, tmp_path).splitlines() == ["no mappings: IAM login is not possible"]
