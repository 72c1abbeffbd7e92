"""`make mutants`: how many small changes to the modules that matter most are noticed by the tests of their rooms.

`python -m tests.mutants` for all of them, `python -m tests.mutants MODULE...` (`access/lockout`) for some. Survivors
are printed, and a table. mutmut makes the mutants and runs the tests, on a copy of the project in build/mutants.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import difflib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.mutants import CHECKED, WANTED, selection
from tests.support import ROOT

COPY = ROOT / "build" / "mutants"
_COPIED = ("tarmak_iam", "tests", "docs", "examples", "release", "schemas")

# By the exit code of pytest, or of the process that ran it; mutmut.stats has the same, but is no interface.
_NOTICED = (1, 3, -11, 36, -24, 24, 152, 255)
_NOT_NOTICED = (0, 5, 33)


class Result(NamedTuple):
    module: str
    made: int
    killed: int
    """What hangs is noticed as well; a mutant that no test calls is not."""
    survivors: list[str]

    @property
    def share(self) -> float:
        return 100 * self.killed / self.made if self.made else 0.0


def run(module: str, tests: Iterable[str], *, children: int) -> Result:
    """Raises RuntimeError where mutmut does not come to the mutants, such as with a test that fails without one."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in _COPIED:
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, COPY)
    _write_settings(module, tests)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)]
    environment = {**os.environ, "TARMAK_IAM_EXAMPLES": "mutants"}
    done = subprocess.run(
        command, cwd=COPY, env=environment, check=False, capture_output=True, text=True, errors="replace"
    )
    meta = COPY / "mutants" / "tarmak_iam" / f"{module}.py.meta"
    codes = json.loads(meta.read_text())["exit_code_by_key"] if meta.exists() else {}
    if not codes or None in codes.values():
        raise RuntimeError((done.stdout + done.stderr)[-4000:])
    survivors = [name for name, code in codes.items() if code in _NOT_NOTICED]
    return Result(module, len(codes), sum(code in _NOTICED for code in codes.values()), survivors)


def _write_settings(module: str, tests: Iterable[str]) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    settings["mutmut"] = {
        "source_paths": "tarmak_iam",
        "only_mutate": f"tarmak_iam/{module}.py",
        "also_copy": "\n".join(["", *_COPIED[2:], "README.md", "CHANGELOG.md", "LICENSE"]),
        "pytest_add_cli_args_test_selection": "\n".join(["", *tests]),
        "use_git_change_detection": "false",
    }
    with (COPY / "setup.cfg").open("w", encoding="utf-8") as file:
        settings.write(file)


def differences(module: str, names: Iterable[str]) -> Iterator[str]:
    """What the mutants of a module change. mutmut has each as a function of its own, and the original as one more."""
    text = (COPY / "mutants" / "tarmak_iam" / f"{module}.py").read_text(encoding="utf-8")
    functions = {
        node.name: (ast.get_source_segment(text, node) or "").splitlines()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
    }
    for name in names:
        mutant = name.rpartition(".")[2]
        original = functions[f"{mutant.rpartition('_')[0]}_orig"]
        lines = difflib.unified_diff(original[1:], functions[mutant][1:], n=1, lineterm="")
        yield "\n".join([name, *list(lines)[2:]])


def table(results: Iterable[Result]) -> str:
    lines = ["| module | mutants | killed | share |", "|---|---:|---:|---:|"]
    lines += [f"| {each.module} | {each.made} | {each.killed} | {each.share:.0f} % |" for each in results]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"one of {', '.join(CHECKED)}")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes at the same time")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.modules) - set(CHECKED):
        parser.error(f"unknown module: {', '.join(sorted(unknown))}")
    results = []
    for module in asked.modules or CHECKED:
        print(f"{module} ...", file=sys.stderr)
        results.append(run(module, selection(module), children=asked.children))
        for text in differences(module, results[-1].survivors):
            print(text, end="\n\n")
    print(table(results))
    return 0 if all(each.share >= WANTED for each in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
