"""The API server's flags against what Puppet rendered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit.emitters import webhook_args, webhook_hieradata
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.installation import Installation
from tests.support import GOLDEN, golden_json
from tests.support.installations import installation

EXPECTED = golden_json("tarmak", "expected.json")
# What Tarmak would pass on changed is refused: then Puppet's line is not what the file says.
REFUSED = {
    "webhook-backslash": "is not an absolute path",
    "webhook-blank": "contains only whitespace",
    "webhook-block": "which Tarmak does not escape",
    "webhook-dollar": "which Tarmak does not escape",
    "webhook-hiera-interp": "which Tarmak does not escape",
    "webhook-inject": "which Tarmak does not escape",
    "webhook-quote": "which Tarmak does not escape",
    "webhook-relative": "is not an absolute path",
}
RENDERED = sorted(name for name, expected in EXPECTED.items() if "webhook_lines" in expected)


@pytest.mark.parametrize("name", RENDERED)
def test_flags_as_puppet_rendered_them(name: str) -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())
    for unit, lines in EXPECTED[name]["webhook_lines"].items():
        # "<case>--<cluster>--kube-apiserver.service" where a case has several clusters
        parts = unit.split("--")
        cluster = config.cluster(parts[1]) if len(parts) == 3 else config.clusters[0]
        made = Installation.of(config, cluster)
        rendered = [line.strip(' "\\') for line in lines]
        if name in REFUSED:
            with pytest.raises(ConfigError, match=REFUSED[name]):
                webhook_args(made)
        else:
            assert webhook_args(made) == rendered
            assert webhook_hieradata(made) == cluster.effective()["hieradata"]


@pytest.mark.parametrize("api_server", [{}, {"amazon": {"awsIAMAuthenticatorInit": True}}])
def test_a_hub_has_no_flags(api_server: dict[str, Any]) -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / "multi-env.yaml").read_bytes())
    route = (*config.cluster("prod-hub").route.plain, "kubernetes", "apiServer")
    config = TarmakConfig.parse(config.document.set(route, api_server).to_bytes())
    made = Installation.of(config, config.cluster("prod-hub"))
    assert (webhook_args(made), webhook_hieradata(made)) == ([], [])


@pytest.mark.parametrize(
    "path",
    ["relative", " ", '/a"b', "/a\\b", "/a\nb", "/a%{x}", "/a$b", "/a%i", "/a\x7f", "/a'b", "/a b"],
)
def test_dangerous_files_are_refused(path: str) -> None:
    api_server = {"authTokenWebhookFile": path, "amazon": {"awsIAMAuthenticatorInit": True}}
    made = installation(api_server=json.dumps(api_server))
    with pytest.raises(ConfigError, match="use a plain absolute path"):
        webhook_args(made)
