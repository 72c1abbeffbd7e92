"""What `run` does around `clusters apply` and around the commands that rewrite tarmak.yaml; the steps are fakes."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.programs import ClusterLock
from tests.hook.conftest import MAPPINGS, Bench
from tests.support.admin_certificates import NO_CERTIFICATE
from tests.support.tables import parametrized

NOTHING_MORE = ["start"]
WHOLE = ["start", "options", "access", "applying", "apply", "verify"]
LOST = "the last mapping to system:masters would be lost"


def test_check_apply_and_verify(bench: Bench) -> None:
    assert bench.apply() == (
        "tarmak at work\n"
        "a log line\n"
        "tarmak-iam: getting the cluster's kubeconfig from tarmak\n"
        "tarmak-iam: DaemonSet kube-system/aws-iam-authenticator: 1 of 3 nodes updated\n"
        "tarmak-iam: created ConfigMap kube-system/aws-iam-authenticator\n"
        "tarmak-iam: arn:aws:iam::111122223333:role/KubernetesAdmin: can log in\n"
        "tarmak-iam: note: a note\n"
        "tarmak-iam: dev-cluster: applied and verified\n"
    )
    assert bench.names() == WHOLE
    home = bench.directory / "dev-cluster"
    applying = bench.first("applying")
    assert applying["state"] == str(home / "tarmak-iam.state.json")
    assert (applying["cluster"], applying["kubeconfig"]) == ("dev-cluster", "/fake/kubeconfig")
    assert not bench.lock.exists()


@parametrized(__file__, "nothing more")
def test_nothing_more(bench: Bench, args: list[str]) -> None:
    bench.mappings.write_text("nonsense: [")
    assert bench.run("run", "--", "tarmak", *args) == "tarmak at work\na log line\n"
    assert bench.names() == NOTHING_MORE


@pytest.mark.parametrize("args", [["-v", "clusters", "apply", "--help"], ["-v", "clusters", "apply", "--dry"]])
def test_an_apply_without_flags_before_it_gets_no_warning(bench: Bench, args: list[str]) -> None:
    """tarmak shows its help, or rejects the flag."""
    assert bench.run("run", "--", "tarmak", *args) == "tarmak at work\na log line\n"


@pytest.mark.parametrize("args", [["--dry-run=false", "-v", "clusters", "apply"], ["-C", "cluster", "apply"]])
def test_flags_before_apply_are_not_understood(bench: Bench, args: list[str]) -> None:
    """cobra accepts the first ones by accident: nobody may think that the login was verified."""
    assert bench.run("run", "--", "tarmak", *args) == (
        "tarmak-iam: warning: write flags of `clusters apply` after it: this run is not checked or verified\n"
        "tarmak at work\na log line\n"
    )
    assert bench.names() == NOTHING_MORE


def test_nothing_more_where_awsiamauthenticatorinit_is_off(bench: Bench) -> None:
    bench.config.write_text(bench.config.read_text().replace("awsIAMAuthenticatorInit: true", ""))
    bench.mappings.unlink()
    bench.apply()
    assert bench.names() == NOTHING_MORE


def test_nothing_more_for_a_hub(bench: Bench) -> None:
    text = bench.config.read_text()
    kubernetes = "{apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}"
    hub = f"- environment: dev\n  metadata: {{name: hub}}\n  kubernetes: {kubernetes}\n"
    bench.config.write_text(text.replace("clusters:\n", f"clusters:\n{hub}", 1))
    bench.run("run", "--", "tarmak", "--current-cluster", "dev-hub", "clusters", "apply")
    assert bench.names() == NOTHING_MORE


@pytest.mark.parametrize(
    "args", [["cluster", "apply", "-C"], ["clusters", "apply", "-W=false", "-I=false"], ["-v", "clusters", "apply"]]
)
def test_spellings_of_apply(bench: Bench, args: list[str]) -> None:
    bench.run("run", "--", "tarmak", *args)
    assert bench.names() == WHOLE


class TestWhere:
    def test_tarmaks_own_arguments_say_where(self, bench: Bench) -> None:
        args = ["-c", str(bench.directory), "clusters", "--current-cluster=dev-cluster", "apply"]
        bench.run("run", "--", "tarmak", *args, TARMAK_CONFIG="/nowhere")
        assert bench.first("options")["options"] == [
            f"--config-directory={bench.directory}",
            "--current-cluster=dev-cluster",
        ]

    def test_our_directory_is_told_to_tarmak(self, bench: Bench) -> None:
        bench.run("-c", str(bench.directory), "run", "--", "tarmak", "clusters", "apply", TARMAK_CONFIG="/nowhere")
        assert bench.first("start")["directory"] == str(bench.directory)
        assert bench.names() == WHOLE

    def test_another_current_cluster_is_set_while_tarmak_runs(self, bench: Bench) -> None:
        """Its kubeconfig would lead to another cluster, and so would a command without --cluster."""
        text = bench.config.read_text()
        other = "- environment: dev\n  metadata: {name: other}\n"
        bench.config.write_text(text.replace("clusters:\n", f"clusters:\n{other}", 1))
        switch = f"import re; p = {str(bench.config)!r}; text = open(p).read()\n"
        switch += "open(p, 'w').write(text.replace('currentCluster: dev-cluster', 'currentCluster: dev-other'))"
        said = bench.apply("--no-check", code=4, STUB_PYTHON=switch, FAKE_VERIFY="no credentials")
        assert bench.first("options")["options"] == ["--current-cluster", "dev-cluster"]
        assert (bench.first("applying")["cluster"], bench.names()) == ("dev-cluster", WHOLE)
        assert "`tarmak-iam --cluster dev-cluster verify`" in said
        assert "`tarmak-iam --cluster dev-cluster rollback`" in said

    def test_the_commands_are_named_as_before_if_the_file_is_broken_meanwhile(self, bench: Bench) -> None:
        empty = f"open({str(bench.config)!r}, 'w')"
        said = bench.apply(code=4, STUB_PYTHON=empty, FAKE_VERIFY="no credentials")
        assert "`tarmak-iam verify`" in said

    def test_a_named_pipe_in_the_place_of_the_file_is_not_waited_for(self, bench: Bench) -> None:
        pipe = f"os.unlink({str(bench.config)!r}); os.mkfifo({str(bench.config)!r})"
        ran = bench.start("run", "--", "tarmak", "clusters", "apply", STUB_PYTHON=pipe, FAKE_VERIFY="no credentials")
        assert ran.ended() == 4
        assert "`tarmak-iam verify`" in ran.text

    def test_a_contradiction(self, bench: Bench) -> None:
        said = bench.run(
            "-c", "/nowhere", "run", "--", "tarmak", "-c", str(bench.directory), "clusters", "apply", code=2
        )
        assert said == (
            f"tarmak-iam: error: -c is /nowhere, but tarmak's arguments select {bench.directory}; "
            "pass -c to tarmak, after its name; tarmak was not started\n"
        )
        said = bench.run("run", "--", "tarmak", "--current-cluster", "dev-cluser", "clusters", "apply", code=2)
        assert said.endswith(": unknown cluster 'dev-cluser'; did you mean dev-cluster? (tarmak was not started)\n")
        said = bench.run("--current-cluster", "prod-blue", "run", "--", "tarmak", "clusters", "apply", code=2)
        assert "--current-cluster is prod-blue, but tarmak's arguments select dev-cluster;" in said
        assert bench.events == []

    def test_the_variable_of_another_cluster(self, bench: Bench) -> None:
        """tarmak does not read it: it would apply another cluster than the one that is verified then."""
        apply = ("run", "--", "tarmak", "clusters", "apply")
        said = bench.run(*apply, code=2, TARMAK_IAM_CLUSTER="prod-blue")
        assert said == (
            "tarmak-iam: error: TARMAK_IAM_CLUSTER is prod-blue, but tarmak's arguments select dev-cluster; "
            "pass --current-cluster to tarmak, after its name; tarmak was not started\n"
        )
        assert "dev-cluster: applied and verified" in bench.run(*apply, TARMAK_IAM_CLUSTER="dev-cluster")
        own = ("run", "--", "tarmak", "--current-cluster", "dev-cluster", "clusters", "apply")
        assert "dev-cluster: applied and verified" in bench.run(*own, TARMAK_IAM_CLUSTER="prod-blue")
        assert "error" not in bench.run("run", "--", "tarmak", "clusters", "list", TARMAK_IAM_CLUSTER="prod-blue")

    def test_the_same_said_twice(self, bench: Bench) -> None:
        there = ["-c", f"{bench.directory}/../config/"]
        bench.run(
            *there,
            "--current-cluster",
            "dev-cluster",
            "run",
            "--",
            "tarmak",
            "-c",
            str(bench.directory),
            "cluster",
            "apply",
        )
        assert bench.names() == WHOLE

    def test_a_kubeconfig_of_ones_own(self, bench: Bench) -> None:
        bench.apply("--kubeconfig", str(bench.mappings), "--context", "dev")
        assert bench.first("applying")["kubeconfig"] == str(bench.mappings)
        assert "access" not in bench.names()
        bench.apply("--context", "dev")
        assert bench.events[-3] == {**bench.events[-3], "event": "applying", "kubeconfig": "None"}

    def test_a_kubeconfig_that_is_not_there(self, bench: Bench) -> None:
        said = bench.apply("--kubeconfig", "/my/config", code=2)
        assert "dev-cluster: nothing was applied: /my/config: kubeconfig not found; check the path" in said

    def test_the_same_tarmak_is_asked_for_the_kubeconfig(self, bench: Bench) -> None:
        (bench.root / "bin" / "tarmak").rename(bench.root / "tarmak")
        bench.run("run", "--", str(bench.root / "tarmak"), "clusters", "apply")
        assert bench.first("options")["program"] == str(bench.root / "tarmak")

    def test_one_of_another_name_too(self, bench: Bench) -> None:
        (bench.root / "bin" / "tarmak").rename(bench.root / "bin" / "tarmak-0.6.7")
        bench.run("run", "--", "tarmak-0.6.7", "clusters", "apply")
        assert bench.first("options")["program"] == "tarmak-0.6.7"


class TestBefore:
    def test_errors_stop_it(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("dev-cluster", "another"))
        said = bench.apply(code=1)
        assert said.startswith(f"tarmak-iam: {bench.mappings}:1:12: error: clusterID is 'another'")
        assert said.endswith(
            "tarmak-iam: tarmak was not started, and nothing was changed; use --no-check to start it anyway\n"
        )
        assert bench.events == []

    def test_warnings_do_not(self, bench: Bench) -> None:
        bench.mappings.write_text(f"{MAPPINGS}  mapAccounts: ['111122223333']\n")
        assert "tarmak-iam: 1 warning; run `tarmak-iam check` to see it\n" in bench.apply()

    def test_errors_of_another_cluster_do_not(self, bench: Bench) -> None:
        other = (
            "- environment: prod\n  metadata: {name: cluster}\n  kubernetes: {apiServer: {allowCIDRs: [nonsense]}}\n"
        )
        bench.config.write_text(bench.config.read_text().replace("clusters:\n", f"clusters:\n{other}", 1))
        bench.apply()

    def test_a_current_cluster_that_is_not_asked_for_does_not(self, bench: Bench) -> None:
        bench.config.write_text(bench.config.read_text().replace("currentCluster: dev-cluster", "currentCluster: x"))
        bench.run("run", "--", "tarmak", "--current-cluster", "dev-cluster", "clusters", "apply")
        assert bench.names() == WHOLE

    @pytest.mark.parametrize("mappings", ["", "server: {}\n", "clusterID: dev-cluster\n"])
    def test_nobody_could_log_in(self, bench: Bench, mappings: str) -> None:
        bench.mappings.write_text(mappings)
        said = bench.apply(code=1)
        assert "so IAM login would not be possible" in said
        assert NO_CERTIFICATE.format(bench.directory / "dev-cluster" / "kubeconfig") in said
        assert bench.events == []

    def test_no_mappings_at_all(self, bench: Bench) -> None:
        bench.mappings.unlink()
        assert "error: dev-cluster has no mappings, so IAM login would not be possible" in bench.apply(code=1)

    def test_the_last_admin_of_the_live_cluster(self, bench: Bench) -> None:
        bench.program("kubectl", "#!/bin/sh\necho '{}'\n")
        bench.mappings.write_text(MAPPINGS.replace("system:masters", "readers"))
        live = MAPPINGS.replace("KubernetesAdmin", "Old")
        assert f"error: {LOST}" in bench.apply(code=1, FAKE_LIVE=live)
        assert bench.events == []
        bench.apply("--no-check", FAKE_LIVE=live)

    def test_a_kubeconfig_of_somebody_else(self, bench: Bench) -> None:
        """kubectl would send the admin's credentials to whatever it names."""
        kubeconfig = bench.directory / "dev-cluster" / "kubeconfig"
        kubeconfig.rename(bench.root / "kubeconfig")
        kubeconfig.symlink_to(bench.root / "kubeconfig")
        said = bench.apply(code=2)
        assert f"{kubeconfig}: error: this is a link to {bench.root.resolve()}/kubeconfig, outside of" in said
        assert bench.events == []
        bench.apply("--follow-links")

    def test_links_of_mappings_and_state(self, bench: Bench) -> None:
        state = bench.directory / "dev-cluster" / "tarmak-iam.state.json"
        bench.mappings.rename(bench.root / "mappings.yaml")
        bench.mappings.symlink_to(bench.root / "mappings.yaml")
        said = bench.apply(code=2)
        assert f"{bench.mappings}: error: this is a link to {bench.root.resolve()}/mappings.yaml, outside of" in said
        assert bench.events == []
        bench.apply("--follow-links")
        assert bench.first("applying")["state"] == str(state)
        assert bench.first("applying")["followsLinks"] is True

    def test_nothing_is_asked_of_a_cluster_that_is_away(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("system:masters", "readers"))
        bench.apply(FAKE_LIVE=MAPPINGS)

    def test_no_check(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("dev-cluster", "another"))
        bench.apply("--no-check")
        assert bench.names() == WHOLE

    def test_what_cannot_be_read(self, bench: Bench) -> None:
        bench.mappings.write_text("server: [\n")
        assert f"tarmak-iam: {bench.mappings}:" in bench.apply(code=2)
        assert bench.events == []
        assert bench.apply("--no-check", code=2).endswith("nothing will be applied\ntarmak at work\na log line\n")
        assert bench.names() == NOTHING_MORE

    def test_a_configuration_that_cannot_be_read(self, bench: Bench) -> None:
        bench.config.write_text("clusters: [\n")
        assert f"tarmak-iam: {bench.config}:" in bench.apply(code=2)
        assert bench.events == []
        bench.apply("--no-check", code=1, STUB_EXIT="1")
        assert bench.names() == NOTHING_MORE

    def test_no_configuration(self, bench: Bench) -> None:
        bench.config.unlink()
        assert "tarmak.yaml not found in this directory" in bench.apply(code=2)

    def test_a_cluster_that_is_not_there(self, bench: Bench) -> None:
        said = bench.run("run", "--", "tarmak", "--current-cluster=dev-blue", "clusters", "apply", code=2)
        assert "unknown cluster 'dev-blue'; choose one of dev-cluster" in said


