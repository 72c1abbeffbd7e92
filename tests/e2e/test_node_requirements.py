"""Where nodes cannot run, `make e2e-node` says why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e import components
from tests.e2e.node import cgroups, requirements


@pytest.fixture(autouse=True)
def _everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has all that is looked at: no namespace is made."""
    for name in requirements.PROGRAMS:
        (tmp_path / f"{name}-of-{components.KUBERNETES}").touch()
    monkeypatch.setenv("TARMAK_IAM_E2E_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [Path("/sys/fs/cgroup", each) for each in cgroups.HIERARCHIES])
    monkeypatch.setattr(requirements, "try_namespaces", lambda: "")


def test_nothing_is_missing() -> None:
    assert requirements.missing() is None


def test_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert requirements.missing() == "nodes need root"


def test_containerd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "containerd" else f"/usr/bin/{name}")
    assert requirements.missing() == "containerd is not installed"


def test_the_kubelet(tmp_path: Path) -> None:
    (tmp_path / f"kubelet-of-{components.KUBERNETES}").unlink()
    assert requirements.missing() == f"kubelet {components.KUBERNETES} is not built: `make e2e` builds it"


def test_cgroups_of_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchies", lambda: [Path("/sys/fs/cgroup/cpu")])
    missing = "cpuacct, cpuset, memory, pids, devices, freezer, blkio, systemd"
    assert requirements.missing() == f"cgroups of version 1 are not mounted: {missing}"


def test_cgroups_that_are_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert requirements.missing() == "cgroups may not be written to"


def test_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "try_namespaces", lambda: "unshare failed: Operation not permitted")
    assert requirements.missing() == (
        "no namespaces of its own with an overlay on /var: unshare failed: Operation not permitted"
    )
