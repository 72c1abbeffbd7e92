"""-v: what was read from where, what counts and why; on stderr, and never a secret. More is in the transcripts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tarmak_iam import TarmakConfig
from tests.support import ADMIN, EXAMPLES, Shell, bring_plugins


def told(shell: Shell, *args: str | Path, code: int | None = 0) -> list[str]:
    """The lines of -v, the directory of the example as `<dir>`."""
    err = shell.run(*args, code=code).err.replace(str(shell.single), "<dir>")
    return [line.removeprefix("* ") for line in err.splitlines() if line.startswith("* ")]


def test_stdout_and_errors_are_as_without_it(shell: Shell) -> None:
    for args in (["check"], ["show"], ["manifests"], ["map", "list", "-o", "json"], ["flags"]):
        plain = shell.run("-c", shell.multi, *args, code=None)
        verbose = shell.run("-c", shell.multi, "-vv", *args, code=None)
        assert (plain.out, plain.code) == (verbose.out, verbose.code)
        rest = [line for line in verbose.err.splitlines() if not line.startswith("* ")]
        assert rest == plain.err.splitlines()


def test_twice_tells_more(shell: Shell) -> None:
    assert told(shell, "-v", "-c", shell.single, "check", "-v")[-1] != ""
    more = told(shell, "-c", shell.single, "check", "-vv")
    assert [line for line in more if line.startswith("tarmak-iam ") and " Python " in line]
    assert [line for line in more if line.startswith("click ") and ", pydantic " in line]
    assert not [line for line in told(shell, "-c", shell.single, "check", "-v") if " Python " in line]


def test_plugins(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.example_plugin.tarmak_iam_example import DASHBOARD

    bring_plugins(monkeypatch, "tarmak_iam.sections", DASHBOARD)
    lines = told(shell, "-c", shell.single, "-v", "show", "--section", "kubernetes.dashboard")
    assert lines.count("plugin section0 of package0 (entry point tarmak_iam.sections)") == 1


@pytest.mark.usefixtures("aws")
def test_of_credentials_only_the_names_are_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://user:password@example.com")
    done = shell.run("token", "-i", "dev-cluster", "-vv")
    for line in (
        "environment: AWS_ACCESS_KEY_ID is set",
        "environment: AWS_SECRET_ACCESS_KEY is set",
        "environment: AWS_SESSION_TOKEN is set",
        "environment: AWS_ENDPOINT_URL_S3 is set",
        "environment: AWS_REGION=us-east-1",
        "AWS credentials: env",
    ):
        assert f"* {line}\n" in done.err
    for secret in ("base-secret", "session-secret", "AKIAEXAMPLEKEY000001", "password", "k8s-aws-v1"):
        assert secret not in done.err


def test_programs_that_are_run(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tarmak", "kubectl"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'Unable to connect to the server: EOF' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    shell.dev("map", "add", ADMIN, "--username", "a", "--group", "system:masters")
    lines = told(shell, "diff", "-c", shell.single, "-vv", code=2)
    assert "run: tarmak --config-directory <dir> --current-cluster dev-cluster clusters kubeconfig" in lines
    assert any(line.startswith("tarmak ") and " ended with code 1 after " in line for line in lines)
    passed = shell.run("run", "-v", "--", "tarmak", "version", code=1)
    assert f"* run: {tmp_path / 'tarmak'} version\n" in passed.err


def test_the_library_tells_it_to_its_logger(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tarmak_iam"):
        TarmakConfig.load(EXAMPLES / "single")
    assert [record.name for record in caplog.records] == ["tarmak_iam.files.read"]
