"""The real components of the end-to-end tests: what cannot be built is named, and the others are built all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import components
from tests.e2e.golang import Missing


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of three programs in two workspaces: one that cannot be compiled, one workspace that cannot be prepared."""
    monkeypatch.setenv("TARMAK_IAM_E2E_CACHE", str(tmp_path / "cache"))

    def refused(_: Path) -> Path:
        raise Missing("no proxy has it")

    def compiled(_: Path, package: str, target: Path, *__: str) -> None:
        if package == "bad":
            raise Missing("go build failed: it does not fit")
        target.write_text(package)

    workspaces = (
        components.Workspace({"three": "good"}, refused),
        components.Workspace({"one": "good", "two": "bad"}, lambda work: work),
    )
    monkeypatch.setattr(components, "WORKSPACES", workspaces)
    monkeypatch.setattr(components, "compile_package", compiled)
    return tmp_path / "cache"


def test_what_cannot_be_built_keeps_nothing_else_from_being_built(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for state in ("just built", "from the cache"):
        assert components.main() == 0
        said = capsys.readouterr()
        assert [" ".join(line.split()) for line in said.err.splitlines() if not line.startswith("buil")] == [
            "three missing: no proxy has it",
            f"one {state}",
            "two missing: go build failed: it does not fit",
        ]
        assert said.out == f"{cache}\n"
    components.needed(cache / "one")
    with pytest.raises(pytest.skip.Exception, match=r"^three: no proxy has it$"):
        components.needed(cache / "one", cache / "three")


def test_nothing_at_all(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(components, "WORKSPACES", components.WORKSPACES[:1])
    assert components.main() == components.NOT_TO_BE_HAD
    assert capsys.readouterr().err.endswith("no end-to-end tests: none of these could be built\n")
    cache.rename(cache.with_name("other"))
    cache.write_text("a file")
    assert components.main() == components.NOT_TO_BE_HAD
    assert "cannot be built in: File exists" in capsys.readouterr().err
