"""Arguments of token commands, in every spelling."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.kubeconfig.exec_plugin import ExecArguments


@pytest.mark.parametrize(
    ("command", "args", "options", "rest"),
    [
        ("aws-iam-authenticator", ["token", "-i", "c", "-r", "R"], {"cluster": "c", "role": "R"}, ()),
        ("aws-iam-authenticator", ["-i", "c", "token"], {"cluster": "c"}, ()),
        ("aws-iam-authenticator", ["token", "-ic", "--role=R", "--cache"], {"cluster": "c", "role": "R"}, ("--cache",)),
        ("/usr/bin/tarmak-iam", ["token", "--cluster-id", "c", "--profile", "p"], {"cluster": "c", "profile": "p"}, ()),
        ("aws", ["--region", "r", "eks", "get-token", "--cluster-name=c"], {"cluster": "c", "region": "r"}, ()),
        ("aws", ["eks", "get-token", "--role-arn", "R", "--debug"], {"role": "R"}, ("--debug",)),
        ("aws-iam-authenticator", ["token", "-i"], {}, ()),
        ("aws-iam-authenticator", ["token", "-i", "c", "-salice"], {"cluster": "c", "session": "alice"}, ()),
        ("tarmak-iam", ["token", "--session-name=alice"], {"session": "alice"}, ()),
        ("/a/b/aws-iam-authenticator-aws", ["token", "-i", "c"], {"cluster": "c"}, ()),
        ("aws", ["eks", "get-token", "-s", "alice"], {}, ("-s", "alice")),
    ],
)
def test_arguments(command: str, args: list[str], options: dict[str, str], rest: tuple[str, ...]) -> None:
    found = ExecArguments.of({"command": command, "args": args})
    assert found is not None
    assert (dict(found.options), found.rest) == (options, rest)


@pytest.mark.parametrize(
    "plugin",
    [
        {},
        {"command": None},
        {"command": 5},
        {"command": "aws", "args": ["eks", "list-clusters"]},
        {"command": "aws", "args": "eks get-token"},
        {"command": "aws-iam-authenticator", "args": ["token", 5]},
        {"command": "aws-iam-authenticator", "args": ["server", "-i", "c"]},
        {"command": "awss", "args": ["eks", "get-token"]},
    ],
)
def test_what_gets_no_token(plugin: dict[str, Any]) -> None:
    assert ExecArguments.of(plugin) is None


def test_variables_in_place_of_options() -> None:
    env = [{"name": "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "value": "v"}, {"name": "DEFAULT_ROLE", "value": "R"}]
    plugin = {"command": "aws-iam-authenticator", "args": ["token", "-i", "c"], "env": [*env, None, {"value": "x"}]}
    found = ExecArguments.of(plugin)
    assert found is not None
    assert found.options == {"cluster": "c", "role": "R"}
