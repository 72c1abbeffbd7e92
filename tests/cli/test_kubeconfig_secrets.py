"""A secret anywhere in a kubeconfig, also where it makes the file invalid, is in no output of any command."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support import ADMIN, Shell
from tests.support.thorough import examples
from tests.support.webhook_pairs import files

SECRET = "S3cret-Marker"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: prod
preferences: {colors: true}
clusters:
- name: prod
  cluster:
    server: https://api.example.com
    certificate-authority-data: LS0tLS1CRUdJTg==
- {name: dev-cluster, cluster: {server: 'https://localhost:1', tls-server-name: api}}
contexts:
- name: prod
  context: {cluster: prod, user: prod}
users:
- name: prod
  user:
    token: abc
    client-key-data: >-
      LS0tLS1CRUdJTg==
- name: dev-cluster
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1alpha1
      command: aws-iam-authenticator
      args: [token, -i, dev-cluster, -r, 'arn:aws:iam::111122223333:role/Other']
      env: [{name: AWS_PROFILE, value: dev}, {name: KEY, value: abc}]
"""
LINES = KUBECONFIG.splitlines()
SHOWN = re.compile("(apiVersion|kind|name|current-context|context|command|env|exec|tls-server-name):")
"""In these lines are names, which `kubectl config` prints too, and so may messages: only what is around them is
secret."""
AROUND = (
    "{key}: &{s} {value}",
    "{key}: *{s}",
    "{key}: !{s} {value}",
    "{key}: !!{s} {value}",
    "{key}: {value} # {s}",
    "{key}: '{s}",
    '{key}: "{s}',
    "{key}: [{value}, {s}",
    "{key}: {{{s}: {value}",
    "{key}: |{s}",
    "{key}: @{s}",
    "{key}: {value}\n{indent}{s}: {value}",
    "{key}: {value}\n{indent}{s}",
    "{key}: {value}\n{indent}# {s}",
    "{key}: {value}\n\t{s}: {value}",
    "{key}: {value}\n{indent}<<: {s}",
    "{key}: {value}\n{indent}<<: *{s}",
    "{key}: {value}\n{indent}? [{s}]\n{indent}: {value}",
    "{key}: {value}\n--- {s}",
    "{key}: {value}\n...\n%TAG ! {s}\n---",
    "{key}: {value}\n...\n# {s}\n---",
    "{key}: {value}\n...\n{s}: {value}",
    "{s}: {value}",
    "&{s} {key}: {value}",
    "*{s} : {value}",
    "!{s} {key}: {value}",
    "'{s}': {value}\n{indent}'{s}': {value}",
)
INSTEAD = ("{key}: {s}", "{key}: '{s}'", "{key}: {{a: {s}}}", "{key}: [{s}]", "{key}: |-\n{indent}  {s}",
           "{key}: https://u:{s}@example.com:port")  # fmt: skip


def planted(number: int, form: str) -> str:
    line = LINES[number]
    head = line[: len(line) - len(line.lstrip(" -"))]
    key, _, value = line[len(head) :].partition(":")
    changed = form.format(key=key, value=value.strip(), s=SECRET, indent=" " * len(head))
    return "\n".join((*LINES[:number], f"{head}{changed}", *LINES[number + 1 :], ""))


COMMANDS = [
    "kubeconfig",
    "kubeconfig --merge FILE --dry-run",
    "kubeconfig --merge FILE --force --use --dry-run -o json",
    "manifests",
    "render --output-dir OUT --dry-run",
    "check",
    "check -o json",
    f"map remove {ADMIN} --dry-run",
    "report",
    "report -o html",
    "-v doctor DIR",
    "-vv doctor DIR -o json",
    "check FILE",
    "map import FILE --dry-run",
    "diff --from FILE",
]


def outputs(shell: Shell, text: str) -> dict[str, str]:
    home = shell.single / "dev-cluster"
    (home / "kubeconfig").write_text(text)
    (home / "aws-iam-authenticator.kubeconfig").write_text(text)
    given = shell.single.parent / "given"
    given.write_text(text)
    paths = {"FILE": str(given), "DIR": str(home), "OUT": str(home / "out")}
    found = {}
    for command in COMMANDS:
        chosen = () if command == "check FILE" else ("-c", shell.single)
        done = shell.run(*chosen, *(paths.get(word, word) for word in command.split()), code=None)
        found[command] = done.out + done.err
    return found


@pytest.fixture
def mapped(shell: Shell) -> Shell:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    for name, data in files().items():
        (shell.single / "dev-cluster" / name).write_bytes(data)
    return shell


@example(number=LINES.index("    token: abc"), form="{key}: *{s}")
@example(number=LINES.index("    token: abc"), form="{s}: {value}")
@example(number=LINES.index("- name: prod"), form="{key}: &{s} {value}")
@example(number=LINES.index("preferences: {colors: true}"), form="{key}: {value}\n...\n# {s}\n---")
@example(number=LINES.index("    server: https://api.example.com"), form="{key}: https://u:{s}@example.com:port")
@given(number=st.integers(0, len(LINES) - 1), form=st.sampled_from(AROUND + INSTEAD))
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_secret_is_in_no_output(mapped: Shell, number: int, form: str) -> None:
    if form in INSTEAD and SHOWN.search(LINES[number]):
        return
    text = planted(number, form)
    leaks = {command: output for command, output in outputs(mapped, text).items() if SECRET in output}
    assert leaks == {}, text
