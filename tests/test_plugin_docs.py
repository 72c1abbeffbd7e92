"""docs/plugins.md: its code runs, and what it says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import tarmak_iam
from tarmak_iam import Subjects, TarmakConfig, check
from tarmak_iam.config.section_keys import GROUP as SECTIONS
from tarmak_iam.emit import render
from tarmak_iam.emit.emitters import GROUP as EMITTERS
from tarmak_iam.lint.check import GROUP as RULES
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support import PACKAGE, ROOT, bring_plugins
from tests.support.installations import MAPPINGS, installation

TEXT = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def defined_by(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "plugin"}
    # No name of a file that is there: pydantic would look into it for what stands below an attribute.
    exec(compile(block, "<docs/plugins.md>", "exec"), names)
    return names


def test_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_plugins(monkeypatch, SECTIONS, defined_by(BLOCKS[0])["COSTS"])

    def found(centre: int) -> list[str]:
        text = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: prod\n"
        config = TarmakConfig.parse(f"{text}  metadata: {{name: blue}}\n  costs: {{centre: {centre}}}\n")
        return [f"{each.finding.id} {each.finding.text}" for each in check(Subjects(config))]

    assert found(12) == ["IAM045 prod-blue: costs: unknown cost centre 12; use 1000 or higher"]
    assert found(4711) == ["COST001 prod-blue: the cost centre of a production cluster must be even"]


def test_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_plugins(monkeypatch, RULES, defined_by(BLOCKS[1])["WHOLE_ACCOUNTS"])
    mappings = Mappings.parse("clusterID: dev-cluster\nserver:\n  mapAccounts: ['111122223333']\n")
    found = [str(each) for each in check(Subjects(mappings=mappings)) if each.finding.id == "ACME001"]
    assert found == [
        "aws-iam-authenticator.yaml:3:17: warning: every principal of 111122223333 can log in; map its roles [ACME001]"
    ]


def test_an_emitter(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_plugins(monkeypatch, EMITTERS, defined_by(BLOCKS[2])["VIEWERS"])
    mapped = MAPPINGS.replace('["system:masters"]', "[system:masters, payments]")
    artifacts = {each.name: each.data for each in render(installation(mappings=mapped))[0]}
    assert artifacts["viewers.txt"] == b"payments"
    assert b"name: payments\n" in artifacts["clusterrolebinding-iam-viewers.yaml"]
    assert "clusterrolebinding-iam-viewers.yaml" not in {each.name for each in render(installation())[0]}


def test_every_name_that_a_plugin_imports_is_public() -> None:
    example = (ROOT / "tests" / "example_plugin" / "tarmak_iam_example.py").read_text(encoding="utf-8")
    code = "\n".join([*BLOCKS, example])
    assert set(re.findall(r"^from (\S+) import", code, re.MULTILINE)) <= {
        "tarmak_iam",
        "__future__",
        "collections.abc",
        "typing",
        "pydantic",
    }
    imported = re.findall(r"^from tarmak_iam import (\([^)]*\)|.*)$", code, re.MULTILINE)
    names = {name for each in imported for name in re.findall(r"\w+", each)}
    assert names <= set(tarmak_iam.__all__)
    assert "Emitter" in names


def test_files_and_entry_points_that_it_names_exist() -> None:
    for path in re.findall(r"`(tarmak_iam/[\w./]+)`", TEXT):
        assert Path(PACKAGE.parent, path).exists(), path
    entry_points = (ROOT / "tests" / "example_plugin" / "pyproject.toml").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    for line in filter(None, shown.splitlines()):
        assert line in entry_points
