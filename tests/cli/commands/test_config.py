"""config get, set, unset, append and patch: what a person types, what is printed, and what is in the file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support import Result, Shell

VERSION = "kubernetes.version"
CIDRS = "kubernetes.apiServer.allowCIDRs"


def changed(result: Result) -> list[str]:
    """The changed lines of the diff."""
    return [line for line in result.out.splitlines()[2:] if line[0] in "+-"]


def multi(shell: Shell, *args: str | Path, code: int = 0) -> Result:
    return shell.run("-c", shell.multi, "config", *args, code=code)


def test_get_of_a_whole_cluster_and_of_the_file(shell: Shell) -> None:
    whole = json.loads(multi(shell, "get", ".", "-o", "json").out)
    assert whole["metadata"] == {"name": "blue"}
    assert json.loads(multi(shell, "get", "/", "-o", "json").out)["clusters"][1] == whole


def test_crlf_and_json_stay_as_they_are(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    shell.dev("config", "set", VERSION, "1.13.1")
    assert file.read_bytes() == before.replace(b"version: 1.12.9", b"version: 1.13.1", 1)
    file.write_text(
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "currentCluster": "dev-a",\n'
        ' "clusters": [{"environment": "dev", "metadata": {"name": "a"}}]}\n'
    )
    shell.dev("config", "append", CIDRS, "10.0.0.0/8")
    assert '"kubernetes": {"apiServer": {"allowCIDRs": ["10.0.0.0/8"]}}}]}\n' in file.read_text()


PATCH = """\
kubernetes:
  version: 1.13.2
  apiServer: {amazon: null}
instancePools:
- metadata: {name: worker}
  maxCount: 11
"""


def test_patch(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "changes.yaml"
    file.write_text(PATCH)
    done = multi(shell, "patch", file)
    assert [line for line in changed(done) if "worker" not in line] == [
        "-          version: 1.12.9",
        "+          version: 1.13.2",
        "-              amazon:",
        "-                  # access logs are asked for by the auditors",
        "-                  publicELBAccessLogs:",
        "-                      bucket: example-public-elb-logs",
        "-                      interval: 60",
        "-                  # awsIAMAuthenticatorInit: true",
    ]
    assert multi(shell, "patch", file).err == f"unchanged: it already has all values of {file}\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"currentCluster": "prod-green"}')))
    assert changed(multi(shell, "patch", "-", "--root")) == [
        "-currentCluster: prod-blue",
        "+currentCluster: prod-green",
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"currentCluster": "prod-green"}')))
    assert multi(shell, "patch", "-", "--root").err == "unchanged: it already has all values of <stdin>\n"
