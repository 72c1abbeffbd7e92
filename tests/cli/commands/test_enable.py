"""enable and set: a value that other readers of YAML read differently, and a key that is misspelt."""

from __future__ import annotations

import shlex
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


def test_an_unchanged_value_that_other_readers_read_differently(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    shell.dev("enable")
    file.write_text(file.read_text().replace("awsIAMAuthenticatorInit: true", "awsIAMAuthenticatorInit: on"))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "Init: on" in text)
    column = file.read_text().splitlines()[line - 1].index(" on") + 2
    before = file.read_bytes()
    unchanged, note = shell.dev("enable").err.splitlines()
    assert unchanged.startswith("unchanged: ")
    remedy = f"tarmak-iam -c {shell.single} set awsIAMAuthenticatorInit true"
    assert note == (f"{file}:{line}:{column}: note: other readers of YAML do not read true here; write true: {remedy}")
    assert file.read_bytes() == before
    assert "+        awsIAMAuthenticatorInit: true" in shell.run(*shlex.split(remedy)[1:]).out
    assert shell.dev("enable").err == "unchanged: awsIAMAuthenticatorInit is on for dev-cluster\n"


def test_a_value_of_an_alias_is_unchanged_without_a_note(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    shell.dev("enable")
    text = file.read_text().replace("awsIAMAuthenticatorInit: true", "awsIAMAuthenticatorInit: *on")
    file.write_text(text.replace("public: yes", "public: &on yes"))
    assert shell.dev("enable").err == "unchanged: awsIAMAuthenticatorInit is on for dev-cluster\n"
    assert "unchanged: " in shell.dev("set", "awsIAMAuthenticatorInit", "true").err


def test_set_writes_what_every_reader_reads(shell: Shell) -> None:
    file, key = shell.single / "tarmak.yaml", "internalELBAccessLogs.enabled"
    shell.dev("set", key, "true", "internalELBAccessLogs.bucket", "logs")
    assert shell.dev("set", key, "true").err == f"unchanged: {key} already has this value\n"
    file.write_text(file.read_text().replace("enabled: true", "enabled: yes"))
    assert "-          enabled: yes\n+          enabled: true\n" in shell.dev("set", key, "true").out


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
        ["set", "publicELBAccessLogs.bucket", "b"],
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


def test_the_misspelt_key_of_another_place_does_not_matter(shell: Shell, tmp_path: Path) -> None:
    """That of another cluster, one beside the correct key, and one beside another key."""
    other = "- environment: dev\n  metadata: {name: other}\n  kubernets: {version: 1.12.9}\n"
    own = "  kubernetes:\n    versoin: 1.12.9\n    apiServer: {}\n    apiServr: {}\n"
    (tmp_path / "tarmak.yaml").write_text(f"{HEAD}{own}{other}")
    assert "+        awsIAMAuthenticatorInit: true\n" in shell.run("-c", tmp_path, "enable").out


def test_force_adds_a_key_beside_one_that_is_misspelt(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "tarmak.yaml").write_text(f"{HEAD}  kubernets: {{version: 1.12.9}}\n")
    patch = tmp_path / "patch.yaml"
    patch.write_text("kubernetes: {version: 1.13.1}\n")
    assert "Tarmak ignores 'kubernets'" in shell.run("-c", tmp_path, "config", "patch", patch, code=2).err
    shell.run("-c", tmp_path, "config", "set", "kubernetes.version", "1.13.1", "--force")
