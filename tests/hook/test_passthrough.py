"""Any tarmak command passes through `run` as if it had been called itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tarmak_iam.hook.tarmak.passthrough import stops_raised, undisturbed
from tests.hook.conftest import Bench, Ran


def test_arguments_and_output_are_untouched(bench: Bench) -> None:
    odd = ["version", "-v", "--", "a b", "", "--no-check", "*", "ü", "\udcff"]
    ran = bench.start("run", "--", "tarmak", *odd)
    assert ran.ended() == 0
    assert ran.text == "tarmak at work\na log line\n"
    bench.run("run", "tarmak", "clusters", "--help", "--", "x")
    assert [each["args"] for each in bench.events] == [odd, ["clusters", "--help", "--", "x"]]


@pytest.mark.parametrize(
    ("stub", "code"),
    [
        ({"STUB_EXIT": "0"}, 0),
        ({"STUB_EXIT": "1"}, 1),
        ({"STUB_EXIT": "77"}, 77),
        ({"STUB_EXIT": "255"}, 255),
        # As a shell reports a signal.
        ({"STUB_DIE": "SIGKILL"}, 137),
        ({"STUB_DIE": "SIGTERM"}, 143),
    ],
)
def test_the_exit_code_is_tarmaks(bench: Bench, stub: dict[str, str], code: int) -> None:
    bench.run("run", "--", "tarmak", "clusters", "plan", code=code, **stub)


def test_standard_input_is_tarmaks(bench: Bench) -> None:
    command = [str(bench.root / "bin" / "tarmak-iam"), "run", "--", "tarmak", "cat"]
    done = subprocess.run(
        command, input="line\n" * 50_000, capture_output=True, text=True, env=bench.environment, check=True
    )
    assert done.stdout == "line\n" * 50_000


@pytest.mark.thorough
def test_file_descriptors_beyond_the_third_are_there_and_ours_are_not(bench: Bench) -> None:
    """As of `tarmak -c <(...)` in a shell."""
    read, write = os.pipe()
    command = [str(bench.root / "bin" / "tarmak-iam"), "run", "--", "tarmak", "version"]
    subprocess.run(command, env=bench.environment, check=True, pass_fds=[read], capture_output=True)
    os.close(read)
    os.close(write)
    assert bench.first("start")["fds"] == [0, 1, 2, read]


def test_no_tarmak(bench: Bench) -> None:
    (bench.root / "bin" / "tarmak").unlink()
    missing = "tarmak-iam: error: tarmak is not installed; put tarmak on the PATH\n"
    assert bench.run("run", "--", "tarmak", "version", code=127) == missing
    assert bench.apply(code=127) == missing
    said = bench.run("run", "--", "./tarmak", "version", code=127)
    assert said == "tarmak-iam: error: ./tarmak does not exist; check the path\n"
    bench.program("tarmak", "no program")
    assert "tarmak cannot be run: Exec format error" in bench.run("run", "--", "tarmak", "version", code=126)
    (bench.root / "bin" / "tarmak").chmod(0o644)
    said = bench.run("run", "--", "tarmak", "version", code=126)
    assert said == "tarmak-iam: error: tarmak cannot be run; check its permissions\n"


@pytest.mark.parametrize("words", [["clusters", "apply"], ["aws-vault", "exec", "--", "tarmak"], ["tarmak-iam", "run"]])
def test_what_is_not_tarmak(bench: Bench, words: list[str]) -> None:
    refused = bench.run("run", "--", *words, code=2)
    assert f"error: the command after `--` must be tarmak, not '{words[0]}': `tarmak-iam run -- tarmak" in refused
    assert "error: missing argument" in bench.run("run", code=2)
    assert "error: missing argument" in bench.run("run", "--", code=2)


def test_it_sees_the_terminal_and_its_size(bench: Bench) -> None:
    """Nothing is between tarmak and the terminal that could be told from it."""
    ran = bench.on_terminal("sh", "-c", "stty cols 91 rows 23; tarmak-iam run -- tarmak version; echo code $?")
    ran.until("code 0")
    start = bench.first("start")
    assert start["terminal"] == [True, True, True]
    assert start["size"] == [91, 23]


@pytest.mark.sample(1)
@pytest.mark.parametrize("before", ["", "trap '' INT HUP; ", "trap '' PIPE; trap - PIPE; "])
def test_signals_are_as_a_program_finds_them(bench: Bench, before: str) -> None:
    """Nothing is held back, and nothing ignored that was not, as SIGPIPE is by Python; what was ignored, as in the
    background of a script and under nohup, stays so."""
    bench.program("tarmak", "#!/bin/sh\nexec grep -E '^Sig(Blk|Ign)' /proc/self/status\n")
    plain, ours = (
        subprocess.run(
            ["sh", "-c", before + command], env=bench.environment, capture_output=True, text=True, check=True
        )
        for command in ("exec tarmak", "exec tarmak-iam run -- tarmak")
    )
    assert ours.stdout == plain.stdout != ""


def waiting(bench: Bench) -> Ran:
    """A tarmak at work, in a process group whose id is ours."""
    ran = bench.start("run", "--", "tarmak", "clusters", "plan", STUB_WAIT="1")
    ran.until(bench.has("ready"))
    return ran


class TestSignals:
    @pytest.mark.sample(1)
    @pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"])
    def test_to_us_alone_is_sent_on_once(self, bench: Bench, name: str) -> None:
        ran = waiting(bench)
        os.kill(ran.pid, signal.Signals[name])
        assert ran.ended() == 1
        assert bench.signals() == [name]

    @pytest.mark.sample(1)
    @pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"])
    def test_to_the_whole_group_is_not_sent_on(self, bench: Bench, name: str) -> None:
        """tarmak drops everything at the second one."""
        ran = waiting(bench)
        os.killpg(ran.pid, signal.Signals[name])
        assert ran.ended() == 1
        assert bench.signals() == [name]

    @pytest.mark.thorough
    def test_two_kinds_to_the_whole_group(self, bench: Bench) -> None:
        ran = waiting(bench)
        os.killpg(ran.pid, signal.SIGTERM)
        os.killpg(ran.pid, signal.SIGHUP)
        assert ran.ended() == 1
        assert sorted(bench.signals()) == ["SIGHUP", "SIGTERM"]

    @pytest.mark.thorough
    def test_a_second_one_goes_on_too(self, bench: Bench) -> None:
        ran = waiting(bench)
        os.kill(ran.pid, signal.SIGTERM)
        ran.until(bench.has("signal"))
        os.kill(ran.pid, signal.SIGTERM)
        assert ran.ended() == 1
        assert bench.signals() == ["SIGTERM", "SIGTERM"]

    def test_ctrl_c_that_ends_tarmak_itself(self, bench: Bench) -> None:
        bench.program("tarmak", "#!/bin/sh\necho ready\nexec sleep 600\n")
        ran = bench.typed("run", "--", "tarmak", "clusters", "plan")
        ran.until("ready")
        ran.send("\x03")
        assert ran.ended() == 130

    def test_when_the_terminal_changes_its_size_and_goes_away(self, bench: Bench) -> None:
        ran = bench.typed("run", "--", "tarmak", "clusters", "plan", STUB_WAIT="1")
        ran.until(bench.has("ready"))
        pid = bench.first("start")["pid"]
        fcntl.ioctl(ran.output, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        ran.until(bench.has("signal"))
        os.close(ran.output)
        ran.output = os.open(os.devnull, os.O_RDONLY)
        ran.ended()
        assert bench.signals() == ["SIGWINCH", "SIGHUP"]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_we_are_killed_and_leave_nobody_behind_but_tarmak(self, bench: Bench) -> None:
        ran = waiting(bench)
        stub = bench.first("start")["pid"]
        os.kill(ran.pid, signal.SIGKILL)
        assert ran.ended() == -signal.SIGKILL
        deadline = time.monotonic() + 240
        while _group(ran.pid) != [stub]:
            assert time.monotonic() < deadline, _group(ran.pid)
            time.sleep(0.01)
        os.kill(stub, signal.SIGKILL)


def _group(group: int) -> list[int]:
    """The processes of a group that are not dead."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it was removed
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state != "Z":
                found.append(int(path.parent.name))
    return found


