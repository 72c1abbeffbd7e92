"""A configuration with findings that can be fixed, and the directory that it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ADMIN

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata:
    name: cluster
  kubernetes:
    version: v1.12.9
  instancePools:
  - minCount: 010
"""

NOTE = "tarmak.yaml: note: no cluster has instance pools; Tarmak rejects every command until they are added\n"

GOOD = f"server:\n  mapRoles:\n  - roleARN: {ADMIN}\n    username: admin\n    groups: ['system:masters']\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with `CONFIG` as its tarmak.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    (tmp_path / "tarmak.yaml").write_text(CONFIG)
    return tmp_path


def text(home: Path) -> str:
    return (home / "tarmak.yaml").read_text()
