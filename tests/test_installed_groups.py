"""Whether plugins may be installed, without importlib.metadata: never no where it finds one."""

from __future__ import annotations

import inspect
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tarmak_iam.plugins import may_have_group
from tests.support.imports import modules_after

GROUP = "tarmak_iam.sections"
POINTS = "[tarmak_iam.sections]\ncosts = acme:COSTS\n"
SECTIONS = (
    "from tarmak_iam.config.section_keys import load_sections\nassert [each.name for each in load_sections()] == "
)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An import path with nothing but this directory, where the other tests' memory of what is installed is no use."""
    monkeypatch.setattr(metadata, "entry_points", inspect.unwrap(metadata.entry_points))
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "python311.zip")])
    monkeypatch.setattr(sys, "meta_path", [each for each in sys.meta_path if each.__module__.startswith("_frozen")])
    return tmp_path


def write(directory: Path, text: str | None) -> None:
    directory.mkdir(parents=True)
    (directory / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    if text is not None:
        (directory / "entry_points.txt").write_text(text)


@pytest.mark.parametrize("name", ["acme-1.dist-info", "acme.egg-info", "Acme-1.DIST-INFO"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, False),
        ("", False),
        ("[console_scripts]\nacme = acme.sections:main\n", False),
        (POINTS, True),
        (f"[console_scripts]\nacme = acme:main\n\n{POINTS}", True),
    ],
)
def test_directories_of_distributions(path: Path, name: str, text: str | None, expected: bool) -> None:
    (path / "other.egg-info").write_text("Name: other\n")  # a file has no entry points
    write(path / name, text)
    assert may_have_group(GROUP) is expected
    assert bool(metadata.entry_points(group=GROUP)) is expected


@pytest.mark.parametrize("kind", ["directory", "archive", "egg", "no text", "unreadable", "finder"])
def test_what_is_not_known_is_left_to_importlib(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    assert not may_have_group(GROUP)
    if kind == "directory":
        write(path / "acme-1.dist-info", POINTS)
        monkeypatch.chdir(path)
        monkeypatch.setattr(sys, "path", [""])
    elif kind == "archive":
        with zipfile.ZipFile(path / "all.zip", "w") as archive:
            archive.writestr("acme-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
            archive.writestr("acme-1.dist-info/entry_points.txt", POINTS)
        monkeypatch.setattr(sys, "path", [str(path / "all.zip")])
    elif kind == "egg":
        write(path / "acme-1.egg" / "EGG-INFO", POINTS)
        monkeypatch.setattr(sys, "path", [str(path / "acme-1.egg")])
    elif kind == "no text":
        monkeypatch.setattr(sys, "path", [path])
    elif kind == "unreadable":
        (path / "acme-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    else:
        finder = type("Finder", (), {"find_distributions": staticmethod(lambda _: [])})
        monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert may_have_group(GROUP)


def test_without_plugins_importlib_metadata_is_not_imported() -> None:
    code = f"{SECTIONS}['kubernetes.apiServer.amazon']\nassert 'importlib.metadata' not in sys.modules"
    assert "pydantic" not in modules_after(code)


def test_a_plugin_on_the_import_path_is_found(tmp_path: Path) -> None:
    write(tmp_path / "acme-1.dist-info", POINTS)
    (tmp_path / "acme.py").write_text(
        "from tarmak_iam import Section, SectionModel\n"
        "class Costs(SectionModel):\n    centre: str = ''\n"
        "COSTS = Section(('costs',), Costs)\n"
    )
    code = f"sys.path.append({str(tmp_path)!r})\n{SECTIONS}['kubernetes.apiServer.amazon', 'costs']"
    assert "acme" in modules_after(code)
