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


def test_nothing_more_for_a_hub_and_where_awsiamauthenticatorinit_is_off(bench: Bench) -> None:
    text = bench.config.read_text().replace("awsIAMAuthenticatorInit: true", "")
    kubernetes = "{apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}"
    hub = f"- environment: dev\n  metadata: {{name: hub}}\n  kubernetes: {kubernetes}\n"
    bench.config.write_text(text.replace("clusters:\n", f"clusters:\n{hub}", 1))
    bench.mappings.unlink()
    bench.run("run", "--", "tarmak", "--current-cluster", "dev-hub", "clusters", "apply")
    bench.apply()
    assert bench.names() == [*NOTHING_MORE, *NOTHING_MORE]


class TestWhere:
    def test_tarmaks_own_arguments_say_where(self, bench: Bench) -> None:
        args = ["-c", str(bench.directory), "clusters", "--current-cluster=dev-cluster", "apply"]
        bench.run("run", "--", "tarmak", *args, TARMAK_CONFIG="/nowhere")
        assert bench.first("options")["options"] == [
            f"--config-directory={bench.directory}",
            "--current-cluster=dev-cluster",
        ]
        ours = ("-c", f"{bench.directory}/../config/", "--current-cluster", "dev-cluster")
        bench.run(*ours, "run", "--", "tarmak", "-c", str(bench.directory), "cluster", "apply")
        assert bench.names() == [*WHOLE, *WHOLE]

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
        bench.config.write_text(text)
        emptied = bench.apply(code=4, STUB_PYTHON=f"open({str(bench.config)!r}, 'w')", FAKE_VERIFY="no credentials")
        assert "`tarmak-iam verify`" in emptied

    def test_a_named_pipe_in_the_place_of_the_file_is_not_waited_for(self, bench: Bench) -> None:
        pipe = f"os.unlink({str(bench.config)!r}); os.mkfifo({str(bench.config)!r})"
        ran = bench.start("run", "--", "tarmak", "clusters", "apply", STUB_PYTHON=pipe, FAKE_VERIFY="no credentials")
        assert ran.ended() == 4
        assert "`tarmak-iam verify`" in ran.text

    @parametrized(__file__, "a contradiction")
    def test_a_contradiction(
        self, bench: Bench, ours: list[str], tarmaks: list[str], variables: dict[str, str], error: str
    ) -> None:
        """Another cluster would be applied than the one that is verified then."""
        words = [word.format(directory=bench.directory) for word in tarmaks]
        said = bench.run(*ours, "run", "--", "tarmak", *words, code=2, **variables)
        assert said == error.format(directory=bench.directory)
        assert bench.events == []

    @pytest.mark.parametrize(
        ("cluster", "args"),
        [("dev-cluster", []), ("prod-blue", ["--current-cluster", "dev-cluster"])],
    )
    def test_the_variable_that_names_the_cluster(self, bench: Bench, cluster: str, args: list[str]) -> None:
        """tarmak does not read it."""
        bench.run("run", "--", "tarmak", *args, "clusters", "apply", TARMAK_IAM_CLUSTER=cluster)
        assert bench.names() == WHOLE
        assert "error" not in bench.run("run", "--", "tarmak", "clusters", "list", TARMAK_IAM_CLUSTER="prod-blue")

    def test_a_kubeconfig_of_ones_own(self, bench: Bench) -> None:
        bench.apply("--kubeconfig", str(bench.mappings), "--context", "dev")
        assert bench.first("applying")["kubeconfig"] == str(bench.mappings)
        assert "access" not in bench.names()
        bench.apply("--context", "dev")
        assert bench.events[-3] == {**bench.events[-3], "event": "applying", "kubeconfig": "None"}

    def test_a_kubeconfig_that_is_not_there(self, bench: Bench) -> None:
        said = bench.apply("--kubeconfig", "/my/config", code=2)
        assert "dev-cluster: nothing was applied: /my/config: kubeconfig not found; check the path" in said

    @pytest.mark.parametrize(("place", "program"), [("tarmak", "{}/tarmak"), ("bin/tarmak-0.6.7", "tarmak-0.6.7")])
    def test_the_same_tarmak_is_asked_for_the_kubeconfig(self, bench: Bench, place: str, program: str) -> None:
        (bench.root / "bin" / "tarmak").rename(bench.root / place)
        program = program.format(bench.root)
        bench.run("run", "--", program, "clusters", "apply")
        assert bench.first("options")["program"] == program