def test_ctrl_z_and_fg(bench: Bench) -> None:
    """In an interactive bash on a terminal."""
    ran = bench.on_terminal("bash", "--norc", "--noprofile", "-i", PS1="> ", STUB_WAIT="1")
    ran.until("> ")
    ran.send("tarmak-iam run -- tarmak clusters plan\n")
    ran.until(bench.has("ready"))
    ran.send("\x1a")
    ran.until("Stopped")
    ran.send("fg\n")
    ran.until(lambda: os.tcgetpgrp(ran.output) == bench.first("start")["group"])
    ran.send("\x03")
    ran.until(lambda: bench.signals() == ["SIGINT"])
    ran.send("echo co''de $?\n")
    ran.until("code 1")


def test_a_command_that_only_passes_through_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tarmak_iam.cli.main import main\n"
        "main(['run', '--', 'tarmak-that-is-not-there', 'clusters', 'plan'])\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pydantic", "ruamel", "botocore", "tarmak_iam.config"}.isdisjoint(done.stdout.split())


_WITH_A_THREAD = """
import os, threading, time
from tarmak_iam.hook.tarmak import passthrough

threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print(passthrough.pass_through(["sh", "-c", "sleep 0.2; kill -TERM $PPID; exec sleep 600"], dict(os.environ)).code)
"""


def test_another_thread_may_hear_of_a_signal_and_of_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", _WITH_A_THREAD], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("143\n", "")


def test_a_parent_that_ignores_its_children() -> None:
    """What it starts ignores them too, and then the system throws away what nobody has waited for."""
    script = (
        "import os, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "from tarmak_iam.hook.tarmak import passthrough\n"
        "print(passthrough.pass_through(['sh', '-c', 'exit 3'], dict(os.environ)).code)\n"
        "print(signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout, done.stderr) == ("3\nTrue\n", "")


def test_a_thread_and_a_handler_of_somebody_else() -> None:
    """Only the main thread gets signals; and a handler of SIGCHLD could be gone when a child ends."""
    before = signal.getsignal(signal.SIGCHLD)
    with undisturbed():
        assert signal.getsignal(signal.SIGCHLD) is before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: stops_raised().__enter__()).result() is None
