"""What holds for every module: the rooms' order is import-linter's, in setup.cfg."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.reference.api import MODULES
from tests.mutants import CHECKED, selection
from tests.support import PACKAGE, ROOT

LINES = 500

GROUND = {
    "__init__",
    "__main__",
    "errors",
    "findings",
    "plugins",
    "routes",
    "text",
}

ROOF = {"tarmak_cluster"}
"""What needs every room but the command line."""

# Folders of tests that are of no room of the package.
OTHER_TESTS = {"browser", "compat", "docs", "e2e", "example_plugin", "go_case", "golden", "mutants", "support"}


@cache
def modules() -> dict[str, ast.Module]:
    return {
        path.relative_to(PACKAGE.parent).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def named(*kinds: type[ast.AST]) -> Iterator[tuple[str, str]]:
    """The names of classes or functions, with the module of each."""
    for module, tree in modules().items():
        for node in statements(tree):
            if isinstance(node, kinds):
                yield getattr(node, "name", ""), module


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Without expressions, which are most of a tree: no class and no function is in them."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        found = getattr(tree, field, ())
        for node in found if isinstance(found, list) else ():
            yield node
            yield from statements(node)


def test_a_class_name_means_one_thing() -> None:
    found = defaultdict(list)
    for name, module in named(ast.ClassDef):
        found[name].append(module)
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_no_function_is_told() -> None:
    functions = named(ast.FunctionDef, ast.AsyncFunctionDef)
    assert [(name, module) for name, module in functions if name.split("_")[-1] == "told"] == []


def test_no_module_is_long() -> None:
    folders = [PACKAGE, *(ROOT / name for name in ("tests", "benchmarks", "examples", "release"))]
    files = [path for folder in folders for path in folder.rglob("*.py") if "node_modules" not in path.parts]
    long = {path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > LINES}
    assert long == set()


def test_every_module_says_what_it_is_about() -> None:
    assert [module for module, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_the_modules_outside_of_rooms_are_those() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == GROUND | ROOF


def test_exported_names_are_listed_in_packages_and_public_modules_only() -> None:
    listed = {module for module, tree in modules().items() if any(map(_is_all, tree.body))}
    public = {f"{name.replace('.', '/')}.py" for name in MODULES}
    assert {module for module in listed if not module.endswith("/__init__.py")} - public == set()


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
    )


def test_tests_are_in_the_rooms_that_they_test() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in Path(ROOT, "tests").glob("*/**/test_*.py")}
    assert folders - OTHER_TESTS <= rooms


def test_the_modules_that_mutants_are_made_of_are_there() -> None:
    assert [name for name in CHECKED if not PACKAGE.joinpath(f"{name}.py").exists()] == []
    listed = [name for names in CHECKED.values() for name in names]
    assert [name for name in listed if not ROOT.joinpath("tests", name.partition("::")[0]).exists()] == []
    assert [name for name in CHECKED if not selection(name)] == []