class TestBefore:
    def test_errors_stop_it(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("dev-cluster", "another"))
        said = bench.apply(code=1)
        assert said.startswith(f"tarmak-iam: {bench.mappings}:1:12: error: clusterID is 'another'")
        assert said.endswith(
            "tarmak-iam: tarmak was not started, and nothing was changed; use --no-check to start it anyway\n"
        )
        assert bench.events == []
        bench.apply("--no-check")
        assert bench.names() == WHOLE

    def test_warnings_do_not(self, bench: Bench) -> None:
        bench.mappings.write_text(f"{MAPPINGS}  mapAccounts: ['111122223333']\n")
        assert "tarmak-iam: 1 warning; run `tarmak-iam check` to see it\n" in bench.apply()

    def test_errors_of_another_cluster_and_of_a_current_one_that_is_not_chosen_do_not(self, bench: Bench) -> None:
        other = (
            "- environment: prod\n  metadata: {name: cluster}\n  kubernetes: {apiServer: {allowCIDRs: [nonsense]}}\n"
        )
        text = bench.config.read_text().replace("clusters:\n", f"clusters:\n{other}", 1)
        bench.config.write_text(text.replace("currentCluster: dev-cluster", "currentCluster: x"))
        bench.run("run", "--", "tarmak", "--current-cluster", "dev-cluster", "clusters", "apply")
        assert bench.names() == WHOLE

    @pytest.mark.parametrize("mappings", [None, "", "server: {}\n", "clusterID: dev-cluster\n"])
    def test_nobody_could_log_in(self, bench: Bench, mappings: str | None) -> None:
        if mappings is None:
            bench.mappings.unlink()
        else:
            bench.mappings.write_text(mappings)
        said = bench.apply(code=1)
        why = "dev-cluster has no mappings" if mappings is None else "no principal is mapped"
        assert f"error: {why}, so IAM login would not be possible" in said
        assert NO_CERTIFICATE.format(bench.directory / "dev-cluster" / "kubeconfig") in said
        assert bench.events == []

    def test_the_last_admin_of_the_live_cluster(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("system:masters", "readers"))
        bench.apply(FAKE_LIVE=MAPPINGS)  # a cluster that is away is not asked
        assert bench.names() == WHOLE
        bench.program("kubectl", "#!/bin/sh\necho '{}'\n")
        live = MAPPINGS.replace("KubernetesAdmin", "Old")
        assert f"error: {LOST}" in bench.apply(code=1, FAKE_LIVE=live)
        assert bench.names() == WHOLE
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

    def test_what_cannot_be_read(self, bench: Bench) -> None:
        bench.mappings.write_text("server: [\n")
        assert f"tarmak-iam: {bench.mappings}:" in bench.apply(code=2)
        assert bench.events == []
        assert bench.apply("--no-check", code=2).endswith("nothing will be applied\ntarmak at work\na log line\n")
        bench.config.write_text("clusters: [\n")
        assert f"tarmak-iam: {bench.config}:" in bench.apply(code=2)
        bench.apply("--no-check", code=1, STUB_EXIT="1")
        assert bench.names() == [*NOTHING_MORE, *NOTHING_MORE]
        bench.config.unlink()
        assert "tarmak.yaml not found in this directory" in bench.apply(code=2)


