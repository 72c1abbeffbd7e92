"""enable and set: a value that other readers of YAML read differently, and a key that is misspelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Shell

HEAD = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata:
    name: cluster
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("misspelt", "ignored", "question"),
    [
        ("  kubernets:\n    version: 1.12.9\n", "8:3: error: Tarmak ignores 'kubernets' in clusters[]", "kubernetes"),
        (
            "  kubernetes:\n    apiServr:\n      public: true\n",
            "9:5: error: Tarmak ignores 'apiServr' in clusters[].kubernetes",
            "apiServer",
        ),
        (
            "  kubernetes:\n    apiServer:\n      amazn:\n        internalELBAccessLogs:\n          bucket: logs\n",
            "10:7: error: Tarmak ignores 'amazn' in clusters[].kubernetes.apiServer",
            "amazon",
        ),
        (
            "  apiServer:\n    public: true\n",
            "8:3: error: Tarmak ignores 'apiServer' in clusters[]",
            "clusters[].kubernetes.apiServer",
        ),
    ],
)
def test_a_misspelt_parent_is_corrected_first(
    shell: Shell, tmp_path: Path, misspelt: str, ignored: str, question: str, line_end: str
) -> None:
    """No second block, whichever command would add it; the fix in the message is one."""
    (tmp_path / "tarmak.yaml").write_bytes(f"{HEAD}{misspelt}".replace("\n", line_end).encode())
    before = (tmp_path / "tarmak.yaml").read_bytes()
    logs = "kubernetes.apiServer.amazon.publicELBAccessLogs.bucket"
    for command in (
        ["enable"],
        ["enable", "--dry-run"],
        ["config", "set", "publicELBAccessLogs.bucket", "b"],
        ["config", "set", logs, "b"],
    ):
        refused = shell.run("-c", tmp_path, *command, code=2)
        assert refused.err == (
            f"{tmp_path}/tarmak.yaml:{ignored}, and the edit would add another key; did you mean {question}? "
            f"Correct it first, by hand or with `tarmak-iam -c {tmp_path} check --fix --unsafe-fixes`\n"
        )
    assert (tmp_path / "tarmak.yaml").read_bytes() == before
    shell.run("-c", tmp_path, "check", "--fix", "--unsafe-fixes", code=None)
    shell.run("-c", tmp_path, "enable")
    assert shell.run("-c", tmp_path, "enable").err.startswith("unchanged: ")
    text = (tmp_path / "tarmak.yaml").read_bytes().decode()
    assert text.count("kubernetes:") == text.count("apiServer:") == text.count("amazon:") == 1
    assert text.count("\n") == text.count(line_end)
