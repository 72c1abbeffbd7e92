"""Completion: what is offered, and what the shells themselves make of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tarmak_iam.config.section_keys import BUILT_IN
from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS
from tests.support import ADMIN, ROOT, Result, Shell
from tests.support.forks import write_program
from tests.support.imports import HEAVY, modules_after
from tests.support.terminal import on_terminal

VARIABLE = "_TARMAK_IAM_COMPLETE"
BREAKS = " \t\n\"'><=;|&(:"
"""What COMP_WORDBREAKS is in a bash of nobody's making."""
ALICE = "arn:aws:iam::111122223333:user/Alice"
PUBLIC = (".enabled", ".bucket", ".bucketPrefix", ".interval", "")
SECTIONS = [section.name for section in BUILT_IN]
NODES = "arn:aws:iam::111122223333:role/Nodes"


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    """With two roles, a user and an account; what is typed begins in the directory above the examples."""
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    shell.dev("map", "add", NODES, "--username", "nodes")
    shell.dev("map", "add", ALICE, "--username", "alice", "--group", "dev")
    shell.dev("map", "add", "444455556666")
    return shell


def offered(shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, *, breaks: str = BREAKS) -> list[str]:
    """What bash is offered for a line that ends at the cursor: the values, or `<file>` and `<dir>`."""
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "bash")
        patch.chdir(shell.single.parent)
        done = shell.run(line, breaks)
    assert done.err == ""
    rows = [each.split("\t") for each in done.out.splitlines()]
    return [value if kind == "plain" else f"<{kind}>" for kind, value, _ in rows]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tarmak-iam di", ["disable", "diff"]),
        ("tarmak-iam -c single map re", ["remove"]),
        ("tarmak-iam check --fail", ["--fail-on"]),
        ("tarmak-iam check --fail-on ", ["error", "warning"]),
        ("tarmak-iam check --fail-on=w", ["warning"]),
        ("tarmak-iam check --current", ["--current-cluster"]),
        ("tarmak-iam --colo", ["--color"]),
        ("tarmak-iam check --color=n", ["never"]),
        ("tarmak-iam -c ", ["<dir>"]),
        ("tarmak-iam map import ", ["<file>"]),
        ("tarmak-iam whois --config ", ["<file>"]),
        ("tarmak-iam kubeconfig --certificate-authority ", ["<file>"]),
        ("tarmak-iam kubeconfig --se", ["--session-name", "--server"]),
        ("tarmak-iam render --output-dir ", ["<dir>"]),
        ("tarmak-iam completion ", ["bash", "zsh", "fish"]),
        ("tarmak-iam nothing ", []),
        ("tarmak-iam map nothing ", []),
    ],
)
def test_what_is_always_the_same(shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]) -> None:
    assert offered(shell, monkeypatch, line) == expected


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tarmak-iam -c multi --current-cluster ", ["prod-hub", "prod-blue", "prod-green"]),
        ("tarmak-iam check -c multi --current-cluster prod-g", ["prod-green"]),
        ("tarmak-iam check -c multi --cluster prod-g", ["prod-green"]),
        ("tarmak-iam check --cl", ["--cluster"]),
        ("tarmak-iam -c single -c multi check --current-cluster=prod-b", ["prod-blue"]),
        ("tarmak-iam -c single map remove ", [ADMIN, NODES, ALICE, "444455556666"]),
        ("tarmak-iam map remove -c single arn", [ADMIN, NODES, ALICE]),
        ("tarmak-iam whois -c single ", [ADMIN, NODES, ALICE]),
        ("tarmak-iam -c single kubeconfig --role ", [ADMIN, NODES]),
        ("tarmak-iam -c single token -r ", [ADMIN, NODES]),
        ("tarmak-iam -c single settings set role ", [ADMIN, NODES]),
        ("tarmak-iam -c single --current-cluster dev-other map remove ", []),
        ("tarmak-iam map remove ", []),
    ],
)
def test_names_of_the_files(mapped: Shell, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]) -> None:
    assert offered(mapped, monkeypatch, line) == expected