class TestAfter:
    def test_tarmaks_failure_is_passed_on_and_nothing_applied(self, bench: Bench) -> None:
        said = bench.apply(code=5, STUB_EXIT="5")
        assert said.endswith("tarmak-iam: tarmak ended with exit code 5: nothing was applied to dev-cluster\n")
        assert bench.names() == NOTHING_MORE

    def test_no_way_to_the_cluster(self, bench: Bench) -> None:
        said = bench.apply(code=2, FAKE_ACCESS="error")
        assert "error: dev-cluster: nothing was applied: tarmak clusters kubeconfig failed: no tunnel" in said
        assert said.endswith(
            "tarmak-iam: tarmak has finished, but nothing was applied; run `tarmak-iam apply` to apply the objects\n"
        )

    def test_the_next_command_is_whole(self, bench: Bench) -> None:
        args = ["-c", str(bench.directory), "--current-cluster", "dev-cluster", "clusters", "apply"]
        said = bench.run(
            "run", "--context", "a b", "--", "tarmak", *args, code=2, FAKE_APPLY="away", TARMAK_CONFIG="/x"
        )
        own = f"tarmak-iam -c {bench.directory} apply --context 'a b'"
        assert f"nothing was applied; run `{own}` to apply the objects" in said

    def test_a_refusal_of_apply(self, bench: Bench) -> None:
        said = bench.apply(code=1, FAKE_APPLY="refused")
        assert "nothing was applied: the last way would be lost; nothing was changed; no recovery access: " in said
        assert said.endswith("nothing was applied; run `tarmak-iam apply --force` to apply the objects\n")

    @pytest.mark.parametrize("kind", ["full", "away"])
    def test_apply_that_does_not_begin(self, bench: Bench, kind: str) -> None:
        assert "error: dev-cluster: nothing was applied: " in bench.apply(
            "--rollback-on-failure", code=2, FAKE_APPLY=kind
        )
        assert bench.names() == [*WHOLE[:-1]]

    def test_apply_that_ends_midway(self, bench: Bench) -> None:
        said = bench.apply(code=2, FAKE_APPLY="midway")
        assert "some objects may have been applied: the API server went away; done: created ConfigMap" in said
        assert "run `tarmak-iam apply` to continue, or `tarmak-iam rollback` to restore the previous objects" in said
        assert bench.names() == [*WHOLE[:-1]]

    def test_apply_that_ends_midway_and_is_undone(self, bench: Bench) -> None:
        said = bench.apply("--rollback-on-failure", code=2, FAKE_APPLY="midway")
        assert "tarmak-iam: warning: dev-cluster: rolled back: the API server went away" in said
        assert bench.names()[-1] == "rollback"

    def test_a_login_that_fails(self, bench: Bench) -> None:
        said = bench.apply(code=1, FAKE_VERIFY="bad")
        assert (
            "error: dev-cluster: applied, but the verification failed: the API server does not know the token" in said
        )
        assert "; no recovery access: " in said
        assert said.endswith(
            "tarmak-iam: applied, but the verification failed; run `tarmak-iam verify` to try again, or "
            "`tarmak-iam rollback` to restore the previous objects\n"
        )
        assert "rollback" not in bench.names()

    def test_a_login_that_cannot_be_tried(self, bench: Bench) -> None:
        said = bench.apply(code=2, FAKE_VERIFY="error")
        assert "error: dev-cluster: applied, not verified: the API server does not answer; no recovery access" in said
        assert (
            "run `tarmak-iam verify` to verify a login, or `tarmak-iam rollback` to restore the previous objects\n"
            in said
        )

    @pytest.mark.parametrize("options", [[], ["--rollback-on-failure"]])
    def test_somebody_who_is_not_mapped(self, bench: Bench, options: list[str]) -> None:
        """This is no failure: what is applied is kept."""
        said = bench.apply(*options, code=4, FAKE_VERIFY="unmapped")
        assert said.endswith(
            "tarmak-iam: warning: dev-cluster: applied, not verified: you (arn:x) are not mapped\n"
            "tarmak-iam: applied, not verified; run `tarmak-iam verify --role arn:y` to verify a login, or "
            "`tarmak-iam rollback` to restore the previous objects\n"
        )
        assert bench.names()[-1] == "verify"

    def test_no_credentials(self, bench: Bench) -> None:
        said = bench.apply("--context", "dev", code=4, FAKE_VERIFY="no credentials")
        assert "applied, not verified: no token can be created: there are no AWS credentials\n" in said
        assert "applied, not verified; run `tarmak-iam verify --context dev` to verify a login, or " in said
        assert "error" not in said

    @pytest.mark.parametrize("kind", ["unmapped", "no credentials"])
    def test_rollback_unless_verified(self, bench: Bench, kind: str) -> None:
        said = bench.apply("--rollback-unless-verified", code=1, FAKE_VERIFY=kind)
        assert "tarmak-iam: warning: dev-cluster: rolled back: " in said
        assert bench.names()[-1] == "rollback"

    def test_the_policy_of_the_settings(self, bench: Bench) -> None:
        (bench.directory / "dev-cluster" / "tarmak-iam.yaml").write_text("rollback: unverified\n")
        bench.apply(code=1, FAKE_VERIFY="unmapped")
        assert bench.names()[-1] == "rollback"

    def test_what_is_verified_is_kept(self, bench: Bench) -> None:
        bench.apply("--rollback-unless-verified")
        assert bench.names() == WHOLE

    def test_a_login_that_fails_and_rollback_on_failure(self, bench: Bench) -> None:
        said = bench.apply("--rollback-on-failure", code=1, FAKE_VERIFY="bad")
        assert (
            "tarmak-iam: warning: dev-cluster: rolled back: the API server does not know the token; the daemon was not "
            "asked" in said
        )
        assert bench.names()[-1] == "rollback"

    def test_a_rollback_that_fails(self, bench: Bench) -> None:
        said = bench.apply("--rollback-on-failure", code=1, FAKE_VERIFY="bad", FAKE_ROLLBACK="error")
        assert "error: dev-cluster: the rollback may be incomplete: kubectl replace failed" in said
        assert said.endswith("run `tarmak-iam rollback` to continue\n")

    @parametrized(__file__, "a rollback that does not begin")
    def test_a_rollback_that_does_not_begin(self, bench: Bench, kind: str, why: str, command: str) -> None:
        said = bench.apply("--rollback-on-failure", code=1, FAKE_VERIFY="bad", FAKE_ROLLBACK=kind)
        assert said.endswith(
            f"tarmak-iam: error: dev-cluster: not rolled back: {why}; the objects are as `apply` left them; "
            f"run `tarmak-iam {command}` to restore the previous objects\n"
        )

    def test_nothing_is_rolled_back_where_nothing_was_changed(self, bench: Bench) -> None:
        """What is kept is the state before an earlier apply then."""
        said = bench.apply("--rollback-on-failure", code=1, FAKE_APPLY="unchanged", FAKE_VERIFY="bad")
        assert "rollback" not in bench.names()
        assert "to restore" not in said

    def test_a_tarmak_that_did_not_wait(self, bench: Bench) -> None:
        args = ["clusters", "apply", "--wait-for-convergence=false"]
        for kind, code, is_told in (("bad", 1, True), ("error", 2, True), ("unmapped", 4, False)):
            said = bench.run("run", "--", "tarmak", *args, code=code, FAKE_VERIFY=kind)
            assert ("note: tarmak does not wait for the masters" in said) is is_told

    @pytest.mark.sample(2)
    @pytest.mark.parametrize(
        ("typed", "last"), [("y\n", "rollback"), ("\n", "verify"), ("\x03", "verify"), ("\x04", "verify")]
    )
    def test_on_a_terminal_it_asks(self, bench: Bench, typed: str, last: str) -> None:
        ran = bench.typed("run", "--", "tarmak", "clusters", "apply", FAKE_VERIFY="bad")
        ran.until("tarmak-iam: restore the previous objects? [y/N]:")
        ran.insist(typed)
        assert ran.ended() == 1
        assert bench.names()[-1] == last
        assert ("to restore the previous objects" in ran.text) == (last == "verify")

    def test_on_a_terminal_a_warning_is_not_replaced_by_the_next_line(self, bench: Bench) -> None:
        warning = "node master-1: Ready is False"
        ran = bench.typed("run", "--", "tarmak", "clusters", "apply", TERM="xterm", FAKE_WARNING=warning)
        ran.until(f"tarmak-iam: warning: {warning}\n")
        assert ran.ended() == 0

    def test_on_a_terminal_it_asks_about_what_nobody_has_verified_too(self, bench: Bench) -> None:
        ran = bench.typed("run", "--", "tarmak", "clusters", "apply", FAKE_VERIFY="unmapped")
        ran.until("no mapped caller has logged in; restore the previous objects? [y/N]:")
        ran.insist("n\n")
        assert ran.ended() == 4
        assert bench.names()[-1] == "verify"


