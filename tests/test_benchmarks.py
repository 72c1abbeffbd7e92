"""The tables of docs/comparison.md are those of `make bench`: in rows and columns, and in what no machine changes."""

from __future__ import annotations

import importlib
import re
from types import ModuleType

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The modules of benchmarks import each other by their bare names."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("run")


def shown(name: str) -> list[list[str]]:
    """The cells of a table of the page, without the line below its head."""
    (text,) = re.findall(rf"<!-- bench: {name} -->\n(.*?)<!-- /bench -->", PAGE, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if set("".join(row)) - set("-:")]


def test_the_page_has_every_table_with_its_rows_and_columns(run: ModuleType) -> None:
    assert re.findall(r"<!-- bench: (\w+) -->", PAGE) == [table.name for table in run.TABLES]
    for table in run.TABLES:
        head, *rows = shown(table.name)
        assert head == [table.corner, *table.columns], table.name
        assert [row[0] for row in rows] == list(table.rows), table.name
        assert {len(row) for row in rows} == {len(head)}, table.name


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("tool", "module", "counts"),
    [
        ("tarmak-iam", "tarmak_iam", ["59", "1", "0"]),
        ("yaml-edit", "yaml_edit", ["59", "1", "0"]),
        ("yamluna", "yamluna", ["54", "0", "6"]),
    ],
)
def test_what_a_tool_in_python_makes_of_the_edits(
    monkeypatch: pytest.MonkeyPatch, tool: str, module: str, counts: list[str]
) -> None:
    """Each is driven by all that its package offers."""
    pytest.importorskip(module)
    fidelity = importlib.import_module("fidelity")
    edit = fidelity.ours if tool == "tarmak-iam" else fidelity.IN_PYTHON[tool]()
    monkeypatch.setattr(fidelity, "tools", lambda: iter([(tool, edit)]))
    cells: list[str] = fidelity.measure()[tool]
    assert cells[:3] == counts
    assert [tool, *cells] in shown("fidelity")


@pytest.mark.usefixtures("run")
def test_what_is_measured_is_done() -> None:
    """Else a number would be that of an edit that was refused."""
    batches, targets = map(importlib.import_module, ("batches", "targets"))
    document = batches.Document.parse("pools:\n" + "".join(batches.ITEM.format(number=n) for n in range(9)))
    for kind in batches.ROWS:
        assert batches.performed(kind, document, 2).data != document.data, kind
    pools = targets.Document.parse(targets.pools())
    for kind, make in targets.BATCHES_OF_300.items():
        assert pools.edit(*(make(number) for number in range(6))).data != pools.data, kind
