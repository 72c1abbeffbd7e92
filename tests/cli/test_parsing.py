"""Typos on the command line: what was probably meant, in one form everywhere."""

from __future__ import annotations

import pytest

from tests.support import Shell

ARN = "arn:aws:iam::111122223333:role/Admin"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["enabel"], "unknown command 'enabel'; did you mean enable? (see tarmak-iam --help)"),
        (["mpa"], "unknown command 'mpa'; did you mean map? (see tarmak-iam --help)"),
        (["frobnicate"], "unknown command 'frobnicate' (see tarmak-iam --help)"),
        (["verify", "--timeout", "1s"], "invalid value for '--timeout': '1s' is not a valid number (see"),
        (["diff", "--timeout", "nan"], "invalid value for '--timeout': 'nan' is not a number (see"),
        (["diff", "--timeout", "-1"], "invalid value for '--timeout': -1.0 is not in the range x>=0 (see"),
        (["rollback", "--to", "last"], "invalid value for '--to': 'last' is not a valid integer range (see"),
        (["map", "lsit"], "unknown command 'lsit'; did you mean list? (see tarmak-iam map --help)"),
        (
            ["map", "x"],
            "unknown command 'x'; choose one of add, convert, import, list, remove (see tarmak-iam map --help)",
        ),
        (["settings", "get"], "missing argument 'KEY' (see tarmak-iam settings get --help)"),
        (["token", "inspct"], "unknown command 'inspct'; did you mean inspect? (see tarmak-iam token --help)"),
        (
            ["check", "--fail-no", "x"],
            "unknown option --fail-no; did you mean --fail-on? (see tarmak-iam check --help)",
        ),
        (["check", "--curent-cluster=x"], "unknown option --curent-cluster; did you mean --current-cluster?"),
        (["check", "--zzz"], "unknown option --zzz (see tarmak-iam check --help)"),
        (["check", "-z"], "unknown option -z (see tarmak-iam check --help)"),
        (
            ["-o", "json", "check"],
            "unknown option -o; specify options of a command after its name (see tarmak-iam --help)",
        ),
        (
            ["map", "list", "-o", "jsn"],
            "invalid value for '-o' / '--output': 'jsn' is not one of 'text', 'json' (see",
        ),
        (
            ["map", "list", "-o", "it's"],
            "invalid value for '-o' / '--output': \"it's\" is not one of 'text', 'json' (see",
        ),
        (
            ["hook", "zhs"],
            "invalid value for '{bash|zsh}': 'zhs' is not one of 'bash', 'zsh' (see",
        ),
        (["map", "convert", "--to", "crd"], "invalid value for '--to': 'crd' is not one of"),
        (["settings", "set", "bakends", "CRD"], "unknown setting 'bakends'; did you mean backends?"),
        (
            ["settings", "set", "zzz", "CRD"],
            "unknown setting 'zzz'; the settings are image, registry,",
        ),
        (["settings", "unset", "imge"], "unknown setting 'imge'; did you mean image?"),
        (
            ["settings", "set", "backends", "crd"],
            "unknown backend 'crd' (names are case-sensitive); did you mean",
        ),
        (
            ["set", "awsIAMAuthenticatorInt", "true"],
            "kubernetes.apiServer.amazon has no key 'awsIAMAuthen",
        ),
        (
            ["show", "--section", "kubernetes.apiserver.amazon"],
            "unknown section 'kubernetes.apiserver.amazon'; did you mean",
        ),
        (["schema", "tarmak.yml"], "unknown schema 'tarmak.yml'; did you mean tarmak.yaml?"),
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
    assert near.err == f"{file}: error: unknown cluster 'prod-gren'; did you mean prod-green?\n"
    far = shell.run("-c", shell.multi, "show", "--current-cluster", "x", code=2)
    assert far.err == f"{file}: error: unknown cluster 'x'; choose one of prod-hub, prod-blue, prod-green\n"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("prod-a7x", "did you mean prod-a7?"),
        ("prod", "did you mean one of prod-blue, prod-a0, prod-a1?"),
        ("blue", "did you mean prod-blue?"),
        ("pro-red", "did you mean one of prod-a9, prod-a8, prod-a7?"),
        ("zzz", "choose one of dev-cluster, prod-blue, prod-a0, prod-a1, prod-a2 and 37 more"),
    ],
)
def test_one_of_many_clusters(shell: Shell, name: str, remedy: str) -> None:
    names = ["blue", *(f"a{number}" for number in range(40))]
    config = shell.single / "tarmak.yaml"
    added = "".join(f"\n- environment: prod\n  metadata: {{name: {each}}}" for each in names)
    text = config.read_text()
    config.write_text(text.replace("\nenvironments:", f"{added}\nenvironments:"))
    failed = shell.dev("show", "--cluster", name, code=2)
    assert failed.err == f"{config}: error: unknown cluster '{name}'; {remedy}\n"