def test_a_directory_of_the_environment(mapped: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_CONFIG", str(mapped.multi))
    assert offered(mapped, monkeypatch, "tarmak-iam --current-cluster prod-g") == ["prod-green"]
    assert offered(mapped, monkeypatch, "tarmak-iam -c $TARMAK_CONFIG/../single map remove 4") == ["444455556666"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-c single config set aws", ["awsIAMAuthenticatorInit"]),
        ("-c single config set internalELBAccessLogs.bucketP", ["internalELBAccessLogs.bucketPrefix"]),
        ("-c single config set awsIAMAuthenticatorInit ", ["true", "false"]),
        ("-c single config set internalELBAccessLogs.interval ", ["5", "60"]),
        ("-c single config set internalELBAccessLogs.bucket ", []),
        ("-c single config unset aws", ["awsIAMAuthenticatorInit"]),
        ("settings set exec aws profile x ro", ["rollback", "role"]),
        ("show --section ", SECTIONS),
        ("config ", ["append", "get", "patch", "set", "unset"]),
        ("-c single config get kubernetes.v", ["kubernetes.version"]),
        ("-c single config set kubernetes.apiServer.public ", ["true", "false"]),
        ("-c single config set kubernetes.apiServer.public true kubernetes.v", ["kubernetes.version"]),
        ("-c multi check --environment ", ["prod"]),
        ("-c multi config unset /clusters[", [rf"/clusters\[prod-{name}\]" for name in ("hub", "blue", "green")]),
        ("-c single config unset --root curr", ["currentCluster"]),
        ("-c single config append kubernetes.apiServer.allow", ["kubernetes.apiServer.allowCIDRs"]),
        ("config patch ", ["<file>"]),
        ("settings set ex", ["exec"]),
        ("settings set exec ", ["aws-iam-authenticator", "tarmak-iam", "aws"]),
        ("settings set addonManagerMode R", ["Reconcile"]),
        ("settings set registry ", ["public", "ecr"]),
        ("settings set featureGates ", ["SSORoleMatch=true", "SSORoleMatch=false"]),
        ("settings set backends ", [*WRITABLE_BACKENDS]),
        ("settings set backends CRD,M", ["CRD,MountedFile"]),
        ("settings set daemonVersion v0.7.1", [f"v0.7.1{patch}" for patch in (9, 8, 7, 6, 5, 4, 3, 2, 1, 0, "")]),
        ("settings set profile ", []),
        ("manifests --backend CRD,", [f"CRD,{name}" for name in WRITABLE_BACKENDS if name != "CRD"]),
        ("schema ", ["tarmak.yaml", "mappings", "settings", *SECTIONS]),
    ],
)
def test_keys_and_their_values(shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]) -> None:
    assert offered(shell, monkeypatch, f"tarmak-iam {line}") == expected


def test_what_is_set_is_what_can_be_unset(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.dev("settings", "set", "profile", "x")
    assert offered(shell, monkeypatch, "tarmak-iam -c single settings unset ") == ["profile"]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("typed", "breaks", "expected"),
    [
        ("arn:aws:iam::111122223333:u", BREAKS, "user/Alice"),
        ("arn:aws:iam::111122223333:", BREAKS, None),
        ("arn:aws:iam::111122223333:u", BREAKS.replace(":", ""), ALICE),
        ("--me=arn:aws:iam::111122223333:u", BREAKS, "user/Alice"),
        ("--me=arn:aws:iam::111122223333:u", BREAKS.replace(":", ""), ALICE),
        ("--me=arn:aws:iam::111122223333:u", BREAKS.replace(":", "").replace("=", ""), f"--me={ALICE}"),
    ],
)
def test_bash_replaces_what_stands_behind_the_last_break(
    mapped: Shell, monkeypatch: pytest.MonkeyPatch, typed: str, breaks: str, expected: str | None
) -> None:
    found = offered(mapped, monkeypatch, f"tarmak-iam -c single map remove {typed}", breaks=breaks)
    assert found == ([expected] if expected else ["role/KubernetesAdmin", "role/Nodes", "user/Alice"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1 B='x y' tarmak-iam -c single map re", ["remove"]),
        ("tarmak-iam -c 'single' map\\ re", []),
        ("tarmak-iam -c 'single' \"map\" re", ["remove"]),
        ("tarmak-iam -c single map 're", []),
        ("tarmak-iam -c single map 're'", []),
        ('tarmak-iam -c single map "re', []),
        ("tarmak-iam -c single map r\\e", ["remove"]),
        (
            "tarmak-iam -c multi config unset /clusters\\[prod-blue\\].kubernetes.v",
            [r"/clusters\[prod-blue\].kubernetes.version"],
        ),
        ("tarmak-iam -c 'single map re", []),
        ("A=1", []),
        ("", []),
    ],
)
def test_quotes_before_the_word_but_not_in_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]
) -> None:
    assert offered(shell, monkeypatch, line) == expected


def test_somebody_elses_names_mean_nothing_to_the_shell(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    _map_awkward(shell)
    assert offered(shell, monkeypatch, "tarmak-iam -c single map remove ") == [r"x\$\(touch\ pwned\)\;\'\"\`\\\*"]


def _map_awkward(shell: Shell) -> None:
    """A name that a shell would act on, and one that no line can hold."""
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.parent.mkdir(exist_ok=True)
    names = ["x$(touch pwned);'\"`\\*", "two\nlines", "a\ttab", "\x1b[31m"]
    file.write_text(json.dumps({"server": {"mapUsers": [{"userARN": name, "username": "u"} for name in names]}}))


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "broken", ["tarmak.yaml", "dev-cluster/aws-iam-authenticator.yaml", "dev-cluster/tarmak-iam.yaml"]
)
@pytest.mark.parametrize("how", ["nonsense", "binary", "directory", "pipe", "missing"])
def test_nothing_is_said_or_written_whatever_the_files_look_like(
    mapped: Shell, monkeypatch: pytest.MonkeyPatch, broken: str, how: str
) -> None:
    path = mapped.single / broken
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
    before = _tree(mapped.single)
    for words in (["map", "remove", ""], ["--current-cluster", ""], ["settings", "unset", ""], ["config", "unset", ""]):
        if how == "pipe":  # whoever reads it waits, which only a process can be kept from
            done = _answer_of_a_process(["-c", str(mapped.single), *words])
        else:
            with monkeypatch.context() as patch:
                patch.setenv(VARIABLE, "zsh")
                done = mapped.run("-c", mapped.single, *words)
        assert (done.code, done.err) == (0, "")
        assert all(line.startswith("plain\t") for line in done.out.splitlines())
    assert _tree(mapped.single) == before


