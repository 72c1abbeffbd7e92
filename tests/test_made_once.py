"""One worker makes it, and all have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.made_once import made_once


class Worker:
    """Its own base directory within that of the run, as pytest-xdist has it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.mkdir(parents=True)

    def getbasetemp(self) -> Path:
        return self.base

    def mktemp(self, name: str) -> Path:
        path = self.base / f"{name}{len(list(self.base.glob(f'{name}*')))}"
        path.mkdir()
        return path


@pytest.mark.parametrize(("variables", "made"), [({"PYTEST_XDIST_WORKER": "gw0"}, 1), ({}, 2)])
def test_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], made: int) -> None:
    """Without workers, the directory above is that of other runs too."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    calls: list[Path] = []

    def make(directory: Path) -> None:
        calls.append(directory)
        (directory / "page.html").write_text("text")

    workers = [Worker(tmp_path / name) for name in ("gw0", "gw1")]
    found = [made_once(each, "docs", make) for each in workers]  # type: ignore[arg-type]  # what it needs of a factory
    assert len(calls) == made
    assert [(each / "page.html").read_text() for each in found] == ["text", "text"]


def test_after_a_failure_it_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")

    def fail(directory: Path) -> None:
        (directory / "half").write_text("")
        raise OSError("full")

    worker = Worker(tmp_path / "gw0")
    with pytest.raises(OSError, match="full"):
        made_once(worker, "docs", fail)  # type: ignore[arg-type]
    found = made_once(worker, "docs", lambda _: None)  # type: ignore[arg-type]
    assert list(found.iterdir()) == []
