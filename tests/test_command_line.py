"""Suggested commands: for the same directory and cluster, quoted for the shell, and made in one place."""

from __future__ import annotations

import ast
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarmak_iam import TarmakConfig, TarmakIamError
from tarmak_iam.cli.main import cli
from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.config.locate import directory_option
from tarmak_iam.hook.connection import kubeconfig_command
from tarmak_iam.installation.installation import Installation
from tests.support import ADMIN, EXAMPLES, PACKAGE, Shell

COMMANDS = "|".join(sorted({*cli.list_commands(None)}))  # type: ignore[arg-type]  # it asks for no context
SUGGESTED = re.compile(rf"\btarmak-iam (?:-c|--current-cluster|{COMMANDS})\b|\btarmak (?:clusters|environments|init)\b")

WITHOUT_CLUSTER = {
    ("cli/options.py", "Kubeconfig of an admin. Default: the one that `tarmak clusters kubeconfig` prints."): "help",
    ("cli/commands/hook.py", '  command tarmak-iam run -- tarmak "$@"'): "the shell function: its words are the user's",
    ("cli/commands/run.py", "For kubectl, instead of `tarmak clusters kubeconfig`."): "help",
    ("cli/commands/run.py", ": `tarmak-iam run -- tarmak clusters apply`; put a"): "the options are tarmak's own there",
    (
        "cli/commands/settings.py",
        "# Settings of tarmak-iam for this cluster; `tarmak-iam settings show` lists",
    ): "in a file",
    ("emit/directory.py", "What `tarmak-iam render` wrote to this directory, and so may replace."): "in a file",
    ("emit/directory.py", "it was not written by tarmak-iam render"): "what wrote the file",
    ("emit/kustomization.py", "# Made by `tarmak-iam render`, which replaces it;"): "in a file",
    ("hook/cluster/kubectl.py", "tarmak clusters kubeconfig"): "the default of a kubectl that nobody gave options",
    ("hook/connection.py", "tarmak clusters kubeconfig failed: "): "what was run, with its reason",
    ("hook/connection.py", "tarmak clusters kubeconfig printed no KUBECONFIG=path"): "what was run",
    ("hook/tarmak/backup.py", "`tarmak-iam run` left"): "what was run",
    ("hook/tarmak/backup.py", "from before an earlier `tarmak-iam run`"): "what was run",
    ("config/environment_validation.py", "tarmak clusters plan and apply fail"): "what fails, not what to type",
    ("config/cluster_validation.py", "tarmak clusters apply fails"): "the same",
    ("lint/environment_rules.py", "tarmak clusters plan and apply fail"): "the same",
    ("hook/login/caller.py", "tarmak-iam token"): "who made a token, not what to type",
    ("mappings/mappings_file.py", "# Who can log in to this cluster with AWS IAM"): "in a file",
    ("token/exec_credential.py", "give what `tarmak-iam token` prints"): "a token is for a cluster id, not a directory",
    ("token/presigned.py", "give what `tarmak-iam token` prints, whole"): "the same",
}
"""By file and what the text begins with or has in it: why the command is not made by `CommandLine`."""


