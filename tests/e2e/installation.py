"""A Tarmak configuration on disk, and the command line called with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.e2e import components
from tests.e2e.control_plane import CLUSTER, ControlPlane, Done
from tests.e2e.processes import free_port
from tests.support import ROOT
from tests.support.forks import PATIENT, forked

__all__ = ["CLUSTER", "Home"]


@dataclass(frozen=True)
class Home:
    """`directory` is that of tarmak.yaml; `state` is what /var/aws-iam-authenticator is on a master."""

    directory: Path
    state: Path
    port: int
    """The daemon's: not its default, so that one that runs here already is not in the way."""
    kubectl: str
    """The release of the kubectl that is used."""

    @classmethod
    def make(cls, directory: Path, kubernetes: str = components.KUBERNETES) -> Home:
        """For a cluster of that release of Kubernetes."""
        home = cls(directory / "config", directory / "var", free_port(), kubernetes)
        (home.directory / CLUSTER).mkdir(parents=True)
        webhook = home.state / "aws-iam-authenticator.kubeconfig"
        text = Path(__file__).with_name("tarmak.yaml").read_text(encoding="utf-8")
        (home.directory / "tarmak.yaml").write_text(text.replace("WEBHOOK", str(webhook)))
        home.map("")
        # Not in tarmak.yaml: Tarmak itself cannot install that release.
        home.run("settings", "set", "kubernetesVersion", kubernetes.removeprefix("v"))
        home.run("webhook", "--output-dir", home.state)
        return home.with_kubectl(kubernetes)

    def with_kubectl(self, release: str) -> Home:
        """The same, used with another kubectl."""
        home = replace(self, kubectl=release)
        if not home.bin.exists():
            home.bin.mkdir()
            (home.bin / "aws-iam-authenticator").symlink_to(components.daemon(components.DAEMONS[0]))
            (home.bin / "kubectl").symlink_to(components.program("kubectl", release))
            own = home.bin / "tarmak-iam"
            own.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tarmak_iam "$@"\n')
            own.chmod(0o755)
        return home

    @property
    def bin(self) -> Path:
        """kubectl, and the commands that kubeconfigs name."""
        return self.directory / f"bin-{self.kubectl}"

    @property
    def flags(self) -> list[str]:
        return self.run("flags").splitlines()

    @property
    def mappings(self) -> Path:
        return self.directory / CLUSTER / "aws-iam-authenticator.yaml"

    @property
    def kubeconfig(self) -> Path:
        """Tarmak's own, the admin's."""
        return self.directory / CLUSTER / "kubeconfig"

    @property
    def way_back(self) -> str:
        """What is said of it where somebody might be locked out."""
        until = "is valid until 2990-01-01 and in system:masters"
        return f"recovery access: the admin certificate in {self.kubeconfig} {until}"

    def map(self, lists: str) -> None:
        """`lists` are mapRoles, mapUsers and mapAccounts, indented as below `server`."""
        port = f"  port: {self.port}  # tarmak-iam: ignore[IAM093] no other may be in the way\n"
        self.mappings.write_text(f"clusterID: {CLUSTER}\nserver:\n{port}{lists}")

    def reach(self, plane: ControlPlane) -> None:
        """Puts Tarmak's own kubeconfig in its place."""
        self.kubeconfig.write_text(plane.admin_kubeconfig)

    def run(self, *args: str | Path, code: int = 0) -> str:
        """The command line's standard output."""
        return self.call(*args, code=code).out

    def call(self, *args: str | Path, code: int = 0, more: Mapping[str, str] | None = None) -> Done:
        """The command line, with an environment of its own besides."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **(more or {})}
        done = forked(PATIENT, "-c", self.directory, *args, environment=environment)
        assert done.returncode == code, done.stderr or done.stdout
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def objects(self, *options: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.run("manifests", "-o", "json", *options))["items"]
        return items
