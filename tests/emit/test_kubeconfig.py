"""The client's kubeconfig: names, and the command for the kubectl, the region and the daemon."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit.emitters import render
from tarmak_iam.emit.kubeconfig import KUBECONFIG, client_kubeconfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.admin_kubeconfig import AdminKubeconfig
from tarmak_iam.installation.installation import Installation
from tests.support import GOLDEN
from tests.support.installations import ADMIN, CA, ON, installation

ROLE = "arn:aws:iam::111122223333:role/team/Admin"


def plugin(**settings: Any) -> dict[str, Any]:
    value: dict[str, Any] = client_kubeconfig(installation(**settings))["users"][0]["user"]["exec"]
    return value


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


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (
            {"exec": "aws-iam-authenticator"},
            (
                "install aws-iam-authenticator v0.5.4 or later: "
                "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases"
            ),
        ),
        ({"exec": "aws"}, "install the AWS CLI: https://aws.amazon.com/cli/"),
        ({"exec": "tarmak-iam"}, "tarmak-iam must be on your PATH; ask the person who gave you this kubeconfig"),
        ({"exec": "tarmak-iam", "installHint": "see https://wiki.example.com/iam"}, "see https://wiki.example.com/iam"),
        ({"exec": "aws", "installHint": "ask the platform team"}, "ask the platform team"),
        ({"installHint": "ask the platform team", "kubectlVersion": "1.18.20"}, None),
    ],
)
def test_the_hint_where_the_command_is_missing(settings: dict[str, str], hint: str | None) -> None:
    assert plugin(**settings).get("installHint") == hint


def test_without_a_role_all_have_the_name_of_the_cluster() -> None:
    made = client_kubeconfig(installation())
    assert made["current-context"] == made["contexts"][0]["name"] == made["users"][0]["name"] == "dev-cluster"
    assert "env" not in made["users"][0]["user"]["exec"]


@pytest.mark.parametrize(
    ("command", "role", "expected"),
    [
        ("tarmak-iam", None, "token -i dev-cluster --region eu-west-1"),
        ("tarmak-iam", ROLE, f"token -i dev-cluster -r {ROLE} --region eu-west-1"),
        ("aws", None, "eks get-token --cluster-name dev-cluster --region eu-west-1 --output json"),
        (
            "aws",
            ROLE,
            f"eks get-token --cluster-name dev-cluster --role-arn {ROLE} --region eu-west-1 --output json",
        ),
    ],
)
def test_the_other_commands(command: str, role: str | None, expected: str) -> None:
    made = plugin(exec=command, role=role, profile="dev")
    assert made["command"] == command
    assert " ".join(made["args"]) == expected
    assert made["env"] == [{"name": "AWS_PROFILE", "value": "dev"}]


@pytest.mark.parametrize(
    ("version", "api", "fields"),
    [
        ("1.10.13", "v1alpha1", set()),
        ("v1.11.0", "v1beta1", set()),
        ("1.18.20", "v1beta1", set()),
        ("1.19.0", "v1beta1", {"installHint"}),
        ("1.21.14", "v1beta1", {"installHint"}),
        ("1.22.0-alpha.1", "v1beta1", {"installHint", "interactiveMode"}),
        ("1.24.0", "v1beta1", {"installHint", "interactiveMode"}),
        ("v1.36.0-eks-2f008fe", "v1beta1", {"installHint", "interactiveMode"}),
        (None, "v1beta1", {"installHint", "interactiveMode"}),
    ],
)
@pytest.mark.parametrize("command", ["aws-iam-authenticator", "tarmak-iam", "aws"])
def test_what_a_kubectl_knows(version: str | None, api: str, fields: set[str], command: str) -> None:
    made = plugin(kubectlVersion=version, exec=command)
    assert made["apiVersion"] == f"client.authentication.k8s.io/{api}"
    assert made.keys() - {"apiVersion", "command", "args"} == fields


def test_a_kubectl_that_runs_no_command() -> None:
    with pytest.raises(
        ConfigError, match=r"kubectl 1\.9\.11 cannot run a command to get a token; use kubectl 1\.10 or later"
    ):
        plugin(kubectlVersion="1.9.11")


@pytest.mark.parametrize(
    ("location", "version", "region"),
    [
        ("cn-north-1", "v0.4.0", "cn-north-1"),
        ("cn-northwest-1", "v0.6.20", "cn-northwest-1"),
        ("us-gov-west-1", "v0.4.0", "us-gov-west-1"),
        ("us-gov-east-1", "v0.7.9", "us-gov-east-1"),
        ("us-iso-east-1", "v0.6.20", "us-iso-east-1"),
    ],
)
def test_in_other_partitions_every_command_is_told_the_region(location: str, version: str, region: str) -> None:
    settings = {"location": location, "daemonVersion": version, "mappings": None}
    assert plugin(**settings)["env"] == [{"name": "AWS_REGION", "value": region}]
    for command in ("tarmak-iam", "aws"):
        args = plugin(exec=command, **settings)["args"]
        assert args[args.index("--region") + 1] == region


@pytest.mark.parametrize(
    ("location", "version", "region"),
    [
        ("eu-west-1", "v0.4.0", "eu-west-1"),
        ("il-central-1", "v0.4.0", "il-central-1"),  # any region, by a pattern
        ("il-central-1", "v0.5.9", "us-east-1"),  # its SDK is older than the region
        ("il-central-1", "v0.7.9", "il-central-1"),
    ],
)
def test_a_region_that_the_daemon_does_not_know(location: str, version: str, region: str) -> None:
    args = plugin(location=location, daemonVersion=version, exec="aws")["args"]
    assert args[args.index("--region") + 1] == region
    assert "env" not in plugin(location=location, daemonVersion=version)


def test_a_daemon_that_would_refuse_every_token() -> None:
    with pytest.raises(ConfigError, match=r"authenticator v0\.4\.0 rejects every token: the host 'sts\.us-iso"):
        plugin(location="us-iso-east-1", daemonVersion="v0.4.0", mappings=None)


def test_a_role_of_another_partition() -> None:
    with pytest.raises(ConfigError, match="is in partition aws-cn, but the cluster is in partition aws"):
        plugin(role="arn:aws-cn:iam::111122223333:role/Admin")


def test_a_hub_has_no_kubeconfig() -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / "multi-env.yaml").read_bytes())
    with pytest.raises(ConfigError, match="prod-hub is a hub"):
        client_kubeconfig(Installation.of(config, config.cluster("prod-hub"), admin=ADMIN))


def test_a_public_api_is_reached_at_its_address() -> None:
    made = client_kubeconfig(installation(api_server="{public: true}"))
    assert made["clusters"][0]["cluster"]["server"] == "https://api.dev-cluster.k8s.example.com"


@pytest.mark.parametrize(
    "role",
    [
        "arn:aws:iam::111122223333:user/Alice",
        "Admin",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/a b",
        "arn:aws:iam::111122223333:role/a\n---",
        "arn:aws:iam::111122223333:role/$(id)",
        "arn:aws:iam::111122223333:role/{{x}}",
        "arn:aws:iam::1:role/Admin",
    ],
)
def test_a_role_that_is_none(role: str) -> None:
    with pytest.raises(ConfigError, match="is not the ARN of a role"):
        client_kubeconfig(installation(role=role))


def test_without_tarmaks_kubeconfig_there_is_none_and_the_rest_is_made() -> None:
    artifacts, left_out = render(installation(admin=None))
    names = ["flags.txt", "configmap.yaml", "daemonset.yaml", "kustomization.yaml"]
    assert [artifact.name for artifact in artifacts] == names
    ((name, error),) = left_out
    assert name == "kubeconfig"
    assert str(error) == (
        "the CA of the cluster is unknown: Tarmak's own kubeconfig does not exist; run `tarmak clusters kubeconfig`, "
        "or `tarmak-iam kubeconfig --server URL --certificate-authority FILE`"
    )


PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PEM_DATA = base64.b64encode(PEM).decode()
TUNNEL = "https://127.0.0.1:40123"
API = "https://api.example.com:6443"


@pytest.mark.parametrize(
    ("is_public", "admin", "options", "expected"),
    [
        (False, ADMIN, {"server": API}, {"server": API, "certificate-authority-data": CA}),
        (
            False,
            ADMIN,
            {"server": API, "certificate_authority": PEM},
            {"server": API, "certificate-authority-data": PEM_DATA},
        ),
        (False, ADMIN, {"certificate_authority": PEM}, {"server": TUNNEL, "certificate-authority-data": PEM_DATA}),
        (
            False,
            None,
            {"server": API, "certificate_authority": PEM},
            {"server": API, "certificate-authority-data": PEM_DATA},
        ),
        (False, None, {"server": API}, {"server": API}),  # the CAs of the operating system; never unverified
        (
            True,
            None,
            {"certificate_authority": PEM},
            {"server": "https://api.dev-cluster.k8s.example.com", "certificate-authority-data": PEM_DATA},
        ),
        (
            False,
            ADMIN,
            {"proxy_url": "socks5://localhost:1080"},
            {"server": TUNNEL, "certificate-authority-data": CA, "proxy-url": "socks5://localhost:1080"},
        ),
    ],
)
def test_the_connection(
    is_public: bool, admin: AdminKubeconfig | None, options: dict[str, Any], expected: dict[str, str]
) -> None:
    made = client_kubeconfig(installation(api_server="{public: true}" if is_public else ON, admin=admin), **options)
    assert made["clusters"] == [{"name": "dev-cluster", "cluster": expected}]


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


def test_the_name_of_the_context() -> None:
    made = client_kubeconfig(installation(role=ROLE), alias="dev")
    assert made["contexts"] == [{"name": "dev", "context": {"cluster": "dev-cluster", "user": "dev-cluster-Admin"}}]
    assert made["current-context"] == "dev"
    assert made["users"][0]["name"] == "dev-cluster-Admin"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("aws-iam-authenticator", ["token", "-i", "dev-cluster", "-r", ROLE, "-s", "alice"]),
        ("tarmak-iam", ["token", "-i", "dev-cluster", "-r", ROLE, "-s", "alice", "--region", "eu-west-1"]),
    ],
)
def test_the_name_of_the_role_session(command: str, expected: list[str]) -> None:
    made = client_kubeconfig(installation(exec=command, role=ROLE), session_name="alice")
    assert made["users"][0]["user"]["exec"]["args"] == expected


@pytest.mark.parametrize(
    ("settings", "name", "message"),
    [
        (
            {"exec": "aws", "role": ROLE},
            "alice",
            (
                "`aws eks get-token` has no option for the session name: it always uses EKSGetTokenAuth; "
                "use aws-iam-authenticator or tarmak-iam for --exec"
            ),
        ),
        (
            {},
            "alice",
            (
                "a session name requires a role that the command assumes; specify --role ARN; for the role of an AWS "
                "profile, set role_session_name in that profile"
            ),
        ),
        *(
            (
                {"role": ROLE},
                name,
                f"{name!r} is not a valid role session name; use 2 to 64 letters, digits and _+=,.@-",
            )
            for name in ("", "a", "a b", "a/b", "a\n", "x" * 65)
        ),
    ],
)
def test_a_session_name_that_cannot_be_used(settings: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        client_kubeconfig(installation(**settings), session_name=name)
    assert str(caught.value) == message


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reads_the_kubeconfig(tmp_path: Path) -> None:
    (artifact,) = KUBECONFIG.files(installation(profile='it\'s: "odd" #1'))
    file = tmp_path / "kubeconfig"
    file.write_bytes(artifact.data)
    command = ["kubectl", "config", "view", "-o", "json", "--kubeconfig", str(file)]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "HOME": str(tmp_path)})
    viewed: dict[str, Any] = json.loads(done.stdout)
    assert viewed["current-context"] == "dev-cluster"
    assert viewed["users"][0]["user"]["exec"]["env"] == [{"name": "AWS_PROFILE", "value": 'it\'s: "odd" #1'}]