def test_a_setting_of_the_file(shell: Shell) -> None:
    file = shell.single / "dev-cluster" / "tarmak-iam.yaml"
    file.write_text("imag: x\n")
    failed = shell.dev("settings", "show", code=2)
    assert failed.err == f"{file}:1:1: error: unknown setting 'imag'; did you mean image?\n"


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        (["check", "--cluster-name", "x"], "--cluster-name; did you mean --cluster?"),
        (["enable", "--cluster-id", "x"], "--cluster-id; did you mean --cluster?"),
        (["--clustr=prod-blue", "enable"], "--clustr; did you mean --cluster?"),
        (["enable", "--clusters", "x"], "--clusters; did you mean --cluster?"),
        (["kubeconfig", "--roel", "x"], "--roel; did you mean --role?"),
        (["kubeconfig", "--role-arn", "x"], "--role-arn; did you mean --role?"),
        (["map", "add", "x", "--user", "u"], "--user; did you mean --username?"),
        (["map", "add", "x", "--user_name", "u"], "--user_name; did you mean --username?"),
        (["map", "add", "x", "--groups", "u"], "--groups; did you mean --group?"),
        (["map", "add", "x", "--dry"], "--dry; did you mean --dry-run?"),
        (["map", "add", "x", "--replace"], "--replace; did you mean --replace-groups?"),
        (["whois", "x", "--user", "u"], "--user; did you mean --user-id?"),
        (["show", "--config", "u"], "--config; did you mean --config-directory?"),
        (["--username", "x", "map", "add"], "--username; specify options of a command after its name"),
        (["enable", "--merge"], "--merge"),
        (["kubeconfig", "--region", "x"], "--region"),
        (["--region", "x"], "--region; specify options of a command after its name"),
        (["show", "-x"], "-x"),
        (["show", "-xyz"], "-x"),
    ],
)
def test_unknown_options(shell: Shell, args: list[str], answer: str) -> None:
    failed = shell.dev(*args, code=2)
    assert failed.out == ""
    assert failed.err.startswith(f"error: unknown option {answer} (see tarmak-iam")
    assert failed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["enable", "extra"], "got unexpected extra argument (extra)"),
        (["enable", "a b", "c"], "got unexpected extra arguments (a b c)"),
        (["set", "internalELBAccessLogs.bucket", "my-logs", "x"], "no value given for x"),
        (["map-add"], "unknown command 'map-add'; did you mean map?"),
        (["token", "prod-green"], "unknown command 'prod-green'; choose one of inspect"),
    ],
)
def test_unexpected_words(shell: Shell, args: list[str], message: str) -> None:
    failed = shell.dev(*args, code=2)
    assert failed.err.startswith(f"error: {message} (see tarmak-iam")


def test_a_directory_that_is_a_clusters_is_no_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shell.single)
    failed = shell.run("check", "dev-cluster", code=2)
    assert failed.err.startswith(
        "dev-cluster: error: this directory has no tarmak.yaml; specify a file, or a cluster with --cluster\n"
    )
