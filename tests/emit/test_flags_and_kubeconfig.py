"""The API server's flags against what Puppet rendered, and the client's kubeconfig."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit.emitters import render
from tarmak_iam.emit.flags import webhook_args, webhook_hieradata
from tarmak_iam.emit.kubeconfig import client_kubeconfig, emit_kubeconfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation
from tests.emit.installations import ADMIN, CA, installation
from tests.support import GOLDEN, golden_json

EXPECTED = golden_json("tarmak", "expected.json")
# What Tarmak would pass on changed is refused: then Puppet's line is not what the file says.
REFUSED = {
    "webhook-backslash": "no absolute path",
    "webhook-blank": "is blank",
    "webhook-block": "without escaping",
    "webhook-dollar": "without escaping",
    "webhook-hiera-interp": "without escaping",
    "webhook-inject": "without escaping",
    "webhook-quote": "without escaping",
    "webhook-relative": "no absolute path",
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


def test_a_hub_has_no_flags() -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / "multi-env.yaml").read_bytes())
    assert webhook_args(Installation.of(config, config.cluster("prod-hub"))) == []


def test_a_hub_has_no_kubeconfig() -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / "multi-env.yaml").read_bytes())
    with pytest.raises(ConfigError, match="prod-hub is a hub"):
        client_kubeconfig(Installation.of(config, config.cluster("prod-hub"), admin=ADMIN))


@pytest.mark.parametrize(
    "path",
    ["relative", " ", '/a"b', "/a\\b", "/a\nb", "/a%{x}", "/a$b", "/a%i", "/a\x7f", "/a'b", "/a b"],
)
def test_dangerous_files_are_refused(path: str) -> None:
    api_server = {"authTokenWebhookFile": path, "amazon": {"awsIAMAuthenticatorInit": True}}
    made = installation(api_server=json.dumps(api_server))
    with pytest.raises(ConfigError, match="write a plain absolute path"):
        webhook_args(made)


def test_the_kubeconfig() -> None:
    made = client_kubeconfig(installation(role="arn:aws:iam::111122223333:role/team/Admin", profile="dev"))
    assert made == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "dev-cluster", "cluster": {"server": "https://127.0.0.1:40123", "certificate-authority-data": CA}}
        ],
        "contexts": [{"name": "dev-cluster", "context": {"cluster": "dev-cluster", "user": "dev-cluster"}}],
        "current-context": "dev-cluster",
        "users": [
            {
                "name": "dev-cluster",
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "aws-iam-authenticator",
                        "args": ["token", "-i", "dev-cluster", "-r", "arn:aws:iam::111122223333:role/team/Admin"],
                        "env": [{"name": "AWS_PROFILE", "value": "dev"}],
                    }
                },
            }
        ],
    }
    (artifact,) = emit_kubeconfig(installation())
    assert artifact.mode == 0o600


def test_a_public_api_is_reached_at_its_address() -> None:
    made = client_kubeconfig(installation(api_server="{public: true}"))
    assert made["clusters"][0]["cluster"]["server"] == "https://api.dev-cluster.k8s.example.com"


@pytest.mark.parametrize("role", ["arn:aws:iam::111122223333:user/Alice", "Admin"])
def test_a_role_that_is_none(role: str) -> None:
    with pytest.raises(ConfigError, match="is no ARN of a role"):
        client_kubeconfig(installation(role=role))


def test_without_tarmaks_kubeconfig_there_is_none_and_the_rest_is_made() -> None:
    artifacts, left_out = render(installation(admin=None))
    names = ["flags.txt", "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]
    assert [artifact.name for artifact in artifacts] == names
    ((name, error),) = left_out
    assert name == "kubeconfig"
    assert "run `tarmak clusters kubeconfig` once" in str(error)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reads_the_kubeconfig(tmp_path: Path) -> None:
    (artifact,) = emit_kubeconfig(installation(profile='it\'s: "odd" #1'))
    file = tmp_path / "kubeconfig"
    file.write_bytes(artifact.data)
    command = ["kubectl", "config", "view", "-o", "json", "--kubeconfig", str(file)]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "HOME": str(tmp_path)})
    viewed: dict[str, Any] = json.loads(done.stdout)
    assert viewed["current-context"] == "dev-cluster"
    assert viewed["users"][0]["user"]["exec"]["env"] == [{"name": "AWS_PROFILE", "value": 'it\'s: "odd" #1'}]