class TestAfter:
    def test_the_next_command_is_whole(self, bench: Bench) -> None:
        args = ["-c", str(bench.directory), "--current-cluster", "dev-cluster", "clusters", "apply"]
        said = bench.run(
            "run", "--context", "a b", "--", "tarmak", *args, code=2, FAKE_APPLY="away", TARMAK_CONFIG="/x"
        )
        own = f"tarmak-iam -c {bench.directory} apply --context 'a b'"
        assert f"nothing was applied; run `{own}` to apply the objects" in said

    @parametrized(__file__, "after tarmak")
    def test_what_comes_after_it(
        self, bench: Bench, options: list[str], fakes: dict[str, str], code: int, said: list[str], end: str, last: str
    ) -> None:
        found = bench.apply(*options, code=code, **fakes)
        for text in said:
            assert text in found
        assert found.endswith(end)
        assert bench.names()[-1] == last

    def test_a_tarmak_that_did_not_wait(self, bench: Bench) -> None:
        args = ["clusters", "apply", "--wait-for-convergence=false"]
        for kind, code, is_told in (("bad", 1, True), ("error", 2, True), ("unmapped", 4, False)):
            said = bench.run("run", "--", "tarmak", *args, code=code, FAKE_VERIFY=kind)
            assert ("note: tarmak does not wait for the masters" in said) is is_told

    @pytest.mark.sample(3)
    @pytest.mark.parametrize(
        ("typed", "login", "code", "last"),
        [
            ("y\n", "bad", 1, "rollback"),
            ("\n", "bad", 1, "verify"),
            ("\x03", "bad", 1, "verify"),
            ("\x04", "bad", 1, "verify"),
            ("n\n", "unmapped", 4, "verify"),
        ],
    )
    def test_on_a_terminal_it_asks(self, bench: Bench, typed: str, login: str, code: int, last: str) -> None:
        ran = bench.typed("run", "--", "tarmak", "clusters", "apply", FAKE_VERIFY=login)
        reason = "no mapped caller has logged in; " if login == "unmapped" else ""
        ran.until(f"tarmak-iam: {reason}restore the previous objects? [y/N]:")
        ran.insist(typed)
        assert ran.ended() == code
        assert bench.names()[-1] == last
        assert ("to restore the previous objects" in ran.text) == (last == "verify")

    def test_on_a_terminal_a_warning_is_not_replaced_by_the_next_line(self, bench: Bench) -> None:
        warning = "node master-1: Ready is False"
        ran = bench.typed("run", "--", "tarmak", "clusters", "apply", TERM="xterm", FAKE_WARNING=warning)
        ran.until(f"tarmak-iam: warning: {warning}\n")
        assert ran.ended() == 0


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

    @pytest.mark.parametrize(("code", "stub"), [(1, {"STUB_EXIT": "1"}), (137, {"STUB_DIE": "SIGKILL"})])
    def test_after_a_failure_too(self, bench: Bench, code: int, stub: dict[str, str]) -> None:
        bench.run("run", "--", "tarmak", "init", code=code, **stub)
        assert bench.events[-1] == {"event": "put back", "finished": False}

    def test_what_cannot_be_put_back_is_an_error(self, bench: Bench) -> None:
        bench.run("run", "--", "tarmak", "init", code=2, FAKE_KEPT="broken")
        bench.run("run", "--", "tarmak", "init", code=4, FAKE_KEPT="broken", STUB_EXIT="4")

    def test_what_cannot_be_kept_is_not_risked(self, bench: Bench) -> None:
        said = bench.run("run", "--", "tarmak", "init", code=2, FAKE_KEPT="full")
        assert "error: its text can be laid nowhere" in said
        assert bench.names() == ["keep"]
        bench.run("run", "--", "tarmak", "clusters", "init", "--help")
        bench.run("run", "--", "tarmak", "environments", "list")
        assert bench.names() == ["keep", "start", "start"]


def test_kubectl_has_the_lock_of_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[ClusterLock | None] = []
    original = Access.kubectl

    def recording(access: Access, *args: Any) -> Kubectl:
        held.append(access.lock)
        return original(access, *args)

    monkeypatch.setattr(Access, "kubectl", recording)
    bench.apply()
    assert [(each.path, each.descriptor is not None) for each in held if each is not None] == [(bench.lock, True)]