def _answer_of_a_process(words: list[str]) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "tarmak_iam", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", VARIABLE: "zsh"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _tree(directory: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(directory.rglob("*"))}


@pytest.mark.parametrize(
    ("shell_name", "args"), [("tcsh", ["check"]), ("bash", []), ("bash", ["a", "b", "c"]), ("zsh", [])]
)
def test_a_script_of_another_version(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, shell_name: str, args: list[str]
) -> None:
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
    code = "\n".join(
        (
            "import os",
            f"os.environ[{VARIABLE!r}] = 'bash'",
            "from tarmak_iam.cli.main import main",
            "assert main(['tarmak-iam ', ':=']) == 0",
        )
    )
    assert modules_after(code).isdisjoint((*HEAVY, "logging", "importlib.metadata"))


# The shells themselves: what is typed goes to a terminal, and the program writes down what it was called with.

_PROGRAM = "tests.support.recorded_calls"
_SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(tarmak-iam completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(tarmak-iam completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "tarmak-iam completion fish | source"),
}


@pytest.fixture(params=list(_SHELLS))
def shell_name(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def called(shell: Shell, name: str, *lines: str) -> list[list[str]]:
    """What the program was called with, by lines that somebody typed, a tabulator where it was pressed."""
    directory = shell.single.parent
    record, programs, home = directory / "record", directory / "bin", directory / "home"
    programs.mkdir()
    home.mkdir(exist_ok=True)
    write_program(programs / "tarmak-iam", _PROGRAM)
    environment = {
        "RECORD": str(record),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "INPUTRC": "/dev/null",
        "HISTFILE": "/dev/null",
    }
    command, script = _SHELLS[name]
    shown = on_terminal(command, environment, directory, "\n".join((script, *lines, "exit", "")))
    assert record.is_file(), shown
    return [json.loads(line) for line in record.read_text().splitlines()]


def test_in_the_shell_itself(mapped: Shell, shell_name: str) -> None:
    alice = ALICE.removesuffix("lice")
    typed = {
        "tarmak-iam manif\t": ["manifests"],
        f"tarmak-iam -c single map remove {alice}\t": ["-c", "single", "map", "remove", ALICE],
        f"tarmak-iam -c single map remove x --me={alice}\t": ["-c", "single", "map", "remove", "x", f"--me={ALICE}"],
        "tarmak-iam -c multi check --current-cluster prod-g\t": [
            "-c",
            "multi",
            "check",
            "--current-cluster",
            "prod-green",
        ],
        "tarmak-iam settings set addonM\tRec\t": ["settings", "set", "addonManagerMode", "Reconcile"],
        "tarmak-iam map import single/tar\t": ["map", "import", "single/tarmak.yaml"],
        "tarmak-iam apply --kubeconfig=single/tar\t": ["apply", "--kubeconfig=single/tarmak.yaml"],
        "X=1 tarmak-iam manif\t" if shell_name != "fish" else "tarmak-iam  manif\t": ["manifests"],
        "tarmak-iam -c mul\tcheck --current-cluster=prod-g\t": None,
    }
    calls = called(mapped, shell_name, *typed)
    last = calls.pop()  # the shells differ in the slash behind a directory, and whether a blank follows
    assert calls == [expected for expected in typed.values() if expected is not None]
    assert last[1].startswith("multi")


def test_in_the_shell_itself_nothing_in_a_name_is_run(shell: Shell, shell_name: str) -> None:
    _map_awkward(shell)
    calls = called(shell, shell_name, "tarmak-iam -c single map remove x\t")
    assert calls == [["-c", "single", "map", "remove", "x$(touch pwned);'\"`\\*"]]
    assert not (shell.single.parent / "pwned").exists()


def test_bash_lists_what_is_left(mapped: Shell) -> None:
    """As the function gives it where several can be meant."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    script = mapped.run("completion", "bash").out
    line = "tarmak-iam -c single map remove arn:aws:iam::111122223333:r"
    program = f"""
tarmak-iam() {{ {sys.executable} -m tarmak_iam "$@"; }}
{script}
COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=() COMP_CWORD=0
_tarmak_iam tarmak-iam
printf '<%s>' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=mapped.single.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("<role/KubernetesAdmin><role/Nodes>", "")


def test_fish_shows_a_few_words_about_each(mapped: Shell) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = mapped.run("completion", "fish").out
    program = f"""
function tarmak-iam; {sys.executable} -m tarmak_iam $argv; end
{script}
complete -C 'tarmak-iam -c single map remove arn:aws:iam::111122223333:r'
"""
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        cwd=mapped.single.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{ADMIN}\tadmin, system:masters\n{NODES}\tnodes\n"
