"""What several tests need: where recordings and shared material are, and a command line that is called."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

import tarmak_iam
from tarmak_iam.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(tarmak_iam.__file__).resolve().parent
"""In the checkout, or installed: `make compat` tests a wheel."""
GOLDEN = ROOT / "tests" / "golden"
EXAMPLES = ROOT / "examples"
SHARED = ROOT.parent / "shared"
"""Material of other projects that is not part of this one: the tests that read it are skipped without it."""

FILES = ("flags.txt", "kubeconfig")
"""What `render` writes before the objects, in this order; without Tarmak's own kubeconfig all but the kubeconfig."""
FILES_WITHOUT_KUBECONFIG = tuple(name for name in FILES if name != "kubeconfig")

ADMIN = "arn:aws:iam::111122223333:role/KubernetesAdmin"


def golden_json(*parts: str) -> Any:
    return json.loads(GOLDEN.joinpath(*parts).read_text(encoding="utf-8"))


def strictly(value: Any) -> Any:
    """The value with the type of each number, so that `==` tells true from 1 from 1.0."""
    if isinstance(value, dict):
        return {key: strictly(each) for key, each in value.items()}
    if isinstance(value, list):
        return [strictly(each) for each in value]
    return (type(value).__name__, value) if isinstance(value, (bool, int, float)) else value


@cache
def tarmak_rewrites() -> dict[str, Any]:
    """What Tarmak wrote for every recorded file that it can read, as data; "<NOW>" is the time of its writing."""
    recorded = golden_json("tarmak", "rewrites.json")
    rewrites = {name: copy.deepcopy(recorded["base"]) for name in recorded["differences"]}
    for name, differences in recorded["differences"].items():
        for (*parents, key), *value in differences:
            parent = reduce(getitem, parents, rewrites[name])
            if value:
                parent[key] = value[0]
            else:
                del parent[key]
    return rewrites


def shared_file(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {'/'.join(parts)} beside the project")
    return path


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Calls the command line on a copy of the examples."""

    capture: pytest.CaptureFixture[str]
    single: Path
    multi: Path

    def run(self, *args: str | Path, code: int | None = 0) -> Result:
        """`code`: the expected one, None for any."""
        self.capture.readouterr()
        got = main([str(arg) for arg in args])
        captured = self.capture.readouterr()
        assert code in (got, None), captured.err or captured.out
        assert "Traceback" not in captured.err
        return Result(got, captured.out, captured.err)

    def dev(self, *args: str | Path, code: int | None = 0) -> Result:
        """On the single-cluster example."""
        return self.run("-c", self.single, *args, code=code)


def copy_examples(target: Path) -> tuple[Path, Path]:
    for name in ("single", "multi"):
        shutil.copytree(EXAMPLES / name, target / name)
    return target / "single", target / "multi"


def bring_plugins(monkeypatch: pytest.MonkeyPatch, group: str, *values: Any) -> None:
    """Puts values where those of installed distributions come from: emitter0 of package0, and so on."""

    class Point:
        value = "x:y"

        def __init__(self, index: int, brought: Any) -> None:
            self.name, self._brought = f"{group.partition('.')[2].removesuffix('s')}{index}", brought
            self.dist = type("Distribution", (), {"name": f"package{index}"})

        def load(self) -> Any:
            return self._brought

    points = [Point(index, brought) for index, brought in enumerate(values)]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **asked: points if asked == {"group": group} else [])
