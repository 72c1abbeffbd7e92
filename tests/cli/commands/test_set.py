"""set, unset, show: what a person types for the section, taken, refused and shown."""

from __future__ import annotations

import json

import pytest

from tests.support import Shell

BUCKET = "internalELBAccessLogs.bucket"


def test_set_show_and_unset(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    before = file.read_bytes()
    done = shell.dev("set", BUCKET, "my-logs")
    added = [line for line in done.out.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added == ["+      amazon:", "+        internalELBAccessLogs:", "+          bucket: my-logs"]
    assert done.err == f"wrote {file}; run `tarmak -c {shell.single} clusters apply` to apply it to the cluster\n"
    assert shell.dev("set", BUCKET, "my-logs").err == f"unchanged: {BUCKET} already has this value\n"
    assert shell.dev("show").out.splitlines() == [
        "publicELBAccessLogs.enabled: -",
        "publicELBAccessLogs.bucket: -",
        "publicELBAccessLogs.bucketPrefix: -",
        "publicELBAccessLogs.interval: -",
        "internalELBAccessLogs.enabled: true  # default",
        "internalELBAccessLogs.bucket: my-logs",
        'internalELBAccessLogs.bucketPrefix: ""  # default',
        "internalELBAccessLogs.interval: 5  # default",
        "awsIAMAuthenticatorInit: false  # default",
    ]
    assert json.loads(shell.dev("show", "-o", "json").out) == {
        "internalELBAccessLogs": {"enabled": True, "bucket": "my-logs", "bucketPrefix": "", "interval": 5},
        "awsIAMAuthenticatorInit": False,
    }
    assert shell.dev("show", "-o", "yaml").out == (
        'internalELBAccessLogs:\n  enabled: true\n  bucket: my-logs\n  bucketPrefix: ""\n  interval: 5\n'
        "awsIAMAuthenticatorInit: false\n"
    )
    shell.dev("unset", BUCKET)
    assert file.read_bytes() == before
    assert shell.dev("unset", BUCKET).err == f"unchanged: {BUCKET} is not set\n"


def test_show_without_the_section(shell: Shell) -> None:
    shown = shell.dev("show", "-o", "yaml")
    assert shown.out == "awsIAMAuthenticatorInit: false\n"
    note = f"dev-cluster has no section kubernetes.apiServer.amazon in {shell.single / 'tarmak.yaml'}\n"
    assert shown.err == note


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("awsIAMAuthenticatorInit", "yes", "        awsIAMAuthenticatorInit: true"),
        ("kubernetes.apiServer.amazon.awsIAMAuthenticatorInit", "off", "        awsIAMAuthenticatorInit: false"),
        ("internalELBAccessLogs.interval", "0x3c", "          interval: 60"),
        ("internalELBAccessLogs.interval", "5.0", "          interval: 5"),
        (BUCKET, "123456789012", '          bucket: "123456789012"'),
        (BUCKET, "true", '          bucket: "true"'),
        (BUCKET, "a: b", '          bucket: "a: b"'),
        ("internalELBAccessLogs.bucketPrefix", "", '          bucketPrefix: ""'),
    ],
)
def test_a_text_is_typed_by_the_model(shell: Shell, key: str, text: str, line: str) -> None:
    assert f"+{line}" in shell.dev("set", key, text).out.splitlines()


ENABLED = (
    "write true or false; the key's description: Whether logs are written. "
    "Default: true if a bucket is set, else false."
)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["publicELBAccessLogs.enabled", "maybe"],
            'publicELBAccessLogs.enabled must be a boolean, not "maybe": Tarmak rejects the whole file; ' + ENABLED,
        ),
        (
            ["publicELBAccessLogs.enabled", "1"],
            "publicELBAccessLogs.enabled must be a boolean, not 1: Tarmak rejects the whole file; " + ENABLED,
        ),
        (
            ["publicELBAccessLogs.interval", "7"],
            "publicELBAccessLogs.interval must be 5 or 60, not 7; the key's description: Minutes",
        ),
        (
            ["publicELBAccessLogs.interval", "5.5"],
            "publicELBAccessLogs.interval must be a whole number, not 5.5: Tarmak rejects",
        ),
        (
            ["publicELBAccessLogs.interval", '"5"'],
            'publicELBAccessLogs.interval must be a whole number, not "5": Tarmak rejects',
        ),
        (
            ["publicELBAccessLogs.interval", "true"],
            "publicELBAccessLogs.interval must be a whole number, not true: Tarmak reje",
        ),
        (
            ["publicELBAccessLogs.interval", "["],
            'publicELBAccessLogs.interval must be a whole number, not "[": Tarmak rejects',
        ),
        (["awsIAMAuthenticatorInit", "~"], "awsIAMAuthenticatorInit requires a value; to remove the key, use unset "),
        (
            ["publicELBAccessLogs", "{}"],
            "publicELBAccessLogs is a block of keys; set one of publicELBAccessLogs.enabled",
        ),
        (
            ["publicElbAccessLogs.bucket", "b"],
            "kubernetes.apiServer.amazon has no key 'publicElbAccessLogs.bucket'; did you mean publicELB",
        ),
        (["image", "x"], "kubernetes.apiServer.amazon has no key 'image'; its keys are publicELBAccessLogs.enabled, "),
        (
            ["--section", "kubernetes.nothing", "a", "b"],
            "unknown section 'kubernetes.nothing'; choose one of kuber",
        ),
    ],
)
def test_what_the_model_does_not_take_is_refused(shell: Shell, args: list[str], message: str) -> None:
    file = shell.single / "tarmak.yaml"
    before = file.read_bytes()
    assert shell.dev("set", *args, code=2).err.startswith(f"error: {message}")
    assert file.read_bytes() == before


