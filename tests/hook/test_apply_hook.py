"""The Python API around `tarmak clusters apply`: reports, nothing printed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam import TarmakConfig, TarmakIamError, hook
from tarmak_iam.access.diff import Loaded
from tarmak_iam.errors import ConfigError, FileError, Place, SelectionError
from tarmak_iam.hook.apply_hook import Stage
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.results import Applied, RolledBack
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.programs import Programs
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.mappings_file import Mappings
from tests.hook.conftest import MAPPINGS, Bench
from tests.support.admin_certificates import NO_CERTIFICATE
from tests.support.hook_driver import Verified, midway, replaced_steps

ACCESS = hook.Access(Programs({"PATH": "/nowhere"}), tarmak_options=("--config-directory=x",))


def config_of(bench: Bench) -> TarmakConfig:
    return TarmakConfig.load(bench.directory)


def giving(text: str) -> Any:
    return lambda installation: Loaded.of(replace(installation, mappings=Mappings.parse(text.encode(), "live")))


VERIFIED = Verified()
UNDONE = RolledBack(())


class Fakes:
    """Steps that note what they are called with."""

    def __init__(
        self, access: hook.Access = ACCESS, *, verified: Verified = VERIFIED, failure: TarmakIamError | None = None
    ) -> None:
        self.calls: list[str] = []
        self.programs = access.programs
        self.verified, self.failure = verified, failure

    def in_place(self) -> AbstractContextManager[None]:
        return replaced_steps(access=self.access, apply=self.apply, verify=self.verify, rollback=self.rollback)

    def access(self, programs: Programs, options: Sequence[str], program: str) -> Path:
        self.calls.append(f"access {' '.join(options)}")
        assert programs is self.programs
        return Path("/kubeconfig")

    def apply(
        self, installation: Installation, kubectl: Kubectl, state: Path, *, tell: Any, begun: Any, within: Any
    ) -> Any:
        self.calls.append(f"apply {installation.cluster_id} {kubectl.kubeconfig} {kubectl.context} {state.name}")
        kubectl.tell("the API server cannot be reached")
        tell("a line")
        if self.failure is not None:
            raise self.failure
        begun()
        return Applied((), state)

    def verify(self, installation: Installation, kubectl: Kubectl, *, tell: Any) -> Any:
        self.calls.append("verify")
        return self.verified

    def rollback(self, kubectl: Kubectl, state: Path, *, tell: Any, within: Any) -> Any:
        self.calls.append(f"rollback {state.name}")
        return UNDONE


class TestBefore:
    def test_a_cluster_that_is_fine(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        config = config_of(bench)
        for cluster in ("dev-cluster", config.current_cluster):
            report = hook.before_apply(config, cluster)
            assert report.ok
            assert (report.cluster_name, report.findings, report.refusal) == ("dev-cluster", (), "")
            assert report.installation is not None
        assert capsys.readouterr() == ("", "")
        bench.mappings.write_text("server: [")
        off = hook.before_apply(config.disable_authenticator("dev-cluster"), "dev-cluster")
        assert (off.ok, off.installation) == (True, None)

    def test_errors_and_warnings(self, bench: Bench) -> None:
        bench.mappings.write_text(f"{MAPPINGS.replace('dev-', 'x-')}  mapAccounts: ['111122223333']\n")
        report = hook.before_apply(config_of(bench), "dev-cluster")
        assert not report.ok
        assert [each.finding.id for each in report.errors] == ["IAM020"]
        assert [each.finding.id for each in report.warnings] == ["IAM074"]

    def test_nobody_would_be_left(self, bench: Bench) -> None:
        bench.mappings.write_text("server: {}\n")
        report = hook.before_apply(config_of(bench), "dev-cluster")
        assert not report.ok
        assert report.errors == ()
        kubeconfig = bench.directory / "dev-cluster" / "kubeconfig"
        assert report.refusal == (
            f"no principal is mapped, so IAM login would not be possible; {NO_CERTIFICATE.format(kubeconfig)}; "
            f"run `tarmak -c {bench.directory} clusters kubeconfig` for a new one"
        )
        unchecked = hook.before_apply(config_of(bench), "dev-cluster", no_check=True)
        assert unchecked.ok
        assert unchecked.installation is not None

    def test_against_what_is_live(self, bench: Bench) -> None:
        bench.mappings.write_text(MAPPINGS.replace("system:masters", "readers"))
        config = config_of(bench)
        assert hook.before_apply(config, "dev-cluster").ok
        assert hook.before_apply(config, "dev-cluster", live=lambda _: None).ok
        assert hook.before_apply(config, "dev-cluster", live=giving("server: {}\n")).ok
        report = hook.before_apply(config, "dev-cluster", live=giving(MAPPINGS))
        assert report.refusal.startswith("the last mapping to system:masters would be lost (arn:aws:iam::")

    def test_what_cannot_be_read(self, bench: Bench) -> None:
        config = config_of(bench)
        with pytest.raises(SelectionError):
            hook.before_apply(config, "nobody")
        with pytest.raises(FileError, match="load it from its file"):
            hook.before_apply(TarmakConfig.parse(bench.config.read_bytes()), "dev-cluster")
        bench.mappings.write_text("server: [")
        with pytest.raises(TarmakIamError, match=str(bench.mappings)):
            hook.before_apply(config, "dev-cluster")


class TestAfter:
    def run(self, bench: Bench, fakes: Fakes, access: hook.Access = ACCESS, **options: Any) -> hook.AfterReport:
        with fakes.in_place():
            return hook.after_apply(config_of(bench), "dev-cluster", access, **options)

    def test_applied_and_verified(self, bench: Bench) -> None:
        fakes, told = Fakes(), list[str]()
        report = self.run(bench, fakes, tell=told.append)
        assert report.ok
        assert (report.stage, report.text) == (Stage.VERIFIED, "dev-cluster: applied and verified")
        assert fakes.calls == [
            "access --config-directory=x --current-cluster dev-cluster",
            "apply dev-cluster /kubeconfig None tarmak-iam.state.json",
            "verify",
        ]
        asking = "getting the cluster's kubeconfig from tarmak"
        assert told == [asking, "the API server cannot be reached", "a line"]

    @pytest.mark.parametrize("directory", [None, "/other", "{}/."])
    def test_tarmak_is_asked_for_this_cluster_of_this_file(self, bench: Bench, directory: str | None) -> None:
        """A directory that tarmak finds itself is not named."""
        variables = {} if directory is None else {"TARMAK_CONFIG": directory.format(bench.directory)}
        access = hook.Access(Programs({"PATH": "/nowhere", **variables}))
        fakes = Fakes(access)
        assert self.run(bench, fakes, access).ok
        named = "" if directory == "{}/." else f"--config-directory {bench.directory} "
        assert fakes.calls[0] == f"access {named}--current-cluster dev-cluster"

    def test_the_access_of_another_cluster(self, bench: Bench) -> None:
        access = replace(ACCESS, tarmak_options=("--current-cluster=dev-other",))
        fakes = Fakes(access)
        report = self.run(bench, fakes, access)
        assert report.text == (
            "dev-cluster: nothing was applied: the kubeconfig of dev-other would be used for dev-cluster; specify the "
            "same cluster in `tarmak_options`"
        )
        assert fakes.calls == []
        with_kubeconfig = replace(access, kubeconfig=bench.config)
        assert self.run(bench, Fakes(access), with_kubeconfig).ok

    def test_what_was_checked_is_what_is_applied(self, bench: Bench) -> None:
        checked = hook.before_apply(config_of(bench), "dev-cluster").installation
        bench.mappings.write_text("server: [")
        assert self.run(bench, Fakes(), installation=checked).ok

    def test_another_way_to_the_cluster(self, bench: Bench) -> None:
        for access in (replace(ACCESS, kubeconfig=bench.config), replace(ACCESS, context="dev")):
            fakes = Fakes()
            assert self.run(bench, fakes, access).ok
            assert fakes.calls[0] == f"apply dev-cluster {access.kubeconfig} {access.context} tarmak-iam.state.json"

    @pytest.mark.parametrize(
        ("setting", "options", "undone"),
        [
            ("", {}, ()),
            ("rollback: never\n", {}, ()),
            ("rollback: failure\n", {}, ("failed",)),
            ("rollback: unverified\n", {}, ("failed", "not mapped", "caller unknown")),
            ("", {"rollback_on_failure": True}, ("failed",)),
            ("", {"rollback_unless_verified": True}, ("failed", "not mapped", "caller unknown")),
        ],
    )
    def test_which_outcomes_are_rolled_back(
        self, bench: Bench, setting: str, options: dict[str, Any], undone: tuple[str, ...]
    ) -> None:
        (bench.directory / "dev-cluster" / "tarmak-iam.yaml").write_text(setting)
        for outcome in LoginOutcome:
            fakes = Fakes(verified=Verified(outcome, "who\nare you"))
            report = self.run(bench, fakes, **options)
            is_undone, is_verified = outcome in undone, outcome is LoginOutcome.VERIFIED
            kept = {LoginOutcome.VERIFIED: Stage.VERIFIED, LoginOutcome.FAILED: Stage.FAILED}
            stage = Stage.UNDONE if is_undone else kept.get(outcome, Stage.NOT_VERIFIED)
            assert (report.stage, report.text) == (stage, f"dev-cluster: {stage}: who are you")
            assert (report.ok, report.is_failure) == (is_verified, outcome is LoginOutcome.FAILED)
            assert report.rolled_back == (UNDONE if is_undone else None)
            assert report.can_roll_back is not (is_undone or is_verified)
            assert fakes.calls[-1] == ("rollback tarmak-iam.state.json" if is_undone else "verify")

    def test_a_file_that_is_in_the_way_is_named(self, bench: Bench) -> None:
        failure = FileError("cannot be written: No space left on device", place=Place("/x/tarmak-iam.state.json"))
        fakes = Fakes(failure=failure)
        report = self.run(bench, fakes, rollback_on_failure=True)
        assert report.text == (
            "dev-cluster: nothing was applied: /x/tarmak-iam.state.json: cannot be written: No space left on device"
        )
        assert (report.stage, report.error, report.can_roll_back) == (Stage.NOTHING, failure, False)
        assert fakes.calls[-1].startswith("apply")
        # An apply that only waited has changed nothing, but an earlier one may not be complete.
        waited = self.run(bench, Fakes(failure=midway(None)), rollback_on_failure=True)
        assert (waited.stage, waited.can_roll_back) == (Stage.SOME, False)

    def test_where_there_is_nothing_to_apply(self, bench: Bench) -> None:
        config = config_of(bench).disable_authenticator("dev-cluster")
        with pytest.raises(ConfigError, match="nothing to apply"):
            hook.after_apply(config, "dev-cluster", ACCESS)


def test_every_name_is_there() -> None:
    for name in hook.__all__:
        assert getattr(hook, name) is not None
    assert set(hook.__all__) <= set(dir(hook))
    with pytest.raises(AttributeError):
        getattr(hook, "nothing")  # noqa: B009  # for mypy it is none
