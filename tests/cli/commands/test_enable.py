"""enable and set: a value that other readers of YAML read differently."""

from __future__ import annotations

from tests.support import Shell


def test_an_unchanged_value_that_other_readers_read_differently(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    shell.dev("enable")
    file.write_text(file.read_text().replace("awsIAMAuthenticatorInit: true", "awsIAMAuthenticatorInit: on"))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "Init: on" in text)
    column = file.read_text().splitlines()[line - 1].index(" on") + 2
    before = file.read_bytes()
    unchanged, said = shell.dev("enable").err.splitlines()
    assert unchanged.startswith("unchanged: ")
    assert said == (
        f'{file}:{line}:{column}: note: yaml.v3 and YAML 1.2 read "on" here, not true; '
        "write true to make it the same for all"
    )
    assert file.read_bytes() == before


def test_set_says_what_other_readers_read(shell: Shell) -> None:
    file, key = shell.single / "tarmak.yaml", "internalELBAccessLogs.enabled"
    shell.dev("set", key, "true", "internalELBAccessLogs.bucket", "logs")
    assert "note:" not in shell.dev("set", key, "true").err
    file.write_text(file.read_text().replace("enabled: true", "enabled: yes"))
    assert 'yaml.v3 and YAML 1.2 read "yes" here, not true' in shell.dev("set", key, "true").err
