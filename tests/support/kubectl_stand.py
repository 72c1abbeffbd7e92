"""A cluster with kubectl and tarmak: a cluster in memory answers the one, the other is a program on the PATH."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.hook.login.review import StsAnswer
from tarmak_iam.hook.programs import Completed, Programs
from tarmak_iam.identity import Identity
from tests.support import ADMIN, Shell
from tests.support.admin_certificates import write
from tests.support.fake_cluster import Cluster
from tests.support.logins import TOKEN

__all__ = ["ARN", "NOBODY", "Stand", "recovery_hint", "refused", "reviewed", "stand"]


TARMAK = """\
echo "$@" >> {log}
echo 'level=warning msg="ssh tunnel connecting to Kubernetes API server"' >&2
echo KUBECONFIG={kubeconfig}
"""


@dataclass
class Stand:
    """kubectl is answered by `cluster`; tarmak is a program on the PATH, as is what else a test puts into `bin`. STS
    says that every caller is `ARN`."""

    shell: Shell
    bin: Path
    cluster: Cluster

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)


def recovery_hint(stand: Stand) -> str:
    path = stand.shell.single / "dev-cluster" / "kubeconfig"
    return f"recovery access: the admin certificate in {path} is valid until 2990-01-01 and in system:masters"


ARN = "arn:aws:sts::111122223333:assumed-role/KubernetesAdmin/ann"


def reviewed(stand: Stand, username: str) -> None:
    """The API server lets in whoever has the token of `TOKEN`, and nobody else."""
    stand.put("aws-iam-authenticator", f"echo {TOKEN}")
    stand.cluster.token = TOKEN
    user: dict[str, Any] = {"username": username, "groups": ["system:masters"], "extra": {"arn": [ARN]}, "uid": "a:b:c"}
    stand.cluster.reviews = [{"authenticated": True, "user": user}]


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/ann"


def refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server refuses whoever tries; by STS it is a caller whom nobody maps."""
    _sts_says(NOBODY, monkeypatch)
    stand.put("aws-iam-authenticator", f"echo {TOKEN}")
    stand.cluster.reviews = [{"error": "[invalid bearer token, unknown]"}]


def _sts_says(arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = StsAnswer(Identity(arn, "111122223333", "AROA1:ann"))
    monkeypatch.setattr("tarmak_iam.hook.login.verify.ask_sts", lambda *_: answer)


@pytest.fixture
def stand(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand(shell, tmp_path / "bin", Cluster(server="v1.24.17"))
    stand.bin.mkdir()
    kubeconfig = write(shell.single / "dev-cluster")
    stand.put("tarmak", TARMAK.format(log=stand.bin / "tarmak.log", kubeconfig=kubeconfig))
    stand.put("kubectl", "")
    run = Programs.run

    def answered(self: Programs, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        if command[0] == "kubectl" and self.find("kubectl"):
            return stand.cluster.run(tuple(map(str, command[1:])), text)
        return run(self, *command, text=text, seconds=seconds)

    monkeypatch.setattr(Programs, "run", answered)
    _sts_says(ARN, monkeypatch)
    monkeypatch.setenv("PATH", f"{stand.bin}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    shell.dev("settings", "set", "kubernetesVersion", "1.24.17")
    return stand
