"""The client's kubeconfig: names, and the command for the kubectl, the region and the daemon."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit.emitters import render
from tarmak_iam.emit.kubeconfig import KUBECONFIG, client_kubeconfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.installation import Installation
from tests.support import FILES_WITHOUT_KUBECONFIG, GOLDEN
from tests.support.installations import ADMIN, CA, ON, installation

ROLE = "arn:aws:iam::111122223333:role/team/Admin"
PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
API = "https://api.example.com:6443"
TABLES: dict[str, list[dict[str, Any]]] = YAML(typ="safe").load(Path(__file__).with_name("kubeconfigs.yaml"))
PUBLIC = "{public: true}"


def with_role(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: ROLE if value == "ROLE" else value for key, value in settings.items()}


def named(case: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in case.get("settings", case.get("options", {})).items()) or "none"


def test_the_kubeconfig() -> None:
    assert client_kubeconfig(installation(role=ROLE, profile="dev")) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "dev-cluster", "cluster": {"server": "https://127.0.0.1:40123", "certificate-authority-data": CA}}
        ],
        "contexts": [{"name": "dev-cluster-Admin", "context": {"cluster": "dev-cluster", "user": "dev-cluster-Admin"}}],
        "current-context": "dev-cluster-Admin",
        "users": [
            {
                "name": "dev-cluster-Admin",
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "aws-iam-authenticator",
                        "args": ["token", "-i", "dev-cluster", "-r", ROLE],
                        "env": [{"name": "AWS_PROFILE", "value": "dev"}],
                        "installHint": "install aws-iam-authenticator v0.5.4 or later: "
                        "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases",
                        "interactiveMode": "IfAvailable",
                    }
                },
            }
        ],
    }
    (artifact,) = KUBECONFIG.files(installation())
    assert artifact.mode == 0o600


@pytest.mark.parametrize("case", TABLES["commands"], ids=named)
def test_the_command(case: dict[str, Any]) -> None:
    options = {"session_name": case["session"]} if "session" in case else {}
    made = client_kubeconfig(installation(**with_role(case["settings"])), **options)["users"][0]["user"]["exec"]
    shown = {
        **made,
        "api": made["apiVersion"].removeprefix("client.authentication.k8s.io/"),
        "args": " ".join(made["args"]).replace(ROLE, "ROLE"),
    }
    if "env" in made:
        shown["env"] = {each["name"]: each["value"] for each in made["env"]}
    del shown["apiVersion"]
    assert shown == case["exec"]


@pytest.mark.parametrize("case", TABLES["connections"], ids=named)
def test_the_connection(case: dict[str, Any]) -> None:
    options = {key: {"PEM": PEM, "API": API}.get(value, value) for key, value in case["options"].items()}
    data = {"PEM": base64.b64encode(PEM).decode(), "CA": CA, "API": API}
    admin = ADMIN if case.get("admin", True) else None
    made = client_kubeconfig(installation(api_server=PUBLIC if "public" in case else ON, admin=admin), **options)
    expected = {key: data.get(value, value) for key, value in case["cluster"].items()}
    assert made["clusters"] == [{"name": "dev-cluster", "cluster": expected}]


@pytest.mark.parametrize("case", TABLES["refusals"], ids=named)
def test_what_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        client_kubeconfig(installation(**with_role(case["settings"])), session_name=case.get("session"))
    assert str(caught.value).startswith(case["message"])


def test_a_hub_has_no_kubeconfig() -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / "multi-env.yaml").read_bytes())
    with pytest.raises(ConfigError, match="prod-hub is a hub"):
        client_kubeconfig(Installation.of(config, config.cluster("prod-hub"), admin=ADMIN))


def test_without_tarmaks_kubeconfig_there_is_none_and_the_rest_is_made() -> None:
    artifacts, left_out = render(installation(admin=None))
    names = [*FILES_WITHOUT_KUBECONFIG, "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]
    assert [artifact.name for artifact in artifacts] == names
    ((name, error),) = left_out
    assert name == "kubeconfig"
    assert str(error) == (
        "the CA of the cluster is unknown: Tarmak's own kubeconfig does not exist; run `tarmak clusters kubeconfig`, "
        "or `tarmak-iam kubeconfig --server URL --certificate-authority FILE`"
    )


def test_the_address_is_unknown() -> None:
    with pytest.raises(ConfigError) as caught:
        client_kubeconfig(installation(admin=None), certificate_authority=PEM)
    assert str(caught.value) == (
        "the address of the API server is unknown: Tarmak's own kubeconfig does not exist; "
        "run `tarmak clusters kubeconfig`, or `tarmak-iam kubeconfig --server URL`"
    )
    with pytest.raises(
        ConfigError,
        match=r"the CA of the cluster is unknown.* or `tarmak-iam kubeconfig --certificate-authority FILE`$",
    ):
        client_kubeconfig(installation(api_server="{public: true}", admin=None))


def test_names() -> None:
    made = client_kubeconfig(installation())
    assert made["current-context"] == made["contexts"][0]["name"] == made["users"][0]["name"] == "dev-cluster"
    assert "env" not in made["users"][0]["user"]["exec"]
    made = client_kubeconfig(installation(role=ROLE), alias="dev")
    assert made["contexts"] == [{"name": "dev", "context": {"cluster": "dev-cluster", "user": "dev-cluster-Admin"}}]
    assert made["current-context"] == "dev"
    assert made["users"][0]["name"] == "dev-cluster-Admin"
