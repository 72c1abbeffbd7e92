"""`check --fix` of files that cannot be used as they are: values in the wrong type, and templates without quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands.fixable import CONFIG, GOOD, text
from tests.support import ADMIN, Shell

UNQUOTED = GOOD + f"  - roleARN: {ADMIN}2\n    username: {{{{AccountID}}}}  # theirs\n    groups: [dev]\n"
QUOTED = UNQUOTED.replace("{{AccountID}}", '"{{AccountID}}"')


@pytest.mark.parametrize("rest", ["clusters: [\n", "location: [1]\n"])
def test_no_fix_is_offered_for_a_file_that_stays_unusable(shell: Shell, home: Path, rest: str) -> None:
    (home / "tarmak.yaml").write_text(CONFIG + rest)
    assert "fix:" not in shell.run("-c", ".", "check", code=None).err


@pytest.mark.parametrize("args", [["-c", ".", "check"], ["check", "tarmak.yaml"]])
def test_types_that_tarmak_rejects(shell: Shell, home: Path, args: list[str]) -> None:
    """The file can only be checked after that."""
    (home / "tarmak.yaml").write_text(CONFIG.replace("v1.12.9", "1.12  # x"))
    error = shell.run(*args, code=2).err
    assert ' put it in quotes: "1.12" (fix: `tarmak-iam -c . check --fix`)\n' in error
    diff = shell.run(*args, "--diff", code=1)
    assert '-    version: 1.12  # x\n+    version: "1.12"  # x\n' in diff.out
    assert "1.12  # x" in text(home)
    result = shell.run(*args, "--fix", code=1)
    assert 'tarmak.yaml:9:14: fixed: write "1.12": Tarmak requires a string here\n' in result.err
    assert result.err.endswith("1 error, 2 fixed\n")
    assert text(home) == CONFIG.replace("v1.12.9", '"1.12"  # x').replace("010", "8")
    assert "[IAM040]" in result.out


@pytest.mark.parametrize(
    "args", [["-c", ".", "check"], ["check", "tarmak.yaml"], ["-c", ".", "check", "--all-clusters"]]
)
def test_templates_without_quotes(shell: Shell, home: Path, args: list[str]) -> None:
    """The authenticator cannot read the file, so that quotes give access."""
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(UNQUOTED)
    for options in ((), ("--fix",)):
        error = shell.run(*args, *options, code=2).err
        assert " (fix: `tarmak-iam -c . check --fix --unsafe-fixes`)\n" in error
    diff = shell.run(*args, "--diff", "--unsafe-fixes", code=1)
    assert '+    username: "{{AccountID}}"  # theirs\n' in diff.out
    name = "dev-cluster/aws-iam-authenticator.yaml"
    assert f"\neffect: {name}: the authenticator can read the file, and all of its entries take effect\n" in diff.err
    assert f"\neffect: {ADMIN}2: can log in as {{{{AccountID}}}} with group dev\n" in diff.err
    assert path.read_text() == UNQUOTED
    result = shell.run(*args, "--fix", "--unsafe-fixes", code=None)
    assert "fixed: put the template in quotes: {{AccountID}}\n" in result.err
    assert path.read_text() == QUOTED


def test_templates_without_quotes_in_a_file_of_two_clusters(shell: Shell, home: Path) -> None:
    """It is written once."""
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: cluster\n")
    path, link = (home / f"{each}-cluster" / "aws-iam-authenticator.yaml" for each in ("dev", "test"))
    for each in (path, link):
        each.parent.mkdir()
    path.write_text(UNQUOTED)
    link.symlink_to("../dev-cluster/aws-iam-authenticator.yaml")
    result = shell.run("-c", ".", "check", "--all-clusters", "--fix", "--unsafe-fixes")
    assert "the edit is repeated" not in result.err
    assert (path.read_text(), link.is_symlink()) == (QUOTED, True)


def test_a_repaired_file_of_two_clusters(shell: Shell, home: Path) -> None:
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: cluster\n")
    (home / "dev-cluster").mkdir()
    (home / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(UNQUOTED)
    (home / "test-cluster").symlink_to("dev-cluster")
    line = (
        "effect: dev-cluster/aws-iam-authenticator.yaml: this file is also that of test-cluster; "
        "access to them changes, and was not checked\n"
    )
    for options, count in ((("--all-clusters",), 0), ((), 1)):
        err = shell.run("-c", ".", "check", *options, "--diff", "--unsafe-fixes", code=1).err
        assert err.count("put the template in quotes") == (1 if count else 2)
        assert err.count(line) == count


def test_other_commands_name_the_command_that_repairs_a_file(shell: Shell, home: Path) -> None:
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(UNQUOTED)
    for args in (["whois", ADMIN], ["map", "add", ADMIN, "--group", "x"]):
        error = shell.run("-c", ".", *args, code=2).err
        assert " (fix: `tarmak-iam -c . check --fix --unsafe-fixes`)\n" in error
    path.write_text("server: {{{}}: x\n")
    assert "fix:" not in shell.run("-c", ".", "whois", ADMIN, code=2).err
    (home / "tarmak.yaml").write_text(CONFIG.replace("v1.12.9", "1.12"))
    assert " (fix: `tarmak-iam -c . check --fix`)\n" in shell.run("-c", ".", "enable", code=2).err


def test_templates_without_quotes_in_a_file_without_a_cluster(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "aws-iam-authenticator.yaml"
    path.write_text(UNQUOTED)
    assert "+    username:" in shell.run("check", path.name, "--diff", "--unsafe-fixes", code=1).out
    shell.run("check", path.name, "--fix", "--unsafe-fixes", code=None)
    assert path.read_text() == QUOTED


def test_mappings_with_another_name_and_templates_without_quotes(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mappings.yaml"
    path.write_text(UNQUOTED)
    error = shell.run("check", path.name, "--fix", code=2).err
    assert "mappings.yaml:7:16: error: " in error
    assert " (fix: `tarmak-iam check mappings.yaml --fix --unsafe-fixes`)\n" in error
    err = shell.run("check", path.name, "--fix", "--unsafe-fixes", code=None).err
    assert "effect: mappings.yaml: the authenticator can read the file\n" in err
    assert f"effect: in a cluster that reads mappings.yaml: {ADMIN}2: can log in as " in err
    assert path.read_text() == QUOTED
    path.write_text("server: {{{}}: x\n")
    assert (
        "mappings.yaml:2:1: error: invalid YAML" in shell.run("check", path.name, "--fix", "--unsafe-fixes", code=2).err
    )


IAM_LOGIN = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata:
    name: cluster
  kubernetes:
    version: 1.12
    apiServer:
      amazon:
        awsIAMAuthenticatorInit: "{}"
"""
OTHER = "- environment: test\n  metadata:\n    name: cluster\n  kubernetes:\n    version: 1.12\n"
DISABLED = "    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: 'off'\n"
INIT = "kubernetes.apiServer.amazon.awsIAMAuthenticatorInit"
NODES = (
    "arn:aws:iam::111122223333:role/Node\n    username: system:node:{{EC2PrivateDNSName}}\n"
    "    groups: ['system:nodes']\n"
)


