"""verify as a user calls it: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import json
import sys

import click
import pytest

from tarmak_iam.cli.commands.verify import finish_login
from tarmak_iam.cli.console import ExitCode
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import Verified
from tests.support import ADMIN
from tests.support.installations import installation
from tests.support.kubectl_stand import ARN, NOBODY, Stand, recovery_hint, refused, reviewed


def test_verify(stand: Stand) -> None:
    stand.shell.dev("apply")
    reviewed(stand, "admin")
    assert stand.shell.dev("verify").out == f"{ARN} logged in as 'admin' with group system:masters, as whois expects\n"
    reviewed(stand, "root")
    found = stand.shell.dev("verify", "--timeout", "0", code=1)
    assert "the API server identifies" in found.out
    assert f"error: verification failed; {recovery_hint(stand)}\n" in found.err
    shown = json.loads(stand.shell.dev("verify", "--timeout", "0", "-o", "json", code=1).out)
    assert (shown["ok"], shown["got"]["username"], shown["expected"]["username"]) == (False, "root", "admin")
    assert (shown["outcome"], shown["verifyAs"]) == ("failed", [ADMIN])


def test_a_refusal_of_somebody_whom_nobody_maps_is_not_verified(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = stand.shell
    shell.dev("apply")
    refused(stand, monkeypatch)
    found = shell.dev("verify", "--context", "a b", code=4)
    assert found.out.startswith(f"the API server rejects {NOBODY}, as whois expects: no mapping matches")
    assert found.err.splitlines()[-1] == (
        f"warning: not verified: you ({NOBODY}) are not mapped; verify as {ADMIN}, with --role ARN or AWS_PROFILE; "
        f"run `tarmak-iam -c {shell.single} verify --role {ADMIN} --context 'a b'` to log in as that role"
    )
    assert "admin certificate" not in found.err
    shown = json.loads(shell.dev("verify", "-o", "json", code=4).out)
    assert (shown["ok"], shown["outcome"], shown["got"]) == (False, "not mapped", None)


def test_verify_without_credentials(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    found = stand.shell.dev("verify", code=4)
    assert (found.out, found.err.count("no token can be created")) == ("", 1)
    assert found.err.splitlines()[-1].startswith(
        "warning: not verified: no token can be created: aws-iam-authenticator is not on "
    )
    assert "--role arn" not in found.err, "without credentials no role can be assumed"
    assert json.loads(stand.shell.dev("verify", "-o", "json", code=4).out)["outcome"] == "caller unknown"


def test_a_login_that_fails_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = Verified(LoginOutcome.FAILED, None, None, ("what was found",), recovery_hint="hint")
    with click.Context(click.Command("x")), pytest.raises(click.exceptions.Exit) as caught:
        finish_login(found, installation(), (), is_text=True)
    assert caught.value.exit_code == ExitCode.FINDINGS
    assert capsys.readouterr() == ("what was found\n", "error: verification failed; hint\n")


def test_the_admin_certificate_logs_in(stand: Stand) -> None:
    shell, home = stand.shell, stand.shell.single / "dev-cluster"
    done = shell.dev("verify", "--admin")
    assert done.out == f"the admin certificate in {home}/kubeconfig logged in with system:masters\n"
    assert done.err.splitlines()[-1] == f"wrote {home}/tarmak-iam.admin-login.json"
    shown = json.loads(shell.dev("verify", "--admin", "-o", "json").out)
    assert (shown["ok"], shown["method"], shown["remedy"]) == (True, "SelfSubjectAccessReview", None)
    assert "; it last logged in on " in shell.dev("report").out
    stand.cluster.denied.add(("*", "*"))
    failed = shell.dev("verify", "--admin", code=1)
    assert (failed.out, "it may not do everything; move the kubeconfig away" in failed.err) == ("", True)
    assert json.loads(shell.dev("verify", "--admin", "-o", "json", code=1).out)["ok"] is False
    other = shell.dev("verify", "--admin", "--context", "other", code=2)
    assert "but kubectl uses another kubeconfig; use --admin without --context" in other.err


def test_apply_and_verify_try_the_admin_certificate_too(stand: Stand) -> None:
    reviewed(stand, "admin")
    home = stand.shell.single / "dev-cluster"
    done = stand.shell.dev("apply", "--verify")
    assert f"the admin certificate in {home}/kubeconfig logged in with system:masters" in done.err
    stand.cluster.denied.add(("*", "*"))
    assert "warning: the API server accepts the admin certificate" in stand.shell.dev("apply", "--verify").err


def test_a_login_to_every_cluster(stand: Stand) -> None:
    shell, every = stand.shell, ("-c", stand.shell.multi, "verify", "--all-clusters", "--timeout", "0")
    for name, username in (("prod-blue", "admin"), ("prod-green", "other")):
        chosen = ("-c", shell.multi, "--cluster", name, "map", "add", ADMIN)
        shell.run(*chosen, "--username", username, "--group", "system:masters")
    reviewed(stand, "admin")
    done = shell.run(*every, code=1)
    assert done.out.splitlines()[:3] == [
        "prod-blue:",
        f"{ARN} logged in as 'admin' with group system:masters, as whois expects",
        "prod-green:",
    ]
    assert "verification failed; " in done.err
    assert done.err.splitlines()[-1] == "2 clusters: 1 verified, 1 login failed (prod-green)"
    (shell.multi / "prod-green" / "tarmak-iam.yaml").write_text("colour: blue\n")
    shown = json.loads(shell.run(*every, "-o", "json", code=2).out)
    assert [(part["cluster"], part.get("outcome")) for part in shown] == [
        ("prod-blue", "verified"),
        ("prod-green", None),
    ]
    assert "unknown setting 'colour'" in shown[1]["error"]


def test_a_login_to_every_cluster_without_credentials(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    shell = stand.shell
    shell.run("-c", shell.multi, "map", "add", ADMIN, "--username", "x", "--all-clusters")
    done = shell.run("-c", shell.multi, "verify", "--environment", "prod", code=4)
    assert done.err.splitlines()[-1] == "2 clusters: 2 not verified (prod-blue, prod-green)"
