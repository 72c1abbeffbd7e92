"""tarmak's arguments as tarmak takes them, by recordings of cobra 0.0.3; and the hook of a shell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.hook.tarmak.arguments import COMMANDS, TarmakCall
from tests.hook.conftest import Bench
from tests.support import golden_json
from tests.support.forks import write_program
from tests.support.tables import parametrized

# tarmak rejects these, so that it fails, and nothing is applied after it.
_REJECTED = (["-vc", "x", "clusters", "apply"], ["--current-cluster", "apply", "clusters", "-cP", "apply"])


@pytest.mark.parametrize("case", golden_json("tarmak-arguments.json"), ids=lambda case: " ".join(case["args"]) or "-")
def test_recordings(case: dict[str, Any]) -> None:
    call = TarmakCall.parse(case["args"])
    if call.command not in COMMANDS or case["args"] in _REJECTED:
        assert tuple(case["command"].split()) not in COMMANDS or case["args"] in _REJECTED
        return
    # cobra remembers one parent of an `init` that is under two.
    assert case["command"] in (" ".join(call.command), call.command[-1])
    assert list(call.arguments) == case["arguments"]
    for name in ("config-directory", "current-cluster"):
        assert call.flags.get(name) == case.get(name)
    for name in ("infrastructure-only", "dry-run", "public-api-endpoint"):
        assert call.has(name) is case.get(name, False)
    if case["command"] == "clusters apply":
        assert call.waits is case.get("waits", True)


@parametrized(__file__, "what applies")
def test_what_applies(text: str, applies: bool) -> None:
    assert TarmakCall.parse(text.split()).applies is applies


@parametrized(__file__, "what rewrites")
def test_what_rewrites(text: str, rewrites: bool) -> None:
    assert TarmakCall.parse(text.split()).rewrites is rewrites


@parametrized(__file__, "directory")
def test_directory(
    args: list[str], environment: dict[str, str], directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = TarmakCall.parse([*args, "clusters", "apply"])
    assert str(call.directory(environment)) == directory.format(cwd=tmp_path)


def test_what_another_tarmak_is_told() -> None:
    call = TarmakCall.parse(
        ["-c", "x", "cluster", "apply", "-C", "--current-cluster", "a-b", "--public-api-endpoint", "-v"]
    )
    options = ("--config-directory=x", "--current-cluster=a-b", "--public-api-endpoint=true")
    assert call.access_options == options
    assert call.cluster_name == "a-b"
    assert TarmakCall.parse(["clusters", "apply", "--current-cluster="]).cluster_name is None


WORDS = ["clusters", "cluster", "apply", "init", "-c", "-I", "-v", "--", "--help", "--current-cluster", "kubectl", "="]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=8))
def test_any_arguments(args: list[str]) -> None:
    call = TarmakCall.parse(args)
    assert not (call.applies and call.rewrites)


SHELLS = ("bash", "zsh")
DRIVER = "tests.support.hook_driver"
_PLAIN = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",)}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, bench: Bench) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    # The shells call the program often; how it starts is not what is tested here.
    write_program(bench.root / "bin" / "tarmak-iam", DRIVER)
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
    assert bench.names() == ["start", "options", "access", "applying", "apply", "verify"]
    run(bench, shell, "command tarmak clusters apply")
    assert bench.names()[6:] == ["start"]


def test_arguments_and_pipes_are_as_they_were_typed(bench: Bench, shell: str) -> None:
    odd = "version 'a  b' '' '*' \"it's\" -- -x"
    script = f"tarmak {odd}; tarmak; echo word | tarmak cat | tr a-z A-Z"
    said = run(bench, shell, f'eval "$(tarmak-iam hook {shell})"; {script}')  # the second one changes nothing
    assert said.endswith("\nWORD\n")
    assert [each["args"] for each in bench.events] == [
        ["version", "a  b", "", "*", "it's", "--", "-x"],
        [],
        ["cat"],
    ]


def test_exit_codes_in_strict_shells(bench: Bench, shell: str) -> None:
    assert "after" in run(bench, shell, "set -eu; tarmak; echo after")
    assert "after" not in run(bench, shell, "set -eu; tarmak plan; echo after", STUB_EXIT="4", code=4)
    assert "handled 4" in run(bench, shell, "set -euo pipefail; tarmak plan || echo handled $?", STUB_EXIT="4")


def test_an_alias_of_the_name(bench: Bench, shell: str) -> None:
    aliases = {"bash": "shopt -s expand_aliases\n", "zsh": "setopt aliases\n"}[shell]
    script = f"{aliases}alias tarmak='tarmak -v'\neval \"$(tarmak-iam hook {shell})\"\neval 'tarmak version'"
    run(bench, shell, script)
    assert bench.first("start")["args"] == ["-v", "version"]


def test_completion_of_the_name_stays(bench: Bench) -> None:
    write_program(bench.root / "bin" / "tarmak-iam", DRIVER)
    script = "complete -W 'clusters version' tarmak\neval \"$(tarmak-iam hook bash)\"\ncomplete -p tarmak"
    assert run(bench, "bash", script) == "complete -W 'clusters version' tarmak\n"
    assert "'fish' is not one of 'bash', 'zsh'" in bench.run("hook", "fish", code=2)
