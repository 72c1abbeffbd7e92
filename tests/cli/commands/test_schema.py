"""`schema`: one on stdout, or all of them in a directory with a line in each file that names its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tarmak_iam.cli.commands.schema import modeline, with_modeline
from tarmak_iam.document import Document
from tests.support import ADMIN, ROOT, Shell

LINE = "# yaml-language-server: $schema="


@pytest.mark.parametrize(
    ("args", "file"),
    [
        ([], "kubernetes.apiServer.amazon"),
        (["kubernetes.apiServer.amazon"], "kubernetes.apiServer.amazon"),
        (["tarmak"], "tarmak"),
        (["tarmak.yaml"], "tarmak"),
        (["mappings"], "mappings"),
        (["aws-iam-authenticator.yaml"], "mappings"),
        (["settings"], "settings"),
        (["tarmak-iam.yaml"], "settings"),
    ],
)
def test_the_files_of_schemas_are_what_it_prints(shell: Shell, args: list[str], file: str) -> None:
    """`make schemas` writes them anew."""
    assert shell.run("schema", *args).out == (ROOT / "schemas" / f"{file}.json").read_text(encoding="utf-8")


@pytest.fixture
def multi(shell: Shell) -> Path:
    role = ["map", "add", ADMIN, "--username", "admin", "--group", "system:masters"]
    shell.run("-c", shell.multi, *role, "--all-clusters")
    shell.run("-c", shell.multi, "settings", "set", "exec", "aws")
    return shell.multi


def test_a_directory_of_them_and_a_line_in_each_file(shell: Shell, multi: Path) -> None:
    before = (multi / "tarmak.yaml").read_bytes()
    done = shell.run("-c", multi, "schema", "--output-dir", multi / "my schemas", "--modeline")
    names = ["mappings.schema.json", "settings.schema.json", "tarmak.schema.json"]
    assert sorted(path.name for path in (multi / "my schemas").iterdir()) == names
    assert json.loads((multi / "my schemas" / "tarmak.schema.json").read_text())["title"] == "tarmak.yaml"
    first = f"{LINE}my%20schemas/tarmak.schema.json\n"
    assert f"+{first}" in done.out
    assert (multi / "tarmak.yaml").read_bytes() == first.encode() + before
    for name in ("prod-blue", "prod-green"):
        text = (multi / name / "aws-iam-authenticator.yaml").read_text()
        assert text.startswith(f"{LINE}../my%20schemas/mappings.schema.json\n# Who can log in")
    assert (multi / "prod-blue" / "tarmak-iam.yaml").read_text().splitlines()[0] == (
        f"{LINE}../my%20schemas/settings.schema.json"
    )
    again = shell.run("-c", multi, "schema", "--output-dir", multi / "my schemas", "--modeline")
    assert again.out == ""
    assert all(line.startswith("unchanged ") for line in again.err.splitlines())
    shell.run("-c", multi, "check", "--all-clusters")


def test_without_a_cluster_only_the_schemas(shell: Shell, tmp_path: Path) -> None:
    shell.run("schema", "--output-dir", tmp_path / "s")
    shell.run("schema", "--output-dir", tmp_path / "t", "--modeline", code=2)
    assert (tmp_path / "s").exists()
    assert not (tmp_path / "t").exists()


def test_json_is_left_alone(shell: Shell, tmp_path: Path) -> None:
    text = '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"}'
    (tmp_path / "tarmak.yaml").write_text(text)
    done = shell.run("-c", tmp_path, "schema", "--output-dir", tmp_path, "--modeline")
    assert "is JSON, which has no comments" in done.err
    assert (tmp_path / "tarmak.yaml").read_text() == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", "{}\na: 1\n"),
        ("", "{}\n"),
        ("a: 1\r\nb: 2\r\n", "{}\r\na: 1\r\nb: 2\r\n"),
        ("%YAML 1.1\n---\na: 1\n", "{}\n%YAML 1.1\n---\na: 1\n"),
        ("# yaml-language-server: $schema=https://example.com/x y\na: 1\n", "{}\na: 1\n"),
        ("# first\n#yaml-language-server:$schema=x\r\na: 1\n", "# first\n{}\r\na: 1\n"),
    ],
)
def test_where_the_line_goes(text: str, expected: str) -> None:
    """A byte order mark stays the first."""
    edited = with_modeline(Document.parse(text), modeline("s.json"))
    assert edited.text == expected.replace("{}", f"{LINE}s.json")
    assert with_modeline(edited, modeline("s.json")) is edited
    marked = with_modeline(Document.parse(b"\xef\xbb\xbf" + text.encode()), modeline("s.json"))
    assert marked.to_bytes() == b"\xef\xbb\xbf" + edited.to_bytes()
