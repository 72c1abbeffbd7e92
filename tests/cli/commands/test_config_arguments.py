"""Values of config set and append that begin with a dash, and patches that are refused with what to write instead."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.commands.test_config import changed, multi
from tests.support import Shell


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["x-n", "-1"], "+      x-n: -1"),
        (["--dry-run", "x-n", "-.5"], "+      x-n: -0.5"),
        (["--", "x-n", "-foo"], "+      x-n: -foo"),
        (["x-n", "--dry-run", "--", "--foo"], "+      x-n: --foo"),
        (["kubernetes.zone", "-"], '+          zone: "-"'),
    ],
)
def test_a_value_may_begin_with_a_dash(shell: Shell, args: list[str], line: str) -> None:
    assert changed(multi(shell, "set", *args)) == [line]


def test_an_appended_value_may_begin_with_a_dash(shell: Shell) -> None:
    multi(shell, "set", "x-n", "[0]")
    assert changed(multi(shell, "append", "x-n", "-1", "-2"))[-2:] == ["+          - -1", "+          - -2"]
    assert changed(multi(shell, "set", "x-n[0]", "5", "--if", "-0"))[-1] == "+          - 5"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["set", "kubernetes.zone", "-foo"],
            "unknown option -foo; to use it as a value, write -- before the first PATH",
        ),
        (
            ["append", "kubernetes.zone", "--bar"],
            "unknown option --bar; to use it as a value, write -- before the first PATH",
        ),
        (["append", "--bar", "kubernetes.zone", "a"], "unknown option --bar; to use it as a value, write"),
        (["set", "kubernetes.zone", "a", "--forse"], "unknown option --forse; did you mean --force?"),
        (["set", "kubernetes.zone", "a", "--forse=1"], "unknown option --forse; did you mean --force?"),
        (["set", "kubernetes.zone", "a", "-x", "--", "-y", "b"], "unknown option -x; to use it as a value"),
    ],
)
def test_an_option_that_does_not_exist_is_no_value(shell: Shell, args: list[str], message: str) -> None:
    assert message in multi(shell, *args, code=2).err


@pytest.mark.parametrize(
    ("patch", "options", "message"),
    [
        (
            "kubernetes.version: 1.14.10",
            [],
            (
                "<stdin>:1:1: error: Tarmak does not know the key 'kubernetes.version' in clusters[]; "
                "nest the keys: kubernetes: {version: VALUE}"
            ),
        ),
        (
            "kubernetes: {note: 1}",
            [],
            (
                "<stdin>:1:14: error: Tarmak does not know the key 'note' in clusters[].kubernetes; "
                "if only your fork of Tarmak knows it, use --force"
            ),
        ),
        (
            "'instancePools[worker].size': large",
            [],
            (
                "<stdin>:1:1: error: Tarmak does not know the key 'instancePools[worker].size' in clusters[]; "
                "nest the keys, with the item in a list; or set this path"
            ),
        ),
        (
            "instancePools: []",
            [],
            (
                "{file}:39:11: error: instancePools is empty in the patch: items are merged by name, so nothing would "
                "change; use null to remove the list, or set to replace it"
            ),
        ),
        (
            "clusters: [{environment: prod, metadata: {name: gren}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: clusters has no item 'prod-gren', and the new one would be "
                "incomplete: a cluster of type cluster-multi requires pools of type master, worker and etcd; "
                "did you mean prod-green?"
            ),
        ),
        (
            "clusters: [{metadata: {name: prod-green}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: clusters has no item 'prod-green', and the new one would be "
                "incomplete: a cluster of type cluster-single requires pools of type master, worker, bastion, vault "
                "and etcd; write the environment and the metadata.name of the cluster"
            ),
        ),
        (
            "clusters: [{environment: dev, metadata: {name: x}, kubernetes: {zone: z}}]",
            ["--root"],
            (
                "{file}:9:5: error: the edit was refused: clusters has no item 'dev-x', and the new one would be "
                "incomplete: a cluster of type cluster-single requires pools of type master, worker, bastion, vault "
                "and etcd; add them"
            ),
        ),
        (
            "instancePools: [{metadata: {name: wroker}, maxCount: 12}]",
            [],
            (
                "{file}:39:11: error: the edit was refused: instancePools has no item 'wroker', and the new one would "
                "be incomplete: the pool has no type; did you mean worker?"
            ),
        ),
    ],
)
def test_what_a_patch_says_instead(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, patch: str, options: list[str], message: str
) -> None:
    file = shell.multi / "tarmak.yaml"
    before = file.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
    done = multi(shell, "patch", "-", *options, code=2)
    assert done.err == message.replace("{file}", str(file)) + "\n"
    assert file.read_bytes() == before
