"""What holds for every module; the order of the rooms is import-linter's, in setup.cfg."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.support import PACKAGE, ROOT

LINES = 500


def test_a_class_name_means_one_thing() -> None:
    modules = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(path.relative_to(PACKAGE).as_posix())
    assert {name: where for name, where in modules.items() if len(where) > 1} == {}


def test_no_module_is_long() -> None:
    folders = [PACKAGE, *(ROOT / name for name in ("tests", "benchmarks", "examples", "release"))]
    files = [path for folder in folders for path in folder.rglob("*.py") if "node_modules" not in path.parts]
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > LINES] == []
