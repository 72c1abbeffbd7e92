"""Two runs around commands that rewrite tarmak.yaml: one waits for the other, and every comment stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarmak_iam.cli import run_hooks
from tarmak_iam.files.lock import file_lock, lock_file_of
from tests.hook.conftest import Bench, Ran
from tests.support import ROOT
from tests.support.fake_tarmak import dumped, rewrite_of, text_of

BEFORE = text_of("comments-everywhere")
WAITING = "is editing tarmak.yaml, or running a tarmak that rewrites it; press Ctrl-C to stop waiting\n"
REWRITE = """
from pathlib import Path
from tests.support.fake_tarmak import dumped, rewrite_of, set_current
path = Path(os.environ["TARMAK_CONFIG"], "tarmak.yaml")
data = set_current(rewrite_of(path.read_bytes()), args[-1])
with path.open("wb") as file:
    file.write(dumped(data))
"""
HOLD = """
record("written")
while not Path(os.environ["STUB_RECORD"] + ".go").exists():
    time.sleep(0.01)
"""


@contextlib.contextmanager
def setting(bench: Bench, cluster: str, code: str = REWRITE) -> Iterator[subprocess.Popen[bytes]]:
    """The real steps, around a tarmak that rewrites."""
    command = [sys.executable, "-m", "tarmak_iam", "run", "--", "tarmak", "clusters", "set-current", cluster]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**bench.environment, "STUB_PYTHON": code},
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ran_of(process: subprocess.Popen[bytes]) -> Ran:
    assert process.stderr is not None
    return Ran(process.pid, process.stderr.fileno(), process)


def started(bench: Bench, process: subprocess.Popen[bytes]) -> Ran:
    """Once its tarmak has written."""
    ran = ran_of(process)
    ran.until(bench.has("written"))
    return ran


def said(process: subprocess.Popen[bytes]) -> str:
    text = process.communicate(timeout=240)[1].decode()
    assert process.returncode == 0, text
    return text


def left(bench: Bench) -> list[str]:
    return sorted(each.name for each in bench.directory.iterdir() if each.name.startswith((".", "tarmak.yaml")))


def go(bench: Bench) -> None:
    Path(bench.environment["STUB_RECORD"] + ".go").touch()


@pytest.fixture
def file(bench: Bench) -> Path:
    bench.config.write_bytes(BEFORE)
    return bench.config


def test_the_second_run_waits_for_the_first_and_says_for_whom(bench: Bench, file: Path) -> None:
    """Else it kept what the first one's tarmak has written, and put that back at last."""
    with setting(bench, "dev-one", REWRITE + HOLD) as first:
        first_one = started(bench, first)
        with setting(bench, "dev-two") as second:
            ran = ran_of(second)
            ran.until(f"tarmak-iam: waiting for up to 10 minutes: process {first.pid} {WAITING}")
            go(bench)
            assert ran.ended() == 0
        assert first_one.ended() == 0
    restored = f"tarmak-iam: {file}: note: restored comments and layout of tarmak.yaml; currentCluster: "
    assert f"{restored}dev-cluster -> dev-one\n" in first_one.text
    assert f"{restored}dev-one -> dev-two\n" in ran.text
    assert file.read_bytes() == BEFORE.replace(b"\ncurrentCluster: dev-cluster", b"\ncurrentCluster: dev-two")
    assert left(bench) == ["tarmak.yaml"]


def test_after_a_run_that_was_killed(bench: Bench, file: Path) -> None:
    """Its tarmak goes on, or is done: its text is not lost, and not what the next one keeps."""
    with setting(bench, "dev-one", REWRITE + HOLD) as killed:
        started(bench, killed)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(20)
        go(bench)
        assert b"#" not in file.read_bytes()
        with setting(bench, "dev-two") as second:
            text = said(second)
    assert text.splitlines() == [
        (
            f"tarmak-iam: {file}: note: restored comments and layout from tarmak.yaml.before-1, which an interrupted"
            " `tarmak-iam run` left; currentCluster: dev-cluster -> dev-one"
        ),
        "a log line",
        f"tarmak-iam: {file}: note: restored comments and layout of tarmak.yaml; currentCluster: dev-one -> dev-two",
    ]
    assert file.read_bytes() == BEFORE.replace(b"\ncurrentCluster: dev-cluster", b"\ncurrentCluster: dev-two")
    assert left(bench) == ["tarmak.yaml"]


