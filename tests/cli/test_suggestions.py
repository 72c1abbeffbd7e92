"""Typos on the command line: what was probably meant, in one form everywhere."""

from __future__ import annotations

import pytest

from tests.support import Shell


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["enabel"], "there is no command 'enabel'; did you mean enable? (see tarmak-iam --help)"),
        (["mpa"], "there is no command 'mpa'; did you mean map? (see tarmak-iam --help)"),
        (["frobnicate"], "there is no command 'frobnicate' (see tarmak-iam --help)"),
        (["add"], "there is no command 'add'; did you mean map add? (see tarmak-iam --help)"),
        (["lint"], "there is no command 'lint'; did you mean check? (see tarmak-iam --help)"),
        (["clusters"], "there is no command 'clusters'; did you mean run -- tarmak clusters? (see tarmak-iam --help)"),
        (["map", "lsit"], "there is no command 'lsit'; did you mean list? (see tarmak-iam map --help)"),
        (["map", "rm"], "there is no command 'rm'; did you mean remove? (see tarmak-iam map --help)"),
        (
            ["map", "x"],
            "there is no command 'x'; choose one of add, convert, import, list, remove (see tarmak-iam map --help)",
        ),
        (["settings", "get"], "there is no command 'get'; did you mean show? (see tarmak-iam settings --help)"),
        (["token", "inspct"], "there is no command 'inspct'; did you mean inspect? (see tarmak-iam token --help)"),
        (
            ["check", "--fail-no", "x"],
            "there is no option --fail-no; did you mean --fail-on? (see tarmak-iam check --help)",
        ),
        (["check", "--curent-cluster=x"], "there is no option --curent-cluster; did you mean --current-cluster?"),
        (["check", "--zzz"], "there is no option --zzz (see tarmak-iam check --help)"),
        (["check", "-z"], "there is no option -z (see tarmak-iam check --help)"),
        (
            ["-o", "json", "check"],
            "there is no option -o; the options of a command stand behind its name (see tarmak-iam --help)",
        ),
        (
            ["map", "list", "-o", "jsn"],
            "Invalid value for '-o' / '--output': 'jsn' is not one of 'text', 'json'; did you mean json? (see",
        ),
        (
            ["map", "list", "-o", "it's"],
            "Invalid value for '-o' / '--output': \"it's\" is not one of 'text', 'json' (see",
        ),
        (
            ["hook", "zhs"],
            "Invalid value for '{bash|zsh}': 'zhs' is not one of 'bash', 'zsh'; did you mean zsh? (see",
        ),
        (["map", "convert", "--to", "crd"], "Invalid value for '--to': 'crd' is not one of"),
        (["settings", "set", "bakends", "CRD"], "there is no setting 'bakends'; did you mean backends?"),
        (
            ["settings", "set", "zzz", "CRD"],
            "there is no setting 'zzz'; the settings are image, registry,",
        ),
        (["settings", "unset", "imge"], "there is no setting 'imge'; did you mean image?"),
        (
            ["settings", "set", "backends", "crd"],
            "there is no backend 'crd', and the spelling counts; did you mean",
        ),
        (
            ["set", "awsIAMAuthenticatorInt", "true"],
            "kubernetes.apiServer.amazon has no key 'awsIAMAuthen",
        ),
        (
            ["show", "--section", "kubernetes.apiserver.amazon"],
            "there is no section 'kubernetes.apiserver.amazon'; did you mean",
        ),
        (["schema", "tarmak.yml"], "there is no schema 'tarmak.yml'; did you mean tarmak.yaml?"),
    ],
)
def test_typos(shell: Shell, args: list[str], message: str) -> None:
    failed = shell.dev(*args, code=2)
    assert failed.out == ""
    assert failed.err.startswith(f"error: {message}")
    assert failed.err.count("\n") == 1


def test_clusters(shell: Shell) -> None:
    file = shell.multi / "tarmak.yaml"
    near = shell.run("-c", shell.multi, "show", "--current-cluster", "prod-gren", code=2)
    assert near.err == f"{file}: error: there is no cluster 'prod-gren'; did you mean prod-green?\n"
    far = shell.run("-c", shell.multi, "show", "--current-cluster", "x", code=2)
    assert far.err == f"{file}: error: there is no cluster 'x'; choose one of prod-hub, prod-blue, prod-green\n"


def test_a_setting_of_the_file(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text("imag: x\n")
    failed = shell.dev("settings", "show", code=2)
    assert failed.err == f"{file}:1:1: error: there is no setting 'imag'; did you mean image?\n"