def texts_of(path: Path) -> Iterator[str]:
    """Every literal text of a module but docstrings and the examples of a command's help."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg == "epilog":
            passed_over.update(id(each) for each in ast.walk(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) and id(node) not in passed_over:
            yield node.value if isinstance(node.value, str) else node.value.decode(errors="replace")


def test_no_message_writes_a_command_by_itself() -> None:
    used, found = set(), []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name in ("command_line.py", "lint/rule_docs.py"):  # the place, and the rules' own pages
            continue
        for text in filter(SUGGESTED.search, texts_of(path)):
            allowed = next((key for key in WITHOUT_CLUSTER if key[0] == name and key[1] in text), None)
            used.add(allowed)
            found += [] if allowed else [(name, text)]
    assert found == [], "make the command with Installation.command, TarmakConfig.command_line or Session.command"
    assert set(WITHOUT_CLUSTER) - used == set()


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (PLAIN.tarmak_iam("check"), "tarmak-iam check"),
        (PLAIN.tarmak("clusters apply"), "tarmak clusters apply"),
        (CommandLine("my dir").tarmak_iam("check"), "tarmak-iam -c 'my dir' check"),
        (CommandLine("~/x").tarmak("init"), "tarmak -c '~/x' init"),
        (CommandLine(None, "prod-blue").tarmak_iam("enable"), "tarmak-iam --current-cluster prod-blue enable"),
        (
            CommandLine("d", "a b-$(id)").tarmak("clusters apply"),
            "tarmak -c d --current-cluster 'a b-$(id)' clusters apply",
        ),
        (PLAIN.tarmak_iam("map add ARN --group", "a b", "it's"), "tarmak-iam map add ARN --group 'a b' 'it'\"'\"'s'"),
        (kubeconfig_command(("-c", "my dir"), "/opt/tarmak"), "/opt/tarmak -c 'my dir' clusters kubeconfig"),
    ],
)
def test_commands_are_typed_as_a_shell_reads_them(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (None, {}, None),
        (None, {"TARMAK_CONFIG": "/etc/t"}, None),
        ("/etc/t", {}, "/etc/t"),
        ("/etc/t", {"TARMAK_CONFIG": "/etc/t"}, None),
        ("/etc/t/", {"TARMAK_CONFIG": "/etc/x/../t"}, None),
        ("/etc/t/tarmak.yaml", {}, "/etc/t"),
        ("/etc/t/tarmak.yaml", {"TARMAK_CONFIG": "/etc/t"}, None),
        ("/etc/t/other.yaml", {}, "/etc/t/other.yaml"),
        ("~/.tarmak", {}, None),
        ("~/.tarmak", {"TARMAK_CONFIG": "/etc/t"}, "~/.tarmak"),
        ("tarmak.yaml", {}, "."),
    ],
)
def test_the_directory_is_named_where_it_would_not_be_found(
    given: str | None, environment: dict[str, str], expected: str | None
) -> None:
    assert directory_option(given, environment) == expected


def installation(directory: Path | None, cluster: str) -> Installation:
    config = TarmakConfig.load(directory)
    return Installation.of(config, config.cluster(cluster))


def test_from_python_the_directory_is_the_one_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_CONFIG", str(EXAMPLES / "multi"))
    assert installation(None, "prod-blue").command("check") == "tarmak-iam check"
    assert installation(None, "prod-green").command("check") == "tarmak-iam --current-cluster prod-green check"
    single = EXAMPLES / "single"
    assert installation(single, "dev-cluster").command("check") == f"tarmak-iam -c {shlex.quote(str(single))} check"


def test_a_configuration_without_a_file_has_no_directory() -> None:
    config = TarmakConfig.parse((EXAMPLES / "multi" / "tarmak.yaml").read_bytes())
    assert config.command_line().tarmak_iam("check") == "tarmak-iam check"
    assert config.command_line(config.cluster("prod-green")).cluster_name == "prod-green"


def test_a_cluster_that_currentcluster_cannot_select_is_named() -> None:
    text = (EXAMPLES / "single" / "tarmak.yaml").read_text(encoding="utf-8")
    text = text.replace("currentCluster: dev-cluster", "currentCluster: dev-my-cluster")
    config = TarmakConfig.parse(text.replace("name: cluster", "name: my-cluster"))
    assert config.clusters[0].cluster_name == "dev-my-cluster"
    with pytest.raises(TarmakIamError):
        _ = config.current_cluster
    assert config.command_line(config.clusters[0]).cluster_name == "dev-my-cluster"


SSO = ["map", "add", "sso:111122223333/Dev", "--username", "dev"]
IMAGE = ["settings", "set", "image", "x.example.com/a:v0.7.9"]
REGISTRY = ["settings", "set", "registry", "ecr"]


@pytest.mark.parametrize(
    ("before", "args", "suggested"),
    [
        ([], ["enable"], "`tarmak {} clusters apply`"),
        ([["enable"]], ["disable"], "`tarmak {} clusters apply`"),
        ([], ["set", "internalELBAccessLogs.bucket", "my-logs"], "`tarmak {} clusters apply`"),
        ([], ["whois", ADMIN], "tarmak-iam {} map add ARN --username NAME --group GROUP"),
        ([], ["map", "convert", "--to", "CRD"], "tarmak-iam {} map add ARN --username NAME --group GROUP"),
        ([], ["manifests"], "tarmak-iam {} map add ARN --username NAME --group system:masters"),
        (
            [["settings", "set", "daemonVersion", "v0.6.20"]],
            SSO,
            "tarmak-iam {} settings set daemonVersion v0.7.18",
        ),
        (
            [["settings", "set", "daemonVersion", "v0.7.9"]],
            SSO,
            "tarmak-iam {} settings set featureGates SSORoleMatch=true",
        ),
        (
            [["settings", "set", "backends", "CRD"]],
            ["map", "add", "111122223333"],
            "tarmak-iam {} settings set backends CRD,MountedFile",
        ),
        ([IMAGE], REGISTRY, "tarmak-iam {} settings unset image"),
    ],
)
def test_a_command_names_directory_and_cluster(
    shell: Shell, before: list[list[str]], args: list[str], suggested: str
) -> None:
    chosen = ["-c", str(shell.multi), "--current-cluster", "prod-green"]
    for each in before:
        shell.run(*chosen, *each, code=None)
    told = shell.run(*chosen, *args, code=None)
    assert suggested.format(shlex.join(chosen)) in told.out + told.err


AWS_AUTH = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: aws-auth, namespace: kube-system}
data:
  mapRoles: |
    - rolearn: arn:aws:iam::111122223333:role/Admin
      username: admin
      groups: ["system:masters"]
"""
EKSCTL = """\
iamIdentityMappings:
- arn: arn:aws:iam::111122223333:role/Admin
  username: admin
  groups: ["system:masters"]
"""


