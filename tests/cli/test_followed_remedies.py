"""The command that a message suggests is run as it is: then what failed succeeds, and the message is gone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import pytest

from tests.support import Result, Shell

ROLE = "arn:aws:iam::111122223333:role/Admin"
ADD = ("map", "add", ROLE, "--username", "admin", "--group")
PLACEHOLDERS = {"ARN": ROLE, "NAME": "admin", "GROUP": "dev", "KEY": "image"}


def suggested(result: Result, words: str) -> list[str]:
    """The last command in the output that begins with these words, after the options for the directory."""
    lines = re.findall(r"`?(tarmak-iam (?:(?:-c|--cluster) \S+ )*" + words + r"[^\n`;]*)", result.out + result.err)
    command = re.sub(r" \[IAM\d+\]$", "", lines[-1])
    return [PLACEHOLDERS.get(word, word) for word in shlex.split(command)[1:]]


@pytest.mark.parametrize(
    ("before", "failing", "words"),
    [
        ((), ("whois", ROLE), "map add"),
        ((), ("manifests",), "map add"),
        ((("enable",),), ("check",), "map add"),
        (
            (("enable",), (*ADD, "dev")),
            ("check",),
            "map add",
        ),
        (
            (),
            ("map", "add", "sso:111122223333/Dev", "--username", "dev", "--group", "dev"),
            "settings set featureGates",
        ),
    ],
)
def test_a_command_that_is_suggested(
    shell: Shell, before: Sequence[tuple[str, ...]], failing: tuple[str, ...], words: str
) -> None:
    for command in before:
        shell.dev(*command)
    refused = shell.run("-c", shell.single, *failing, code=None)
    assert refused.code
    shell.run(*suggested(refused, words))
    shell.dev(*failing)


@pytest.mark.parametrize(
    "typed",
    [
        "/environments[dev]/location",
        "environments[dev].location",
        "instancePools[wroker].maxCount",
        "instancePools[type=wroker].maxCount",
        "instancePools/worker/maxCount",
        "/kubernetes.version",
        "./kubernetes/version",
        "kubernetes.verison",
        "environments[dev]./locaton",
        "version",
    ],
)
def test_a_path_that_is_suggested(shell: Shell, typed: str) -> None:
    result = shell.run("-c", shell.single, "config", "get", typed, code=None)
    if result.code:
        shell.run("-c", shell.single, "config", "get", re.findall(r"did you mean ([^ ?,\n]*)", result.err)[-1])
