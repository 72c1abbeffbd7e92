"""apply as a user calls it: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import errno
import functools
import json
import os
import signal
from unittest import mock

import pytest

from tarmak_iam.hook.login.verify import verify_login
from tests.support import ADMIN
from tests.support.fake_cluster import failed
from tests.support.kubectl_stand import ARN, NOBODY, Stand, recovery_hint, refused, reviewed
from tests.support.logins import TOKEN


def test_sigterm_in_the_middle_is_told(stand: Stand) -> None:
    def ended(args: tuple[str, ...]) -> None:
        if "apply" in args and "--dry-run=server" not in args and "ConfigMap" not in " ".join(args):
            os.kill(os.getpid(), signal.SIGTERM)

    stand.cluster.fault = ended
    stopped = stand.shell.dev("apply", code=143)
    assert "interrupted; done: " in stopped.err
    assert stopped.err.endswith("error: interrupted\n")


def test_windows_line_ends_do_not_reach_the_cluster(stand: Stand) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    stand.shell.dev("apply")
    config = stand.cluster.get("ConfigMap", "aws-iam-authenticator")
    assert config is not None
    assert "\r" not in config["data"]["config.yaml"]
    assert stand.shell.dev("diff").out == ""


def test_an_output_that_cannot_be_written_hides_no_change(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tarmak_iam.cli.commands.apply.print_line", full)
    monkeypatch.setattr("tarmak_iam.cli.main.discard_output", lambda _: None)
    told = "error: changed the objects of dev-cluster, but the output cannot be written: No space left on device\n"
    dry = stand.shell.dev("apply", "--dry-run", "client", code=2)
    assert dry.err.endswith("\nerror: the output cannot be written: No space left on device\n")
    assert stand.shell.dev("apply", code=2).err.endswith(told)
    assert stand.shell.dev("rollback", code=2).err.endswith(told)


def test_what_check_calls_an_error_stops_it(stand: Stand) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(path.read_text().replace("role/KubernetesAdmin", "role/team/KubernetesAdmin"))
    refused = stand.shell.dev("apply", code=2)
    assert f"{path}:" in refused.err
    assert "[IAM" in refused.err
    command = f"tarmak-iam -c {stand.shell.single} check"
    remedy = f"run `{command}` to see all findings, or use --no-check to continue anyway"
    assert f"nothing was changed; {remedy}" in refused.err
    assert stand.cluster.names() == []
    stand.shell.dev("apply", "--no-check")


def test_what_is_wrong_with_another_cluster_does_not(stand: Stand) -> None:
    path = stand.shell.single / "tarmak.yaml"
    typo = "{apiServer: {amazon: {awsIAMAuthenticator: yes}}}"
    other = f"- environment: test\n  metadata: {{name: other}}\n  kubernetes: {typo}\n"
    path.write_text(path.read_text().replace("clusters:\n", f"clusters:\n{other}", 1))
    assert "error" in stand.shell.dev("check", code=1).out
    stand.shell.dev("apply")


def test_the_rollout_is_waited_for_within_limits(stand: Stand) -> None:
    stand.cluster.is_rolled_out = False
    failed = stand.shell.dev("apply", "--timeout", "0", code=2)
    assert "the rollout did not complete within 0 seconds" in failed.err
    assert "done: created ConfigMap" in failed.err
    assert recovery_hint(stand) in failed.err
    stand.shell.dev("apply", "--no-wait")


def test_apply_says_that_it_is_not_verified(stand: Stand) -> None:
    shell = stand.shell
    command = f"run `tarmak-iam -c {shell.single} verify --context dev` to verify a login"
    done = shell.dev("apply", "--context", "dev")
    assert done.err.splitlines()[-1] == f"applied, not verified; {command}"
    assert shell.dev("apply", "--context", "dev").err.splitlines()[-1] == f"unchanged, not verified; {command}"
    assert "verified" not in shell.dev("apply", "--dry-run", "client").err


def test_what_is_only_planned_would_happen(stand: Stand) -> None:
    objects = ["ConfigMap kube-system/aws-iam-authenticator", "DaemonSet kube-system/aws-iam-authenticator"]
    planned = [f"would create {name}" for name in objects]
    dry = stand.shell.dev("apply", "--dry-run").out.splitlines()
    assert [line for line in dry if line.startswith("would ")] == planned
    shown = stand.shell.dev("diff", code=1).out.splitlines()
    assert [line for line in shown if line.startswith("would ")] == planned
    done = stand.shell.dev("apply").out.splitlines()
    assert [line for line in done if line.startswith("created ")] == [f"created {name}" for name in objects]
    back = stand.shell.dev("rollback", "--dry-run").out.splitlines()
    assert back == [f"would remove {name}" for name in objects]
    assert stand.shell.dev("apply", "--dry-run").out.splitlines() == [f"unchanged {name}" for name in objects]


class TestApplyAndVerify:
    def test_a_login_that_succeeds(self, stand: Stand) -> None:
        reviewed(stand, "admin")
        done = stand.shell.dev("apply", "--verify")
        assert done.out.splitlines()[-1] == f"{ARN} logged in as 'admin' with group system:masters, as whois expects"
        assert done.err.splitlines()[-1] == "applied and verified"
        again = json.loads(stand.shell.dev("apply", "--verify", "-o", "json").out)
        assert (again["changed"], again["verified"]["outcome"]) == (False, "verified")

    def test_a_login_that_fails(self, stand: Stand) -> None:
        reviewed(stand, "root")
        once = functools.partial(verify_login, pause=100)
        with mock.patch("tarmak_iam.cli.commands.verify.verify_login", once):
            done = stand.shell.dev("apply", "--verify", code=1)
        assert "created ConfigMap" in done.out
        assert done.err.splitlines()[-1] == f"error: verification failed; {recovery_hint(stand)}"

    def test_somebody_whom_nobody_maps(self, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
        refused(stand, monkeypatch)
        done = stand.shell.dev("apply", "--verify", code=4)
        assert f"not verified: you ({NOBODY}) are not mapped; verify as {ADMIN}" in done.err
        assert "applied and verified" not in done.err
        shown = json.loads(stand.shell.dev("apply", "--verify", "-o", "json", code=4).out)
        assert (shown["changed"], shown["verified"]["outcome"]) == (False, "not mapped")

    def test_the_role_is_for_the_login(self, stand: Stand) -> None:
        reviewed(stand, "admin")
        stand.put("aws-iam-authenticator", f'echo "$@" > {stand.bin}/asked; echo {TOKEN}')
        stand.shell.dev("apply", "--verify", "--role", ADMIN)
        assert (stand.bin / "asked").read_text() == f"token -i dev-cluster -r {ADMIN}\n"

    def test_an_api_server_that_goes_away_after_it(self, stand: Stand) -> None:
        """What was applied is printed all the same."""
        reviewed(stand, "admin")
        stand.cluster.fault = lambda args: failed("error: no") if args[0] == "create" else None
        done = stand.shell.dev("apply", "--verify", code=2)
        assert "created ConfigMap" in done.out
        assert "error: the TokenReview failed: no" in done.err
        shown = stand.shell.dev("apply", "--verify", "-o", "json", code=2).out
        assert json.loads(shown)["verified"] is None
