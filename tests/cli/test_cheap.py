"""What the cheap calls import, and what they leave alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import ADMIN, ROOT, Shell
from tests.support.imports import HEAVY, modules_after

MAIN = "from tarmak_iam.cli.main import main\n"


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    code = f"sys.modules['pathlib'] = None  # an editable installation has it\n{MAIN}assert main([{argument!r}]) == 0"
    assert modules_after(code).isdisjoint((*HEAVY, "logging", "subprocess"))


COMMANDS = [
    "disable --dry-run",
    "check",
    "map list",
    f"whois {ADMIN}",
    "manifests",
    "flags",
    "config get kubernetes.version",
    "config set kubernetes.version 1.13.1 --dry-run",
]


def test_commands_that_only_read_import_no_models(shell: Shell) -> None:
    """pydantic, and what lists all installed distributions, take longer to import than the rest of the program."""
    shell.dev("map", "add", ADMIN, "--username", "a", "--group", "system:masters")
    shell.dev("enable")
    commands = [f"-c {shell.multi} enable --dry-run", *(f"-c {shell.single} {words}" for words in COMMANDS)]
    unused = {"pydantic", "pydantic_core", "botocore", "urllib3", "cryptography", "email", "subprocess"}
    modules_after(
        f"{MAIN}for command in {commands!r}:\n"
        "    assert main(command.split()) == 0, command\n"
        f"    assert {unused | {'importlib.metadata'}!r}.isdisjoint(sys.modules), command"
    )


def test_a_token_of_environment_variables_imports_little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY000001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    code = (
        f"{MAIN}assert main(['token', '--cluster-id', 'dev-cluster']) == 0\n"
        "assert 'importlib.metadata' not in sys.modules\n"
        "assert not [name for name in sys.modules if name.startswith(('tarmak_iam.config.', 'tarmak_iam.identity.'))]"
    )
    assert modules_after(code).isdisjoint({*HEAVY, "_ruamel_yaml", "urllib3", "email", "subprocess", "tempfile"})


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert modules_after("import tarmak_iam").isdisjoint((*HEAVY, "click"))


def test_tokens_are_explained_without_botocore() -> None:
    assert "botocore" not in modules_after(f"{MAIN}assert main(['token', 'inspect', 'x']) == 2")


def test_a_reader_that_hangs_up_is_no_error() -> None:
    program = f"{sys.executable} -m tarmak_iam schema | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_a_full_disk_behind_stdout() -> None:
    program = f"{sys.executable} -m tarmak_iam schema > /dev/full"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.sample(1)
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_character_that_the_locale_does_not_have(shell: Shell, encoding: str) -> None:
    shell.dev("map", "add", ADMIN, "--username", "a\u2192b")
    command = [sys.executable, "-m", "tarmak_iam", "-c", str(shell.single)]

    def out(*args: str) -> bytes:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
        return subprocess.run([*command, *args], capture_output=True, check=True, env=environment).stdout

    assert b'"username": "a\xe2\x86\x92b"' in out("map", "list", "-o", "json")
    assert b"a\xe2\x86\x92b" in out("manifests")
    shown = "a\\u2192b" if encoding == "latin-1" else "a\u2192b"  # click writes UTF-8 where ASCII is asked for
    assert shown.encode() in out("map", "list")


def test_ctrl_c_while_the_program_is_loaded() -> None:
    program = """\
import runpy, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
runpy.run_module("tarmak_iam", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")
