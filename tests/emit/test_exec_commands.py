"""What the commands of a kubeconfig print: tokens with the same signed headers, which the daemons take.

The AWS CLI signs offline, with credentials that nobody has.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.aws.regions import sts_host
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.token import inspect_token, token_refusal
from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.inspection import Presigned, token_in
from tarmak_iam.token.make import presign
from tests.support import ROOT
from tests.support.installations import installation
from tests.support.servers import serving

KEY, SECRET_KEY = "AKIAEXAMPLEKEY000001", "base-secret"
REGIONS = {"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
VERSIONS = ["v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """`tarmak-iam` is on the path, `aws` if this machine has it; nothing of the caller's own AWS settings."""
    own = tmp_path / "bin"
    own.mkdir()
    (own / "tarmak-iam").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tarmak_iam "$@"\n')
    (own / "tarmak-iam").chmod(0o755)
    return {
        "PATH": f"{own}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_OUTPUT": "table",
    }


@pytest.fixture(params=["aws", "tarmak-iam"])
def command(request: pytest.FixtureRequest) -> str:
    if request.param == "aws" and shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not installed")
    return str(request.param)


def printed(plugin: dict[str, Any], environment: dict[str, str], asked: str | None) -> dict[str, Any]:
    variables = {item["name"]: item["value"] for item in plugin.get("env", ())}
    if asked is not None:
        variables["KUBERNETES_EXEC_INFO"] = json.dumps({"kind": "ExecCredential", "apiVersion": asked, "spec": {}})
    done = subprocess.run(
        [shutil.which(plugin["command"], path=environment["PATH"]) or "", *plugin["args"]],
        capture_output=True,
        check=True,
        env={**environment, **variables},
    )
    credential: dict[str, Any] = json.loads(done.stdout)
    return credential


@pytest.mark.sample(2)
@pytest.mark.parametrize("region", REGIONS)
def test_a_token_signs_the_cluster_id_and_is_accepted(command: str, region: str, environment: dict[str, str]) -> None:
    made = installation(exec=command, location=region, mappings=None)
    plugin = client_kubeconfig(made)["users"][0]["user"]["exec"]
    credential = printed(plugin, environment, plugin["apiVersion"])
    assert (credential["kind"], credential["apiVersion"]) == ("ExecCredential", plugin["apiVersion"])

    now = datetime.now(timezone.utc)
    token = token_in(json.dumps(credential))
    url = Presigned.parse(token)
    assert url.signed_headers == ("host", "x-k8s-aws-id")
    assert url.host == sts_host(region)
    for version in VERSIONS:
        assert token_refusal(token, version, now=now, partition=REGIONS[region], region=region) is None
    found = inspect_token(token, now=now, partition=REGIONS[region], region=region)
    assert (found.sts_refusal, found.access_key_id, found.region) == (None, KEY, region)


@pytest.mark.sample(1)
def test_the_signature_is_over_this_cluster_id(command: str, environment: dict[str, str]) -> None:
    """Signed again with the same key, at the same time and for the same id, it is the same."""
    plugin = client_kubeconfig(installation(exec=command))["users"][0]["user"]["exec"]
    url = Presigned.parse(token_in(json.dumps(printed(plugin, environment, None))))
    moment = datetime.strptime(url.value("x-amz-date"), "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    again = presign(Credentials(KEY, SECRET_KEY), sts_host("eu-west-1"), "eu-west-1", "dev-cluster", moment)
    assert again.rpartition("X-Amz-Signature=")[2] == url.value("x-amz-signature")


@pytest.mark.sample(2)
@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1", "v1"])
def test_a_command_answers_in_the_version_that_kubectl_asks_for(
    command: str, version: str, environment: dict[str, str]
) -> None:
    plugin = client_kubeconfig(installation(exec=command))["users"][0]["user"]["exec"]
    asked = f"client.authentication.k8s.io/{version}"
    assert printed(plugin, environment, asked)["apiVersion"] == asked


@pytest.fixture
def api_server(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """`cluster` of a kubeconfig for a TLS server on this machine, and the Authorization headers that it gets."""
    for tool in ("kubectl", "openssl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out"]
    subprocess.run([*request, str(certificate), *subject], check=True, capture_output=True)
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(Handler, context) as address:
        ca = base64.b64encode(certificate.read_bytes()).decode()
        yield {"server": address, "certificate-authority-data": ca}, seen


@pytest.mark.sample(1)
def test_kubectl_sends_the_token(
    command: str, environment: dict[str, str], api_server: tuple[dict[str, str], list[str]], tmp_path: Path
) -> None:
    cluster, seen = api_server
    made = client_kubeconfig(
        installation(exec=command, admin=None),
        server=cluster["server"],
        certificate_authority=base64.b64decode(cluster["certificate-authority-data"]),
    )
    assert made["clusters"][0]["cluster"] == cluster
    file = tmp_path / "kubeconfig"
    file.write_bytes(yaml_bytes(made))
    kubectl = ["kubectl", "--kubeconfig", str(file), "get", "--raw", "/version"]
    done = subprocess.run(kubectl, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    scheme, token = seen[0].split()
    assert scheme == "Bearer"
    assert token_refusal(token, "v0.6.20", now=datetime.now(timezone.utc)) is None