@pytest.mark.parametrize("pasted", [AWS_AUTH, EKSCTL, "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n" + EKSCTL])
def test_a_finding_names_the_commands_for_a_file_of_another_tool(shell: Shell, pasted: str) -> None:
    """Done word for word, they leave a file without a finding."""
    chosen = ["-c", str(shell.multi), "--current-cluster", "prod-green"]
    file = shell.multi / "prod-green" / "aws-iam-authenticator.yaml"
    file.write_text(pasted, encoding="utf-8")
    found = shell.run(*chosen, "check", code=1)
    aside = shlex.quote(f"{file}.orig")
    command = shlex.join(["tarmak-iam", *chosen])
    assert f"mv {shlex.quote(str(file))} {aside} && {command} map import {aside} [IAM057]" in found.out
    file.rename(f"{file}.orig")
    shell.run(*chosen, "map", "import", f"{file}.orig", code=0)
    assert "IAM" not in shell.run(*chosen, "check", code=None).out
    assert "role/Admin" in file.read_text(encoding="utf-8")


def test_a_file_of_another_tool_without_mappings_is_put_aside(shell: Shell) -> None:
    chosen = ["-c", str(shell.multi), "--current-cluster", "prod-green"]
    file = shell.multi / "prod-green" / "aws-iam-authenticator.yaml"
    file.write_text("apiVersion: v1\nkind: Service\n", encoding="utf-8")
    found = shell.run(*chosen, "check", code=1)
    command = shlex.join(["tarmak-iam", *chosen])
    assert f".orig && {command} map add ARN --username NAME --group system:masters [IAM057]" in found.out


def test_a_list_of_another_tool_is_imported_from_the_file_itself(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ["-c", str(shell.multi), "--current-cluster", "prod-green"]
    file = shell.multi / "prod-green" / "aws-iam-authenticator.yaml"
    text = EKSCTL + "server:\n  mapRoles:\n  - {roleARN: 'arn:aws:iam::111122223333:role/Dev', username: dev}\n"
    file.write_text(text, encoding="utf-8")
    found = shell.run(*chosen, "check", code=1)
    command = shlex.join(["tarmak-iam", *chosen])
    remedy = f"import its entries: {command} map import --from eksctl - < {shlex.quote(str(file))}; then remove"
    assert f"{remedy} 'iamIdentityMappings' [IAM057]" in found.out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    shell.run(*chosen, "map", "import", "--from", "eksctl", "-", code=0)
    file.write_text(file.read_text(encoding="utf-8").removeprefix(EKSCTL), encoding="utf-8")
    assert "IAM" not in shell.run(*chosen, "check", code=None).out
    assert "role/Admin" in file.read_text(encoding="utf-8")


def test_a_missing_configuration_is_made_where_it_was_looked_for(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "my dir"
    empty.mkdir()
    assert f"run `tarmak -c '{empty}' init`, or name" in shell.run("-c", empty, "show", code=2).err
    monkeypatch.setenv("TARMAK_CONFIG", str(empty))
    assert "run `tarmak init`, or name" in shell.run("show", code=2).err
