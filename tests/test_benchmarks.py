"""The tables of docs/comparison.md are those of `make bench`: in rows and columns, and in what no machine changes."""

from __future__ import annotations

import importlib
import json
import re
from types import ModuleType
from typing import Any

import pytest

from tests.support import ROOT

BENCHMARKS = ROOT / "benchmarks"
PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("run")


def shown(name: str) -> list[list[str]]:
    """The cells of a table of the page, without the line below its head."""
    (text,) = re.findall(rf"<!-- bench: {name} -->\n(.*?)<!-- /bench -->", PAGE, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if set("".join(row)) - set("-:")]


def test_the_page_has_every_table_and_no_other(run: ModuleType) -> None:
    assert re.findall(r"<!-- bench: (\w+) -->", PAGE) == [table.name for table in run.TABLES]


def test_rows_and_columns(run: ModuleType) -> None:
    for table in run.TABLES:
        head, *rows = shown(table.name)
        assert head == [table.corner, *table.columns], table.name
        assert [row[0] for row in rows] == list(table.rows), table.name
        assert {len(row) for row in rows} == {len(head)}, table.name


def test_what_ours_makes_of_the_edits(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    fidelity = importlib.import_module("fidelity")
    monkeypatch.setattr(fidelity, "tools", lambda: iter([("tarmak-iam", fidelity.ours)]))
    cells: dict[str, list[str]] = fidelity.measure()
    assert ["tarmak-iam", *cells["tarmak-iam"]] == shown("fidelity")[1]
    assert cells["tarmak-iam"][:3] == ["59", "1", "0"]
    assert run.TABLES[0] is fidelity.FIDELITY


@pytest.mark.parametrize(
    ("tool", "module", "counts"),
    [("yaml-edit", "yaml_edit", ["59", "1", "0"]), ("yamluna", "yamluna", ["54", "0", "6"])],
)
def test_what_a_tool_in_python_makes_of_the_edits(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, tool: str, module: str, counts: list[str]
) -> None:
    """Each is driven by all that its package offers."""
    pytest.importorskip(module)
    fidelity = importlib.import_module("fidelity")
    make = fidelity.IN_PYTHON[tool]
    monkeypatch.setattr(fidelity, "tools", lambda: iter([(tool, make())]))
    cells: dict[str, list[str]] = fidelity.measure()
    assert cells[tool][:3] == counts
    assert [tool, *cells[tool]] in shown("fidelity")
    assert run.TABLES[0] is fidelity.FIDELITY


@pytest.mark.usefixtures("run")
def test_the_batches_make_one_edit_or_all() -> None:
    batches = importlib.import_module("batches")
    document = batches.Document.parse("pools:\n" + "".join(batches.ITEM.format(number=n) for n in range(9)))
    for kind in ("set", "update"):
        for count in (1, 3):
            edited = batches.performed(kind, document, count)
            values = [pool["maxCount"] for pool in edited.data["pools"]]
            assert values == ([5, *[3] * 8] if count == 1 else [5, 3, 3] * 3), kind
    names = [f"pool-{n}" for n in range(9)]
    expected = {
        "append": [*names, "new-0", "new-1"],
        "insert": ["new-0", *names[:3], "new-1", *names[3:]],
        "remove": [names[1], names[2], *names[4:]],
    }
    for kind, wanted in expected.items():
        pools = batches.performed(kind, document, 2).data["pools"]
        assert [pool["name"] for pool in pools] == wanted, kind


def test_versions_of_the_driver_of_yamlpatch_are_exact() -> None:
    directory = BENCHMARKS / "yamlpatch"
    wanted = re.findall(
        r'^([\w-]+) = "=([\d.]+)"$', (directory / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    lock = (directory / "Cargo.lock").read_text(encoding="utf-8")
    assert [name for name, _ in wanted] == ["cpu-time", "yaml_serde", "yamlpatch", "yamlpath"]
    assert all(f'name = "{name}"\nversion = "{version}"\n' in lock for name, version in wanted)


@pytest.mark.usefixtures("run")
def test_refused_and_missing_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    edits, edit_tools, tables = map(importlib.import_module, ("edits", "edit_tools", "tables"))

    def measured(tool: str, _: Any) -> Any:
        if tool == "yaml-edit":
            raise edit_tools.NotInstalled(tool)
        base = edit_tools.Measured(milliseconds=600, further=300, megabytes=30, imports=10)
        ours = edit_tools.Measured(milliseconds=5, further=0.5, megabytes=15, imports=10)
        return {edit_tools.ROUND_TRIP: base, "yamlpatch": edit_tools.REFUSED}.get(tool, ours)

    monkeypatch.setattr(edits, "measured", measured)
    edits.results.cache_clear()
    lines = tables.markdown(edits.FURTHER, edits.further_edit()).splitlines()
    edits.results.cache_clear()
    assert lines[3:5] == [
        "| tarmak-iam, C parser | 600 (0.50 ms) | 600 (0.50 ms) |",
        "| target with the C parser | 1 ms | 2 ms |",
    ]
    assert lines[-3:] == [
        "| yaml-edit | not installed |  |",
        "| yamluna | 600 (0.50 ms) | 600 (0.50 ms) |",
        "| yamlpatch | refused | refused |",
    ]


def test_a_file_of_many_clusters(run: ModuleType, tmp_path: Any) -> None:
    from tarmak_iam import TarmakConfig

    assert "clusters" in [table.name for table in run.TABLES]
    importlib.import_module("clusters").write(tmp_path, 10)
    names = [cluster.cluster_name for cluster in TarmakConfig.load(tmp_path).clusters]
    assert names == [f"env{number}-cluster" for number in range(10)]
    assert json.loads((tmp_path / "tarmak.yaml").read_text())["currentCluster"] == names[0]


def test_a_table_is_put_into_its_place(run: ModuleType) -> None:
    assert run.put_into("a\n<!-- bench: x -->\nold\n<!-- /bench -->\nb", "x", "new\n") == (
        "a\n<!-- bench: x -->\nnew\n<!-- /bench -->\nb"
    )
    with pytest.raises(ValueError, match="0 places for the table y"):
        run.put_into("<!-- bench: x -->\n<!-- /bench -->", "y", "new\n")


@pytest.mark.usefixtures("run")
def test_what_the_targets_are_measured_with() -> None:
    targets = importlib.import_module("targets")
    document = targets.Document.parse(targets.pools())
    assert 25_000 < len(document.to_bytes()) < 35_000
    for kind, make in targets.BATCHES_OF_300.items():
        edits = [make(number) for number in range(6)]
        assert document.edit(*edits).data != document.data, kind


@pytest.mark.usefixtures("run")
def test_a_target_that_is_missed_is_marked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    targets = importlib.import_module("targets")
    rows = {"one": lambda: ("2 ms", "at most 1 ms", False), "other": lambda: ("1 ms", "at most 1 ms", True)}
    monkeypatch.setattr(targets, "ROWS", rows)
    assert targets.main(["o"]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| one | 2 ms | at most 1 ms | **missed** |",
        "| other | 1 ms | at most 1 ms |  |",
    ]
    assert targets.main(["other"]) == 0


@pytest.mark.usefixtures("run")
def test_growth_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    growth = importlib.import_module("growth")
    times = iter([1.0, 2.0, 4.0, 1.0, 4.0, 16.0])
    monkeypatch.setattr(growth, "shortest", lambda *_: next(times))
    assert growth.row(lambda _: lambda: None, 4) == ["1.0 ms", "2.0 ms", "4.0 ms", "2.0, 2.0", ""]
    assert growth.row(lambda _: lambda: None, 4)[3:] == ["4.0, 4.0", "**grows faster**"]
