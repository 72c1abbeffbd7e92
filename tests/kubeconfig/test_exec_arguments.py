"""Arguments of token commands, in every spelling."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.kubeconfig.exec_plugin import ExecArguments
from tests.support.tables import rows


@pytest.mark.parametrize(("command", "args", "options", "rest"), rows(__file__, "test_arguments"))
def test_arguments(command: str, args: list[str], options: dict[str, str], rest: list[str]) -> None:
    found = ExecArguments.of({"command": command, "args": args})
    assert found is not None
    assert (dict(found.options), list(found.rest)) == (options, rest)


@pytest.mark.parametrize("plugin", rows(__file__, "test_what_gets_no_token"))
def test_what_gets_no_token(plugin: dict[str, Any]) -> None:
    assert ExecArguments.of(plugin) is None


def test_variables_in_place_of_options() -> None:
    env = [{"name": "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "value": "v"}, {"name": "DEFAULT_ROLE", "value": "R"}]
    plugin = {"command": "aws-iam-authenticator", "args": ["token", "-i", "c"], "env": [*env, None, {"value": "x"}]}
    found = ExecArguments.of(plugin)
    assert found is not None
    assert found.options == {"cluster": "c", "role": "R"}