class TestRewriting:
    COMMANDS = (
        ["clusters", "set-current", "dev-cluster"],
        ["init"],
        ["cluster", "initialise"],
        ["environments", "init"],
        ["environment", "destroy", "dev"],
        ["provider", "initialize"],
    )

    @pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
    def test_its_text_is_kept(self, bench: Bench, args: list[str]) -> None:
        text = bench.config.read_bytes()
        said = bench.run("run", "--", "tarmak", *args, STUB_PYTHON=f"open({str(bench.config)!r}, 'w').write('x')")
        assert said == f"tarmak at work\na log line\ntarmak-iam: {bench.config}: note: restored\n"
        assert bench.names() == ["keep", "start", "put back"]
        assert bench.events[-1]["finished"] is True
        assert bench.config.read_bytes() == text

    def test_after_a_failure_too(self, bench: Bench) -> None:
        bench.run("run", "--", "tarmak", "init", code=1, STUB_EXIT="1")
        assert bench.events[-1] == {"event": "put back", "finished": False}

    def test_after_a_violent_death_too(self, bench: Bench) -> None:
        bench.run("run", "--", "tarmak", "init", code=137, STUB_DIE="SIGKILL")
        assert bench.events[-1] == {"event": "put back", "finished": False}

    def test_what_cannot_be_put_back_is_an_error(self, bench: Bench) -> None:
        bench.run("run", "--", "tarmak", "init", code=2, FAKE_KEPT="broken")
        bench.run("run", "--", "tarmak", "init", code=4, FAKE_KEPT="broken", STUB_EXIT="4")

    def test_what_cannot_be_kept_is_not_risked(self, bench: Bench) -> None:
        said = bench.run("run", "--", "tarmak", "init", code=2, FAKE_KEPT="full")
        assert "error: its text can be laid nowhere" in said
        assert bench.names() == ["keep"]

    def test_not_around_others(self, bench: Bench) -> None:
        bench.run("run", "--", "tarmak", "clusters", "init", "--help")
        bench.run("run", "--", "tarmak", "environments", "list")
        assert bench.names() == ["start", "start"]


def test_kubectl_has_the_lock_of_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[ClusterLock | None] = []
    original = Access.kubectl

    def recording(access: Access, *args: Any) -> Kubectl:
        held.append(access.lock)
        return original(access, *args)

    monkeypatch.setattr(Access, "kubectl", recording)
    bench.apply()
    assert [(each.path, each.descriptor is not None) for each in held if each is not None] == [(bench.lock, True)]