def test_what_tarmak_would_refuse_is_refused_with_its_reason(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    refused = shell.dev("set", "internalELBAccessLogs.enabled", "true", code=2)
    reason = (
        "the edit was refused: access logs are enabled without a bucket; "
        "set internalELBAccessLogs.bucket, or enabled: false\n"
    )
    assert refused.err.startswith(f"{file}:")
    assert refused.err.endswith(f": error: {reason}")
    shell.dev("set", BUCKET, "b")
    shell.dev("set", "internalELBAccessLogs.enabled", "true")
    before = file.read_bytes()
    assert shell.dev("unset", BUCKET, code=2).err.endswith(f": error: {reason}")
    assert file.read_bytes() == before


def test_several_keys_are_judged_together(shell: Shell) -> None:
    enabled = ["internalELBAccessLogs.enabled", "true"]
    done = shell.dev("set", *enabled, BUCKET, "b")
    assert "+          enabled: true" in done.out.splitlines()
    assert "+          bucket: b" in done.out.splitlines()
    again = shell.dev("set", BUCKET, "b", *enabled)
    assert again.err == f"unchanged: {BUCKET} and internalELBAccessLogs.enabled already have these values\n"
    assert shell.dev("set", BUCKET, "b", "awsIAMAuthenticatorInit", code=2).err == (
        "error: no value given for awsIAMAuthenticatorInit (see tarmak-iam set --help)\n"
    )


def test_another_mistake_in_the_file_does_not_stop_an_edit(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("192.0.2.0/24", "192.0.2.0"))
    shell.dev("set", BUCKET, "b")


def test_a_hub_is_refused(shell: Shell) -> None:
    hub = shell.run("-c", shell.multi, "--current-cluster", "prod-hub", "set", BUCKET, "b", code=2)
    assert f"prod-hub is a hub: it has no masters, so {BUCKET} would have no effect" in hub.err
    assert shell.run("-c", shell.multi, "--current-cluster", "prod-hub", "unset", BUCKET).err.startswith("unchanged")


def test_a_new_surprise_is_told_at_once(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("      public: yes", "      public: no"))
    done = shell.dev("set", "publicELBAccessLogs.bucket", "b")
    assert "warning: dev-cluster: the API server is not public, so Tarmak ignores the access logs" in done.err
    assert "[IAM008]" in done.err
    assert "IAM008" not in shell.dev("set", "publicELBAccessLogs.bucketPrefix", "p").err
    assert "has no bucket, so no access logs are written" in shell.dev("unset", "publicELBAccessLogs.bucket").err


def test_what_was_there_before_is_not_told_again(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text() + "contact: a\ncontact: b\n")  # whose message has a line number, which moves
    assert "IAM032" in shell.dev("check", code=1).out
    assert "IAM032" not in shell.dev("set", BUCKET, "b").err


def test_a_dry_run_writes_nothing(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    before = file.read_bytes()
    assert shell.dev("set", BUCKET, "b", "--dry-run").err == "dry run: nothing was written\n"
    assert file.read_bytes() == before


def test_windows_line_ends_stay(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    shell.dev("set", BUCKET, "b")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") == before.count(b"\n") + 3
    shell.dev("unset", BUCKET)
    assert file.read_bytes() == before


def test_a_merged_value_is_not_taken_out(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    text = file.read_text()
    assert "    apiServer:\n" in text
    file.write_text(
        text.replace(
            "    apiServer:\n", "    apiServer:\n      <<: {amazon: {internalELBAccessLogs: {bucket: b}}}\n", 1
        )
    )
    before = file.read_bytes()
    assert "error: " in shell.dev("unset", BUCKET, code=2).err
    assert file.read_bytes() == before
