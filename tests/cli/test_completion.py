"""Completion: what is offered, and what the shells themselves make of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support import ADMIN, Shell
from tests.support.forks import TARMAK_IAM, write_program
from tests.support.imports import HEAVY, modules_after
from tests.support.tables import rows
from tests.support.terminal import on_terminal

VARIABLE = "_TARMAK_IAM_COMPLETE"
BREAKS = " \t\n\"'><=;|&(:"
"""What COMP_WORDBREAKS is in a bash of nobody's making."""
ALICE, NODES = "arn:aws:iam::111122223333:user/Alice", "arn:aws:iam::111122223333:role/Nodes"
MAPPINGS = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}
  - {{roleARN: '{NODES}', username: nodes}}
  mapUsers:
  - {{userARN: '{ALICE}', username: alice, groups: [dev]}}
  mapAccounts: ['444455556666']
"""
AWKWARD = "x$(touch pwned);'\"`\\*"
"""A shell would act on it."""


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    """With mappings in `single`; those of `multi` have an awkward name, and others that no line can hold."""
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(MAPPINGS)
    names = [AWKWARD, "two\nlines", "a\ttab", "\x1b[31m"]
    users = {"server": {"mapUsers": [{"userARN": name, "username": "u"} for name in names]}}
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").write_text(json.dumps(users))
    return shell


def offered(shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, *, breaks: str = BREAKS) -> list[str]:
    """What bash is offered for a line that ends at the cursor: the values, or `<file>` and `<dir>`."""
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "bash")
        patch.chdir(shell.single.parent)
        done = shell.run(line, breaks)
    assert done.err == ""
    printed = [each.split("\t") for each in done.out.splitlines()]
    return [value if kind == "plain" else f"<{kind}>" for kind, value, _ in printed]


@pytest.mark.parametrize("table", ["words", "names", "keys", "quotes"])
def test_what_is_offered(mapped: Shell, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    cases = rows(__file__, table)
    assert [[line, offered(mapped, monkeypatch, line)] for line, _ in cases] == cases


def test_bash_replaces_what_stands_behind_the_last_break(mapped: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, missing, expected in rows(__file__, "breaks"):
        breaks = BREAKS.translate({ord(character): None for character in missing})
        line = f"tarmak-iam -c single map remove {typed}"
        assert offered(mapped, monkeypatch, line, breaks=breaks) == [expected]
    everybody = offered(mapped, monkeypatch, "tarmak-iam -c single map remove arn:aws:iam::111122223333:")
    assert everybody == ["role/KubernetesAdmin", "role/Nodes", "user/Alice"]


def test_somebody_elses_names_mean_nothing_to_the_shell(mapped: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [r"x\$\(touch\ pwned\)\;\'\"\`\\\*"]
    assert offered(mapped, monkeypatch, "tarmak-iam -c multi map remove ") == expected


def test_what_the_environment_and_the_settings_say(mapped: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped.dev("settings", "set", "profile", "x")
    assert offered(mapped, monkeypatch, "tarmak-iam -c single settings unset ") == ["profile"]
    monkeypatch.setenv("TARMAK_CONFIG", str(mapped.multi))
    assert offered(mapped, monkeypatch, "tarmak-iam --current-cluster prod-g") == ["prod-green"]
    assert offered(mapped, monkeypatch, "tarmak-iam -c $TARMAK_CONFIG/../single map remove 4") == ["444455556666"]


@pytest.mark.parametrize("how", ["nonsense", "binary", "directory", "pipe", "missing"])
def test_nothing_is_said_or_written_whatever_the_files_look_like(mapped: Shell, tmp_path: Path, how: str) -> None:
    """A process, because whoever reads a pipe waits."""
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)
    for broken in ("tarmak.yaml", "dev-cluster/aws-iam-authenticator.yaml", "dev-cluster/tarmak-iam.yaml"):
        directory = shutil.copytree(mapped.single, tmp_path / broken.replace("/", "-"))
        path = directory / broken
        path.unlink(missing_ok=True)
        match how:
            case "nonsense":
                path.write_text("clusters: [\n")
            case "binary":
                path.write_bytes(bytes(range(256)))
            case "directory":
                path.mkdir()
            case "pipe":
                os.mkfifo(path)
        before = content(directory)
        for words in ("map remove", "--current-cluster", "settings unset", "config unset"):
            command = [str(tmp_path / "tarmak-iam"), "-c", str(directory), *words.split(), ""]
            environment = {**os.environ, VARIABLE: "zsh"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
            assert (done.returncode, done.stderr) == (0, ""), (broken, words)
            assert all(line.startswith("plain\t") for line in done.stdout.splitlines()), (broken, words)
        assert content(directory) == before


def content(directory: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(directory.rglob("*"))}


def test_a_script_of_another_version(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for shell_name, *args in (["tcsh", "check"], ["bash"], ["bash", "a", "b", "c"], ["zsh"]):
        monkeypatch.setenv(VARIABLE, shell_name)
        done = shell.run(*args)
        assert (done.out, done.err) == ("", "")


def test_nobody_is_asked(mapped: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("nobody may be asked")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(subprocess, "Popen", refused)
    for command in ("map remove 4", "verify --role arn:aws:iam::111122223333:role/N", "apply --registry p"):
        assert len(offered(mapped, monkeypatch, f"tarmak-iam -c single {command}")) == 1


def test_names_of_commands_come_without_anything_heavy() -> None:
    code = (
        f"import os\nos.environ[{VARIABLE!r}] = 'bash'\n"
        "from tarmak_iam.cli.main import main\nassert main(['tarmak-iam ', ':=']) == 0"
    )
    assert modules_after(code).isdisjoint((*HEAVY, "logging", "importlib.metadata"))


# The shells themselves: what is typed goes to a terminal, and the program writes down what it was called with.

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(tarmak-iam completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(tarmak-iam completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "tarmak-iam completion fish | source"),
}


def called(directory: Path, name: str, *lines: str) -> list[list[str]]:
    """What the program was called with, by lines that somebody typed, a tabulator where it was pressed."""
    record, programs, home = directory / "record", directory / "bin", directory / "home"
    programs.mkdir()
    home.mkdir(exist_ok=True)
    write_program(programs / "tarmak-iam", "tests.support.recorded_calls")
    environment = {
        "RECORD": str(record),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "INPUTRC": "/dev/null",
        "HISTFILE": "/dev/null",
    }
    command, script = SHELLS[name]
    shown = on_terminal(command, environment, directory, "\n".join((script, *lines, "exit", "")))
    assert record.is_file(), shown
    return [json.loads(line) for line in record.read_text().splitlines()]


@pytest.mark.parametrize("name", SHELLS)
def test_in_the_shell_itself(mapped: Shell, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    alice = ALICE.removesuffix("lice")
    typed = {
        "tarmak-iam manif\t": ["manifests"],
        f"tarmak-iam -c single map remove {alice}\t": ["-c", "single", "map", "remove", ALICE],
        f"tarmak-iam -c single map remove x --me={alice}\t": ["-c", "single", "map", "remove", "x", f"--me={ALICE}"],
        "tarmak-iam -c multi map remove x\t": ["-c", "multi", "map", "remove", AWKWARD],
        "tarmak-iam -c multi check --cluster prod-g\t": ["-c", "multi", "check", "--cluster", "prod-green"],
        "tarmak-iam settings set addonM\tRec\t": ["settings", "set", "addonManagerMode", "Reconcile"],
        "tarmak-iam map import single/tar\t": ["map", "import", "single/tarmak.yaml"],
        "tarmak-iam apply --kubeconfig=single/tar\t": ["apply", "--kubeconfig=single/tarmak.yaml"],
        "X=1 tarmak-iam manif\t" if name != "fish" else "tarmak-iam  manif\t": ["manifests"],
        "tarmak-iam -c mul\tcheck --current-cluster=prod-g\t": None,
    }
    calls = called(mapped.single.parent, name, *typed)
    last = calls.pop()  # the shells differ in the slash behind a directory, and whether a blank follows
    assert calls == [expected for expected in typed.values() if expected is not None]
    assert last[1].startswith("multi")
    assert not (mapped.single.parent / "pwned").exists()


LISTED = "tarmak-iam -c single map remove arn:aws:iam::111122223333:r"


@pytest.mark.parametrize(
    ("command", "program", "expected"),
    [
        (
            ["bash", "-c"],
            f"""
COMP_LINE={LISTED!r} COMP_POINT={len(LISTED)} COMP_WORDS=() COMP_CWORD=0
_tarmak_iam tarmak-iam
printf '<%s>' "${{COMPREPLY[@]}}"
""",
            "<role/KubernetesAdmin><role/Nodes>",
        ),
        (
            ["fish", "--no-config", "-c"],
            f"complete -C '{LISTED}'\n",
            f"{ADMIN}\tadmin, system:masters\n{NODES}\tnodes\n",
        ),
    ],
    ids=["bash", "fish"],
)
def test_a_shell_lists_what_is_left(
    mapped: Shell, tmp_path: Path, command: list[str], program: str, expected: str
) -> None:
    """bash as the function gives it where several can be meant; fish with a few words about each."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)
    script = mapped.run("completion", command[0]).out
    done = subprocess.run(
        [*command, script + program],
        cwd=mapped.single.parent,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (expected, "")