def write(home: Path, config: str, mappings: str = GOOD) -> str:
    (home / "tarmak.yaml").write_text(config)
    (home / "dev-cluster").mkdir()
    (home / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(mappings)
    return config


@pytest.mark.parametrize("args", [["-c", ".", "check"], ["check", "tarmak.yaml"]])
@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_iam_login_that_is_disabled_in_quotes_is_not_repaired_as_a_safe_fix(
    shell: Shell, home: Path, args: list[str], option: str
) -> None:
    """Tarmak rejects the file, so that nobody knows what the cluster has now."""
    config = write(home, IAM_LOGIN.format("false"))
    error = shell.run(*args, option, code=2).err
    assert " (fix: `tarmak-iam -c . check --fix --unsafe-fixes`)\n" in error
    assert error.startswith(
        "tarmak.yaml:12:34: not fixed: write false: Tarmak requires a boolean here; "
        "it disables IAM login: this requires --unsafe-fixes\ntarmak.yaml:9:14: error: "
    )
    assert text(home) == config


def test_iam_login_in_quotes_that_is_enabled(shell: Shell, home: Path) -> None:
    config = write(home, IAM_LOGIN.format("yes"))
    result = shell.run("-c", ".", "check", "--fix", code=None)
    assert "tarmak.yaml:12:34: fixed: write true: Tarmak requires a boolean here\n" in result.err
    assert "effect: " not in result.err
    assert text(home) == config.replace('"yes"', "true").replace("1.12", '"1.12"')


@pytest.mark.parametrize(
    ("mappings", "loss"),
    [
        (GOOD, f"the last mapping to system:masters would be lost ({ADMIN})"),
        (f"server:\n  mapRoles:\n  - roleARN: {NODES}", "the nodes of arn:aws:iam::111122223333:role/Node could no"),
    ],
)
@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_iam_login_in_quotes_that_could_lock_out(
    shell: Shell, home: Path, mappings: str, loss: str, option: str
) -> None:
    config = write(home, IAM_LOGIN.format("false"), mappings)
    for args in (["-c", ".", "check"], ["check", "tarmak.yaml"]):
        result = shell.run(*args, option, "--unsafe-fixes", code=2)
        start = "tarmak.yaml:12:34: error: IAM login would be disabled, if it is enabled now: "
        assert f"{start}{loss}" in result.err
        assert "; nothing was changed; if that is wanted, write false without quotes\n" in result.err
        assert (result.out, text(home)) == ("", config)


def test_iam_login_in_quotes_that_nobody_uses(shell: Shell, home: Path) -> None:
    config = write(home, IAM_LOGIN.format("false"), "server:\n  mapRoles: []\n")
    result = shell.run("-c", ".", "check", "--fix", "--unsafe-fixes", code=None)
    assert f"effect: {INIT}: not usable -> false (IAM login is disabled)\n" in result.err
    assert text(home) == config.replace('"false"', "false").replace("1.12", '"1.12"')


def test_iam_login_in_quotes_of_a_cluster_that_is_not_checked(shell: Shell, home: Path) -> None:
    """Its mappings are checked with --all-clusters, and the place is that of the value that disables IAM login."""
    config = write(home, IAM_LOGIN.format("true") + OTHER + DISABLED)
    error = shell.run("-c", ".", "check", "--fix", "--unsafe-fixes", code=2).err
    loss = "IAM login to test-cluster would be disabled, and its mappings were not checked"
    assert f"tarmak.yaml:20:34: error: IAM login would be disabled, if it is enabled now: {loss}" in error
    assert text(home) == config
    err = shell.run("-c", ".", "check", "--all-clusters", "--diff", "--unsafe-fixes", code=1).err
    assert "effect: dev-cluster: " not in err
    assert f"effect: test-cluster: {INIT}: not usable -> false (IAM login is disabled)\n" in err


def test_a_refused_repair_does_not_end_the_check_of_other_files(shell: Shell, home: Path) -> None:
    config = write(home, IAM_LOGIN.format("false"))
    (home / "other.yaml").write_text(GOOD.replace("role/", "role/path/"))
    result = shell.run("check", "tarmak.yaml", "other.yaml", "--fix", "--unsafe-fixes", code=2)
    assert "error: IAM login would be disabled" in result.err
    assert (text(home), (home / "other.yaml").read_text()) == (config, GOOD)