@pytest.mark.parametrize(
    "again",
    [["--cluster", "dev-cluster", "config", "set", "publicELBAccessLogs.bucket", "b"], ["run", "--", "tarmak", "init"]],
    ids=["edit", "run"],
)
def test_the_tarmak_of_a_killed_run_is_waited_for(bench: Bench, file: Path, again: list[str]) -> None:
    """The saved text is removed once it is in the file: that must not be before tarmak has written."""
    with setting(bench, "dev-one", f"from pathlib import Path\n{HOLD}{REWRITE}") as killed:
        started(bench, killed)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(20)
        command = [sys.executable, "-m", "tarmak_iam", *again]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=bench.environment, cwd=ROOT
        ) as waiting:
            ran = ran_of(waiting)
            tarmak = bench.first("start")["pid"]
            ran.until(f" (process {tarmak}) is editing tarmak.yaml, or running a tarmak that rewrites it")
            go(bench)
            assert ran.ended() == 0, ran.text
    assert f"process {killed.pid}" not in ran.text
    assert "note: restored comments and layout from tarmak.yaml.before-1" in ran.text
    assert b"\ncurrentCluster: dev-one" in file.read_bytes()
    assert file.read_bytes().count(b"#") == BEFORE.count(b"#")
    assert left(bench) == ["tarmak.yaml"]


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_waiting_can_be_ended(bench: Bench, file: Path, signum: int, code: int) -> None:
    with file_lock(lock_file_of(file), str), setting(bench, "dev-two") as waiting:
        ran = ran_of(waiting)
        ran.until(f"process {os.getpid()} {WAITING}")
        os.kill(waiting.pid, signum)
        assert ran.ended() == code
    assert ran.text.endswith("tarmak-iam: interrupted: tarmak was not started, and nothing was changed\n")
    assert bench.names() == []
    assert left(bench) == ["tarmak.yaml"]


def test_a_turn_that_does_not_come(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_hooks, "_WAIT_SECONDS", 0.1)
    with file_lock(lock_file_of(file), str):
        text = bench.run("run", "--", "tarmak", "init", code=2)
        assert bench.names() == []
        bench.run("run", "--", "tarmak", "clusters", "list")  # which does not rewrite
        bench.run("run", "--", "tarmak", "clusters", "apply", "--help")
    assert text.endswith(
        f"error: process {os.getpid()} is editing tarmak.yaml, or running a tarmak that rewrites it; run again when it"
        " is done; tarmak was not started\n"
    )


def test_an_edit_of_ours_recovers_the_text_too(bench: Bench, file: Path) -> None:
    """Afterwards nothing would explain the file."""
    bench.directory.joinpath("tarmak.yaml.before-1").write_bytes(BEFORE)
    file.write_bytes(dumped(rewrite_of(BEFORE)))
    said = bench.run("config", "set", "internalELBAccessLogs.bucket", "logs")
    assert "note: restored comments and layout from tarmak.yaml.before-1" in said
    assert b"# not 1.13!" in file.read_bytes()
    assert left(bench) == ["tarmak.yaml"]


def test_what_somebody_edits_while_a_wizard_runs_stays_when_it_is_interrupted(bench: Bench, file: Path) -> None:
    """The file has no comments: nothing but what has changed tells the edit from what tarmak writes."""
    file.write_bytes(dumped(rewrite_of(BEFORE)))
    edited = file.read_text().replace('version: "1.12.9"', 'version: "1.13.0"')
    assert edited != file.read_text()
    with setting(bench, "dev-two", "os.environ['STUB_WAIT'] = '1'") as process:
        ran = ran_of(process)
        ran.until(bench.has("ready"))
        file.write_text(edited)
        os.killpg(process.pid, signal.SIGINT)
        assert ran.ended() == 1
    assert file.read_text() == edited
    assert "error" not in ran.text
    assert ran.text.endswith(
        "was changed at kubernetes.version, which no tarmak command does; the previous text is in"
        f" {bench.directory}/tarmak.yaml.before-1\n"
    )


def test_a_hard_link_that_the_restoring_breaks_is_reported(bench: Bench, file: Path, tmp_path: Path) -> None:
    os.link(file, tmp_path / "other")
    with setting(bench, "dev-two") as process:
        text = said(process)
    assert f"tarmak-iam: {file}: warning: the file had another hard link, which still has the old content\n" in text
