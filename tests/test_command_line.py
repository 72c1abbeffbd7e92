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
from tarmak_iam.config.locate import directory_option
from tarmak_iam.document import Document
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.programs import Programs
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import PLAIN, CommandLine
from tests.support import ADMIN, EXAMPLES, PACKAGE, ROOT, Shell

CASES = Document.parse((ROOT / "tests" / "suggestions.yaml").read_bytes()).data
COMMANDS = "|".join(cli.list_commands(None))  # type: ignore[arg-type]  # it asks for no context
SUGGESTED = re.compile(rf"\btarmak-iam (?:-c|--cluster|{COMMANDS})\b|\btarmak (?:clusters|environments|init)\b")


def texts_of(path: Path) -> Iterator[str]:
    """Every literal text of a module but docstrings, and every line of another file."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from source.splitlines()
    elif re.search("tarmak(?!_iam)", source):  # others need not be parsed
        tree = ast.parse(source)
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docstrings)
        yield from (str(node.value) for node in constants)


def test_no_message_writes_a_command_by_itself() -> None:
    """A command in a text is for the directory and cluster that a user without options works on, perhaps wrongly."""
    texts = [
        (name, text)
        for path in sorted(path for kind in ("py", "json") for path in PACKAGE.rglob(f"*.{kind}"))
        if (name := path.relative_to(PACKAGE).as_posix()) != "text.py"
        for text in filter(SUGGESTED.search, texts_of(path))
    ]
    allowed = [(name, part) for name, parts in CASES["without cluster"].items() for part in parts]
    made = [(name, text) for name, text in texts if not any(name == of and part in text for of, part in allowed)]
    assert made == [], "make the command with Installation.command, TarmakConfig.command_line or Session.command"
    assert [(of, part) for of, part in allowed if not any(of == name and part in text for name, text in texts)] == []


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (PLAIN.tarmak_iam("check"), "tarmak-iam check"),
        (PLAIN.tarmak("clusters apply"), "tarmak clusters apply"),
        (CommandLine("my dir").tarmak_iam("check"), "tarmak-iam -c 'my dir' check"),
        (CommandLine("~/x").tarmak("init"), "tarmak -c '~/x' init"),
        (CommandLine(None, "prod-blue").tarmak_iam("enable"), "tarmak-iam --cluster prod-blue enable"),
        (
            CommandLine("d", "a b-$(id)").tarmak("clusters apply"),
            "tarmak -c d --current-cluster 'a b-$(id)' clusters apply",
        ),
        (PLAIN.tarmak_iam("map add ARN --group", "a b", "it's"), "tarmak-iam map add ARN --group 'a b' 'it'\"'\"'s'"),
        (
            Access(Programs({}), None, "context", ("-c", "my dir"), "/opt/tarmak").kubectl().reopen,
            "/opt/tarmak -c 'my dir' clusters kubeconfig",
        ),
    ],
)
def test_commands_are_typed_as_a_shell_reads_them(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize("case", CASES["directories"])
def test_the_directory_is_named_where_it_would_not_be_found(case: dict[str, str | None]) -> None:
    environment = {"TARMAK_CONFIG": case["variable"]} if case["variable"] else {}
    assert directory_option(case["given"], environment) == case["expected"]


def installation(directory: Path | None, cluster: str) -> Installation:
    config = TarmakConfig.load(directory)
    return Installation.of(config, config.cluster(cluster))


def test_from_python_the_directory_is_the_one_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_CONFIG", str(EXAMPLES / "multi"))
    assert installation(None, "prod-blue").command("check") == "tarmak-iam check"
    assert installation(None, "prod-green").command("check") == "tarmak-iam --cluster prod-green check"
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


@pytest.mark.parametrize("case", CASES["commands"], ids=lambda case: case["command"])
def test_a_command_names_directory_and_cluster(shell: Shell, case: dict[str, str]) -> None:
    before, command, suggested = case.get("before"), case["command"].replace("ADMIN", ADMIN), case["suggested"]
    chosen = ["-c", str(shell.multi), "--cluster", "prod-green"]
    if before:
        shell.run(*chosen, *before.split(), code=None)
    told = shell.run(*chosen, *command.split(), code=None)
    named = [*chosen[:2], "--cluster" if "tarmak-iam {}" in suggested else "--current-cluster", chosen[-1]]
    assert suggested.format(shlex.join(named)) in told.out + told.err


@pytest.mark.parametrize("pasted", CASES["pasted"].values(), ids=CASES["pasted"])
def test_a_finding_names_the_commands_for_a_file_of_another_tool(shell: Shell, pasted: str) -> None:
    """Done word for word, they leave a file without a finding."""
    chosen = ["-c", str(shell.multi), "--cluster", "prod-green"]
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


def test_a_list_of_another_tool_is_imported_from_the_file_itself(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ["-c", str(shell.multi), "--cluster", "prod-green"]
    file = shell.multi / "prod-green" / "aws-iam-authenticator.yaml"
    pasted, dev = CASES["pasted"]["list of eksctl"], "{roleARN: 'arn:aws:iam::111122223333:role/Dev', username: dev}"
    text = f"{pasted}server:\n  mapRoles:\n  - {dev}\n"
    file.write_text(text, encoding="utf-8")
    found = shell.run(*chosen, "check", code=1)
    command = shlex.join(["tarmak-iam", *chosen])
    remedy = f"import its entries: {command} map import --from eksctl - < {shlex.quote(str(file))}; then remove"
    assert f"{remedy} 'iamIdentityMappings' [IAM057]" in found.out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    shell.run(*chosen, "map", "import", "--from", "eksctl", "-", code=0)
    file.write_text(file.read_text(encoding="utf-8").removeprefix(pasted), encoding="utf-8")
    assert "IAM" not in shell.run(*chosen, "check", code=None).out
    assert "role/Admin" in file.read_text(encoding="utf-8")


def test_a_missing_configuration_is_made_where_it_was_looked_for(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "my dir"
    empty.mkdir()
    assert f"run `tarmak -c '{empty}' init`, or specify" in shell.run("-c", empty, "show", code=2).err
    monkeypatch.setenv("TARMAK_CONFIG", str(empty))
    assert "run `tarmak init`, or specify" in shell.run("show", code=2).err
