"""The shell function of `tarmak-iam hook`, in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.hook.conftest import Bench
from tests.support.forks import write_program

SHELLS = ("bash", "zsh")
DRIVER = "tests.support.hook_driver"
_PLAIN = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",)}


@pytest.fixture(autouse=True)
def _forks(bench: Bench) -> None:
    """The shells call the program often; how it starts is not what is tested here."""
    write_program(bench.root / "bin" / "tarmak-iam", DRIVER)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def run(bench: Bench, shell: str, script: str, *options: str, code: int = 0, **variables: str) -> str:
    program = shutil.which(shell)
    assert program is not None
    done = subprocess.run(
        [program, *_PLAIN[shell], *options, "-c", f'eval "$(tarmak-iam hook {shell})"\n{script}'],
        env={**bench.environment, "PATH": f"{bench.environment['PATH']}:{Path(program).parent}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_tarmak_goes_through_run(bench: Bench, shell: str) -> None:
    run(bench, shell, "tarmak clusters apply")
    assert bench.names()[0] == "start"
    assert bench.names()[-1] == "verify"


def test_arguments_are_as_they_were_typed(bench: Bench, shell: str) -> None:
    run(bench, shell, "tarmak version 'a  b' '' '*' \"it's\" -- -x; tarmak")
    assert [each["args"] for each in bench.events] == [["version", "a  b", "", "*", "it's", "--", "-x"], []]


def test_exit_codes(bench: Bench, shell: str) -> None:
    assert run(bench, shell, "tarmak plan; echo code $?", STUB_EXIT="2").endswith("code 2\n")
    run(bench, shell, "tarmak plan", STUB_EXIT="3", code=3)


def test_strict_shells(bench: Bench, shell: str) -> None:
    assert "after" in run(bench, shell, "set -eu; tarmak; echo after")
    assert "after" not in run(bench, shell, "set -eu; tarmak plan; echo after", STUB_EXIT="4", code=4)
    assert "handled" in run(bench, shell, "set -euo pipefail; tarmak plan || echo handled", STUB_EXIT="4")


def test_the_plain_one_is_still_there(bench: Bench, shell: str) -> None:
    run(bench, shell, "command tarmak clusters apply")
    assert bench.names() == ["start"]


def test_an_alias_of_the_name(bench: Bench, shell: str) -> None:
    aliases = {"bash": "shopt -s expand_aliases\n", "zsh": "setopt aliases\n"}[shell]
    script = f"{aliases}alias tarmak='tarmak -v'\neval \"$(tarmak-iam hook {shell})\"\neval 'tarmak version'"
    run(bench, shell, script)
    assert bench.first("start")["args"] == ["-v", "version"]


def test_said_twice(bench: Bench, shell: str) -> None:
    run(bench, shell, f'eval "$(tarmak-iam hook {shell})"; tarmak version')
    assert bench.names() == ["start"]


def test_in_a_pipe(bench: Bench, shell: str) -> None:
    assert run(bench, shell, "echo word | tarmak cat | tr a-z A-Z") == "WORD\n"


def test_completion_of_the_name_stays(bench: Bench) -> None:
    script = "complete -W 'clusters version' tarmak\neval \"$(tarmak-iam hook bash)\"\ncomplete -p tarmak"
    assert run(bench, "bash", script) == "complete -W 'clusters version' tarmak\n"


def test_other_shells(bench: Bench) -> None:
    assert "'fish' is not one of 'bash', 'zsh'" in bench.run("hook", "fish", code=2)
